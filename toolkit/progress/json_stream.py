"""Steps into the lines that Docker 1.9 would have sent.

The rule of this file: it hears our steps and says the model's words, no more often than the model would. What the lines
look like is told in ``stream_format``, when they are due in ``threshold``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from toolkit.progress.order import is_late
from toolkit.progress.steps import Message, Progress, Step
from toolkit.progress.stream_format import NO_TERMINAL, error_line, progress_object, status_line
from toolkit.progress.threshold import ReadMeter

_SENTENCES: Final = {
    "waiting": "Pulling fs layer",
    "joined": "Pulling fs layer",
    "verifying": "Verifying Checksum",
    "complete": "Download complete",
    "registered": "Pull complete",
}
_READINGS: Final = {"downloading": "Downloading", "extracting": "Extracting"}
_KNOWN: Final = {*_SENTENCES, *_READINGS, "failed"}
_LARGEST: Final = 2**63 - 1


class _Layer:
    """What was said about a layer so far, and what is being read of it, if anything is."""

    __slots__ = ("action", "all_came", "meter", "reading", "said")

    def __init__(self) -> None:
        self.action = ""
        self.said = ""
        self.begin("", None)

    def begin(self, reading: str, total: int | None) -> None:
        """Start to read under this name; none is not reading."""
        self.reading = reading
        self.meter = ReadMeter(_count(total))
        self.all_came = False

    def read(self, current: int) -> tuple[int, ...]:
        """Take how far a reading is; return what is due.

        A download of a known size learns of its end with the last bytes, a file that is extracted by one more read.
        """
        count = max(0, current - self.meter.current)
        ends = self.reading == _READINGS["downloading"] and 0 < self.meter.size <= current
        ended = ends and not self.all_came and count > 0
        self.all_came = self.all_came or ended
        return self.meter.read(count, ended=ended)

    def end(self) -> tuple[int, ...]:
        """Learn that a reading is over; return what is due, if that was not told with the last bytes."""
        return self.meter.read(0, ended=True) if self.reading and not self.all_came else ()


class SeedStream:
    r"""Hear the steps of one call, and write each line of the model's.

    May be called from several threads; lines are written one at a time, those of a layer in their order.

    Parameters
    ----------
    write : callable
        Takes a line with its end, if it has one.
    width : int
        Columns, for the bar.

    >>> said = []
    >>> tell = SeedStream(said.append)
    >>> tell(Message("Pulling from library/busybox", "1.24"))
    >>> tell(Progress("sha256:e3b0c44298fc1c14", "waiting", 0, None))
    >>> said[0]
    '{"status":"Pulling from library/busybox","id":"1.24"}\r\n'
    >>> said[1]
    '{"status":"Pulling fs layer","progressDetail":{},"id":"e3b0c44298fc"}'
    """

    def __init__(self, write: Callable[[str], None], *, width: int = NO_TERMINAL) -> None:
        self._write = write
        self._width = width
        self._guard = threading.Lock()
        self._layers: dict[str, _Layer] = {}

    def __call__(self, step: Step) -> None:
        """Take one step."""
        with self._guard:
            if isinstance(step, Message):
                self._write(status_line(step.text, step.about))
                return
            for line in self._lines(step):
                self._write(line)

    def error(self, text: str) -> None:
        """Write the line that says why the call ended; the last one."""
        with self._guard:
            self._write(error_line(text))

    def _lines(self, step: Progress) -> Iterator[str]:
        whole = step.image_id or step.digest.partition(":")[2] or step.digest
        layer = self._layers.setdefault(whole, _Layer())
        if is_late(layer.action, step.action) or step.action not in _KNOWN:
            return
        if step.action == "failed":
            self._layers[whole] = _Layer()
            return
        layer.action = step.action
        reading = _READINGS.get(step.action, "")
        if reading != layer.reading:
            yield from self._told(layer, whole[:12], layer.end())
            layer.begin(reading, step.total)
        elif step.action == "verifying" and layer.said != _SENTENCES["verifying"] and not step.current:
            layer.begin(_READINGS["downloading"], step.total)  # nothing came: the model read that, too
            yield from self._told(layer, whole[:12], layer.end())
            layer.begin("", None)
        if reading:
            yield from self._told(layer, whole[:12], layer.read(_count(step.current)))
        sentence = _SENTENCES.get(step.action, "")
        if sentence and sentence != layer.said:
            layer.said = sentence
            yield progress_object(sentence, whole[:12])

    def _told(self, layer: _Layer, identity: str, due: tuple[int, ...]) -> Iterator[str]:
        size = layer.meter.size
        return (progress_object(layer.reading, identity, current, size, width=self._width) for current in due)


def _count(number: int | None) -> int:
    """Take a size as Go would: unknown is 0, and so is what no such number can be."""
    return number if number is not None and 0 < number <= _LARGEST else 0
