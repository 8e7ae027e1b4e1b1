"""Plots: what a picture shows, what it says in words, and text that must not act in either."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import toolkit as tk
from toolkit.ledger.frames import frame
from toolkit.simulator.teaching import clean_image, prepare_graph
from toolkit.sources.protocol import Source
from toolkit.views import plots
from toolkit.views.picture import Picture

EVIL = "$\\frac{1}{0}$<script>\x1b[31m\u202e\u200b$x^2$"
SHOWN = "$\\frac{1}{0}$<script>\\x1b[31m\\u202e\\u200b$x^2$"
A, B = "a" * 64, "b" * 64
CHAIN = ("position", "compatibility_id", "strong_id", "final_id", "final_parent", "decision", "rounds", "reason")


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def words(axes: Axes) -> str:
    return repr(plots.picture(axes))


def chain_of(*rows: tuple[str, str]) -> pd.DataFrame:
    """A chain with one image for each decision and reason, base first."""
    data = [
        (position, f"{position}" * 64, f"sha256:{position}{A[1:]}", f"{position}{B[1:]}", "", decision, 2, reason)
        for position, (decision, reason) in enumerate(rows)
    ]
    return pd.DataFrame(data, columns=list(CHAIN))


def mismatches_of(*pairs: tuple[str, str], subject: str = "fsLayers[0]") -> pd.DataFrame:
    """The frame of digest mismatches for pairs of expected and actual."""
    rows = [
        {
            "image": "a/b:1", "rule": "blob-digest", "subject": subject, "expected": expected, "actual": actual,
            "refuses": index == 0, "first_difference": 0, "bits": 128, "of_bits": 256,
        }
        for index, (expected, actual) in enumerate(pairs)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def layers_of(*rows: tuple[str, int, str, str, int | None]) -> pd.DataFrame:
    """A frame of layers: image, position, blob, disposition, size."""
    data = pd.DataFrame(rows, columns=["image", "position", "blob_digest", "disposition", "size"])
    return data.astype({"size": "Int64", "disposition": frame("layers", []).dtypes["disposition"]})


SIMPLE: dict[str, tuple[Callable[..., Axes], pd.DataFrame]] = {
    "parent_chain": (plots.parent_chain, chain_of(("new strong ID", ""), ("probed ID", "digest: x"))),
    "duplicate_layers": (plots.duplicate_layers, layers_of(("a/b:1", 0, "sha256:" + A, "downloaded", 5))),
    "digest_mismatches": (plots.digest_mismatches, mismatches_of(("sha256:" + A, "sha256:" + B))),
}


# -- every plot --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIMPLE)
def test_a_plot_makes_a_figure_of_its_own_and_leaves_pyplot_alone(name: str) -> None:
    plot, data = SIMPLE[name]
    before = data.copy()
    axes = plot(data)
    assert isinstance(axes.get_figure(), Figure)
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(data, before)
    assert plot(data).get_figure() is not axes.get_figure()


@pytest.mark.parametrize("name", SIMPLE)
def test_a_plot_draws_where_it_is_told_to(name: str) -> None:
    plot, data = SIMPLE[name]
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot(data, ax=right) is right
    assert texts(left) == []
    assert sorted(texts(right)) == sorted(texts(plot(data)))
    assert words(right) == words(plot(data))


@pytest.mark.parametrize("name", SIMPLE)
def test_the_same_data_give_the_same_bytes(name: str) -> None:
    plot, data = SIMPLE[name]
    first, second = (plots.picture(plot(data)).png() for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"Software" not in first
    assert plots.picture(plot(data)).png() == plots.picture(plot(data)).png()


@pytest.mark.parametrize("name", SIMPLE)
def test_other_data_give_another_picture(name: str) -> None:
    plot, data = SIMPLE[name]
    twice = pd.concat([data, data.assign(**({"position": data["position"] + len(data)} if "position" in data else {}))])
    assert plots.picture(plot(data)).png() != plots.picture(plot(twice)).png()
    assert words(plot(data)) != words(plot(twice))


@pytest.mark.parametrize("name", SIMPLE)
def test_nothing_to_draw_is_drawn(name: str) -> None:
    plot, data = SIMPLE[name]
    axes = plot(data.iloc[:0])
    assert plots.picture(axes).png()
    assert "0" in words(axes) or "Every digest is what was claimed" in words(axes)
    assert not any(text in ("nan", "None", "<NA>") for text in texts(axes))


def test_empty_frames_of_a_ledger_are_drawn() -> None:
    ledger = tk.Ledger()
    chain = tk.analysis.parent_chain(ledger.strong_ids, ledger.reuse)
    for axes in (plots.parent_chain(chain), plots.duplicate_layers(ledger), plots.digest_mismatches(ledger)):
        assert plots.picture(axes).png()
    assert words(plots.parent_chain(chain)).startswith("Parent chain of 0 images")
    assert words(plots.digest_mismatches(ledger)) == "Every digest is what was claimed."


@pytest.mark.parametrize("kind", ["report", "frame"])
def test_a_report_is_drawn_as_its_frames_are(teaching: Source, kind: str) -> None:
    report = tk.inspect("teach/tampered:blob-byte", source=teaching)
    given: dict[str, Any] = {"chain": report, "layers": report, "checks": report}
    if kind == "frame":
        chain = tk.analysis.parent_chain(report.strong_ids, report.reuse)
        given = {"chain": chain, "layers": report.layers, "checks": tk.analysis.digest_mismatches(report.checks)}
    assert words(plots.parent_chain(given["chain"])) == "Parent chain of 3 images: 3 new strong ID."
    assert words(plots.duplicate_layers(given["layers"])).startswith("3 layer slots of 1 images name 3 blobs, 0 of them")
    assert words(plots.digest_mismatches(given["checks"])).startswith("1 digests are not what was claimed. blob-digest at ")


# -- hostile text ------------------------------------------------------------------------------------------------


def hostile() -> dict[str, Axes]:
    """Each plot with hostile text wherever text from outside can stand."""
    chain = chain_of(("legacy ID reused", ""), ("new strong ID", EVIL)).assign(compatibility_id=EVIL)
    layers = layers_of((EVIL, 0, "sha256:" + A, "downloaded", 5), (EVIL, 1, EVIL, "failed", 5))
    return {
        "chain": plots.parent_chain(chain),
        "layers": plots.duplicate_layers(layers),
        "mismatches": plots.digest_mismatches(mismatches_of(("sha256:" + A, "sha256:" + B), subject=EVIL)),
    }


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    for name, axes in hostile().items():
        for text in axes.texts:
            assert text.get_text().isprintable(), name
            assert not text.get_parse_math(), name
        assert words(axes).isprintable()
        assert plots.picture(axes).png()  # $\frac{1}{0}$ obeyed would be an error, a control character a warning


def test_hostile_text_is_harmless_on_axes_of_the_caller_s_too() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    plots.digest_mismatches(mismatches_of(("sha256:" + A, "sha256:" + B), subject="$\\frac$"), ax=axes)
    assert any("$\\frac$" in text for text in texts(axes))
    assert plots.picture(axes).png()


def test_the_beginning_and_the_end_of_hostile_text_are_both_seen() -> None:
    (label,) = [text for text in texts(hostile()["mismatches"]) if "blob-digest" in text]
    assert SHOWN[:20] in label
    assert SHOWN[-19:] in label
    assert "…" in label


# -- parent chains -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decisions", "title"),
    [
        (["new strong ID"], "Every image gets the name its content gives"),
        (["strong ID in the graph"] * 2, "Every image is in the graph already"),
        (["legacy ID reused", "new strong ID"], "Legacy IDs are reused as far as they deserve it"),
        (["legacy ID reused", "probed ID"], "An ID was taken: the next one is probed for"),
        (["not decided"], "Every image gets the name its content gives"),
    ],
)
def test_the_title_says_what_there_is_to_see(decisions: list[str], title: str) -> None:
    axes = plots.parent_chain(chain_of(*((decision, "") for decision in decisions)))
    assert title in texts(axes)


def test_every_decision_has_a_glyph_and_a_word() -> None:
    decisions = ["new strong ID", "strong ID in the graph", "legacy ID reused", "probed ID", "not decided"]
    shown = texts(plots.parent_chain(chain_of(*((decision, "") for decision in decisions))))
    assert {"□", "■", "●", "▲", "·"} <= set(shown)
    assert "5 images: 1 new strong ID, 1 strong ID in the graph, 1 legacy ID reused, 1 probed ID, 1 not decided" in shown


@pytest.mark.parametrize(
    ("decision", "reason", "why"),
    [
        ("new strong ID", "", "new strong ID"),
        ("new strong ID", "missing: no such id", "new: nothing here to reuse"),
        ("new strong ID", "reuse has stopped below", "new: reuse has stopped below"),
        ("new strong ID", "digest is odd", "new: digest is odd"),
        ("legacy ID reused", "missing: strong", "legacy ID reused"),
        ("probed ID", "digest mismatch", "the place is taken: hashed again, 2 times"),
    ],
)
def test_a_row_says_in_a_few_words_why(decision: str, reason: str, why: str) -> None:
    assert why in texts(plots.parent_chain(chain_of((decision, reason))))


def test_one_round_of_probing_is_one_time() -> None:
    chain = chain_of(("probed ID", "x")).assign(rounds=1)
    assert "the place is taken: hashed again, 1 time" in texts(plots.parent_chain(chain))


@pytest.mark.parametrize(
    ("decisions", "stop"),
    [
        (["new strong ID", "new strong ID"], None),
        (["legacy ID reused", "legacy ID reused"], None),
        (["legacy ID reused", "new strong ID"], 1),
        (["strong ID in the graph", "strong ID in the graph", "probed ID"], 2),
        (["legacy ID reused", "not decided", "legacy ID reused", "new strong ID"], 1),
    ],
)
def test_a_broken_line_stands_where_reuse_stops(decisions: list[str], stop: int | None) -> None:
    axes = plots.parent_chain(chain_of(*((decision, "") for decision in decisions)))
    assert ("reuse stops here" in texts(axes)) == (stop is not None)
    assert len(axes.lines) == (stop is not None)
    assert words(axes).endswith("." if stop is None else f". Reuse stops at layer {stop}.")


def test_rows_in_any_order_are_drawn_base_first() -> None:
    chain = chain_of(("new strong ID", ""), ("new strong ID", ""), ("new strong ID", ""))
    straight, shuffled = (plots.picture(plots.parent_chain(one)).png() for one in (chain, chain.iloc[[2, 0, 1]]))
    assert straight == shuffled


def test_a_legacy_graph_is_drawn_as_it_came_out(graph: tk.Graph, teaching: Source) -> None:
    prepare_graph(graph, "legacy-base-only")
    axes = plots.parent_chain(tk.pull("teach/legacy:1", graph, source=teaching))
    said = "Parent chain of 3 images: 2 new strong ID, 1 legacy ID reused. Reuse stops at layer 1."
    assert words(axes) == said


def test_an_id_that_is_missing_is_a_dash() -> None:
    chain = chain_of(("not decided", "")).assign(final_id=None, strong_id="")
    assert texts(plots.parent_chain(chain)).count("-") == 2


# -- duplicate layers --------------------------------------------------------------------------------------------


def test_blobs_are_counted_over_images() -> None:
    one, two = "sha256:" + A, "sha256:" + B
    layers = layers_of(
        ("x:1", 0, one, "downloaded", 1000),
        ("x:1", 1, two, "downloaded", 5),
        ("x:1", 2, two, "duplicate-removed", None),
        ("x:2", 0, one, "present", None),
    )
    axes = plots.duplicate_layers(layers)
    assert words(axes) == (
        "4 layer slots of 2 images name 2 blobs, 2 of them more than once; "
        "1 slots are dropped as duplicates; 2.0 kB listed, 1.0 kB stored once."
    )
    shown = texts(axes)
    assert "2 of 2 blobs are named more than once" in shown
    assert [text for text in shown if text in ("x:1", "x:2")] == ["x:1", "x:2"]
    assert {"●", "○", "✕"} <= set(shown)
    assert {"aaaaaaaaaaaa", "bbbbbbbbbbbb", "1.0 kB", "5 B"} <= set(shown)


def test_a_ledger_of_several_images_is_one_picture(teaching: Source) -> None:
    ledger = tk.Ledger()
    for name in ("clean:1", "clean:2", "duplicates:1"):
        tk.inspect(f"teach/{name}", source=teaching, ledger=ledger)
    said = words(plots.duplicate_layers(ledger))
    assert said.startswith("11 layer slots of 3 images name 4 blobs, 3 of them more than once; 1 slots are dropped")


# -- digest mismatches -------------------------------------------------------------------------------------------


def test_each_digit_stands_under_its_own() -> None:
    expected, actual = "sha256:" + A, "sha256:" + A[:60] + "0123"
    axes = plots.digest_mismatches(mismatches_of((expected, actual)))
    assert len(axes.patches) == 4
    assert "blob-digest (refuses)   fsLayers[0]   128 of 256 bits differ" in texts(axes)
    assert texts(axes).count("a") == 124
    assert [text for text in texts(axes) if text in "0123" and len(text) == 1] == ["0", "1", "2", "3"]


def test_a_finding_that_does_not_refuse_is_called_recorded() -> None:
    pairs = [("sha256:" + A, "sha256:" + B)] * 2
    labels = [text for text in texts(plots.digest_mismatches(mismatches_of(*pairs))) if "bits differ" in text]
    assert [label.split("   ")[0] for label in labels] == ["blob-digest (refuses)", "blob-digest (recorded)"]


def test_many_mismatches_are_counted_and_six_are_drawn() -> None:
    pairs = [("sha256:" + A, f"sha256:{hashlib.sha256(bytes([number])).hexdigest()}") for number in range(9)]
    axes = plots.digest_mismatches(mismatches_of(*pairs))
    assert "9 digests are not what was claimed" in texts(axes)
    assert len([text for text in texts(axes) if "bits differ" in text]) == 6


def test_a_longer_digest_is_drawn_by_its_beginning() -> None:
    axes = plots.digest_mismatches(mismatches_of(("sha512:" + A * 2, "sha512:" + B * 2)))
    assert texts(axes).count("a") == texts(axes).count("b") == 64


def test_checks_without_digests_are_no_mismatches(teaching: Source) -> None:
    report = tk.inspect("teach/tampered:parent-wrong", source=teaching)
    assert "parent-link" in report.mismatches["rule"].tolist()
    found = tk.analysis.digest_mismatches(report.checks)
    assert words(plots.digest_mismatches(report)).startswith(
        f"{len(found)} digests" if len(found) else "Every digest is what was claimed"
    )


# -- pictures ----------------------------------------------------------------------------------------------------


def test_a_picture_is_a_png_with_words_in_its_place(teaching: Source) -> None:
    axes = plots.parent_chain(tk.inspect("teach/clean:1", source=teaching))
    shown = plots.picture(axes)
    data, metadata = shown._repr_mimebundle_()
    assert data == {"image/png": shown.png(), "text/plain": "Parent chain of 3 images: 3 new strong ID."}
    assert metadata == {"image/png": {"alt": "Parent chain of 3 images: 3 new strong ID."}}
    assert repr(shown) == shown.words
    assert shown._repr_mimebundle_(include={"text/plain"}, exclude={"image/png"}) == (data, metadata)


def test_a_picture_of_other_axes_has_no_words() -> None:
    assert repr(plots.picture(Figure().add_subplot())) == "A figure without words."


def test_axes_without_a_figure_are_no_picture() -> None:
    axes = Figure().add_subplot()
    axes.remove()
    with pytest.raises(TypeError, match="belong to no figure"):
        plots.picture(axes)


def test_a_picture_of_a_figure_is_drawn_as_it_is() -> None:
    figure = Figure(figsize=(1, 1))
    shown = Picture(figure, "words")
    assert shown.png() == Picture(Figure(figsize=(1, 1)), "others").png()
    assert shown.figure is figure


def test_the_manifest_digest_that_was_asked_for_is_drawn_against_the_one_that_came() -> None:
    image = clean_image()
    report = tk.judge(image.body, "story.example/teach/clean@sha256:" + "0" * 64)
    said = words(plots.digest_mismatches(report))
    bits = (int(image.digest.partition(":")[2], 16)).bit_count()
    assert f"{bits} of 256 bits" in said
