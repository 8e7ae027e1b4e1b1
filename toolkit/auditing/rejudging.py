"""A whole ledger judged again: what was decided still follows from what was kept, or would not under other rules.

The rule of this file: calls keep their names, so that the old rows and the new ones can be laid side by side; a call that
cannot be judged again is named with the reason, never left out in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Final, overload

from toolkit.auditing.differences import differences
from toolkit.errors import LedgerError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.rejudge import rejudge as rejudge_call
from toolkit.pulling.report import Report
from toolkit.verification.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

_DECIDING: Final = frozenset({"pull", "inspect", "judge"})
"""Verbs of calls that decide about an image."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A ledger and what became of it when every decision was taken again.

    Attributes
    ----------
    before, after : Ledger
        The same calls under the same names.
    skipped : dict of str to str
        Name of a call that could not be judged again, and why.
    """

    before: Ledger
    after: Ledger
    skipped: dict[str, str]

    @property
    def differences(self) -> pd.DataFrame:
        """Every value the two disagree about; see ``toolkit.auditing.differences``."""
        frame = differences(self.before, self.after)
        return frame[frame["pull"].isin(self.after.pulls_in_order())].reset_index(drop=True)

    def __repr__(self) -> str:
        calls, different = len(self.after.pulls_in_order()), self.differences
        kept = f"; {len(self.skipped)} could not be judged again" if self.skipped else ""
        if different.empty:
            return f"{calls} calls judged again{kept}: every decision is the same"
        return f"{calls} calls judged again{kept}: {len(different)} values of {different['pull'].nunique()} calls differ"


@overload
def rejudge(
    subject: Report, *, graph: Graph | str | PathLike[str] | None = None, policy: Policy | str | None = None
) -> Report: ...


@overload
def rejudge(
    subject: Ledger | Graph | str | PathLike[str],
    *,
    graph: Graph | str | PathLike[str] | None = None,
    policy: Policy | str | None = None,
) -> Rejudged: ...


def rejudge(
    subject: Report | Ledger | Graph | str | PathLike[str],
    *,
    graph: Graph | str | PathLike[str] | None = None,
    policy: Policy | str | None = None,
) -> Report | Rejudged:
    """Take every decision again, offline, from kept evidence only.

    Parameters
    ----------
    subject : Report, Ledger, Graph or path
        One call, a ledger, or a graph with the ledger in it.
    graph : Graph or path, optional
        Where the evidence of a ledger lies, if not in the graph the ledger is part of.
    policy : Policy or str, optional
        Who decides now; each call's own policy when absent. ``"docker-1.9"`` answers: what would Docker 1.9 have said?

    Returns
    -------
    Report or Rejudged
        For a report, the report of the decisions taken again; their frames are equal to the first under the same policy. For
        a ledger, both ledgers, the ``differences`` as a frame, and the calls that could not be judged again.

    Raises
    ------
    LedgerError
        There is no ledger, or something the one call rests on was not kept.

    Examples
    --------
    >>> from toolkit.simulator.teaching import teaching_registry
    >>> graph, registry = Graph.temporary(), teaching_registry()
    >>> from toolkit.pulling.pull import pull
    >>> first = pull("teach/clean:1", graph, source=registry)
    >>> rejudge(graph)
    1 calls judged again: every decision is the same
    """
    if isinstance(subject, Report):
        report = subject if graph is None else Report(subject.ledger, subject.call, graph=Graph.of(graph))
        return rejudge_call(report, policy=policy)
    ledger, kept = _opened(subject, graph)
    after = Ledger()
    skipped: dict[str, str] = {}
    for call in ledger.pulls_in_order():
        report = Report(ledger, call, graph=kept)
        if report.has_ended and report.pull.verb not in _DECIDING:
            continue
        reason = _cannot(report)
        if reason is None:
            try:
                rejudge_call(report, policy=policy, ledger=after)
            except LedgerError as error:
                reason = error.message
        if reason is not None:
            skipped[call] = reason
    return Rejudged(ledger, after, skipped)


def _opened(
    subject: Ledger | Graph | str | PathLike[str], graph: Graph | str | PathLike[str] | None
) -> tuple[Ledger, Graph | None]:
    if not isinstance(subject, Ledger):
        kept = Graph.of(subject)
        return Ledger.load(kept.layout.ledger), kept if graph is None else Graph.of(graph)
    if graph is None and subject.directory is not None:
        around = Graph.of(subject.directory.parent)
        return subject, around if around.layout.ledger == subject.directory else None
    return subject, None if graph is None else Graph.of(graph)


def _cannot(report: Report) -> str | None:
    """Why a call holds no decision that can be taken again; None when it does."""
    if not report.has_ended:
        return "it has not ended, or was killed"
    if report.outcome == "aborted":
        return "it was stopped before it could decide"
    return None
