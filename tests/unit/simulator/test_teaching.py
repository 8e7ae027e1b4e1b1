"""The teaching registry and its graphs: complete, reproducible, and what the stored copy holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.places import PROJECT
from support.trees import files_of

import toolkit as tk
from toolkit.simulator import GRAPHS, TAMPERINGS, prepare_graph
from toolkit.simulator.teaching import clean_image, legacy_image, save_teaching, teaching_registry
from toolkit.sources.static_registry import StaticRegistry

STORED = PROJECT / "data" / "registries" / "teaching"


def test_every_lie_has_a_tag_and_a_sentence() -> None:
    registry = teaching_registry()
    assert sorted(registry.manifests) == ["teach/clean", "teach/duplicates", "teach/legacy", "teach/tampered"]
    assert sorted(registry.manifests["teach/tampered"]) == sorted(TAMPERINGS)
    for tags in registry.manifests.values():
        assert all(manifest.about for manifest in tags.values())


def test_the_stored_copy_is_what_is_generated(tmp_path: Path) -> None:
    save_teaching(tmp_path / "made")
    assert files_of(tmp_path / "made") == files_of(STORED)


def test_the_stored_copy_is_the_registry() -> None:
    assert StaticRegistry.load(STORED) == teaching_registry()


def test_no_two_images_lie_about_the_same_digest() -> None:
    registry = teaching_registry()
    digests = [manifest.digest for tags in registry.manifests.values() for manifest in tags.values()]
    assert len(digests) == len(set(digests))


@pytest.mark.parametrize(
    ("name", "images", "checksums"),
    [("legacy", 3, 3), ("legacy-base-only", 3, 1), ("legacy-without-checksums", 3, 0), ("damaged", 1, 1)],
)
def test_a_graph_holds_what_its_lesson_needs(graph: tk.Graph, name: str, images: int, checksums: int) -> None:
    assert prepare_graph(graph, name) is graph
    assert len(graph) == images
    assert sum(stored.checksum is not None for stored in graph.values()) == checksums
    assert sorted(GRAPHS) == ["damaged", "legacy", "legacy-base-only", "legacy-without-checksums"]


def test_legacy_images_are_named_as_the_manifest_says(graph: tk.Graph) -> None:
    prepare_graph(graph, "legacy")
    assert set(graph) == set(tk.judge(legacy_image().body, legacy_image().digest).strong_ids["compatibility_id"])


def test_the_damaged_graph_holds_an_image_under_a_name_it_does_not_deserve(graph: tk.Graph) -> None:
    prepare_graph(graph, "damaged")
    base = tk.judge(clean_image().body, clean_image().digest).strong_ids["strong_id"].iloc[0]
    assert list(graph) == [base.partition(":")[2]]
    assert graph[base.partition(":")[2]].checksum == b"sha256:" + b"0" * 64
