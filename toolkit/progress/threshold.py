"""After which reads a line about a transfer is written.

The rule of this file: it counts what was read and answers; it reads nothing. A line is due when more than one in a
hundred, or 512 KiB where that is less, came since the last one, and always at the end.

*Origin*: ``pkg/progressreader`` of Docker 1.9.
"""

from __future__ import annotations

from typing import Final

_AT_MOST: Final = 512 * 1024


class ReadMeter:
    """The reads of one transfer.

    Parameters
    ----------
    size : int
        Bytes that are expected; 0 or less when nobody knows.

    Attributes
    ----------
    current : int
        Bytes that were read.

    >>> meter = ReadMeter(1000)
    >>> meter.read(10), meter.read(1), meter.read(0, ended=True)
    ((), (11,), (11, 11))
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.current = 0
        self._told = 0
        self._step = min(_AT_MOST, int(0.01 * size)) if size > 0 else _AT_MOST

    def read(self, count: int, *, ended: bool = False) -> tuple[int, ...]:
        """Take one read.

        Parameters
        ----------
        count : int
            Bytes it gave.
        ended : bool
            Whether it said that nothing follows, or failed.

        Returns
        -------
        tuple of int
            ``current`` of each line that is due: none, one, or two when the end came without bytes.
        """
        self.current += count
        due: tuple[int, ...] = ()
        if ended or self.current - self._told > self._step:
            self._told = self.current
            due = (self.current,)
        return due * 2 if ended and not count else due

    def close(self) -> tuple[int, ...]:
        """Stop reading: before the end, one line claims the whole size, as in the model."""
        if self.current >= self.size:
            return ()
        self.current = self.size
        return (self.current,)
