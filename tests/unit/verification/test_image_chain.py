"""The identity stage: can every image of a chain be named?"""

from __future__ import annotations

import pytest

from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import StrongImage, strong_id
from toolkit.records import Check
from toolkit.verification.image_chain import verify_image_chain
from toolkit.verification.layer_chain import LayerChain, LayerSlot
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Verdict

GOOD = "sha256:" + "ab" * 32
LONG = "sha512:" + "cd" * 64
TEXT = b'{"docker_version":"1.9.0","id":"x"}'


def slot(position: int, digest: str = GOOD, text: bytes = TEXT, *, kept: bool = True) -> LayerSlot:
    return LayerSlot(
        position=position,
        manifest_index=9 - position,
        blob_digest=digest,
        v1_compatibility=text,
        compatibility_id=f"id {position}",
        compatibility_parent="",
        created_by="",
        kept=kept,
    )


def judged(
    *slots: LayerSlot, policy: str = "strict"
) -> tuple[Verdict[tuple[StrongImage, ...]], list[tuple[str, str, str]], dict[str, Check]]:
    verdict = verify_image_chain(LayerChain(slots=slots), Policy.of(policy), by_digest=False)
    return verdict, [(check.rule, check.outcome, check.subject) for check in verdict.checks], {c.rule: c for c in verdict.checks}


def test_every_kept_image_gets_a_name() -> None:
    verdict, rows, _ = judged(slot(0), slot(1, kept=False), slot(2, LONG))
    assert rows == [("image-config", "passed", "fsLayers"), ("layer-digest-supported", "passed", "fsLayers")]
    base, top = verdict.require()
    assert base.strong_id == strong_id(image_config(TEXT, GOOD))
    assert top.strong_id == strong_id(image_config(TEXT, LONG, base.strong_id))
    assert (top.position, top.compatibility_id) == (2, "id 2")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (slot(1, "md5:ab"), "invalid layerID: unsupported digest algorithm"),
        (slot(1, "sha256:xyz"), "invalid layerID: invalid checksum digest format"),
        (slot(1, text=b"{"), "unexpected end of JSON input"),
    ],
)
def test_an_image_without_a_configuration_is_refused_in_docker_s_words(bad: LayerSlot, message: str) -> None:
    verdict, _, rows = judged(slot(0), bad)
    assert verdict.value is None
    assert verdict.refusal is rows["image-config"]
    assert rows["image-config"].message == message


@pytest.mark.parametrize("digest", ["sha256:b", "sha256:" + "AB" * 32, "sha384:" + "ab" * 48, "tarsum.v1+sha256:ab"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_layer_that_nobody_can_verify_is_named_and_undecided(digest: str, *, kept: bool) -> None:
    verdict, rows, by_rule = judged(slot(0), slot(1, digest, kept=kept))
    assert rows == [("image-config", "passed", "fsLayers"), ("layer-digest-supported", "failed", "fsLayers[8]")]
    row = by_rule["layer-digest-supported"]
    assert (row.message, row.actual, row.undecided) == ("nobody can verify a layer named like this", digest, True)
    assert verdict.refusal is row
    assert judged(slot(0), slot(1, digest, kept=kept), policy="docker-1.9")[0].refusal is None
    assert verdict.value is not None


def test_each_such_layer_has_a_row() -> None:
    _, rows, _ = judged(slot(0, "sha256:a"), slot(1), slot(2, "sha256:b"))
    assert [subject for rule, _, subject in rows if rule == "layer-digest-supported"] == ["fsLayers[9]", "fsLayers[7]"]
