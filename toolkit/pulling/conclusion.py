"""What follows from the facts a call gathered.

The rule of this file: pure, so that ``pull``, ``inspect`` and ``rejudge`` come to the same conclusion from the same
facts. The layers are judged from the base up; the first that fails is the one the call reports.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from toolkit.digests import Digest
from toolkit.pulling.rows import layer_rows, strong_id_rows
from toolkit.records import Check, Disposition, Layer, StrongID
from toolkit.reuse.graph_check import check_place
from toolkit.reuse.plan import IdPlan
from toolkit.reuse.stored_image import GraphView, exists
from toolkit.verification.blob import BlobFacts, verify_blob
from toolkit.verification.judgement import Judgement
from toolkit.verification.policy import Policy
from toolkit.verification.rules import Stage
from toolkit.verification.verdict import Rows, skipped_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The rows about layers, and what stands in the way of the image, if anything does.

    ``refusal`` and ``trouble`` belong to the same, lowest failing layer; at most one of them is set. ``sound`` are
    the positions whose layers may be registered.
    """

    checks: tuple[Check, ...]
    layers: tuple[Layer, ...]
    refusal: Check | None
    trouble: str | None
    sound: tuple[int, ...]


def conclude(
    judgement: Judgement,
    plan: IdPlan,
    facts: Mapping[str, BlobFacts],
    *,
    fetched: Collection[str],
    troubled: Collection[str],
    policy: Policy,
) -> Conclusion:
    """Judge the layers of a chain from the facts of their blobs.

    Parameters
    ----------
    judgement : Judgement
        Of the manifest, with a chain.
    plan : IdPlan
    facts : mapping of str to BlobFacts
        Blobs that were read, by their digest in the manifest.
    fetched : collection of str
        Digests that came from the source now.
    troubled : collection of str
        Digests for which the source gave no answer that says anything about the blob.
    policy : Policy

    Returns
    -------
    Conclusion
    """
    checks: list[Check] = []
    fates: dict[int, Disposition] = {}
    sound: list[int] = []
    seen: set[str] = set()
    refusal: Check | None = None
    trouble: str | None = None
    for one in plan.images:
        digest, position = one.image.layer_digest, one.image.position
        first = digest not in seen
        seen.add(digest)
        verdict = verify_blob(facts[digest], policy, by_digest=judgement.by_digest) if digest in facts else None
        if verdict is not None and first:
            checks += verdict.checks
        own_refusal = None if verdict is None else verdict.refusal
        unverifiable = digest not in facts and not policy.is_seed and not Digest.is_exact(digest)
        if unverifiable and first:
            reason = "nobody can verify a layer named like this"
            checks += skipped_stage(policy, "blob", digest, reason, by_digest=judgement.by_digest)
        failed = digest in troubled or own_refusal is not None or unverifiable
        fates[position] = "failed" if failed else ("downloaded" if digest in fetched and first else "present")
        if failed and not unverifiable and refusal is None and trouble is None:
            refusal, trouble = own_refusal, digest if own_refusal is None else None
        if refusal is None and trouble is None and not unverifiable:
            sound.append(position)
    if not facts and not troubled and not checks:
        reason = "no layer was read: every image is in the graph"
        checks += skipped_stage(policy, "blob", judgement.reference.asked, reason, by_digest=judgement.by_digest)
    whole = len(sound) == len(plan.images)
    planned = {one.image.position: one for one in plan.images}
    return Conclusion(
        checks=tuple(checks),
        layers=layer_rows(judgement, planned, fates, facts),
        refusal=refusal,
        trouble=trouble,
        sound=tuple(sound) if whole or policy.is_seed else (),
    )


def plan_rows(judgement: Judgement, plan: IdPlan) -> tuple[StrongID, ...]:
    """Make the rows of ``strong_ids`` for a plan."""
    planned = {one.image.position: one for one in plan.images}
    return strong_id_rows(judgement.images or (), planned)


def standing_images(plan: IdPlan, graph: GraphView, policy: Policy, *, by_digest: bool) -> tuple[set[int], tuple[Check, ...]]:
    """Find the images of a plan that are in the graph already; each must be the one that is meant.

    Notes
    -----
    Origin: the loop of ``pullV2Tag`` over ``fsLayers``: «image validation failed».
    """
    rows = Rows(policy, by_digest=by_digest)
    standing: set[int] = set()
    images, ids = [one.image for one in plan.images], [one.id for one in plan.images]
    for index, one in enumerate(plan.images):
        if not exists(graph, one.id):
            continue
        standing.add(one.image.position)
        problem = check_place(graph, images, ids, index)
        if problem is None:
            rows.passed("image-still-valid", one.id)
        else:
            text = f"image validation failed: {problem}"
            rows.failed("image-still-valid", one.id, text, expected=one.image.strong_id, actual=problem)
    if not standing:
        rows.skipped("image-still-valid", "graph", "no image of the chain is in the graph")
    return standing, rows.checks


def intact_rows(intact: Collection[str], rotten: Mapping[str, str], policy: Policy, *, by_digest: bool) -> tuple[Check, ...]:
    """Make the rows about blobs that lay in the graph: which still are what their name says."""
    rows = Rows(policy, by_digest=by_digest)
    for digest in intact:
        rows.passed("graph-blob-intact", digest, expected=digest, actual=digest)
    for digest, own in rotten.items():
        rows.failed("graph-blob-intact", digest, "the blob in the graph has changed", expected=digest, actual=own)
    if not intact and not rotten:
        rows.skipped("graph-blob-intact", "graph", "no blob of the chain was read from the graph")
    return rows.checks


def skipped_stages(judgement: Judgement, policy: Policy, reason: str, *stages: Stage) -> tuple[Check, ...]:
    """Rows for stages that were not reached."""
    asked, by_digest = judgement.reference.asked, judgement.by_digest
    return tuple(check for stage in stages for check in skipped_stage(policy, stage, asked, reason, by_digest=by_digest))
