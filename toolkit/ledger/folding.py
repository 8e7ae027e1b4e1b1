"""Lines on a disk into the frame of one table, a batch at a time.

The rule of this file: of what is on the disk only a batch is ever held as Python objects, however many lines there are.
"""

from __future__ import annotations

import base64
import json
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from toolkit.errors import LedgerError
from toolkit.ledger import lines
from toolkit.ledger.chain import BODY_STARTS
from toolkit.ledger.frames import declared, frame_of, joined
from toolkit.ledger.lines import is_optional

if TYPE_CHECKING:
    import pandas as pd

BATCH: Final = 8192
"""Lines that are held at once."""


def fold(table: str, source: Iterable[bytes], *, where: str) -> pd.DataFrame:
    """Make the frame of one table of the lines of a ledger; those of other tables are passed over.

    Raises
    ------
    LedgerError
        A line is no line of this table.
    """
    mark = f'"table":"{table}",'.encode()
    mine = (line for line in source if line.startswith(mark, BODY_STARTS))
    return joined(table, [_frame(table, batch, where) for batch in _batches(mine)])


def _batches(source: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in source:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _frame(table: str, batch: Sequence[bytes], where: str) -> pd.DataFrame:
    try:
        bodies = json.loads(b"[%s]" % b",".join(batch))
        values = {name: [body[name] for body in bodies] for name in declared(table)}
        for name, annotation in declared(table).items():
            _check(name, annotation, values[name])
            if annotation in _CONVERSIONS:
                values[name] = list(map(_CONVERSIONS[annotation], values[name]))
        return frame_of(table, values)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        for line in batch:
            lines.load(line, where=where)
        raise LedgerError(
            f"the table {table} cannot be made of the ledger: {error!r}",
            where=where,
            next_step="was it written by another version of this package?",
        ) from error


def _check(name: str, annotation: Any, values: Sequence[Any]) -> None:
    """Refuse what pandas would make something else of: the text "x" for a yes, a word that is not in the vocabulary."""
    plain, optional = is_optional(annotation)
    if typing.get_origin(plain) is Literal:
        strange: set[Any] = set(values) - set(typing.get_args(plain))
    else:
        strange = set(map(type, values)) - {_WRITTEN_AS.get(plain, plain)} - ({type(None)} if optional else set())
    if strange:
        raise TypeError(f"column {name} holds {min(map(str, strange))}")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_WRITTEN_AS: Final[dict[Any, type]] = {bytes: str, datetime: str}
_CONVERSIONS: Final[dict[Any, Callable[[Any], Any]]] = {bytes: base64.b64decode, datetime: _time}
"""The types JSON has no form for, and how they come back."""
