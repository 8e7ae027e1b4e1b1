"""Text from outside: shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cards.escaping import middle_cut, short, to_html, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain é 中 \U0001f600", "plain é 中 \U0001f600"),
        ("a\x1b[31mb\x07", "a\\x1b[31mb\\x07"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x7f\x9b\xad", "\\x7f\\x9b\\xad"),
        ("evil\u202etxt\u200b", "evil\\u202etxt\\u200b"),
        ("\ufeff\u2028", "\\ufeff\\u2028"),
        ("\udcff", "\\udcff"),
        ("\U000e0001x", "\\U000e0001x"),
    ],
)
def test_what_could_act_is_shown_as_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_ends_may_be_left() -> None:
    assert visible("a\nb\rc", lines=True) == "a\nb\\x0dc"


def test_html_is_safe_in_an_element_and_in_an_attribute() -> None:
    assert to_html('<b class="x">\'&\n') == "&lt;b class=&quot;x&quot;&gt;&#x27;&amp;\\x0a"


@pytest.mark.parametrize(
    ("identity", "shortened"),
    [
        ("sha256:" + "ab" * 32, "abababababab"),
        ("ab" * 32, "abababababab"),
        ("ab", "ab"),
        ("sha256:", "sha256:"),
        ("", ""),
        ("sha256:\x1b", "\\x1b"),
    ],
)
def test_an_identity_is_cut_to_its_first_twelve_digits(identity: str, shortened: str) -> None:
    assert short(identity) == shortened


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghij", 9, "abcd…ghij"),
        ("abcdefghij", 4, "ab…j"),
        ("abcdefghij", 2, "a…"),
        ("abcdefghij", 1, "…"),
        ("\x00\x00\x00", 8, "\\x00…x00"),
        ("", 3, ""),
    ],
)
def test_a_long_text_loses_its_middle(text: str, width: int, cut: str) -> None:
    assert middle_cut(text, width) == cut


@given(st.text(), st.integers(1, 40))
@settings(deadline=None)
def test_nothing_shown_can_act_or_is_longer_than_it_may_be(text: str, width: int) -> None:
    assert visible(text).isprintable()
    assert not {"<", ">", '"', "'"} & set(to_html(text))
    assert len(middle_cut(text, width)) <= max(width, 1)
