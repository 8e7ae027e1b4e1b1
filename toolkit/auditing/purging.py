"""Purge something from a graph, with a tombstone in its ledger.

The rule of this file: it opens the call and makes the tombstones durable; what may be purged is decided in ``graph.purge``.
"""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike

from toolkit.graph.purge import purge as purge_from
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.remembered import remembering
from toolkit.pulling.report import Report
from toolkit.pulling.session import session
from toolkit.records import Holding
from toolkit.verification.policy import Policy


def purge(
    graph: Graph | str | PathLike[str],
    what: str,
    *,
    reason: str,
    untag: Collection[str] = (),
    force: bool = False,
    ledger: Ledger | None = None,
) -> Report:
    """Remove a blob, an image, or everything in quarantine, for good.

    Parameters
    ----------
    graph : Graph or path
    what : str
        ``sha256:…`` (a blob, or bytes in quarantine), an image ID of 64 hex digits, or ``quarantine``. Exactly that is removed:
        what it needs, or what needs it, stays.
    reason : str
        Why, in your words; it stays in the ledger.
    untag : collection of str
        References, as ``tags`` shows them, that are removed by the same call.
    force : bool
        Whether every reference that reaches it is removed by the same call.
    ledger : Ledger, optional
        Where the tombstones go; ``GRAPH/ledger`` when absent.

    Returns
    -------
    Report
        ``holdings`` has a tombstone for each thing that is gone.

    Raises
    ------
    StillReferencedError
        A reference reaches it; nothing was removed.
    GraphError
        There is no such thing, or a pull is under way.
    UsageError
        No reason is given, or what is to be purged is none of the three.

    Examples
    --------
    >>> graph = Graph.temporary()
    >>> rows = graph.prepare()
    >>> digest = graph.blobs.add(b"refused", quarantine=True)
    >>> report = purge(graph, str(digest), reason="looked at, and not needed any more")
    >>> report.holdings[["kind", "disposition", "size"]].values.tolist()
    [['quarantined', 'purged', 7]]
    """
    target = Graph.of(graph)
    recovered = target.prepare(remembering(target))
    place = str(target.layout.root)
    book = ledger if ledger is not None else Ledger(target.layout.ledger)
    with session("purge", what, place, Policy.of("strict"), book, target) as scope:
        scope.call.note(*recovered)

        def bury(tombstones: tuple[Holding, ...]) -> None:
            scope.call.note(*tombstones)
            scope.call.sync()

        gone = purge_from(target, what, reason, bury, untag=untag, force=force)
        scope.status = f"{len(gone)} purged: {reason}"
        scope.finish("accepted")
        return scope.report
