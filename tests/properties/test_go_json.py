"""Go's JSON: the fast path and the slow path agree, and nothing outside the error family comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import GoJSONError
from toolkit.go_json import encode
from toolkit.go_json.decode import plain
from toolkit.go_json.scan import _GoScanner, go_quote, parse, parse_first

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PIECES = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u00", b"\\ud83d", b"1", b"-", b"0", b".", b"e", b" ", b"\n"),
    *(b"true", b"nul", b"a", b"\xff", b"\xe2\x80"),
)
ODD_BYTES = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join)


def slowly_valid(data: bytes) -> bool:
    scanner = _GoScanner()
    if any(scanner.step(byte) is not None for byte in data):
        return False
    return scanner.step(0x20) is None and scanner.at_top and not scanner.open


@given(ODD_BYTES | st.binary(max_size=20))
@settings(max_examples=3000, deadline=None)
def test_both_paths_agree_on_what_is_valid(data: bytes) -> None:
    try:
        parse(data)
        fast = True
    except GoJSONError:
        fast = False
    assert fast == slowly_valid(data)


@given(VALUES)
@settings(deadline=None)
def test_what_python_writes_is_read_back(value: Any) -> None:
    text = json.dumps(value).encode()
    assert plain(parse(text)) == json.loads(text, parse_int=float)


@given(VALUES, st.sampled_from([None, 1, "\t"]))
@settings(deadline=None)
def test_compacting_keeps_the_meaning_and_is_final(value: Any, indent: Any) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    once = encode.compact(text)
    assert encode.compact(once) == once
    if "\ufffd" not in repr(plain(parse(text))):
        assert plain(parse(once)) == plain(parse(text))
    assert not {b"<", b">", b"&"} & {once[index : index + 1] for index in range(len(once))}


@given(st.text())
def test_a_written_string_is_read_back(text: str) -> None:
    if not any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        assert parse(encode.string(text)).value == text


@given(ODD_BYTES)
@settings(max_examples=1000, deadline=None)
def test_a_stream_s_first_value_is_valid_alone(data: bytes) -> None:
    try:
        node = parse_first(data)
    except GoJSONError:
        return
    assert parse(data[node.start : node.end]).kind == node.kind


@given(st.text())
def test_quoting_never_shows_a_control_character(text: str) -> None:
    assert all(char.isprintable() for char in go_quote(text))


def test_depth_has_an_end() -> None:
    assert parse(b"[" * 9_999 + b"]" * 9_999).kind == "array"
    with pytest.raises(GoJSONError, match="exceeded max depth"):
        parse(b"[" * 10_001 + b"]" * 10_001)
