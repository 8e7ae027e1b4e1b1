"""Recover a graph without pulling into it.

The rule of this file: it opens the graph for writing and notes what that found; the work is done in ``graph.recovery``.
"""

from __future__ import annotations

from os import PathLike

from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.remembered import remembering
from toolkit.pulling.report import Report
from toolkit.pulling.session import session
from toolkit.verification.policy import Policy


def recover(graph: Graph | str | PathLike[str], *, ledger: Ledger | None = None) -> Report:
    """Look what earlier processes left behind in a graph, and put right what can be; every pull does the same.

    Parameters
    ----------
    graph : Graph or path
        Made when it is not there.
    ledger : Ledger, optional
        Where rows go; ``GRAPH/ledger`` when absent.

    Returns
    -------
    Report
        ``holdings`` has a row for each leftover that was removed, each download that can go on, each index that was damaged.

    Raises
    ------
    GraphError
        The graph cannot be written into.

    Examples
    --------
    >>> recover(Graph.temporary()).holdings.shape[0]
    0
    """
    target = Graph.of(graph)
    found = target.prepare(remembering(target))
    place = str(target.layout.root)
    with session("recover", place, place, Policy.of("strict"), ledger or Ledger(target.layout.ledger), target) as scope:
        scope.call.note(*found)
        scope.status = f"{len(found)} things were found" if found else "everything is in order"
        scope.finish("accepted")
        return scope.report
