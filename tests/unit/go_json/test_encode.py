"""Writing as Go 1.4 wrote: fresh strings one way, raw values another."""

from __future__ import annotations

import pytest

from toolkit.go_json import encode


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", b'""'),
        ('"\\', rb'"\"\\"'),
        ("\n\r\t", rb'"\n\r\t"'),
        ("\b\f\v\x00\x1f", rb'"\u0008\u000c\u000b\u0000\u001f"'),
        ("<>&", rb'"\u003c\u003e\u0026"'),
        ("\u2027\u2028\u2029\u202a", '"\u2027\\u2028\\u2029\u202a"'.encode()),
        ("\x7f/é中\U0001f600\ufffd", '"\x7f/é中\U0001f600\ufffd"'.encode()),
    ],
)
def test_a_fresh_string(text: str, written: bytes) -> None:
    assert encode.string(text) == written


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (b' { "a" : [ 1.0 , 1E+5 ,\n-0 ] ,\t"a" : null }\r\n', b'{"a":[1.0,1E+5,-0],"a":null}'),
        (b'" a \\" b "', b'" a \\" b "'),
        (b'"\\\\" ,"x"', b'"\\\\","x"'),
        (b'"<a href=\\"x\\">&"', b'"\\u003ca href=\\"x\\"\\u003e\\u0026"'),
        ('"\u2028\u2029\u2027"'.encode(), '"\\u2028\\u2029\u2027"'.encode()),
        (b'"\\u003C\\/\\u00e9\\ud800"', b'"\\u003C\\/\\u00e9\\ud800"'),
        (b'"\xff\xfe\xe2\x80"', b'"\xff\xfe\xe2\x80"'),
        (b'{"<":1}', b'{"\\u003c":1}'),
        (b"123456789012345678901234567890", b"123456789012345678901234567890"),
    ],
)
def test_a_raw_value_keeps_everything_but_white_space_and_five_characters(raw: bytes, written: bytes) -> None:
    assert encode.compact(raw) == written


def test_a_struct_keeps_its_order_and_a_map_is_sorted_by_bytes() -> None:
    assert encode.struct([("b", b"1"), ("a", b"2")]) == b'{"b":1,"a":2}'
    assert encode.mapping({"\U0001f600": b"1", "\uffee": b"2", "a": b"3", "Z": b"4"}) == (
        '{"Z":4,"a":3,"\uffee":2,"\U0001f600":1}'.encode()
    )
    assert encode.mapping({}) == encode.struct([]) == b"{}"


def test_an_array_and_an_escaped_name() -> None:
    assert encode.array([b"1", b"{}"]) == b"[1,{}]"
    assert encode.array([]) == b"[]"
    assert encode.struct([("<&", b"1")]) == b'{"\\u003c\\u0026":1}'
