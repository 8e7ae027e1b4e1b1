"""Everything that was told, for whoever listens, whenever they come.

The rule of this file: who tells waits for nobody, and who listens starts at the beginning. The one file of this room that
waits, and only a listener ever does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

from toolkit.errors import UsageError

Entry = TypeVar("Entry")


class History(Generic[Entry]):
    """What one call tells, kept in order; any number of threads may write and follow.

    Docker 1.9 had this as a broadcaster that pushed into its observers. There ``close`` waited until the slowest of them
    had heard everything, with the lock of the whole tag store held (weakness W7), and who came after ``close`` was refused.
    Here listeners pull: ``close`` returns at once, and following after it gives the whole history and ends.

    Entries are values: texts, bytes or steps.

    >>> history = History[str]()
    >>> history.write("one")
    >>> history.close()
    >>> list(history.follow())
    ['one']
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._closed = False
        self._error: BaseException | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def write(self, entry: Entry) -> None:
        """Append an entry.

        Raises
        ------
        UsageError
            After ``close``, with the model's text.
        """
        with self._changed:
            if self._closed:
                raise UsageError(
                    "attempted write to a closed broadcaster.Buffered",
                    next_step="close a history after its last entry; listeners are not waited for",
                )
            self._entries.append(entry)
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Say that nothing more will come, and why; only the first call counts."""
        with self._changed:
            if not self._closed:
                self._closed = True
                self._error = error
                self._changed.notify_all()

    def follow(self) -> Iterator[Entry]:
        """Go through all entries from the very first, each at the listener's pace; end after ``close``."""
        position = 0
        while fresh := self._after(position):
            yield from fresh
            position += len(fresh)

    def wait(self, timeout: float | None = None) -> BaseException | None:
        """Wait for ``close`` and return its error.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without end when absent.

        Raises
        ------
        TimeoutError
            When it was not closed in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed, timeout):
                raise TimeoutError(f"nobody closed the history within {timeout} s")
            return self._error

    def _after(self, position: int) -> list[Entry]:
        """Give what follows a position, waiting until there is something; nothing is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._entries) > position)
            return self._entries[position:]
