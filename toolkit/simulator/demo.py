"""The main job in one minute, offline: a clean image accepted, a tampered one refused, both explained.

The rule of this file: it is the library's own verbs over a real loopback connection, with words between them.
"""

from __future__ import annotations

from os import PathLike

from toolkit import fsops
from toolkit.errors import VerificationError
from toolkit.graph.store import Graph
from toolkit.pulling.inspect import inspect
from toolkit.pulling.pull import pull
from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.teaching import teaching_registry

_TAMPERED = "blob-byte"


def demo(graph: str | PathLike[str] | None = None) -> int:
    """Run the demonstration; return the exit status: 0 when everything came out as it must."""
    registry = teaching_registry()
    target = Graph(fsops.make_temporary_directory() if graph is None else graph)
    with LoopbackServer(registry) as server:
        clean, tampered = f"{server.host}/teach/clean:1", f"{server.host}/teach/tampered:{_TAMPERED}"
        print(f"A teaching registry runs at {server.host}; nothing leaves this machine.\n")
        print("1. A clean image is pulled, verified and registered\n")
        accepted = pull(clean, target)
        print(accepted)
        print("\n2. The same again: what is there is verified, not fetched\n")
        print(f"   {pull(clean, target).pull.status}")
        about = registry.manifests["teach/tampered"][_TAMPERED].about
        print(f"\n3. A tampered image is refused. The lie: {about}\n")
        try:
            pull(tampered, target)
        except VerificationError as error:
            print(error.report)
            print(f"\n{error}")
            refused = True
        else:
            refused = False
        print("\n4. What Docker 1.9 would have let through: a manifest with layers added after the signed part\n")
        attack = f"{server.host}/teach/tampered:unsigned-layers"
        verdicts = {policy: inspect(attack, policy=policy).outcome for policy in ("docker-1.9", "strict")}
        print("   " + ", ".join(f"{policy}: {outcome}" for policy, outcome in verdicts.items()))
    print(_NEXT.format(graph=target.layout.root))
    passed = accepted.outcome == "accepted" and refused and verdicts == {"docker-1.9": "accepted", "strict": "rejected"}
    return 0 if passed else 1


_NEXT = """
Where to look next
  layerproof rules                  every rule, where it comes from, who enforces it
  layerproof lab serve              the teaching registry, to be pulled from another terminal
  notebooks/01_first_pull.ipynb     the same in a notebook, with every decision as a table
  {graph}
                                    the graph: images/, blobs/, quarantine/, ledger/ are plain files;
                                    remove it when you have seen enough"""
