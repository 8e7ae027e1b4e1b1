"""The transport on real sockets: connections kept and closed, bodies whole or refused, waits that end."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import ipaddress
import socket
import ssl
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import certifi
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from support.certificates import self_signed
from support.hostile_server import Close, HostileServer, Operation, Reset, Scripted, Send, Wait, plain
from support.httpx_sockets import HttpxSockets
from support.routes import nobody
from support.virtual_clock import VirtualClock

from toolkit.errors import AddressError
from toolkit.simulator.signing import SigningKey
from toolkit.sources import socket_connection, sockets
from toolkit.sources.clock import SYSTEM_CLOCK, Clock
from toolkit.sources.foreign import DEADLINE, STOP
from toolkit.sources.network import Network

PIECE: Final = 256 * 1024
CHUNKED: Final = (("Transfer-Encoding", "chunked"),)


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    """A server that does what a script says."""
    with HostileServer() as started:
        yield started


def chunked(*operations: Operation) -> Scripted:
    return Scripted(headers=CHUNKED, body=operations)


def endless(*operations: Operation) -> Scripted:
    """An answer without a length, that ends with the connection."""
    return Scripted(body=(*operations, Close()))


def joined(response: httpx.Response) -> bytes:
    """The whole body; every piece of it is good until the next one only."""
    return b"".join(bytes(piece) for piece in response.iter_raw())


class Client:
    """A transport to a server, and how it is asked here."""

    def __init__(self, server: HostileServer, *, clock: Clock | None = None, idle: int = 4) -> None:
        self.server = server
        self.transport = HttpxSockets(server.host, Network(clock=clock or server.clock), verify=True, idle=idle)

    def open(
        self, path: str = "/", method: str = "GET", *, deadline: float | None = None, stop: threading.Event | None = None
    ) -> httpx.Response:
        """Ask; the body is still on the wire."""
        extensions = {DEADLINE: deadline} | ({} if stop is None else {STOP: stop})
        return self.transport.handle_request(httpx.Request(method, f"http://{self.server.host}{path}", extensions=extensions))

    def read(
        self, path: str = "/", method: str = "GET", *, deadline: float | None = None, stop: threading.Event | None = None
    ) -> bytes:
        """Ask, and read the whole body."""
        with contextlib.closing(self.open(path, method, deadline=deadline, stop=stop)) as response:
            return joined(response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.transport.close()


def paths(server: HostileServer) -> list[str]:
    return [one.target for one in server.received]


# -- connections kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (plain(b"hello"), "GET"),
        (plain(b""), "GET"),
        (plain(b"hello"), "HEAD"),
        (plain(b"").status(204), "GET"),
        (plain(b"").status(304).having("Content-Length", "9"), "GET"),
        (plain(b"").having("Content-Length").status(204), "GET"),
        (chunked(Send(b"5\r\nhello\r\n0\r\n\r\n")), "GET"),
        (chunked(Send(b"0\r\nA: b\r\nC: d\r\n\r\n")), "GET"),
        (Scripted(before=(Send(b"HTTP/1.1 100 Continue\r\n\r\n"),)).saying(b"hello"), "GET"),
        (plain(b"404", status=404), "GET"),
    ],
)
def test_a_connection_whose_answer_was_read_is_used_again(hostile: HostileServer, answer: Scripted, method: str) -> None:
    hostile.script = {("GET", "/"): [answer]}
    with Client(hostile) as client:
        for _ in range(3):
            client.read(method=method)
    assert (len(hostile.received), hostile.connections) == (3, 1)


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (plain(b"hello", Connection="close"), "GET"),
        (Scripted(line=b"HTTP/1.0 200 OK").saying(b"hello"), "GET"),
        (plain(b"hello").then(Send(b"!")), "GET"),
        (plain(b"hello").then(Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")), "GET"),
        (chunked(Send(b"5\r\nhello\r\n0\r\n\r\n!")), "GET"),
        (Scripted(headers=(("Content-Length", "5"),), body=(Send(b"hello"),), even_head=True), "HEAD"),
        (Scripted(line=b"HTTP/1.1 204 No Content", body=(Send(b"hello"),)), "GET"),
        (endless(Send(b"hello")), "GET"),
    ],
)
def test_a_connection_with_something_over_is_closed(hostile: HostileServer, answer: Scripted, method: str) -> None:
    hostile.script = {("GET", "/"): [answer]}
    with Client(hostile) as client:
        for _ in range(3):
            assert client.read(method=method) in (b"hello", b"")
    assert (len(hostile.received), hostile.connections) == (3, 3)


@pytest.mark.parametrize("length", [b"Content-Length: 5", b"Content-Length: 0"])
def test_what_comes_late_is_not_taken_for_the_next_answer(length: bytes) -> None:
    """The body nobody asked for arrives when the connection is kept already."""
    late = threading.Event()

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
            if not late.is_set():
                time.sleep(0.03)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                late.set()

    with Raw(serve) as server:
        transport = HttpxSockets(server.host, Network(), verify=True)
        for _ in range(2):
            response = transport.handle_request(httpx.Request("HEAD", f"http://{server.host}/"))
            assert response.headers.multi_items()[0] == tuple(length.decode().lower().split(": "))
            late.wait(1)
            time.sleep(0.02)
        transport.close()


def test_a_body_that_is_not_read_to_its_end_costs_the_connection(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"x" * 1_000_000)]}
    with Client(hostile) as client:
        response = client.open()
        next(response.iter_raw())
        response.close()
        response.close()
        client.open().close()
        assert len(client.read()) == 1_000_000
    assert hostile.connections == 3


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_a_kept_connection_that_went_stale_is_replaced(hostile: HostileServer, end: Operation) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello").then(end), plain(b"again")]}
    with Client(hostile) as client:
        assert client.read() == b"hello"
        assert client.read() == b"again"
        assert client.read() == b"again"
    assert hostile.connections == 2


def test_several_stale_connections_are_all_replaced(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [*[plain(b"hello").then(Close())] * 3, plain(b"again")]}
    with Client(hostile) as client:
        for response in [client.open() for _ in range(3)]:
            assert response.read() == b"hello"
        assert client.read() == b"again"
    assert hostile.connections == 4


def test_a_new_connection_that_gives_nothing_is_not_replaced(hostile: HostileServer) -> None:
    silent = Scripted(line=None, before=(Close(),))
    hostile.script = {("GET", "/"): [plain(b"hello").then(Close()), silent]}
    with Client(hostile) as client:
        assert client.read() == b"hello"
        with pytest.raises(httpx.ReadError):
            client.read()
    assert hostile.connections == 2
    assert len(hostile.received) == 2


def test_a_kept_connection_that_gave_half_an_answer_is_not_replaced(hostile: HostileServer) -> None:
    """Something was received for this question: asking again is for the retries, which leave a row."""
    half = Scripted(line=None, before=(Send(b"HTTP/1.1 200"), Close()))
    hostile.script = {("GET", "/"): [plain(b"hello"), half]}
    with Client(hostile) as client:
        assert client.read() == b"hello"
        with pytest.raises(httpx.ReadError, match="inside the head"):
            client.read()
    assert (len(hostile.received), hostile.connections) == (2, 1)


def test_a_reset_after_half_a_head_on_a_kept_connection_is_a_reset(hostile: HostileServer) -> None:
    half = Scripted(line=None, before=(Send(b"HTTP/1.1 200"), Wait(1.0), Reset()))
    hostile.script = {("GET", "/"): [plain(b"hello"), half]}
    with Client(hostile) as client:
        assert client.read() == b"hello"
        with pytest.raises(httpx.ReadError, match="reset"):
            client.read()
    assert (len(hostile.received), hostile.connections) == (2, 1)


@pytest.mark.parametrize("idle", [0, 1, 3])
def test_no_more_connections_are_kept_than_allowed(hostile: HostileServer, idle: int) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello")]}
    with Client(hostile, idle=idle) as client:
        for expected in (5, 10 - idle):
            for response in [client.open() for _ in range(5)]:
                assert response.read() == b"hello"
            assert hostile.connections == expected


def test_connections_of_one_host_are_not_used_for_another(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello")]}
    with HostileServer() as other, Client(hostile) as client:
        other.script = {("GET", "/"): [plain(b"other")]}
        for _ in range(2):
            assert client.read() == b"hello"
            assert client.transport.handle_request(httpx.Request("GET", f"http://{other.host}/")).read() == b"other"
            name = hostile.host.replace("127.0.0.1", "localhost")
            request = httpx.Request("GET", f"http://{name}/")
            assert client.transport.handle_request(request).read() == b"hello"
        assert (hostile.connections, other.connections) == (2, 1)


def test_a_closed_transport_keeps_no_connection(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello")]}
    client = Client(hostile)
    client.read()
    before = client.open()
    client.transport.close()
    assert before.read() == b"hello"
    assert client.read() == b"hello"
    assert client.transport._idle.get(("http", "127.0.0.1", int(hostile.host[10:])), []) == []
    client.transport.close()


def test_nothing_is_left_open(hostile: HostileServer) -> None:
    hostile.script = {
        ("GET", "/"): [plain(b"hello")],
        ("GET", "/stale"): [plain(b"hello").then(Close()), plain(b"again")],
        ("GET", "/half"): [plain(b"x" * 1_000_000)],
        ("GET", "/cut"): [plain(b"hello").having("Content-Length", "9").then(Close())],
        ("GET", "/no"): [Scripted(line=b"what?", end=b"\r\n")],
        ("GET", "/two"): [plain(b"hello").having("Content-Length", "5", "6")],
        ("GET", "/silent"): [Scripted(line=None, before=(Wait(),))],
    }
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Client(hostile) as client:
            for path in ("/", "/stale", "/stale", "/half", "/cut", "/no", "/two", "/silent"):
                with contextlib.suppress(httpx.TransportError), contextlib.closing(client.open(path)) as response:
                    for _ in response.iter_raw():
                        if path == "/half":
                            break
            for url in (f"https://{hostile.host}/", f"http://{nobody()}/"):
                with pytest.raises(httpx.ConnectError):
                    client.transport.handle_request(httpx.Request("GET", url))
        del client
        gc.collect()
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []


# -- bodies ------------------------------------------------------------------------------------------------------


def numbered(size: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
@pytest.mark.parametrize("kind", ["length", "chunked", "close"])
def test_a_body_of_any_size_is_whole_and_comes_in_small_pieces(hostile: HostileServer, size: int, kind: str) -> None:
    body = numbered(size)
    parts = [body[start : start + 100_003] for start in range(0, size, 100_003)]
    coded = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts)
    hostile.script = {
        ("GET", "/length"): [plain(body)],
        ("GET", "/chunked"): [chunked(Send(coded), Send(b"0\r\nTrailer: x\r\n\r\n"))],
        ("GET", "/close"): [endless(Send(body))],
    }
    with Client(hostile) as client:
        received = [bytes(piece) for piece in client.open(f"/{kind}").iter_raw()]
    assert b"".join(received) == body
    assert all(0 < len(piece) <= PIECE for piece in received)


def test_a_body_of_many_small_chunks_is_whole(hostile: HostileServer) -> None:
    body = numbered(5_000)
    coded = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"000\r\n\r\n"
    hostile.script = {("GET", "/"): [chunked(*(Send(coded[start : start + 7]) for start in range(0, len(coded), 7)))]}
    with Client(hostile) as client:
        assert client.read() == body
        client.read()
    assert hostile.connections == 1


def test_a_chunk_s_line_may_be_spread_over_the_end_of_the_buffer(hostile: HostileServer) -> None:
    first = numbered(PIECE - 120)
    coded = b"%x\r\n%s\r\n" % (len(first), first)
    hostile.script = {
        ("GET", "/"): [chunked(Send(coded + b"0000000"), Wait(1.0), Send(b"5;" + b"x" * 500 + b"\r\nhello\r\n0\r\n\r\n"))]
    }
    with Client(hostile) as client:
        assert client.read() == first + b"hello"


@pytest.mark.parametrize("kind", ["length", "chunked", "close"])
def test_memory_does_not_grow_with_a_body(hostile: HostileServer, kind: str) -> None:
    block = bytes(PIECE)
    times = 128  # 32 MiB
    hostile.script = {
        ("GET", "/length"): [Scripted(headers=(("Content-Length", str(times * PIECE)),), body=(Send(block, times),))],
        ("GET", "/chunked"): [chunked(Send(b"%x\r\n%s\r\n" % (PIECE, block), times), Send(b"0\r\n\r\n"))],
        ("GET", "/close"): [endless(Send(block, times))],
    }
    with Client(hostile, clock=SYSTEM_CLOCK) as client:
        client.read("/none")
        tracemalloc.start()
        try:
            received = sum(len(piece) for piece in client.open(f"/{kind}").iter_raw())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert received == times * PIECE
    assert peak < 4 * PIECE


def test_a_huge_length_is_believed_and_nothing_is_set_aside_for_it(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello").having("Content-Length", str(10**18 - 1)).then(Close())]}
    with Client(hostile) as client, pytest.raises(httpx.ReadError, match="999999999999999999 bytes were announced and 5 came"):
        client.read()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "answer",
    [plain(b"").status(204), plain(b"").status(304).having("Content-Length", "5"), plain(b"").having("Content-Length", "0")],
)
def test_some_answers_have_no_body(hostile: HostileServer, answer: Scripted, method: str) -> None:
    hostile.script = {("GET", "/"): [answer]}
    with Client(hostile) as client:
        assert client.read(method=method) == b""


def test_the_head_of_an_answer_is_handed_over(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"x", status=418, words="I'm a teapot", A="b")]}
    with Client(hostile) as client:
        response = client.open()
        assert (response.status_code, response.reason_phrase) == (418, "I'm a teapot")
        assert response.headers.multi_items() == [("a", "b"), ("content-length", "1")]
        assert response.read() == b"x"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (plain(b"hello").having("Content-Length", "6").then(Close()), "6 bytes were announced and 5 came"),
        (plain(b"").having("Content-Length", "6").then(Close()), "6 bytes were announced and 0 came"),
        (chunked(Close()), "inside a chunk"),
        (chunked(Send(b"5"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\n"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\nhel"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\nhello"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\nhello\r\n"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\nhello\r\n0\r\n"), Close()), "inside a chunk"),
        (chunked(Send(b"5\r\nhello\r\n0\r\nA: b\r\n"), Close()), "inside a chunk"),
        (plain(b"hello").having("Content-Length", "6").then(Wait(1.0), Reset()), "reset"),
        (endless(Send(b"hello"), Wait(1.0), Reset()), "reset"),
        (chunked(Send(b"5\r\nhello\r\n"), Wait(1.0), Reset()), "reset"),
        (Scripted(line=None, before=(Close(),)), None),
        (Scripted(line=None, before=(Wait(1.0), Reset())), "reset"),
        (Scripted(end=b"").then(Close()), "inside the head"),
        (Scripted(line=b"HTTP/1.1 200 OK", end=b"").then(Wait(1.0), Reset()), "reset"),
        (Scripted(line=b"HTTP/1.1 100 Continue").then(Close()), None),
    ],
)
def test_an_answer_cut_short_is_never_a_shorter_one(hostile: HostileServer, answer: Scripted, words: str | None) -> None:
    hostile.script = {("GET", "/"): [answer]}
    with Client(hostile) as client, pytest.raises(httpx.ReadError, match=words):
        client.read()
    assert len(hostile.received) == 1


LONG: Final = b"x" * 9_000


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Scripted(line=b"HTTP/2 200"), "not a status line"),
        (Scripted(headers=((" A", "b"),)), "not a header"),
        (plain(b"").having("Content-Length", "3", "4"), "Content-Length twice"),
        (plain(b"").having("Transfer-Encoding", "chunked"), "both"),
        (Scripted(headers=(("Transfer-Encoding", "gzip"),)), "Transfer-Encoding: 'gzip'"),
        (Scripted(headers=(("A", "b" * 70_000),)).saying(b""), "a head of more than 65536 bytes"),
        (Scripted(headers=(("A", "b"),), end=b"").then(Send(b"A: b\r\n", None)), "a head of more than 65536 bytes"),
        (Scripted(line=b"HTTP/1.1 100 Continue").then(Send(b"HTTP/1.1 103 x\r\n\r\n", None)), "8 interim answers and no answer"),
        (chunked(Send(b"g\r\n")), "not the size of a chunk"),
        (chunked(Send(b"\r\n")), "not the size of a chunk"),
        (chunked(Send(b"5\nhello\n0\n\n\r\n")), "not the size of a chunk"),
        (chunked(Send(b"5\r\nhello!\r\n")), "a chunk is longer than its size"),
        (chunked(Send(b"5\r\nhello5\r\nhello\r\n")), "a chunk is longer than its size"),
        (chunked(Send(b"5;" + LONG), Wait(1.0), Send(b"\r\nhello\r\n0\r\n\r\n")), "a chunk's line of more than 4096 bytes"),
        (chunked(Send(b"5;" + LONG + b"\r\nhello\r\n0\r\n\r\n")), "a chunk's line of more than 4096 bytes"),
        (chunked(Send(b"0\r\n"), Send(b"A: " + b"b" * 1_000 + b"\r\n", None)), "trailers of more than 8192 bytes"),
        (chunked(Send(b"0\r\nA: "), Send(b"b" * 1_000, None)), "a chunk's line of more than 4096 bytes"),
    ],
)
def test_what_is_not_http_1_1_is_refused(hostile: HostileServer, answer: Scripted, words: str) -> None:
    hostile.script = {("GET", "/"): [answer, plain(b"again")]}
    with Client(hostile) as client:
        with pytest.raises(httpx.RemoteProtocolError, match=words):
            client.read()
        assert client.read() == b"again"
    assert hostile.connections == 2


def test_seven_interim_answers_are_skipped(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [Scripted(before=(Send(b"HTTP/1.1 102 Processing\r\nA: b\r\n\r\n", 7),)).saying(b"hello")]}
    with Client(hostile) as client:
        assert client.read() == b"hello"


@pytest.mark.parametrize("header", ["b\r\nX: y", "b\n"])
def test_a_line_break_in_a_header_is_not_sent(hostile: HostileServer, header: str) -> None:
    with Client(hostile) as client, pytest.raises(httpx.LocalProtocolError):
        client.transport.handle_request(httpx.Request("GET", f"http://{hostile.host}/", headers={"A": header}))
    assert hostile.connections == 0


@pytest.mark.parametrize("port", [65536, 99999])
def test_a_port_that_is_none_is_refused(hostile: HostileServer, port: int) -> None:
    with Client(hostile) as client, pytest.raises(httpx.UnsupportedProtocol, match=str(port)):
        client.transport.handle_request(httpx.Request("GET", f"http://127.0.0.1:{port}/"))


def test_nobody_there_is_no_connection() -> None:
    host = nobody()
    transport = HttpxSockets(host, Network(), verify=True)
    with pytest.raises(httpx.ConnectError, match="refused"):
        transport.handle_request(httpx.Request("GET", f"http://{host}/"))


# -- waits that end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Scripted(line=None, before=(Wait(),)), 60),
        (Scripted(line=None, before=(Send(b"H", None, 1.0),)), 60),
        (Scripted(end=b"").then(Wait()), 60),
        (Scripted(end=b"").then(Send(b"A: b\r\n", None, 5.0)), 60),
        (Scripted(line=b"HTTP/1.1 100 Continue").then(Wait()), 60),
        (Scripted(line=b"HTTP/1.1 100 Continue").then(Send(b"HTTP/1.1 100 Continue\r\n\r\n", None, 9.0)), 60),
        (plain(b"").having("Content-Length", "5").then(Wait()), 30),
        (plain(b"hel").having("Content-Length", "5").then(Wait()), 30),
        (plain(b"").having("Content-Length", "100000").then(Send(b"x", None, 1.0)), 30),
        (plain(b"").having("Content-Length", "100000").then(Send(b"x" * 900, None, 1.0)), 30),
        (Scripted(body=(Send(b"x", None, 10.0),)), 30),
        (chunked(Wait()), 30),
        (chunked(Send(b"0", None, 1.0)), 30),
        (chunked(Send(b"1\r\nx\r\n", None, 1.0)), 30),
        (chunked(Send(b"5\r\nhe"), Wait()), 30),
        (chunked(Send(b"0\r\n"), Send(b"A: b\r\n", None, 1.0)), 30),
    ],
)
@pytest.mark.parametrize("deadline", [None, 10.0, 45.0])
def test_whoever_is_slow_is_given_up(hostile: HostileServer, answer: Scripted, seconds: float, deadline: float | None) -> None:
    hostile.script = {("GET", "/"): [answer]}
    with Client(hostile) as client, pytest.raises((httpx.ReadTimeout, httpx.RemoteProtocolError)) as caught:
        client.read(deadline=deadline)
    least = seconds if deadline is None else min(seconds, deadline)
    assert hostile.clock.spent <= least + 0.001
    if caught.type is httpx.ReadTimeout:
        assert hostile.clock.spent > least - 9.1
        assert str(caught.value).startswith("too slow: ")


@pytest.mark.parametrize("kind", ["length", "chunked", "close"])
def test_whoever_keeps_to_the_least_rate_may_take_for_ever(hostile: HostileServer, kind: str) -> None:
    second = b"x" * 1_100
    hostile.script = {
        ("GET", "/length"): [Scripted(headers=(("Content-Length", "330000"),), body=(Send(second, 300, 1.0),))],
        ("GET", "/chunked"): [chunked(Send(b"%x\r\n%s\r\n" % (len(second), second), 300, 1.0), Send(b"0\r\n\r\n"))],
        ("GET", "/close"): [endless(Send(second, 300, 1.0))],
    }
    with Client(hostile) as client:
        assert client.read(f"/{kind}") == second * 300
        assert 299 <= hostile.clock.spent <= 301
        with pytest.raises(httpx.ReadTimeout):
            client.read(f"/{kind}", deadline=100.0)
    assert hostile.clock.spent <= 401.1


def test_a_body_that_falls_asleep_later_is_given_up_too(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"").having("Content-Length", "9999999").then(Send(b"x" * 100_000, 20, 1.0), Wait())]}
    with Client(hostile) as client, pytest.raises(httpx.ReadTimeout):
        client.read()
    assert 30 <= hostile.clock.spent <= 20 + 30 + 1


def test_a_deadline_that_has_passed_is_no_wait(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"").having("Content-Length", "5").then(Wait(5.0), Send(b"hello"))]}
    with Client(hostile) as client:
        response = client.open(deadline=3.0)
        hostile.clock.advance(4.0)
        with contextlib.closing(response), pytest.raises(httpx.ReadTimeout):
            response.read()
    assert hostile.clock.spent == 4.0


def test_the_machine_s_clock_waits_and_gives_up() -> None:
    left, right = socket.socketpair()
    with left, right:
        buffer = memoryview(bytearray(4))
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            SYSTEM_CLOCK.receive(left, buffer, 0.02)
        with pytest.raises(TimeoutError):
            SYSTEM_CLOCK.receive(left, buffer, -1.0)
        right.sendall(b"hello")
        assert SYSTEM_CLOCK.receive(left, buffer, 1.0) == 4
        SYSTEM_CLOCK.sleep(0.01)
        stop = threading.Event()
        stop.set()
        SYSTEM_CLOCK.sleep(100.0, stop)
        assert 0.03 <= SYSTEM_CLOCK.now() - start < 5


# -- stopping ----------------------------------------------------------------------------------------------------


class Visitor:
    """A thread that asks and reads, and what came of it."""

    def __init__(self, client: Client, path: str, stop: threading.Event) -> None:
        self.stop = stop
        self.began = threading.Event()
        self.error: BaseException | None = None
        self.received = 0
        self.ended = 0.0
        self._client = client
        self._path = path
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            with contextlib.closing(self._client.open(self._path, stop=self.stop)) as response:
                for piece in response.iter_raw():
                    self.received += len(piece)
                    self.began.set()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
            self.error = error
        self.ended = time.monotonic()


WAITING: Final[dict[str, Scripted]] = {
    "/head": Scripted(line=None, before=(Wait(),)),
    "/length": plain(b"hello").having("Content-Length", "9").then(Wait()),
    "/chunked": chunked(Send(b"5\r\nhello\r\n"), Wait()),
    "/close": endless(Send(b"hello"), Wait()),
}


@pytest.mark.parametrize("path", list(WAITING))
def test_a_stop_wakes_whoever_waits_and_nobody_else(hostile: HostileServer, path: str) -> None:
    hostile.script = {("GET", one): [answer] for one, answer in WAITING.items()}
    hostile.script = {
        **hostile.script,
        ("GET", "/mine"): [plain(b"he").having("Content-Length", "5").then(Wait(1.0), Send(b"llo"))],
    }
    with Client(hostile, clock=SYSTEM_CLOCK) as client:
        stop, other = threading.Event(), threading.Event()
        stopped = [Visitor(client, path, stop) for _ in range(3)]
        mine = Visitor(client, "/mine", other)
        assert mine.began.wait(5)
        if path != "/head":
            assert all(one.began.wait(5) for one in stopped)
        while len(hostile.received) < 4:
            time.sleep(0.001)
        start = time.monotonic()
        client.transport.abort(stop)
        for one in stopped:
            one.thread.join(5)
            assert one.ended - start < 0.2
            assert isinstance(one.error, httpx.CloseError), one.error
            assert str(one.error) == "stopped"
        assert mine.thread.is_alive()
        hostile.clock.advance(2.0)
        mine.thread.join(5)
        assert (mine.error, mine.received) == (None, 5)
        assert not other.is_set()


def test_after_a_stop_nothing_is_asked(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello")]}
    stop = threading.Event()
    with Client(hostile) as client:
        assert client.read(stop=stop) == b"hello"
        client.transport.abort(stop)
        for _ in range(2):
            with pytest.raises(httpx.CloseError):
                client.read(stop=stop)
        assert client.read() == b"hello"
    assert len(hostile.received) == 2


def test_a_stop_before_the_body_is_read_ends_it(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello").having("Content-Length", "9").then(Wait())]}
    stop = threading.Event()
    with Client(hostile) as client:
        response = client.open(stop=stop)
        client.transport.abort(stop)
        with contextlib.closing(response), pytest.raises(httpx.CloseError):
            response.read()
    assert isinstance(hostile.clock, VirtualClock)
    assert hostile.clock.spent == 0


def test_a_stop_of_a_visit_nobody_makes_does_nothing(hostile: HostileServer) -> None:
    hostile.script = {("GET", "/"): [plain(b"hello")]}
    with Client(hostile) as client:
        response = client.open()
        client.transport.abort(threading.Event())
        assert response.read() == b"hello"


# -- TLS ---------------------------------------------------------------------------------------------------------


class Raw:
    """A server that gives every connection to a function, over TLS when there is a context."""

    def __init__(self, work: Callable[[socket.socket], object], context: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._work = work
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *unused: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            stack.enter_context(contextlib.suppress(OSError))
            if self._context is not None:
                connection.settimeout(5)
                connection = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
            self._open.append(connection)
            self._work(connection)


def hello(connection: socket.socket) -> None:
    """Answer every request with a word."""
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


NOW: Final = dt.datetime.now(dt.UTC)


class Authority:
    """Certificates for the moment, and the contexts of servers that show them."""

    def __init__(self, folder: Path, seed: str = "an authority") -> None:
        self.folder = folder
        self.key = SigningKey(seed)
        self.file = folder / f"{seed}.pem"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, seed)])
        made = self._builder(name, name, self.key, 365).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(made.sign(self.key.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self._name = name

    @staticmethod
    def _builder(subject: x509.Name, issuer: x509.Name, key: SigningKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(days=400))
            .not_valid_after(NOW + dt.timedelta(days=days))
        )

    def issued(self, name: str = "127.0.0.1", *, days: int = 30) -> ssl.SSLContext:
        """A server with a certificate of this authority."""
        key = SigningKey(f"server {name}")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        address = name.replace(".", "").isdigit()
        san: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name)) if address else x509.DNSName(name)
        builder = self._builder(subject, self._name, key, days).add_extension(x509.SubjectAlternativeName([san]), critical=False)
        made = builder.sign(self.key.private, hashes.SHA256())
        return self._context(key, made.public_bytes(serialization.Encoding.PEM))

    def alone(self) -> ssl.SSLContext:
        """A server with a certificate it gave itself."""
        key = SigningKey("nobody knows me")
        body = self_signed(key)
        lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
        return self._context(key, f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode())

    def _context(self, key: SigningKey, certificate: bytes) -> ssl.SSLContext:
        secret = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / "server.pem"
        path.write_bytes(secret + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only authority that is trusted."""
    made = Authority(tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(made.file))
    return made


def asked(transport: HttpxSockets, host: str) -> bytes:
    with contextlib.closing(transport.handle_request(httpx.Request("GET", f"https://{host}/"))) as response:
        return joined(response)


def test_a_certificate_that_is_right_is_trusted_and_the_connection_kept(authority: Authority) -> None:
    with Raw(hello, authority.issued()) as server:
        transport = HttpxSockets(server.host, Network(), verify=True)
        assert [asked(transport, server.host) for _ in range(3)] == [b"hello"] * 3
        assert server.connections == 1
        transport.close()


BAD: Final[Sequence[tuple[str, Callable[[Authority], ssl.SSLContext], str]]] = [
    ("self-signed", Authority.alone, "self.signed certificate"),
    ("expired", lambda one: one.issued(days=-1), "expired"),
    ("another name", lambda one: one.issued("127.0.0.2"), "IP address mismatch"),
    ("a name and no address", lambda one: one.issued("localhost"), "IP address mismatch"),
    ("another authority", lambda one: Authority(one.folder, "somebody else").issued(), "unable to get local issuer"),
]


@pytest.mark.parametrize(("context", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_certificate_that_is_wrong_is_no_connection(
    authority: Authority, context: Callable[[Authority], ssl.SSLContext], words: str
) -> None:
    with Raw(hello, context(authority)) as server:
        transport = HttpxSockets(server.host, Network(), verify=True)
        with pytest.raises(httpx.ConnectError, match=words):
            asked(transport, server.host)
        # and somewhere else it is what a redirect meets
        transport = HttpxSockets("127.0.0.1:1", Network(), verify=False)
        with pytest.raises(httpx.ConnectError, match=words):
            asked(transport, server.host)


@pytest.mark.parametrize("context", [case[1] for case in BAD], ids=[case[0] for case in BAD])
def test_a_wrong_certificate_is_let_pass_for_the_host_the_user_named(
    authority: Authority, context: Callable[[Authority], ssl.SSLContext]
) -> None:
    with Raw(hello, context(authority)) as server:
        home = HttpxSockets(server.host, Network(), verify=False)
        assert asked(home, server.host) == b"hello"
        home.close()
        elsewhere = HttpxSockets("127.0.0.1:1", Network(insecure=frozenset([server.host])), verify=True)
        assert asked(elsewhere, server.host) == b"hello"
        elsewhere.close()


@pytest.mark.parametrize("named", ["127.0.0.1:1", "localhost", "127.0.0.2", "127.0.0.1:443", "0.0.1", "*", ""])
def test_another_name_lets_nothing_pass(authority: Authority, named: str) -> None:
    with Raw(hello, authority.alone()) as server:
        transport = HttpxSockets("127.0.0.1:1", Network(insecure=frozenset([named])), verify=False)
        with pytest.raises(httpx.ConnectError):
            asked(transport, server.host)


def test_one_transport_trusts_one_host_and_not_the_other(authority: Authority) -> None:
    with Raw(hello, authority.alone()) as home, Raw(hello, authority.alone()) as other:
        transport = HttpxSockets(home.host, Network(), verify=False)
        for _ in range(2):
            assert asked(transport, home.host) == b"hello"
            with pytest.raises(httpx.ConnectError):
                asked(transport, other.host)
        transport.close()


def test_who_speaks_no_tls_is_no_connection(hostile: HostileServer) -> None:
    transport = HttpxSockets(hostile.host, Network(), verify=False)
    with pytest.raises(httpx.ConnectError):
        asked(transport, hostile.host)
    assert hostile.hellos == 1


def test_old_tls_is_not_spoken(authority: Authority) -> None:
    context = authority.issued()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Raw(hello, context) as server, pytest.raises(httpx.ConnectError):
        asked(HttpxSockets(server.host, Network(), verify=True), server.host)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SSLKEYLOGFILE"])
def test_the_environment_adds_no_trust(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    somebody = Authority(tmp_path, "of the environment")
    monkeypatch.setenv(variable, str(tmp_path if variable.endswith("DIR") else somebody.file))
    with Raw(hello, somebody.issued()) as server, pytest.raises(httpx.ConnectError):
        asked(HttpxSockets(server.host, Network(), verify=True), server.host)


def test_a_name_that_no_certificate_can_have_is_no_connection(authority: Authority) -> None:
    with Raw(hello, authority.issued()) as server:
        port = server.host.partition(":")[2]
        name = "a" * 70 + ".test"
        transport = HttpxSockets(f"{name}:{port}", Network(resolver=lambda host, port: ["127.0.0.1"]), verify=True)
        with pytest.raises((httpx.ConnectError, httpx.InvalidURL)):
            asked(transport, f"{name}:{port}")


@pytest.mark.parametrize("kind", ["length", "close"])
def test_a_body_over_tls_is_whole_or_an_error(authority: Authority, kind: str) -> None:
    body = numbered(3 * PIECE + 5)

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        length = b"Content-Length: %d\r\n" % len(body) if kind == "length" else b""
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body)
        assert isinstance(connection, ssl.SSLSocket)
        with contextlib.suppress(OSError):
            connection.unwrap()

    with Raw(serve, authority.issued()) as server:
        transport = HttpxSockets(server.host, Network(), verify=True)
        assert asked(transport, server.host) == body
        transport.close()


def test_a_stop_over_tls_hands_over_no_bytes_of_the_connection_itself(authority: Authority) -> None:
    """What waits in the kernel is still encrypted: after a stop it must not be taken for the body."""
    plenty = bytes(8 * PIECE)

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            connection.sendall(plenty)

    with Raw(serve, authority.issued()) as server:
        transport = HttpxSockets(server.host, Network(), verify=True)
        stop = threading.Event()
        request = httpx.Request("GET", f"https://{server.host}/", extensions={STOP: stop})
        response = transport.handle_request(request)
        pieces = response.iter_raw()
        assert set(bytes(next(pieces))) == {0}
        time.sleep(0.05)
        transport.abort(stop)
        received: list[bytes] = []
        with contextlib.closing(response), pytest.raises(httpx.CloseError):
            received.extend(bytes(piece) for piece in pieces)
        assert set(b"".join(received)) <= {0}


# -- other hosts -------------------------------------------------------------------------------------------------


def test_a_host_that_must_not_be_contacted_is_not(hostile: HostileServer) -> None:
    port = hostile.host.partition(":")[2]
    answers = {"home.test": ["10.0.0.1"], "inside.test": ["127.0.0.1"]}
    transport = HttpxSockets("home.test:1", Network(resolver=lambda host, port: answers[host]), verify=True)
    with pytest.raises(AddressError):
        transport.handle_request(httpx.Request("GET", f"http://inside.test:{port}/"))
    assert hostile.connections == 0


def test_the_limits_are_those_the_contract_names() -> None:
    assert (socket_connection.HEAD_SECONDS, sockets.RATE_SECONDS, sockets.LEAST_RATE) == (60.0, 30.0, 1024)
    assert socket_connection.BUFFER == PIECE


@contextlib.contextmanager
def deaf(*, accepts: bool) -> Iterator[int]:
    """A port at which nobody answers: a connection is never made, or made and then nothing is said."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(8 if accepts else 0)
        port = listener.getsockname()[1]
        for _ in range(0 if accepts else 4):  # those who wait already; for whoever comes next there is no room
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stop_wakes_whoever_waits_for_a_connection(scheme: str) -> None:
    with deaf(accepts=scheme == "https") as port:
        transport, stop = sockets.SocketTransport(f"127.0.0.1:{port}", Network(), verify=False), threading.Event()
        errors: list[BaseException] = []

        def connect() -> None:
            try:
                transport._connect((scheme, "127.0.0.1", port), stop)
            except sockets._ConnectError as error:
                errors.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        begun = time.monotonic()
        transport.abort(stop)
        thread.join(5)
        assert time.monotonic() - begun < 1
        assert len(errors) == 1
        assert transport._coming == {}
        with pytest.raises(sockets._ConnectError, match="stopped"):
            transport._connect((scheme, "127.0.0.1", port), stop)
