"""Frames of which nothing is left: each question has an answer, whatever the others still hold."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from support.made_up_registry import Blob, Document, frames_of

from toolkit.analysis import (
    base_candidates,
    deletions,
    drift,
    drifted_blobs,
    duplicate_layers,
    free_space,
    latest,
    layer_images,
    lineage,
    reach,
    savings,
    sharing,
    stored_sizes,
)

IMAGE = Document("image", layers=(Blob("base"), Blob("top")), config=Blob("config"))
FRAMES = frames_of(
    {"r:1": IMAGE, "r:2": Document("index", children=(IMAGE,)), "r:3": Document("old", layers=(Blob("base"),), schema1=True)}
)


def cut(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """All of it, nothing of it in two ways, and one image of it."""
    return [frame, frame.iloc[:0], frame[frame["image"] == "nothing"].reset_index(drop=True), frame[frame["image"] == "r:3"]]


@pytest.mark.parametrize("manifests", range(4))
def test_parts_of_a_survey_answer_with_what_they_have(manifests: int) -> None:
    whole = reach(FRAMES["manifests"], FRAMES["descriptors"], FRAMES["layers"])
    for descriptors, layers in itertools.product(cut(FRAMES["descriptors"]), cut(FRAMES["layers"])):
        found = reach(cut(FRAMES["manifests"])[manifests], descriptors, layers)
        assert set(found["digest"]) <= set(whole["digest"])
        assert found.dtypes.to_dict() == whole.dtypes.to_dict()
        everything = found["name"].unique().tolist()
        freed = free_space(found, everything)
        assert freed["digest"].nunique() == found["digest"].nunique() == len(freed)
        assert set(deletions(found, everything)["digest"]) == set(found.loc[found["role"] == "manifest", "digest"])
        assert stored_sizes(found)["holder"].tolist() == sorted(everything, key=lambda name: _weight(found, name))
        assert layer_images(found)["digest"].nunique() == (found.drop_duplicates("digest")["role"] == "layer").sum()
        assert drift(found, found.iloc[:0])["state"].eq("gone").all()
        assert drifted_blobs(found, found).empty


def _weight(found: pd.DataFrame, name: str) -> tuple[int, str]:
    return -int(found.loc[found["name"] == name, "size"].sum()), name


@pytest.mark.parametrize("ask", [base_candidates, duplicate_layers, latest, lineage, savings, sharing])
def test_layers_of_which_nothing_is_left_keep_their_types(ask: object) -> None:
    assert callable(ask)
    kinds = [ask(layers).dtypes.to_dict() for layers in cut(FRAMES["layers"])]
    assert kinds == [kinds[0]] * 4
