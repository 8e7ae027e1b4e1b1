"""Values and raw texts to the bytes Go 1.4 would have written.

The rule of this file: fresh strings are escaped one way (``<``, ``>``, ``&`` and U+2028/9 too); raw values are copied
byte for byte except white space and those five characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_FRESH: Final = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    0x0A: "\\n",
    0x0D: "\\r",
    0x09: "\\t",
    0x22: '\\"',
    0x5C: "\\\\",
    0x3C: "\\u003c",
    0x3E: "\\u003e",
    0x26: "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
_IN_RAW_STRING: Final = re.compile(rb"[<>&]|\xe2\x80[\xa8\xa9]")
_PIECE: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+")|[ \t\r\n]+', re.DOTALL)


def string(text: str) -> bytes:
    r"""Write a string.

    >>> string("a<b").decode()
    '"a\\u003cb"'
    """
    return ('"' + text.translate(_FRESH) + '"').encode("utf-8")


def compact(raw: bytes) -> bytes:
    r"""Copy a valid JSON text as ``json.RawMessage`` is copied: no white space between tokens, five characters escaped.

    >>> compact(b'{ "a" : "x<y" , "b" : 1.0 }')
    b'{"a":"x\\u003cy","b":1.0}'
    """
    return _PIECE.sub(lambda match: _IN_RAW_STRING.sub(_escape, match[1]) if match[1] else b"", raw)


def _escape(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return b"\\u%04x" % found[0] if len(found) == 1 else b"\\u202" + b"%x" % (found[2] & 0xF)


def struct(fields: Iterable[tuple[str, bytes]]) -> bytes:
    """Write an object whose names keep their order (a Go struct)."""
    return b"{" + b",".join(string(name) + b":" + value for name, value in fields) + b"}"


def mapping(values: Mapping[str, bytes]) -> bytes:
    """Write an object whose names are sorted by their UTF-8 bytes (a Go map)."""
    return struct(sorted(values.items(), key=lambda item: item[0].encode("utf-8")))


def array(values: Iterable[bytes]) -> bytes:
    """Write an array."""
    return b"[" + b",".join(values) + b"]"
