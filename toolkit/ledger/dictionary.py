"""The data dictionary as a page: every table, every column.

The rule of this file: it is made from the declarations in ``records``; ``data/README.md`` is its output and a test
compares the two.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Final, Literal

from toolkit.ledger.lines import columns, is_optional
from toolkit.records import TABLES, Stamp

_TYPES: Final[dict[Any, str]] = {str: "text", int: "integer", bool: "yes or no", float: "number", bytes: "bytes"}
_HEAD: Final = """\
# The tables

Made from `toolkit/records.py` by `make data`; do not edit.

Every frame of a report or ledger begins with these columns, and has the same types when it is empty. A column that may
be missing says so. Digests and IDs stand in full.
"""


def markdown() -> str:
    """Write the page.

    >>> markdown().splitlines()[0]
    '# The tables'
    """
    parts = [_HEAD, _table(Stamp)]
    for name, record in TABLES.items():
        parts += [f"\n## {name}\n", f"{(record.__doc__ or '').strip()}\n", _table(record)]
    return "\n".join(parts) + "\n"


def _table(record: type) -> str:
    hints = columns(record)
    lines = ["| column | type | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(record):
        unit = f" [{field.metadata['unit']}]" if field.metadata["unit"] else ""
        lines.append(f"| {field.name} | {_type(hints[field.name])} | {field.metadata['meaning']}{unit} |")
    return "\n".join(lines)


def _type(annotation: Any) -> str:
    plain, optional = is_optional(annotation)
    if typing.get_origin(plain) is Literal:
        text = "one of " + ", ".join(typing.get_args(plain))
    else:
        text = _TYPES.get(plain, "time, UTC")
    return f"{text}; may be missing" if optional else text
