"""Pull an image: fetch, judge, name, transfer, register, tag.

The rule of this file: it reads as the story of Docker 1.9's ``pullV2Tag``, one step after the other, and every step
leaves rows. Under ``docker-1.9`` layers are registered one by one, base first, until one fails; under ``strict``
nothing is registered unless everything holds.
"""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike

from toolkit.errors import SourceError, UsageError, VerificationError
from toolkit.graph.store import Graph
from toolkit.graph.turns import Entry, Turn, Waited
from toolkit.ledger.ledger import Ledger
from toolkit.manifests.descriptor import PLATFORM
from toolkit.manifests.media_types import SCHEMA1, SIGNED_SCHEMA1
from toolkit.manifests.raw import RawManifest
from toolkit.progress.steps import Message, Progress, ProgressSink, Step, entry_of, step_of
from toolkit.pulling import evidence
from toolkit.pulling.conclusion import (
    conclude,
    conclude_tag,
    intact_rows,
    plan_rows,
    skipped_stages,
    standing_images,
)
from toolkit.pulling.consulted import ConsultedGraph
from toolkit.pulling.listening import listening
from toolkit.pulling.report import Report
from toolkit.pulling.rows import layer_rows
from toolkit.pulling.session import Session, session
from toolkit.pulling.supply import LiveSupply
from toolkit.pulling.transfer import WORKERS, Transfer, Wanted, known, measured
from toolkit.pulling.walk import Walk, Walked, accepted_types, asked_platform
from toolkit.records import Join
from toolkit.references import Reference
from toolkit.reuse.plan import IdPlan, PlannedImage, plan_ids
from toolkit.sources.opening import Openable, open_registry, open_source
from toolkit.sources.protocol import Connection, Source
from toolkit.verification.blob import BlobFacts
from toolkit.verification.document import Way, document_kind
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import first_refusal, refusal_error, skipped_stage


def pull(
    reference: str | None,
    graph: Graph | str | PathLike[str],
    *,
    source: Openable | None = None,
    policy: Policy | str = "strict",
    accept: Collection[str] = (),
    all_tags: bool = False,
    platform: str = PLATFORM,
    formats: str = "all",
    ledger: Ledger | None = None,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
    progress: ProgressSink | None = None,
    workers: int = WORKERS,
    diff_ids: bool = True,
) -> Report:
    """Pull and verify an image into a local graph.

    Parameters
    ----------
    reference : str or None
        ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]``; None for the only image of a ``source`` of files.
    graph : Graph or path
        Where images live; made when it is not there.
    source : Source, str or path, optional
        Where to pull from; the registry the reference names when absent.
    policy : Policy or str
        ``strict`` or ``docker-1.9``.
    accept : collection of str
        Rules excepted by name.
    platform : str
        ``os/architecture[/variant]`` to take from an index, or ``all``; never this machine's own, so that the same
        call means the same everywhere.
    formats : str
        ``all``, or ``schema1`` to ask as an old client did: a registry may then make a schema1 manifest of a newer image,
        which the column ``converted_from`` of ``manifests`` tells.
    all_tags : bool
        Pull every tag of the repository; the reference must not name one.
    ledger : Ledger, optional
        Where rows go; ``GRAPH/ledger`` when absent.
    username, password, realms, insecure
        As in ``open_source``.
    progress : callable, optional
        Told of every step of a transfer, from several threads.
    workers : int
        How many layers are fetched at once.
    diff_ids : bool
        Whether today's layers are decompressed to recompute their diff IDs. Without it every digest and size is still
        checked, and the rows of the rules about what is inside say that nobody looked.

    Returns
    -------
    Report
        Every frame of the call.

    Raises
    ------
    VerificationError
        A rule refuses; ``.report`` holds all frames.
    SourceError
        The source cannot be reached, or does not have it.
    GraphError
        The graph cannot take it.

    Notes
    -----
    Origin: ``v2Puller.pullV2Repository`` and ``pullV2Tag`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    rules = Policy(Policy.of(policy).name, {*Policy.of(policy).accept, *accept}, Policy.of(policy).trusted_keys)
    where, asked = resolve(reference, source, rules, username=username, password=password, realms=realms, insecure=insecure)
    if all_tags and (asked.digest is not None or asked.text.endswith(f":{asked.tag}")):
        raise UsageError("tag can't be used with --all-tags/-a", actual=reference, next_step="leave the tag out")
    target = Graph.of(graph)
    target.prepare()
    book = ledger if ledger is not None else Ledger(target.layout.ledger)
    with (
        listening(progress) as tell,
        session("pull", asked.text if reference is None else reference, where.name, rules, book, target) as scope,
        where.connect(asked.repository, as_seed=rules.is_seed, accept=accepted_types(formats)) as connection,
    ):
        scope.platform = platform
        puller = _Puller(scope, connection, target, rules, tell, workers, diff_ids=diff_ids)
        try:
            with target.turns.take(f"pull {_work(asked, all_tags=all_tags)}", puller.hear) as turn:
                if turn.waited is not None:
                    puller.joined(turn.waited, _work(asked, all_tags=all_tags))
                puller.run(asked, turn, all_tags=all_tags)
        finally:
            scope.focus(scope.reference)
            scope.call.note(*connection.drain())
        scope.finish("accepted")
        return scope.report


def resolve(
    reference: str | None,
    source: Openable | None,
    policy: Policy,
    *,
    username: str | None,
    password: str | None,
    realms: Collection[str],
    insecure: Collection[str],
) -> tuple[Source, Reference]:
    """Find the source a reference is asked of, and let the source read the reference.

    Without a source the registry is the one the reference names; without a reference the source must hold one image.
    """
    if source is not None:
        where = open_source(source, username=username, password=password, realms=realms, insecure=insecure)
    elif reference is not None:
        named = Reference.parse(reference, seed_grammar=policy.is_seed).repository.registry
        where = open_registry(named, username=username, password=password, realms=realms, insecure=insecure)
    else:
        raise UsageError("neither a reference nor a source is given", expected="one of them", next_step="name an image")
    return where, where.resolve(reference, seed_grammar=policy.is_seed)


def _work(asked: Reference, *, all_tags: bool) -> str:
    """What nobody else should pull into the same graph at the same time."""
    return asked.repository.local_name if all_tags else asked.local_text


class _Puller:
    def __init__(
        self,
        scope: Session,
        connection: Connection,
        graph: Graph,
        policy: Policy,
        tell: ProgressSink | None,
        workers: int,
        *,
        diff_ids: bool,
    ) -> None:
        self.scope = scope
        self.note = scope.call.note
        self.connection = connection
        self.graph = graph
        self.policy = policy
        self.workers = workers
        self.diff_ids = diff_ids
        self._listener = tell
        self._turn: Turn | None = None

    def run(self, asked: Reference, turn: Turn, *, all_tags: bool) -> None:
        """Pull from one endpoint after the other, until one gives all of it or an error that ends the pull."""
        self._turn = turn
        while True:
            try:
                self._run(asked, all_tags=all_tags)
            except (SourceError, VerificationError) as error:
                reported = self.connection.next_endpoint(error)
                if reported is error:
                    raise
                if reported is not None:
                    raise reported from error
            else:
                return

    def joined(self, waited: Waited, work: str) -> None:
        """Note that somebody else pulled the same; what they left is verified like anything that was there before."""
        self.note(Join(kind="pull", subject=work, owner=waited.owner, waited=waited.seconds, outcome="found"))

    def hear(self, entry: Entry) -> None:
        """Pass on what the one we wait for tells."""
        if self._listener is not None:
            self._listener(step_of(entry))

    def tell(self, step: Step) -> None:
        """Tell whoever listens here, and whoever waits for us elsewhere."""
        if self._listener is not None:
            self._listener(step)
        if self._turn is not None and not (isinstance(step, Progress) and step.action == "downloading"):
            self._turn.tell(entry_of(step))

    def _run(self, asked: Reference, *, all_tags: bool) -> None:
        """Pull one image, or every tag in the registry's order; the first failure ends it."""
        wanted = [asked]
        if all_tags:
            tags = self.connection.tags()
            wanted = [asked.with_tag(tag) for tag in tags]
        newer = False
        for reference in wanted:
            self.scope.call.image = reference.text
            newer = self._image(reference) or newer
        self.scope.newer = newer
        named = asked.repository.local_name if all_tags else asked.local_text
        self.scope.status = f"{'Downloaded newer image' if newer else 'Image is up to date'} for {named}"
        self.tell(Message(f"Status: {self.scope.status}"))

    def _image(self, reference: Reference) -> bool:
        """Pull one image; return whether the graph now holds something it did not."""
        raw = self._manifest(reference)
        if not self.policy.is_seed and document_kind(raw, Way()) != "schema1":
            return self._documents(raw, reference)
        judgement = judge_manifest(raw, reference, self.policy, judge_all=False)
        refusal = judgement.refusal
        self.scope.digest = judgement.record.digest
        self.note(judgement.record, *judgement.signatures, *judgement.checks)
        self.graph.blobs.add(raw.body, quarantine=refusal is not None)
        if refusal is not None:
            reason = f"the rule {refusal.rule} refuses already"
            self.note(*skipped_stages(judgement, self.policy, reason, "graph", "blob", "tag"))
            self.note(*layer_rows(judgement, {}, {}, {}))
            raise refusal_error(refusal)
        self._say_what(reference)
        plan = self._plan(judgement)
        self.scope.image_id = plan.images[-1].id
        ids = [one.id for one in plan.images]
        self.graph.retain(self.scope.call.name, ids)
        try:
            registered = self._layers(judgement, plan)
            return self._tag(judgement, plan, registered=registered)
        finally:
            self.graph.release(self.scope.call.name, ids)

    def _say_what(self, reference: Reference) -> None:
        self.tell(Message(f"Pulling from {reference.repository.remote_name}", reference.asked))

    def _documents(self, raw: RawManifest, reference: Reference) -> bool:
        """Pull an image of today's formats; return whether the graph now holds something it did not."""
        self._say_what(reference)
        transfer = Transfer(
            self.connection,
            self.graph,
            keep="all",
            as_seed=False,
            measures=self.diff_ids,
            progress=self.tell,
            workers=self.workers,
        )
        supply = LiveSupply(self.connection, transfer, self.graph, self.note, self.scope.bodies)
        walk = Walk(
            supply,
            self.policy,
            self.note,
            self.scope.focus,
            platform=asked_platform(self.scope.platform),
            judge_all=False,
        )
        found = walk.run(raw, reference)
        self.scope.focus(reference.text)
        self.scope.digest, self.scope.image_id = found.root, found.image_id
        self.note(*self.connection.drain(), *transfer.rows())
        for body in self.scope.bodies.values():
            self.graph.blobs.add(body, quarantine=found.refusal is not None)
        if found.refusal is not None or found.trouble is not None:
            reason = "the image was refused" if found.refusal is not None else "a part of the image could not be fetched"
            self.note(*skipped_stage(self.policy, "tag", reference.asked, reason, by_digest=reference.digest is not None))
            if found.refusal is not None:
                raise refusal_error(found.refusal)
            assert found.trouble is not None
            raise found.trouble
        registered = False
        for image in found.images:
            if image.digest.startswith("sha512:"):
                self.graph.blobs.add(self.scope.bodies[image.body_digest], algorithm="sha512")
            for chain_id, diff_id, blob in image.layers:
                registered = self.graph.chains.add(chain_id, diff_id, blob) or registered
            registered = registered or (not self.diff_ids and bool(image.fetched))
            for blob in image.fetched:
                self.tell(Progress(blob, "registered", 0, None))
        return self._tag_documents(reference, found, raw, registered=registered)

    def _tag_documents(self, reference: Reference, found: Walked, raw: RawManifest, *, registered: bool) -> bool:
        by_digest = reference.digest is not None
        self.scope.call.sync()
        self.graph.point(reference.local_text, media_type=found.media_type, digest=raw.body_digest, size=len(raw.body))
        if not reference.repository.local_name:
            reason = "the source names no repository"
            self.note(*skipped_stage(self.policy, "tag", reference.asked, reason, by_digest=by_digest))
            return registered
        old = self.graph.set_reference(reference.repository.local_name, reference.asked, found.image_id)
        record, checks = conclude_tag(reference, found.image_id, old, self.policy, by_digest=by_digest, registered=registered)
        self.note(evidence.of_tag(old, registered=registered), *checks, record)
        self.tell(Message(f"Digest: {found.root}"))
        return record.newer

    def _manifest(self, reference: Reference) -> RawManifest:
        raw = self.connection.manifest(reference)
        self.scope.bodies[raw.body_digest] = raw.body
        self.note(*self.connection.drain(), evidence.of_manifest(raw, reference, seed_grammar=self.policy.is_seed))
        return raw

    def _plan(self, judgement: Judgement) -> IdPlan:
        """Choose the IDs, and write the histories that legacy images lack, before anybody else can interfere."""
        _, images = judgement.require()
        candidates = {one for image in images for one in (image.hex, image.compatibility_id)}
        with self.graph.lock(candidates):
            for image_id in sorted(candidates):
                self.graph.restore_layersize(image_id)
            view = ConsultedGraph(self.graph)
            plan = plan_ids(images, view, self.policy, by_digest=judgement.by_digest)
            for image_id, text in plan.histories.items():
                self.graph.images.complete(image_id, v1_compatibility=text)
        self.note(*(evidence.of_image(image_id, stored) for image_id, stored in view.consulted.items()))
        self.note(*plan.decisions, *plan.checks, *plan_rows(judgement, plan))
        return plan

    def _layers(self, judgement: Judgement, plan: IdPlan) -> bool:
        """Bring in what is missing and register it; return whether anything was."""
        with self.graph.lock(one.id for one in plan.images):
            standing, checks = standing_images(plan, self.graph, self.policy, by_digest=judgement.by_digest)
        self.note(*checks)
        refusal = first_refusal(checks)
        if refusal is not None:
            reason = "an image of the graph is not the one that is meant"
            planned = {one.image.position: one for one in plan.images}
            self.note(*intact_rows((), {}, self.policy, by_digest=judgement.by_digest))
            self.note(*skipped_stages(judgement, self.policy, reason, "blob", "tag"), *layer_rows(judgement, planned, {}, {}))
            raise refusal_error(refusal)
        missing = [one.image.layer_digest for one in plan.images if one.image.position not in standing]
        facts, absent = self._present(judgement, plan, missing)
        named = {one.image.layer_digest: one.id for one in plan.images}
        transfer = Transfer(
            self.connection,
            self.graph,
            keep="all",
            as_seed=self.policy.is_seed,
            progress=self.tell,
            workers=self.workers,
        )
        found = transfer.fetch(Wanted(digest, image_id=named[digest]) for digest in absent)
        trouble = {digest: error for digest, error in found.items() if isinstance(error, SourceError)}
        facts |= {digest: one for digest, one in found.items() if isinstance(one, BlobFacts)}
        fetched = [digest for digest in found if digest not in transfer.others]
        self.note(*self.connection.drain(), *transfer.rows(), *evidence.of_transfer(facts, trouble, fetched=fetched))
        result = conclude(judgement, plan, facts, fetched=fetched, troubled=trouble, policy=self.policy)
        self.note(*result.checks, *result.layers)
        registered = False
        for one in plan.images:
            if one.image.position in result.sound and one.image.position not in standing:
                registered = self._commit(one, facts[one.image.layer_digest]) or registered
        if result.refusal is not None or result.trouble is not None:
            reason = "a layer was refused" if result.refusal is not None else "a layer could not be fetched"
            self.note(*skipped_stages(judgement, self.policy, reason, "tag"))
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
        facts: dict[str, BlobFacts] = {}
        rotten: dict[str, str] = {}
        absent: list[str] = []
        wanted = missing if self.policy.is_seed else [one.image.layer_digest for one in plan.images]
        for digest in dict.fromkeys(wanted):
            path = None if self.policy.is_seed else self.graph.blobs.path(digest)
            if path is not None and self.graph.blobs.is_intact(digest):
                facts[digest] = measured(self.graph, digest) if digest in missing else known(self.graph, digest)
                continue
            if path is not None:
                rotten[digest] = str(self.graph.blobs.quarantine(digest))
            absent.append(digest)
        self.note(*evidence.of_rotten(rotten))
        self.note(*intact_rows(facts, rotten, self.policy, by_digest=judgement.by_digest))
        return facts, absent

    def _commit(self, one: PlannedImage, facts: BlobFacts) -> bool:
        assert facts.measure is not None  # a blob that passed was looked into
        size = facts.size or 0
        self.tell(Progress(one.image.layer_digest, "extracting", size, facts.announced or size, one.id))
        with self.graph.lock([one.id]):
            registered = self.graph.register(
                one.id,
                one.image.config,
                parent=one.parent,
                layer_size=facts.measure.layer_size,
                checksum=one.image.layer_digest,
                v1_compatibility=one.image.v1_compatibility,
            )
        self.tell(Progress(one.image.layer_digest, "registered", size, facts.announced or size, one.id))
        return registered

    def _tag(self, judgement: Judgement, plan: IdPlan, *, registered: bool) -> bool:
        """Set the reference, last of all: everything it reaches is durable."""
        reference, image_id = judgement.reference, plan.images[-1].id
        self.scope.call.sync()
        old = self.graph.set_reference(reference.repository.local_name, reference.asked, image_id)
        record, checks = conclude_tag(reference, image_id, old, self.policy, by_digest=judgement.by_digest, registered=registered)
        self.note(evidence.of_tag(old, registered=registered), *checks, record)
        self.graph.point(
            reference.local_text,
            media_type=SIGNED_SCHEMA1 if judgement.record.signatures else SCHEMA1,
            digest=judgement.record.body_digest,
            size=judgement.record.size,
        )
        self.tell(Message(f"Digest: {judgement.record.digest}"))
        return record.newer
