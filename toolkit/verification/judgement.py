"""A manifest, judged from end to end: document, layer chain, image identities.

The rule of this file: three stages in order. After one refuses, the later ones are skipped, row by row; an audit
(``judge_all``) asks them all the same, as far as there is anything to ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.identity.strong_id import StrongImage
from toolkit.manifests.raw import RawManifest
from toolkit.records import Check, Manifest, Signature
from toolkit.references import Reference
from toolkit.verification.image_chain import verify_image_chain
from toolkit.verification.layer_chain import LayerChain, verify_layer_chain
from toolkit.verification.manifest import ManifestVerdict, names_digest, verify_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import first_refusal, refusal_error, skipped_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a manifest: rows of three frames, and the chain of images if there is one."""

    reference: Reference
    by_digest: bool
    record: Manifest
    signatures: tuple[Signature, ...]
    checks: tuple[Check, ...]
    blob_sums: tuple[str, ...]
    chain: LayerChain | None
    images: tuple[StrongImage, ...] | None

    @property
    def refusal(self) -> Check | None:
        """The first row that refuses, over all stages."""
        return first_refusal(self.checks)

    def require(self) -> tuple[LayerChain, tuple[StrongImage, ...]]:
        """Return the chain and its images, or raise what refuses them."""
        refusal = self.refusal
        if refusal is not None:
            raise refusal_error(refusal)
        assert self.chain is not None  # a stage that made nothing has a refusing row
        assert self.images is not None
        return self.chain, self.images


def judge_manifest(raw: RawManifest, reference: Reference, policy: Policy, *, judge_all: bool) -> Judgement:
    """Judge a manifest from end to end.

    Parameters
    ----------
    raw : RawManifest
    reference : Reference
    policy : Policy
    judge_all : bool
        Go on after a refusal, for an audit.

    Returns
    -------
    Judgement
        Never raises for a finding.
    """
    by_digest = names_digest(reference.asked)
    manifest = verify_manifest(raw, reference, policy)
    checks = list(manifest.checks)
    chain: LayerChain | None = None
    images: tuple[StrongImage, ...] | None = None
    refusal = manifest.refusal
    if manifest.value is not None and (judge_all or refusal is None):
        chain_verdict = verify_layer_chain(manifest.value, policy)
        checks += chain_verdict.checks
        chain = chain_verdict.value
        refusal = refusal or chain_verdict.refusal
    else:
        reason = _reason(refusal, "the manifest cannot be read")
        checks += skipped_stage(policy, "chain", reference.asked, reason, by_digest=by_digest)
    if chain is not None and (judge_all or refusal is None):
        image_verdict = verify_image_chain(chain, policy, by_digest=by_digest)
        checks += image_verdict.checks
        images = image_verdict.value
    else:
        reason = _reason(refusal, "there is no chain of layers")
        checks += skipped_stage(policy, "identity", reference.asked, reason, by_digest=by_digest)
    return Judgement(
        reference=reference,
        by_digest=by_digest,
        record=manifest.record,
        signatures=manifest.signatures,
        checks=tuple(checks),
        blob_sums=_blob_sums(manifest),
        chain=chain,
        images=images,
    )


def _blob_sums(manifest: ManifestVerdict) -> tuple[str, ...]:
    return () if manifest.value is None else manifest.value.manifest.blob_sums


def _reason(refusal: Check | None, otherwise: str) -> str:
    return otherwise if refusal is None else f"the rule {refusal.rule} refuses already"
