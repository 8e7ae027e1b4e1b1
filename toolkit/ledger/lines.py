"""Rows to JSON Lines and back.

The rule of this file: one line is one row with its stamp; every value comes back as it went in, bytes and missing
values included.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import operator
import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _text
from typing import Any, Final

from toolkit.errors import LedgerError
from toolkit.records import TABLES, Record, Stamp

EVIDENCE: Final = "evidence"
"""The table name of lines that keep what a decision was based on, for judging it again."""
_JSON: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A stamped record."""

    stamp: Stamp
    record: Record


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision was based on: a kind and its plain JSON content."""

    kind: str
    content: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Stamped evidence."""

    stamp: Stamp
    evidence: Evidence


def dump(row: Row | EvidenceRow) -> bytes:
    """Write one line."""
    entry = row.evidence if isinstance(row, EvidenceRow) else row.record
    return dump_entry(entry, row.stamp.pull, row.stamp.seq, row.stamp.at.isoformat(), row.stamp.image)


def dump_entry(entry: Record | Evidence, pull: str, seq: int, at: str, image: str) -> bytes:
    """Write one line of something that is not stamped yet; ``at`` is the time in ISO 8601."""
    if isinstance(entry, Evidence):
        table, values = EVIDENCE, f'"kind":{_text(entry.kind)},"content":{_JSON.encode(entry.content)}'
    else:
        template, get = _writing(type(entry))
        table, values = entry.TABLE, template % tuple([_WRITTEN[type(value)](value) for value in get(entry)])
    stamp = f'{{"table":"{table}","pull":{_text(pull)},"seq":{seq},"at":"{at}","image":{_text(image)},'
    return f"{stamp}{values}}}\n".encode("ascii")


_WRITTEN: Final[dict[type, Callable[[Any], str]]] = {
    str: _text,
    int: repr,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    float: _JSON.encode,
    bytes: lambda value: f'"{base64.b64encode(value).decode("ascii")}"',
}
"""Every type a column may have, and how JSON writes it: three times as fast as asking the encoder for a whole row."""
_TEMPLATES: Final[dict[type, tuple[str, Callable[[Record], tuple[Any, ...]]]]] = {}


def _writing(table: type) -> tuple[str, Callable[[Record], tuple[Any, ...]]]:
    """The members of a table's line, and how to get their values."""
    if table not in _TEMPLATES:
        names = list(_columns(table))
        _TEMPLATES[table] = ",".join(f'"{name}":%s' for name in names), operator.attrgetter(*names)
    return _TEMPLATES[table]


def load(line: bytes, *, where: str) -> Row | EvidenceRow:
    """Read one line.

    Raises
    ------
    LedgerError
        It is not a line of a ledger; ``where`` tells which.
    """
    try:
        body = json.loads(line.decode("ascii"))
        stamp = Stamp(
            pull=body["pull"], seq=body["seq"], at=datetime.fromisoformat(body["at"]).astimezone(UTC), image=body["image"]
        )
        if body["table"] == EVIDENCE:
            return EvidenceRow(stamp, Evidence(body["kind"], body["content"]))
        table = TABLES[body["table"]]
        values = {name: _typed(annotation, body[name]) for name, annotation in _columns(table).items()}
        return Row(stamp, table(**values))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LedgerError(
            f"not a line of a ledger: {error!r}",
            where=where,
            actual=line[:80].decode("ascii", "backslashreplace"),
            next_step="what stands before this line is good; keep the file as it is",
        ) from error


def _typed(annotation: Any, value: Any) -> Any:
    return base64.b64decode(value) if annotation is bytes else value


_COLUMNS: Final[dict[type, dict[str, Any]]] = {}


def _columns(table: type) -> dict[str, Any]:
    if table not in _COLUMNS:
        hints = typing.get_type_hints(table)
        _COLUMNS[table] = {field.name: hints[field.name] for field in dataclasses.fields(table)}
    return _COLUMNS[table]


def is_optional(annotation: Any) -> tuple[Any, bool]:
    """Split ``X | None`` into X and whether None is allowed."""
    if isinstance(annotation, types.UnionType):
        rest = [part for part in typing.get_args(annotation) if part is not type(None)]
        return rest[0], len(rest) < len(typing.get_args(annotation))
    return annotation, False


def columns(table: type) -> dict[str, Any]:
    """The columns of a table with their resolved types, in order."""
    return dict(_columns(table))
