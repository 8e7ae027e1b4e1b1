"""From a manifest to its images: three stages, each only if the one before lets it."""

from __future__ import annotations

from typing import Final

import pytest

from toolkit.errors import VerificationError
from toolkit.manifests.raw import RawManifest
from toolkit.references import Reference
from toolkit.simulator.images import LayerRecipe, build_image, edit_history
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.rules import Stage, of_stage

IMAGE: Final = build_image("teach/unit", "1", [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("ADD b", {"b": b"2"})])
REFERENCE: Final = Reference.parse("registry.example/teach/unit:1")


def judged(body: bytes, *, judge_all: bool = False, reference: Reference = REFERENCE) -> Judgement:
    return judge_manifest(RawManifest(body=body), reference, Policy("strict"), judge_all=judge_all)


def reasons(judgement: Judgement, stage: Stage) -> set[str]:
    """Return what the rows of a stage say, empty when they were asked."""
    slugs = {rule.slug for rule in of_stage(stage)}
    return {check.message for check in judgement.checks if check.rule in slugs and check.outcome == "skipped"}


def test_a_good_manifest_goes_through_all_three_stages() -> None:
    judgement = judged(IMAGE.body)
    chain, images = judgement.require()
    assert judgement.refusal is None
    assert [slot.position for slot in chain.kept] == [image.position for image in images] == [0, 1]
    assert judgement.blob_sums == tuple(layer["blobSum"] for layer in IMAGE.document["fsLayers"])
    assert (judgement.by_digest, judgement.reference) == (False, REFERENCE)
    assert {check.rule for check in judgement.checks} == {rule.slug for rule in of_stage("manifest", "chain", "identity")}
    assert judgement.record.name == "teach/unit"
    assert len(judgement.signatures) == 1


def test_an_image_asked_by_digest_is_judged_so() -> None:
    reference = Reference.parse(f"registry.example/teach/unit@{IMAGE.digest}")
    judgement = judged(IMAGE.payload, reference=reference)
    assert judgement.by_digest
    assert judgement.refusal is None
    assert [check.enforced for check in judgement.checks if check.rule == "signature-present"] == [False]


def test_a_body_that_cannot_be_read_has_nothing_to_ask_even_in_an_audit() -> None:
    for judge_all in (False, True):
        judgement = judged(b"<html>", judge_all=judge_all)
        assert (judgement.blob_sums, judgement.chain, judgement.images) == ((), None, None)
        assert reasons(judgement, "chain") == reasons(judgement, "identity") == {"the rule manifest-json refuses already"}
        with pytest.raises(VerificationError) as caught:
            judgement.require()
        assert caught.value.code == "manifest-json"


def test_a_refusal_of_the_manifest_skips_the_rest_unless_all_is_to_be_judged() -> None:
    body = IMAGE.changed(name="other").body
    judgement = judged(body)
    assert judgement.refusal is not None
    assert judgement.refusal.rule == "manifest-name"
    assert reasons(judgement, "chain") == reasons(judgement, "identity") == {"the rule manifest-name refuses already"}
    assert len(judgement.blob_sums) == 2
    audit = judged(body, judge_all=True)
    assert audit.chain is not None
    assert audit.images is not None
    assert audit.refusal == judgement.refusal


def test_a_refusal_of_the_chain_skips_the_names_unless_all_is_to_be_judged() -> None:
    body = edit_history(IMAGE, 0, parent="f" * 64).body
    judgement = judged(body)
    assert judgement.refusal is not None
    assert judgement.refusal.rule == "parent-link"
    assert reasons(judgement, "identity") == {"the rule parent-link refuses already"}
    assert judgement.chain is not None
    assert judgement.images is None
    assert judged(body, judge_all=True).images is not None


def test_without_a_chain_there_are_no_names_even_in_an_audit() -> None:
    judgement = judged(edit_history(IMAGE, 0, id="x").body, judge_all=True)
    assert reasons(judgement, "identity") == {"the rule image-id-syntax refuses already"}
    assert judgement.images is None


def test_an_audit_of_a_manifest_without_layers_has_no_chain_to_name() -> None:
    judgement = judged(IMAGE.changed(fsLayers=[], history=[]).body, judge_all=True)
    assert reasons(judgement, "chain") == {"the history does not give one image for each layer"}
    assert reasons(judgement, "identity") == {"the rule layers-present refuses already"}
