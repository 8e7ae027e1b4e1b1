"""What lies in the directory of a ledger: every file followed to its end, and what is wrong with it.

The rule of this file: it reads, and writes nothing. A file is believed up to its first broken line; ``judging`` says what is a
finding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger import chain, heads
from toolkit.ledger.chain import Break, Scan
from toolkit.ledger.heads import ENDING, HEADS, Entry
from toolkit.ledger.judging import File, Standing, judge, judge_heads, judge_torn, missing_heads
from toolkit.records import Holding


@dataclass(frozen=True, slots=True)
class Kept:
    """The lines of a file that can be believed.

    Attributes
    ----------
    name : str
        The file, without its ending.
    lines, evidence : int
        How many there are, and how many of them are evidence.
    head : str
        The hash of the last.
    """

    name: str
    lines: int
    evidence: int
    head: str

    @property
    def call(self) -> str:
        """The call whose rows they are."""
        return heads.call_of(self.name)

    def read(self, directory: Path) -> Iterator[bytes]:
        """Read the lines again, and check that they are the same.

        Raises
        ------
        LedgerError
            They are not what they were.
        """
        path, count, head = directory / f"{self.name}{ENDING}", 0, chain.start(self.name)
        for line in chain.whole_lines(fsops.chunks(path)):
            if count == self.lines or not line.startswith(head.encode(), len(chain.PREFIX)):
                break
            count, head = count + 1, chain.hash_of(line)
            yield line
        if (count, head) != (self.lines, self.head):
            raise LedgerError(
                f"{path.name} is not what it was when the ledger was opened",
                where=f"{path}, line {min(count, self.lines)}",
                expected=f"{self.lines} lines, the last with the hash {self.head}",
                actual=f"{count} lines, the last with the hash {head}",
                next_step="`verify_ledger` tells what became of it",
            )


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a directory.

    Attributes
    ----------
    kept : tuple of Kept
        In the order of HEADS; then those nobody finished, by their first row.
    rows : tuple of Holding
        One for HEADS, one for each file, and one for each thing set aside.
    broken : tuple of Holding
        Those that say that a finished file, one that is being written, or HEADS is not as it was written.
    heads : tuple of tuple of Entry and str
        The lines of HEADS that can be believed, each with its hash.
    """

    kept: tuple[Kept, ...]
    rows: tuple[Holding, ...]
    broken: tuple[Holding, ...]
    heads: tuple[tuple[Entry, str], ...]


def look(directory: Path, *, head: str | None = None) -> Found:
    """Follow every chain of a ledger.

    Parameters
    ----------
    directory : path
    head : str, optional
        A hash of a line of HEADS that was noted elsewhere.
    """
    there = {name.removesuffix(ENDING) for name in fsops.names(directory) if name.endswith(ENDING)}
    entries, _, _ = _heads(directory, None)
    standing: dict[str, Standing] = {}
    for name in sorted(there - {entry.name for entry, _ in entries}):
        standing[name] = "open" if fsops.is_claimed(directory / f"{name}{ENDING}") else "left"
    entries, book, unreadable = _heads(directory, head)  # again: what was open may be finished, and is no longer claimed
    finished = {entry.name: entry for entry, _ in entries if entry.name != HEADS}
    files = [_follow(directory, name, "finished", entry) for name, entry in finished.items()]
    files += sorted(
        (_follow(directory, name, standing[name], None) for name in standing if name not in finished), key=_by_first_row
    )
    rows, broken = judge_heads(book, unreadable, entries, head)
    if there and not fsops.exists(directory / HEADS):
        rows = [missing_heads()]
    unvouched = entries[-1][0].name if entries and head is None else ""
    for file in files:
        row, is_broken = judge(file, is_vouched=file.name != unvouched)
        rows.append(row)
        broken += [row] if is_broken else []
    aside = [judge_torn(directory, entry) for entry, _ in entries if entry.torn is not None]
    broken += [row for row in aside if row.outcome != "intact"]
    kept = [Kept(one.name, one.scan.lines, one.scan.evidence, one.scan.head) for one in files if one.scan is not None]
    return Found(tuple(kept), (*rows, *aside), tuple(broken), tuple(entries))


# -- reading -----------------------------------------------------------------------------------------------------


def _heads(directory: Path, head: str | None) -> tuple[list[tuple[Entry, str]], Scan, Break | None]:
    """Read HEADS: the entries before the first broken line, what the chain says, and a line that is no entry."""
    data = fsops.read(directory / HEADS) or b""
    return read_heads(data, head)


def read_heads(data: bytes, head: str | None = None) -> tuple[list[tuple[Entry, str]], Scan, Break | None]:
    """Read the bytes of HEADS: its entries, its chain, and the first line that is no entry."""
    lines = list(chain.whole_lines([data]))
    last = next((number for number, line in enumerate(lines, start=1) if chain.hash_of(line) == head), None)
    sealed = None if head is None or last != len(lines) else chain.Sealed(len(lines), head)
    scan = chain.scan(HEADS, [data], sealed)
    entries: list[tuple[Entry, str]] = []
    for number, line in enumerate(lines[: scan.lines], start=1):
        try:
            entries.append((heads.load(line, where=f"{HEADS}, line {number}"), chain.hash_of(line)))
        except LedgerError as error:
            return entries, scan, Break(number, str(error.expected), str(error.actual), error.message)
    return entries, scan, None


def _follow(directory: Path, name: str, standing: Standing, entry: Entry | None) -> File:
    path = directory / f"{name}{ENDING}"
    if not fsops.exists(path):
        return File(name, standing, None)
    first: list[bytes] = []
    scan = chain.scan(name, _noting(fsops.chunks(path), first.append), None if entry is None else entry.sealed)
    return File(name, standing, scan, b"".join(first))


def _noting(chunks: Iterable[bytes], note: Callable[[bytes], None]) -> Iterator[bytes]:
    is_first = True
    for chunk in chunks:
        if is_first:
            note(chunk[: chunk.find(b"\n") + 1])
        is_first = False
        yield chunk


def _by_first_row(file: File) -> tuple[str, str]:
    """The time of the first row; what has none, or cannot be read, comes first."""
    try:
        return str(json.loads(file.first.decode("ascii"))["at"]), file.name
    except (ValueError, KeyError, TypeError):
        return "", file.name
