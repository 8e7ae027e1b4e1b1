"""Two ledgers of the same calls, and where they decide differently.

The rule of this file: rows are matched by what they are about, never by their place; what one ledger has and the other has
not is a difference, too.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import Row

if TYPE_CHECKING:
    import pandas as pd

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "pulls": ("verb",),
    "manifests": ("requested",),
    "descriptors": ("document", "role", "index"),
    "signatures": ("index",),
    "checks": ("rule", "subject"),
    "layers": ("manifest_index",),
    "strong_ids": ("position",),
    "reuse": ("position", "candidate", "round"),
    "tags": ("name", "reference"),
}
"""The tables of decisions, and the columns that say what a row is about, within one image of one call."""
_OF_THE_POLICY: Final = frozenset({"policy", "accepted_rules", "tool_version", "enforced", "excepted"})
"""What differs by who decides, and decides nothing."""
_COLUMNS: Final = ("pull", "image", "table", "subject", "column", "before", "after")

_Key = tuple[str, str, str, str, int]


def differences(before: Ledger, after: Ledger) -> pd.DataFrame:
    """List every value two ledgers of the same calls disagree about.

    Parameters
    ----------
    before, after : Ledger
        The second is usually what ``rejudge`` made of the first.

    Returns
    -------
    DataFrame
        pull, image, table, subject (what the row is about), column, before, after, all text. A row that only one side has
        gives one line with the column ``(row)`` and what it says in short on that side, nothing on the other.

    Examples
    --------
    >>> differences(Ledger(), Ledger()).columns.tolist()
    ['pull', 'image', 'table', 'subject', 'column', 'before', 'after']
    """
    import pandas as pd

    first, second = _keyed(before), _keyed(after)
    rows = [line for key in dict.fromkeys([*first, *second]) for line in _compared(key, first.get(key), second.get(key))]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype="str")


def _keyed(ledger: Ledger) -> dict[_Key, dict[str, Any]]:
    """Every row of a decision by what it is about; the number tells rows about the same apart."""
    found: dict[_Key, dict[str, Any]] = {}
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for row in _decisions(ledger):
        about = (row.stamp.pull, row.stamp.image, row.record.TABLE, _subject(row))
        found[(*about, seen[about])] = {
            field.name: getattr(row.record, field.name)
            for field in dataclasses.fields(row.record)
            if field.name not in _OF_THE_POLICY
        }
        seen[about] += 1
    return found


def _decisions(ledger: Ledger) -> Iterable[Row]:
    return (row for call in ledger.pulls_in_order() for row in ledger.rows(call) if row.record.TABLE in KEYS)


def _subject(row: Row) -> str:
    return " ".join(str(getattr(row.record, name)) for name in KEYS[row.record.TABLE])


def _compared(key: _Key, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[str | None, ...]]:
    about = key[:4]
    if before is None or after is None:
        there = before or after or {}
        short = " ".join(
            f"{name}={value}" for name, value in there.items() if name in ("outcome", "disposition", "reason") and value
        )
        return [(*about, "(row)", None if before is None else short, None if after is None else short)]
    return [(*about, name, _text(value), _text(after[name])) for name, value in before.items() if value != after[name]]


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
