"""Rows to DataFrames with exact types, also when there are none.

The rule of this file: the type of a column follows from its declaration in ``records`` and from nothing else; text
stays text, and a missing number is missing.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
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
    return {name: dtype(annotation) for name, annotation in declared(table).items()}


def declared(table: str) -> dict[str, Any]:
    """Return the declarations of a table's columns, stamps first."""
    return columns(Stamp) | columns(TABLES[table])


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
    mine = [row for row in rows if table == row.record.TABLE]
    return frame_of(
        table, {name: [getattr(row.stamp if name in STAMPS else row.record, name) for row in mine] for name in schema(table)}
    )


def frame_of(table: str, values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Make the frame of one table of the values of its columns, each under its name."""
    import pandas as pd

    return pd.DataFrame({name: _series(name, values[name], kind) for name, kind in schema(table).items()})


def joined(table: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one table behind each other; the types stay, and a lone one is given as it is."""
    import pandas as pd

    some = [part for part in parts if len(part)]
    if not some:
        return frame(table, ())
    if len(some) == 1:
        return some[0]
    return pd.DataFrame({name: _joined(name, [part[name] for part in some]) for name in some[0].columns})


def _joined(name: str, parts: Sequence[pd.Series[Any]]) -> pd.Series[Any]:
    import pandas as pd

    if len({getattr(part.dtype, "storage", None) for part in parts}) > 1:  # text that is kept in two ways
        return _series(name, [value for part in parts for value in part.tolist()], "str")
    return pd.concat(parts, ignore_index=True)


def _series(name: str, values: Sequence[Any], kind: Any) -> pd.Series[Any]:
    import pandas as pd

    try:
        made: pd.Series[Any] = pd.Series(values, dtype=kind, name=name)
    except UnicodeEncodeError:  # half a surrogate pair, as in a file name that is no UTF-8: Arrow cannot hold it, Python can
        made = pd.Series(values, dtype=pd.StringDtype("python", na_value=float("nan")), name=name)
    return made
