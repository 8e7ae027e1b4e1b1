"""HEADS: what chains the files of a ledger, one line for each file that is finished.

The rule of this file: a line says one thing in one way, so that a line that reads differently was not written here. Nothing
here touches a file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import LedgerError
from toolkit.ledger.chain import BODY_STARTS, Sealed, link

HEADS: Final = "HEADS"
"""The name of the file."""
TORN: Final = "torn"
"""The folder of what a power cut or a kill left of a line, each under its own hash."""
ENDING: Final = ".jsonl"
_NAME: Final = re.compile(r"[0-9A-Za-z_-]{1,128}(?:\.[1-9][0-9]{0,8})?", re.ASCII)
_NAME_STARTS: Final = BODY_STARTS + len('"name":"')
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of HEADS.

    Attributes
    ----------
    name : str
        The file, without its ending; HEADS itself where its own torn end was set aside.
    lines, head : int, str
        How many lines the file has, and the hash of the last.
    adopted : bool
        Whether its writer died, and another finished it.
    torn : str or None
        The hash of what was behind the lines and was set aside.
    """

    name: str
    lines: int
    head: str
    adopted: bool = False
    torn: str | None = None

    @property
    def sealed(self) -> Sealed:
        """What it says of its file."""
        return Sealed(self.lines, self.head)


def call_of(name: str) -> str:
    """The call whose rows are in a file: its name, without the number of a later part.

    >>> call_of("ab.2")
    'ab'
    """
    return name.partition(".")[0]


def is_name(name: str) -> bool:
    """Whether a text may be the name of a file of a ledger."""
    return _NAME.fullmatch(name) is not None


def name_in(line: bytes) -> str:
    """The name in a line, read by its place only; of a line that is broken, anything."""
    return line[_NAME_STARTS : line.find(b'"', _NAME_STARTS)].decode("ascii", "replace")


def dump(prev: str, entry: Entry) -> bytes:
    """Write a line."""
    body = {"name": entry.name, "lines": entry.lines, "head": entry.head, "adopted": entry.adopted, "torn": entry.torn}
    return link(prev, json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n")


def load(line: bytes, *, where: str) -> Entry:
    """Read a line.

    Raises
    ------
    LedgerError
        It is not exactly as it would be written.
    """
    try:
        body: dict[str, Any] = json.loads(line.decode("ascii"))
        entry = Entry(name=body["name"], lines=body["lines"], head=body["head"], adopted=body["adopted"], torn=body["torn"])
        prev = body["prev"]
        if _is_sound(prev, entry) and dump(prev, entry) == line:
            return entry
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused(line, where) from error
    raise _refused(line, where)


def _is_sound(prev: str, entry: Entry) -> bool:
    hashes = [prev, entry.head] if entry.torn is None else [prev, entry.head, entry.torn]
    return (
        is_name(entry.name)
        and type(entry.lines) is int
        and entry.lines >= 0
        and type(entry.adopted) is bool
        and all(_HASH.fullmatch(one) for one in hashes)
    )


def _refused(line: bytes, where: str) -> LedgerError:
    return LedgerError(
        f"not a line of {HEADS}",
        where=where,
        expected="prev, name, lines, head, adopted, torn, written without blanks",
        actual=line[:80].decode("ascii", "backslashreplace"),
        next_step="keep the ledger as it is; `verify_ledger` names what is broken",
    )
