"""A registry that does to a connection whatever a script says, down to the byte; the scripts are data.

The rule of this file: it knows nothing of HTTP but where the head of a request ends. What it answers, and when, and
how it ends, stands in the script; what it received is kept to the last byte.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from support.virtual_clock import FOR_EVER, VirtualClock

_TLS_HELLO: Final = b"\x16"
_NO_TLS: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PATIENCE: Final = 0.02
_HEAD_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Send:
    """Send some bytes, a number of times or, with None, until the client has had enough; time may pass after each."""

    data: bytes
    times: int | None = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass; for ever, until the client goes away."""

    seconds: float = FOR_EVER


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in good order."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection off: the client gets a reset."""


Operation = Send | Wait | Close | Reset

Pairs = tuple[tuple[str | bytes, str | bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """One answer.

    Parameters
    ----------
    before : tuple of Operation
        What happens before the head; an answer without a ``line`` is nothing but this.
    line : bytes or None
        The status line, without its end.
    headers : tuple of pairs
        Names and values, as text or as the very bytes; ``{name}`` of one of the server's names is replaced.
    end : bytes
        What ends the head.
    body : tuple of Operation
        Left out when a HEAD is answered, unless ``even_head``.
    even_head : bool
    """

    before: tuple[Operation, ...] = ()
    line: bytes | None = b"HTTP/1.1 200 OK"
    headers: Pairs = ()
    end: bytes = b"\r\n"
    body: tuple[Operation, ...] = ()
    even_head: bool = False

    @property
    def content(self) -> bytes:
        """The bytes of an honest body."""
        return b"".join(one.data for one in self.body if isinstance(one, Send) and one.times == 1)

    def having(self, name: str, *values: str | bytes) -> Scripted:
        """The same with other values of a header; none take it away."""
        kept = tuple(pair for pair in self.headers if not (isinstance(pair[0], str) and pair[0].lower() == name.lower()))
        return replace(self, headers=(*kept, *((name, value) for value in values)))

    def saying(self, body: bytes, *, length: bool = True) -> Scripted:
        """The same with another body and, unless told otherwise, its length."""
        changed = replace(self, body=(Send(body),) if body else ())
        return changed.having("Content-Length", str(len(body))) if length else changed

    def status(self, code: int, words: str = "Whatever") -> Scripted:
        """The same under another status."""
        return replace(self, line=f"HTTP/1.1 {code} {words}".encode())

    def then(self, *operations: Operation) -> Scripted:
        """The same, and something after the body."""
        return replace(self, body=(*self.body, *operations))


def plain(body: bytes = b"", *, status: int = 200, words: str = "OK", **headers: str) -> Scripted:
    """An honest answer; ``Content_Type`` as a keyword is the header Content-Type.

    >>> plain(b"{}", Content_Type="text/plain").headers
    (('Content-Type', 'text/plain'), ('Content-Length', '2'))
    """
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Scripted(headers=named).status(status, words).saying(body)


Script = Mapping[tuple[str, str], Sequence[Scripted]]
"""From method and path (with its query, or without) to answers: the nth request gets the nth, the last repeats."""

NOTHING_THERE: Final = plain(b"404 page not found\n", status=404, words="Not Found", Content_Type="text/plain")


@dataclass(frozen=True, slots=True)
class Received:
    """One request: its head as it came."""

    head: bytes

    @property
    def method(self) -> str:
        """The first word."""
        return self.head.partition(b" ")[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The second word."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """One header's value; the first, when there are several."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None


@dataclass(slots=True)
class HostileServer:
    """Serve a script on a free port of 127.0.0.1.

    Parameters
    ----------
    clock : VirtualClock
        What the script waits by.
    names : dict
        What ``{name}`` in a header becomes; ``{here}`` is the server's own address, ``{same}`` the target asked for.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    names: dict[str, str] = field(default_factory=dict)
    script: Script = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    hellos: int = 0
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _listener: socket.socket = field(default_factory=socket.socket)
    _threads: list[threading.Thread] = field(default_factory=list)
    _open: set[socket.socket] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def play(self, script: Script) -> None:
        """Take another script, and forget what came so far; connections that are still open are cut."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.script = script
            self.received = []
            self.connections = self.hellos = 0
            self._counts = Counter()

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.names["here"] = self.host
        self._start(self._accept)
        return self

    def __exit__(self, *unused: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.play({})
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, what: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self.connections += 1
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                _Visit(self, connection).run()
        finally:
            with self._guard:
                self._open.discard(connection)
            connection.close()

    def next_answer(self, head: bytes) -> tuple[Received, Scripted]:
        """Note a request, and find its answer."""
        request = Received(head)
        with self._guard:
            self.received.append(request)
            methods = (request.method, "GET") if request.method == "HEAD" else (request.method,)
            keys = [(method, path) for method in methods for path in (request.target, request.path)]
            key = next((one for one in keys if one in self.script), None)
            if key is None:
                return request, NOTHING_THERE
            answers = self.script[key]
            answer = answers[min(self._counts[key], len(answers) - 1)]
            self._counts[key] += 1
            return request, answer

    def filled(self, value: str | bytes, target: str) -> bytes:
        """A header's name or value with the names in it replaced."""
        if isinstance(value, bytes):
            return value
        for name, meaning in (*self.names.items(), ("same", target)):
            value = value.replace(f"{{{name}}}", meaning)
        return value.encode("latin-1")


class _EndError(Exception):
    """The connection is over."""


@dataclass(slots=True)
class _Visit:
    """One connection."""

    server: HostileServer
    connection: socket.socket
    _pending: bytes = b""

    def run(self) -> None:
        """Answer requests until the script, or the client, ends the connection."""
        peer = self.connection.getpeername()
        while (head := self._head()) is not None:
            request, answer = self.server.next_answer(head)
            data = self._head_of(answer, request.target)
            program: list[Operation] = [*answer.before]
            if data:
                program.append(Send(data))
            if request.method != "HEAD" or answer.even_head:
                program += answer.body
            try:
                for operation in _joined(program):
                    self._do(operation, peer)
            except _EndError:
                return

    def _head(self) -> bytes | None:
        """Read the head of a request; None at the end, and for a client that wants TLS."""
        while b"\r\n\r\n" not in self._pending:
            if self._pending.startswith(_TLS_HELLO):
                self.server.hellos += 1
                self.connection.sendall(_NO_TLS)
                return None
            piece = self.connection.recv(_HEAD_LIMIT)
            if not piece or len(self._pending) > _HEAD_LIMIT:
                return None
            self._pending += piece
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        return head

    def _head_of(self, answer: Scripted, target: str) -> bytes:
        if answer.line is None:
            return b""
        filled = [(self.server.filled(name, target), self.server.filled(value, target)) for name, value in answer.headers]
        lines = [name + b": " + value + b"\r\n" for name, value in filled]
        return answer.line + b"\r\n" + b"".join(lines) + answer.end

    def _do(self, operation: Operation, peer: tuple[object, ...]) -> None:
        match operation:
            case Send(data, times, seconds):
                done = 0
                while times is None or done < times:
                    self.connection.sendall(data)
                    done += 1
                    if seconds:
                        self._wait(peer, seconds)
            case Wait(seconds):
                self._wait(peer, seconds)
            case Close():
                self._hang_up()
                raise _EndError
            case Reset():
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _EndError

    def _wait(self, peer: tuple[object, ...], seconds: float) -> None:
        if not self.server.clock.wait(peer, seconds, self._is_gone):
            raise _EndError

    def _is_gone(self) -> bool:
        """Whether the client went away, or the server has to."""
        poll = select.poll()
        poll.register(self.connection, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _hang_up(self) -> None:
        """Say that no more comes, and read what the client still says: a close with bytes unread would be a reset."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_PATIENCE)
        with contextlib.suppress(OSError):
            while self.connection.recv(_HEAD_LIMIT):
                pass


def _joined(program: Sequence[Operation]) -> list[Operation]:
    """Join what is sent at once, so that a small answer is one packet."""
    joined: list[Operation] = []
    for operation in program:
        last = joined[-1] if joined else None
        if isinstance(operation, Send) and isinstance(last, Send) and operation.times == last.times == 1 and not last.seconds:
            joined[-1] = replace(operation, data=last.data + operation.data)
        else:
            joined.append(operation)
    return joined
