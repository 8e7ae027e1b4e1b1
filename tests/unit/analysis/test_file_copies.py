"""Copies of files: within a layer, across layers, across images."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_files import FileRow, files_of
from support.made_up_registry import Blob

import toolkit as tk
from toolkit.analysis import explain_file_copies, file_copies, file_spread, files_elsewhere
from toolkit.analysis.file_copies import Grouping, Place

LOW, HIGH, SAME = Blob("low"), Blob("high"), Blob("low zstd", tar="low")
ROWS = [
    FileRow("a:1", 0, LOW, "etc/motd", "hello", 10),
    FileRow("a:1", 0, LOW, "etc/motd.BAK", "hello", 10),
    FileRow("a:1", 0, LOW, "bin", None, 0, type="directory"),
    FileRow("a:1", 0, LOW, "bin/tool.py", "tool", 100),
    FileRow("a:1", 1, HIGH, "opt/tool.py", "tool", 100),
    FileRow("a:1", 1, HIGH, "opt/.hidden", "empty", 0),
    FileRow("a:1", 1, HIGH, "opt/image.raw", None, 999),
    FileRow("b:1", 0, SAME, "etc/motd", "hello", 10),
    FileRow("b:1", 0, SAME, "etc/motd.BAK", "hello", 10),
    FileRow("b:1", 0, SAME, "bin", None, 0, type="directory"),
    FileRow("b:1", 0, SAME, "bin/tool.py", "tool", 100),
]
"""Two images of one tar compressed in two ways, and a layer on top."""

FILES = files_of(ROWS)


def test_copies_in_a_layer_and_between_layers_are_told_apart() -> None:
    (row,) = file_copies(FILES).to_dict("records")
    assert row == {
        "group": "all",
        "files": 5,
        "contents": 3,
        "copies": 2,
        "intra_layer": 1,
        "inter_layer": 1,
        "count_ratio": 5 / 3,
        "bytes": 220,
        "content_bytes": 110,
        "copied_bytes": 110,
        "intra_layer_bytes": 10,
        "inter_layer_bytes": 100,
        "capacity_ratio": 2.0,
        "unhashed": 1,
    }
    assert explain_file_copies(file_copies(FILES)) == (
        "5 files have 3 contents: 1 copies stand in the layer of their first, 1 in other layers. "
        "Of 220 B, 110 B are copies. Files without a digest, not counted: 1."
    )


@pytest.mark.parametrize(
    ("by", "groups", "files", "copied"),
    [
        ("extension", ["py", "", "bak", "raw"], [2, 2, 1, 0], [100, 0, 0, 0]),
        ("layer", [LOW.diff_id, HIGH.diff_id], [3, 2], [10, 0]),
        ("image", ["a:1", "b:1"], [5, 3], [110, 10]),
    ],
)
def test_copies_are_counted_by_group(by: Grouping, groups: list[str], files: list[int], copied: list[int]) -> None:
    found = file_copies(FILES, by=by)
    assert found["group"].tolist() == groups
    assert found["files"].tolist() == files
    assert found["copied_bytes"].tolist() == copied


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("a.py", "py"),
        ("a/b.tar.GZ", "gz"),
        (".profile", ""),
        ("a/.profile", ""),
        ("a.d/file", ""),
        ("a/file.", ""),
        ("a/.conf.d", "d"),
        ("lib.so.6", "6"),
        ("plain", ""),
    ],
)
def test_an_extension_is_what_follows_the_last_dot_of_a_name(path: str, extension: str) -> None:
    assert file_copies(files_of([FileRow("a:1", 0, LOW, path, "x", 1)]), by="extension")["group"].tolist() == [extension]


def test_what_stands_elsewhere_too_is_measured_for_layers_and_images() -> None:
    layers = files_elsewhere(FILES).set_index("holder")
    assert layers["elsewhere"].to_dict() == {LOW.diff_id: 1, HIGH.diff_id: 1}
    assert layers["share"].to_dict() == pytest.approx({LOW.diff_id: 1 / 3, HIGH.diff_id: 1 / 2})
    assert layers["capacity_share"].to_dict() == pytest.approx({LOW.diff_id: 100 / 120, HIGH.diff_id: 1.0})
    images = files_elsewhere(FILES, by="image").set_index("holder")
    assert images["files"].to_dict() == {"a:1": 5, "b:1": 3}
    assert images["elsewhere"].to_dict() == {"a:1": 4, "b:1": 3}
    assert images["elsewhere_bytes"].to_dict() == {"a:1": 220, "b:1": 120}


def test_contents_lead_to_the_number_of_images_and_layers_that_have_them() -> None:
    found = file_spread(FILES).drop(columns="sha256")
    assert found.to_dict("records") == [
        {"size": 100, "images": 2, "layers": 2, "files": 2, "copied_bytes": 100},
        {"size": 10, "images": 2, "layers": 1, "files": 2, "copied_bytes": 10},
        {"size": 0, "images": 1, "layers": 1, "files": 1, "copied_bytes": 0},
    ]


def test_a_layer_that_could_not_be_read_to_its_end_goes_by_its_blob() -> None:
    files = files_of([FileRow("a:1", 0, LOW, "x", "one", 1), FileRow("a:1", 1, LOW, "x", "one", 1)])
    assert file_copies(files.assign(diff_id=pd.Series([None, None], dtype="str")))["files"].tolist() == [1]


CONTENTS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["x.py", "x.c", "x"])), max_size=5)


@given(st.dictionaries(st.sampled_from("abcd"), CONTENTS, max_size=4), st.lists(st.text("abcd", max_size=4), max_size=3))
@settings(max_examples=25, deadline=None)
def test_every_count_is_that_of_brute_force(layers: dict[str, list[tuple[int, str]]], images: list[str]) -> None:
    rows = [
        FileRow(f"image:{number}", position, Blob(layer), path, str(content), 10**content)
        for number, image in enumerate(images)
        for position, layer in enumerate(image)
        for content, path in layers.get(layer, [])
    ]
    used = {row.layer.name for row in rows}
    files = files_of(rows)
    members = [(layer, content, path) for layer in used for content, path in layers[layer]]
    found = file_copies(files, by="extension").set_index("group")
    for extension in {path.partition(".")[2] for _, _, path in members}:
        mine = [(layer, content) for layer, content, path in members if path.partition(".")[2] == extension]
        assert found["files"][extension] == len(mine)
        assert found["contents"][extension] == len({content for _, content in mine})
        assert found["intra_layer"][extension] == len(mine) - len(set(mine))
        assert found["inter_layer"][extension] == len(set(mine)) - len({content for _, content in mine})
        assert found["bytes"][extension] == sum(10**content for _, content in mine)
    spread = file_spread(files).set_index("sha256")
    assert spread["files"].sum() == len(members)
    assert len(spread) == len({content for _, content, _ in members})
    held = {f"image:{number}": {c for layer in image for c, _ in layers.get(layer, [])} for number, image in enumerate(images)}
    elsewhere = files_elsewhere(files, by="image").set_index("holder")["elsewhere"].to_dict()
    for name, image in zip(held, images, strict=True):
        others = set().union(*(one for other, one in held.items() if other != name))
        mine_too = [content for layer in set(image) for content, _ in layers.get(layer, []) if content in others]
        assert elsewhere.get(name, 0) == len(mine_too)


@pytest.mark.parametrize("by", ["all", "extension", "layer", "image"])
def test_no_rows_give_no_rows_of_the_same_types(by: Grouping) -> None:
    nothing = tk.Ledger().frame("files")
    empty, full = file_copies(nothing, by=by), file_copies(FILES, by=by)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert explain_file_copies(empty).startswith("0 files have 0 contents")
    assert file_spread(nothing).dtypes.to_dict() == file_spread(FILES).dtypes.to_dict()


@pytest.mark.parametrize("by", ["layer", "image"])
def test_nothing_stands_elsewhere_where_there_is_nothing(by: Place) -> None:
    empty = files_elsewhere(tk.Ledger().frame("files"), by=by)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == files_elsewhere(FILES, by=by).dtypes.to_dict()


def test_no_frame_is_changed() -> None:
    before = FILES.copy()
    file_copies(FILES, by="image")
    files_elsewhere(FILES)
    file_spread(FILES)
    pd.testing.assert_frame_equal(FILES, before)
