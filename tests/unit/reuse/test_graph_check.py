"""validateImageInGraph: what is asked of an image in the graph, in which order and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from toolkit.identity.strong_id import Link, StrongImage, strong_ids
from toolkit.reuse.graph_check import check_place, graph_check
from toolkit.reuse.stored_image import StoredImage

LAYER: Final = "sha256:" + "1" * 64
OTHER: Final = "f" * 64


def link(position: int, own: str) -> Link:
    text = f'{{"id":"{own}","docker_version":"1.9.0"}}'.encode()
    return Link(position=position, compatibility_id=own, compatibility_parent="", layer_digest=LAYER, v1_compatibility=text)


BASE, TOP = strong_ids([link(0, "a" * 64), link(1, "b" * 64)])


def as_stored(image: StrongImage) -> StoredImage:
    return StoredImage(json=image.config, checksum=LAYER.encode(), v1_compatibility=image.v1_compatibility)


GRAPH: Final = {BASE.hex: as_stored(BASE), TOP.hex: as_stored(TOP)}


def check_top(stored: StoredImage, *, below: str = BASE.hex) -> str | None:
    return graph_check({**GRAPH, TOP.hex: stored}, TOP.hex, TOP, below=below, parent_strong_id=BASE.strong_id)


def test_an_image_that_deserves_its_place() -> None:
    assert graph_check(GRAPH, BASE.hex, BASE, below="", parent_strong_id="") is None
    assert check_top(GRAPH[TOP.hex]) is None
    assert [check_place(GRAPH, [BASE, TOP], [BASE.hex, TOP.hex], index) for index in (0, 1)] == [None, None]


def test_an_image_that_is_not_there() -> None:
    found = graph_check({}, TOP.hex, TOP, below=BASE.hex, parent_strong_id=BASE.strong_id)
    assert found == f"missing: could not find image: no such id: {TOP.hex}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"json": b"{"}, "missing: unexpected EOF"),
        ({"checksum": None}, "digest: digest is not set for layer"),
        ({"checksum": b"md5:ab"}, "digest: unsupported digest algorithm"),
        ({"parent": OTHER.encode()}, f"parent: {OTHER} {BASE.hex}"),
        (
            {"v1_compatibility": None},
            f"v1Compatibility: {TOP.hex} open graph/{TOP.hex}/v1Compatibility: no such file or directory",
        ),
        ({"v1_compatibility": b"{"}, "make config: unexpected end of JSON input"),
        (
            {"checksum": None, "parent": OTHER.encode(), "v1_compatibility": None},
            "digest: digest is not set for layer",
        ),
        ({"parent": OTHER.encode(), "v1_compatibility": None}, f"parent: {OTHER} {BASE.hex}"),
    ],
)
def test_the_first_thing_that_disagrees_is_told(changes: dict[str, bytes | None], words: str) -> None:
    assert check_top(replace(GRAPH[TOP.hex], **changes)) == words


@pytest.mark.parametrize("changes", [{"checksum": b"sha256:ab"}, {"v1_compatibility": b'{"docker_version":"1.9.1"}'}])
def test_files_that_give_another_id_are_a_mismatch(changes: dict[str, bytes]) -> None:
    found = check_top(replace(GRAPH[TOP.hex], **changes))
    assert found is not None
    assert found.startswith("digest mismatch: sha256:")
    assert found.endswith(f" {TOP.strong_id}, error: <nil>")


def test_a_base_must_have_no_parent() -> None:
    graph = {BASE.hex: replace(GRAPH[BASE.hex], parent=OTHER.encode())}
    assert graph_check(graph, BASE.hex, BASE, below="", parent_strong_id="") == f"unexpected parent: {OTHER}"
    assert check_place(graph, [BASE], [BASE.hex], 0) == f"unexpected parent: {OTHER}"


def test_a_place_is_checked_against_the_id_in_use_below() -> None:
    graph = {**GRAPH, TOP.hex: replace(GRAPH[TOP.hex], parent=OTHER.encode())}
    assert check_place(graph, [BASE, TOP], [OTHER, TOP.hex], 1) is None
    assert check_place(graph, [BASE, TOP], [BASE.hex, TOP.hex], 1) == f"parent: {OTHER} {BASE.hex}"
