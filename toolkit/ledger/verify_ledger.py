"""Whether a ledger is as it was written.

The rule of this file: nothing is believed that can be computed, and nothing is written.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger.shelf import look
from toolkit.records import Holding


def verify_ledger(directory: str | PathLike[str], *, head: str | None = None) -> list[Holding]:
    """Follow every chain of a ledger, and name the first line of each file that is not as it was written.

    Parameters
    ----------
    directory : path
        The ledger: ``GRAPH/ledger``.
    head : str, optional
        A hash that was noted elsewhere, ``Ledger.head`` or ``Ledger.head_of(call)``: 64 hex digits.

    Returns
    -------
    list of Holding
        A row for HEADS, one for each file, and one for each thing that was set aside. ``outcome`` is intact; rotten; absent, for
        a file that was finished and is gone; or unknown, for one that nobody finished, because it is being written or its
        writer died. ``subject`` ends in the number of the line, ``expected`` and ``actual`` are both sides.

    Raises
    ------
    LedgerError
        There is no such directory.

    Notes
    -----
    Whoever cuts the end off HEADS and takes the files away that it named leaves a shorter ledger in which everything fits:
    only ``head`` tells. The same goes for whoever writes every line anew.

    Examples
    --------
    >>> from toolkit import fsops
    >>> [(row.subject, row.outcome) for row in verify_ledger(fsops.make_temporary_directory())]
    [('HEADS', 'intact')]
    """
    path = Path(directory)
    if not fsops.is_directory(path):
        raise LedgerError(
            f"there is no ledger at {path}", where=str(path), next_step="pull into a graph: GRAPH/ledger is made by it"
        )
    return list(look(path, head=head).rows)
