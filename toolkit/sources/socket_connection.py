"""One socket to a server: a request's head out, an answer's head and the pieces of its body in.

The rule of this file: it receives into one buffer and hands out views of it; how long it may take is the caller's word.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Final

from toolkit.sources.clock import Clock
from toolkit.sources.http1 import HEAD_LIMIT, Head, MalformedError, parse_head

CONNECT_SECONDS: Final = 10.0
HEAD_SECONDS: Final = 60.0
"""From the request to the end of the answer's head."""
BUFFER: Final = 256 * 1024
_INTERIM_LIMIT: Final = 8
_LINE_LIMIT: Final = 4 * 1024

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class NothingError(Exception):
    """The other side closed before it said anything."""


class CutError(Exception):
    """The other side closed in the middle."""


class Connection:
    """One socket, and what was received and not yet used."""

    def __init__(self, connected: socket.socket, origin: Origin, clock: Clock) -> None:
        self.origin = origin
        self.stop = threading.Event()
        self.received = False
        self._socket = connected
        self._clock = clock
        self._bytes = bytearray(BUFFER)
        self._space = memoryview(self._bytes)
        self._start = 0
        self._end = 0

    def send(self, data: bytes) -> None:
        """Send a request's head."""
        self.received = False
        self._socket.settimeout(CONNECT_SECONDS)
        self._socket.sendall(data)

    def head(self, until: float | None) -> Head:
        """Read the head of an answer, and skip the interim ones before it."""
        limit = self._clock.now() + HEAD_SECONDS
        until = limit if until is None else min(limit, until)
        for _ in range(_INTERIM_LIMIT):
            head = parse_head(self._block(until))
            if head.status >= 200:
                return head
        raise MalformedError(f"{_INTERIM_LIMIT} interim answers and no answer")

    def _block(self, until: float) -> bytes:
        """Bytes up to the empty line; the buffer is larger than any head may be."""
        self._compact()
        searched = 0
        while True:
            found = self._bytes.find(b"\r\n\r\n", searched, self._end)
            if 0 <= found <= HEAD_LIMIT:
                self._start = found + 4
                return bytes(self._space[:found])
            if found >= 0 or self._end >= HEAD_LIMIT:
                raise MalformedError(f"a head of more than {HEAD_LIMIT} bytes")
            searched = max(0, self._end - 3)
            if not self._fill(until):
                raise CutError("the connection was closed inside the head") if self._end else NothingError("closed")

    def line(self, until: float) -> bytes:
        """Read a short line of a chunked body, without its end."""
        while True:
            found = self._bytes.find(b"\r\n", self._start, self._end)
            if 0 <= found <= self._start + _LINE_LIMIT:
                line = bytes(self._space[self._start : found])
                self._start = found + 2
                return line
            if found >= 0 or self._end - self._start > _LINE_LIMIT:
                raise MalformedError(f"a chunk's line of more than {_LINE_LIMIT} bytes")
            self._compact()
            if not self._fill(until):
                raise CutError("the connection was closed inside a chunk")

    def some(self, most: int, until: float) -> memoryview:
        """Up to ``most`` bytes, in a buffer that holds until the next call; empty at the end of the connection."""
        if self._start == self._end:
            self._start = self._end = 0
            if not self._fill(until):
                return self._space[:0]
        taken = min(most, self._end - self._start)
        self._start += taken
        return self._space[self._start - taken : self._start]

    def _fill(self, until: float) -> int:
        count = self._clock.receive(self._socket, self._space[self._end :], until - self._clock.now())
        self._end += count
        self.received = self.received or count > 0
        return count

    def _compact(self) -> None:
        left = self._end - self._start
        if self._start and left:
            self._space[:left] = bytes(self._space[self._start : self._end])
        self._start, self._end = 0, left

    @property
    def is_clean(self) -> bool:
        """Whether nothing was received beyond the answer: who sends more than announced is not asked again."""
        return self._start == self._end

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come since the last answer: neither an end, nor what nobody asked for."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def shut(self) -> None:
        """Let nothing more come, from another thread."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # the TLS session is left to whoever reads

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
