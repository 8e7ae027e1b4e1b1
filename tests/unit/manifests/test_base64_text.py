"""Base64 as Go and libtrust read it, and the byte at which they give up."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import SignatureFormatError
from toolkit.manifests.base64_text import decode_standard, decode_url, encode_url


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("Cn0", b"\n}"),
        ("Cn0=", b"\n}"),
        ("C g\n= =", b"\n"),
        ("_-_-", b"\xff\xef\xfe"),
        ("YWJj", b"abc"),
        ("YWJj\r\r\r\r", b"abc"),
    ],
)
def test_libtrust_s_base64_drops_blanks_and_needs_no_padding(text: str, data: bytes) -> None:
    assert decode_url(text) == data


@pytest.mark.parametrize("text", ["A", "AAAAA", "A A A\nA A", "YWI\r="])
def test_a_length_that_no_padding_can_mend_has_words_of_its_own(text: str) -> None:
    with pytest.raises(SignatureFormatError) as caught:
        decode_url(text)
    assert caught.value.message == "illegal base64url string"


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("+AAA", 0),
        ("AA/A", 2),
        ("AA!A", 2),
        ("AA.", 2),
        ("====", 0),
        ("A===", 1),
        ("AA=A", 2),
        ("AAA=AAAA", 4),
        ("AA==AAAA", 4),
        ("YQ\r\r==", 6),
        ("AAé", 2),
    ],
)
def test_a_bad_byte_of_base64url_is_named(text: str, position: int) -> None:
    with pytest.raises(SignatureFormatError) as caught:
        decode_url(text)
    assert caught.value.message == f"illegal base64 data at input byte {position}"
    assert caught.value.where == f"character {position}"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("YWJj", b"abc"),
        ("YWI=", b"ab"),
        ("YQ==", b"a"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("YW\r\nJj\n", b"abc"),
        ("Y\nW\nI\n=\n", b"ab"),
        ("YQ\n=\r\n=\n", b"a"),
        ("YR==", b"a"),
    ],
)
def test_standard_base64_skips_line_ends(text: str, data: bytes) -> None:
    assert decode_standard(text) == data


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("-AAA", 0),
        ("A", 0),
        ("AA", 0),
        ("YWJjA", 4),
        ("YWJjAAA", 4),
        ("=", 0),
        ("A=", 1),
        ("AA=", 3),
        ("AA=\n", 4),
        ("AA=A", 2),
        ("AA=\nA", 3),
        ("AA===", 4),
        ("AAA=A", 4),
        ("AAA=\n\nA", 6),
        ("AAA==", 4),
        ("AA AA", 2),
        ("AAé", 2),
        ("\ud800", 0),
    ],
)
def test_standard_base64_gives_up_where_go_does(text: str, position: int) -> None:
    with pytest.raises(SignatureFormatError) as caught:
        decode_standard(text)
    assert caught.value.message == f"illegal base64 data at input byte {position}"


@given(st.binary())
@settings(deadline=None)
def test_what_is_written_is_read_back(data: bytes) -> None:
    assert decode_url(encode_url(data)) == data
    assert decode_url(base64.urlsafe_b64encode(data).decode()) == data
    assert decode_standard(base64.encodebytes(data).decode()) == data
    assert "=" not in encode_url(data)


@given(st.text(alphabet="AQg_-+/=\r\n !", max_size=12))
@settings(deadline=None)
def test_nothing_but_a_format_error_comes_out(text: str) -> None:
    for decode in (decode_url, decode_standard):
        with contextlib.suppress(SignatureFormatError):
            assert len(decode(text)) <= len(text)
