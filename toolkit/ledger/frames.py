"""Rows to DataFrames with exact types, also when there are none.

The rule of this file: the type of a column follows from its declaration in ``records`` and from nothing else; text
stays text, and a missing number is missing.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from toolkit.ledger.lines import Row, columns, is_optional
from toolkit.records import TABLES, Stamp

if TYPE_CHECKING:
    import pandas as pd

STAMPS: Final = tuple(columns(Stamp))
"""The columns in front of every table's own."""


def dtype(annotation: Any) -> Any:
    """Return the pandas type of a declared column.

    Raises
    ------
    TypeError
        For a declaration nobody gave a type: found when the package is tested, not when it is used.
    """
    import pandas as pd

    plain, optional = is_optional(annotation)
    if typing.get_origin(plain) is Literal:
        return pd.CategoricalDtype(list(typing.get_args(plain)), ordered=False)
    known: dict[tuple[Any, bool], Any] = {
        (str, False): "str",
        (str, True): "str",
        (int, False): "int64",
        (int, True): "Int64",
        (bool, False): "bool",
        (bool, True): "boolean",
        (float, False): "float64",
        (bytes, False): "object",
        (datetime, False): "datetime64[us, UTC]",
    }
    if (plain, optional) not in known:
        raise TypeError(f"no type for a column declared as {annotation!r}")
    return known[plain, optional]


def schema(table: str) -> dict[str, Any]:
    """Return the pandas types of a table's columns, stamps first."""
    declared = columns(Stamp) | columns(TABLES[table])
    return {name: dtype(annotation) for name, annotation in declared.items()}


def frame(table: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Make the frame of one table.

    Parameters
    ----------
    table : str
        Name of the table.
    rows : iterable of Row
        Rows of any table; those of others are passed over.

    Returns
    -------
    pandas.DataFrame
        The columns of ``schema(table)``, one row for each record, in order; a fresh copy.
    """
    import pandas as pd

    mine = [row for row in rows if table == row.record.TABLE]
    data: dict[str, pd.Series[Any]] = {}
    for name, kind in schema(table).items():
        values: Sequence[Any] = [getattr(row.stamp if name in STAMPS else row.record, name) for row in mine]
        data[name] = pd.Series(values, dtype=kind, name=name)
    return pd.DataFrame(data)
