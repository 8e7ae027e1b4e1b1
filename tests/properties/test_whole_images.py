"""Whole images: what goes in comes out, no changed byte is accepted, and evidence gives the same decisions again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from toolkit import simulator
from toolkit.records import Layer
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.simulator.tampering import honest
from toolkit.sources.protocol import Source
from toolkit.sources.static_registry import StaticManifest, StaticRegistry

DECIDED: Final = ("manifests", "signatures", "checks", "layers", "strong_ids", "reuse", "tags")
STAMPS: Final = ["pull", "seq", "at"]


def source_of(image: SimulatedImage) -> StaticRegistry:
    registry = StaticRegistry("property.example")
    served = honest(image)
    registry.add(image.repository, image.tag, StaticManifest(body=served.body, digest=served.digest), served.blobs)
    return registry


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=7), st.lists(st.booleans(), min_size=7, max_size=7))
@settings(max_examples=60, deadline=None)
def test_n_layers_in_n_rows_out(contents: list[str], repeat: list[bool]) -> None:
    """Every slot of a manifest becomes a row: multiset in equals multiset out, duplicates and all."""
    image = build_image("many/layers", "1", [LayerRecipe(f"ADD {word}", {word: word.encode()}) for word in contents])
    layers, history = [], []
    for layer, entry, twice in zip(image.document["fsLayers"], image.document["history"], repeat, strict=False):
        layers += [layer] * (1 + twice)
        history += [entry] * (1 + twice)
    image = image.changed(fsLayers=layers, history=history)
    report = tk.inspect("many/layers:1", source=source_of(image))
    assert report.outcome == "accepted"
    rows: list[Layer] = report.records(Layer)
    assert Counter(row.blob_digest for row in rows) == Counter(layer["blobSum"] for layer in layers)
    assert [row.position for row in rows] == list(range(len(layers)))
    assert sum(row.disposition == "duplicate-removed" for row in rows) == len(layers) - len(contents)
    assert len(report.strong_ids) == len(contents)


SMALL: Final = build_image("small/image", "1", [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("CMD", {"b": b""})])


def test_no_changed_byte_of_the_manifest_is_accepted() -> None:
    body = SMALL.body
    reference = "property.example/small/image:1"
    assert tk.judge(body, reference).outcome == "accepted"
    for index in range(len(body)):
        for flip in (0x01, 0x20, 0x80):
            changed = body[:index] + bytes((body[index] ^ flip,)) + body[index + 1 :]
            assert tk.judge(changed, reference).outcome != "accepted", (index, flip, changed[index - 20 : index + 20])


@pytest.mark.slow
def test_no_blank_around_the_signatures_can_be_another() -> None:
    """Where three flips find nothing, all 255 do: the bytes that no signature covers."""
    body = SMALL.body
    reference = "property.example/small/image:1"
    start = body.rindex(b'"signatures"') - 6
    covered = {index for index in range(start, len(body)) if body[index : index + 1].isspace() or body[index] in b'{}[],:"'}
    for index in sorted(covered)[::3]:
        for byte in b' \t\r\n,:"{}[]x':
            if byte != body[index]:
                changed = body[:index] + bytes((byte,)) + body[index + 1 :]
                assert tk.judge(changed, reference).outcome != "accepted", (index, byte)


def test_no_changed_byte_of_a_blob_is_accepted() -> None:
    registry = source_of(SMALL)
    for digest, blob in SMALL.blobs.items():
        for index in range(0, len(blob), 37):
            registry.blobs[digest] = blob[:index] + bytes((blob[index] ^ 1,)) + blob[index + 1 :]
            assert tk.inspect("small/image:1", source=registry).outcome == "rejected", (digest, index)
        registry.blobs[digest] = blob


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize("verb", ["pull", "inspect"])
def test_rejudging_kept_evidence_gives_equal_frames(verb: str, policy: str, teaching: Source, tmp_path: Path) -> None:
    """From the files on disk alone: no source, no clock."""
    graph = tk.Graph(tmp_path / "graph")
    registry = simulator.teaching_registry()
    for name, tags in registry.manifests.items():
        for tag in tags:
            try:
                if verb == "pull":
                    tk.pull(f"{name}:{tag}", graph, source=teaching, policy=policy)
                else:
                    tk.inspect(f"{name}:{tag}", graph=graph, source=teaching, policy=policy)
            except tk.ToolkitError as error:
                assert error.report is not None  # noqa: PT017  # a refusal is what this registry is for
    ledger = tk.Ledger.load(graph.layout.ledger)
    calls = ledger.pulls_in_order()
    assert len(calls) == sum(map(len, registry.manifests.values()))
    for call in calls:
        first = tk.Report(ledger, call, graph=graph)
        again = tk.rejudge(first)
        for table in DECIDED:
            left, right = (one.frame(table).drop(columns=STAMPS) for one in (first, again))
            assert left.equals(right), (first.reference, table)
        assert again.outcome == first.outcome


def test_rejudging_under_another_policy_tells_what_it_would_have_said(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/tampered:unsigned-layers", graph, source=teaching, policy="docker-1.9")
    assert report.outcome == "accepted"
    strict = tk.rejudge(report, policy="strict")
    assert strict.outcome == "rejected"
    assert strict.error is not None
    assert strict.error["code"] == "unsigned-data"
