"""The bytes of HTTP/1.1: a request's head, an answer's head, and where its body ends.

The rule of this file: no I/O. An answer that two readers could read in two ways is refused, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of an answer's head, its status line and headers."""
_HEADERS_LIMIT: Final = 128
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\r\n\0]*))?")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[^\r\n\0]*)?")

Framing = int | Literal["chunked", "close"]
"""Where a body ends: after so many bytes, after the last chunk, or with the connection."""


class MalformedError(ValueError):
    """What came is not HTTP/1.1, or could be read in more than one way."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    keeps_open: bool
    version: bytes = b"1"


def parse_head(block: bytes) -> Head:
    r"""Read the head of an answer, up to and without the empty line.

    Raises
    ------
    MalformedError

    Notes
    -----
    Origin: RFC 9112, sections 4 and 5. Line folding, bare line feeds and blanks before the colon are refused.

    Examples
    --------
    >>> parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 2").headers
    [(b'Content-Length', b'2')]
    """
    first, *lines = block.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise MalformedError(f"not a status line of HTTP/1.1: {_shown(first)}")
    if len(lines) > _HEADERS_LIMIT:
        raise MalformedError(f"more than {_HEADERS_LIMIT} headers")
    headers = []
    closing = status[1] == b"0"
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise MalformedError(f"not a header: {_shown(line)}")
        headers.append((field[1], field[2].strip(b"\t ")))
        closing = closing or (field[1].lower() == b"connection" and b"close" in field[2].lower())
    return Head(int(status[2]), status[3] or b"", headers, not closing, status[1])


def framing(head: Head, method: str) -> Framing:
    """Tell where the body of an answer ends.

    Raises
    ------
    MalformedError
        It says so twice, and differently.

    Notes
    -----
    Origin: RFC 9112, section 6.3. An answer with both a length and a transfer coding is refused, as is any coding but
    ``chunked``.
    """
    lengths, codings = [], []
    for name, value in head.headers:
        lowered = name.lower()
        if lowered == b"content-length":
            lengths.append(value)
        elif lowered == b"transfer-encoding":
            codings.append(value)
    if codings and lengths:
        raise MalformedError("both Content-Length and Transfer-Encoding")
    if len(set(lengths)) > 1:
        raise MalformedError(f"Content-Length twice: {_shown(lengths[0])} and {_shown(lengths[-1])}")
    if lengths and _LENGTH.fullmatch(lengths[0]) is None:
        raise MalformedError(f"not a Content-Length: {_shown(lengths[0])}")
    if codings and head.version != b"1":
        raise MalformedError("Transfer-Encoding in an answer of HTTP/1.0")
    if codings and [one.lower() for one in codings] != [b"chunked"]:
        raise MalformedError(f"Transfer-Encoding: {_shown(b', '.join(codings))}")
    if method == "HEAD" or head.status < 200 or head.status in (204, 304):
        return 0
    if codings:
        return "chunked"
    return int(lengths[0]) if lengths else "close"


def chunk_size(line: bytes) -> int:
    r"""Read the line before a chunk.

    >>> chunk_size(b"1a;x=y")
    26
    """
    match = _CHUNK.fullmatch(line)
    if match is None:
        raise MalformedError(f"not the size of a chunk: {_shown(line)}")
    return int(match[1], 16)


def request_head(method: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    r"""Write the head of a request without a body.

    >>> request_head("GET", b"/v2/", [(b"Host", b"h")])
    b'GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n'
    """
    lines = [method.encode("ascii") + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise MalformedError("a line break in a request's header")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _shown(raw: bytes) -> str:
    text = raw[:60].decode("ascii", "backslashreplace")
    return repr(text) + (" and more" if len(raw) > 60 else "")
