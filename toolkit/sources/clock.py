"""The time, and waiting.

The rule of this file: whoever waits, waits here; so a test can let an hour pass in no time.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """Tells time and waits."""

    def now(self) -> float:
        """Seconds since some moment; never goes back."""

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Let time pass, or until somebody says stop."""

    def receive(self, connection: socket.socket, buffer: memoryview, seconds: float) -> int:
        """Wait for bytes and put them into a buffer; 0 when the other side closed.

        Raises
        ------
        TimeoutError
            Nothing came in that time.
        """


class SystemClock:
    """The clock of the machine we run on."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Do nothing for a while."""
        (stop or threading.Event()).wait(seconds)

    def receive(self, connection: socket.socket, buffer: memoryview, seconds: float) -> int:
        """Receive with a limit on the wait."""
        connection.settimeout(max(seconds, 0.001))
        return connection.recv_into(buffer)


SYSTEM_CLOCK: Final = SystemClock()
