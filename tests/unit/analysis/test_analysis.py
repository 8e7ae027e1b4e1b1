"""Frames to frames: each answer is computed from the rows, also when there are none."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

import toolkit as tk
from toolkit.analysis import digest_mismatches, duplicate_layers, parent_chain, readable, sharing
from toolkit.ledger.frames import frame
from toolkit.simulator.teaching import clean_image, duplicate_image, prepare_graph
from toolkit.sources.protocol import Source

A, B, C = "a" * 64, "b" * 64, "c" * 64


def types_of(found: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in found.dtypes.items()}


# -- digest mismatches -------------------------------------------------------------------------------------------


def checks_of(*rows: tuple[str, str | None, str | None]) -> pd.DataFrame:
    """A frame of checks: outcome, expected, actual."""
    data = pd.DataFrame(rows, columns=["outcome", "expected", "actual"])
    return data.assign(image="a/b:1", rule="blob-digest", subject="s", enforced=[index % 2 == 0 for index in range(len(rows))])


def test_two_digests_that_differ_are_measured() -> None:
    other = A[:10] + "b" + A[11:]
    found = digest_mismatches(checks_of(("failed", f"sha256:{A}", f"sha256:{other}")))
    assert found.to_dict("records") == [
        {
            "image": "a/b:1",
            "rule": "blob-digest",
            "subject": "s",
            "expected": f"sha256:{A}",
            "actual": f"sha256:{other}",
            "refuses": True,
            "first_difference": 10,
            "bits": 1,
            "of_bits": 256,
        }
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "first", "bits", "of_bits"),
    [
        (A, B, 0, 64, 256),
        (f"sha256:{A}", B, 0, 64, 256),
        (f"sha512:{A}{A}", f"sha512:{A}{B}", 64, 64, 512),
        (f"sha256:{A}", A, 64, 0, 256),
        ("0" * 64, "f" * 64, 0, 256, 256),
    ],
)
def test_ids_and_digests_are_compared_by_their_digits(expected: str, actual: str, first: int, bits: int, of_bits: int) -> None:
    (row,) = digest_mismatches(checks_of(("failed", expected, actual))).to_dict("records")
    assert (row["first_difference"], row["bits"], row["of_bits"]) == (first, bits, of_bits)


@pytest.mark.parametrize(
    ("outcome", "expected", "actual"),
    [
        ("passed", f"sha256:{A}", f"sha256:{B}"),
        ("skipped", f"sha256:{A}", f"sha256:{B}"),
        ("failed", f"sha256:{A}", f"sha512:{A}{A}"),
        ("failed", f"sha256:{A}", None),
        ("failed", None, None),
        ("failed", "3", "4"),
        ("failed", f"sha256:{A.upper()}", f"sha256:{B}"),
        ("failed", f"md5:{A}", f"sha256:{B}"),
        ("failed", f"sha256:{A}\n", f"sha256:{B}"),
    ],
)
def test_what_are_no_two_digests_is_left_out(outcome: str, expected: str | None, actual: str | None) -> None:
    assert len(digest_mismatches(checks_of((outcome, expected, actual)))) == 0


def test_what_is_only_recorded_does_not_refuse() -> None:
    found = digest_mismatches(checks_of(("failed", A, B), ("failed", A, C)))
    assert found["refuses"].tolist() == [True, False]
    assert found.index.equals(pd.RangeIndex(2))


def test_a_flipped_bit_of_a_blob_is_one_mismatch_of_about_half_the_bits(teaching: Source) -> None:
    report = tk.inspect("teach/tampered:blob-byte", source=teaching)
    (row,) = digest_mismatches(report.checks).to_dict("records")
    assert row["rule"] == "blob-digest"
    assert row["actual"] == report.layers["actual_digest"].iloc[2]
    assert 64 < row["bits"] < 192


# -- duplicates --------------------------------------------------------------------------------------------------


def layers_of(*rows: tuple[str, int, str, str, int | None]) -> pd.DataFrame:
    """A frame of layers: image, position, blob, disposition, size."""
    data = pd.DataFrame(rows, columns=["image", "position", "blob_digest", "disposition", "size"])
    return data.astype({"size": "Int64", "disposition": frame("layers", []).dtypes["disposition"]})


LAYERS = layers_of(
    ("x:1", 2, "two", "duplicate-removed", None),
    ("x:1", 1, "two", "downloaded", 5),
    ("x:1", 0, "one", "downloaded", 1000),
    ("x:2", 0, "one", "present", None),
    ("x:2", 1, "three", "not-needed", None),
    ("x:2", 2, "three", "not-needed", None),
)


def test_blobs_that_one_image_names_twice_are_listed() -> None:
    assert duplicate_layers(LAYERS).astype(object).where(lambda value: value.notna(), None).to_dict("records") == [
        {"image": "x:1", "blob_digest": "two", "slots": 2, "positions": "1, 2", "dropped": 1, "size": 5, "saved": 5},
        {"image": "x:2", "blob_digest": "three", "slots": 2, "positions": "1, 2", "dropped": 0, "size": None, "saved": None},
    ]


def test_repeated_blobs_come_in_the_order_in_which_the_rows_name_them() -> None:
    rows = [("x:1", position, blob, "downloaded", 1) for position, blob in ((4, "b"), (3, "a"), (1, "b"), (0, "a"), (12, "a"))]
    found = duplicate_layers(layers_of(*rows))
    assert found["blob_digest"].tolist() == ["b", "a"]
    assert found["positions"].tolist() == ["1, 4", "0, 3, 12"]


def test_blobs_are_counted_over_all_images_most_shared_first() -> None:
    assert sharing(LAYERS).astype(object).where(lambda value: value.notna(), None).to_dict("records") == [
        {"blob_digest": "one", "images": 2, "slots": 2, "size": 1000, "saved": 1000},
        {"blob_digest": "three", "images": 1, "slots": 2, "size": None, "saved": None},
        {"blob_digest": "two", "images": 1, "slots": 2, "size": 5, "saved": 5},
    ]


def test_a_repeated_entry_and_a_repeated_blob_are_told_apart(teaching: Source) -> None:
    """The teaching image names its empty layer three times: two images, and one entry that is dropped."""
    report = tk.inspect("teach/duplicates:1", source=teaching)
    found = duplicate_layers(report.layers)
    blobs = [layer["blobSum"] for layer in duplicate_image().document["fsLayers"]]
    counted = {blob: blobs.count(blob) for blob in blobs if blobs.count(blob) > 1}
    assert dict(zip(found["blob_digest"], found["slots"], strict=True)) == counted
    assert found["dropped"].sum() == 1
    for blob, positions in zip(found["blob_digest"], found["positions"], strict=True):
        top = len(blobs) - 1
        assert positions == ", ".join(str(top - index) for index in range(top, -1, -1) if blobs[index] == blob)


# -- chains ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reference", "decisions"),
    [
        (None, "teach/clean:1", ["new strong ID"] * 3),
        ("legacy", "teach/legacy:1", ["legacy ID reused"] * 3),
        ("legacy-base-only", "teach/legacy:1", ["legacy ID reused", "new strong ID", "new strong ID"]),
        ("legacy-without-checksums", "teach/legacy:1", ["new strong ID"] * 3),
        ("damaged", "teach/clean:1", ["probed ID", "new strong ID", "new strong ID"]),
    ],
)
def test_the_decision_is_read_from_the_rows(
    graph: tk.Graph, teaching: Source, name: str | None, reference: str, decisions: list[str]
) -> None:
    if name is not None:
        prepare_graph(graph, name)
    report = tk.pull(reference, graph, source=teaching)
    chain = parent_chain(report.strong_ids, report.reuse)
    assert chain["decision"].tolist() == decisions
    assert chain["position"].tolist() == [0, 1, 2]
    assert chain["final_id"].tolist() == report.strong_ids["final_id"].tolist()
    assert chain["final_id"].iloc[-1] == report.image_id


def test_images_of_the_graph_are_kept(graph: tk.Graph, teaching: Source) -> None:
    for _ in range(2):
        report = tk.pull("teach/clean:1", graph, source=teaching)
    chain = parent_chain(report.strong_ids, report.reuse)
    assert chain["decision"].tolist() == ["strong ID in the graph"] * 3
    assert chain["reason"].tolist() == [""] * 3
    assert chain["rounds"].tolist() == [0] * 3


def test_rounds_of_probing_are_counted_with_the_reason(graph: tk.Graph, teaching: Source) -> None:
    prepare_graph(graph, "damaged")
    report = tk.pull("teach/clean:1", graph, source=teaching)
    base = parent_chain(report.strong_ids, report.reuse).iloc[0]
    assert base["rounds"] == 1
    assert base["final_id"] == hashlib.sha256(base["strong_id"].partition(":")[2].encode()).hexdigest()
    assert "digest mismatch" in base["reason"]


def test_a_manifest_in_hand_decides_no_ids() -> None:
    image = clean_image()
    report = tk.judge(image.body, image.digest)
    chain = parent_chain(report.strong_ids, report.reuse)
    assert chain["decision"].tolist() == ["not decided"] * 3
    assert chain["final_id"].isna().all()


def test_rows_in_any_order_give_the_chain_base_first(teaching: Source) -> None:
    report = tk.inspect("teach/clean:1", source=teaching)
    pd.testing.assert_frame_equal(
        parent_chain(report.strong_ids.iloc[::-1], report.reuse), parent_chain(report.strong_ids, report.reuse)
    )


# -- frames for reading ------------------------------------------------------------------------------------------


def test_digests_and_ids_are_cut_and_everything_else_is_not() -> None:
    data = pd.DataFrame({"id": [A], "digest": [f"sha512:{B}{B}"], "text": [f"{A} and more"], "number": [5], "upper": [A.upper()]})
    assert readable(data).to_dict("records") == [
        {"id": "a" * 12, "digest": "b" * 12, "text": f"{A} and more", "number": 5, "upper": A.upper()}
    ]
    assert data["id"].tolist() == [A]


def test_stamps_and_empty_columns_are_left_out_unless_they_are_named() -> None:
    data = pd.DataFrame({"pull": ["x"], "seq": [0], "at": ["now"], "image": ["i"], "none": [None], "blank": [""]}).astype(
        {"none": "str", "blank": "str"}
    )
    assert list(readable(data)) == ["image"]
    assert readable(data, "seq", "none", "blank").to_dict("records") == [{"seq": 0, "none": "", "blank": ""}]


# -- nothing -----------------------------------------------------------------------------------------------------


def test_no_rows_give_no_rows_of_the_same_types(teaching: Source) -> None:
    empty = tk.Ledger()
    report = tk.inspect("teach/duplicates:1", source=teaching)
    tampered = tk.inspect("teach/tampered:blob-byte", source=teaching)
    for nothing, something in (
        (digest_mismatches(empty.checks), digest_mismatches(tampered.checks)),
        (duplicate_layers(empty.layers), duplicate_layers(report.layers)),
        (parent_chain(empty.strong_ids, empty.reuse), parent_chain(report.strong_ids, report.reuse)),
        (sharing(empty.layers), sharing(report.layers)),
    ):
        assert len(nothing) == 0
        assert len(something) > 0
        assert types_of(nothing) == types_of(something)
    assert len(readable(empty.checks)) == 0


def test_no_frame_is_changed(teaching: Source) -> None:
    report = tk.inspect("teach/duplicates:1", source=teaching)
    for table, ask in (
        ("layers", duplicate_layers),
        ("layers", sharing),
        ("checks", digest_mismatches),
        ("layers", readable),
    ):
        given = report.frame(table)
        before = given.copy()
        ask(given)
        pd.testing.assert_frame_equal(given, before)
