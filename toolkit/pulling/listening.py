"""Steps of a call, brought to whoever listens.

The rule of this file: the work tells and goes on. A listener that stalls delays nobody, one that breaks is left alone,
and at the end it gets a moment to hear the rest.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from toolkit.progress.history import History
from toolkit.progress.steps import ProgressSink, Step

LAST_WORDS: Final = 2.0
"""Seconds a listener has at the end of a call."""


class _Ear(threading.Thread):
    """Listens to a history in a thread of its own."""

    def __init__(self, history: History[Step], sink: ProgressSink) -> None:
        super().__init__(name="layerproof-progress", daemon=True)
        self._history = history
        self._sink = sink
        self.error: BaseException | None = None

    def run(self) -> None:
        """Hear every step; a pipe that was closed is nobody to be told, anything else stops the work too."""
        try:
            for step in self._history.follow():
                self._sink(step)
        except OSError:
            return
        except BaseException as error:  # noqa: BLE001  # raised again where the work is
            self.error = error

    def tell(self, step: Step) -> None:
        """Take a step of the work."""
        if self.error is not None:
            raise self.error
        self._history.write(step)


@contextlib.contextmanager
def listening(sink: ProgressSink | None) -> Iterator[ProgressSink | None]:
    """Give the work something to tell its steps to.

    Parameters
    ----------
    sink : callable or None
        Hears every step, one after the other, in a thread of its own; None when nobody listens. What it raises ends the
        work, but for an ``OSError``: then nobody listens any more.

    Notes
    -----
    Origin: ``broadcaster.Buffered`` of Docker 1.9; there a pull waited for its slowest listener (weakness W7).
    """
    if sink is None:
        yield None
        return
    history: History[Step] = History()
    ear = _Ear(history, sink)
    ear.start()
    try:
        yield ear.tell
    finally:
        history.close()
        ear.join(LAST_WORDS)
    if ear.error is not None:
        raise ear.error
