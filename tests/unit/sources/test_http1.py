"""The bytes of HTTP/1.1: what is an answer, where it ends, and what is refused because two readers could differ."""

from __future__ import annotations

import contextlib
import time
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.sources.http1 import (
    HEAD_LIMIT,
    Framing,
    Head,
    MalformedError,
    chunk_size,
    framing,
    parse_head,
    request_head,
)

OK: Final = b"HTTP/1.1 200 OK\r\n"


def read(block: bytes, method: str = "GET") -> tuple[Head, Framing]:
    """Read a head and where its body ends, as a transport does."""
    head = parse_head(block)
    return head, framing(head, method)


# -- heads that are read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status", "reason", "keeps_open"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK", True),
        (b"HTTP/1.1 200", 200, b"", True),
        (b"HTTP/1.1 200 ", 200, b"", True),
        (b"HTTP/1.1 404 Not Found", 404, b"Not Found", True),
        (b"HTTP/1.1 100 Continue", 100, b"Continue", True),
        (b"HTTP/1.1 999 ?", 999, b"?", True),
        (b"HTTP/1.1 200 gr\xc3\xbcn", 200, b"gr\xc3\xbcn", True),
        (b"HTTP/1.1 200 \t x", 200, b"\t x", True),
        (b"HTTP/1.0 200 OK", 200, b"OK", False),
    ],
)
def test_a_status_line_is_read(line: bytes, status: int, reason: bytes, keeps_open: bool) -> None:  # noqa: FBT001
    head = parse_head(line)
    assert (head.status, head.reason, head.headers, head.keeps_open) == (status, reason, [], keeps_open)


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        (b"A: b", (b"A", b"b")),
        (b"A:b", (b"A", b"b")),
        (b"A:", (b"A", b"")),
        (b"A: \t ", (b"A", b"")),
        (b"A: \t b c \t", (b"A", b"b c")),
        (b"A: b: c", (b"A", b"b: c")),
        (b"!#$%&'*+.^_`|~-09azAZ: x", (b"!#$%&'*+.^_`|~-09azAZ", b"x")),
        (b"A: \xff\x80", (b"A", b"\xff\x80")),
        (b"A: \x01\x7f", (b"A", b"\x01\x7f")),
        (b"A: a\x0bb\x0c", (b"A", b"a\x0bb\x0c")),
    ],
)
def test_a_header_is_read_without_the_blanks_around_its_value(line: bytes, pair: tuple[bytes, bytes]) -> None:
    assert parse_head(OK + line).headers == [pair]


def test_headers_keep_their_order_and_their_repetitions() -> None:
    assert parse_head(OK + b"B: 1\r\na: 2\r\nB: 3").headers == [(b"B", b"1"), (b"a", b"2"), (b"B", b"3")]


@pytest.mark.parametrize(
    ("headers", "keeps_open"),
    [
        (b"Connection: close", False),
        (b"connection: Close", False),
        (b"Connection: keep-alive, close", False),
        (b"Connection: keep-alive\r\nConnection: close", False),
        (b"Connection: close\r\nConnection: keep-alive", False),
        (b"Connection: keep-alive", True),
        (b"X-Connection: close", True),
        (b"Connection:", True),
    ],
)
def test_a_connection_is_kept_unless_the_answer_says_otherwise(headers: bytes, keeps_open: bool) -> None:  # noqa: FBT001
    assert parse_head(OK + headers).keeps_open is keeps_open


def test_128_headers_are_read_and_129_are_not() -> None:
    assert len(parse_head(OK + b"\r\n".join([b"A: b"] * 128)).headers) == 128
    with pytest.raises(MalformedError, match="more than 128 headers"):
        parse_head(OK + b"\r\n".join([b"A: b"] * 129))


@pytest.mark.parametrize(
    ("block", "method", "expected"),
    [
        (b"HTTP/1.1 200 OK", "GET", "close"),
        (OK + b"Content-Length: 0", "GET", 0),
        (OK + b"Content-Length: 12", "GET", 12),
        (OK + b"Content-Length: 012", "GET", 12),
        (OK + b"content-length:\t7 ", "GET", 7),
        (OK + b"Content-Length: 5\r\nContent-Length: 5", "GET", 5),
        (OK + b"Content-Length: 999999999999999999", "GET", 999_999_999_999_999_999),
        (OK + b"Transfer-Encoding: chunked", "GET", "chunked"),
        (OK + b"TRANSFER-ENCODING: Chunked", "GET", "chunked"),
        (OK + b"Content-Length: 12", "HEAD", 0),
        (OK + b"Transfer-Encoding: chunked", "HEAD", 0),
        (b"HTTP/1.1 200 OK", "HEAD", 0),
        (b"HTTP/1.1 204 No Content", "GET", 0),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 3", "GET", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3", "GET", 0),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 3", "GET", 0),
        (b"HTTP/1.1 199 x", "GET", 0),
        (b"HTTP/1.1 404 x", "GET", "close"),
        (b"HTTP/1.1 206 x\r\nContent-Length: 3", "GET", 3),
        (b"HTTP/1.0 200 OK", "GET", "close"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3", "GET", 3),
        (OK + b"X-Content-Length: 12", "GET", "close"),
    ],
)
def test_the_end_of_a_body_is_told_in_one_way(block: bytes, method: str, expected: Framing) -> None:
    assert read(block, method)[1] == expected


# -- heads that are refused --------------------------------------------------------------------------------------

STATUS_LINES: Final = [
    b"",
    b" ",
    b"\r\n",
    b"HTTP/1.1",
    b"HTTP/1.1 ",
    b"HTTP/1.1 20",
    b"HTTP/1.1 2000",
    b"HTTP/1.1 000 OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 -20 OK",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 2e2 OK",
    b"HTTP/1.1 0x1 OK",
    b"HTTP/1.1 \xb2\xb2\xb2 OK",
    b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1\t200 OK",
    b"HTTP/1.1 200\tOK",
    b"HTTP/1.1 200OK",
    b" HTTP/1.1 200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.2 200 OK",
    b"HTTP/2 200",
    b"HTTP/2.0 200 OK",
    b"HTTP/0.9 200 OK",
    b"HTTP/11 200 OK",
    b"HTTP/1,1 200 OK",
    b"HTTP/ 1.1 200 OK",
    b"HTTPS/1.1 200 OK",
    b"ICY 200 OK",
    b"200 OK",
    b"HTTP/1.1 OK 200",
    b"HTTP/1.1 200 O\nK",
    b"HTTP/1.1 200 O\rK",
    b"HTTP/1.1 200 O\0K",
    b"HTTP/1.1 200 OK\n",
    b"\nHTTP/1.1 200 OK",
    b"\r\nHTTP/1.1 200 OK",
    b"\xef\xbb\xbfHTTP/1.1 200 OK",
    b"PRI * HTTP/2.0\r\n\r\nSM",
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"SSH-2.0-OpenSSH_9.2",
    b"<html><body>200 OK</body></html>",
    b"GET / HTTP/1.1",
    b"x" * 10_000,
]

HEADERS: Final = [
    b"",
    b"A",
    b"A b",
    b": b",
    b":",
    b"A : b",
    b"A\t: b",
    b" A: b",
    b"\tA: b",
    b"A: b\r\n c",
    b"A: b\r\n\tc",
    b"A: b\r\n ",
    b"A: b\n",
    b"A: b\nC: d",
    b"A: b\n\nHTTP/1.1 200 OK",
    b"A: b\rC: d",
    b"A: b\r",
    b"\nA: b",
    b"A: b\r\n\r\nC: d",
    b"A: \0",
    b"A\0: b",
    b"A(b): c",
    b"A,B: c",
    b'"A": c',
    b"A/B: c",
    b"A@: c",
    b"[A]: c",
    b"{A}: c",
    b"A B: c",
    b"\xc3\x84: c",
    b"A\x7f: c",
    b"A\x0b: c",
    b"Content-Length : 3",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\x00: chunked",
    b"HTTP/1.1 200 OK",
    b"A: b\r\n=",
]

FRAMINGS: Final = [
    b"Content-Length:",
    b"Content-Length: ,",
    b"Content-Length: 3,",
    b"Content-Length: 3, 3",
    b"Content-Length: 3;3",
    b"Content-Length: 3 3",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: -0",
    b"Content-Length: 3.0",
    b"Content-Length: 3e0",
    b"Content-Length: 0x3",
    b"Content-Length: 1_000",
    b"Content-Length: \xb3",
    b"Content-Length: \xd9\xa3",
    b"Content-Length: three",
    b"Content-Length: 3b",
    b"Content-Length: '3'",
    b'Content-Length: "3"',
    b"Content-Length: 3\x0b",
    b"Content-Length: 3\x0c",
    b"Content-Length: 1000000000000000000",
    b"Content-Length: 9223372036854775807",
    b"Content-Length: 18446744073709551616",
    b"Content-Length: " + b"9" * 5_000,
    b"Content-Length: " + b"0" * 19,
    b"Content-Length: 3\r\nContent-Length: 4",
    b"Content-Length: 3\r\nContent-Length: 03",
    b"Content-Length: 3\r\ncontent-length: 4\r\nContent-Length: 3",
    b"Content-Length: 3\r\nContent-Length:",
    b"Content-Length: x\r\nContent-Length: x",
    b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    b"Transfer-Encoding: identity\r\nContent-Length: 3",
    b"Transfer-Encoding: x\r\nContent-Length: x",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: chunked;x=y",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked,",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: \x0bchunked",
]


@pytest.mark.parametrize("line", STATUS_LINES)
def test_what_is_no_status_line_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_head(line)
    with pytest.raises(MalformedError):
        parse_head(line + b"\r\nContent-Length: 0")


@pytest.mark.parametrize("lines", HEADERS)
def test_what_is_no_header_is_refused(lines: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^not a header: "):
        parse_head(OK + lines)
    with pytest.raises(MalformedError, match=r"^not a header: "):
        parse_head(OK + b"X: y\r\n" + lines + b"\r\nZ: z")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("lines", FRAMINGS)
def test_a_body_with_two_ends_is_refused(lines: bytes, method: str) -> None:
    head = parse_head(OK + lines)
    with pytest.raises(MalformedError):
        framing(head, method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_chunks_are_not_for_http_1_0(method: str) -> None:
    head = parse_head(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked")
    with pytest.raises(MalformedError):
        framing(head, method)


def test_a_refusal_shows_the_beginning_of_what_came_and_no_control_character() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_head(b"\x1b[31m\xff" + b"x" * 100)
    assert str(caught.value) == r"not a status line of HTTP/1.1: '\x1b[31m\\xff" + "x" * 54 + "' and more"


@pytest.mark.parametrize("line", [b"a:" + b" " * 60_000 + b"\0", b"a:x" + b" " * 60_000 + b"y", b"a" * 60_000, b"a:" * 30_000])
def test_a_head_is_read_in_one_go_however_it_is_made(line: bytes) -> None:
    assert len(OK + line) < HEAD_LIMIT
    start = time.process_time()
    with contextlib.suppress(MalformedError):
        parse_head(OK + line)
    assert time.process_time() - start < 0.5


# -- any bytes ---------------------------------------------------------------------------------------------------

PIECES: Final = st.sampled_from(
    [
        *STATUS_LINES[:45],
        *HEADERS,
        *FRAMINGS[:24],
        *FRAMINGS[25:],
        OK,
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        b" ",
        b"\t",
        b"A: b\r\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=8).map(lambda some: OK + b"\r\n".join(some))))
def test_any_bytes_are_a_head_or_malformed_and_nothing_else(block: bytes) -> None:
    try:
        head, end = read(block)
    except MalformedError:
        return
    assert 100 <= head.status <= 999
    assert end in ("close", "chunked") or (isinstance(end, int) and 0 <= end < 10**18)
    assert not any(set(b"\r\n\0") & set(name + value) for name, value in head.headers)
    written = b"HTTP/1.1 %d %s" % (head.status, head.reason)
    again = parse_head(b"\r\n".join([written, *(name + b": " + value for name, value in head.headers)]))
    assert (again.status, again.reason, again.headers) == (head.status, head.reason, head.headers)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_the_size_of_a_chunk_or_malformed(line: bytes) -> None:
    try:
        size = chunk_size(line)
    except MalformedError:
        return
    assert 0 <= size < 16**15
    assert line[:1].isalnum()


# -- chunks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"0", 0),
        (b"00", 0),
        (b"1a", 26),
        (b"1A", 26),
        (b"000000000000010", 16),
        (b"fffffffffffffff", 16**15 - 1),
        (b"5 ", 5),
        (b"5\t;x", 5),
        (b"5;", 5),
        (b"5;x=y;z", 5),
        (b'5;x="a b"', 5),
    ],
)
def test_the_size_of_a_chunk_is_read(line: bytes, size: int) -> None:
    assert chunk_size(line) == size


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" 5",
        b"-1",
        b"+5",
        b"0x5",
        b"5h",
        b"g",
        b"5 x",
        b"5,5",
        b"1_0",
        b"5\n",
        b"5\r",
        b"5;\n",
        b"5;\0",
        b"\xb5",
        b"1000000000000000",
        b"f" * 100,
        b"0" * 16,
    ],
)
def test_what_is_no_size_of_a_chunk_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^not the size of a chunk: "):
        chunk_size(line)


# -- requests ----------------------------------------------------------------------------------------------------


def test_a_request_s_head_is_written_in_the_order_given() -> None:
    written = request_head("HEAD", b"/v2/?a=b", [(b"Host", b"h:5000"), (b"Accept", b"*/*"), (b"Accept", b"")])
    assert written == b"HEAD /v2/?a=b HTTP/1.1\r\nHost: h:5000\r\nAccept: */*\r\nAccept: \r\n\r\n"


@pytest.mark.parametrize(
    ("target", "header"),
    [
        (b"/\r\nX: y", (b"Host", b"h")),
        (b"/\n", (b"Host", b"h")),
        (b"/", (b"Ho\rst", b"h")),
        (b"/", (b"Host", b"h\r\nX: y")),
        (b"/", (b"Host", b"h\n")),
        (b"/", (b"Host\n", b"h")),
    ],
)
def test_a_line_break_in_a_request_is_never_sent(target: bytes, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(MalformedError, match="line break"):
        request_head("GET", target, [header])
