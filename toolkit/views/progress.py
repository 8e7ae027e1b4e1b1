"""Transfers on a terminal.

The rule of this file: bars only where a person looks; a pipe gets one line per layer, and the end is always said. Or the
lines Docker 1.9 would have sent, for a program that reads them.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Final, TextIO

from toolkit.cards.escaping import short, visible
from toolkit.progress.json_stream import SeedStream
from toolkit.progress.order import is_fetched, is_late
from toolkit.progress.steps import Message, Progress, Step

_WIDTH: Final = 30
_PAUSE: Final = 0.1
_UP: Final = "\x1b[{lines}A"
_CLEAR: Final = "\x1b[2K"
_ENDS: Final = ("complete", "failed", "registered")
_JOINED: Final = "waiting for whoever fetches it already"


class TerminalProgress:
    """Show the steps of one call; may be called from several threads.

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

    def __call__(self, step: Step) -> None:
        """Take one step of a call."""
        with self._guard:
            if isinstance(step, Message):
                self._say(sentence(step))
                return
            before = last_action(self._states, step)
            if is_late(before, step.action):
                return
            self._states[step.digest] = step
            ended = step.action in _ENDS
            if self._bars:
                self._draw(now=ended)
            elif ended and not (is_fetched(before) and is_fetched(step.action)):
                print(_line(step), file=self._stream, flush=True)

    def _say(self, text: str) -> None:
        """Print a sentence, above the bars where there are any."""
        if self._bars:
            self._draw(now=True, above=text)
        else:
            print(text, file=self._stream, flush=True)

    def _draw(self, *, now: bool, above: str = "") -> None:
        if not now and time.monotonic() - self._last < _PAUSE:
            return
        self._last = time.monotonic()
        if self._drawn:
            self._stream.write(_UP.format(lines=self._drawn))
        if above:
            self._stream.write(f"{_CLEAR}{above}\n")
        for step in self._states.values():
            self._stream.write(f"{_CLEAR}{_line(step)}\n")
        self._drawn = len(self._states)
        self._stream.flush()


class JsonProgress:
    """Write the steps of one call as Docker 1.9's daemon sent them; may be called from several threads.

    The bytes are UTF-8 and the model's own. Only on a terminal, where they could act, are control and direction
    characters escaped: a reader of JSON sees no difference.

    Parameters
    ----------
    stream : text stream
        Standard output when absent.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._watched = self._stream.isatty()
        self._seed = SeedStream(self._write)

    def __call__(self, step: Step) -> None:
        """Take one step of a call."""
        self._seed(step)

    def error(self, text: str) -> None:
        """Say why the call ended, after everything else."""
        self._seed.error(text)

    def _write(self, line: str) -> None:
        if self._watched:
            line = "".join(char if char.isprintable() or char in "\r\n" else json.dumps(char)[1:-1] for char in line)
        buffer = getattr(self._stream, "buffer", None)
        if buffer is None:
            self._stream.write(line)
        else:  # JSON is UTF-8, whatever the locale says
            self._stream.flush()
            buffer.write(line.encode("utf-8"))
        self._stream.flush()


def last_action(states: dict[str, Progress], step: Progress) -> str:
    """Tell what was last heard of the layer a step is about; empty when nothing was."""
    before = states.get(step.digest)
    return "" if before is None else before.action


def sentence(message: Message) -> str:
    r"""Write a message as Docker's client does, so that nothing in it acts.

    >>> sentence(Message("Pulling from library/busybox", "1.24")), sentence(Message("a\x1bb"))
    ('1.24: Pulling from library/busybox', 'a\\x1bb')
    """
    return visible(f"{message.about}: {message.text}" if message.about else message.text)


def _line(step: Progress) -> str:
    name = short(step.digest)
    label = f"{name}  {visible(step.action):<12}"
    if step.action == "joined":
        return f"{label} {_JOINED}"
    if step.action == "waiting":
        return label.rstrip()
    if step.action in _ENDS or not step.total:
        return f"{label} {human(step.current)}"
    filled = max(0, min(_WIDTH, _WIDTH * step.current // step.total))
    bar = "=" * filled + " " * (_WIDTH - filled)
    return f"{label} [{bar}] {human(step.current)} of {human(step.total)}"


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
