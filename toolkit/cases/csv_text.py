"""A frame as CSV that a spreadsheet opens without obeying it.

The rule of this file: text stands in quotes and stays text, a number stands bare, what is missing is nothing at all. What had to
be changed to be harmless is named in the last column; the Parquet file beside it has every value as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from toolkit.cards.escaping import to_cell

if TYPE_CHECKING:
    import pandas as pd

NOTE: Final = "csv_escaped"
"""The column that names the columns whose text was changed in this row, separated by blanks."""


def csv_of(frame: pd.DataFrame) -> Iterator[bytes]:
    r"""Write a frame, a line at a time.

    >>> import pandas as pd
    >>> tags, sizes = pd.Series(["1.10", "=1+1", None], dtype="str"), pd.Series([1, None, 3], dtype="Int64")
    >>> print(b"".join(csv_of(pd.DataFrame({"tag": tags, "size": sizes}))).decode(), end="")
    "tag","size","csv_escaped"
    "1.10",1,""
    "'=1+1",,"tag"
    ,3,""
    """
    columns = [str(name) for name in frame.columns]
    missing = [frame[name].isna().tolist() for name in columns]
    values = [frame[name].tolist() for name in columns]
    yield _line(_quoted(name) for name in (*columns, NOTE))
    for row in range(len(frame)):
        yield _row(columns, [None if missing[at][row] else values[at][row] for at in range(len(columns))])


def csv_of_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Write rows that never were a frame, the same way."""
    yield _line(_quoted(name) for name in (*columns, NOTE))
    for row in rows:
        yield _row(columns, row)


def _row(columns: Sequence[str], values: Sequence[Any]) -> bytes:
    changed: list[str] = []
    cells = []
    for name, value in zip(columns, values, strict=True):
        text = _text(value)
        if text is None:
            cells.append("" if value is None else _number(value))
            continue
        cell, is_changed = to_cell(text)
        cells.append(_quoted(cell))
        if is_changed:
            changed.append(name)
    return _line([*cells, _quoted(" ".join(changed))])


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else None


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _line(cells: Iterable[str]) -> bytes:
    return (",".join(cells) + "\n").encode("utf-8")
