"""Bytes to a tree of values that remembers where each one stood.

The rule of this file: the fast path (one regular expression per token) decides what is valid; the slow path (Go's
scanner, state by state) is entered only to word the refusal as Go did. A property test holds the two together.
"""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import GoJSONError

MAX_DEPTH: Final = 10_000
"""Nesting beyond which a document is refused instead of read (Go's own later limit)."""

_SHORT: Final = 32 * 1024
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_INSIDE: Final = rb'"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+)"'
_SCALAR: Final = re.compile(
    rb"[ \t\r\n]*+(?:" + _INSIDE + rb"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)|(true|false|null))[ \t\r\n]*+"
)
"""A string, a number or a literal with the white space around it; the groups are without."""
_NAME: Final = re.compile(rb"[ \t\r\n]*+" + _INSIDE + rb"[ \t\r\n]*+:")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LITERALS: Final = {b"true": ("bool", True), b"false": ("bool", False), b"null": ("null", None)}


@dataclass(slots=True)
class Node:
    """One JSON value and the span of bytes it was read from.

    ``kind`` is object, array, string, number, bool or null. ``value`` is, in that order: a list of (name, Node) in
    document order with duplicates kept; a list of Node; the decoded str; the literal's text; a bool; None.
    """

    kind: str
    start: int
    end: int
    value: Any


def parse(data: bytes) -> Node:
    """Read a text that must be one JSON value and nothing else (``json.Unmarshal``).

    Raises
    ------
    GoJSONError
        With Go's text, e.g. ``unexpected end of JSON input``.
    """
    return _remembered(data) if len(data) <= _SHORT else _whole(data)


def _whole(data: bytes) -> Node:
    node, end = _value(data, stream=False)
    if _skip(data, end) != len(data):
        raise _refusal(data, stream=False)
    return node


_remembered: Final = functools.lru_cache(maxsize=64)(_whole)
"""A text is read for its kind, its members and its ambiguities apart: the tree, which nobody changes, is made once."""


def parse_first(data: bytes) -> Node:
    """Read the first JSON value of a stream and ignore what follows (``json.Decoder.Decode``).

    Raises
    ------
    GoJSONError
        ``EOF`` for a blank stream, ``unexpected EOF`` for a value that is cut, or the syntax error.
    """
    node, end = _value(data, stream=True)
    if node.kind == "number" and data[end : end + 1] in (b".", b"e", b"E"):
        raise _refusal(data, stream=True)
    return node


def parse_at(data: bytes, position: int) -> Node:
    """Read the value that begins at a place of a text known to be valid; white space before it is skipped."""
    return _value(data, position, stream=True)[0]


def _skip(data: bytes, position: int) -> int:
    return _SPACE.match(data, position).end()  # type: ignore[union-attr]  # matches the empty string, too


def _value(data: bytes, position: int = 0, *, stream: bool) -> tuple[Node, int]:
    open_values: list[Node] = []
    names: list[str] = []
    while True:
        # A value starts here, unless an empty container was just opened and closes at once.
        match = _SCALAR.match(data, position)
        if match is not None:
            node = _scalar(match)
            position = match.end()
        else:
            position = _skip(data, position)
            byte = data[position] if position < len(data) else -1
            if byte not in (0x7B, 0x5B):
                raise _refusal(data, stream=stream)
            node = Node("object" if byte == 0x7B else "array", position, -1, [])
            if len(open_values) >= MAX_DEPTH:
                raise GoJSONError("exceeded max depth", where=f"byte {position}", expected=f"at most {MAX_DEPTH} levels")
            after = _skip(data, position + 1)
            if data[after : after + 1] != (b"}" if byte == 0x7B else b"]"):
                open_values.append(node)
                if byte == 0x7B:
                    after = _name(data, after, names, stream=stream)
                position = after
                continue
            node.end = after + 1
            position = _skip(data, node.end)
        # A value ended here: give it to the container that is open, and close every container that ends with it.
        while open_values:
            container = open_values[-1]
            byte = data[position] if position < len(data) else -1
            if container.kind == "array":
                container.value.append(node)
                closing = 0x5D
            else:
                container.value.append((names.pop(), node))
                closing = 0x7D
            if byte == 0x2C:
                position += 1
                if container.kind == "object":
                    position = _name(data, position, names, stream=stream)
                break
            if byte != closing:
                raise _refusal(data, stream=stream)
            container.end = position + 1
            position = _skip(data, position + 1)
            node = open_values.pop()
        else:
            return node, node.end


def _scalar(match: re.Match[bytes]) -> Node:
    """The value a match of ``_SCALAR`` found."""
    group = match.lastindex or 0
    start, end = match.span(group)
    if group == 1:
        return Node("string", start - 1, end + 1, unquote(match[1]))
    if group == 2:
        return Node("number", start, end, match[2].decode("ascii"))
    kind, value = _LITERALS[match[3]]
    return Node(kind, start, end, value)


def _name(data: bytes, position: int, names: list[str], *, stream: bool) -> int:
    """Read a member's name and its colon; return where its value may start."""
    match = _NAME.match(data, position)
    if match is None:
        raise _refusal(data, stream=stream)
    names.append(unquote(match[1]))
    return match.end()


def unquote(inside: bytes) -> str:
    """Decode the inside of a JSON string: bad bytes and lone surrogates become U+FFFD, one for each byte or escape."""
    text = decode_utf8(inside)
    return _SURROGATE.sub("\ufffd", json.loads(f'"{text}"')) if "\\" in text else text


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8 as Go's ``range`` over a string does: every byte that is not part of a character is U+FFFD."""
    return data.decode("utf-8", "layerproof.go")


def _one_for_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("layerproof.go", _one_for_each_byte)


# --- the slow path: Go's scanner, for the words of its refusals -------------------------------------------------

_Step = Callable[[int], "str | None"]  # takes a byte; returns None, or the context of the error


class _GoScanner:
    """Go 1.4 ``encoding/json`` scanner: one method per state, a stack of what is open."""

    def __init__(self) -> None:
        self.step: _Step = self.begin_value
        self.open: list[str] = []
        self.at_top = False

    def begin_value_or_empty(self, c: int) -> str | None:
        if c in b" \t\r\n":
            return None
        return self.end_value(c) if c == 0x5D else self.begin_value(c)

    def begin_value(self, c: int) -> str | None:
        if c in b" \t\r\n":
            return None
        if c == 0x7B:
            self.open.append("name")
            self.step = self.begin_string_or_empty
        elif c == 0x5B:
            self.open.append("element")
            self.step = self.begin_value_or_empty
        elif c == 0x22:
            self.step = self.in_string
        elif c == 0x2D:
            self.step = self.negative
        elif c == 0x30:
            self.step = self.after_zero
        elif 0x31 <= c <= 0x39:
            self.step = self.digits
        elif c in b"tfn":
            self.expect({0x74: "true", 0x66: "false", 0x6E: "null"}[c], 1)
        else:
            return "looking for beginning of value"
        return None

    def begin_string_or_empty(self, c: int) -> str | None:
        if c in b" \t\r\n":
            return None
        if c == 0x7D:
            self.open[-1] = "value"
            return self.end_value(c)
        return self.begin_string(c)

    def begin_string(self, c: int) -> str | None:
        if c in b" \t\r\n":
            return None
        if c != 0x22:
            return "looking for beginning of object key string"
        self.step = self.in_string
        return None

    def end_value(self, c: int) -> str | None:
        if not self.open:
            self.step = self.end_top
            self.at_top = True
            return self.end_top(c)
        if c in b" \t\r\n":
            self.step = self.end_value
            return None
        inside = self.open[-1]
        if inside == "name":
            if c != 0x3A:
                return "after object key"
            self.open[-1] = "value"
            self.step = self.begin_value
        elif inside == "value":
            if c == 0x2C:
                self.open[-1] = "name"
                self.step = self.begin_string
            elif c == 0x7D:
                self.close()
            else:
                return "after object key:value pair"
        elif c == 0x2C:
            self.step = self.begin_value
        elif c == 0x5D:
            self.close()
        else:
            return "after array element"
        return None

    def close(self) -> None:
        self.open.pop()
        if self.open:
            self.step = self.end_value
        else:
            self.step = self.end_top
            self.at_top = True

    def end_top(self, c: int) -> str | None:
        return None if c in b" \t\r\n" else "after top-level value"

    def in_string(self, c: int) -> str | None:
        if c == 0x22:
            self.step = self.end_value
        elif c == 0x5C:
            self.step = self.in_escape
        elif c < 0x20:
            return "in string literal"
        return None

    def in_escape(self, c: int) -> str | None:
        if c == 0x75:
            self.hex_left = 4
            self.step = self.in_hex
        elif c in b'bfnrt\\/"':
            self.step = self.in_string
        else:
            return "in string escape code"
        return None

    def in_hex(self, c: int) -> str | None:
        if c not in b"0123456789abcdefABCDEF":
            return "in \\u hexadecimal character escape"
        self.hex_left -= 1
        if not self.hex_left:
            self.step = self.in_string
        return None

    def negative(self, c: int) -> str | None:
        if c == 0x30:
            self.step = self.after_zero
        elif 0x31 <= c <= 0x39:
            self.step = self.digits
        else:
            return "in numeric literal"
        return None

    def digits(self, c: int) -> str | None:
        if 0x30 <= c <= 0x39:
            return None
        return self.after_zero(c)

    def after_zero(self, c: int) -> str | None:
        if c == 0x2E:
            self.step = self.after_point
        elif c in b"eE":
            self.step = self.after_exponent
        else:
            return self.end_value(c)
        return None

    def after_point(self, c: int) -> str | None:
        if not 0x30 <= c <= 0x39:
            return "after decimal point in numeric literal"
        self.step = self.fraction
        return None

    def fraction(self, c: int) -> str | None:
        if 0x30 <= c <= 0x39:
            return None
        if c in b"eE":
            self.step = self.after_exponent
            return None
        return self.end_value(c)

    def after_exponent(self, c: int) -> str | None:
        if c in b"+-":
            self.step = self.after_sign
            return None
        return self.after_sign(c)

    def after_sign(self, c: int) -> str | None:
        if not 0x30 <= c <= 0x39:
            return "in exponent of numeric literal"
        self.step = self.exponent
        return None

    def exponent(self, c: int) -> str | None:
        return None if 0x30 <= c <= 0x39 else self.end_value(c)

    def expect(self, word: str, position: int) -> None:
        def literal(c: int) -> str | None:
            if c != ord(word[position]):
                return f"in literal {word} (expecting '{word[position]}')"
            if position + 1 == len(word):
                self.step = self.end_value
            else:
                self.expect(word, position + 1)
            return None

        self.step = literal


def _refusal(data: bytes, *, stream: bool) -> GoJSONError:
    scanner = _GoScanner()
    for position, byte in enumerate(data):
        context = scanner.step(byte)
        if context is not None:
            return GoJSONError(f"invalid character {_quote_char(byte)} {context}", where=f"byte {position}")
    if stream:
        blank = not data.strip(b" \t\r\n")
        return GoJSONError("EOF" if blank else "unexpected EOF", where=f"byte {len(data)}")
    context = scanner.step(0x20)
    if context is not None:
        return GoJSONError(f"invalid character ' ' {context}", where=f"byte {len(data)}")
    return GoJSONError("unexpected end of JSON input", where=f"byte {len(data)}")


def _quote_char(byte: int) -> str:
    if byte == 0x27:
        return "'\\''"
    if byte == 0x22:
        return "'\"'"
    return f"'{go_quote(chr(byte))[1:-1]}'"


_GO_ESCAPES: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_ESCAPED: Final = re.compile(r'["\\]')


def go_quote(text: str) -> str:
    r"""Quote a text as Go's ``%q`` does.

    >>> print(go_quote('a"b'))
    "a\"b"
    """
    if text.isascii() and text.isprintable() and not _ESCAPED.search(text):
        return f'"{text}"'
    out: list[str] = []
    for char in text:
        code = ord(char)
        if code in _GO_ESCAPES:
            out.append(_GO_ESCAPES[code])
        elif char.isprintable() and (code < 0x80 or not char.isspace()):
            out.append(char)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    return '"' + "".join(out) + '"'
