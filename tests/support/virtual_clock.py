"""A clock that a test moves: hours of waiting pass in milliseconds.

The rule of this file: time moves only when somebody waits for it. A client that sleeps moves it; a client that waits
for bytes moves it to the moment its server promised to go on, or to the end of its patience, whichever comes first.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

FOR_EVER: Final = float("inf")
_STEP: Final = 0.002
_STUCK: Final = 20.0

Peer = tuple[Any, ...]
"""The client's end of a connection, as both sides see it: ``getsockname()`` of one, ``getpeername()`` of the other."""


class VirtualClock:
    """Time for one client thread and its scripted servers (``toolkit.sources.clock.Clock``).

    Examples
    --------
    >>> clock = VirtualClock(start=0.0)
    >>> clock.sleep(3600.0)
    >>> clock.now(), clock.slept
    (3600.0, [3600.0])
    """

    def __init__(self, start: float = 1_000.0) -> None:
        self.start = start
        self.slept: list[float] = []
        self._now = start
        self._promises: dict[Peer, float] = {}
        self._moved = threading.Condition()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.now() - self.start

    def now(self) -> float:
        """Tell the time."""
        with self._moved:
            return self._now

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Let time pass at once, and note it."""
        with self._moved:
            self.slept.append(seconds)
            self._move(self._now + seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody having slept."""
        with self._moved:
            self._move(self._now + seconds)

    def receive(self, connection: socket.socket, buffer: memoryview, seconds: float) -> int:
        """Wait for bytes; when none can come before a moment the server named, that moment is now.

        Raises
        ------
        TimeoutError
            Nothing comes in that time.
        """
        peer = connection.getsockname()
        end, given_up = self.now() + seconds, time.monotonic() + _STUCK
        while True:
            with self._moved:
                until = self._promises.get(peer)
                due = until is not None and until <= self._now
            promised = until is not None and not due
            try:
                connection.settimeout(0 if promised else _STEP)
                return connection.recv_into(buffer)
            except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
                pass
            with self._moved:
                if self._now >= end and not due:
                    raise TimeoutError(f"nothing came in {seconds} seconds")
                if promised and until is not None:
                    self._move(min(until, end))
            if time.monotonic() > given_up:
                raise RuntimeError("the scripted server neither sends, nor closes, nor says that it waits")

    def wait(self, peer: Peer, seconds: float, over: Callable[[], bool]) -> bool:
        """A server's side: do nothing for a peer until that much time has passed; False when it was over before."""
        with self._moved:
            until = self._promises[peer] = self._now + seconds
            try:
                while self._now < until:
                    if over():
                        return False
                    self._moved.wait(_STEP)
                return True
            finally:
                del self._promises[peer]

    def _move(self, to: float) -> None:
        self._now = max(self._now, to)
        self._moved.notify_all()
