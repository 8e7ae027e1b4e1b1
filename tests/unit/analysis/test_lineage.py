"""Where an image comes from: beginnings by diff ID, ties, and images that are alike."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_registry import Blob, Document, digest_of, frames_of

import toolkit as tk
from toolkit.analysis import base_candidates, explain_lineage, lineage


def layers_of(images: dict[str, str]) -> pd.DataFrame:
    """Each letter of an image is a layer."""
    return frames_of({f"x:{name}": Document(name, layers=tuple(map(Blob, tars))) for name, tars in images.items()})["layers"]


TREE = {"base": "a", "run": "ab", "run2": "ab", "app": "abc", "deep": "abcdd", "other": "xbc", "same": "abcdd"}


def test_the_longest_beginning_is_the_parent_and_the_shortest_the_base() -> None:
    found = lineage(layers_of(TREE)).set_index("image")
    assert found["parent_layers"].astype("float64").fillna(0).astype("int64").to_dict() == {
        "x:base": 0,
        "x:run": 1,
        "x:run2": 1,
        "x:app": 2,
        "x:deep": 3,
        "x:same": 3,
        "x:other": 0,
    }
    assert found["parents"].to_dict() == {
        "x:base": 0,
        "x:run": 1,
        "x:run2": 1,
        "x:app": 2,
        "x:deep": 1,
        "x:same": 1,
        "x:other": 0,
    }
    assert found["base_layers"].dropna().tolist() == [1] * 5
    assert found["alike"].to_dict() == {
        "x:base": 0,
        "x:run": 1,
        "x:run2": 1,
        "x:app": 0,
        "x:deep": 1,
        "x:same": 1,
        "x:other": 0,
    }
    assert found["descendants"].to_dict() == {
        "x:base": 5,
        "x:run": 3,
        "x:run2": 3,
        "x:app": 2,
        "x:deep": 0,
        "x:same": 0,
        "x:other": 0,
    }
    assert not found["claimed"].any()
    assert not found["unknown"].any()


def test_every_candidate_is_listed_with_its_ties() -> None:
    found = base_candidates(layers_of(TREE))
    mine = found[found["image"] == "x:deep"].drop(columns=["image", "chain_id"])
    assert mine.to_dict("records") == [
        {"candidate": "x:app", "layers": 3, "own_layers": 2, "nearest": True, "tied": 1},
        {"candidate": "x:run", "layers": 2, "own_layers": 3, "nearest": False, "tied": 2},
        {"candidate": "x:run2", "layers": 2, "own_layers": 3, "nearest": False, "tied": 2},
        {"candidate": "x:base", "layers": 1, "own_layers": 4, "nearest": False, "tied": 1},
    ]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("x:base", "x:base has 1 layers and begins with no other image that is known here."),
        (
            "x:run",
            (
                "x:run adds 1 layers to an image of 1 layers; the lowest image it begins with has 1 layers."
                " 1 other images have exactly its layers."
            ),
        ),
        (
            "x:app",
            (
                "x:app adds 1 layers to an image of 2 layers, which 2 images are: a tie;"
                " the lowest image it begins with has 1 layers."
            ),
        ),
    ],
)
def test_a_sentence_says_where_an_image_comes_from(image: str, said: str) -> None:
    assert explain_lineage(lineage(layers_of(TREE)), image) == said


def test_a_claimed_diff_id_serves_where_none_was_measured_and_is_called_a_claim() -> None:
    layers = layers_of({"base": "a", "app": "ab"})
    claims = layers["diff_id"].where(layers["image"] == "x:app")
    found = lineage(layers.assign(diff_id=layers["diff_id"].mask(layers["image"] == "x:app"), claimed_diff_id=claims))
    app = found.set_index("image").loc["x:app"]
    assert (app["parents"], app["claimed"]) == (1, True)
    assert explain_lineage(found, "x:app").endswith("Some diff IDs are only claims.")


def test_an_image_that_lacks_a_diff_id_is_compared_with_nothing() -> None:
    layers = layers_of({"base": "a", "app": "abc", "copy": "abc", "end": "abcd"})
    hole = (layers["image"] == "x:app") & (layers["position"] == 1)
    holed = layers.assign(diff_id=layers["diff_id"].mask(hole))
    found = lineage(holed).set_index("image")
    assert found["unknown"].to_dict() == {"x:app": 1, "x:base": 0, "x:copy": 0, "x:end": 0}
    assert found[["parents", "alike", "descendants"]].to_dict("index")["x:app"] == {"parents": 0, "alike": 0, "descendants": 0}
    assert found.loc["x:end", "parents"] == 1
    assert "x:app" not in set(base_candidates(holed)["candidate"]) | set(base_candidates(holed)["image"])
    said = explain_lineage(found.reset_index(), "x:app")
    assert said == "x:app has 3 layers, 1 of them without a diff ID: it cannot be compared."


def test_slots_that_were_dropped_as_duplicates_are_no_layers() -> None:
    layers = layers_of({"base": "ab", "app": "abbc"})
    dropped = (layers["image"] == "x:app") & (layers["position"] == 2)
    kind = layers["disposition"].dtype
    layers["disposition"] = layers["disposition"].astype("str").mask(dropped, "duplicate-removed").astype(kind)
    app = lineage(layers).set_index("image").loc["x:app"]
    assert (app["layers"], app["parent_layers"]) == (3, 2)


def test_equal_chain_ids_are_equal_beginnings() -> None:
    """The numbers given here and the digests of the specification part images in the same way."""
    layers = layers_of(TREE)
    chains = [tk.chain_ids(rows["diff_id"].tolist()) for _, rows in layers.sort_values(["image", "position"]).groupby("image")]
    ordered = layers.sort_values(["image", "position"], ignore_index=True)
    layers = ordered.assign(chain_id=pd.Series([one for chain in chains for one in chain], dtype="str"))
    found = lineage(layers).set_index("image")
    chain_id, parent, base = (found[name].to_dict() for name in ("chain_id", "parent_chain_id", "base_chain_id"))
    assert parent["x:deep"] == chain_id["x:app"]
    assert base["x:app"] == digest_of("tar a")
    assert found.groupby("chain_id").size().tolist().count(2) == 2


@given(st.dictionaries(st.integers(0, 30).map(str), st.text("abc", min_size=1, max_size=5), max_size=12))
@settings(max_examples=25, deadline=None)
def test_every_lineage_is_that_of_brute_force(images: dict[str, str]) -> None:
    layers = layers_of(images)
    found = lineage(layers.sample(frac=1, random_state=1)).set_index("image")
    rows: dict[Any, dict[Any, Any]] = found.to_dict("index")
    candidates = base_candidates(layers)
    expected = set()
    for name, tars in images.items():
        below = {other: one for other, one in images.items() if tars.startswith(one) and one != tars}
        lengths = sorted(map(len, below.values()))
        row: dict[str, Any] = rows[f"x:{name}"]
        assert row["parents"] == (lengths.count(lengths[-1]) if lengths else 0)
        assert row["bases"] == (lengths.count(lengths[0]) if lengths else 0)
        assert row["alike"] == list(images.values()).count(tars) - 1
        assert row["descendants"] == sum(one.startswith(tars) and one != tars for one in images.values())
        if lengths:
            assert (row["parent_layers"], row["base_layers"]) == (lengths[-1], lengths[0])
        else:
            assert pd.isna(row["parent_layers"])
            assert pd.isna(row["base_layers"])
        expected |= {(f"x:{name}", f"x:{other}", len(one), len(one) == lengths[-1]) for other, one in below.items()}
    columns = (candidates[name] for name in ("image", "candidate", "layers", "nearest"))
    assert set(zip(*columns, strict=True)) == expected


def test_no_rows_give_no_rows_of_the_same_types() -> None:
    for ask in (lineage, base_candidates):
        empty, full = ask(tk.Ledger().layers), ask(layers_of(TREE))
        assert len(empty) == 0
        assert len(full) > 0
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_no_frame_is_changed() -> None:
    layers = layers_of(TREE)
    before = layers.copy()
    lineage(layers)
    base_candidates(layers)
    pd.testing.assert_frame_equal(layers, before)
