"""What a descriptor points at: is it there, is it the content that is named, can it be used as a layer?

The rule of this file: size and digest come first, and what failed them is not looked into. A layer's diff ID is
compared with its configuration in a rule of its own, over all layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.digests import Digest
from toolkit.errors import GoJSONError
from toolkit.layers.measure import LayerMeasure
from toolkit.manifests.config import Config, read_config
from toolkit.manifests.descriptor import Descriptor, read_object
from toolkit.manifests.document import Document
from toolkit.manifests.media_types import declared_compression, is_docker_layer
from toolkit.verification.blob import BlobFacts
from toolkit.verification.document import ambiguity
from toolkit.verification.policy import Policy
from toolkit.verification.rules import Stage
from toolkit.verification.verdict import Rows, Verdict


def verify_content(
    facts: BlobFacts, descriptor: Descriptor, policy: Policy, *, by_digest: bool, is_layer: bool, claims: bool = True
) -> Verdict[LayerMeasure]:
    """Judge the content of one descriptor from the facts a transfer gathered.

    Parameters
    ----------
    facts : BlobFacts
    descriptor : Descriptor
    policy : Policy
    by_digest : bool
        Whether the image was asked for by digest.
    is_layer : bool
        Whether it is a layer, to be read to its end.
    claims : bool
        False where the descriptor was put together by us, so that its size and digest claim nothing.

    Returns
    -------
    Verdict of LayerMeasure
        Rows of the stage ``layer`` or ``content``.
    """
    stage: Stage = "layer" if is_layer else "content"
    rows = Rows(policy, by_digest=by_digest)
    subject = descriptor.digest
    _identity_rules(rows, facts, descriptor, claims=claims)
    if facts.measure is not None and is_layer and facts.matches:
        _layer_rules(rows, facts.measure, descriptor)
    rows.skip_rest(stage, subject, _why_not(facts))
    return Verdict(facts.measure, rows.checks)


def _identity_rules(rows: Rows, facts: BlobFacts, descriptor: Descriptor, *, claims: bool) -> None:
    subject = descriptor.digest
    if facts.missing is not None:
        rows.failed("blob-present", subject, facts.missing, expected="the content", actual="nothing")
        return
    rows.passed("blob-present", subject)
    over = facts.size is not None and facts.size > descriptor.size
    if facts.broken_off is not None:
        text = f"the body ended early: {facts.broken_off}"
        rows.failed("blob-size", subject, text, expected=facts.announced, actual=facts.size, undecided=True)
        return
    if facts.announced is None:
        rows.skipped("blob-size", subject, "the source announced no size")
    elif facts.announced == facts.size or over:
        rows.passed("blob-size", subject, expected=facts.announced, actual=facts.announced)
    else:
        text = f"{facts.announced} bytes were announced and {facts.size} came"
        rows.failed("blob-size", subject, text, expected=facts.announced, actual=facts.size)
    if not claims:
        rows.skipped("descriptor-size", subject, "the source states no size")
    elif facts.size == descriptor.size:
        rows.passed("descriptor-size", subject, expected=descriptor.size, actual=facts.size)
    else:
        actual = f"more: reading stopped at {facts.size}" if over and not facts.matches else facts.size
        text = "the content has another size than its descriptor states"
        rows.failed("descriptor-size", subject, text, expected=descriptor.size, actual=actual)
        if not facts.matches:
            return
    if facts.matches:
        rows.passed("blob-digest", subject, expected=subject, actual=facts.actual)
    else:
        text = "the content is not the one that is named"
        rows.failed("blob-digest", subject, text, expected=subject, actual=facts.actual)


def _layer_rules(rows: Rows, layer: LayerMeasure, descriptor: Descriptor) -> None:
    subject = descriptor.digest
    declared = declared_compression(descriptor.media_type)
    if declared is None:
        rows.skipped("layer-compression", subject, f"the media type declares none: {descriptor.media_type}")
    elif layer.compression is None:
        rows.skipped("layer-compression", subject, "the layer is too short to tell")
    elif layer.compression == "none" and is_docker_layer(descriptor.media_type):
        rows.skipped("layer-compression", subject, "Docker's own format has no name for a layer that is not compressed")
    elif layer.compression == declared:
        rows.passed("layer-compression", subject, expected=declared, actual=layer.compression)
    else:
        text = f"declared is {declared}, the bytes are {layer.compression}"
        rows.failed("layer-compression", subject, text, expected=declared, actual=layer.compression)
    if layer.problem is not None:
        where = f"{subject}, {layer.problem.where}" if layer.problem.where else subject
        rows.failed("layer-readable", where, layer.problem.message, expected=layer.problem.expected, actual=layer.problem.actual)
        return
    rows.passed("layer-readable", subject, actual=layer.diff_id)
    if layer.trailing is None:
        rows.passed("layer-nothing-trailing", subject)
    else:
        text = f"bytes that are not zero follow the end of the archive, from byte {layer.trailing} of the tar on"
        rows.failed("layer-nothing-trailing", subject, text, expected="zeros to the end", actual=f"byte {layer.trailing}")


def _why_not(facts: BlobFacts) -> str:
    if facts.missing is not None:
        return "the source does not have it"
    if facts.broken_off is not None:
        return "the bytes did not all come"
    if not facts.matches:
        return "bytes other than those named are not looked into"
    if facts.measure is None:
        return "nobody looked into it"
    return "the layer cannot be read to its end"


def skipped_content(
    descriptor: Descriptor, policy: Policy, reason: str, *, by_digest: bool, is_layer: bool
) -> Verdict[LayerMeasure]:
    """Rows for content that was not fetched."""
    rows = Rows(policy, by_digest=by_digest)
    rows.skip_rest("layer" if is_layer else "content", descriptor.digest, reason)
    return Verdict(None, rows.checks)


def verify_config(
    body: bytes | None, document: Document, policy: Policy, *, by_digest: bool, named: Descriptor | None, reason: str = ""
) -> Verdict[Config]:
    """Judge an image's configuration against its manifest and the index that led there.

    Parameters
    ----------
    body : bytes or None
        The configuration, its digest verified; None when it cannot be had, for the ``reason``.
    document : Document
        The image manifest.
    policy : Policy
    by_digest : bool
    named : Descriptor or None
        The descriptor in the index, with its platform.

    Returns
    -------
    Verdict of Config
        Rows of the stage ``config``.

    Notes
    -----
    Origin: OCI image-spec, config.md.
    """
    rows = Rows(policy, by_digest=by_digest)
    subject = "" if document.config is None else document.config.digest
    config = None if body is None else _read_config(rows, body, subject)
    if config is not None:
        _config_rules(rows, config, document, named, subject)
    rows.skip_rest("config", subject, reason or "the configuration cannot be read that far")
    return Verdict(config, rows.checks)


def _read_config(rows: Rows, body: bytes, subject: str) -> Config | None:
    try:
        value = read_object(body)
    except GoJSONError as error:
        rows.failed("config-json", f"{subject}, {error.where}", error.message, expected="one JSON object", actual=error.actual)
        return None
    except ValueError as error:
        rows.failed("config-json", subject, "the configuration is not a JSON object", expected="an object", actual=str(error))
        return None
    rows.passed("config-json", subject)
    ambiguity(rows, body, subject)
    return read_config(value)


def _config_rules(rows: Rows, config: Config, document: Document, named: Descriptor | None, subject: str) -> None:
    layers = len(document.layers)
    for problem in config.problems:
        text = f"{problem.where} is not {problem.expected}"
        rows.failed("diff-ids-listed", f"{subject}, {problem.where}", text, expected=problem.expected, actual=problem.actual)
    if config.rootfs_type not in (None, "layers"):
        text = f"rootfs.type is {config.rootfs_type!r}"
        rows.failed("diff-ids-listed", f"{subject}, rootfs.type", text, expected="layers", actual=config.rootfs_type)
    for index, diff_id in enumerate(config.diff_ids or ()):
        if not Digest.is_exact(diff_id):
            where = f"{subject}, rootfs.diff_ids[{index}]"
            rows.failed("diff-ids-listed", where, "this is not a digest", expected="an exact digest", actual=diff_id)
    if not rows.asked("diff-ids-listed"):
        rows.passed("diff-ids-listed", subject, actual=len(config.diff_ids or ()))
    if document.problems:
        for rule in ("diff-id-count", "history-aligned"):
            rows.skipped(rule, subject, "not every descriptor of the manifest can be read")
    else:
        _count_rules(rows, config, layers, subject)
    offered = None if named is None else named.platform
    if offered is None or not offered.is_known:
        rows.skipped("platform-agrees", subject, "no index names a platform for this image")
        return
    own = config.platform
    same = (offered.os, offered.architecture) == (own.os, own.architecture)
    if same and (not offered.variant or not own.variant or offered.variant == own.variant):
        rows.passed("platform-agrees", subject, expected=offered, actual=own)
    else:
        text = f"the index says {offered}, the configuration says {own}"
        rows.failed("platform-agrees", subject, text, expected=offered, actual=own)


def _count_rules(rows: Rows, config: Config, layers: int, subject: str) -> None:
    if config.diff_ids is not None:
        _same_count(rows, "diff-id-count", subject, layers, len(config.diff_ids), "diff IDs")
    if config.history is None:
        rows.skipped("history-aligned", subject, "the configuration has no history")
    else:
        _same_count(rows, "history-aligned", subject, layers, len(config.steps), "history entries with a layer")


def _same_count(rows: Rows, rule: str, subject: str, layers: int, found: int, what: str) -> None:
    if layers == found:
        rows.passed(rule, subject, expected=layers, actual=found)
    else:
        rows.failed(rule, subject, f"{found} {what} for {layers} layers", expected=layers, actual=found)


def verify_diff_ids(
    layers: Sequence[Descriptor],
    config: Config | None,
    measures: Mapping[int, LayerMeasure],
    policy: Policy,
    *,
    by_digest: bool,
) -> Verdict[None]:
    """Compare the diff IDs of layers that were read to their end with those of the configuration.

    Parameters
    ----------
    layers : sequence of Descriptor
        Base first.
    config : Config or None
    measures : mapping of int to LayerMeasure
        By position; what is not there was not read to its end.
    policy : Policy
    by_digest : bool

    Returns
    -------
    Verdict
        Rows of the stage ``diff``.

    Notes
    -----
    Origin: OCI image-spec, config.md, "Layer DiffID".
    """
    rows = Rows(policy, by_digest=by_digest)
    claimed = () if config is None or config.diff_ids is None else config.diff_ids
    own = [measures[index].diff_id if index in measures else None for index in range(len(layers))]
    if len(claimed) != len(layers):
        reason = "the configuration cannot be read" if config is None else "layers and diff IDs are not as many"
        rows.skip_rest("diff", "rootfs.diff_ids", reason)
        return Verdict(None, rows.checks)
    moved = None not in own and list(claimed) != own and sorted(claimed) == sorted(one or "" for one in own)
    for index, (layer, wanted, actual) in enumerate(zip(layers, claimed, own, strict=True)):
        subject = f"rootfs.diff_ids[{index}], {layer.digest}"
        if actual is None:
            rows.skipped("diff-id", subject, "the layer was not read to its end")
        elif actual == wanted:
            rows.passed("diff-id", subject, expected=wanted, actual=actual)
        elif moved:
            rows.skipped("diff-id", subject, "the rule diff-id-order tells that the diff IDs stand in another order")
        else:
            text = "the layer decompresses to something else than the configuration names"
            rows.failed("diff-id", subject, text, expected=wanted, actual=actual)
    if moved:
        text = "the configuration names the diff IDs of these layers in another order"
        rows.failed(
            "diff-id-order", "rootfs.diff_ids", text, expected=", ".join(claimed), actual=", ".join(one or "" for one in own)
        )
    elif None in own:
        rows.skipped("diff-id-order", "rootfs.diff_ids", "not every layer was read to its end")
    else:
        rows.passed("diff-id-order", "rootfs.diff_ids")
    rows.skip_rest("diff", "rootfs.diff_ids", "there are no layers")
    return Verdict(None, rows.checks)
