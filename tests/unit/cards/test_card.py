"""Cards: the same facts as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from toolkit.cards.card import Card, Table, Tone

TABLE = Table("Layers", ("position", "digest"), (("0", "sha256:ab"), ("10", "é")))
STACKED = Table("Findings", ("rule", "message"), (("blob-size", "a"), ("blob-digest", "b")), stacked=True)
FULL = Card("app:1 accepted", "good", facts=(("digest", "sha256:ab"), ("id", "cd")), tables=(TABLE, STACKED), footer="the end")


class Reader(HTMLParser):
    """Collect texts and check that every element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def html_texts(card: Card) -> list[str]:
    reader = Reader()
    reader.feed(card.html())
    reader.close()
    assert reader.open == []
    return reader.texts


def test_a_full_card_as_text() -> None:
    assert FULL.text().splitlines() == [
        "✔ app:1 accepted",
        "  digest  sha256:ab",
        "  id      cd",
        "",
        "  Layers",
        "  position  digest",
        "  0         sha256:ab",
        "  10        é",
        "",
        "  Findings",
        "  - rule     blob-size",
        "    message  a",
        "  - rule     blob-digest",
        "    message  b",
        "",
        "  the end",
    ]


def test_a_full_card_as_html_says_the_same() -> None:
    assert html_texts(FULL) == [
        "✔ app:1 accepted",
        *("digest", "sha256:ab", "id", "cd"),
        *("Layers", "position", "digest", "0", "sha256:ab", "10", "é"),
        *("Findings", "rule", "message", "blob-size", "a", "blob-digest", "b"),
        "the end",
    ]


def test_the_heads_of_rows_and_columns_are_told_to_a_screen_reader() -> None:
    html = FULL.html()
    assert html.count('<th scope="row"') == len(FULL.facts)
    assert html.count('<th scope="col"') == 4
    assert html.count("<caption") == 2


@pytest.mark.parametrize(("tone", "sign"), [("good", "✔"), ("bad", "✘"), ("open", "?"), ("plain", "·")])
def test_a_tone_is_a_sign_and_not_only_a_colour(tone: Tone, sign: str) -> None:
    card = Card("title", tone)
    assert card.text() == f"{sign} title"
    assert html_texts(card) == [f"{sign} title"]


def test_a_table_without_rows_keeps_its_heading() -> None:
    card = Card("title", "plain", tables=(Table("Layers", ("position",), ()), Table("Findings", ("rule",), (), stacked=True)))
    assert card.text().splitlines() == ["· title", "", "  Layers", "  position", "", "  Findings"]
    assert html_texts(card) == ["· title", "Layers", "position", "Findings", "rule"]


def test_text_from_outside_cannot_act() -> None:
    evil = "<script>\x1b[2J\u202e"
    table = Table("T", ("c",), ((evil,),))
    card = Card(evil, "bad", facts=(("f", evil),), tables=(table, Table("U", ("c",), ((evil,),), stacked=True)), footer=evil)
    assert "<script>" not in card.html()
    for shown in (card.text(), card.html()):
        assert shown.replace("\n", "").isprintable()
        assert shown.count("\\x1b[2J\\u202e") == 5


def test_a_row_that_does_not_fit_its_columns_is_an_error() -> None:
    card = Card("t", "plain", tables=(Table("T", ("a", "b"), (("1",),), stacked=True),))
    with pytest.raises(ValueError, match="zip"):
        card.text()
