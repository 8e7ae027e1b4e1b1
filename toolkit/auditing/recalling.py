"""What the ledger of a graph remembers, and whether it is as it was written.

The rule of this file: a broken ledger is rows, never a reason not to look at the rest; but nothing is held against a reference
by a ledger that was changed itself.
"""

from __future__ import annotations

from toolkit import fsops
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.remembered import Memories
from toolkit.records import Holding


def recalled(graph: Graph) -> tuple[Memories, tuple[Holding, ...]]:
    """Read the ledger a graph keeps, and follow its chains.

    Parameters
    ----------
    graph : Graph
        Only looked at.

    Returns
    -------
    tuple of Memories and tuple of Holding
        Nothing and no row where there is no ledger. The rows are those of ``verify_ledger``.
    """
    directory = graph.layout.ledger
    if not fsops.is_directory(directory):
        return Memories(), ()
    ledger = Ledger.load(directory, strict=False)
    memories = Memories.of(ledger)
    if any(row.outcome in ("rotten", "absent") for row in ledger.followed):
        memories.references.clear()
    return memories, ledger.followed
