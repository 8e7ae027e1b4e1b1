"""Tags between two surveys, and configurations setting by setting."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_registry import Blob, Document, frames_of

from toolkit.analysis import config_changes, drift, drifted_blobs, explain_drift, reach
from toolkit.errors import GoJSONError, UsageError


def reached(tags: dict[str, Document]) -> pd.DataFrame:
    frames = frames_of(tags)
    return reach(frames["manifests"], frames["descriptors"], frames["layers"])


def image(config: int, *layers: int) -> Document:
    """An image whose sizes tell its parts: layer 3 has 1000 bytes."""
    return Document(
        f"{config} {layers}",
        size=7,
        config=Blob(f"config {config}", 50),
        layers=tuple(Blob(f"l{one}", 10**one) for one in layers),
    )


BEFORE = {"r:same": image(0, 1), "r:gone": image(0, 2), "r:moved": image(0, 1, 2), "r:built": image(0, 4)}
AFTER = {"r:same": image(0, 1), "r:new": image(3, 1, 3), "r:moved": image(1, 1, 3), "r:built": image(0, 4, 5)}


def test_every_tag_is_moved_new_gone_or_unchanged_and_says_what_came_and_went() -> None:
    found = drift(reached(BEFORE), reached(AFTER)).set_index("name")
    assert found["state"].astype("str").to_dict() == {
        "r:built": "moved",
        "r:gone": "gone",
        "r:moved": "moved",
        "r:new": "new",
        "r:same": "unchanged",
    }
    rows: dict[Any, dict[Any, Any]] = found.drop(columns=["state", "repository"]).to_dict("index")
    assert rows["r:moved"] == {
        "tag": "moved",
        "before": BEFORE["r:moved"].digest,
        "after": AFTER["r:moved"].digest,
        "layers_added": 1,
        "layers_removed": 1,
        "layers_kept": 1,
        "bytes_added": 1000 + 50 + 7,
        "bytes_removed": 100 + 50 + 7,
        "size_before": 110 + 50 + 7,
        "size_after": 1010 + 50 + 7,
        "config_changed": True,
        "unread": 0,
    }
    assert (rows["r:built"]["config_changed"], rows["r:built"]["bytes_removed"]) == (False, 7)
    assert (rows["r:new"]["layers_added"], rows["r:gone"]["layers_removed"]) == (2, 1)
    assert found["size_before"].isna().to_dict() == {name: name == "r:new" for name in found.index}
    assert found["size_after"].isna().to_dict() == {name: name == "r:gone" for name in found.index}
    assert (rows["r:same"]["layers_kept"], rows["r:same"]["bytes_added"]) == (1, 0)
    assert not rows["r:new"]["config_changed"]


def test_a_sentence_says_what_became_of_the_tags() -> None:
    moved = 1000 + 50 + 7 + 10**5 + 7
    assert explain_drift(drift(reached(BEFORE), reached(AFTER))) == (
        f"5 names: 2 moved, 1 new, 1 gone, 1 unchanged. Those that moved brought {moved:,} B in 2 layers and other blobs, "
        f"and left {100 + 50 + 7 + 7} B; 1 changed their configuration."
    )


def test_the_blobs_that_came_and_went_are_listed() -> None:
    found = drifted_blobs(reached({"r:1": image(0, 1, 2)}), reached({"r:1": image(1, 1, 3)}))
    assert found[["change", "role", "size"]].to_dict("records") == [
        {"change": "removed", "role": "config", "size": 50},
        {"change": "removed", "role": "layer", "size": 100},
        {"change": "removed", "role": "manifest", "size": 7},
        {"change": "added", "role": "config", "size": 50},
        {"change": "added", "role": "layer", "size": 1000},
        {"change": "added", "role": "manifest", "size": 7},
    ]


def test_an_index_that_was_not_read_whole_says_so() -> None:
    index = Document("index", children=(image(0, 1), Document("unread", received=False)))
    found = drift(reached({"r:1": image(0, 1)}), reached({"r:1": index}))
    assert found["unread"].tolist() == [1]
    assert found["config_changed"].tolist() == [False]


STATES = st.dictionaries(
    st.sampled_from(["r:a", "r:b", "s:a"]), st.builds(image, st.integers(0, 1), st.integers(1, 3), st.integers(1, 3))
)


@given(STATES, STATES)
@settings(max_examples=12, deadline=None)
def test_every_drift_is_that_of_brute_force(before: dict[str, Document], after: dict[str, Document]) -> None:
    there, here = reached(before), reached(after)
    found = drift(there, here)
    assert found["name"].tolist() == sorted(before.keys() | after.keys())
    blobs = drifted_blobs(there, here)
    for row in found.to_dict("records"):
        old, new = (one[row["name"]].closure if row["name"] in one else {} for one in (before, after))
        expected = "new" if not old else "gone" if not new else "unchanged" if old == new else "moved"
        assert row["state"] == expected
        assert row["bytes_added"] == sum(size or 0 for digest, size in new.items() if digest not in old)
        assert row["bytes_removed"] == sum(size or 0 for digest, size in old.items() if digest not in new)
        mine = blobs[blobs["name"] == row["name"]]
        assert set(mine.loc[mine["change"] == "added", "digest"]) == new.keys() - old.keys()
        assert set(mine.loc[mine["change"] == "removed", "digest"]) == old.keys() - new.keys()
    pd.testing.assert_frame_equal(
        drift(here, there)[["bytes_added", "layers_added"]],
        found[["bytes_removed", "layers_removed"]].set_axis(["bytes_added", "layers_added"], axis=1),
    )


def test_no_rows_give_no_rows_of_the_same_types() -> None:
    nothing = reached({})
    for ask in (drift, drifted_blobs):
        empty, full = ask(nothing, nothing), ask(reached(BEFORE), reached(AFTER))
        assert len(empty) == 0
        assert len(full) > 0
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert explain_drift(drift(nothing, nothing)).startswith("0 names: 0 moved")


# -- configurations ---------------------------------------------------------------------------------------------------


def changes(before: Any, after: Any) -> list[tuple[Any, ...]]:
    found = config_changes(json.dumps(before).encode(), json.dumps(after).encode())
    return [tuple(None if pd.isna(value) else value for value in row) for row in found.itertuples(index=False)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"config": None}, {}, []),
        ({"config": {"Cmd": None}}, {"config": {}}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"os": "linux"}, {"os": "windows"}, [("os", "", "changed", '"linux"', '"windows"')]),
        (
            {"config": {"Entrypoint": ["a"]}},
            {"config": {"Cmd": ["a"]}},
            [("config.Cmd", "", "added", None, '["a"]'), ("config.Entrypoint", "", "removed", '["a"]', None)],
        ),
        (
            {"config": {"Env": ["A=1", "B=", "C"]}},
            {"config": {"Env": ["C=", "B=", "A=1=2"]}},
            [("config.Env", "A", "changed", '"1"', '"1=2"'), ("config.Env", "C", "changed", "null", '""')],
        ),
        (
            {"config": {"Env": "A=1"}},
            {"config": {"Env": ["A=1"]}},
            [("config.Env", "", "removed", '"A=1"', None), ("config.Env", "A", "added", None, '"1"')],
        ),
        (
            {"config": {"Labels": {"x": "1"}}},
            {"config": {"Labels": {"x": "2"}}},
            [("config.Labels", "x", "changed", '"1"', '"2"')],
        ),
        ({"config": {"ExposedPorts": {"80/tcp": {}}}}, {}, [("config.ExposedPorts", "80/tcp", "removed", "{}", None)]),
        ({"config": 5}, {"config": {}}, [("config", "", "removed", "5", None)]),
        (
            {"User": "x"},
            {"config": {"User": "x"}},
            [("User", "", "removed", '"x"', None), ("config.User", "", "added", None, '"x"')],
        ),
        ({"author": "\ud800"}, {}, [("author", "", "removed", '"\\ufffd"', None)]),
    ],
)
def test_settings_are_compared_one_by_one(before: Any, after: Any, expected: list[tuple[Any, ...]]) -> None:
    assert changes(before, after) == expected


def test_what_is_no_configuration_is_refused() -> None:
    with pytest.raises(UsageError, match="not a configuration"):
        config_changes(b"[]", b"{}")
    with pytest.raises(GoJSONError):
        config_changes(b"{}", b"{")


def test_equal_configurations_give_no_rows_of_the_same_types() -> None:
    empty, full = config_changes(b"{}", b"{}"), config_changes(b"{}", b'{"os": "linux"}')
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
