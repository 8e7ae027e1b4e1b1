"""What a ledger on a disk says of itself, as rows.

The rule of this file: one place decides what is a finding. What a kill or a power cut leaves of a file nobody had finished is
told and is no sign of a change; what was finished must be as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toolkit import fsops
from toolkit.errors import GraphIOError
from toolkit.ledger import chain
from toolkit.ledger.chain import Break, Scan
from toolkit.ledger.heads import ENDING, HEADS, TORN, Entry
from toolkit.records import Holding, HoldingOutcome

Standing = Literal["finished", "open", "left"]
"""open: its writer lives; left: it does not, and nobody finished the file yet."""


@dataclass(frozen=True, slots=True)
class File:
    """One file, how it stands, and what was found; None when it is not there."""

    name: str
    standing: Standing
    scan: Scan | None
    first: bytes = b""


_OF_STANDING: Final[dict[Standing, str]] = {
    "open": "it is being written: its last line is vouched for when its call ends",
    "left": "its writer ended before its call did; the next writer adopts it",
}


def judge(file: File, *, is_vouched: bool) -> tuple[Holding, bool]:
    """The row of a file, and whether it says that what was vouched for is broken."""
    path = f"{file.name}{ENDING}"
    if file.scan is None:
        return _row(path, "heads", "absent", "a file", None, f"{HEADS} says it was finished; it is not there"), True
    broken = file.scan.broken
    if broken is not None:
        reason = broken.reason
        if file.standing == "left":
            reason = f"{reason}; nothing had finished the file, so a power cut may have left it like that"
        elif broken.by_seal and not is_vouched:
            reason = f"{reason}; unless it is {HEADS} that was changed, in a line nothing vouches for"
        outcome: HoldingOutcome = "unknown" if file.standing == "left" else "rotten"
        row = _row(path, "line", outcome, broken.expected, broken.actual, reason, line=broken.line)
        return row, file.standing != "left"
    if file.scan.torn and file.standing == "left":
        reason = f"its last line was not written to its end: {file.scan.torn} bytes; {_OF_STANDING['left']}"
        row = _row(path, "end", "unknown", "a whole line", f"{file.scan.torn} bytes", reason, line=file.scan.lines + 1)
        return row, False
    if file.standing != "finished":
        return _row(path, "heads", "unknown", f"an entry in {HEADS}", None, _OF_STANDING[file.standing]), False
    return _row(path, "line", "intact", file.scan.head, file.scan.head, f"{file.scan.lines} lines"), False


def judge_heads(
    book: Scan, unreadable: Break | None, entries: list[tuple[Entry, str]], head: str | None
) -> tuple[list[Holding], list[Holding]]:
    """The rows of HEADS, and those that say that it is broken."""
    found: list[Holding] = []
    broken: list[Holding] = []
    first = unreadable or book.broken
    if first is not None:
        broken.append(_row(HEADS, "heads", "rotten", first.expected, first.actual, first.reason, line=first.line))
    broken += _repeated(entries)
    hashes = [one for _, one in entries]
    if head is not None and head not in (*hashes, chain.start(HEADS)):
        reason = "the line whose hash was noted elsewhere is not there: it was changed, or the end of the ledger was cut off"
        broken.append(_row(HEADS, "head", "rotten", head, hashes[-1] if hashes else None, reason))
    if book.torn:
        reason = f"its last line was not written to its end: {book.torn} bytes; the next writer sets them aside"
        found.append(_row(HEADS, "end", "unknown", "a whole line", f"{book.torn} bytes", reason, line=book.lines + 1))
    if not broken and not found:
        found.append(_row(HEADS, "heads", "intact", book.head, book.head, f"{book.lines} lines"))
    return [*found, *broken], broken


def missing_heads() -> Holding:
    """The row of HEADS where there are files, and it is not there."""
    return _row(
        HEADS, "heads", "absent", "a file", None, "every writer makes it before it makes a file: it was taken away, or lost"
    )


def _repeated(entries: list[tuple[Entry, str]]) -> list[Holding]:
    seen: dict[str, int] = {}
    rows: list[Holding] = []
    for number, (entry, _) in enumerate(entries, start=1):
        if entry.name == HEADS:
            continue
        if entry.name in seen:
            reason = f"line {seen[entry.name]} says already that {entry.name}{ENDING} was finished"
            rows.append(_row(HEADS, "heads", "rotten", "a file that is finished once", entry.name, reason, line=number))
        seen.setdefault(entry.name, number)
    return rows


def judge_torn(directory: Path, entry: Entry) -> Holding:
    """The row of something that was set aside."""
    path = f"{TORN}/{entry.torn}"
    try:
        data = fsops.read(directory / TORN / str(entry.torn))
    except GraphIOError as error:
        return _row(path, "torn", "unknown", entry.torn, None, error.message)
    reason = f"what stood behind the whole lines of {entry.name} when its writer had died; it was set aside"
    if data is None:
        return _row(path, "torn", "absent", entry.torn, None, reason)
    actual = chain.hash_of(data)
    return _row(path, "torn", "intact" if actual == entry.torn else "rotten", entry.torn, actual, reason)


def _row(
    path: str,
    compared: str,
    outcome: HoldingOutcome,
    expected: str | None,
    actual: str | None,
    reason: str,
    *,
    line: int | None = None,
) -> Holding:
    return Holding(
        kind="ledger",
        subject=path if line is None else f"{path}, line {line}",
        path=f"ledger/{path}",
        compared=compared,
        expected=expected,
        actual=actual,
        outcome=outcome,
        disposition="left",
        reason=reason,
    )
