"""The ledger: stamps rows, keeps them, writes them.

The rule of this file: rows are added, never changed; a row is on disk (not yet synced) when ``note`` returns, and
synced when a call ends or says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger import lines
from toolkit.ledger.lines import Evidence, EvidenceRow, Row
from toolkit.records import Record, Stamp

if TYPE_CHECKING:
    import pandas as pd

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """Every decision as a row.

    Parameters
    ----------
    directory : path, optional
        Where to keep one JSON Lines file per call; without it the ledger lives in memory.
    clock : callable, optional
        Returns the time of a row; order is ``seq``, never the clock.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.checks.shape[0]
    0
    """

    def __init__(self, directory: str | PathLike[str] | None = None, *, clock: Clock = _now) -> None:
        self.directory = None if directory is None else Path(directory)
        self._clock = clock
        self._guard = threading.Lock()
        self._rows: list[Row] = []
        self._evidence: list[EvidenceRow] = []
        self._files: dict[str, fsops.AppendedFile] = {}

    @classmethod
    def of(cls, ledger: Ledger | str | PathLike[str] | None) -> Ledger:
        """Take a ledger, or the directory of one, or make one in memory."""
        return ledger if isinstance(ledger, Ledger) else cls(ledger)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Ledger:
        """Read every call kept in a directory, oldest name first.

        Raises
        ------
        LedgerError
            There is no such directory, or a line is damaged.
        """
        ledger = cls(directory)
        path = Path(directory)
        if not path.is_dir():
            raise LedgerError(
                f"there is no ledger at {path}", where=str(path), next_step="pull into a graph: GRAPH/ledger is made by it"
            )
        for name in fsops.names(path):
            if name.endswith(".jsonl"):
                ledger._read(path / name)
        return ledger

    def open_call(self) -> Call:
        """Start a call; its rows share a name of 64 hex digits."""
        return Call(self, fsops.token(32))

    def rows(self, pull: str | None = None) -> list[Row]:
        """The rows so far, of one call or of all."""
        with self._guard:
            return [row for row in self._rows if pull is None or row.stamp.pull == pull]

    def evidence(self, pull: str | None = None) -> list[EvidenceRow]:
        """What decisions were based on, of one call or of all."""
        with self._guard:
            return [row for row in self._evidence if pull is None or row.stamp.pull == pull]

    def pulls_in_order(self) -> list[str]:
        """The names of the calls, in the order in which they began."""
        return list(dict.fromkeys(row.stamp.pull for row in self.rows()))

    def frame(self, table: str) -> pd.DataFrame:
        """The frame of one table over all calls."""
        from toolkit.ledger.frames import frame

        return frame(table, self.rows())

    def __getattr__(self, name: str) -> pd.DataFrame:
        from toolkit.records import TABLES

        if name in TABLES:
            return self.frame(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        from toolkit.records import TABLES

        return sorted({*super().__dir__(), *TABLES})

    def __repr__(self) -> str:
        rows, place = self.rows(), "in memory" if self.directory is None else str(self.directory)
        return f"Ledger({place}): {len(rows)} rows of {len({row.stamp.pull for row in rows})} calls"

    def append(self, call: str, seq: int, image: str, entries: Sequence[Record | Evidence]) -> None:
        """Stamp and keep some entries; ``Call.note`` is the way to it."""
        at = self._clock()
        rows: list[Row | EvidenceRow] = []
        for number, entry in enumerate(entries, start=seq):
            stamp = Stamp(pull=call, seq=number, at=at, image=image)
            rows.append(EvidenceRow(stamp, entry) if isinstance(entry, Evidence) else Row(stamp, entry))
        with self._guard:
            for row in rows:
                if isinstance(row, EvidenceRow):
                    self._evidence.append(row)
                else:
                    self._rows.append(row)
            if self.directory is not None:
                self._file(call, self.directory).write(b"".join(map(lines.dump, rows)))

    def sync(self, call: str) -> None:
        """Make the rows of a call durable."""
        with self._guard:
            file = self._files.pop(call, None)
            if file is not None:
                file.sync()
                file.close()

    def _file(self, call: str, directory: Path) -> fsops.AppendedFile:
        if call not in self._files:
            fsops.make_directory(directory)
            self._files[call] = fsops.AppendedFile(directory / f"{call}.jsonl")
        return self._files[call]

    def _read(self, path: Path) -> None:
        text = fsops.read(path) or b""
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            row = lines.load(line, where=f"{path}, line {number}")
            if isinstance(row, EvidenceRow):
                self._evidence.append(row)
            else:
                self._rows.append(row)


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
        """Make everything noted so far durable."""
        self.ledger.sync(self.name)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.ledger.rows(self.name))
