"""The quick reader and the exact one: what the first reads, the second reads alike; the rest it leaves alone."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolkit.errors import GoJSONError
from toolkit.go_json import decode, quick
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import BOOL, INT, RAW, STRING, STRINGS, Slice, Struct, members, plain
from toolkit.go_json.scan import Node, parse, parse_first
from toolkit.manifests import schema1, signed_payload, strict_json

NAMES: Final = ('"a"', '"A"', '"s"', '"\u017f"', '"\\u017f"', '"\\u0061"', '"signatures"', '"\\u0073ignatures"', '"é"', '""')
SCALARS: Final = (
    *("0", "-0", "7", "-7", "1.0", "1e2", "1E400", "-1e-99999", "999999999999999999", "9" * 19, "9" * 30, "01", "+1", "1."),
    *("true", "false", "null", "nul", "NaN", "Infinity", "-Infinity"),
    *('"x"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\\\ud800"', '"\\ufffd"', '"\ufffd"', '"\ufffd\\n"', '"\\/"', '"\\x"', '"\x00"'),
    *('"\x7f"', '"\u2028"', '"x\\"signatures"', '"a', "'a'", "[]", "{}", "", "\ufeff"),
)
ODD: Final = (b"", b"\xff", b'"', b"\\", b"}", b" ", b"\xef", b"0")
SPACES: Final = ("", "", "", " ", "\n", "\t", "\r", "\x0b", "\u00a0")


def _object(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(st.sampled_from(SPACES), st.sampled_from(NAMES), st.sampled_from(SPACES), inner)
    return st.lists(member.map(lambda parts: f"{parts[0]}{parts[1]}{parts[2]}:{parts[3]}"), max_size=4).map(
        lambda found: "{" + ",".join(found) + "}"
    )


TEXTS: Final = _object(
    st.recursive(
        st.sampled_from(SCALARS),
        lambda inner: _object(inner) | st.lists(inner, max_size=3).map(lambda found: "[" + ",".join(found) + "]"),
        max_leaves=8,
    )
).map(lambda text: text.encode("utf-8"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A text with a byte or two changed, left out or put in."""
    text = bytearray(draw(TEXTS))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        text[place : place + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b"\xff", b'"', b"\\", b"}", b" ", b"\xef", b"0"])
        )
    return bytes(text)


DEEP: Final = st.integers(55, 70).map(lambda depth: b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}")
ANY_TEXT: Final = mutated() | DEEP

ENTRY: Final = Struct("entry", (("a", STRING), ("s", INT), ("flag", BOOL)))
TYPES: Final = (
    Struct("flat", (("a", STRING), ("signatures", STRINGS), ("é", BOOL))),
    Struct("deep", (("a", Slice("[]entry", ENTRY)), ("s", ENTRY), ("signatures", INT))),
    Struct("raw", (("a", RAW), ("s", STRING))),
)


def _whole(node: Node) -> Any:
    return int(node.value)


@given(ANY_TEXT)
@example(b'{"a":1,"A":1}')
@example(b'{"a":"\\ufffd"}')
@example(b'{"s":1,"\\u017f":1}')
@settings(max_examples=800, deadline=None)
def test_what_the_quick_reader_reads_the_exact_one_reads_alike(text: bytes) -> None:
    value = clear_object(text)
    if value is None:
        return
    exact = parse(text)
    assert exact.kind == "object"
    assert repr(plain(exact, number=_whole)) == repr(value)
    assert list(strict_json._complaints(text)) == []


def outcome(read: Any, *arguments: Any) -> Any:
    """What a reader returns, or the words of its refusal."""
    try:
        return read(*arguments)
    except GoJSONError as error:
        return error.message, error.where, error.expected, error.actual


@given(ANY_TEXT, st.sampled_from(TYPES))
@settings(max_examples=400, deadline=None)
def test_a_typed_value_is_the_same_by_both_ways(text: bytes, go_type: Struct) -> None:
    assert repr(outcome(quick.unmarshal, text, go_type)) == repr(outcome(decode.unmarshal, text, go_type))


@given(ANY_TEXT)
@example(b'{"a":{"signatures":1},"\\u0073ignatures":2}')
@example(b'{"a":"x\\"signatures","signatures" : [1]}')
@settings(max_examples=400, deadline=None)
def test_the_signatures_are_found_where_the_exact_reader_finds_them(text: bytes) -> None:
    def exact(raw: bytes) -> Node | None:
        return members(raw, "map[string]json.RawMessage").get("signatures")

    assert outcome(signed_payload._block, text) == outcome(exact, text)


@given(ANY_TEXT, st.sampled_from([b"", b" ", b"\n", b"x", b"{}"]), st.sampled_from([b"", b" \r\n"]))
@settings(max_examples=300, deadline=None)
def test_the_first_value_of_a_body_is_the_same_by_both_ways(text: bytes, after: bytes, before: bytes) -> None:
    def exact(body: bytes) -> bytes:
        node = parse_first(body)
        return body[node.start : node.end]

    body = before + text + after
    assert outcome(schema1.first_value, body) == outcome(exact, body)


ORDINARY: Final = st.characters(codec="utf-8", exclude_characters="\ufffd")
EVERYDAY: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.text(st.characters(codec="utf-8", exclude_characters="\ufffd")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdefgh"), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abcdefgh"), EVERYDAY), st.sampled_from([None, 1, "\t"]))
@settings(deadline=None)
def test_an_everyday_text_is_read_quickly(value: dict[str, Any], indent: Any) -> None:
    assert clear_object(json.dumps(value, indent=indent, ensure_ascii=False).encode()) == value
