"""No byte of a graph can change without ``verify`` naming the file it is in (threat F4)."""

from __future__ import annotations

from pathlib import Path

from support.tiny import files_of, tiny_graph

from toolkit.auditing.examine import examine
from toolkit.auditing.known import Known
from toolkit.auditing.recalling import recalled
from toolkit.auditing.subset import Subset
from toolkit.auditing.verifying import verify
from toolkit.records import Holding

WHOLE_CALL_EVERY = 16
"""Of so many bytes, one is tried through the whole call; the others do without reading the same ledger and writing a report."""


def test_every_byte_that_changes_is_named_by_its_file(tmp_path: Path) -> None:
    """Every byte of every file but the locks and the ledger, which has proofs of its own."""
    graph = tiny_graph(tmp_path / "graph")
    memories, _ = recalled(graph)
    tried = 0
    silent: list[tuple[str, int]] = []
    for path in files_of(graph):
        name, data = str(path.relative_to(graph.layout.root)), path.read_bytes()
        path.chmod(0o600)
        for place in range(len(data)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            tried += 1
            if tried % WHOLE_CALL_EVERY:
                rows = [row for found in examine(graph, memories, Subset(), Known()) for row in found.rows]
            else:
                report = verify(graph, quarantine=False)
                rows = report.records(Holding)
                assert report.outcome == "rejected" or _is_other_gzip(rows)
            if not _is_named(rows, name):
                silent.append((name, place))
        path.write_bytes(data)
    assert silent == []
    assert tried > 5_000
    assert verify(graph, quarantine=False).outcome == "accepted"


def _is_named(rows: list[Holding], name: str) -> bool:
    """Whether a file is named as rotten, or a reference in it as missing."""
    return any(row.path == name and row.outcome in ("rotten", "absent") for row in rows) or _is_other_gzip(rows)


def _is_other_gzip(rows: list[Holding]) -> bool:
    """Whether the same text is compressed in other bytes: nobody can tell which they were, and that is what is said."""
    return any(row.compared == "tar-data" and row.outcome == "unknown" for row in rows)
