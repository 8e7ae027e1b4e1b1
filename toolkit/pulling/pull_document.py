"""Pull an image of today's formats: walk its documents, then register and tag.

The rule of this file: nothing is registered unless everything holds, and the reference is set last.
"""

from __future__ import annotations

from toolkit.manifests.raw import RawManifest
from toolkit.progress.steps import Message, Progress
from toolkit.pulling import evidence
from toolkit.pulling.choices import asked_platform
from toolkit.pulling.job import Job
from toolkit.pulling.supply import LiveSupply
from toolkit.pulling.tagging import conclude_tag
from toolkit.pulling.walk import Walk, Walked
from toolkit.references import Reference
from toolkit.verification.verdict import refusal_error, skipped_stage


class DocumentPull:
    """The pull of one image whose manifest or index is at hand."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def run(self, raw: RawManifest, reference: Reference) -> bool:
        """Pull it; return whether the graph now holds something it did not."""
        self.job.begin(reference)
        transfer = self.job.transfer(measures=self.job.diff_ids)
        supply = LiveSupply(self.job.connection, transfer, self.job.graph, self.job.note, self.job.scope.bodies)
        walk = Walk(
            supply,
            self.job.policy,
            self.job.note,
            self.job.scope.focus,
            platform=asked_platform(self.job.scope.platform),
            judge_all=False,
        )
        found = walk.run(raw, reference)
        self.job.scope.focus(reference.text)
        self.job.scope.digest, self.job.scope.image_id = found.root, found.image_id
        self.job.note(*self.job.connection.drain(), *transfer.rows())
        for body in self.job.scope.bodies.values():
            self.job.graph.blobs.add(body, quarantine=found.refusal is not None)
        if found.refusal is not None or found.trouble is not None:
            reason = "the image was refused" if found.refusal is not None else "a part of the image could not be fetched"
            self.job.note(*skipped_stage(self.job.policy, "tag", reference.asked, reason, by_digest=reference.digest is not None))
            if found.refusal is not None:
                raise refusal_error(found.refusal)
            assert found.trouble is not None
            raise found.trouble
        registered = False
        for image in found.images:
            if image.digest.startswith("sha512:"):
                self.job.graph.blobs.add(self.job.scope.bodies[image.body_digest], algorithm="sha512")
            for chain_id, diff_id, blob in image.layers:
                registered = self.job.graph.chains.add(chain_id, diff_id, blob) or registered
            registered = registered or (not self.job.diff_ids and bool(image.fetched))
            for blob in image.fetched:
                self.job.tell(Progress(blob, "registered", 0, None))
        return self._tag(reference, found, raw, registered=registered)

    def _tag(self, reference: Reference, found: Walked, raw: RawManifest, *, registered: bool) -> bool:
        by_digest = reference.digest is not None
        self.job.scope.call.sync()
        self.job.graph.point(reference.local_text, media_type=found.media_type, digest=raw.body_digest, size=len(raw.body))
        if not reference.repository.local_name:
            reason = "the source names no repository"
            self.job.note(*skipped_stage(self.job.policy, "tag", reference.asked, reason, by_digest=by_digest))
            return registered
        old = self.job.graph.set_reference(reference.repository.local_name, reference.asked, found.image_id)
        record, checks = conclude_tag(reference, found.image_id, old, self.job.policy, by_digest=by_digest, registered=registered)
        self.job.note(evidence.of_tag(old, registered=registered), *checks, record)
        self.job.tell(Message(f"Digest: {found.root}"))
        return record.newer
