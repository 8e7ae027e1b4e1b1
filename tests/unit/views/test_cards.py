"""Cards: text and HTML say the same, and what comes from outside can act in neither."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from toolkit.cards.card import Card, Table
from toolkit.cards.escaping import middle_cut, short, to_html, visible

EVIL = "<script>alert('x')</script>&\"\x1b[31m\x00\u202e\u200b\ufeff\udc80\r\n"
SHOWN = "<script>alert('x')</script>&\"\\x1b[31m\\x00\\u202e\\u200b\\ufeff\\udc80\\x0d\\x0a"


class Reader(HTMLParser):
    """What a browser makes of markup: the tags and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style", "scope"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def card_of(word: str) -> Card:
    plain = Table("a caption", ("one", "two"), (("cell", word), (word, "end")))
    stacked = Table("another", ("first", "second"), ((word, "x"), ("y", word)), stacked=True)
    return Card(title=f"title {word}", tone="bad", facts=(("name", word),), tables=(plain, stacked), footer=f"foot {word}")


def test_text_is_laid_out_for_a_terminal() -> None:
    assert card_of("w").text().splitlines() == [
        "✘ title w",
        "  name  w",
        "",
        "  a caption",
        "  one   two",
        "  cell  w",
        "  w     end",
        "",
        "  another",
        "  - first   w",
        "    second  x",
        "  - first   y",
        "    second  w",
        "",
        "  foot w",
    ]


def test_html_holds_the_same_words_in_the_same_order() -> None:
    reader = Reader(card_of("w").html())
    assert reader.open == []
    assert reader.text == [
        "✘ title w", "name", "w",
        "a caption", "one", "two", "cell", "w", "w", "end",
        "another", "first", "second", "w", "x", "y", "w",
        "foot w",
    ]  # fmt: skip
    assert reader.tags.count("table") == 3
    assert reader.tags.count("th") == 1 + 4


@pytest.mark.parametrize("tone", ["good", "bad", "open", "plain"])
def test_a_tone_is_a_sign_and_never_a_colour_alone(tone: str) -> None:
    card = Card(title="title", tone=tone)  # type: ignore[arg-type]  # each of the four
    sign = {"good": "✔", "bad": "✘", "open": "?", "plain": "·"}[tone]
    assert card.text() == f"{sign} title"
    assert Reader(card.html()).text == [f"{sign} title"]


def test_hostile_text_is_shown_in_both_and_obeyed_in_neither() -> None:
    card = card_of(EVIL)
    text, markup = card.text(), card.html()
    reader = Reader(markup)
    assert "script" not in reader.tags
    assert reader.open == []
    assert text.count(SHOWN) == "".join(reader.text).count(SHOWN) == 7
    for shown in (text.replace("\n", ""), markup):
        assert shown.isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    for text in ("", "plain", "ümläut", "日本", "✔ é", "a'b\"c<d>"):
        assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b", "\\x1b"),
        ("\x7f", "\\x7f"),
        ("\x9b", "\\x9b"),
        ("\u2028", "\\u2028"),
        ("\u2066", "\\u2066"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\xa0", "\\xa0"),
        ("a\tb", "a\\x09b"),
    ],
)
def test_what_could_act_is_a_number(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_ends_may_stay_and_nothing_else() -> None:
    assert visible("a\nb\r\tc", lines=True) == "a\nb\\x0d\\x09c"
    assert visible("a\nb") == "a\\x0ab"


def test_html_is_escaped_for_elements_and_attributes() -> None:
    assert to_html("<a href='x'>\"&") == "&lt;a href=&#x27;x&#x27;&gt;&quot;&amp;"
    assert to_html("\x1b") == "\\x1b"


@pytest.mark.parametrize(
    ("identity", "cut"),
    [
        ("sha256:" + "a" * 64, "a" * 12),
        ("b" * 64, "b" * 12),
        ("", ""),
        ("abc", "abc"),
        ("sha256:", "sha256:"),
        ("x:\x1b", "\\x1b"),
    ],
)
def test_an_identity_is_cut_to_twelve_digits(identity: str, cut: str) -> None:
    assert short(identity) == cut


@pytest.mark.parametrize(
    ("width", "cut"), [(10, "abcdefghij"), (9, "abcd…ghij"), (7, "abc…hij"), (3, "a…j"), (2, "a…"), (1, "…")]
)
def test_a_long_text_keeps_both_its_ends(width: int, cut: str) -> None:
    assert middle_cut("abcdefghij", width) == cut
    assert len(cut) == width


def test_a_text_is_made_visible_before_it_is_cut() -> None:
    assert middle_cut("\u202e" * 3, 7) == "\\u2…02e"
