"""The page: what it says, that anybody can read it, and that nothing in it acts."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from support.hostile_texts import PAYLOADS, hostile_report
from support.shop import Shop

import toolkit as tk
from toolkit.cards.escaping import visible
from toolkit.cases.csv_text import NOTE, csv_of
from toolkit.cases.page import page, pages
from toolkit.cases.places import in_graph
from toolkit.cases.style import STYLE
from toolkit.records import TABLES, Check
from toolkit.sources.protocol import Source

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "article", "section", "h1", "h2", "h3", "h4"),
    *("p", "div", "span", "strong", "code", "pre", "samp", "mark", "dl", "dt", "dd", "ol", "li", "figure", "figcaption", "img"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "src", "alt"}
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self, *tags: str) -> str:
        return "".join(text for tag, text in self.texts if not tags or tag in tags)


def assert_harmless(markup: str) -> Reader:
    read = Reader(markup)
    for tag, attributes in read.elements:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        assert not any(name.startswith("on") for name in attributes)
    assert all((one["src"] or "").startswith("data:image/png;base64,") for one in read.all("img"))
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    policy = next(one["content"] for one in read.all("meta") if one.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert all(character.isprintable() or character == "\n" for character in markup)
    return read


@pytest.fixture(scope="module")
def hostile() -> tk.Report:
    return hostile_report()


def test_hostile_texts_stand_on_the_page_as_texts(hostile: tk.Report) -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) > 60
    read = assert_harmless(page(hostile))
    words = read.words()
    for text in PAYLOADS:
        assert visible(text) in words, text
    assert len(read.all("style")) == 1
    assert len([one for one in read.elements if one[0] == "section"]) == len(PAYLOADS)


def test_hostile_texts_never_get_into_a_command(hostile: tk.Report, graph: tk.Graph) -> None:
    graph.prepare()
    in_its_graph = tk.Report(hostile.ledger, hostile.call, graph=graph)
    commands = Reader(page(in_its_graph)).words("pre")
    assert not any(visible(payload) in commands for payload in PAYLOADS if len(payload) > 3)


@pytest.mark.parametrize("table", list(TABLES))
def test_hostile_texts_in_csv_begin_no_formula_and_hide_nothing(hostile: tk.Report, table: str) -> None:
    text = b"".join(csv_of(hostile.frame(table))).decode("utf-8")
    assert all(character.isprintable() or character == "\n" for character in text)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(hostile.frame(table))
    for row in rows:
        for cell in row.values():
            assert not re.match(r"[=+\-@\t\r\0\uff1d\uff0b\uff0d\uff20]", cell)
    reference = "image" if table != "pulls" else "reference"
    noted = {row[reference]: row[NOTE].split() for row in rows}
    for shown, columns in noted.items():
        assert (shown not in PAYLOADS) == (reference in columns), shown


def test_hostile_texts_in_json_are_ascii(hostile: tk.Report) -> None:
    text = hostile.to_json()
    assert text.isascii()
    assert json.loads(text) == json.loads(json.dumps(hostile.summary()))


# -- what it says ------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(graph: tk.Graph, teaching: Source) -> tk.Report:
    return tk.inspect("teach/tampered:blob-byte", source=teaching, graph=graph)


def test_findings_come_first_with_both_sides_in_full(refused: tk.Report) -> None:
    read = assert_harmless(refused.to_html())
    words = read.words()
    (finding,) = refused.findings
    assert words.index("Findings (1)") < words.index("What was asked") < words.index("Layers and IDs")
    start = words.index("1. blob-digest")
    for side in (finding.expected, finding.actual, finding.message, tk.RULES["blob-digest"].sentence):
        assert side is not None
        assert side in words[start:]
    assert "✘ rejected" in words
    assert f"sha256sum quarantine/sha256/{(finding.actual or '')[7:]}" in words


def test_every_digest_and_id_of_the_tables_stands_in_full(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    words = assert_harmless(report.to_html()).words()
    columns = {
        "layers": ["blob_digest", "diff_id", "chain_id"],
        "strong_ids": ["compatibility_id", "strong_id", "final_id"],
        "manifests": ["digest", "body_digest"],
    }
    for table, names in columns.items():
        for name in names:
            for text in report.frame(table)[name].dropna():
                assert text in words, (table, name)
    for fact in ("✔ accepted", "strict", f"layerproof {tk.__version__}", report.call):
        assert fact in words


def test_the_chain_is_drawn_and_said_in_words(graph: tk.Graph, teaching: Source) -> None:
    read = Reader(tk.pull("teach/clean:1", graph, source=teaching).to_html())
    (image,) = read.all("img")
    assert (image["alt"] or "").startswith("Parent chain of 3 images")
    assert (image["alt"] or "") in read.words("figcaption")


def test_headings_tables_and_language_are_there_for_a_screen_reader(refused: tk.Report) -> None:
    read = Reader(refused.to_html())
    assert read.all("html") == [{"lang": "en"}]
    assert len(read.all("title")) == len(read.all("h1")) == len(read.all("main")) == 1
    assert len(read.all("table")) == len(read.all("caption")) == len(read.all("thead")) > 3
    assert {one.get("scope") for one in read.all("th")} == {"row", "col"}
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        full = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
        parts = [int(full[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lights = sorted((light(one), light(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("number", [0, 1, 2], ids=["light", "dark", "paper"])
def test_text_has_contrast_on_every_ground(number: int) -> None:
    colours = dict(re.findall(r"--([a-z]+):(#[0-9a-f]{3,6})", re.findall(r":root\{([^}]*)\}", STYLE)[number]))
    for ground in ("paper", "band"):
        for text in ("ink", "soft", "good", "bad", "open"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["ink"], colours["mark"]) >= 4.5


def test_an_image_of_today_has_its_documents_and_commands(graph: tk.Graph) -> None:
    shop = Shop()
    shop.index(shop.image(), shop.image(architecture="arm64", salt="arm"))
    report = tk.pull("shop/app:1", graph, source=shop.transport())
    read = assert_harmless(report.to_html())
    assert read.all("img") == []
    assert "documents offered by others" in read.words("caption")
    assert "printf '%s %s' sha256:" in read.words("pre")


def test_without_a_graph_it_says_that_nobody_can_look_again(teaching: Source) -> None:
    read = assert_harmless(tk.inspect("teach/tampered:blob-byte", source=teaching).to_html())
    assert "were not kept" in read.words()
    assert read.words("pre").startswith("printf '%s %s' sha256:")
    assert "/sha256/" not in read.words("pre")


@pytest.mark.parametrize(
    ("name", "word"),
    [("tampered:layer-digest-weak", "? cannot be decided"), ("clean:1", "✔ accepted"), ("tampered:name-twice", "✘ rejected")],
)
def test_the_verdict_is_a_sign_and_a_word(teaching: Source, name: str, word: str) -> None:
    assert word in Reader(tk.inspect(f"teach/{name}", source=teaching).to_html()).words("strong")


def test_a_call_without_an_end_is_not_called_good() -> None:
    ledger = tk.Ledger()
    call = ledger.open_call()
    call.image = "a:1"
    call.note(Check(rule="no-such-rule", subject="s", outcome="failed", enforced=False, excepted=True))
    words = assert_harmless(page(tk.Report(ledger, call.name))).words()
    assert "has no end" in words
    assert "nothing was accepted" in words
    assert "excepted by the user" in words
    assert "nothing was noted" in words


def test_several_reports_share_a_page_with_a_table_of_verdicts(graph: tk.Graph, teaching: Source) -> None:
    reports = [tk.inspect(f"teach/{name}", source=teaching, graph=graph) for name in ("clean:1", "tampered:blob-byte")]
    read = assert_harmless("".join(pages([(report, in_graph(report)) for report in reports])))
    assert "2 calls" in read.words("caption")
    assert len(read.all("article")) == 2


def test_a_page_tells_no_place_of_this_machine(graph: tk.Graph, teaching: Source) -> None:
    text = tk.pull("teach/clean:1", graph, source=teaching).to_html()
    assert str(Path(graph.layout.root).parent) not in text


def test_times_are_those_of_the_rows(teaching: Source) -> None:
    ledger = tk.Ledger(clock=lambda: datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC))
    text = tk.inspect("teach/clean:1", source=teaching, ledger=ledger).to_html()
    assert "2020-02-29 01:02:03" in text
    assert text == tk.Report(ledger, ledger.pulls_in_order()[0]).to_html()
