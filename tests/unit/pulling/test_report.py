"""A report: rows as frames, as a card and as plain JSON, with the bytes they speak of."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import toolkit as tk
from toolkit.records import TABLES, Check, Layer
from toolkit.simulator.teaching import clean_image, teaching_registry
from toolkit.sources.protocol import Source

IMAGE = clean_image()


def refused(graph: tk.Graph, source: Source, name: str) -> tk.Report:
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"teach/tampered:{name}", graph, source=source)
    report: tk.Report = caught.value.report
    return report


# -- bytes -------------------------------------------------------------------------------------------------------


def test_the_body_is_the_last_manifest_s_or_that_of_a_digest(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean", graph, source=teaching, all_tags=True)
    bodies = [clean_image(tag).body for tag in ("1", "2")]
    assert report.body() == bodies[1]
    assert [report.body(digest) for digest in report.manifests["body_digest"]] == bodies


def test_an_inspection_without_a_graph_has_its_body_in_hand(teaching: Source) -> None:
    assert tk.inspect("teach/clean:1", source=teaching).body() == IMAGE.body


@pytest.mark.parametrize("name", ["blob-byte", "blob-cut", "blob-extended", "blob-exchanged"])
def test_what_was_received_is_kept_under_its_own_digest(graph: tk.Graph, teaching: Source, name: str) -> None:
    report = refused(graph, teaching, name)
    served = teaching_registry()
    for layer in report.records(Layer):
        kept = report.evidence(layer.evidence)
        assert kept == served.blobs[layer.blob_digest]
        assert str(tk.Digest.of(kept)) == layer.actual_digest == layer.evidence


def test_a_later_reader_finds_the_same_bytes(graph: tk.Graph, teaching: Source) -> None:
    report = refused(graph, teaching, "unsigned-layers")
    later = tk.Report(tk.Ledger.load(graph.layout.ledger), report.call, graph=tk.Graph(graph.layout.root))
    assert later.body() == report.body() == teaching_registry().manifests["teach/tampered"]["unsigned-layers"].body
    assert later.summary() == report.summary()


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha512:" + "0" * 128])
def test_bytes_that_were_not_kept_are_said_to_be_missing(graph: tk.Graph, teaching: Source, digest: str) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    for ask in (report.evidence, report.body):
        with pytest.raises(tk.errors.LedgerError) as caught:
            ask(digest)
        assert caught.value.message == f"no bytes are kept under {digest!r}"
        assert caught.value.actual == digest
        assert "graph=" in caught.value.next_step


def test_an_inspection_without_a_graph_keeps_no_blobs(teaching: Source) -> None:
    report = tk.inspect("teach/tampered:blob-byte", source=teaching)
    assert report.layers["evidence"].isna().all()
    with pytest.raises(tk.errors.LedgerError):
        report.evidence(report.layers["actual_digest"].iloc[0])


def test_an_inspection_with_a_graph_keeps_what_is_rejected_only(graph: tk.Graph, teaching: Source) -> None:
    report = tk.inspect("teach/tampered:blob-byte", source=teaching, graph=graph)
    layers: list[Layer] = report.records(Layer)
    assert [layer.evidence for layer in layers] == [None, None, layers[2].actual_digest]
    assert report.evidence(layers[2].evidence or "")
    assert len(graph) == 0
    assert graph.tags.all() == {}


def test_a_call_without_a_manifest_has_no_body(graph: tk.Graph, teaching: Source) -> None:
    with pytest.raises(tk.errors.NotFoundError) as caught:
        tk.pull("teach/clean:none", graph, source=teaching)
    with pytest.raises(tk.errors.LedgerError):
        caught.value.report.body()


# -- frames ------------------------------------------------------------------------------------------------------


def test_frames_are_attributes_of_this_call_only(graph: tk.Graph, teaching: Source) -> None:
    first = tk.pull("teach/clean:1", graph, source=teaching)
    second = tk.pull("teach/clean:2", graph, source=teaching)
    book = tk.Ledger.load(graph.layout.ledger)
    for table in TABLES:
        assert set(getattr(first, table)["pull"]) <= {first.call}
        assert len(first.frame(table)) + len(second.frame(table)) == len(book.frame(table))
        assert table in dir(first)
    with pytest.raises(AttributeError, match="'Report' object has no attribute 'nothing'"):
        _ = first.nothing


def test_mismatches_are_the_checks_that_failed(graph: tk.Graph, teaching: Source) -> None:
    report = refused(graph, teaching, "blob-byte")
    assert report.mismatches["rule"].tolist() == ["blob-digest"]
    assert report.mismatches.index.equals(pd.RangeIndex(1))
    assert list(report.mismatches.columns) == list(report.checks.columns)
    assert len(tk.inspect("teach/clean:1", source=teaching).mismatches) == 0


def test_a_call_that_has_not_ended_says_so() -> None:
    ledger = tk.Ledger()
    report = tk.Report(ledger, ledger.open_call().name)
    for ask in (lambda: report.outcome, lambda: report.error, lambda: repr(report), report.summary):
        with pytest.raises(tk.errors.LedgerError, match="the call has not ended"):
            ask()
    assert len(report.checks) == 0


# -- plain JSON --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clean:1", "duplicates:1", "legacy:1", "tampered:blob-byte", "tampered:unsigned-layers"])
def test_a_summary_is_plain_json_with_every_row(teaching: Source, name: str) -> None:
    report = tk.inspect(f"teach/{name}", source=teaching)
    summary = json.loads(json.dumps(report.summary(), allow_nan=False))
    assert summary == report.summary()
    assert summary["reference"] == f"teach/{name}"
    assert summary["outcome"] == report.outcome
    assert summary["error"] == report.error
    assert summary["image_id"] == report.image_id
    for table in ("checks", "layers", "strong_ids", "reuse", "manifests", "signatures"):
        assert len(summary[table]) == len(report.frame(table)), table
    assert [row["rule"] for row in summary["checks"]] == report.checks["rule"].tolist()
    assert [row["config"].encode() for row in summary["strong_ids"]] == report.strong_ids["config"].tolist()


# -- the card ----------------------------------------------------------------------------------------------------


def words(markup: str) -> str:
    """The text of a piece of HTML, as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]*>", " ", markup))


@pytest.mark.parametrize(
    ("name", "sign", "said"),
    [
        ("clean:1", "✔", "accepted"),
        ("tampered:blob-byte", "✘", "rejected"),
        ("tampered:layer-digest-weak", "?", "cannot be decided"),
    ],
)
def test_a_card_says_the_outcome_in_a_word_and_a_sign(teaching: Source, name: str, sign: str, said: str) -> None:
    report = tk.inspect(f"teach/{name}", source=teaching)
    title = f"{sign} inspect teach/{name}: {said}"
    assert repr(report).splitlines()[0] == title
    assert title in words(report._repr_html_())


@pytest.mark.parametrize("name", ["clean:1", "duplicates:1", "legacy:1", "tampered:blob-byte", "tampered:name-twice"])
def test_text_and_html_hold_the_same_facts(teaching: Source, name: str) -> None:
    report = tk.inspect(f"teach/{name}", source=teaching)
    text, markup = repr(report), words(report._repr_html_())
    card = report.card()
    facts = [value for pair in card.facts for value in pair]
    cells = [cell for table in card.tables for row in (table.columns, *table.rows) for cell in row]
    for fact in (*facts, *cells):
        assert fact in text, fact
        assert fact in markup, fact


def test_a_card_shows_digest_and_image_id_whole(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    assert IMAGE.digest in repr(report)
    assert (report.image_id or "?") in repr(report)
    assert str(graph.layout.root) in repr(report)
    assert "Downloaded newer image for teaching.example/teach/clean:1" in repr(report)


def test_a_refused_image_has_no_id_but_one_it_would_have(graph: tk.Graph, teaching: Source) -> None:
    text = repr(refused(graph, teaching, "blob-byte"))
    assert "image ID it would have" in text
    assert "blob-digest: filesystem layer verification failed" in text
    assert re.search(r"checks +\d+ passed, 1 failed \(1 refusing\), \d+ skipped", text)


def test_long_lists_of_findings_say_how_many_there_are(teaching: Source) -> None:
    ledger = tk.Ledger()
    report = tk.inspect("teach/clean:1", source=teaching, ledger=ledger)
    scope = ledger.open_call()
    scope.note(report.pull)
    for number in range(15):
        scope.note(Check(rule=f"rule-{number}", subject="s", outcome="failed", enforced=False, excepted=False))
    many = tk.Report(ledger, scope.name)
    assert "15 findings, the first 12" in repr(many)
    assert "rule-11" in repr(many)
    assert "rule-12" not in repr(many)


def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e\u200b&\"'"
    image = clean_image().changed(name=evil, tag=evil)
    report = tk.judge(image.body, "story.example/teach/clean:1", ledger=tk.Ledger(tmp_path))
    text, markup = repr(report), report._repr_html_()
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    for shown in (text, markup):
        assert not {"\x1b", "\u202e", "\u200b"} & set(shown)
        assert "\\x1b[31m\\u202e\\u200b" in shown
    assert report.manifests["name"].tolist() == [evil]  # the frame holds the text as it is
