"""Rows of declared tables to DataFrames with exact types.

The rule of this file: the type of a column follows from its declaration and from nothing else, as in the ledger; there are no
stamps in front, for nothing here was decided by a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from toolkit.ledger.frames import dtype
from toolkit.ledger.lines import columns

if TYPE_CHECKING:
    import pandas as pd


def table(kind: type, rows: Iterable[Any], **same: str) -> pd.DataFrame:
    """Make the frame of one table.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are declared with ``column``.
    rows : iterable
        Its rows, taken one at a time.
    **same : str
        Columns in front that are the same in every row.

    Returns
    -------
    pandas.DataFrame
        One column for each field, with the same types when there are no rows.

    Examples
    --------
    >>> from toolkit.records import Tag
    >>> list(table(Tag, [], image="app").columns)[:3]
    ['image', 'name', 'reference']
    """
    import pandas as pd

    declared = columns(kind)
    values: dict[str, list[Any]] = {name: [] for name in declared}
    places = [(name, found.append) for name, found in values.items()]
    count = 0
    for row in rows:
        count += 1
        for name, append in places:
            append(getattr(row, name))
    front = {name: pd.Series([value] * count, dtype="str", name=name) for name, value in same.items()}
    return pd.DataFrame(front | {name: pd.Series(values[name], dtype=dtype(declared[name]), name=name) for name in declared})
