"""Pull a schema1 image: judge, name, transfer, register, tag.

The rule of this file: it reads as the story of Docker 1.9's ``pullV2Tag``, one step after the other, and every step
leaves rows. Under ``docker-1.9`` layers are registered one by one, base first, until one fails; under ``strict``
nothing is registered unless everything holds.
"""

from __future__ import annotations

from toolkit.errors import SourceError
from toolkit.manifests.media_types import SCHEMA1, SIGNED_SCHEMA1
from toolkit.manifests.raw import RawManifest
from toolkit.progress.steps import Message, Progress
from toolkit.pulling import evidence
from toolkit.pulling.conclusion import (
    conclude,
    intact_rows,
    plan_rows,
    skipped_stages,
    standing_images,
)
from toolkit.pulling.consulted import ConsultedGraph
from toolkit.pulling.job import Job
from toolkit.pulling.rows import layer_rows
from toolkit.pulling.standing import Standing, look
from toolkit.pulling.tagging import conclude_tag
from toolkit.pulling.wanted import Wanted
from toolkit.references import Reference
from toolkit.reuse.plan import IdPlan, PlannedImage, plan_ids
from toolkit.verification.blob import BlobFacts
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.verdict import first_refusal, refusal_error


class Schema1Pull:
    """The pull of one image whose manifest is at hand."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def run(self, raw: RawManifest, reference: Reference) -> bool:
        """Pull it; return whether the graph now holds something it did not."""
        judgement = judge_manifest(raw, reference, self.job.policy, judge_all=False)
        refusal = judgement.refusal
        self.job.scope.digest = judgement.record.digest
        self.job.note(judgement.record, *judgement.signatures, *judgement.checks)
        self.job.graph.blobs.add(raw.body, quarantine=refusal is not None)
        if refusal is not None:
            reason = f"the rule {refusal.rule} refuses already"
            self.job.note(*skipped_stages(judgement, self.job.policy, reason, "graph", "blob", "tag"))
            self.job.note(*layer_rows(judgement, {}, {}, {}))
            raise refusal_error(refusal)
        self.job.begin(reference)
        plan = self._plan(judgement)
        self.job.scope.image_id = plan.images[-1].id
        ids = [one.id for one in plan.images]
        self.job.graph.retain(self.job.scope.call.name, ids)
        try:
            registered = self._layers(judgement, plan)
            return self._tag(judgement, plan, registered=registered)
        finally:
            self.job.graph.release(self.job.scope.call.name, ids)

    def _plan(self, judgement: Judgement) -> IdPlan:
        """Choose the IDs, and write the histories that legacy images lack, before anybody else can interfere."""
        _, images = judgement.require()
        candidates = {one for image in images for one in (image.hex, image.compatibility_id)}
        with self.job.graph.lock(candidates):
            for image_id in sorted(candidates):
                self.job.graph.restore_layersize(image_id)
            view = ConsultedGraph(self.job.graph)
            plan = plan_ids(images, view, self.job.policy, by_digest=judgement.by_digest)
            for image_id, text in plan.histories.items():
                self.job.graph.images.complete(image_id, v1_compatibility=text)
        self.job.note(*(evidence.of_image(image_id, stored) for image_id, stored in view.consulted.items()))
        self.job.note(*plan.decisions, *plan.checks, *plan_rows(judgement, plan))
        return plan

    def _layers(self, judgement: Judgement, plan: IdPlan) -> bool:
        """Bring in what is missing and register it; return whether anything was."""
        with self.job.graph.lock(one.id for one in plan.images):
            standing, checks = standing_images(plan, self.job.graph, self.job.policy, by_digest=judgement.by_digest)
        self.job.note(*checks)
        refusal = first_refusal(checks)
        if refusal is not None:
            reason = "an image of the graph is not the one that is meant"
            planned = {one.image.position: one for one in plan.images}
            self.job.note(*intact_rows((), {}, self.job.policy, by_digest=judgement.by_digest))
            self.job.note(
                *skipped_stages(judgement, self.job.policy, reason, "blob", "tag"), *layer_rows(judgement, planned, {}, {})
            )
            raise refusal_error(refusal)
        missing = [one.image.layer_digest for one in plan.images if one.image.position not in standing]
        facts, absent = self._present(judgement, plan, missing)
        named = {one.image.layer_digest: one.id for one in plan.images}
        transfer = self.job.transfer(measures=True)  # Docker 1.9's files say how large a layer is
        asked = [Wanted(digest, image_id=named[digest]) for digest in absent]
        found = transfer.fetch(asked, looked=not self.job.policy.is_seed)
        trouble = {digest: error for digest, error in found.items() if isinstance(error, SourceError)}
        facts |= {digest: one for digest, one in found.items() if isinstance(one, BlobFacts)}
        fetched = [digest for digest in found if digest not in transfer.others]
        self.job.note(*self.job.connection.drain(), *transfer.rows(), *evidence.of_transfer(facts, trouble, fetched=fetched))
        result = conclude(judgement, plan, facts, fetched=fetched, troubled=trouble, policy=self.job.policy)
        self.job.note(*result.checks, *result.layers)
        registered = False
        for one in plan.images:
            if one.image.position in result.sound and one.image.position not in standing:
                registered = self._commit(one, facts[one.image.layer_digest]) or registered
        if result.refusal is not None or result.trouble is not None:
            reason = "a layer was refused" if result.refusal is not None else "a layer could not be fetched"
            self.job.note(*skipped_stages(judgement, self.job.policy, reason, "tag"))
        if result.refusal is not None:
            raise refusal_error(result.refusal)
        if result.trouble is not None:
            raise trouble[result.trouble]
        return registered

    def _present(self, judgement: Judgement, plan: IdPlan, missing: list[str]) -> tuple[dict[str, BlobFacts], list[str]]:
        """Say which blobs are in the graph, intact, and which must be fetched.

        Docker 1.9 asked for images only, and so does its policy. Otherwise every blob of the chain must be there,
        and is read again before it is relied upon.
        """
        standing = Standing()
        wanted = list(dict.fromkeys(missing))
        if not self.job.policy.is_seed:
            wanted = list(dict.fromkeys(one.image.layer_digest for one in plan.images))
            standing = look(self.job.graph, [Wanted(digest, is_layer=digest in missing) for digest in wanted])
        self.job.note(*evidence.of_rotten(standing.rotten))
        self.job.note(*intact_rows(standing.facts, standing.rotten, self.job.policy, by_digest=judgement.by_digest))
        return standing.facts, [digest for digest in wanted if digest not in standing.facts]

    def _commit(self, one: PlannedImage, facts: BlobFacts) -> bool:
        assert facts.measure is not None  # a blob that passed was looked into
        size = facts.size or 0
        self.job.tell(Progress(one.image.layer_digest, "extracting", size, facts.announced or size, one.id))
        with self.job.graph.lock([one.id]):
            registered = self.job.graph.register(
                one.id,
                one.image.config,
                parent=one.parent,
                layer_size=facts.measure.layer_size,
                checksum=one.image.layer_digest,
                v1_compatibility=one.image.v1_compatibility,
                layer=facts.evidence,
            )
        self.job.tell(Progress(one.image.layer_digest, "registered", size, facts.announced or size, one.id))
        return registered

    def _tag(self, judgement: Judgement, plan: IdPlan, *, registered: bool) -> bool:
        """Set the reference, last of all: everything it reaches is durable."""
        reference, image_id = judgement.reference, plan.images[-1].id
        self.job.scope.call.sync()
        old = self.job.graph.set_reference(reference.repository.local_name, reference.asked, image_id)
        record, checks = conclude_tag(
            reference, image_id, old, self.job.policy, by_digest=judgement.by_digest, registered=registered
        )
        self.job.note(evidence.of_tag(old, registered=registered), *checks, record)
        self.job.graph.point(
            reference.local_text,
            media_type=SIGNED_SCHEMA1 if judgement.record.signatures else SCHEMA1,
            digest=judgement.record.body_digest,
            size=judgement.record.size,
        )
        self.job.tell(Message(f"Digest: {judgement.record.digest}"))
        return record.newer
