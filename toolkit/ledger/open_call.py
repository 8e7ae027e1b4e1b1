"""The rows of a call that goes on, in memory and, if the ledger has a place, in its file.

The rule of this file: a row is kept in memory first; what could not be written is written before anything else is. A row gets
its stamp when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from toolkit.ledger.lines import Evidence, EvidenceRow, Row, dump_entry
from toolkit.ledger.shelf import Kept
from toolkit.ledger.writing import CallFile, Heads, adopt, claimed
from toolkit.records import Pull, Record, Stamp

Noted = tuple[int, datetime, str, Record | Evidence]
"""Number, time, image, and what was noted."""


@dataclass(slots=True)
class OpenCall:
    """A call that goes on."""

    name: str
    noted: list[Noted] = field(default_factory=list)
    file: CallFile | None = None
    written: int = 0
    ended: bool = False

    def add(self, seq: int, at: datetime, image: str, entries: Sequence[Record | Evidence]) -> None:
        """Keep some entries in memory."""
        for number, entry in enumerate(entries, start=seq):
            self.noted.append((number, at, image, entry))
            if isinstance(entry, Pull):
                self.ended = entry.outcome != "running"

    def write(self, directory: Path, *, adopting: bool) -> None:
        """Write what is not in the file yet; with ``adopting``, look for the files of the dead before a file is made."""
        if self.file is None:
            with claimed(directory) as book:
                if adopting:
                    adopt(directory, book)
                self.file = CallFile(directory, self.name, book)
        if self.file.is_poisoned:
            with claimed(directory) as book:
                self.file.renew(self._lines(0), book)
        else:
            self.file.write(self._lines(self.written))
        self.written = len(self.noted)

    def sync(self) -> None:
        """Make what was written durable."""
        if self.file is not None:
            self.file.sync()

    def finish(self, book: Heads) -> None:
        """Write down that the file is finished."""
        if self.file is not None:
            self.file.finish(book)

    def kept(self) -> Kept | None:
        """What a finished file holds; None when there is none."""
        if self.file is None or not self.file.is_finished:
            return None
        return Kept(self.file.name, self.file.lines, self.file.evidence, self.file.head)

    def stamped(self) -> Iterator[Row | EvidenceRow]:
        """Rows and evidence so far, in the order in which they were noted."""
        for seq, at, image, entry in self.noted:
            stamp = Stamp(pull=self.name, seq=seq, at=at, image=image)
            yield EvidenceRow(stamp, entry) if isinstance(entry, Evidence) else Row(stamp, entry)

    def rows(self) -> Iterator[Row]:
        """The rows so far."""
        return (row for row in self.stamped() if isinstance(row, Row))

    def _lines(self, start: int) -> Iterator[bytes]:
        last, text = None, ""
        for seq, at, image, entry in self.noted[start:]:
            if at is not last:  # all that is noted at once has one time
                last, text = at, at.isoformat()
            yield dump_entry(entry, self.name, seq, text, image)
