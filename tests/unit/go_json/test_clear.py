"""What the quick reader takes for clear, and what it leaves to the exact one."""

from __future__ import annotations

import json

import pytest

from toolkit.errors import GoJSONError
from toolkit.go_json import quick
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import BOOL, INT, RAW, STRING, STRINGS, Slice, Struct

ITEM = Struct("item", (("digest", STRING), ("size", INT)))
BOX = Struct("box", (("name", STRING), ("inner", ITEM), ("items", Slice("[]item", ITEM)), ("tags", STRINGS), ("flag", BOOL)))
NOTHING = {"name": "", "inner": {"digest": "", "size": 0}, "items": None, "tags": None, "flag": False}


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b' \n{"a" : [1, -2, true, null, "x\\n\\"\\u00e9"]}\t\r',
        '{"é": "\u2028"}'.encode(),
        b'{"n": 999999999999999999}',
        b'{"a": {"x": 1}, "b": {"x": 1, "X ": 2}}',
        b'{"a": ' + b"[" * 61 + b"]" * 61 + b"}",
        b'{"a": [' + b",".join([b"{}"] * 100) + b"]}",
        json.dumps({"history": ["x" * 1000] * 100}).encode(),
    ],
    ids=range(8),
)
def test_a_clear_text_is_read(text: bytes) -> None:
    assert clear_object(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'"{"',
        b'"' + b"{" * 100 + b'"',
        b"null",
        b"{",
        b"{} {}",
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "A": 1}',
        b'{"s": 1, "\\u017f": 1}',
        b'{"a": {"b": [{"c": 1, "C": 2}]}}',
        b'{"a": 1.0}',
        b'{"a": 1e2}',
        b'{"a": -0}',
        b'{"a": 1000000000000000000}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\ud83d\\ude00"}',
        b'{"a": "\\uFFFD"}',
        '{"a": "\ufffd"}'.encode(),
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\x1f"}',
        b'{"a": ' + b"[" * 62 + b"]" * 62 + b"}",
        b'{"a": ' + b"[" * 15_000 + b"]" * 15_000 + b"}",
        b'{"a": "' + b"x" * 1024 * 1024 + b'"}',
    ],
    ids=range(27),
)
def test_anything_else_is_left_alone(text: bytes) -> None:
    assert clear_object(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"{}", NOTHING),
        (b"null", NOTHING),
        (b'{"name": null, "inner": null, "items": null, "flag": null}', NOTHING),
        (b'{"NAME": "x", "other": 1}', NOTHING | {"name": "x"}),
        (b'{"inner": {"size": 3}, "flag": true}', NOTHING | {"inner": {"digest": "", "size": 3}, "flag": True}),
        (b'{"items": [{"digest": "d"}, null]}', NOTHING | {"items": [{"digest": "d", "size": 0}, {"digest": "", "size": 0}]}),
        (b'{"tags": [], "name": "a", "name": "b"}', NOTHING | {"tags": [], "name": "b"}),
    ],
)
def test_a_text_is_decoded_into_its_type(text: bytes, value: object) -> None:
    assert quick.unmarshal(text, BOX) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"name": 1}', "cannot unmarshal number into Go value of type string"),
        (b'{"flag": 1}', "cannot unmarshal number into Go value of type bool"),
        (b'{"inner": {"size": true}}', "cannot unmarshal bool into Go value of type int"),
        (b'{"inner": []}', "cannot unmarshal array into Go value of type item"),
        (b'{"items": {}}', "cannot unmarshal object into Go value of type \\[\\]item"),
        (b"{", "unexpected end of JSON input"),
    ],
)
def test_what_does_not_fit_is_refused_in_go_s_words(text: bytes, words: str) -> None:
    with pytest.raises(GoJSONError, match=words):
        quick.unmarshal(text, BOX)


def test_a_type_that_reads_its_own_text_is_decoded_the_long_way() -> None:
    assert quick.unmarshal(b'{"raw": [1, 2]}', Struct("own", (("raw", RAW),))) == {"raw": b"[1, 2]"}
