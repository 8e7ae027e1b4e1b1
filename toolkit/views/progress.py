"""Transfers on a terminal.

The rule of this file: bars only where a person looks; a pipe gets one line per layer, and the end is always said.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Final, TextIO

from toolkit.cards.escaping import short
from toolkit.pulling.transfer import Progress

_WIDTH: Final = 30
_PAUSE: Final = 0.1
_UP: Final = "\x1b[{lines}A"
_CLEAR: Final = "\x1b[2K"


class TerminalProgress:
    """Show the transfers of a call; may be called from several threads.

    Parameters
    ----------
    stream : text stream
        Standard error when absent.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._bars = self._stream.isatty()
        self._guard = threading.Lock()
        self._states: dict[str, Progress] = {}
        self._drawn = 0
        self._last = 0.0

    def __call__(self, step: Progress) -> None:
        """Take one step of a transfer."""
        with self._guard:
            self._states[step.digest] = step
            ended = step.action in ("complete", "failed")
            if self._bars:
                self._draw(now=ended)
            elif ended:
                print(_line(step), file=self._stream, flush=True)

    def _draw(self, *, now: bool) -> None:
        if not now and time.monotonic() - self._last < _PAUSE:
            return
        self._last = time.monotonic()
        if self._drawn:
            self._stream.write(_UP.format(lines=self._drawn))
        for step in self._states.values():
            self._stream.write(f"{_CLEAR}{_line(step)}\n")
        self._drawn = len(self._states)
        self._stream.flush()


def _line(step: Progress) -> str:
    name = short(step.digest)
    if step.action == "complete":
        return f"{name}  complete     {human(step.current)}"
    if step.action == "failed":
        return f"{name}  failed       {human(step.current)}"
    if not step.total:
        return f"{name}  {step.action:<12} {human(step.current)}"
    filled = min(_WIDTH, _WIDTH * step.current // step.total)
    bar = "=" * filled + " " * (_WIDTH - filled)
    return f"{name}  {step.action:<12} [{bar}] {human(step.current)} of {human(step.total)}"


def human(count: int) -> str:
    """Write a number of bytes for people.

    >>> human(88_100_000)
    '88.1 MB'
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
