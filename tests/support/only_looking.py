"""A program that does everything one can do with a graph that must not change, and tells what it tried to write there.

The rule of this file: it is run as a process of its own, because a hook cannot be taken away again. It prints one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import toolkit as tk

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate"),
    *("os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree", "fcntl.lockf", "fcntl.flock"),
}
tried: list[str] = []


def watch(root: str) -> None:
    """Note every attempt to change something below a directory."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(flags, int) and flags & WRITING) or (isinstance(mode, str) and set(mode) & set("wax+"))
            if writes and str(path).startswith(root):
                tried.append(f"open {path} {mode} {flags}")
        elif event in CHANGES and any(str(one).startswith(root) for one in arguments):
            tried.append(f"{event} {arguments}")

    sys.addaudithook(hook)


def main(root: str) -> None:
    """Look at everything; what may not be done is tried, too."""
    from toolkit.auditing.purging import purge
    from toolkit.auditing.recovering import recover
    from toolkit.auditing.verifying import verify
    from toolkit.simulator import teaching_registry

    registry = teaching_registry()
    watch(root)
    graph = tk.Graph(root)
    done: dict[str, object] = {
        "read-only": graph.is_read_only,
        "images": len(graph),
        "tags": graph.tags.all(),
        "repr": repr(graph),
    }
    ledger = tk.Ledger.load(graph.layout.ledger)
    done["checks"] = len(ledger.checks)
    done["mismatches"] = len(ledger.frame("holdings"))
    body = registry.manifests["teach/clean"]["1"].body
    done["judge"] = tk.judge(body, "teach/clean:1").outcome
    done["inspect"] = tk.inspect("teach/clean:1", source=registry, graph=graph).outcome
    done["inspect a lie"] = tk.inspect("teach/tampered:blob-byte", source=registry, graph=graph).outcome
    done["explain"] = len(str(tk.explain(tk.Report(ledger, ledger.pulls_in_order()[0], graph=graph), position=0)))
    done["rejudge"] = len(tk.rejudge(graph).differences)
    report = verify(graph, quarantine=False)
    done["verify"] = [report.outcome, sorted(set(report.holdings["outcome"]))]
    verbs: dict[str, Callable[[], tk.Report]] = {
        "pull": lambda: tk.pull("teach/clean:2", graph, source=registry),
        "purge": lambda: purge(graph, "quarantine", reason="x"),
        "recover": lambda: recover(graph),
        "verify and mend": lambda: verify(graph),
    }
    for name, verb in verbs.items():
        try:
            verb()
        except tk.errors.GraphIOError as error:
            done[name] = error.actual
    sys.stdout.write(json.dumps({"done": done, "tried": tried}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
