"""An explanation computes every step again, and says so when it comes out otherwise."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

import toolkit as tk
from toolkit.pulling.explain import Explanation
from toolkit.records import StrongID
from toolkit.simulator.teaching import clean_image, legacy_image, prepare_graph
from toolkit.sources.protocol import Source


def explained(teaching: Source, name: str, position: int) -> Explanation:
    return tk.explain(tk.inspect(f"teach/{name}", source=teaching), position)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_bytes_it_shows_hash_to_the_id_it_explains(teaching: Source, position: int) -> None:
    one = explained(teaching, "clean:1", position)
    assert one.strong_id == "sha256:" + hashlib.sha256(one.config).hexdigest()
    assert one.strong_id == one.recorded.strong_id
    assert one.agrees
    assert one.position == one.recorded.position == position
    config = json.loads(one.config)
    image = clean_image()
    layer = image.document["fsLayers"][2 - position]["blobSum"]
    assert config["layer_id"] == layer
    assert ("parent_id" in config) == (position > 0)
    if position:
        assert config["parent_id"] == explained(teaching, "clean:1", position - 1).strong_id
    assert not {"id", "parent", "Size"} & set(config)
    assert list(config) == sorted(config)


def test_the_steps_lead_from_the_text_of_the_manifest_to_the_id(teaching: Source) -> None:
    one = explained(teaching, "clean:1", 1)
    text = clean_image().document["history"][1]["v1Compatibility"]
    assert one.computed[0].input == text.encode()
    assert one.computed[0].output == text
    assert one.computed[-1].input == one.config
    assert one.computed[-1].output == one.strong_id
    assert [step.output for step in one.computed[2:4]] == [one.recorded.layer_digest, one.recorded.strong_parent]
    assert [step.what for step in one.computed][1] == "is it from Docker before 1.8.3?"


def test_the_base_has_nothing_below_it(teaching: Source) -> None:
    assert "nothing: this is the base" in [step.output for step in explained(teaching, "clean:1", 0).computed]


def test_an_old_image_is_read_and_written_back_first(teaching: Source) -> None:
    one = explained(teaching, "legacy:1", 2)
    assert one.recorded.derivation == "re-marshalled"
    assert one.computed[1].what.startswith("it is from Docker before 1.8.3")
    written = json.loads(one.computed[1].output)
    assert list(written)[:3] == ["id", "parent", "created"]
    assert written["container_config"]["Hostname"] == ""
    given = json.loads(legacy_image().document["history"][0]["v1Compatibility"])
    assert "Hostname" not in given["container_config"]
    assert one.agrees


@pytest.mark.parametrize(("negative", "position"), [(-1, 2), (-2, 1), (-3, 0)])
def test_negative_positions_count_from_the_top(teaching: Source, negative: int, position: int) -> None:
    assert explained(teaching, "clean:1", negative) == explained(teaching, "clean:1", position)


@pytest.mark.parametrize("position", [3, 99, -4, -99])
def test_a_position_out_of_range_lists_those_there_are(teaching: Source, position: int) -> None:
    with pytest.raises(tk.errors.UsageError) as caught:
        explained(teaching, "clean:1", position)
    assert caught.value.message == f"there is no image at position {position}"
    assert caught.value.expected == "one of [0, 1, 2]"


@pytest.mark.parametrize("position", [4, -1])
def test_a_dropped_duplicate_is_said_to_be_one(teaching: Source, position: int) -> None:
    with pytest.raises(tk.errors.UsageError) as caught:
        explained(teaching, "duplicates:1", position)
    assert caught.value.next_step == "the layer was dropped as a duplicate of the one below it; explain that one"
    assert explained(teaching, "duplicates:1", 3).agrees


@pytest.mark.parametrize("name", ["tampered:history-short", "tampered:image-id-path"])
def test_a_manifest_without_a_chain_explains_nothing(teaching: Source, name: str) -> None:
    with pytest.raises(tk.errors.UsageError) as caught:
        explained(teaching, name, 0)
    assert caught.value.expected == "a manifest with a chain of images"


def test_a_rejected_image_can_be_explained(teaching: Source) -> None:
    report = tk.inspect("teach/tampered:blob-byte", source=teaching)
    assert report.outcome == "rejected"
    assert all(tk.explain(report, position).agrees for position in range(3))


def test_a_row_that_says_otherwise_is_told(teaching: Source) -> None:
    one = explained(teaching, "clean:1", 1)
    for lie in (replace(one.recorded, strong_id="sha256:" + "0" * 64), replace(one.recorded, config=one.config + b" ")):
        lied = replace(one, recorded=lie)
        assert not lied.agrees
        assert repr(lied).startswith("✘")
    assert repr(one).startswith("✔")


def test_the_steps_are_a_frame(teaching: Source) -> None:
    one = explained(teaching, "clean:1", 2)
    steps = one.steps
    assert {name: str(kind) for name, kind in steps.dtypes.items()} == {
        "step": "int64",
        "what": "str",
        "input": "object",
        "output": "str",
    }
    assert steps["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert hashlib.sha256(steps["input"].iloc[-1]).hexdigest() == steps["output"].iloc[-1].partition(":")[2]


def test_the_ids_that_were_considered_stand_beside_it(graph: tk.Graph, teaching: Source) -> None:
    prepare_graph(graph, "damaged")
    report = tk.pull("teach/clean:1", graph, source=teaching)
    one = tk.explain(report, 0)
    assert [(decision.kind, decision.outcome) for decision in one.decisions] == [("strong", "invalid"), ("permuted", "free")]
    used = one.decisions[-1].candidate
    assert one.recorded.final_id == used
    assert used == hashlib.sha256(one.strong_id.partition(":")[2].encode()).hexdigest()
    shown = repr(one)
    assert used in shown
    assert "digest mismatch" in shown


def test_a_pull_kept_on_disk_is_explained_from_its_bodies(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    again = tk.Report(tk.Ledger.load(graph.layout.ledger), report.call, graph=graph)
    assert tk.explain(again, -1) == tk.explain(report, -1)


def test_a_report_whose_body_was_not_kept_says_what_is_missing(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    bare = tk.Report(tk.Ledger.load(graph.layout.ledger), report.call)
    with pytest.raises(tk.errors.LedgerError) as caught:
        tk.explain(bare, 0)
    assert "no bytes are kept under" in caught.value.message


def test_a_call_that_got_no_manifest_explains_nothing(graph: tk.Graph, teaching: Source) -> None:
    with pytest.raises(tk.errors.NotFoundError) as caught:
        tk.pull("teach/clean:none", graph, source=teaching)
    with pytest.raises(tk.errors.UsageError):
        tk.explain(caught.value.report, 0)


def test_a_card_names_the_ids_in_full(teaching: Source) -> None:
    one = explained(teaching, "clean:1", 2)
    for text in (repr(one), one._repr_html_()):
        assert one.strong_id in text
        assert one.recorded.compatibility_id in text
        assert str(len(one.config)) in text


def test_judged_bytes_are_explained_too() -> None:
    image = clean_image()
    report = tk.judge(image.body, image.digest)
    named: list[StrongID] = report.records(StrongID)
    assert tk.explain(report, -1).strong_id == named[-1].strong_id
    assert "none: nothing was registered" in repr(tk.explain(report, -1))


def test_an_image_of_today_s_formats_has_no_strong_id_to_explain() -> None:
    source = tk.open_source(tk.simulator.serve([tk.simulator.CASES["oci-gzipped"]]))
    with pytest.raises(tk.errors.UsageError) as caught:
        tk.explain(tk.inspect("lab/oci-gzipped:1", source=source), 0)
    assert "identity_ages" in caught.value.next_step
