"""Is this blob the layer the manifest names, and can it be used as one?

The rule of this file: it judges facts that a transfer gathered; it moves no bytes. The size and digest come first,
and a layer that failed them is not looked into.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.layers.measure import LayerMeasure
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobFacts:
    """What a transfer found out about one blob.

    ``missing`` is the source's word for having no such blob; ``broken_off`` is why the bytes ended early, if they
    did. ``actual`` is the digest of the bytes that came, ``evidence`` the name they are kept under.
    """

    claimed: str
    announced: int | None = None
    size: int | None = None
    actual: str | None = None
    matches: bool = False
    missing: str | None = None
    broken_off: str | None = None
    evidence: str | None = None
    measure: LayerMeasure | None = None


def verify_blob(facts: BlobFacts, policy: Policy, *, by_digest: bool) -> Verdict[LayerMeasure]:
    """Judge one blob.

    Parameters
    ----------
    facts : BlobFacts
    policy : Policy
    by_digest : bool
        Whether the image was asked for by digest.

    Returns
    -------
    Verdict of LayerMeasure
        Rows of the stage ``blob``.

    Notes
    -----
    Origin: ``v2Puller.download`` and ``graph.register`` of Docker 1.9. There every trouble on the wire surfaced as a
    checksum failure (weakness W5); here the reason stands in its own row.
    """
    rows = Rows(policy, by_digest=by_digest)
    subject = facts.claimed
    if facts.missing is not None:
        rows.failed("blob-present", subject, facts.missing, expected="the blob", actual="nothing")
        rows.skip_rest("blob", subject, "the source does not have the blob")
        return Verdict(None, rows.checks)
    rows.passed("blob-present", subject)
    _size_rule(facts, rows, undecided=not policy.is_seed)
    if facts.broken_off is not None and not policy.is_seed:
        rows.skip_rest("blob", subject, "the bytes did not all come")
        return Verdict(None, rows.checks)
    if not facts.matches:
        rows.failed(
            "blob-digest",
            subject,
            f"filesystem layer verification failed for digest {subject}",
            expected=subject,
            actual=facts.actual,
        )
        rows.skip_rest("blob", subject, "bytes of another digest are not looked into")
        return Verdict(None, rows.checks)
    rows.passed("blob-digest", subject, expected=subject, actual=facts.actual)
    if facts.measure is not None:
        _layer_rules(facts.measure, subject, rows)
    rows.skip_rest("blob", subject, "the layer was not looked into")
    return Verdict(facts.measure, rows.checks)


def _size_rule(facts: BlobFacts, rows: Rows, *, undecided: bool) -> None:
    if facts.broken_off is not None:
        text = f"the body ended early: {facts.broken_off}"
        rows.failed("blob-size", facts.claimed, text, expected=facts.announced, actual=facts.size, undecided=undecided)
    elif facts.announced is None:
        rows.skipped("blob-size", facts.claimed, "the source announced no size")
    elif facts.announced == facts.size:
        rows.passed("blob-size", facts.claimed, expected=facts.announced, actual=facts.size)
    else:
        text = f"{facts.announced} bytes were announced and {facts.size} came"
        rows.failed("blob-size", facts.claimed, text, expected=facts.announced, actual=facts.size)


def _layer_rules(layer: LayerMeasure, subject: str, rows: Rows) -> None:
    if layer.repeated is not None:
        path, size = layer.repeated
        text = f'ApplyLayer duplicates of file paths not supported stdout: {{"layerSize":{size}}}\n stderr: '
        rows.failed("layer-paths-unique", subject, text, expected="every path once", actual=path)
    elif layer.problem is None:
        rows.passed("layer-paths-unique", subject, actual=layer.members)
    else:
        rows.skipped("layer-paths-unique", subject, "the layer cannot be read to its end")
    if layer.problem is None:
        rows.passed("layer-readable", subject, actual=layer.diff_id)
        return
    reason = layer.problem.message
    text = reason if layer.compression is None else f"ApplyLayer exit status 1 stdout:  stderr: {reason}"
    rows.failed(
        "layer-readable",
        f"{subject}, {layer.problem.where}" if layer.problem.where else subject,
        text,
        expected=layer.problem.expected,
        actual=layer.problem.actual if layer.problem.actual is not None else reason,
    )
