"""Verify a graph: read everything again and say what is no longer what it was.

The rule of this file: a thing that is not right is a row and the rest goes on; what was purged on purpose is not missing; what
could not be read is not called right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike

from toolkit import fsops
from toolkit.auditing.aside import set_aside
from toolkit.auditing.examine import examine
from toolkit.auditing.holding import UNREAD
from toolkit.auditing.known import Known
from toolkit.auditing.recalling import recalled
from toolkit.auditing.subset import Subset
from toolkit.errors import GraphError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.remembered import Memories
from toolkit.pulling.report import Report
from toolkit.pulling.session import session
from toolkit.records import Holding, PullOutcome
from toolkit.verification.policy import Policy


def verify(
    graph: Graph | str | PathLike[str], *, subset: str | None = None, quarantine: bool = True, ledger: Ledger | None = None
) -> Report:
    """Read everything a graph holds again, and compare it with what it should be.

    Parameters
    ----------
    graph : Graph or path
    subset : str, optional
        ``n/t``: only the n-th of t parts, so that a large graph can be verified a little at a time; the parts together are
        everything. Which part a thing is in follows from its digest.
    quarantine : bool
        Whether the graph is opened for writing: then it is recovered first, and what rotted is moved to quarantine under its
        own digest. Without it nothing is written at all, so that a read-only graph can be verified.
    ledger : Ledger, optional
        Where rows go; ``GRAPH/ledger`` when absent, memory when nothing may be written.

    Returns
    -------
    Report
        ``holdings`` has a row for every comparison: blobs with their digest, size and diff ID; every file of Docker 1.9's image
        directories; chain IDs; tags and the OCI index, with what they name and with the ledger; the ledger itself; quarantine
        and unfinished downloads. ``outcome`` is ``rejected`` when something rotted or is missing, ``undecided`` when something
        could not be read.

    Raises
    ------
    GraphError
        There is no graph, or it is to be written into and cannot be.
    UsageError
        ``subset`` is not of the form ``n/t``.

    Notes
    -----
    Origin: contract 33 to 35. Memory grows with the number of things, not with their size.

    Examples
    --------
    >>> from toolkit.pulling.pull import pull
    >>> from toolkit.simulator.teaching import teaching_registry
    >>> graph = Graph.temporary()
    >>> image = pull("teach/clean:1", graph, source=teaching_registry()).image_id
    >>> report = verify(graph)
    >>> report.outcome, set(report.holdings["outcome"])
    ('accepted', {'intact'})
    """
    target, part = Graph.of(graph), Subset.parse(subset)
    if not fsops.is_directory(target.layout.root):
        raise GraphError(
            f"there is no graph at {target.layout.root}",
            where=str(target.layout.root),
            next_step="a graph is made by the first pull into it",
        )
    memories, ledger_rows = recalled(target)
    recovered = target.prepare(memories.remembered) if quarantine else ()
    place = str(target.layout.root)
    book = ledger if ledger is not None else Ledger(target.layout.ledger if quarantine else None)
    with session("verify", place, place, Policy.of("strict"), book, target) as scope:
        counts = _Counts()
        scope.call.note(*counts.of((*(row for row in ledger_rows if part.takes_name(row.path)), *recovered)))
        known = Known()
        for found in examine(target, memories, part, known):
            rows = set_aside(target, found, known) if quarantine else found.rows
            scope.call.note(*counts.of(_with_tombstone(row, memories) for row in rows))
        scope.status = counts.said(part)
        scope.finish(counts.outcome, counts.error(place, part, quarantine=quarantine))
        return scope.report


def _with_tombstone(row: Holding, memories: Memories) -> Holding:
    """What is missing because it was purged is not missing."""
    if row.outcome != "absent":
        return row
    named = (row.expected or "", (row.expected or "").partition(":")[2], row.subject)
    purged = next((memories.purged[name] for name in named if name in memories.purged), None)
    if purged is None:
        return row
    return replace(row, disposition="purged", reason=f"it was purged: {purged.reason}")


class _Counts:
    """What became of everything that was compared."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._first = ""

    def of(self, rows: Iterable[Holding]) -> tuple[Holding, ...]:
        """Count rows and hand them on."""
        counted = tuple(rows)
        for row in counted:
            kind = _word(row)
            self._outcomes[kind] += 1
            if kind in ("rotten", "absent") and not self._first:
                self._first = f"{row.kind} {row.subject}: {row.compared}"
        return counted

    @property
    def outcome(self) -> PullOutcome:
        """How the call ends."""
        if self._outcomes["rotten"] or self._outcomes["absent"]:
            return "rejected"
        return "undecided" if self._outcomes["unread"] else "accepted"

    def said(self, part: Subset) -> str:
        """Everything in a sentence."""
        what = "everything" if part.is_all else f"part {part.number} of {part.parts}"
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self._outcomes.items()))
        return f"{what} was read again: {counts or 'there is nothing'}"

    def error(self, place: str, part: Subset, *, quarantine: bool) -> GraphError | None:
        """What is wrong in short; None when nothing is."""
        if self.outcome == "accepted":
            return None
        wrong = self._outcomes["rotten"] + self._outcomes["absent"]
        rotten = self.outcome == "rejected"
        message = (
            f"{wrong} comparisons failed, first {self._first}" if rotten else f"{self._outcomes['unread']} things cannot be read"
        )
        step = "see the frame `holdings`" + ("; pull again what was moved to quarantine" if quarantine else "")
        return GraphError(
            f"{message}; {self.said(part)}", where=place, next_step=step, code="graph-rotten" if rotten else "graph-unreadable"
        )


def _word(row: Holding) -> str:
    if row.outcome == "absent" and row.disposition == "purged":
        return "purged"
    if row.outcome == "unknown" and row.compared == UNREAD:
        return "unread"
    return row.outcome
