"""Everything an answer can have wrong with it, below the content: each fault changes one honest answer.

The rule of this file: a fault is a row. Its kind says what kind of trouble it is, so that a table of expected codes can
say once what follows from all of one kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from support.hostile_server import Close, Operation, Pairs, Reset, Scripted, Send, Wait, plain

Kind = Literal[
    "none", "broken", "slow", "malformed", "coded", "redirect", "status", "limited", "content", "address", "endless", "moved"
]
"""What kind of trouble a fault is.

none: there is no fault in it, only something unusual; broken: the connection ends; slow: nothing, or too little, comes;
malformed: no HTTP/1.1; coded: a coding nobody asked for; redirect: one that must not be followed; status: an answer
that says no; limited: come back later; content: well-formed HTTP with other bytes; address: a host that is not to be
contacted; endless: more than any limit; moved: a redirect to another host that may be followed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault: its name, its kind, and what becomes of an honest answer."""

    name: str
    kind: Kind
    change: Callable[[Scripted], Scripted]
    status: int = 0


FAULTS: Final[dict[str, Fault]] = {}


def _fault(name: str, kind: Kind, change: Callable[[Scripted], Scripted], status: int = 0) -> None:
    assert name not in FAULTS, name
    FAULTS[name] = Fault(name=name, kind=kind, change=change, status=status)


_MIB: Final = 1024 * 1024
_PIECE: Final = b"x" * 262_144


def _instead(*operations: Operation) -> Callable[[Scripted], Scripted]:
    """Nothing but this, in place of the whole answer."""
    return lambda honest: Scripted(before=operations, line=None)


def _length(*values: str) -> Callable[[Scripted], Scripted]:
    """Other Content-Lengths; the connection is closed after the body."""
    return lambda honest: honest.having("Content-Length", *values).then(Close())


def _headers(*added: tuple[str | bytes, str | bytes]) -> Callable[[Scripted], Scripted]:
    return lambda honest: replace(honest, headers=(*honest.headers, *added))


def _body(*operations: Operation, length: str | None = None) -> Callable[[Scripted], Scripted]:
    """Another body; the length stays what it was, unless one is given (empty: no such header)."""

    def change(honest: Scripted) -> Scripted:
        values = () if length == "" else (length,) if length is not None else None
        return replace(honest if values is None else honest.having("Content-Length", *values), body=operations)

    return change


def _chunked(*operations: Operation) -> Callable[[Scripted], Scripted]:
    """Another body, under ``Transfer-Encoding: chunked``."""
    return lambda honest: replace(_as_chunked(honest), body=(*operations, Close()))


def _as_chunked(honest: Scripted) -> Scripted:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(honest.content), honest.content)
    return replace(honest.having("Content-Length").having("Transfer-Encoding", "chunked"), body=(Send(body),))


def _cut(honest: Scripted, last: Operation) -> Scripted:
    return replace(honest, body=(Send(honest.content[: len(honest.content) // 2]), last))


def _half_chunk(honest: Scripted) -> Scripted:
    half = honest.content[: len(honest.content) // 2]
    return replace(_as_chunked(honest), body=(Send(b"%x\r\n%s" % (len(honest.content), half)), Close()))


def _redirect(location: str | bytes | None, status: int = 307) -> Callable[[Scripted], Scripted]:
    added: Pairs = () if location is None else (("Location", location),)
    return lambda honest: replace(honest, headers=(*honest.headers, *added)).saying(b"").status(status, "Elsewhere")


def _answer(status: int, words: str, body: bytes | None = None, **headers: str) -> Callable[[Scripted], Scripted]:
    """Another status, with a registry's own kind of error body."""
    text = json.dumps({"errors": [{"code": "UNKNOWN", "message": words}]}).encode() if body is None else body
    version = {"Docker_Distribution_Api_Version": "registry/2.0", "Content_Type": "application/json"}
    return lambda honest: plain(text, status=status, words=words, **version, **headers)


# -- the connection ----------------------------------------------------------------------------------------------

_fault("reset before the head", "broken", _instead(Reset()))
_fault("closed before the head", "broken", _instead(Close()))
_fault("half a head, closed", "broken", lambda honest: replace(honest, end=b"", body=(Close(),), even_head=True))
_fault("half a head, reset", "broken", lambda honest: replace(honest, end=b"", body=(Reset(),), even_head=True))
_fault("body cut, closed", "broken", lambda honest: _cut(honest, Close()))
_fault("body cut, reset", "broken", lambda honest: _cut(honest, Reset()))
_fault("body cut before its first byte", "broken", _body(Close()))
_fault("length too long", "broken", lambda honest: _length(str(len(honest.content) + 1))(honest))
_fault("chunked, cut", "broken", _half_chunk)
_fault("chunked, no last chunk", "broken", lambda honest: replace(_as_chunked(honest), body=(Send(b"1\r\nx\r\n"), Close())))
_fault("http 0.9", "broken", _instead(Send(b"<html>hello</html>\n"), Close()))

# -- time --------------------------------------------------------------------------------------------------------

_fault("silent before the head", "slow", _instead(Wait()))
_fault("half a head, silent", "slow", lambda honest: replace(honest, end=b"", body=(Wait(),), even_head=True))
_fault("head drips", "slow", lambda honest: replace(honest, end=b"X: ", body=(Send(b"x", None, 20.0),), even_head=True))
_fault("silent after the head", "slow", _body(Wait()))
_fault("body drips", "slow", _body(Send(b"x", None, 20.0)))
_fault("body drips, no length", "slow", _body(Send(b"x", None, 20.0), length=""))
_fault("chunks drip", "slow", _chunked(Send(b"1\r\nx\r\n", None, 20.0)))
_fault("body stalls in the middle", "slow", lambda honest: _cut(honest, Wait()))

# -- not HTTP/1.1 ------------------------------------------------------------------------------------------------

_fault(
    "endless headers",
    "malformed",
    lambda honest: replace(honest, end=b"", body=(Send(b"X: y\r\n" * 2048, None),), even_head=True),
)
_fault("header of 1 MiB", "malformed", _headers(("X", "x" * _MIB)))
_fault("500 headers", "malformed", _headers(*((f"X-{number}", "y") for number in range(500))))
_fault("endless interim answers", "malformed", _instead(Send(b"HTTP/1.1 102 Processing\r\n\r\n" * 64, None)))
_fault("status line is garbage", "malformed", lambda honest: replace(honest, line=b"\x00\xff\x1b[31mHELLO"))
_fault("status is no number", "malformed", lambda honest: replace(honest, line=b"HTTP/1.1 2OO OK"))
_fault("status of four digits", "malformed", lambda honest: replace(honest, line=b"HTTP/1.1 2000 OK"))
_fault("http/2 preface", "malformed", _instead(Send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Close()))
_fault("two lengths", "malformed", lambda honest: _length(str(len(honest.content)), str(len(honest.content) + 1))(honest))
_fault("length and chunks", "malformed", _headers(("Transfer-Encoding", "chunked")))
_fault("length negative", "malformed", _length("-1"))
_fault("length with a sign", "malformed", lambda honest: _length(f"+{len(honest.content)}")(honest))
_fault("length is garbage", "malformed", _length("1_0"))
_fault("length beyond 64 bits", "malformed", _length("9" * 30))
_fault("unknown transfer coding", "malformed", lambda honest: honest.having("Content-Length").having("Transfer-Encoding", "gzip"))
_fault("chunk size is garbage", "malformed", _chunked(Send(b"zz\r\nx\r\n0\r\n\r\n")))
_fault("chunk size beyond 64 bits", "malformed", _chunked(Send(b"f" * 20 + b"\r\nx")))
_fault("chunk longer than its size", "malformed", _chunked(Send(b"1\r\nxyz\r\n0\r\n\r\n")))
_fault("chunk extension without end", "malformed", _chunked(Send(b"1;"), Send(b"x" * 4096, None)))
_fault(
    "endless trailers",
    "malformed",
    lambda honest: replace(
        _as_chunked(honest),
        body=(Send(b"%x\r\n%s\r\n0\r\n" % (len(honest.content), honest.content)), Send(b"X: y\r\n" * 512, None)),
    ),
)
_fault("NUL in a header", "malformed", _headers(("X", b"a\0b")))
_fault("CR in a header", "malformed", _headers(("X", b"a\rb")))
_fault("LF in a header", "malformed", _headers(("X", b"a\nInjected: yes")))
_fault("folded header", "malformed", _headers(("X", b"a\r\n b")))
_fault("blank before the colon", "malformed", _headers((b"X ", b"a")))

# -- more than anybody wants -------------------------------------------------------------------------------------

_fault("endless body", "endless", _body(Send(_PIECE, None, 0.2), length=""))
_fault("endless chunks", "endless", _chunked(Send(b"40000\r\n" + _PIECE + b"\r\n", None, 0.2)))
_fault("length huge, body endless", "endless", _body(Send(_PIECE, None, 0.2), length="9" * 18))

# -- codings -----------------------------------------------------------------------------------------------------

_fault("coded as gzip", "coded", _headers(("Content-Encoding", "gzip")))
_fault(
    "coded, after a header that says it is not", "coded", _headers(("Content-Encoding", "identity"), ("Content-Encoding", "gzip"))
)
_fault(
    "coded, before a header that says it is not",
    "coded",
    _headers(("Content-Encoding", "gzip"), ("Content-Encoding", "identity")),
)
_fault("coded as br", "coded", _headers(("Content-Encoding", "br")))
_fault("coded fifty times", "coded", _headers(("Content-Encoding", ", ".join(["gzip"] * 50))))

# -- redirects ---------------------------------------------------------------------------------------------------

_fault("redirect to another host", "moved", _redirect("http://{stranger}/trap?sig=1", 301))
_fault("redirect with a user", "moved", _redirect("http://ada:secret@{stranger}/trap"))
_fault(
    "redirect twice at once", "moved", lambda honest: _redirect("http://{stranger}/a")(_redirect("http://{stranger}/b")(honest))
)
_fault("redirect to raw bytes", "moved", _redirect(b"/\xff\xfe\x80"))
_fault("redirect to a full-width host", "redirect", _redirect("http://127.0.0.1\uff1a1/".encode()))
_fault("redirect to no host", "moved", _redirect("http:///x"))
_fault("redirect to itself", "redirect", _redirect("{same}"))
_fault("redirect to a file", "redirect", _redirect("file:///etc/passwd"))
_fault("redirect to ftp", "redirect", _redirect("ftp://{stranger}/x"))
_fault("redirect to no URL", "redirect", _redirect("http://[::1"))
_fault("redirect to a port beyond", "redirect", _redirect("http://127.0.0.1:99999/"))
_fault("redirect without Location", "redirect", _redirect(None))
_fault("redirect to metadata", "address", _redirect("https://169.254.169.254/latest/meta-data/"))
_fault("redirect to a private network", "address", _redirect("http://10.0.0.1/"))
_fault("redirect to a name with a bad address", "address", _redirect("https://both.example/"))
_fault("redirect to metadata by name", "address", _redirect("https://metadata.example/"))

# -- another status ----------------------------------------------------------------------------------------------

for _code, _words in (
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (410, "Gone"),
    (416, "Range Not Satisfiable"),
    (418, "I'm a teapot"),
    (500, "Internal Server Error"),
    (501, "Not Implemented"),
    (507, "Insufficient Storage"),
    (204, "No Content"),
    (206, "Partial Content"),
    (304, "Not Modified"),
):
    _fault(f"status {_code}", "status", _answer(_code, _words, b"" if _code in (204, 304) else None), _code)
for _code, _words in ((502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout"), (429, "Too Many Requests")):
    _fault(f"status {_code}", "limited", _answer(_code, _words), _code)
for _code in (429, 503):
    _fault(f"status {_code}, soon", "limited", _answer(_code, "Later", Retry_After="1"), _code)
    _fault(f"status {_code}, in a year", "limited", _answer(_code, "Later", Retry_After="31536000"), _code)
    _fault(f"status {_code}, some time", "limited", _answer(_code, "Later", Retry_After="soon\x1b[2J"), _code)
    _fault(f"status {_code}, at a date", "limited", _answer(_code, "Later", Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"), _code)

_fault("error with an empty list", "status", _answer(404, "Not Found", b'{"errors":[]}'), 404)
_fault("error that is no JSON", "status", _answer(404, "Not Found", b"\xff\x1b]0;title\x07<script>alert(1)</script>"), 404)
_fault("error of 10 MiB", "status", _answer(500, "Whatever", b"x" * (10 * _MIB)), 500)

# -- other bytes -------------------------------------------------------------------------------------------------

_fault("other bytes of the same length", "content", lambda honest: honest.saying(b"\x00" * len(honest.content)))
_fault("one bit flipped", "content", lambda honest: honest.saying(bytes([honest.content[0] ^ 1]) + honest.content[1:]))
_fault("length too short", "content", lambda honest: _length(str(max(0, len(honest.content) - 1)))(honest))
_fault("empty body", "content", lambda honest: honest.saying(b""))
_fault("body twice", "content", lambda honest: honest.saying(honest.content * 2))
_fault("JSON of 5 MiB", "content", lambda honest: honest.saying(b'{"a":"' + b"x" * (5 * _MIB) + b'"}'))
_fault("JSON too deep", "content", lambda honest: honest.saying(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"))
_fault(
    "a page of HTML", "content", lambda honest: honest.saying(b"<html>captive portal</html>").having("Content-Type", "text/html")
)

# -- nothing wrong -----------------------------------------------------------------------------------------------

_fault("chunked", "none", _as_chunked)
_fault("no length, closed", "none", lambda honest: honest.having("Content-Length").then(Close()))
_fault("the same length twice", "none", lambda honest: _headers(("Content-Length", str(len(honest.content))))(honest))
_fault("surplus after the body", "none", lambda honest: honest.then(Send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nforge")))
_fault("one interim answer", "none", lambda honest: replace(honest, before=(Send(b"HTTP/1.1 100 Continue\r\n\r\n"),)))
_fault(
    "words in the status",
    "none",
    lambda honest: replace(honest, line=(honest.line or b"").rpartition(b" ")[0] + b" \x1b[31m<script>"),
)
_fault("coded as identity", "none", _headers(("Content-Encoding", "identity")))
_fault("cookies", "none", _headers(("Set-Cookie", "session=1; Domain=127.0.0.1; Path=/")))
