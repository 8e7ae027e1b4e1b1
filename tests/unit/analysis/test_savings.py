"""The ladder of sharing: by slot, image, repository, layer, tar and file."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_files import FileRow, files_of
from support.made_up_registry import Blob, Document, frames_of

import toolkit as tk
from toolkit.analysis import explain_savings, savings

STEPS = ["slot", "image", "repository", "layer", "tar", "file"]


def layers_of(images: dict[str, list[Blob]]) -> pd.DataFrame:
    return frames_of({name: Document(name, layers=tuple(blobs)) for name, blobs in images.items()})["layers"]


def plain(found: pd.DataFrame, column: str) -> list[Any]:
    return [None if value is pd.NA else value for value in found[column].astype("object")]


BASE, BASE_ZSTD = Blob("base", 1000, tar="base", content=3000), Blob("base zstd", 800, tar="base", content=3000)
OWN = Blob("own", 10, content=30)
IMAGES = {"r/a:1": [BASE, OWN, OWN], "r/a:2": [BASE], "r/b:1": [BASE], "r/b:2": [BASE_ZSTD]}


def test_each_step_stores_each_thing_of_its_kind_once() -> None:
    found = savings(layers_of(IMAGES))
    assert plain(found, "step") == STEPS[:-1]
    assert plain(found, "pieces") == [6, 5, 4, 3, 2]
    assert plain(found, "compressed") == [3820, 3810, 2810, 1810, 810]
    assert plain(found, "compressed_saved") == [0, 10, 1010, 2010, 3010]
    assert plain(found, "content") == [12060, 12030, 9030, 6030, 3030]
    assert plain(found, "content_saved") == [0, 30, 3030, 6030, 9030]
    assert found["compressed_ratio"].iloc[-1] == 3820 / 810
    assert explain_savings(found) == (
        "Images on their own would need 3,810 B compressed; stored once each, 3 layers need 1,810 B; 2 distinct tars would "
        "need 810 B. Layers of unknown size: 0; of unknown content: 0."
    )


def test_with_files_content_is_theirs_and_the_last_step_stores_each_once() -> None:
    rows = [
        FileRow("r/a:1", 0, BASE, "x", "one", 100),
        FileRow("r/a:1", 0, BASE, "y", "two", 200),
        FileRow("r/a:1", 1, OWN, "z", "one", 100),
        FileRow("r/b:2", 0, BASE_ZSTD, "x", "one", 100),
        FileRow("r/b:2", 0, BASE_ZSTD, "y", "two", 200),
        FileRow("r/b:2", 0, BASE_ZSTD, "d", None, 0, type="directory"),
    ]
    found = savings(layers_of(IMAGES), files_of(rows))
    assert plain(found, "step") == STEPS
    assert plain(found, "content") == [1400, 1300, 1000, 700, 400, 300]
    assert plain(found, "pieces")[-1] == 2
    assert plain(found, "compressed")[-1] is None
    assert "Of 700 B of files in them, 300 B are distinct (2 contents)." in explain_savings(found)


def test_what_nobody_said_is_counted() -> None:
    unknown, empty = Blob("unknown", None), Blob("empty", 5)
    found = savings(
        layers_of({"r/a:1": [BASE, unknown, empty]}),
        files_of([FileRow("r/a:1", 0, BASE, "x", "one", 7), FileRow("r/a:1", 2, empty, "d", None, 0, type="directory")]),
    )
    layer = found.set_index(found["step"].astype("str")).loc["layer"]
    assert (layer["pieces"], layer["compressed"], layer["unknown"]) == (3, 1005, 1)
    assert (layer["content"], layer["unlisted"]) == (7, 1)
    assert "Layers of unknown size: 1; of unknown content: 1." in explain_savings(found)


def test_the_smallest_known_blob_of_a_tar_is_kept() -> None:
    twins = [Blob("u", None, tar="t"), Blob("big", 9, tar="t"), Blob("small", 4, tar="t")]
    tar = savings(layers_of({f"r/a:{index}": [blob] for index, blob in enumerate(twins)})).iloc[-1]
    assert (tar["step"], tar["pieces"], tar["compressed"], tar["unknown"]) == ("tar", 1, 4, 0)


def test_a_claim_counts_where_no_bytes_came_and_a_blob_of_unknown_tar_is_its_own() -> None:
    layers = layers_of({"r/a:1": [BASE], "r/a:2": [BASE_ZSTD]})
    layers = layers.assign(
        size=layers["size"].mask(layers["position"] == 0), diff_id=layers["diff_id"].mask(layers["position"] == 0)
    )
    found = savings(layers)
    assert plain(found, "compressed") == [1800] * 5
    assert plain(found, "pieces")[-1] == 2


@given(
    st.dictionaries(
        st.sampled_from([f"r{row}:{tag}" for row in range(3) for tag in range(3)]),
        st.lists(st.integers(0, 7).map(lambda n: Blob(f"b{n}", 10**n % 997 + n, tar=f"t{n // 2}", content=n // 2)), max_size=5),
        min_size=1,
    )
)
@settings(max_examples=20, deadline=None)
def test_every_step_is_that_of_brute_force(images: dict[str, list[Blob]]) -> None:
    found = savings(layers_of(images))
    slots = [(name, name.partition(":")[0], blob) for name, blobs in images.items() for blob in blobs]
    sizes = {blob.name: blob.size or 0 for _, _, blob in slots}
    tars: dict[str | None, int] = {}
    for _, _, blob in slots:
        tars[blob.tar] = min(tars.get(blob.tar, 10**9), blob.size or 0)
    assert plain(found, "compressed") == [
        sum(sizes[blob.name] for _, _, blob in slots),
        sum(sizes[blob] for _, blob in {(name, blob.name) for name, _, blob in slots}),
        sum(sizes[blob] for _, blob in {(house, blob.name) for _, house, blob in slots}),
        sum(sizes.values()),
        sum(tars.values()),
    ]


def test_no_rows_give_the_steps_with_nothing_in_them() -> None:
    ledger = tk.Ledger()
    for empty, full in (
        (savings(ledger.layers), savings(layers_of(IMAGES))),
        (savings(ledger.layers, files_of([])), savings(layers_of(IMAGES), files_of([]))),
    ):
        assert empty["pieces"].sum() == 0
        assert empty["compressed_ratio"].isna().all()
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
        assert explain_savings(empty).startswith("Images on their own would need 0 B")


def test_no_frame_is_changed() -> None:
    layers, files = layers_of(IMAGES), files_of([FileRow("r/a:1", 0, BASE, "x", "one", 100)])
    before = layers.copy(), files.copy()
    savings(layers, files)
    pd.testing.assert_frame_equal(layers, before[0])
    pd.testing.assert_frame_equal(files, before[1])
