"""attemptIDReuse: the ID of every image of a chain, and every candidate that was considered on the way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any, Final

import pytest

from toolkit.errors import GraphError
from toolkit.identity.strong_id import Link, StrongImage, strong_ids
from toolkit.records import Check
from toolkit.reuse.plan import IdPlan, next_id, plan_ids
from toolkit.reuse.stored_image import StoredImage
from toolkit.verification.policy import Policy

LAYER: Final = "sha256:" + "1" * 64
LEGACY: Final = ("a" * 64, "b" * 64, "c" * 64)
OTHER: Final = "f" * 64


def text(index: int) -> bytes:
    """Write the history entry of a legacy image: what reading and writing it back gives, whatever is in the graph."""
    parent = {"parent": LEGACY[index - 1]} if index else {}
    return json.dumps({"id": LEGACY[index], **parent, "docker_version": "1.9.0"}).encode()


IMAGES: Final = strong_ids(
    Link(position=index, compatibility_id=own, compatibility_parent="", layer_digest=LAYER, v1_compatibility=text(index))
    for index, own in enumerate(LEGACY)
)
BASE, MIDDLE, TOP = IMAGES
STRONG: Final = tuple(image.hex for image in IMAGES)


def under_strong_id(image: StrongImage, **changes: Any) -> StoredImage:
    stored = StoredImage(json=image.config, checksum=LAYER.encode(), v1_compatibility=image.v1_compatibility)
    return replace(stored, **changes)


def under_legacy_id(index: int, **changes: Any) -> StoredImage:
    stored = StoredImage(json=text(index), checksum=LAYER.encode(), v1_compatibility=text(index))
    return replace(stored, **changes)


def planned(graph: dict[str, StoredImage], policy: str = "strict") -> IdPlan:
    return plan_ids(IMAGES, graph, Policy.of(policy), by_digest=False)


def ids(plan: IdPlan) -> tuple[str, ...]:
    return tuple(image.id for image in plan.images)


def parents(plan: IdPlan) -> tuple[str, ...]:
    return tuple(image.parent for image in plan.images)


def considered(plan: IdPlan, position: int) -> list[tuple[str, str, str]]:
    return [(row.kind, row.outcome, row.reason) for row in plan.decisions if row.position == position]


def rule(plan: IdPlan, slug: str) -> Check:
    (check,) = {check for check in plan.checks if check.rule == slug}
    return check


def test_an_id_is_hashed_again_as_its_64_hex_digits() -> None:
    assert next_id(OTHER) == hashlib.sha256(OTHER.encode()).hexdigest()


def test_in_an_empty_graph_every_image_gets_its_strong_id() -> None:
    plan = planned({})
    assert ids(plan) == STRONG
    assert parents(plan) == ("", *STRONG[:-1])
    missing = f"missing: could not find image: no such id: {LEGACY[0]}"
    assert considered(plan, 0) == [("strong", "free", ""), ("compatibility", "missing", missing)]
    stopped = f"reuse has stopped: stopping ID reuse: {missing}"
    assert considered(plan, 1) == [("strong", "free", ""), ("compatibility", "not-considered", stopped)]
    assert {check.outcome for check in plan.checks} == {"skipped"}
    assert rule(plan, "graph-history-chain").message == "no image of the chain is in the graph under its legacy ID"
    assert rule(plan, "graph-image-valid").message == "no image of the chain is in the graph under its strong ID"
    assert plan.histories == {}


def test_images_that_are_there_under_their_strong_ids_are_kept() -> None:
    plan = planned({image.hex: under_strong_id(image) for image in IMAGES})
    assert ids(plan) == STRONG
    assert [row.outcome for row in plan.decisions] == ["kept"] * 3
    assert all(row.found for row in plan.decisions)
    assert {check.outcome for check in plan.checks if check.rule == "graph-image-valid"} == {"passed"}
    assert {check.outcome for check in plan.checks if check.rule == "graph-image-complete"} == {"passed"}


def test_legacy_images_are_reused_from_the_base_up_until_one_does_not_fit() -> None:
    graph = {LEGACY[0]: under_legacy_id(0), LEGACY[1]: under_legacy_id(1)}
    plan = planned(graph)
    assert ids(plan) == (LEGACY[0], LEGACY[1], STRONG[2])
    assert parents(plan) == ("", LEGACY[0], LEGACY[1])
    assert considered(plan, 1) == [("strong", "missing", ""), ("compatibility", "reused", "")]
    assert considered(plan, 2)[1][:2] == ("compatibility", "missing")
    assert rule(plan, "graph-history-chain").outcome == "passed"


def test_reuse_stops_at_the_first_image_that_disagrees_for_all_above_it() -> None:
    graph = {
        LEGACY[0]: under_legacy_id(0, checksum=b"sha256:ab"),
        LEGACY[1]: under_legacy_id(1),
        LEGACY[2]: under_legacy_id(2),
    }
    plan = planned(graph)
    assert ids(plan) == STRONG
    kind, outcome, reason = considered(plan, 0)[1]
    assert (kind, outcome) == ("compatibility", "invalid")
    assert reason.startswith("digest mismatch: sha256:")
    assert considered(plan, 1)[1] == ("compatibility", "not-considered", f"reuse has stopped: stopping ID reuse: {reason}")
    assert [row.found for row in plan.decisions if row.position == 2] == [False, True]


def test_a_valid_image_under_its_strong_id_does_not_stop_reuse() -> None:
    graph = {
        STRONG[0]: under_strong_id(BASE),
        LEGACY[1]: under_legacy_id(1, parent=STRONG[0].encode()),
        LEGACY[0]: under_legacy_id(0),
    }
    assert ids(planned(graph)) == (STRONG[0], LEGACY[1], STRONG[2])


def test_an_invalid_image_under_a_strong_id_makes_the_id_be_hashed_again_and_stops_reuse() -> None:
    graph = {STRONG[0]: under_strong_id(BASE, v1_compatibility=None, checksum=None), LEGACY[1]: under_legacy_id(1)}
    plan = planned(graph)
    moved = next_id(STRONG[0])
    assert ids(plan) == (moved, STRONG[1], STRONG[2])
    assert parents(plan)[1] == moved
    assert considered(plan, 0) == [
        ("strong", "invalid", "digest: digest is not set for layer"),
        ("permuted", "free", ""),
    ]
    assert considered(plan, 1)[1][2] == ("reuse has stopped: not using existing strongID: digest: digest is not set for layer")
    assert rule(plan, "graph-image-valid").message == "digest: digest is not set for layer"
    assert rule(plan, "graph-image-complete").message == "the image has lost its checksum and v1Compatibility"


@pytest.mark.parametrize(("lost", "named"), [("checksum", "checksum"), ("v1_compatibility", "v1Compatibility")])
def test_a_lost_file_is_named(lost: str, named: str) -> None:
    """W10."""
    plan = planned({STRONG[0]: under_strong_id(BASE, **{lost: None})})
    assert rule(plan, "graph-image-complete").message == f"the image has lost its {named}"


def test_a_whole_but_wrong_image_has_lost_nothing() -> None:
    plan = planned({STRONG[0]: under_strong_id(BASE, checksum=b"sha256:ab")})
    assert rule(plan, "graph-image-valid").outcome == "failed"
    assert rule(plan, "graph-image-complete").outcome == "passed"


def test_probing_goes_on_past_what_does_not_fit_and_ends_at_what_does() -> None:
    first, second = next_id(STRONG[0]), next_id(next_id(STRONG[0]))
    own = json.dumps({"id": second}).encode()
    wrong = under_strong_id(BASE, checksum=None)
    graph = {
        STRONG[0]: wrong,
        first: replace(wrong, json=b"{}"),
        second: under_strong_id(BASE, json=own),
    }
    plan = planned(graph)
    assert ids(plan)[0] == second
    assert [(row.kind, row.round, row.outcome, row.candidate) for row in plan.decisions if row.position == 0] == [
        ("strong", 0, "invalid", STRONG[0]),
        ("permuted", 1, "invalid", first),
        ("permuted", 2, "kept", second),
    ]


def test_legacy_images_without_a_text_get_one_before_anything_else() -> None:
    older = [under_legacy_id(index, v1_compatibility=None) for index in range(2)]
    plan = planned({LEGACY[0]: older[0], LEGACY[1]: older[1]})
    assert list(plan.histories) == [LEGACY[0], LEGACY[1]]
    assert json.loads(plan.histories[LEGACY[1]])["parent"] == LEGACY[0]
    assert rule(plan, "graph-history-chain").actual == "2"
    # The text that was made differs from the manifest's, so the image has another strong ID and is not reused.
    assert considered(plan, 0)[1][2].startswith("digest mismatch: ")


def lost_parent() -> dict[str, StoredImage]:
    return {LEGACY[1]: under_legacy_id(1, v1_compatibility=None), STRONG[0]: under_strong_id(BASE)}


def test_docker_1_9_gave_up_at_a_lost_parent_and_left_every_parent_out() -> None:
    """W1."""
    plan = planned(lost_parent(), "docker-1.9")
    assert ids(plan) == STRONG
    assert parents(plan) == ("", "", "")
    reason = f"Migration v1Compatibility generation error: could not find image: no such id: {LEGACY[0]}"
    assert [(row.kind, row.outcome, row.reason) for row in plan.decisions] == [("strong", "not-considered", reason)] * 3
    assert [row.found for row in plan.decisions] == [True, False, False]
    assert rule(plan, "graph-history-chain").outcome == "failed"
    assert rule(plan, "graph-image-valid").outcome == "skipped"


def test_strict_only_stops_the_reuse_at_a_lost_parent() -> None:
    plan = planned(lost_parent())
    assert ids(plan) == STRONG
    assert parents(plan) == ("", *STRONG[:-1])
    reason = f"reuse has stopped: Migration v1Compatibility generation error: could not find image: no such id: {LEGACY[0]}"
    assert considered(plan, 0) == [("strong", "kept", "")]
    assert considered(plan, 1) == [("strong", "free", ""), ("compatibility", "not-considered", reason)]


def test_a_circle_of_parents_is_an_error_for_docker_1_9_and_a_finding_for_strict() -> None:
    looping = json.dumps({"id": LEGACY[0], "parent": LEGACY[0]}).encode()
    graph = {LEGACY[0]: StoredImage(json=looping)}
    with pytest.raises(GraphError) as caught:
        planned(graph, "docker-1.9")
    assert caught.value.code == "seed-hang"
    plan = planned(graph)
    assert ids(plan) == STRONG
    assert rule(plan, "graph-history-chain").message == f"the parents of image {LEGACY[0]} go in a circle"


def test_planning_never_changes_the_graph() -> None:
    graph = {LEGACY[0]: under_legacy_id(0, v1_compatibility=None)}
    before = dict(graph)
    planned(graph)
    assert graph == before
