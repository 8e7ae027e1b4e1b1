"""A transport that reads bodies in large pieces and never waits for ever.

The rule of this file: the only one that connects. Every wait has an end, every address is checked before it is used,
and a body is handed on in the buffer it was received into: whoever wants to keep a piece copies it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from toolkit.sources.addresses import permitted
from toolkit.sources.clock import Clock
from toolkit.sources.exchange import Asked, Headers, ProtocolError, ReadError, Reply, SlowError, TransportError
from toolkit.sources.http1 import (
    Framing,
    Head,
    MalformedError,
    chunk_size,
    framing,
    request_head,
)
from toolkit.sources.network import Network
from toolkit.sources.socket_connection import BUFFER, CONNECT_SECONDS, Connection, CutError, NothingError, Origin

if TYPE_CHECKING:
    import ssl

RATE_SECONDS: Final = 30.0
LEAST_RATE: Final = 1024
"""Bytes a second, over ``RATE_SECONDS``: a body that is slower is given up."""
_LONGEST_LABEL: Final = 63
_LAST_PORT: Final = 65535
_TRAILER_LIMIT: Final = 8 * 1024


class SocketTransport:
    """Speaks HTTP/1.1 over sockets of its own.

    Parameters
    ----------
    home : str
        ``host:port`` of the endpoint the user asked for, which may be at any address.
    network : Network
    verify : bool
        Whether that endpoint's certificate is checked; every other host's always is, unless the user named it.
    idle : int
        How many connections to one host are kept for the next request.

    Notes
    -----
    The pieces of a body are views of one buffer: whoever keeps one copies it. Without a bound in seconds only the least
    rate ends an answer. It raises ``ReadError`` for a reset or a cut body, ``SlowError``, ``ProtocolError`` where it is not
    HTTP/1.1, and ``TransportError`` where there is no connection.
    """

    def __init__(self, home: str, network: Network, *, verify: bool, idle: int = 4) -> None:
        self._home = home
        self._network = network
        self._verify = verify
        self._idle_limit = idle
        self._idle: dict[Origin, list[Connection]] = {}
        self._active: set[Connection] = set()
        self._coming: dict[socket.socket, threading.Event] = {}
        self._addresses: dict[tuple[str, int], list[str]] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._guard = threading.Lock()
        self._closed = False

    def exchange(self, asked: Asked) -> Reply:
        """Send a request and read the head of the answer."""
        target, stop = asked.target, asked.stop
        if target.port > _LAST_PORT:
            raise ProtocolError(f"no port is numbered {target.port}", called="UnsupportedProtocol")
        until = None if asked.seconds is None else self._network.clock.now() + asked.seconds
        headers = [(b"Host", target.netloc.encode("ascii")), *asked.headers]
        try:
            sent = request_head(asked.method, target.path.encode("ascii"), headers)
        except MalformedError as error:
            raise ProtocolError(str(error), called="LocalProtocolError") from error
        with _translated(stop):
            connection, head = self._exchange((target.scheme, target.host, target.port), sent, until, stop)
            try:
                body = _Body(self, connection, framing(head, asked.method), head, until, self._network.clock)
            except MalformedError:
                self.drop(connection)
                raise
        return Reply(head.status, head.reason.decode("ascii", "ignore"), Headers(head.headers), iter(body), body.close)

    def close(self) -> None:
        """Close the connections nobody uses."""
        with self._guard:
            self._closed = True
            idle = [one for several in self._idle.values() for one in several]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def abort(self, stop: threading.Event) -> None:
        """End one visit: wake whoever waits for its bytes, and let it ask no more."""
        with self._guard:
            stop.set()
            active = [one for one in self._active if one.stop is stop]
            coming = [made for made, its in self._coming.items() if its is stop]
        for connection in active:
            connection.shut()
        for made in coming:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(made, socket.SHUT_RDWR)

    def _exchange(self, origin: Origin, sent: bytes, until: float | None, stop: threading.Event) -> tuple[Connection, Head]:
        """Send and read a head; a kept connection that went stale meanwhile is replaced once."""
        while True:
            connection, fresh = self._take(origin, stop)
            try:
                connection.send(sent)
                return connection, connection.head(until)
            except (ConnectionError, NothingError) as error:
                self.drop(connection)
                if fresh or connection.received:
                    raise ConnectionError(str(error) or type(error).__name__) from error
            except BaseException:
                self.drop(connection)
                raise

    def _take(self, origin: Origin, stop: threading.Event) -> tuple[Connection, bool]:
        with self._guard:
            idle = self._idle.get(origin, [])
            while idle and not stop.is_set():
                connection = idle.pop()
                if connection.is_silent:
                    connection.stop = stop
                    self._active.add(connection)
                    return connection, False
                connection.close()
        connection = Connection(self._connect(origin, stop), origin, self._network.clock)
        connection.stop = stop
        with self._guard:
            self._active.add(connection)
            stopped = stop.is_set()
        if stopped:
            connection.shut()
        return connection, True

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        with self._guard:
            self._active.discard(connection)
            idle = self._idle.setdefault(connection.origin, [])
            if not self._closed and len(idle) < self._idle_limit:
                idle.append(connection)
                return
        connection.close()

    def drop(self, connection: Connection) -> None:
        """Close a connection that must not be used again."""
        with self._guard:
            self._active.discard(connection)
        connection.close()

    # -- connecting ----------------------------------------------------------------------------------------------

    def _connect(self, origin: Origin, stop: threading.Event) -> socket.socket:
        scheme, host, port = origin
        if any(len(label) > _LONGEST_LABEL for label in host.split(".")):
            raise _ConnectError(f"no host has a name like {host[:80]!r}")
        last: OSError | None = None
        for address in self._permitted(host, port):
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            try:
                with self._may_be_woken(made, stop):
                    made.settimeout(CONNECT_SECONDS)
                    made.connect((address, port))
            except OSError as error:
                made.close()
                last = error
                continue
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made if scheme == "http" else self._secured(made, host, port, stop)
        raise _ConnectError(_words(last)) from last

    @contextlib.contextmanager
    def _may_be_woken(self, made: socket.socket, stop: threading.Event) -> Iterator[None]:
        """Let ``abort`` reach a socket that nobody answers yet."""
        with self._guard:
            self._coming[made] = stop
            stopped = stop.is_set()
        try:
            if stopped:
                raise OSError("stopped")
            yield
        finally:
            with self._guard:
                del self._coming[made]

    def _permitted(self, host: str, port: int) -> list[str]:
        """The addresses of a host, asked once and then kept: a name that changes its mind changes nothing here."""
        key = host, port
        if key not in self._addresses:
            found = self._network.resolver(host, port)
            registry = None if self._is_home(host, port) else self._home_addresses()
            self._addresses[key] = permitted(host, found, registry=registry)
        return self._addresses[key]

    def _is_home(self, host: str, port: int) -> bool:
        return f"{_bracketed(host)}:{port}" == self._home

    def _home_addresses(self) -> list[str]:
        host, _, port = self._home.rpartition(":")
        return self._permitted(host.strip("[]"), int(port))

    def _secured(self, made: socket.socket, host: str, port: int, stop: threading.Event) -> socket.socket:
        trusting = not self._verify if self._is_home(host, port) else _spelling(host, port) in self._network.insecure
        with self._guard:
            if trusting not in self._contexts:
                self._contexts[trusting] = _trusting_context() if trusting else _checking_context()
        try:
            secured = self._contexts[trusting].wrap_socket(made, server_hostname=host, do_handshake_on_connect=False)
        except (OSError, ValueError) as error:
            made.close()
            raise _ConnectError(_words(error)) from error
        try:
            with self._may_be_woken(secured, stop):
                secured.do_handshake()
        except (OSError, ValueError) as error:
            secured.close()
            raise _ConnectError(_words(error)) from error
        return secured


class _ConnectError(Exception):
    """No connection."""


class _Body:
    """The body of one answer."""

    def __init__(
        self,
        transport: SocketTransport,
        connection: Connection,
        frame: Framing,
        head: Head,
        until: float | None,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._connection: Connection | None = connection
        self._frame = frame
        self._keeps_open = head.keeps_open and frame != "close"
        self._until = until
        self._clock = clock
        self._stop = connection.stop
        self._window = self._clock.now()
        self._in_window = 0
        if frame == 0:
            self._release()

    def __iter__(self) -> Iterator[bytes]:
        with _translated(self._stop):
            yield from self._pieces()  # type: ignore[misc]  # pieces of a buffer, where everybody says bytes

    def close(self) -> None:
        """Give the connection back, or close it when something is left to read."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._transport.drop(connection)

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None
        if self._keeps_open and connection.is_clean:
            self._transport.give_back(connection)
        else:
            self._transport.drop(connection)

    def _pieces(self) -> Iterator[memoryview]:
        if self._connection is None:
            return
        if self._frame == "chunked":
            yield from self._chunked(self._connection)
        elif self._frame == "close":
            while piece := self._some(self._connection, BUFFER):
                yield piece
        else:
            yield from self._exactly(self._connection, self._frame)
        self._release()

    def _exactly(self, connection: Connection, count: int) -> Iterator[memoryview]:
        left = count
        while left:
            piece = self._some(connection, left)
            if not piece:
                raise CutError(f"{count} bytes were announced and {count - left} came")
            left -= len(piece)
            yield piece

    def _chunked(self, connection: Connection) -> Iterator[memoryview]:
        while size := chunk_size(connection.line(self._limit())):
            left = size
            while left:
                piece = self._some(connection, left)
                if not piece:
                    raise CutError("the connection was closed inside a chunk")
                left -= len(piece)
                yield piece
            if connection.line(self._limit()):
                raise MalformedError("a chunk is longer than its size")
        trailers = 0
        while line := connection.line(self._limit()):
            trailers += len(line)
            if trailers > _TRAILER_LIMIT:
                raise MalformedError(f"trailers of more than {_TRAILER_LIMIT} bytes")

    def _some(self, connection: Connection, most: int) -> memoryview:
        piece = connection.some(most, self._limit())
        if self._stop.is_set():
            raise CutError("stopped")  # what came after a stop may be anything
        self._in_window += len(piece)
        if self._in_window >= LEAST_RATE * RATE_SECONDS:
            self._window, self._in_window = self._clock.now(), 0
        return piece

    def _limit(self) -> float:
        """The moment up to which is waited: in any ``RATE_SECONDS`` the least amount has to come."""
        limit = self._window + RATE_SECONDS
        limit = limit if self._until is None else min(limit, self._until)
        if limit <= self._clock.now():
            raise TimeoutError(f"{self._in_window} bytes in {RATE_SECONDS:g} s")
        return limit


@contextlib.contextmanager
def _translated(stop: threading.Event) -> Iterator[None]:
    """Raise what went wrong as whoever asked knows it; after a stop it is always that."""
    try:
        yield
    except (_ConnectError, CutError, NothingError, OSError, MalformedError) as error:
        if stop.is_set():
            raise TransportError("stopped", called="CloseError") from error
        raise _named(error) from error


def _named(error: Exception) -> TransportError:
    if isinstance(error, _ConnectError):
        return TransportError(str(error), called="ConnectError")
    if isinstance(error, TimeoutError):
        return SlowError(f"too slow: {error}", called="ReadTimeout")
    if isinstance(error, MalformedError):
        return ProtocolError(str(error), called="RemoteProtocolError")
    return ReadError(_words(error), called="ReadError")


def _trusting_context() -> ssl.SSLContext:
    """Make a context that takes any certificate."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _checking_context() -> ssl.SSLContext:
    from toolkit.sources.foreign import checking_context

    return checking_context()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _spelling(host: str, port: int) -> str:
    """A host and its port as a user writes them."""
    return _bracketed(host) if port in (80, 443) else f"{_bracketed(host)}:{port}"


def _words(error: Exception | None) -> str:
    return "no address" if error is None else str(error) or type(error).__name__
