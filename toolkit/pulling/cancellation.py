"""The wish of somebody that a call stops.

The rule of this file: whoever wishes it, from any thread, is not held up; whoever works looks often, and whoever waits is
woken.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from toolkit.errors import InterruptedPullError


class Cancellation:
    """A wish to stop, and what has to be done to wake those who wait.

    Examples
    --------
    >>> stop = Cancellation()
    >>> with stop.waking(lambda: print("woken")):
    ...     stop.cancel()
    woken
    >>> stop.asked
    True
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._asked = threading.Event()
        self._wake: list[Callable[[], None]] = []

    @property
    def asked(self) -> bool:
        """Whether the work is to stop."""
        return self._asked.is_set()

    def cancel(self) -> None:
        """Ask for it; safe to call twice, and from another thread."""
        with self._guard:
            self._asked.set()
            wake = list(self._wake)
        for action in wake:
            action()

    @contextlib.contextmanager
    def waking(self, action: Callable[[], None]) -> Iterator[None]:
        """Do something when it is asked for, as long as the context lasts; at once when it was asked for before."""
        with self._guard:
            self._wake.append(action)
            asked = self._asked.is_set()
        try:
            if asked:
                action()
            yield
        finally:
            with self._guard:
                self._wake.remove(action)

    def check(self, where: str) -> None:
        """Go on, or raise.

        Raises
        ------
        InterruptedPullError
            It was asked for.
        """
        if self.asked:
            raise InterruptedPullError(
                "the pull was stopped", where=where, next_step="pull again: what was downloaded is kept, and goes on"
            )
