"""Where kept bytes and rows lie, for somebody who runs commands there.

The rule of this file: paths are relative, made of digests and names of calls; where the folder itself lies, the reader knows.
"""

from __future__ import annotations

import re
from typing import Final

from toolkit import fsops
from toolkit.cases.by_hand import Places
from toolkit.cases.evidence import file_of
from toolkit.graph.store import Graph
from toolkit.pulling.report import Report

_CALL: Final = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)


def in_graph(report: Report) -> Places:
    """As seen from the folder of the report's graph; nothing lies anywhere when it has none."""
    graph = report.graph
    if graph is None:
        return Places(lambda _: None, None, "no folder: nothing was kept")
    root = graph.layout.root

    def evidence(digest: str) -> str | None:
        path = graph.blobs.evidence(digest)
        return None if path is None else path.relative_to(root).as_posix()

    return Places(evidence, _ledger(report.call) if _is_noted(report, graph) else None, "the folder of the graph")


def in_case(call: str, kept: frozenset[str]) -> Places:
    """As seen from the folder ``data`` of a case that holds some files."""

    def evidence(digest: str) -> str | None:
        name = file_of(digest)
        return name.removeprefix("data/") if name in kept else None

    return Places(evidence, _ledger(call), "the folder `data` of the case")


def _ledger(call: str) -> str | None:
    """The files of a call, in words for a shell; a name that could be more than a name is not given to one."""
    return f"ledger/{call}*.jsonl" if _CALL.fullmatch(call) else None


def _is_noted(report: Report, graph: Graph) -> bool:
    return report.ledger.directory == graph.layout.ledger and fsops.exists(graph.layout.ledger)
