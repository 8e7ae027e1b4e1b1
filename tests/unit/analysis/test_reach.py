"""Who holds which bytes: closed forms, brute force, and what nobody can know is counted."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_registry import Blob, Document, digest_of, frames_of

import toolkit as tk
from toolkit.analysis import (
    deletions,
    explain_free_space,
    explain_stored_sizes,
    free_space,
    latest,
    layer_images,
    names,
    overlap,
    reach,
    repositories,
    stored_sizes,
)
from toolkit.errors import UsageError
from toolkit.manifests.media_types import OCI_FOREIGN_LAYER

# -- a registry in closed form: R repositories of T tags; one layer for all, one for each repository, one for each tag ----

R, T = 7, 5
COMMON, HOUSE, OWN, CONFIG, MANIFEST = 1_000_000, 10_000, 100, 30, 4


def grid() -> dict[str, Document]:
    """Tags ``host/r0:t0`` and so on."""
    return {
        f"host/r{row}:t{column}": Document(
            f"manifest {row} {column}",
            size=MANIFEST,
            config=Blob(f"config {row} {column}", CONFIG),
            layers=(Blob("common", COMMON), Blob(f"house {row}", HOUSE), Blob(f"own {row} {column}", OWN)),
        )
        for row in range(R)
        for column in range(T)
    }


def reached(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return reach(frames["manifests"], frames["descriptors"], frames["layers"])


GRID = reached(frames_of(grid()))
ALONE = OWN + CONFIG + MANIFEST


def test_every_number_of_a_planted_registry_has_its_closed_form() -> None:
    sizes = stored_sizes(GRID)
    whole = COMMON + R * HOUSE + R * T * ALONE
    assert len(sizes) == R * T
    assert set(sizes["size"]) == {COMMON + HOUSE + ALONE}
    assert set(sizes["unique"]) == {ALONE}
    assert set(sizes["unique_blobs"]) == {3}
    assert set(sizes["shared"]) == {COMMON + HOUSE}
    assert sizes["proportional"].tolist() == pytest.approx([COMMON / (R * T) + HOUSE / T + ALONE] * (R * T))
    houses = stored_sizes(GRID, by="repository")
    assert set(houses["size"]) == {COMMON + HOUSE + T * ALONE}
    assert set(houses["unique"]) == {HOUSE + T * ALONE}
    assert houses["proportional"].sum() == pytest.approx(whole)
    assert explain_stored_sizes(GRID) == (
        f"{R * T} names reach {1 + R + 3 * R * T} blobs of {whole:,} B; one by one the names would need "
        f"{R * T * (COMMON + HOUSE + ALONE):,} B, so sharing saves {R * T * (COMMON + HOUSE + ALONE) - whole:,} B. "
        "Sizes unknown: 0; documents not read: 0."
    )


@pytest.mark.parametrize(
    ("deleted", "freed"),
    [
        (["host/r0:t0"], ALONE),
        ([f"host/r{row}:t0" for row in range(R)], R * ALONE),
        ([f"host/r1:t{column}" for column in range(T)], HOUSE + T * ALONE),
        (list(grid()), COMMON + R * HOUSE + R * T * ALONE),
        ([], 0),
    ],
)
def test_deleting_tags_frees_what_only_they_reach(deleted: list[str], freed: int) -> None:
    assert free_space(GRID, deleted)["size"].sum() == freed
    assert f"frees {freed:,} B" in explain_free_space(GRID, deleted)
    assert len(deletions(GRID, deleted)) == len(deleted)


def test_a_sentence_says_what_stays_and_why() -> None:
    assert explain_free_space(GRID, "host/r0:t0") == (
        f"Deleting 1 names frees {ALONE} B: 1 manifest, 1 config, 1 layer that nothing else reaches. "
        f"{COMMON + HOUSE:,} B in 2 blobs stay, because {R * T - 1} other names reach them. "
        "Sizes unknown: 0; documents not read: 0."
    )


def test_layers_lead_to_images_most_shared_first() -> None:
    found = layer_images(GRID)
    assert len(found) == 3 * R * T
    assert found["names"].tolist() == [R * T] * R * T + [T] * R * T + [1] * R * T
    assert found["repositories"].tolist() == [R] * R * T + [1] * R * T * 2
    assert found["name"].head(R * T).tolist() == sorted(grid())


def test_images_that_share_with_one_come_in_the_order_of_their_bytes() -> None:
    found = overlap(GRID, "host/r3:t2")
    assert found["other"].tolist()[: T - 1] == [f"host/r3:t{column}" for column in range(T) if column != 2]
    assert found["size"].tolist() == [COMMON + HOUSE] * (T - 1) + [COMMON] * (R - 1) * T
    assert found["blobs"].tolist() == [2] * (T - 1) + [1] * (R - 1) * T
    assert found["share"].iloc[0] == pytest.approx((COMMON + HOUSE) / (COMMON + HOUSE + ALONE))


# -- indexes, names of one document, children with tags of their own --------------------------------------------------

AMD = Document("amd", size=10, config=Blob("amd config", 20), layers=(Blob("base", 100), Blob("amd layer", 1000)))
ARM = Document("arm", size=11, config=Blob("arm config", 21), layers=(Blob("base", 100), Blob("arm layer", 2000)))
MANY = Document("many", size=7, children=(AMD, ARM))


def test_an_index_holds_its_manifests_and_a_tagged_one_stays() -> None:
    found = reached(frames_of({"a/b:many": MANY, "a/b:amd": AMD}))
    freed = free_space(found, "a/b:many")
    assert freed["size"].tolist() == [2000, 21, 11, 7]
    assert freed["role"].tolist() == ["layer", "config", "manifest", "manifest"]
    assert deletions(found, "a/b:many").to_dict("records") == [
        {"repository": "a/b", "digest": MANY.digest, "root": True, "size": 7},
        {"repository": "a/b", "digest": ARM.digest, "root": False, "size": 11},
    ]
    assert free_space(found, "a/b:amd")["size"].sum() == 0
    assert len(deletions(found, "a/b:amd")) == 0


def test_two_tags_of_one_document_free_nothing_alone_and_everything_together() -> None:
    found = reached(frames_of({"a/b:1": AMD, "a/b:2": AMD}))
    assert free_space(found, "a/b:1")["size"].sum() == 0
    assert len(deletions(found, "a/b:1")) == 0
    assert free_space(found, ["a/b:1", "a/b:2", "a/b:1"])["size"].sum() == sum(size or 0 for size in AMD.closure.values())
    assert deletions(found, ["a/b:1", "a/b:2"])["digest"].tolist() == [AMD.digest]
    (row,) = stored_sizes(found, by="root").to_dict("records")
    assert row["unique"] == row["size"]


def test_a_manifest_in_two_repositories_is_deleted_in_one_and_frees_nothing() -> None:
    found = reached(frames_of({"a/b:1": AMD, "c/d:1": AMD}))
    assert deletions(found, "a/b:1")["repository"].tolist() == ["a/b"]
    assert free_space(found, "a/b:1")["size"].sum() == 0


def test_a_child_nobody_received_is_counted_as_unread() -> None:
    index = Document("index", size=7, children=(AMD, Document("arm", size=11, received=False)))
    found = reached(frames_of({"a/b:1": index}))
    assert found.loc[~found["read"], ["digest", "size", "measured"]].to_dict("records") == [
        {"digest": digest_of("arm"), "size": 11, "measured": False}
    ]
    assert stored_sizes(found)["unread"].tolist() == [1]
    assert "documents not read: 1" in explain_free_space(found, "a/b:1")


def test_an_index_in_an_index_is_followed_and_a_circle_ends() -> None:
    found = reached(frames_of({"a/b:1": Document("outer", children=(MANY,))}))
    assert set(found["digest"]) == {digest_of("outer"), *MANY.closure}
    frames = frames_of({"a/b:1": MANY})
    circle = frames["descriptors"].iloc[[0]].assign(role="manifest", document=AMD.digest, digest=MANY.digest)
    frames["descriptors"] = pd.concat([frames["descriptors"], circle.astype(frames["descriptors"].dtypes)], ignore_index=True)
    assert set(reached(frames)["digest"]) == set(MANY.closure)


# -- formats and sizes ------------------------------------------------------------------------------------------------


def test_a_schema1_manifest_counts_as_its_payload_and_holds_its_layers() -> None:
    old = Document("old", size=50, layers=(Blob("base", 100), Blob("old layer", 5)), schema1=True)
    found = reached(frames_of({"a/b:old": old, "a/b:amd": AMD}))
    assert sorted(free_space(found, "a/b:old")["size"]) == [5, 50]


def test_foreign_layers_are_not_in_the_registry() -> None:
    windows = Document("windows", size=9, layers=(Blob("windows base", 10**9, media_type=OCI_FOREIGN_LAYER), Blob("app", 3)))
    assert sorted(reached(frames_of({"a/b:1": windows}))["size"]) == [3, 9]


def test_bytes_received_count_for_more_than_claims_and_wrong_ones_for_nothing() -> None:
    frames = frames_of({"a/b:1": Document("one", layers=(Blob("x", 10), Blob("y", 20), Blob("z", 30)))})
    layers = frames["layers"].assign(size=pd.array([11, 21, None], dtype="Int64"))
    layers["actual_digest"] = [layers["blob_digest"].iloc[0], digest_of("something else"), None]
    found = reach(frames["manifests"], frames["descriptors"], layers.astype({"actual_digest": "str"}))
    layer = found[found["role"] == "layer"]
    assert layer["size"].tolist() == [11, 20, 30]
    assert layer["measured"].tolist() == [True, False, False]


def test_a_size_nobody_said_is_missing_and_counted() -> None:
    frames = frames_of({"a/b:1": Document("one", size=4, layers=(Blob("x", None),), schema1=True)})
    found = reached(frames)
    assert found["size"].isna().sum() == 1
    (row,) = stored_sizes(found).to_dict("records")
    assert (row["size"], row["unknown"], row["unread"]) == (4, 1, 0)
    assert "Sizes unknown: 1" in explain_free_space(found, "a/b:1")
    assert overlap(found[found["role"] == "layer"], "a/b:1").empty


# -- names ------------------------------------------------------------------------------------------------------------


def test_the_last_call_says_what_a_tag_names() -> None:
    earlier, later = frames_of({"a/b:1": AMD}), frames_of({"a/b:1": ARM}, call="second", minute=5)
    both = {table: pd.concat([later[table], earlier[table]], ignore_index=True) for table in earlier}
    assert names(both["manifests"])["root"].tolist() == [ARM.digest]
    assert set(reached(both)["digest"]) == set(ARM.closure)
    assert latest(both["layers"])["blob_digest"].tolist() == [blob.digest for blob in ARM.layers]


def test_what_was_looked_at_by_digest_is_a_name_only_when_asked_for() -> None:
    frames = frames_of([("a/b:1", AMD)])["manifests"]
    digest = frames.assign(image=f"a/b@{AMD.digest}", requested=AMD.digest)
    tagged = frames.assign(image=f"a/b:1@{AMD.digest}", requested=AMD.digest)
    bare = frames.assign(image="1", requested="1")
    latest_tag = frames.assign(image="host:5000/a/b", requested="latest")
    listed = pd.concat([frames, digest, tagged, bare, latest_tag], ignore_index=True)
    assert names(listed)[["name", "repository", "tag"]].to_dict("records") == [
        {"name": "1", "repository": "", "tag": "1"},
        {"name": "a/b:1", "repository": "a/b", "tag": "1"},
        {"name": "host:5000/a/b:latest", "repository": "host:5000/a/b", "tag": "latest"},
    ]
    every = names(listed, holders="all")
    assert len(every) == 5
    assert set(every.loc[every["tag"] == "", "repository"]) == {"a/b"}


def test_repositories_are_what_stands_before_tag_and_digest() -> None:
    given_ = ["h:5000/a:1", "h:5000/a", f"h:5000/a@{AMD.digest}", f"a/b:1@{AMD.digest}", "a"]
    assert repositories(pd.Series(given_)).tolist() == ["h:5000/a", "h:5000/a", "h:5000/a", "a/b", "a"]


@pytest.mark.parametrize("ask", [free_space, deletions, explain_free_space, overlap])
def test_a_name_that_is_not_there_is_refused(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(UsageError, match="nothing is called 'host/r0:t99'"):
        ask(GRID, "host/r0:t99")


# -- brute force ------------------------------------------------------------------------------------------------------

BLOBS = st.integers(0, 5).map(lambda number: Blob(f"blob {number}", 3**number))
IMAGES = st.builds(
    lambda layers, config: Document(
        f"image {[blob.name for blob in layers]} {config}", size=7, layers=tuple(layers), config=Blob(f"config {config}", 1000)
    ),
    st.lists(BLOBS, max_size=4),
    st.integers(0, 2),
)
INDEXES = st.builds(
    lambda children: Document(f"index {[child.name for child in children]}", size=5, children=tuple(children)),
    st.lists(IMAGES, min_size=1, max_size=3),
)
TAGS = st.dictionaries(st.sampled_from([f"r{row}/x:{tag}" for row in range(2) for tag in range(3)]), IMAGES | INDEXES, min_size=1)


def bytes_of(digests: set[str], tags: dict[str, Document]) -> int:
    known = {digest: size or 0 for document in tags.values() for digest, size in document.closure.items()}
    return sum(known[digest] for digest in digests)


@given(TAGS, st.data())
@settings(max_examples=20, deadline=None)
def test_every_answer_is_that_of_brute_force(tags: dict[str, Document], data: st.DataObject) -> None:
    found = reached(frames_of(tags))
    for name, document in tags.items():
        mine = found[found["name"] == name]
        assert dict(zip(mine["digest"], mine["size"], strict=True)) == document.closure
    deleted = data.draw(st.sets(st.sampled_from(sorted(tags))))
    gone = set().union(*(tags[name].closure for name in deleted))
    stays = set().union(*(document.closure for name, document in tags.items() if name not in deleted))
    freed = free_space(found, sorted(deleted))
    assert set(freed["digest"]) == gone - stays
    assert freed["size"].sum() == bytes_of(gone - stays, tags)
    everything = gone | stays
    sizes = stored_sizes(found).set_index("holder")
    assert sizes["proportional"].sum() == pytest.approx(bytes_of(everything, tags))
    for name, document in tags.items():
        others = set().union(*(other.closure for other_name, other in tags.items() if other_name != name))
        assert sizes.loc[name, "unique"] == bytes_of(set(document.closure) - others, tags)
        assert sizes.loc[name, "size"] == bytes_of(set(document.closure), tags)
    one = data.draw(st.sampled_from(sorted(tags)))
    shared = overlap(found, one)
    for other, size in zip(shared["other"], shared["size"], strict=True):
        assert size == bytes_of(set(tags[one].closure) & set(tags[other].closure), tags)


# -- nothing ----------------------------------------------------------------------------------------------------------


def test_no_rows_give_no_rows_of_the_same_types() -> None:
    ledger = tk.Ledger()
    nothing = reach(ledger.manifests, ledger.descriptors, ledger.layers)
    for empty, full in (
        (names(ledger.manifests), names(frames_of(grid())["manifests"])),
        (nothing, GRID),
        (stored_sizes(nothing), stored_sizes(GRID)),
        (stored_sizes(nothing, by="repository"), stored_sizes(GRID, by="repository")),
        (free_space(nothing, []), free_space(GRID, "host/r0:t0")),
        (deletions(nothing, []), deletions(GRID, "host/r0:t0")),
        (layer_images(nothing), layer_images(GRID)),
        (overlap(GRID[GRID["name"] == "host/r0:t0"], "host/r0:t0"), overlap(GRID, "host/r0:t0")),
        (latest(ledger.layers), latest(frames_of(grid())["layers"])),
    ):
        assert len(empty) == 0
        assert len(full) > 0
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert explain_stored_sizes(nothing).startswith("0 names reach 0 blobs of 0 B")
    assert "frees 0 B" in explain_free_space(nothing, [])


def test_no_frame_is_changed() -> None:
    frames = frames_of(grid())
    before = {table: given_.copy() for table, given_ in frames.items()}
    found = reached(frames)
    copy = found.copy()
    for ask in (stored_sizes, layer_images, explain_stored_sizes):
        ask(found)
    free_space(found, "host/r0:t0")
    deletions(found, "host/r0:t0")
    pd.testing.assert_frame_equal(found, copy)
    for table, given_ in frames.items():
        pd.testing.assert_frame_equal(given_, before[table])
