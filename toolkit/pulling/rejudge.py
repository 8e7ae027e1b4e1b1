"""Take every decision of a ledger again, offline, from what was kept.

The rule of this file: no source and no clock. Bodies and blobs are read by the digests in the ledger; under the same
policy the frames come out equal, under another they tell what it would have said.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.graph.store import Graph
from toolkit.layers.measure import measure
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import EvidenceRow
from toolkit.pulling import evidence
from toolkit.pulling.conclusion import (
    conclude,
    conclude_tag,
    intact_rows,
    plan_rows,
    skipped_stages,
    standing_images,
)
from toolkit.pulling.report import Report
from toolkit.pulling.rows import layer_rows, strong_id_rows
from toolkit.pulling.session import Session, refused
from toolkit.pulling.transfer import identified
from toolkit.records import Check, Pull, Record
from toolkit.references import Reference
from toolkit.reuse.plan import plan_ids
from toolkit.reuse.stored_image import StoredImage
from toolkit.verification.blob import BlobFacts
from toolkit.verification.blob_meter import BlobMeter
from toolkit.verification.judgement import Judgement, judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import first_refusal, refusal_error


@dataclass(slots=True)
class _Kept:
    """The evidence of one image of a call."""

    reference: Reference
    manifest: dict[str, object]
    images: dict[str, StoredImage] = field(default_factory=dict)
    facts: dict[str, BlobFacts] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    troubled: set[str] = field(default_factory=set)
    rotten: dict[str, str] = field(default_factory=dict)
    tag: dict[str, object] | None = None


def rejudge(report: Report, *, policy: Policy | str | None = None) -> Report:
    """Take the decisions of one call again.

    Parameters
    ----------
    report : Report
        Of a call whose evidence is at hand: just made, or from ``Ledger.load`` with its graph.
    policy : Policy or str, optional
        The call's own when absent.

    Returns
    -------
    Report
        In a ledger of its own. Under the call's own policy the frames ``manifests``, ``signatures``, ``checks``,
        ``layers``, ``strong_ids`` and ``reuse`` are equal to the first ones.

    Raises
    ------
    LedgerError
        Something a decision rests on was not kept.
    """
    pull = report.pull
    rules = Policy.of(policy) if policy is not None else Policy(pull.policy, pull.accepted_rules.split())
    ledger = Ledger()
    scope = Session(pull.verb, pull.reference, pull.source, rules, ledger.open_call(), report.graph)
    for image, kept in _images(report).items():
        scope.call.image = image
        body = report.body(str(kept.manifest["body"]))
        scope.bodies[str(kept.manifest["body"])] = body
        judgement = judge_manifest(
            evidence.to_manifest(kept.manifest, body), kept.reference, rules, judge_all=pull.verb != "pull"
        )
        scope.digest = judgement.record.digest
        scope.call.note(*_decisions(judgement, kept, rules, pull.verb, report.graph))
    _finish(scope, pull)
    return scope.report


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
            judgement,
            plan.images[-1].id,
            None if old is None else str(old),
            policy,
            registered=bool(kept.tag["registered"]),
        )
        rows += [*checks, record]
    return rows


def _read_again(facts: BlobFacts, graph: Graph | None, *, as_seed: bool) -> BlobFacts:
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
        measure=measure(fsops.chunks(path)) if looked_into else None,
    )


def _images(report: Report) -> dict[str, _Kept]:
    """Sort a call's evidence by image, in order."""
    found: dict[str, _Kept] = {}
    for row in report.ledger.evidence(report.call):
        if row.evidence.kind == evidence.MANIFEST:
            content = row.evidence.content
            found[row.stamp.image] = _Kept(evidence.to_reference(content), content)
        elif row.stamp.image in found:
            _add(found[row.stamp.image], row)
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
        kept.troubled.add(content["digest"])
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
