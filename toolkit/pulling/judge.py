"""Judge a manifest one has in hand: no registry, no blob, no graph.

The rule of this file: the same rules and rows as in ``pull``, as far as a manifest alone can tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from toolkit.digests import seed_digest_error
from toolkit.ledger.ledger import Ledger
from toolkit.manifests.raw import RawManifest
from toolkit.pulling import evidence
from toolkit.pulling.conclusion import skipped_stages
from toolkit.pulling.report import Report
from toolkit.pulling.rows import layer_rows, strong_id_rows
from toolkit.pulling.session import Session, refused, session
from toolkit.pulling.walk import judge_alone
from toolkit.references import Reference
from toolkit.verification.document import Way, document_kind
from toolkit.verification.judgement import judge_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import refusal_error

_BARE_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REASON: Final = "a manifest alone was judged"


def judge(
    raw: bytes | RawManifest,
    reference: str,
    policy: Policy | str = "strict",
    *,
    accept: Collection[str] = (),
    ledger: Ledger | None = None,
) -> Report:
    """Judge a manifest: its document, signatures, layer chain and strong IDs.

    Parameters
    ----------
    raw : bytes or RawManifest
        The body as it was received.
    reference : str
        What it was asked by: ``name:tag``, ``name@digest``, or a digest alone (then its name is not judged).
    policy : Policy or str
    accept : collection of str
        Rules excepted by name.
    ledger : Ledger, optional

    Returns
    -------
    Report
        ``checks``, ``manifests``, ``signatures``, ``layers`` and ``strong_ids``; ``outcome`` and ``error``. Never
        raises for a finding.

    Raises
    ------
    ReferenceSyntaxError
        The reference is none.

    Examples
    --------
    >>> report = judge(b"{}", "busybox:1.24")
    >>> report.outcome, report.error["code"]
    ('rejected', 'signature-present')
    """
    rules = Policy(Policy.of(policy).name, {*Policy.of(policy).accept, *accept}, Policy.of(policy).trusted_keys)
    asked = _reference(reference, rules)
    manifest = raw if isinstance(raw, RawManifest) else RawManifest(body=bytes(raw))
    with session("judge", reference, "bytes in hand", rules, Ledger.of(ledger), None) as scope:
        if not rules.is_seed and document_kind(manifest, Way()) != "schema1":
            return _document(scope, manifest, asked, rules)
        judgement = judge_manifest(manifest, asked, rules, judge_all=True)
        scope.bodies[manifest.body_digest] = manifest.body
        scope.digest = judgement.record.digest
        scope.call.note(
            evidence.of_manifest(manifest, asked, seed_grammar=rules.is_seed),
            judgement.record,
            *judgement.signatures,
            *judgement.checks,
            *skipped_stages(judgement, rules, _REASON, "graph", "blob", "tag"),
            *strong_id_rows(judgement.images or (), {}),
            *layer_rows(judgement, {}, {}, {}),
        )
        if judgement.images is not None:
            scope.image_id = judgement.images[-1].hex
        refusal = judgement.refusal
        if refusal is None:
            scope.finish("accepted")
        else:
            scope.finish(refused(refusal), refusal_error(refusal))
        return scope.report


def _document(scope: Session, raw: RawManifest, asked: Reference, policy: Policy) -> Report:
    scope.bodies[raw.body_digest] = raw.body
    scope.call.note(evidence.of_manifest(raw, asked, seed_grammar=False))
    verdict, rows = judge_alone(raw, asked, policy, _REASON)
    scope.call.note(*rows)
    scope.digest = verdict.record.digest
    if verdict.refusal is None:
        scope.finish("accepted")
    else:
        scope.finish(refused(verdict.refusal), refusal_error(verdict.refusal))
    return scope.report


def _reference(text: str, policy: Policy) -> Reference:
    if seed_digest_error(text) is None or _BARE_HEX.fullmatch(text):
        return Reference.bare(text)
    return Reference.parse(text, seed_grammar=policy.is_seed)
