"""What two JSON readers could see differently, named with its place."""

from __future__ import annotations

import pytest

from toolkit.manifests.strict_json import MAX_DEPTH, complaints


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b' {"a":{"b":1},"c":{"b":1}} \n',
        b'[1,-9223372036854775808,9223372036854775807,1.5,1e400,"\\ud83d\\ude00"]',
        '"\ufffd"'.encode(),
        b'"\\n"',
        b"null",
        b"true",
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
    ],
)
def test_a_text_with_one_reading_has_no_complaint(text: bytes) -> None:
    assert list(complaints(text)) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b'{"a":1,"a":1}', "the name 'a' stands twice, in the document"),
        (b'{"x":[{"a":1,"a":2}]}', "the name 'a' stands twice, in x[0]"),
        (b'{"a":1,"A":1}', "the names 'a' and 'A' differ only in case, in the document"),
        ('{"x":{"size":1,"\u017fize":2}}'.encode(), "the names 'size' and '\u017fize' differ only in case, in x"),
        (b"9223372036854775808", "an integer beyond 64 bits at the document"),
        (b'{"n":-9223372036854775809}', "an integer beyond 64 bits at n"),
        (b"[" + b"1" * 5000 + b"]", "an integer beyond 64 bits at [0]"),
        (b'"\\ud800"', "a lone surrogate at the document"),
        (b'{"a":{"b":["x","\\udc00"]}}', "a lone surrogate at a.b[1]"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} levels at byte {MAX_DEPTH}"),
        (b'"a\xff"', "not UTF-8 at byte 2"),
        (b"{} {}", "not one JSON value: invalid character '{' after top-level value at byte 3"),
        (b"", "not one JSON value: unexpected end of JSON input at byte 0"),
    ],
)
def test_each_difference_is_one_complaint(text: bytes, complaint: str) -> None:
    assert list(complaints(text)) == [complaint]


def test_a_byte_order_mark_is_refused_by_the_reader() -> None:
    assert list(complaints(b"\xef\xbb\xbf{}")) == [
        "not one JSON value: invalid character '\u00ef' looking for beginning of value at byte 0"
    ]


def test_a_text_that_is_no_utf_8_is_still_looked_at() -> None:
    assert list(complaints(b'{"a":"\xff","a":1}')) == ["not UTF-8 at byte 6", "the name 'a' stands twice, in the document"]


def test_a_name_is_compared_with_the_first_of_its_kind() -> None:
    assert list(complaints(b'{"a":1,"A":2,"a":3}')) == [
        "the names 'a' and 'A' differ only in case, in the document",
        "the name 'a' stands twice, in the document",
    ]


def test_what_lies_too_deep_is_not_looked_into() -> None:
    deep = b"[" * MAX_DEPTH + b'{"a":1,"a":2}' + b"]" * MAX_DEPTH
    assert list(complaints(deep)) == [f"nested deeper than {MAX_DEPTH} levels at byte {MAX_DEPTH}"]
