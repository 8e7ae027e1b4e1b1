"""Inspect an image: judge everything, register nothing, never raise for a finding.

The rule of this file: an audit asks every rule it can, also after one refused; what it cannot ask is a row that says
why.
"""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike

from toolkit.digests import Digest
from toolkit.errors import SourceError, ToolkitError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.manifests.descriptor import PLATFORM
from toolkit.manifests.raw import RawManifest
from toolkit.progress.steps import ProgressSink
from toolkit.pulling import evidence
from toolkit.pulling.choices import accepted_types, asked_platform
from toolkit.pulling.conclusion import conclude, intact_rows, plan_rows, skipped_stages, standing_images
from toolkit.pulling.consulted import ConsultedGraph
from toolkit.pulling.listening import listening
from toolkit.pulling.pull import resolve
from toolkit.pulling.remembered import remembering
from toolkit.pulling.report import Report
from toolkit.pulling.rows import layer_rows
from toolkit.pulling.session import Session, refused, session
from toolkit.pulling.supply import LiveSupply
from toolkit.pulling.transfer import WORKERS, Transfer
from toolkit.pulling.walk import Walk, referrer_rows
from toolkit.pulling.wanted import Wanted
from toolkit.records import Check
from toolkit.references import Reference
from toolkit.reuse.plan import IdPlan, plan_ids
from toolkit.reuse.stored_image import GraphView
from toolkit.sources.opening import Openable
from toolkit.sources.protocol import Connection
from toolkit.verification.blob import BlobFacts
from toolkit.verification.document import Way, document_kind, verify_document
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import first_refusal, refusal_error, skipped_stage


def inspect(
    reference: str | None = None,
    *,
    source: Openable | None = None,
    graph: Graph | str | PathLike[str] | None = None,
    policy: Policy | str = "strict",
    accept: Collection[str] = (),
    ledger: Ledger | None = None,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
    platform: str = PLATFORM,
    formats: str = "all",
    referrers: bool = False,
    progress: ProgressSink | None = None,
    workers: int = WORKERS,
) -> Report:
    """Judge an image with all its layers, without registering it.

    Parameters
    ----------
    reference : str, optional
        As in ``pull``.
    graph : Graph or path, optional
        Where rejected bytes and the ledger are kept, and against which IDs are planned; without it nothing is kept. A
        read-only graph is only looked at.
    platform : str
        As in ``pull``; ``all`` judges every manifest of an index.
    formats : str
        As in ``pull``.
    referrers : bool
        Ask also what refers to the image: signatures, attestations, bills of materials.
    source, policy, accept, ledger, username, password, realms, insecure, progress, workers
        As in ``pull``.

    Returns
    -------
    Report
        ``outcome`` and ``error`` tell the verdict.

    Raises
    ------
    SourceError
        The manifest cannot be had: there is nothing to judge.
    """
    rules = Policy(Policy.of(policy).name, {*Policy.of(policy).accept, *accept}, Policy.of(policy).trusted_keys)
    where, asked = resolve(reference, source, rules, username=username, password=password, realms=realms, insecure=insecure)
    target = None if graph is None else Graph.of(graph)
    kept = None if target is None or target.is_read_only else target
    recovered = () if kept is None else kept.prepare(remembering(kept))
    book = ledger if ledger is not None else Ledger(None if kept is None else kept.layout.ledger)
    with (
        listening(progress) as tell,
        session("inspect", asked.text if reference is None else reference, where.name, rules, book, target) as scope,
        where.connect(asked.repository, as_seed=rules.is_seed, accept=accepted_types(formats)) as connection,
    ):
        scope.platform = platform
        scope.call.note(*recovered)
        try:
            _Inspector(scope, connection, kept, {} if target is None else target, rules, tell, workers).run(
                asked, referrers=referrers
            )
        finally:
            scope.call.note(*connection.drain())
        return scope.report


def _verifiable(plan: IdPlan, policy: Policy) -> list[str]:
    """List the layers worth fetching: Docker 1.9 asked for every one, also for what nobody can verify."""
    digests = [one.image.layer_digest for one in plan.images]
    return [digest for digest in digests if policy.is_seed or Digest.is_exact(digest)]


class _Inspector:
    def __init__(
        self,
        scope: Session,
        connection: Connection,
        graph: Graph | None,
        view: GraphView,
        policy: Policy,
        progress: ProgressSink | None,
        workers: int,
    ) -> None:
        self.scope = scope
        self.view = view
        self.note = scope.call.note
        self.connection = connection
        self.graph = graph
        self.policy = policy
        self.progress = progress
        self.workers = workers

    def run(self, asked: Reference, *, referrers: bool) -> None:
        """Judge one image and note how it ended."""
        raw = self._manifest(asked)
        self.scope.bodies[raw.body_digest] = raw.body
        self.note(*self.connection.drain(), evidence.of_manifest(raw, asked, seed_grammar=self.policy.is_seed))
        if not self.policy.is_seed and document_kind(raw, Way()) != "schema1":
            self._documents(raw, asked, referrers=referrers)
            return
        judgement = judge_manifest(raw, asked, self.policy, judge_all=True)
        self.scope.digest = judgement.record.digest
        self.note(judgement.record, *judgement.signatures, *judgement.checks)
        if self.graph is not None:
            self.graph.blobs.add(raw.body, quarantine=judgement.refusal is not None)
        refusal, error = self._layers(judgement)
        self.note(*skipped_stages(judgement, self.policy, "nothing is registered", "tag"))
        self._finish(judgement.refusal or refusal, error)

    def _manifest(self, asked: Reference) -> RawManifest:
        """Ask one endpoint after the other; what is judged is what the first one that has it gives."""
        while True:
            try:
                return self.connection.manifest(asked)
            except SourceError as error:
                reported = self.connection.next_endpoint(error)
                if reported is error:
                    raise
                if reported is not None:
                    raise reported from error

    def _documents(self, raw: RawManifest, asked: Reference, *, referrers: bool) -> None:
        scratch = Graph.temporary() if self.graph is None else self.graph
        transfer = Transfer(
            self.connection,
            scratch,
            keep="nothing" if self.graph is None else "rejected",
            as_seed=False,
            progress=self.progress,
            workers=self.workers,
        )
        supply = LiveSupply(self.connection, transfer, None, self.note, self.scope.bodies)
        platform = asked_platform(self.scope.platform)
        walk = Walk(supply, self.policy, self.note, self.scope.focus, platform=platform, judge_all=True)
        found = walk.run(raw, asked)
        self.scope.focus(asked.text)
        self.scope.digest, self.scope.image_id = found.root, found.image_id
        if self.graph is not None:
            for body in self.scope.bodies.values():
                self.graph.blobs.add(body, quarantine=found.refusal is not None)
        reason = "nothing is registered"
        self.note(*skipped_stage(self.policy, "tag", asked.asked, reason, by_digest=asked.digest is not None))
        unreadable = self._referrers(found.root) if referrers else None
        self._finish(found.refusal or unreadable, found.trouble)

    def _referrers(self, digest: str) -> Check | None:
        """Note what refers to a manifest, signatures, attestations and the like, which are listed and not followed.

        A list that cannot be read is not the same as none: the check that says so is returned.
        """
        refusal: Check | None = None
        found = self.connection.referrers(digest)
        if found.manifest is not None:
            self.scope.bodies[found.manifest.body_digest] = found.manifest.body
            verdict = verify_document(found.manifest, Reference.bare("referrers"), self.policy, Way())
            ways = {"api": "found by the referrers API", "tag": "found under the fallback tag"}
            if verdict.value is not None:
                self.note(*referrer_rows(verdict.value, digest, ways.get(found.way, found.way)))
            else:
                self.note(*(check for check in verdict.checks if check.outcome == "failed"))
                refusal = first_refusal(verdict.checks)
        self.note(*self.connection.drain())
        return refusal

    def _layers(self, judgement: Judgement) -> tuple[Check | None, SourceError | None]:
        if judgement.images is None:
            self.note(*skipped_stages(judgement, self.policy, "there is no chain of images", "graph", "blob"))
            self.note(*layer_rows(judgement, {}, {}, {}))
            return None, None
        view: GraphView = ConsultedGraph(self.view)
        plan = plan_ids(judgement.images, view, self.policy, by_digest=judgement.by_digest)
        _, standing_checks = standing_images(plan, view, self.policy, by_digest=judgement.by_digest)
        self.scope.image_id = plan.images[-1].id
        if isinstance(view, ConsultedGraph):
            self.note(*(evidence.of_image(image_id, stored) for image_id, stored in view.consulted.items()))
        self.note(*plan.decisions, *plan.checks, *plan_rows(judgement, plan), *standing_checks)
        self.note(*intact_rows((), {}, self.policy, by_digest=judgement.by_digest))
        scratch = Graph.temporary() if self.graph is None else self.graph
        transfer = Transfer(
            self.connection,
            scratch,
            keep="nothing" if self.graph is None else "rejected",
            as_seed=self.policy.is_seed,
            progress=self.progress,
            workers=self.workers,
        )
        found = transfer.fetch(Wanted(digest) for digest in _verifiable(plan, self.policy))
        trouble = {digest: error for digest, error in found.items() if isinstance(error, SourceError)}
        facts = {digest: one for digest, one in found.items() if isinstance(one, BlobFacts)}
        fetched = [digest for digest in found if digest not in transfer.others]
        self.note(*self.connection.drain(), *transfer.rows(), *evidence.of_transfer(facts, trouble, fetched=fetched))
        result = conclude(judgement, plan, facts, fetched=fetched, troubled=trouble, policy=self.policy)
        self.note(*result.checks, *result.layers)
        return result.refusal, None if result.trouble is None else trouble[result.trouble]

    def _finish(self, refusal: Check | None, error: SourceError | None) -> None:
        if refusal is not None:
            problem: ToolkitError = refusal_error(refusal)
            self.scope.finish(refused(refusal), problem)
        elif error is not None:
            self.scope.finish("undecided", error)
        else:
            self.scope.finish("accepted")
