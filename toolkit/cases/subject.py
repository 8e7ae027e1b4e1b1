"""What a case is made of: calls of a ledger, and where their evidence is.

The rule of this file: nothing is copied and nothing is written; calls stand in the order in which they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from toolkit.cases.evidence import Shelf
from toolkit.cases.page import ended
from toolkit.errors import UsageError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.report import Report


@dataclass(frozen=True, slots=True)
class Subject:
    """Calls of one ledger, and the bytes they rest on."""

    reports: list[Report]
    store: Shelf

    @property
    def ledger(self) -> Ledger:
        """Where the calls are noted."""
        return self.reports[0].ledger


def subject_of(
    subject: Report | Ledger | Graph | str | PathLike[str],
    references: Sequence[str],
    graph: Graph | str | PathLike[str] | None,
) -> Subject:
    """Find the calls that are meant.

    Raises
    ------
    UsageError
        There is none.
    """
    kept = None if graph is None else Graph.of(graph)
    if isinstance(subject, Report):
        reports, kept, bodies = [subject], kept or subject.graph, subject.bodies
    else:
        ledger, kept = _opened(subject, kept)
        reports, bodies = [Report(ledger, call, graph=kept) for call in ledger.pulls_in_order()], {}
    meant = [report for report in reports if not references or _names(report) & set(references)]
    missing = [one for one in references if not any(one in _names(report) for report in meant)]
    if missing or not meant:
        raise UsageError(
            f"no call of the ledger asked for {missing[0]}" if missing else "there is no call to export",
            where=repr(subject),
            expected="a reference as it was given to pull or inspect",
            actual=missing[0] if missing else "an empty ledger",
            next_step="`layerproof tags --graph GRAPH` shows what was pulled; without a reference everything is exported",
        )
    return Subject(meant, Shelf(kept, bodies))


def _opened(subject: Ledger | Graph | str | PathLike[str], graph: Graph | None) -> tuple[Ledger, Graph | None]:
    if not isinstance(subject, Ledger):
        around = Graph.of(subject)
        return Ledger.load(around.layout.ledger), graph or around
    if graph is None and subject.directory is not None:
        around = Graph.of(subject.directory.parent)
        graph = around if around.layout.ledger == subject.directory else None
    return subject, graph


def _names(report: Report) -> set[str]:
    pull = ended(report)
    named = {row.stamp.image for row in report.rows if row.stamp.image}
    return named if pull is None else {*named, pull.reference, *([pull.digest] if pull.digest else [])}
