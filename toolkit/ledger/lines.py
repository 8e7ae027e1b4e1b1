"""Rows to JSON Lines and back.

The rule of this file: one line is one row with its stamp; every value comes back as it went in, bytes and missing
values included.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import types
import typing
from datetime import UTC, datetime
from typing import Any, Final

from toolkit.errors import LedgerError
from toolkit.records import TABLES, Record, Stamp

EVIDENCE: Final = "evidence"
"""The table name of lines that keep what a decision was based on, for judging it again."""


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
    stamp = {"pull": row.stamp.pull, "seq": row.stamp.seq, "at": row.stamp.at.isoformat(), "image": row.stamp.image}
    if isinstance(row, EvidenceRow):
        body: dict[str, Any] = {"table": EVIDENCE, **stamp, "kind": row.evidence.kind, "content": row.evidence.content}
    else:
        values = {name: _plain(getattr(row.record, name)) for name in _columns(type(row.record))}
        body = {"table": row.record.TABLE, **stamp, **values}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def load(line: bytes, *, where: str) -> Row | EvidenceRow:
    """Read one line.

    Raises
    ------
    LedgerError
        It is not a line of a ledger; ``where`` tells which.
    """
    try:
        body = json.loads(line)
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


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


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
