"""The scanner: what it reads, where each value stood, and Go 1.4's words for what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import GoJSONError
from toolkit.go_json.scan import MAX_DEPTH, Node, decode_utf8, go_quote, parse, parse_first, unquote


def shape(node: Node) -> Any:
    if node.kind == "object":
        return [(name, shape(value)) for name, value in node.value]
    return [shape(value) for value in node.value] if node.kind == "array" else node.value


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (b"null", "null", None),
        (b"true", "bool", True),
        (b"false", "bool", False),
        (b" 0 ", "number", "0"),
        (b"-0", "number", "-0"),
        (b"12.50e+10", "number", "12.50e+10"),
        (b"1E5", "number", "1E5"),
        (b"123456789012345678901234567890", "number", "123456789012345678901234567890"),
        (b'""', "string", ""),
        (b'"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', "string", 'a"\\/\b\f\n\r\t\u00e9'),
        ('"é\u2028"'.encode(), "string", "é\u2028"),
        (b'"\x7f"', "string", "\x7f"),
        (b"[]", "array", []),
        (b"[ \n]", "array", []),
        (b"{}", "object", []),
        (b"{\t}", "object", []),
        (b'[1,[2,{"a":[]}],3]', "array", ["1", ["2", [("a", [])]], "3"]),
        (b'{ "b" : 1 , "a" : 2 , "b" : 3 }', "object", [("b", "1"), ("a", "2"), ("b", "3")]),
    ],
)
def test_a_value_is_read_in_document_order_with_its_duplicates(text: bytes, kind: str, value: Any) -> None:
    node = parse(text)
    assert node.kind == kind
    assert shape(node) == value


def test_every_value_knows_where_it_stood() -> None:
    text = b' {"a": [ 1.0 , "x" ], "b":{ } } '
    root = parse(text)
    members = dict(root.value)
    spans = [root, members["a"], *members["a"].value, members["b"]]
    assert [text[node.start : node.end] for node in spans] == [
        b'{"a": [ 1.0 , "x" ], "b":{ } }',
        b'[ 1.0 , "x" ]',
        b"1.0",
        b'"x"',
        b"{ }",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b" \t\r\n", "unexpected end of JSON input"),
        (b"[", "unexpected end of JSON input"),
        (b"{", "unexpected end of JSON input"),
        (b'{"a"', "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b'{"a":1', "unexpected end of JSON input"),
        (b'{"a":1,', "unexpected end of JSON input"),
        (b"[1,", "unexpected end of JSON input"),
        (b"[1", "unexpected end of JSON input"),
        (b'"abc', "unexpected end of JSON input"),
        (b"<html>", "invalid character '<' looking for beginning of value"),
        (b"\xef\xbb\xbf{}", "invalid character '\u00ef' looking for beginning of value"),
        (b"\xa0", "invalid character '\\u00a0' looking for beginning of value"),
        (b"\x00", "invalid character '\\x00' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"\\", "invalid character '\\\\' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"[,1]", "invalid character ',' looking for beginning of value"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b"{1:2}", "invalid character '1' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a":1, \n,', "invalid character ',' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a" }', "invalid character '}' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":1]', "invalid character ']' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1}", "invalid character '}' after array element"),
        (b"[01]", "invalid character '1' after array element"),
        (b"[0.5.5]", "invalid character '.' after array element"),
        (b"[1e5.5]", "invalid character '.' after array element"),
        (b"1 2", "invalid character '2' after top-level value"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"01", "invalid character '1' after top-level value"),
        (b'"a" "b"', "invalid character '\"' after top-level value"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\x1f"', "invalid character '\\x1f' in string literal"),
        (b'{"a\tb":1}', "invalid character '\\t' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\\'"', "invalid character '\\'' in string escape code"),
        (b'"\\', "invalid character ' ' in string escape code"),
        (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b'"\\u', "invalid character ' ' in \\u hexadecimal character escape"),
        (b"-", "invalid character ' ' in numeric literal"),
        (b"-a", "invalid character 'a' in numeric literal"),
        (b"+1", "invalid character '+' looking for beginning of value"),
        (b"1.", "invalid character ' ' after decimal point in numeric literal"),
        (b"1.e5", "invalid character 'e' after decimal point in numeric literal"),
        (b"1e", "invalid character ' ' in exponent of numeric literal"),
        (b"1e+", "invalid character ' ' in exponent of numeric literal"),
        (b"0E-x", "invalid character 'x' in exponent of numeric literal"),
        (b"trve", "invalid character 'v' in literal true (expecting 'u')"),
        (b"fals ", "invalid character ' ' in literal false (expecting 'e')"),
        (b"nul", "invalid character ' ' in literal null (expecting 'l')"),
        (b"nulL", "invalid character 'L' in literal null (expecting 'l')"),
    ],
)
def test_a_refusal_has_go_s_words(text: bytes, message: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        parse(text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "text",
    [
        b'[ 12 , -3 , -0.25 , 1.5e+10 , 0E-1 , 10e1 , "a\\u00E9\\n" , [ ] , { } , true , false , null ] x',
        b'{ "a" : [ 12, -3, -0.25, 1.5e+10 ] , "b" : { "c" : { } } } x',
        b"-12.50E+7 x",
        b"0.125 x",
        b"1e5 x",
    ],
)
def test_the_slow_path_reads_all_that_is_valid_before_it_refuses(text: bytes) -> None:
    with pytest.raises(GoJSONError) as caught:
        parse(text)
    assert caught.value.message == "invalid character 'x' after top-level value"
    assert caught.value.where == f"byte {len(text) - 1}"


@pytest.mark.parametrize(("text", "place"), [(b"[1,\n x]", "byte 5"), (b"[1,", "byte 3"), (b"nul", "byte 3")])
def test_a_refusal_tells_the_byte(text: bytes, place: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        parse(text)
    assert caught.value.where == place


@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_a_limit_of_its_own(left: bytes, right: bytes) -> None:
    assert parse(left * MAX_DEPTH + b"0" + right * MAX_DEPTH).start == 0
    with pytest.raises(GoJSONError) as caught:
        parse(left * (MAX_DEPTH + 1) + b"0" + right * (MAX_DEPTH + 1))
    assert caught.value.message == "exceeded max depth"
    assert caught.value.where == f"byte {len(left) * MAX_DEPTH}"


@pytest.mark.parametrize(
    ("stream", "value"),
    [
        (b' {"a":1} trailing', b'{"a":1}'),
        (b"[]]", b"[]"),
        (b'"a""b"', b'"a"'),
        (b"12 13", b"12"),
        (b"12", b"12"),
        (b"01", b"0"),
        (b"1.5x", b"1.5"),
        (b"truefalse", b"true"),
    ],
)
def test_of_a_stream_the_first_value_counts_and_the_rest_is_ignored(stream: bytes, value: bytes) -> None:
    node = parse_first(stream)
    assert stream[node.start : node.end] == value


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "EOF"),
        (b" \r\n\t", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"a":', "unexpected EOF"),
        (b'"abc', "unexpected EOF"),
        (b"nul", "unexpected EOF"),
        (b"1.", "unexpected EOF"),
        (b"1e+", "unexpected EOF"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"<", "invalid character '<' looking for beginning of value"),
    ],
)
def test_a_stream_that_ends_early_has_other_words(stream: bytes, message: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        parse_first(stream)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"\uD83D\uDE00", "\U0001f600"),
        (rb"\ud83d", "\ufffd"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
        (rb"\ud83d\u0041", "\ufffdA"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xe2\x80", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\xff\\n", "\ufffd\n"),
        (b"\xc3\xa9", "\u00e9"),
    ],
)
def test_bad_bytes_and_lone_surrogates_become_one_replacement_each(inside: bytes, text: str) -> None:
    assert unquote(inside) == text


def test_replacement_is_for_reading_only() -> None:
    assert decode_utf8(b"\xf0\x9f\x98 ok") == "\ufffd\ufffd\ufffd ok"
    with pytest.raises(UnicodeEncodeError):
        "\ud800".encode("utf-8", "layerproof.go")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain é 中 \U0001f600", '"plain é 中 \U0001f600"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\a\b\t\n\v\f\r", r'"\a\b\t\n\v\f\r"'),
        ("\x00\x1b", r'"\x00\x1b"'),
        ("\x80\u00a0\u00ad\u2028\u3000\ufeff", r'"\u0080\u00a0\u00ad\u2028\u3000\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_a_text_is_quoted_as_go_does(text: str, quoted: str) -> None:
    assert go_quote(text) == quoted
