"""What descriptors point at: size, digest, configuration, layers, diff IDs."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from toolkit.digests import sha256
from toolkit.errors import LayerError
from toolkit.layers.measure import LayerMeasure
from toolkit.manifests.config import Config, read_config
from toolkit.manifests.descriptor import Descriptor, Platform
from toolkit.manifests.document import Document
from toolkit.manifests.media_types import OCI_CONFIG, OCI_LAYER
from toolkit.records import Check
from toolkit.verification.blob import BlobFacts
from toolkit.verification.content import skipped_content, verify_config, verify_content, verify_diff_ids
from toolkit.verification.policy import Policy
from toolkit.verification.rules import of_stage
from toolkit.verification.verdict import Verdict

STRICT: Final = Policy("strict")
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
MEASURE: Final = LayerMeasure(compression="gzip", diff_id=B, tar_size=1024, layer_size=0, members=0)
WHOLE: Final = BlobFacts(claimed=A, announced=9, size=9, actual=A, matches=True, evidence=A, measure=MEASURE)


def layer(**members: Any) -> Descriptor:
    values = {"where": "layers[0]", "media_type": f"{OCI_LAYER}+gzip", "digest": A, "size": 9, **members}
    return Descriptor(**values)


def outcomes(verdict: Verdict[Any]) -> dict[str, str]:
    return {check.rule: check.outcome for check in verdict.checks}


def failed(verdict: Verdict[Any]) -> list[str]:
    return sorted({check.rule for check in verdict.checks if check.outcome == "failed"})


def judged(facts: BlobFacts, descriptor: Descriptor | None = None, *, claims: bool = True) -> Verdict[LayerMeasure]:
    verdict = verify_content(facts, descriptor or layer(), STRICT, by_digest=False, is_layer=True, claims=claims)
    assert {check.rule for check in verdict.checks} == {rule.slug for rule in of_stage("layer")}
    return verdict


def facts(**members: Any) -> BlobFacts:
    values = {"claimed": A, "announced": 9, "size": 9, "actual": A, "matches": True, "evidence": A, "measure": MEASURE, **members}
    return BlobFacts(**values)


def measured(**members: Any) -> LayerMeasure:
    values = {"compression": "gzip", "diff_id": B, "tar_size": 1024, "layer_size": 0, "members": 0, **members}
    return LayerMeasure(**values)


def test_a_whole_layer_has_no_finding() -> None:
    assert set(outcomes(judged(WHOLE)).values()) == {"passed"}
    assert judged(WHOLE).require() == MEASURE


@pytest.mark.parametrize(
    ("found", "rules", "undecided"),
    [
        (BlobFacts(claimed=A, missing="unknown blob"), ["blob-present"], False),
        (facts(size=4, broken_off="cut", matches=False, measure=None), ["blob-size"], True),
        (facts(announced=5, size=9), ["blob-size"], False),
        (facts(announced=None, size=4, actual=B, matches=False, measure=None), ["descriptor-size"], False),
        (facts(announced=20, size=10, actual=B, matches=False, measure=None), ["descriptor-size"], False),
        (facts(actual=B, matches=False, measure=None), ["blob-digest"], False),
        (facts(measure=measured(compression="none")), ["layer-compression"], False),
        (facts(measure=measured(diff_id=None, problem=LayerError("EOF", where="offset 3"))), ["layer-readable"], False),
        (facts(measure=measured(diff_id=None, problem=LayerError("EOF"), compression=None)), ["layer-readable"], False),
        (facts(measure=measured(trailing=2048)), ["layer-nothing-trailing"], False),
    ],
)  # fmt: skip
def test_every_fault_is_one_finding(found: BlobFacts, rules: list[str], undecided: bool) -> None:  # noqa: FBT001  # a table
    verdict = judged(found)
    assert failed(verdict) == rules
    assert verdict.refusal is not None
    assert verdict.refusal.undecided is undecided


def test_a_descriptor_that_lies_about_the_size_of_the_right_bytes() -> None:
    verdict = judged(facts(), layer(size=8))
    assert failed(verdict) == ["descriptor-size"]
    assert outcomes(verdict)["blob-digest"] == "passed"


def test_a_source_that_states_no_size_is_not_asked_for_it() -> None:
    assert outcomes(judged(WHOLE, claims=False))["descriptor-size"] == "skipped"


def test_an_unknown_media_type_declares_no_compression() -> None:
    assert outcomes(judged(WHOLE, layer(media_type="a/b")))["layer-compression"] == "skipped"


def test_what_is_no_layer_is_not_looked_into() -> None:
    verdict = verify_content(facts(measure=None), layer(), STRICT, by_digest=False, is_layer=False)
    assert outcomes(verdict) == dict.fromkeys(["blob-present", "blob-size", "descriptor-size", "blob-digest"], "passed")
    for is_layer in (True, False):
        skipped = skipped_content(layer(), STRICT, "foreign", by_digest=False, is_layer=is_layer)
        assert {check.message for check in skipped.checks} == {"foreign"}
        assert skipped.value is None


# -- the configuration -------------------------------------------------------------------------------------------

CONFIG: Final[dict[str, Any]] = {
    "os": "linux",
    "architecture": "amd64",
    "rootfs": {"type": "layers", "diff_ids": [B]},
    "history": [{"created_by": "x"}, {"empty_layer": True}],
}


def config_verdict(config: object, *, named: str | None = None, layers: int = 1) -> Verdict[Config]:
    body = config if isinstance(config, bytes) else json.dumps(config).encode()
    about = Descriptor(where="config", media_type=OCI_CONFIG, digest=sha256(body), size=len(body))
    document = Document(kind="image", media_type=None, schema_version=2, config=about, layers=(layer(),) * layers)
    way = None if named is None else layer(platform=Platform.parse(named))
    verdict = verify_config(body, document, STRICT, by_digest=False, named=way)
    assert {check.rule for check in verdict.checks} == {rule.slug for rule in of_stage("config")}
    return verdict


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (CONFIG, None),
        (CONFIG, "linux/amd64"),
        (CONFIG, "unknown/unknown"),
        ({**CONFIG, "variant": "v8"}, "linux/amd64"),
        ({**CONFIG, "history": None}, "linux/amd64/v2"),
    ],
)
def test_a_faultless_configuration_has_no_finding(config: dict[str, Any], named: str | None) -> None:
    verdict = config_verdict(config, named=named)
    assert failed(verdict) == []
    assert verdict.require().diff_ids == (B,)


@pytest.mark.parametrize(
    ("config", "named", "layers", "rule"),
    [
        (b"{", None, 1, "config-json"),
        (b"[]", None, 1, "config-json"),
        (json.dumps(CONFIG).encode()[:-1] + b',"OS":1}', None, 1, "json-unambiguous"),
        ({**CONFIG, "rootfs": {"type": "x", "diff_ids": [B]}}, None, 1, "diff-ids-listed"),
        ({**CONFIG, "rootfs": {"type": "layers"}}, None, 1, "diff-ids-listed"),
        ({**CONFIG, "rootfs": {"type": "layers", "diff_ids": ["b"]}}, None, 1, "diff-ids-listed"),
        ({**CONFIG, "rootfs": 3}, None, 1, "diff-ids-listed"),
        ({**CONFIG, "history": None}, None, 2, "diff-id-count"),
        ({**CONFIG, "history": [{}, {}]}, None, 1, "history-aligned"),
        (CONFIG, "linux/arm64", 1, "platform-agrees"),
        ({**CONFIG, "variant": "v8"}, "linux/amd64/v7", 1, "platform-agrees"),
    ],
)
def test_every_fault_of_a_configuration_is_one_finding(config: object, named: str | None, layers: int, rule: str) -> None:
    assert failed(config_verdict(config, named=named, layers=layers)) == [rule]


def test_a_configuration_that_is_not_there_is_skipped_with_the_reason() -> None:
    document = Document(kind="image", media_type=None, schema_version=2)
    verdict = verify_config(None, document, STRICT, by_digest=False, named=None, reason="it is not there")
    assert {check.message for check in verdict.checks} == {"it is not there"}


# -- diff IDs ----------------------------------------------------------------------------------------------------


def diff_verdict(claimed: list[str], own: list[str | None]) -> Verdict[None]:
    config = read_config({"rootfs": {"type": "layers", "diff_ids": claimed}})
    measures = {index: measured(diff_id=one) for index, one in enumerate(own) if one is not None}
    return verify_diff_ids([layer()] * len(own), config, measures, STRICT, by_digest=False)


def by_rule(verdict: Verdict[None], rule: str) -> list[str]:
    found: list[Check] = [check for check in verdict.checks if check.rule == rule]
    return [check.outcome for check in found]


@pytest.mark.parametrize(
    ("claimed", "own", "each", "order"),
    [
        ([A, B], [A, B], ["passed", "passed"], ["passed"]),
        ([A, A], [A, A], ["passed", "passed"], ["passed"]),
        ([A, B], [B, A], ["skipped", "skipped"], ["failed"]),
        ([A, B], [A, A], ["passed", "failed"], ["passed"]),
        ([A, B], [A, None], ["passed", "skipped"], ["skipped"]),
        ([A], [A, B], ["skipped"], ["skipped"]),
        ([], [], ["skipped"], ["passed"]),
    ],
)
def test_diff_ids_are_compared_one_by_one_and_in_order(
    claimed: list[str], own: list[str | None], each: list[str], order: list[str]
) -> None:
    verdict = diff_verdict(claimed, own)
    assert (by_rule(verdict, "diff-id"), by_rule(verdict, "diff-id-order")) == (each, order)


def test_without_a_configuration_nothing_is_compared() -> None:
    verdict = verify_diff_ids([layer()], None, {0: MEASURE}, STRICT, by_digest=False)
    assert {check.message for check in verdict.checks} == {"the configuration cannot be read"}
