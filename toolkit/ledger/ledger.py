"""The ledger: stamps rows, keeps them, writes them.

The rule of this file: rows are added, never changed; a row is on disk (not yet synced) when ``note`` returns, synced when a
call says so, and chained to everything before it when the call ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger import chain, lines
from toolkit.ledger.heads import HEADS, Entry, call_of
from toolkit.ledger.lines import Evidence, EvidenceRow, Row
from toolkit.ledger.open_call import OpenCall
from toolkit.ledger.shelf import Found, Kept, look, read_heads
from toolkit.ledger.writing import claimed
from toolkit.records import Holding, Record

if TYPE_CHECKING:
    import pandas as pd

Clock = Callable[[], datetime]

_REMEMBERED: Final = 50_000
"""Rows of finished calls that are kept in memory, so that a report does not read its file for every column."""


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """Every decision as a row.

    Parameters
    ----------
    directory : path, optional
        Where to keep the files of calls, and HEADS, which chains them; without it the ledger lives in memory.
    clock : callable, optional
        Returns the time of a row; order is ``seq``, never the clock.

    Attributes
    ----------
    followed : tuple of Holding
        What ``load`` found when it followed every chain: the rows of ``verify_ledger``.

    Notes
    -----
    Finished calls are read from the disk when they are asked for; of those on a disk, only the last ones stay in memory.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.checks.shape[0]
    0
    """

    def __init__(self, directory: str | PathLike[str] | None = None, *, clock: Clock = _now) -> None:
        self.directory = None if directory is None else Path(directory)
        self.followed: tuple[Holding, ...] = ()
        self._clock = clock
        self._guard = threading.RLock()
        self._open: dict[str, OpenCall] = {}
        self._kept: list[Kept] = []
        self._remembered: dict[str, list[Row | EvidenceRow]] = {}
        self._frames: dict[str, tuple[int, pd.DataFrame]] = {}
        self._owner = fsops.owner()
        self._adopted = False

    @classmethod
    def of(cls, ledger: Ledger | str | PathLike[str] | None) -> Ledger:
        """Take a ledger, or the directory of one, or make one in memory."""
        return ledger if isinstance(ledger, Ledger) else cls(ledger)

    @classmethod
    def load(cls, directory: str | PathLike[str], *, strict: bool = True) -> Ledger:
        """Open what is kept in a directory: calls in the order in which they ended, then those that did not end.

        Parameters
        ----------
        directory : path
            Nothing is written there.
        strict : bool
            Refuse a ledger in which something was changed. Otherwise each file is read up to its first broken line, and
            ``problems`` names it.

        Returns
        -------
        Ledger
            What a kill or a power cut left of a line is not in it; ``problems`` names it.

        Raises
        ------
        LedgerError
            There is no such directory; or something is not as it was written, and ``strict``.
        """
        ledger = cls(directory)
        path = Path(directory)
        if not fsops.is_directory(path):
            raise LedgerError(
                f"there is no ledger at {path}", where=str(path), next_step="pull into a graph: GRAPH/ledger is made by it"
            )
        found = look(path)
        if strict and found.broken:
            raise _not_as_written(path, found)
        ledger._kept = list(found.kept)
        ledger.followed = found.rows
        return ledger

    @classmethod
    def from_parquet(cls, directory: str | PathLike[str]) -> Ledger:
        """Read what ``to_parquet`` wrote, into a ledger in memory that is equal in every row, type and order.

        Raises
        ------
        LedgerError
            A file is missing, or is no table of a ledger.
        """
        from toolkit.ledger.parquet import read_parquet

        ledger = cls()
        for stamp, entry in read_parquet(Path(directory)):
            call = ledger._open.setdefault(stamp.pull, OpenCall(stamp.pull))
            call.add(stamp.seq, stamp.at, stamp.image, [entry])
        return ledger

    def to_parquet(self, directory: str | PathLike[str]) -> list[Path]:
        """Write every table as Parquet, and the evidence: one file each, also for tables without rows.

        Parameters
        ----------
        directory : path
            Made if need be. Nothing in it is replaced.

        Returns
        -------
        list of Path
            In the order of the tables; the evidence last. Beside the columns of the frames there is ``place``, the order over
            all tables. Text that is no Unicode makes its column one of bytes, whose metadata say so.

        Raises
        ------
        LedgerError
            One of the files is there already.
        """
        from toolkit.ledger.parquet import write_parquet

        return write_parquet(self.stamped(), Path(directory))

    # -- what is in it -------------------------------------------------------------------------------------------

    def open_call(self) -> Call:
        """Start a call; its rows share a name of 64 hex digits."""
        return Call(self, fsops.token(32))

    def rows(self, pull: str | None = None) -> list[Row]:
        """The rows so far, of one call or of all; of one call, only its own files are read."""
        return [row for row in self._stamped(pull) if isinstance(row, Row)]

    def evidence(self, pull: str | None = None) -> list[EvidenceRow]:
        """What decisions were based on, of one call or of all."""
        return [row for row in self._stamped(pull) if isinstance(row, EvidenceRow)]

    def stamped(self) -> Iterator[Row | EvidenceRow]:
        """Every row and all evidence, call by call, in the order in which they were noted; one call at a time is in memory."""
        for call in self._calls():
            yield from self._of(call, remember=False)

    def pulls_in_order(self) -> list[str]:
        """The names of the calls: those on the disk in the order in which they ended, then the others as they began."""
        with self._guard:
            rows = [one.call for one in self._kept if one.lines > one.evidence]
            return list(dict.fromkeys([*rows, *(name for name, call in self._open.items() if any(call.rows()))]))

    def frame(self, table: str) -> pd.DataFrame:
        """The frame of one table over all calls; a fresh copy."""
        from toolkit.ledger import frames
        from toolkit.ledger.folding import fold

        with self._guard:
            kept, before = list(self._kept), self._frames.get(table)
            going_on = [row for call in self._open.values() for row in call.rows()]
        known = 0 if before is None else before[0]
        parts = [] if before is None else [before[1]]
        if known < len(kept):
            assert self.directory is not None, "nothing is kept where there is no place"
            directory = self.directory
            parts += [fold(table, one.read(directory), where=f"{directory / one.name}") for one in kept[known:]]
            parts = [frames.joined(table, parts)]
            with self._guard:
                self._frames[table] = len(kept), parts[0]
        return frames.joined(table, [*parts, frames.frame(table, going_on)]).copy(deep=False)

    def __getattr__(self, name: str) -> pd.DataFrame:
        from toolkit.records import TABLES

        if name in TABLES:
            return self.frame(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        from toolkit.records import TABLES

        return sorted({*super().__dir__(), *TABLES})

    def __repr__(self) -> str:
        place = "in memory" if self.directory is None else str(self.directory)
        with self._guard:
            count = sum(one.lines - one.evidence for one in self._kept)
            count += sum(1 for call in self._open.values() for _ in call.rows())
        found = f"; {len(self.problems)} problems" if self.problems else ""
        return f"Ledger({place}): {count} rows of {len(self.pulls_in_order())} calls{found}"

    @property
    def problems(self) -> list[Holding]:
        """What ``load`` found that is not as it should be, and survived: ends of lines after a kill or a power cut."""
        return [row for row in self.followed if row.outcome in ("rotten", "absent") or _is_torn(row)]

    # -- what proves it ------------------------------------------------------------------------------------------

    @property
    def head(self) -> str:
        """The hash of the last line of HEADS as it is now: who notes it elsewhere can prove that nothing was cut off.

        Empty for a ledger in memory.
        """
        if self.directory is None:
            return ""
        entries = self._entries()
        return entries[-1][1] if entries else chain.start(HEADS)

    def head_of(self, call: str) -> str | None:
        """The hash of the line of HEADS that was written when a call ended; None when it did not end, or lives in memory."""
        return next((line for entry, line in reversed(self._entries()) if call_of(entry.name) == call), None)

    def _entries(self) -> list[tuple[Entry, str]]:
        return [] if self.directory is None else read_heads(fsops.read(self.directory / HEADS) or b"")[0]

    # -- writing -------------------------------------------------------------------------------------------------

    def append(self, call: str, seq: int, image: str, entries: Sequence[Record | Evidence]) -> None:
        """Stamp and keep some entries; ``Call.note`` is the way to it."""
        if not entries:
            return
        at = self._clock()
        with self._guard:
            going_on = self._open.get(call)
            if going_on is None:
                going_on = self._open[call] = OpenCall(call)
            going_on.add(seq, at, image, entries)
            if self.directory is not None:
                self._refuse_a_child(call)
                going_on.write(self.directory, adopting=not self._adopted)
                self._adopted = True

    def sync(self, call: str) -> None:
        """Make the rows of a call durable; if it ended, its file is finished, too."""
        with self._guard:
            going_on = self._open.get(call)
            if going_on is not None and self.directory is not None:
                self._refuse_a_child(call)
                if going_on.written < len(going_on.noted):
                    going_on.write(self.directory, adopting=False)
                going_on.sync()
                if going_on.ended:
                    self._finish(going_on, self.directory)

    def end(self, call: str) -> None:
        """Make the rows of a call durable and finish its file, whatever its rows say."""
        with self._guard:
            if call in self._open:
                self._open[call].ended = True
        self.sync(call)

    def _finish(self, going_on: OpenCall, directory: Path) -> None:
        try:
            with claimed(directory) as book:
                going_on.finish(book)
        finally:
            self._shelve(going_on)

    def _shelve(self, going_on: OpenCall) -> None:
        """Count a call among the kept ones if its file is finished; what is noted then goes into a further file."""
        kept = going_on.kept()
        if kept is not None:
            rows = list(going_on.stamped())
            before = self._remembered.pop(going_on.name, None)
            if before is not None or all(one.call != going_on.name for one in self._kept):
                self._remember(going_on.name, [*(before or []), *rows])
            self._kept.append(kept)
            del self._open[going_on.name]

    def _refuse_a_child(self, call: str) -> None:
        if fsops.owner() != self._owner:
            raise LedgerError(
                "a ledger was taken along into another process; its files belong to the first one",
                where=call,
                next_step="open the ledger of the directory anew in each process",
            )

    # -- reading -------------------------------------------------------------------------------------------------

    def _calls(self) -> list[str]:
        with self._guard:
            return list(dict.fromkeys([*(one.call for one in self._kept), *self._open]))

    def _stamped(self, pull: str | None) -> Iterator[Row | EvidenceRow]:
        return self.stamped() if pull is None else iter(self._of(pull, remember=True))

    def _of(self, call: str, *, remember: bool) -> list[Row | EvidenceRow]:
        with self._guard:
            kept = [one for one in self._kept if one.call == call]
            found = self._remembered.get(call)
            going_on = self._open.get(call)
            rows = [] if going_on is None else [*going_on.stamped()]
        if found is None and kept:
            found = [row for one in kept for row in self._read(one)]
            if remember:
                with self._guard:
                    self._remember(call, found)
        return [*(found or ()), *rows]

    def _read(self, kept: Kept) -> Iterator[Row | EvidenceRow]:
        assert self.directory is not None, "nothing is kept where there is no place"
        for number, line in enumerate(kept.read(self.directory), start=1):
            yield lines.load(line, where=f"{self.directory / kept.name}, line {number}")

    def _remember(self, call: str, rows: list[Row | EvidenceRow]) -> None:
        """Keep the rows of a finished call, and let the oldest go that are too many."""
        self._remembered[call] = rows
        total = sum(map(len, self._remembered.values()))
        for name in list(self._remembered):
            if total <= _REMEMBERED:
                break
            total -= len(self._remembered.pop(name))


def _not_as_written(path: Path, found: Found) -> LedgerError:
    first = found.broken[0]
    return LedgerError(
        f"the ledger is not as it was written: {first.reason}",
        where=str(path / first.subject),
        expected=first.expected,
        actual=first.actual,
        next_step="keep it as it is; `verify_ledger` names everything; `Ledger.load(..., strict=False)` reads what is sound",
    )


class Call:
    """The scope in which one call notes its rows; thread-safe."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.ledger = ledger
        self.name = name
        self.image = ""
        self._guard = threading.Lock()
        self._seq = 0

    def note(self, *entries: Record | Evidence) -> None:
        """Add rows, or evidence, in order."""
        with self._guard:
            self.ledger.append(self.name, self._seq, self.image, entries)
            self._seq += len(entries)

    def sync(self) -> None:
        """Make everything noted so far durable; after the row of the call itself, the call is finished."""
        self.ledger.sync(self.name)

    def end(self) -> None:
        """Finish a call that has no row of its own."""
        self.ledger.end(self.name)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.ledger.rows(self.name))


def _is_torn(row: Holding) -> bool:
    """Whether a row says that a line is not whole in a file nobody finished: that is no change, and something is lost."""
    return row.outcome == "unknown" and row.compared in ("line", "end")
