"""Rounds of eight processes, judged: nothing may be wrong with what they leave, however many were killed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import toolkit as tk
from support.eight import run_rounds
from toolkit import simulator
from toolkit.auditing.verifying import verify

NAMES: Final = ("clean:1", "clean:2", "duplicates:1", "legacy:1")


def judge_rounds(folder: Path, rounds: int, seed: int) -> int:
    """Let eight processes pull images that share layers, again and again; return how many were killed.

    After each round the graph is verified as the killed left it, and once more after everything was pulled in peace.
    """
    graphs = [folder / f"graph-{number}" for number in range(rounds)]
    killed = 0
    with simulator.LoopbackServer(simulator.teaching_registry()) as server:
        references = [f"{server.host}/teach/{name}" for name in NAMES]
        for root, found in zip(graphs, run_rounds(graphs, references, seed), strict=True):
            assert found["stuck"] == 0, (root, found)
            assert set(found["ended"]) <= {0}, (root, found)
            killed += int(found["killed"])
            _expect_sound(tk.Graph(root))
            for reference in references:
                assert tk.pull(reference, root).outcome == "accepted"
            graph = tk.Graph(root)
            _expect_sound(graph)
            assert {path.name for path in graph.layout.ingest.iterdir()} == {"locks"}
    return killed


def _expect_sound(graph: tk.Graph) -> None:
    report = verify(graph)
    bad = report.holdings[report.holdings["outcome"].isin(["rotten", "absent"])]
    assert report.outcome == "accepted", (graph, bad.to_dict("records"))
