"""Take every decision of a ledger again, offline, from what was kept.

The rule of this file: no source and no clock. Bodies and blobs are read by the digests in the ledger; under the same
policy the frames come out equal, under another they tell what it would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from toolkit import fsops
from toolkit.errors import LedgerError, NotFoundError, SourceError
from toolkit.graph.store import Graph
from toolkit.layers.measure import measure
from toolkit.ledger.ledger import Call, Ledger
from toolkit.ledger.lines import EvidenceRow
from toolkit.manifests.raw import RawManifest
from toolkit.pulling import evidence
from toolkit.pulling.choices import asked_platform
from toolkit.pulling.conclusion import (
    conclude,
    intact_rows,
    plan_rows,
    skipped_stages,
    standing_images,
)
from toolkit.pulling.report import Report
from toolkit.pulling.rows import layer_rows, strong_id_rows
from toolkit.pulling.session import Session, refused
from toolkit.pulling.supply import Contents
from toolkit.pulling.tagging import conclude_tag
from toolkit.pulling.transfer import identified
from toolkit.pulling.walk import Walk, judge_alone
from toolkit.pulling.wanted import Wanted
from toolkit.records import Check, Pull, Record, Reuse
from toolkit.references import Reference
from toolkit.reuse.plan import plan_ids
from toolkit.reuse.stored_image import StoredImage
from toolkit.verification.blob import BlobFacts
from toolkit.verification.blob_meter import BlobMeter
from toolkit.verification.document import Way, document_kind
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import first_refusal, refusal_error, skipped_stage


@dataclass(slots=True)
class _Kept:
    """The evidence of one image of a call."""

    reference: Reference
    manifest: dict[str, object]
    images: dict[str, StoredImage] = field(default_factory=dict)
    facts: dict[str, BlobFacts] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    troubled: dict[str, str] = field(default_factory=dict)
    rotten: dict[str, str] = field(default_factory=dict)
    below: dict[str, dict[str, object]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    chains: list[Reuse] = field(default_factory=list)
    tag: dict[str, object] | None = None


def rejudge(report: Report, *, policy: Policy | str | None = None, ledger: Ledger | None = None) -> Report:
    """Take the decisions of one call again.

    Parameters
    ----------
    report : Report
        Of a call whose evidence is at hand: just made, or from ``Ledger.load`` with its graph.
    policy : Policy or str, optional
        The call's own when absent.
    ledger : Ledger, optional
        Where to note the rows; one of their own when absent.

    Returns
    -------
    Report
        Under the name of the first call. Under the call's own policy the frames ``manifests``, ``signatures``, ``checks``,
        ``layers``, ``strong_ids`` and ``reuse`` are equal to the first ones.

    Raises
    ------
    LedgerError
        Something a decision rests on was not kept.
    """
    pull = report.pull
    rules = Policy.of(policy) if policy is not None else Policy(pull.policy, pull.accepted_rules.split())
    call = Call(Ledger() if ledger is None else ledger, report.call)
    scope = Session(pull.verb, pull.reference, pull.source, rules, call, report.graph, platform=pull.platform)
    for image, kept in _images(report).items():
        scope.call.image = image
        body = report.body(str(kept.manifest["body"]))
        scope.bodies[str(kept.manifest["body"])] = body
        raw = evidence.to_manifest(kept.manifest, body)
        if not rules.is_seed and document_kind(raw, Way()) != "schema1":
            _documents(raw, kept, report, scope)
            continue
        judgement = judge_manifest(raw, kept.reference, rules, judge_all=pull.verb != "pull")
        scope.digest = judgement.record.digest
        scope.call.note(*_decisions(judgement, kept, rules, pull.verb, report.graph))
    _finish(scope, pull)
    return scope.report


class _KeptSupply:
    """Hands out what was kept of one image."""

    def __init__(self, kept: _Kept, report: Report) -> None:
        self._kept = kept
        self._report = report

    def manifest(self, reference: Reference) -> RawManifest:
        """A document below the one that was asked for."""
        content = self._kept.below.get(reference.asked)
        if content is None:
            kind = NotFoundError if reference.asked in self._kept.absent else SourceError
            raise kind(self._kept.troubled.get(reference.asked, "it was not asked for then"))
        return evidence.to_manifest(content, self._report.body(str(content["body"])))

    def contents(self, wanted: Sequence[Wanted]) -> Contents:
        """Facts, from bytes read again where they were kept."""
        digests = {one.digest: one for one in wanted}
        facts = {
            digest: _read_again(one, self._report.graph, as_seed=False, algorithm=digests[digest].algorithm)
            for digest, one in self._kept.facts.items()
            if digest in digests
        }
        trouble = {digest: SourceError(self._kept.troubled[digest]) for digest in digests if digest in self._kept.troubled}
        return Contents(facts=facts, trouble=trouble, fetched=frozenset(self._kept.fetched & set(digests)))

    def body(self, digest: str) -> bytes | None:
        """Small content."""
        return self._report.body(digest)

    def layers(self, wanted: Sequence[Wanted], chain: Sequence[str]) -> tuple[Contents, tuple[Reuse, ...]]:
        """Facts of layers, and the decisions about the graph as it was."""
        candidates = set(chain)
        return self.contents(wanted), tuple(one for one in self._kept.chains if one.candidate in candidates)


def _documents(raw: RawManifest, kept: _Kept, report: Report, scope: Session) -> None:
    pull, policy, reference = report.pull, scope.policy, kept.reference
    walk = Walk(
        _KeptSupply(kept, report),
        policy,
        scope.call.note,
        scope.focus,
        platform=asked_platform(pull.platform),
        judge_all=pull.verb != "pull",
    )
    by_digest = reference.digest is not None
    if pull.verb == "judge":
        verdict, rows = judge_alone(raw, reference, policy, "a manifest alone was judged")
        scope.call.note(*rows)
        scope.digest = verdict.record.digest
        return
    found = walk.run(raw, reference)
    scope.focus(reference.text)
    scope.digest = found.root
    if kept.tag is not None and found.refusal is None and found.trouble is None:
        old = kept.tag["old_id"]
        record, checks = conclude_tag(
            reference,
            found.image_id,
            None if old is None else str(old),
            policy,
            by_digest=by_digest,
            registered=bool(kept.tag["registered"]),
        )
        scope.call.note(*checks, record)
        return
    if pull.verb == "inspect":
        reason = "nothing is registered"
    elif found.refusal is not None:
        reason = "the image was refused"
    else:
        reason = "a part of the image could not be fetched" if found.trouble else "the source names no repository"
    scope.call.note(*skipped_stage(policy, "tag", reference.asked, reason, by_digest=by_digest))


def _decisions(judgement: Judgement, kept: _Kept, policy: Policy, verb: str, graph: Graph | None) -> list[Record]:
    rows: list[Record] = [judgement.record, *judgement.signatures, *judgement.checks]
    if verb == "judge":
        rows += skipped_stages(judgement, policy, "a manifest alone was judged", "graph", "blob", "tag")
        return [*rows, *strong_id_rows(judgement.images or (), {}), *layer_rows(judgement, {}, {}, {})]
    if judgement.images is None or (verb == "pull" and judgement.refusal is not None):
        refusal = judgement.refusal
        if verb == "pull" and refusal is not None:
            rows += skipped_stages(judgement, policy, f"the rule {refusal.rule} refuses already", "graph", "blob", "tag")
        else:
            rows += skipped_stages(judgement, policy, "there is no chain of images", "graph", "blob")
        rows += layer_rows(judgement, {}, {}, {})
        return rows if verb == "pull" else [*rows, *skipped_stages(judgement, policy, "nothing is registered", "tag")]
    plan = plan_ids(judgement.images, kept.images, policy, by_digest=judgement.by_digest)
    rows += [*plan.decisions, *plan.checks, *plan_rows(judgement, plan)]
    seen = {**kept.images, **{key: replace(kept.images[key], v1_compatibility=text) for key, text in plan.histories.items()}}
    _, standing = standing_images(plan, seen, policy, by_digest=judgement.by_digest)
    rows += standing
    refused = first_refusal(standing)
    if refused is not None and verb == "pull":
        planned = {one.image.position: one for one in plan.images}
        reason = "an image of the graph is not the one that is meant"
        rows += intact_rows((), {}, policy, by_digest=judgement.by_digest)
        return [*rows, *skipped_stages(judgement, policy, reason, "blob", "tag"), *layer_rows(judgement, planned, {}, {})]
    found = {digest for digest in kept.facts if digest not in kept.fetched}
    rows += intact_rows([digest for digest in kept.facts if digest in found], kept.rotten, policy, by_digest=judgement.by_digest)
    facts = {digest: _read_again(one, graph, as_seed=policy.is_seed) for digest, one in kept.facts.items()}
    result = conclude(judgement, plan, facts, fetched=kept.fetched, troubled=kept.troubled, policy=policy)
    rows += [*result.checks, *result.layers]
    if verb == "inspect":
        return [*rows, *skipped_stages(judgement, policy, "nothing is registered", "tag")]
    if result.refusal is not None or result.trouble is not None:
        reason = "a layer was refused" if result.refusal is not None else "a layer could not be fetched"
        return [*rows, *skipped_stages(judgement, policy, reason, "tag")]
    if kept.tag is not None:
        old = kept.tag["old_id"]
        record, checks = conclude_tag(
            kept.reference,
            plan.images[-1].id,
            None if old is None else str(old),
            policy,
            by_digest=judgement.by_digest,
            registered=bool(kept.tag["registered"]),
        )
        rows += [*checks, record]
    return rows


def _read_again(facts: BlobFacts, graph: Graph | None, *, as_seed: bool, algorithm: str = "sha256") -> BlobFacts:
    """Measure kept bytes anew; where none were kept, the facts noted then must do."""
    path = None if graph is None or facts.evidence is None else graph.blobs.evidence(facts.evidence)
    if path is None:
        return facts
    meter = BlobMeter(facts.claimed)
    for chunk in fsops.chunks(path):
        meter.feed(chunk)
    matches, actual = identified(meter, lambda: fsops.chunks(path), as_seed=as_seed)
    looked_into = facts.measure is not None and matches
    return replace(
        facts,
        size=meter.size,
        actual=actual,
        matches=matches,
        measure=measure(fsops.chunks(path), algorithm=algorithm, as_seed=as_seed) if looked_into else None,
    )


def _images(report: Report) -> dict[str, _Kept]:
    """Sort a call's evidence by image, in order."""
    found: dict[str, _Kept] = {}
    current: _Kept | None = None
    for row in report.ledger.evidence(report.call):
        content = row.evidence.content
        if row.evidence.kind == evidence.MANIFEST and not content["below"]:
            current = found[row.stamp.image] = _Kept(evidence.to_reference(content), content)
        elif current is not None:
            _add(current, row)
        else:
            raise LedgerError("evidence without a manifest", where=report.call, actual=row.stamp.image)
    return found


def kept_references(report: Report) -> list[Reference]:
    """List the references whose manifests a call received, in order."""
    return [kept.reference for kept in _images(report).values()]


def _add(kept: _Kept, row: EvidenceRow) -> None:
    kind, content = row.evidence.kind, row.evidence.content
    if kind == evidence.IMAGE:
        image_id, stored = evidence.to_image(content)
        if stored is not None:
            kept.images[image_id] = stored
    elif kind == evidence.BLOB:
        facts, fetched = evidence.to_blob(content)
        kept.facts[facts.claimed] = facts
        if fetched:
            kept.fetched.add(facts.claimed)
    elif kind == evidence.TROUBLE:
        kept.troubled[content["digest"]] = content["message"]
        if content.get("missing"):
            kept.absent.add(content["digest"])
    elif kind == evidence.MANIFEST:
        kept.below[evidence.to_reference(content).asked] = content
    elif kind == evidence.DECISION:
        kept.chains.append(evidence.to_decision(content))
    elif kind == evidence.ROTTEN:
        kept.rotten[content["digest"]] = content["own"]
    elif kind == evidence.TAG:
        kept.tag = content


def _finish(scope: Session, pull: Pull) -> None:
    checks: list[Check] = scope.report.records(Check)
    refusal = first_refusal(checks)
    scope.image_id, scope.newer, scope.status = pull.image_id, pull.newer, pull.status
    if refusal is not None:
        scope.finish(refused(refusal), refusal_error(refusal))
    else:
        scope.finish(pull.outcome if pull.outcome != "rejected" else "accepted")
