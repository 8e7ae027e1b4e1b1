"""Through today's documents: from an index to its manifests, to configurations, to layers.

The rule of this file: one story for ``pull``, ``inspect`` and ``rejudge``; only where the bytes come from differs.
After a rule refused, a pull goes no further and says of every later stage why; an audit goes on as far as it can.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from toolkit import records
from toolkit.digests import Digest
from toolkit.errors import NotFoundError, SourceError
from toolkit.identity.chain_id import chain_ids
from toolkit.manifests.config import Config
from toolkit.manifests.descriptor import Descriptor, Platform
from toolkit.manifests.document import Document
from toolkit.manifests.media_types import OCI_INDEX, OCI_MANIFEST, essence, is_foreign, is_layer, kind_of
from toolkit.manifests.raw import RawManifest
from toolkit.pulling.supply import Contents, Supply
from toolkit.pulling.wanted import Wanted
from toolkit.records import Check, Disposition, Layer, Record
from toolkit.references import Reference
from toolkit.verification.blob import BlobFacts
from toolkit.verification.content import skipped_content, verify_config, verify_content, verify_diff_ids
from toolkit.verification.document import CONFIG_LIMIT, DEEPEST_INDEX, Choice, DocumentVerdict, Way, choose, verify_document
from toolkit.verification.policy import Policy
from toolkit.verification.rules import Stage
from toolkit.verification.verdict import Rows, first_refusal, skipped_stage

_UNVERIFIABLE = "nobody here can verify content named like this"
_FOREIGN = "a foreign layer: a registry need not have it, and its URLs are not fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedImage:
    """One manifest that was walked to its end."""

    reference: Reference
    digest: str
    body_digest: str
    config_digest: str | None
    layers: tuple[tuple[str, str, str], ...] = ()
    """Chain ID, diff ID and blob digest of every layer that was read, base first."""
    fetched: tuple[str, ...] = ()
    """Digests of the layers that came from the source now."""


@dataclass(slots=True)
class Walked:
    """What a walk found: the first row that refuses, the first trouble with the source, and the images."""

    refusal: Check | None = None
    trouble: SourceError | None = None
    images: list[WalkedImage] = field(default_factory=list)
    root: str = ""
    media_type: str = OCI_MANIFEST

    @property
    def image_id(self) -> str:
        """What the image is called: its configuration's digest; the document's own for several, or for an artifact."""
        configs = [image.config_digest for image in self.images]
        return configs[0] if len(configs) == 1 and configs[0] is not None else self.root


class Walk:
    """A walk from one document down.

    Parameters
    ----------
    supply : Supply
    policy : Policy
    note : callable
        Takes records.
    focus : callable
        Told the reference whose rows come next.
    platform : Platform or None
        What is asked of an index; None for everything.
    judge_all : bool
        Go on after a refusal, for an audit.
    """

    def __init__(
        self,
        supply: Supply,
        policy: Policy,
        note: Callable[..., None],
        focus: Callable[[str], None],
        *,
        platform: Platform | None,
        judge_all: bool,
    ) -> None:
        self._supply = supply
        self._policy = policy
        self._note: Callable[..., None] = note
        self._focus = focus
        self._platform = platform
        self._judge_all = judge_all
        self._result = Walked()

    def run(self, raw: RawManifest, reference: Reference) -> Walked:
        """Walk from a document that was fetched; return what was found."""
        self._document(raw, reference, Way())
        return self._result

    # -- documents -----------------------------------------------------------------------------------------------

    def _document(self, raw: RawManifest, reference: Reference, way: Way) -> None:
        verdict = verify_document(raw, reference, self._policy, way)
        self._add(verdict.record, *verdict.checks)
        document = verdict.value
        if not self._result.root:
            self._result.root = verdict.record.digest
            self._result.media_type = _media_type(document, raw)
        stranger = way.descriptor is not None and any(
            check.rule == "manifest-digest" and check.refuses for check in verdict.checks
        )
        if document is None or stranger or not self._goes_on():
            self._note(*(() if document is None else _pointers(document, verdict.record.digest)))
            self._leave(reference, _why(self._result.refusal), document)
        elif document.kind == "index":
            self._index(document, verdict.record.digest, reference, way)
        else:
            self._image(document, verdict.record, reference, way, claims=raw.made_from is None)

    def _index(self, document: Document, digest: str, reference: Reference, way: Way) -> None:
        choices = choose(document, self._platform)
        self._note(*_pointers(document, digest), *_manifests(choices, digest))
        followed = [choice.descriptor for choice in choices if choice.followed]
        rows = Rows(self._policy, by_digest=reference.digest is not None)
        if followed or not document.manifests:
            rows.passed("platform-available", reference.asked, expected=self._platform or "all", actual=len(followed))
        else:
            offered = ", ".join(dict.fromkeys(str(one.platform or "no platform") for one in document.manifests))
            text = f"the index has nothing for {self._platform}"
            rows.failed("platform-available", reference.asked, text, expected=self._platform, actual=offered, undecided=True)
        self._add(*rows.checks)
        above = {*way.above, digest}
        for descriptor in followed:
            deep = len(way.above) >= DEEPEST_INDEX
            if not self._goes_on() or deep or descriptor.digest in above or not Digest.is_exact(descriptor.digest):
                continue
            self._child(reference.with_digest(descriptor.digest), way.into(digest, descriptor))

    def _child(self, reference: Reference, way: Way) -> None:
        if self._platform is None:
            self._focus(reference.text)
        try:
            raw = self._supply.manifest(reference)
        except NotFoundError as error:
            rows = Rows(self._policy, by_digest=True)
            rows.failed("blob-present", reference.asked, error.message, expected="the document", actual="nothing")
            rows.skip_rest("document", reference.asked, "the source does not have it")
            self._add(*rows.checks)
            self._leave(reference, "the source does not have the document", None)
        except SourceError as error:
            self._result.trouble = self._result.trouble or error
            self._leave(reference, "the source gave no answer about the document", None)
        else:
            self._document(raw, reference, way)

    # -- images --------------------------------------------------------------------------------------------------

    def _image(self, document: Document, record: records.Manifest, reference: Reference, way: Way, *, claims: bool) -> None:
        by_digest = reference.digest is not None
        is_image = document.is_image
        self._note(*_pointers(document, record.digest, followed=True, why="part of the image"))
        config = self._config(document, reference, way, is_image=is_image)
        wanted = _wanted(document.layers, config, is_image=is_image)
        if not self._goes_on():
            reason = _why(self._result.refusal)
            self._note(*_layers(document, config, Contents(), {}), *self._skipped(reference, reason, "layer", "diff"))
            return
        chain = [] if config is None or not config.diff_ids else chain_ids(config.diff_ids)
        found, decisions = self._supply.layers(list(wanted.values()), chain if len(wanted) == len(document.layers) else [])
        self._note(*decisions)
        measures = {}
        fates: dict[str, Disposition] = {}
        for position, descriptor in enumerate(document.layers):
            first = descriptor.digest not in fates
            checks = self._content(
                descriptor, found, by_digest=by_digest, is_layer=is_image and is_layer(descriptor.media_type), claims=claims
            )
            fate = _fate(descriptor, found, refused=first_refusal(checks) is not None)
            if first:
                fates[descriptor.digest] = fate
                self._add(*checks)
            facts = found.facts.get(descriptor.digest)
            if facts is not None and facts.measure is not None and facts.measure.problem is None and facts.matches:
                measures[position] = facts.measure
        if not document.layers:
            self._note(*self._skipped(reference, "there are no layers", "layer"))
        if is_image:
            diff = verify_diff_ids(document.layers, config, measures, self._policy, by_digest=by_digest)
            self._add(*diff.checks)
        else:
            self._note(*self._skipped(reference, "an artifact has no diff IDs", "diff"))
        self._note(*_layers(document, config, found, fates))
        own = [measures[index].diff_id or "" for index in range(len(measures)) if index in measures]
        whole = is_image and len(own) == len(document.layers)
        blobs = [descriptor.digest for descriptor in document.layers]
        self._result.images.append(
            WalkedImage(
                reference=reference,
                digest=record.digest,
                body_digest=record.body_digest,
                config_digest=record.config_digest if is_image else None,
                layers=tuple(zip(chain_ids(own), own, blobs, strict=True)) if whole else (),
                fetched=tuple(one for one, fate in fates.items() if fate == "downloaded"),
            )
        )

    def _config(self, document: Document, reference: Reference, way: Way, *, is_image: bool) -> Config | None:
        descriptor, by_digest = document.config, reference.digest is not None
        if descriptor is None:
            self._note(*self._skipped(reference, "the document names no configuration", "content", "config"))
            return None
        wanted = Wanted(descriptor.digest, size=descriptor.size, is_layer=False)
        readable = Digest.is_exact(descriptor.digest) and descriptor.size <= CONFIG_LIMIT
        found = self._supply.contents([wanted]) if readable else Contents()
        self._add(*self._content(descriptor, found, by_digest=by_digest, is_layer=False))
        facts = found.facts.get(descriptor.digest)
        body = self._supply.body(descriptor.digest) if facts is not None and facts.matches else None
        if not is_image:
            reason = f"not an image's configuration: {descriptor.media_type}"
            self._note(*self._skipped(reference, reason, "config"))
            return None
        reason = "" if body is not None else "the configuration is not there, or is not the one that is named"
        verdict = verify_config(body, document, self._policy, by_digest=by_digest, named=way.descriptor, reason=reason)
        self._add(*verdict.checks)
        return verdict.value

    def _content(
        self, descriptor: Descriptor, found: Contents, *, by_digest: bool, is_layer: bool, claims: bool = True
    ) -> tuple[Check, ...]:
        facts = found.facts.get(descriptor.digest)
        if facts is not None:
            return verify_content(facts, descriptor, self._policy, by_digest=by_digest, is_layer=is_layer, claims=claims).checks
        trouble = found.trouble.get(descriptor.digest)
        if trouble is not None:
            self._result.trouble = self._result.trouble or trouble
            reason = f"the source gave no answer about it: {trouble.message}"
        elif not Digest.is_exact(descriptor.digest):
            reason = _UNVERIFIABLE
        elif is_foreign(descriptor.media_type):
            reason = _FOREIGN
        else:
            reason = "it is larger than what is read"
        return skipped_content(descriptor, self._policy, reason, by_digest=by_digest, is_layer=is_layer).checks

    # -- bookkeeping ---------------------------------------------------------------------------------------------

    def _add(self, *rows: Record) -> None:
        self._note(*rows)
        self._result.refusal = self._result.refusal or first_refusal(row for row in rows if isinstance(row, Check))

    def _goes_on(self) -> bool:
        return self._judge_all or self._result.refusal is None

    def _leave(self, reference: Reference, reason: str, document: Document | None) -> None:
        self._note(*self._skipped(reference, reason, "config", "content", "layer", "diff"))
        if document is not None and document.kind == "image":
            self._note(*_layers(document, None, Contents(), {}))

    def _skipped(self, reference: Reference | None, reason: str, *stages: Stage, by_digest: bool = False) -> list[Check]:
        by_digest = by_digest or (reference is not None and reference.digest is not None)
        subject = "configuration" if reference is None else reference.asked
        return [row for stage in stages for row in skipped_stage(self._policy, stage, subject, reason, by_digest=by_digest)]


def judge_alone(raw: RawManifest, reference: Reference, policy: Policy, reason: str) -> tuple[DocumentVerdict, list[Record]]:
    """Judge a document one has in hand, and say of everything it points at why it was not asked.

    Returns
    -------
    verdict : DocumentVerdict
    rows : list of Record
        The rows of the call, those of the verdict among them.
    """
    verdict = verify_document(raw, reference, policy, Way())
    rows: list[Record] = [verdict.record, *verdict.checks]
    if verdict.value is not None:
        choices = [Choice(one, followed=False, reason=reason) for one in verdict.value.manifests]
        rows += _pointers(verdict.value, verdict.record.digest, why=reason)
        rows += _manifests(choices, verdict.record.digest)
        rows += _layers(verdict.value, None, Contents(), {})
    return verdict, [*rows, *_skipped(policy, reference, reason, "config", "content", "layer", "diff", "tag")]


def _skipped(policy: Policy, reference: Reference, reason: str, *stages: Stage) -> list[Check]:
    by_digest = reference.digest is not None
    return [row for stage in stages for row in skipped_stage(policy, stage, reference.asked, reason, by_digest=by_digest)]


def _wanted(layers: Sequence[Descriptor], config: Config | None, *, is_image: bool) -> dict[str, Wanted]:
    """What is fetched of the layers, base first; the algorithm of a diff ID is the configuration's.

    An artifact may call anything a layer, and many do: only an image's layers are read as tars.
    """
    diff_ids = () if config is None or config.diff_ids is None else config.diff_ids
    wanted: dict[str, Wanted] = {}
    for position, one in enumerate(layers):
        if is_foreign(one.media_type) or not Digest.is_exact(one.digest):
            continue
        claimed = diff_ids[position] if position < len(diff_ids) else ""
        algorithm = "sha512" if claimed.startswith("sha512:") else "sha256"
        looked_into = is_image and is_layer(one.media_type)
        wanted.setdefault(one.digest, Wanted(one.digest, size=one.size, is_layer=looked_into, algorithm=algorithm))
    return wanted


def _fate(descriptor: Descriptor, found: Contents, *, refused: bool) -> Disposition:
    if is_foreign(descriptor.media_type):
        return "foreign"
    if refused or descriptor.digest in found.trouble:
        return "failed"
    if descriptor.digest not in found.facts:
        return "not-needed"
    return "downloaded" if descriptor.digest in found.fetched else "present"


def _layers(document: Document, config: Config | None, found: Contents, fates: dict[str, Disposition]) -> list[Layer]:
    """Rows of ``layers``, base first: as many as the manifest has."""
    diff_ids = () if config is None or config.diff_ids is None else config.diff_ids
    steps = [] if config is None or len(config.steps) != len(document.layers) else config.steps
    own: list[str] = []
    rows = []
    seen: set[str] = set()
    for position, one in enumerate(document.layers):
        facts = found.facts.get(one.digest) or BlobFacts(claimed=one.digest)
        layer = facts.measure if facts.matches else None
        if layer is not None and layer.diff_id is not None and len(own) == position:
            own.append(layer.diff_id)
        fate = fates.get(one.digest, "foreign" if is_foreign(one.media_type) else "not-needed")
        rows.append(
            Layer(
                position=position,
                manifest_index=position,
                disposition="present" if fate == "downloaded" and one.digest in seen else fate,
                blob_digest=one.digest,
                actual_digest=facts.actual,
                claimed_size=one.size,
                size=facts.size,
                compression=None if layer is None else layer.compression,
                flavour=None if layer is None else layer.flavour or None,
                claimed_diff_id=diff_ids[position] if position < len(diff_ids) else None,
                diff_id=None if layer is None else layer.diff_id,
                chain_id=chain_ids(own)[-1] if len(own) == position + 1 else None,
                layer_size=None if layer is None or layer.problem is not None else layer.layer_size,
                media_type=one.media_type,
                evidence=facts.evidence,
                created_by=steps[position] if steps else None,
            )
        )
        seen.add(one.digest)
    return rows


def _pointers(
    document: Document, digest: str, *, followed: bool = False, why: str = "the document was not followed"
) -> list[records.Descriptor]:
    """Rows of ``descriptors`` for everything but the manifests of an index that was chosen from."""
    config = () if document.config is None else (document.config,)
    subject = () if document.subject is None else (document.subject,)
    foreign = [is_foreign(one.media_type) for one in document.layers]
    return [
        *(_row(one, digest, "config", 0, followed=followed, reason=why) for one in config),
        *(
            _row(one, digest, "layer", index, followed=followed and not away, reason=_FOREIGN if away else why)
            for index, (one, away) in enumerate(zip(document.layers, foreign, strict=True))
        ),
        *(_row(one, digest, "subject", 0, followed=False, reason="what this document is about") for one in subject),
    ]


def _manifests(choices: Sequence[Choice], digest: str) -> list[records.Descriptor]:
    return [
        _row(one.descriptor, digest, "manifest", index, followed=one.followed, reason=one.reason)
        for index, one in enumerate(choices)
    ]


def _row(
    one: Descriptor, document: str, role: records.DescriptorRole, index: int, *, followed: bool, reason: str
) -> records.Descriptor:
    return records.Descriptor(
        document=document,
        role=role,
        index=index,
        media_type=one.media_type,
        digest=one.digest,
        size=one.size,
        platform=None if one.platform is None else str(one.platform),
        artifact_type=one.artifact_type,
        attests=one.attests,
        urls=" ".join(one.urls) or None,
        annotations=json.dumps(one.annotations, sort_keys=True) if one.annotations else None,
        has_data=one.data is not None,
        followed=followed,
        reason=reason,
    )


def referrer_rows(document: Document, digest: str, way: str) -> list[records.Descriptor]:
    """Rows of ``descriptors`` for what refers to a manifest, and how that was found out."""
    return [_row(one, digest, "referrer", index, followed=False, reason=way) for index, one in enumerate(document.manifests)]


def _media_type(document: Document | None, raw: RawManifest) -> str:
    """What an index calls the document: its own word, the source's, or what its members are."""
    if document is None:
        return OCI_MANIFEST
    claims = [claim for claim in (document.media_type, raw.content_type) if kind_of(claim) == document.kind]
    return essence(claims[0] or "") if claims else (OCI_INDEX if document.kind == "index" else OCI_MANIFEST)


def _why(refusal: Check | None) -> str:
    return "the document cannot be read" if refusal is None else f"the rule {refusal.rule} refuses already"
