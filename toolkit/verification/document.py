"""Is this image manifest or index what was asked for, and does it hold together?

The rule of this file: it judges one document, alone, from its bytes and what was claimed about them. What its
descriptors point at is judged when it is there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from toolkit.digests import Digest, hash_matches, sha256
from toolkit.errors import GoJSONError
from toolkit.manifests import strict_json
from toolkit.manifests.descriptor import Descriptor, Platform, read_object
from toolkit.manifests.document import Document, claimed_types, kind_of_document, kinds_by_keys, read_document
from toolkit.manifests.media_types import EMPTY_CONTENT, OCI_EMPTY, Kind, kind_of
from toolkit.manifests.raw import RawManifest
from toolkit.records import DocumentKind, Manifest
from toolkit.references import Reference
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows, Verdict

MOST_DESCRIPTORS: Final = 10_000
DEEPEST_INDEX: Final = 4
CONFIG_LIMIT: Final = 8 * 1024 * 1024

_DIGEST: Final = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):[a-zA-Z0-9=_-]+", re.ASCII)
_EXACT: Final = ("sha256", "sha512")
_VERSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a document was reached: the descriptor that names it, and the digests of the indexes above, root first."""

    descriptor: Descriptor | None = None
    above: tuple[str, ...] = ()

    def into(self, document: str, descriptor: Descriptor) -> Way:
        """The way to what a descriptor in a document names."""
        return Way(descriptor=descriptor, above=(*self.above, document))


@dataclass(frozen=True, slots=True)
class DocumentVerdict(Verdict[Document]):
    """The verdict on a document, with its row for the frame ``manifests``."""

    record: Manifest


def document_kind(raw: RawManifest, way: Way) -> Kind:
    """Tell which rules a body is to be judged by; a body that is no object is judged by what is claimed for it."""
    try:
        value: dict[str, Any] | None = read_object(raw.body)
    except (GoJSONError, ValueError):
        value = None
    return kind_of_document(value, raw, way.descriptor or raw.descriptor)


def verify_document(raw: RawManifest, reference: Reference, policy: Policy, way: Way) -> DocumentVerdict:
    """Judge an image manifest or an index.

    Parameters
    ----------
    raw : RawManifest
        The body as received and the claims of its headers.
    reference : Reference
        What was asked: a tag or a digest.
    policy : Policy
    way : Way
        The descriptor that led here, if one did.

    Returns
    -------
    DocumentVerdict
        Rows of the stage ``document``; ``value`` is None when nothing could be read.

    Notes
    -----
    Origin: OCI image-spec, manifest.md and image-index.md; contract 1, 3, 4, 5 and 20.
    """
    return _DocumentJudge(raw, reference, policy, way).verdict()


class _DocumentJudge:
    def __init__(self, raw: RawManifest, reference: Reference, policy: Policy, way: Way) -> None:
        self.raw = raw
        self.asked = reference.asked
        self.way = way
        self.named = way.descriptor or raw.descriptor
        self.by_digest = reference.digest is not None
        self.rows = Rows(policy, by_digest=self.by_digest)
        algorithm = self.asked.partition(":")[0]
        self.own = str(Digest.of(raw.body, algorithm)) if algorithm in _EXACT else sha256(raw.body)
        self.subject = reference.asked

    def verdict(self) -> DocumentVerdict:
        self._digest_rules()
        document = self._read()
        if document is not None:
            self._descriptor_rules(document)
        self.rows.skip_rest("document", self.subject, "the document could not be read that far")
        return DocumentVerdict(document, self.rows.checks, self._record(document))

    # -- the body as a whole -------------------------------------------------------------------------------------

    def _digest_rules(self) -> None:
        rows, asked = self.rows, self.asked
        if self.raw.made_from is not None:
            reason = f"the source has no manifests; this one was put together from {self.raw.made_from}"
            for rule in ("reference-digest", "manifest-digest", "header-digest", "descriptor-size"):
                rows.skipped(rule, asked, reason)
            return
        if self.by_digest:
            rows.passed("reference-digest", asked)
        else:
            rows.skipped("reference-digest", asked, "asked by tag")
        wanted = asked if self.by_digest else (None if self.named is None else self.named.digest)
        if wanted is None:
            rows.skipped("manifest-digest", asked, "asked by tag: there is no digest to compare with")
        elif hash_matches(wanted, self.raw.body):
            rows.passed("manifest-digest", asked, expected=wanted, actual=self.own)
        else:
            text = "the document is not the one that was asked for"
            rows.failed("manifest-digest", asked, text, expected=wanted, actual=self.own)
        self._header_rule()
        descriptor, size = self.named, len(self.raw.body)
        if descriptor is None:
            rows.skipped("descriptor-size", asked, "no descriptor led here")
        elif descriptor.size == size:
            rows.passed("descriptor-size", asked, expected=descriptor.size, actual=size)
        else:
            text = "the document has another size than its descriptor states"
            rows.failed("descriptor-size", asked, text, expected=descriptor.size, actual=size)

    def _header_rule(self) -> None:
        rows, claimed, place = self.rows, self.raw.header_digest, "Docker-Content-Digest"
        if not claimed:
            rows.skipped("header-digest", place, "the source sent no such header")
        elif not Digest.is_exact(claimed):
            rows.skipped("header-digest", place, f"the header names no digest that can be compared: {claimed}")
        elif hash_matches(claimed, self.raw.body):
            rows.passed("header-digest", place, expected=claimed, actual=claimed)
        else:
            expected = str(Digest.of(self.raw.body, claimed.partition(":")[0]))
            rows.failed("header-digest", place, "the header names another document", expected=expected, actual=claimed)

    def _read(self) -> Document | None:
        rows = self.rows
        try:
            value = read_object(self.raw.body)
        except GoJSONError as error:
            rows.failed("manifest-json", f"the body, {error.where}", error.message, expected=error.expected, actual=error.actual)
            return None
        except ValueError as error:
            rows.failed("manifest-json", "the body", "the body is not a JSON object", expected="an object", actual=str(error))
            return None
        rows.passed("manifest-json", self.subject)
        ambiguity(rows, self.raw.body, self.subject)
        kind = kind_of_document(value, self.raw, self.named)
        self._kind_rules(value, kind)
        document = read_document(value, kind)
        version = document.schema_version
        if version == _VERSION:
            rows.passed("schema-version", "schemaVersion", expected=_VERSION, actual=version)
        else:
            text = f"unsupported schema version {value.get('schemaVersion')!r}"
            rows.failed("schema-version", "schemaVersion", text, expected=_VERSION, actual=value.get("schemaVersion"))
        problems = [problem for problem in document.problems if problem.where != "schemaVersion"]
        for problem in problems:
            text = f"{problem.where} is not {problem.expected}"
            rows.failed("descriptors-readable", problem.where, text, expected=problem.expected, actual=problem.actual)
        if not problems:
            rows.passed("descriptors-readable", self.subject, actual=len(document.descriptors))
        return document

    def _kind_rules(self, value: dict[str, Any], kind: Kind) -> None:
        rows = self.rows
        kinds = kinds_by_keys(value)
        if len(kinds) > 1:
            text = f"the document is {' and '.join(sorted(kinds))} at once"
            rows.failed("manifest-one-kind", self.subject, text, expected="one kind", actual=", ".join(sorted(kinds)))
            rows.skipped("media-type-agrees", self.subject, "the rule manifest-one-kind tells what the members say")
            return
        rows.passed("manifest-one-kind", self.subject, actual=kind)
        if self.raw.made_from is not None:
            rows.skipped("media-type-agrees", self.subject, "the source has no manifests, and claims no media type")
            return
        claims = claimed_types(value, self.raw, self.named)
        misfit = {who: claim for who, claim in claims.items() if kind_of(claim) not in (None, kind)}
        shown = "; ".join(f"{who}: {claim}" for who, claim in claims.items())
        if len(set(claims.values())) > 1 or misfit:
            text = f"the media type is disputed: {shown}" if not misfit else f"the members are those of an {kind}; {shown}"
            rows.failed("media-type-agrees", self.subject, text, expected="one media type, of the document's kind", actual=shown)
        elif claims:
            rows.passed("media-type-agrees", self.subject, actual=shown)
        else:
            rows.skipped("media-type-agrees", self.subject, "nobody claims a media type")

    # -- what it points at ---------------------------------------------------------------------------------------

    def _descriptor_rules(self, document: Document) -> None:
        descriptors = document.descriptors
        self._limits(document)
        self._digests(descriptors[: MOST_DESCRIPTORS + 1])
        self._consistent(descriptors[: MOST_DESCRIPTORS + 1])
        self._cycle(document)
        self._each(
            "descriptor-data", [one for one in descriptors if one.data is not None], _data_problem, "no content is embedded"
        )
        empty = [one for one in descriptors if one.media_type == OCI_EMPTY]
        self._each("empty-content", empty, _empty_problem, "no descriptor is of the empty type")
        if document.kind != "image" or document.config is None or document.config.media_type != OCI_EMPTY:
            self.rows.skipped("artifact-type", self.subject, "the configuration is not empty")
        elif document.artifact_type:
            self.rows.passed("artifact-type", "artifactType", actual=document.artifact_type)
        else:
            text = "the configuration is empty and no artifactType says what this is"
            self.rows.failed("artifact-type", "artifactType", text, expected="a media type", actual="nothing")
        if document.kind != "index":
            self.rows.skipped("platform-available", self.subject, "not an index")

    def _limits(self, document: Document) -> None:
        count, depth = len(document.descriptors), len(self.way.above)
        config = 0 if document.config is None else document.config.size
        if count > MOST_DESCRIPTORS:
            found: tuple[object, object] | None = (f"at most {MOST_DESCRIPTORS} descriptors", count)
        elif document.kind == "index" and depth >= DEEPEST_INDEX:
            found = (f"indexes at most {DEEPEST_INDEX} deep", depth + 1)
        elif config > CONFIG_LIMIT:
            found = (f"a configuration of at most {CONFIG_LIMIT} bytes", config)
        else:
            found = None
        if found is None:
            self.rows.passed("descriptor-limits", self.subject, actual=count)
        else:
            text = f"{found[0]} are read; here: {found[1]}"
            self.rows.failed("descriptor-limits", self.subject, text, expected=found[0], actual=found[1], undecided=True)

    def _digests(self, descriptors: Iterable[Descriptor]) -> None:
        odd = [one for one in descriptors if not Digest.is_exact(one.digest)]
        for one in odd:
            match = _DIGEST.fullmatch(one.digest)
            unknown = match is not None and match[1] not in _EXACT
            text = "nobody here can verify content named like this" if unknown else "this is not a digest"
            expected = "sha256:<64 lower-case hex digits> or sha512:<128>"
            self.rows.failed("descriptor-digest", one.where, text, expected=expected, actual=one.digest, undecided=unknown)
        if not odd:
            self.rows.passed("descriptor-digest", self.subject)

    def _consistent(self, descriptors: Iterable[Descriptor]) -> None:
        seen: dict[str, Descriptor] = {}
        odd = False
        for one in descriptors:
            first = seen.setdefault(one.digest, one)
            if (first.size, first.media_type) != (one.size, one.media_type):
                odd = True
                text = f"{one.where} and {first.where} name one content in two ways"
                expected, actual = f"{first.size} bytes of {first.media_type}", f"{one.size} bytes of {one.media_type}"
                self.rows.failed("descriptor-consistent", one.where, text, expected=expected, actual=actual)
        if not odd:
            self.rows.passed("descriptor-consistent", self.subject)

    def _cycle(self, document: Document) -> None:
        above = {*self.way.above, self.own}
        back = [one for one in document.manifests if one.digest in above]
        for one in back:
            self.rows.failed("index-acyclic", one.where, "the index leads back to itself", actual=one.digest)
        if not back:
            self.rows.passed("index-acyclic", self.subject)

    def _each(self, rule: str, descriptors: list[Descriptor], problem_of: Any, otherwise: str) -> None:
        if not descriptors:
            self.rows.skipped(rule, self.subject, otherwise)
            return
        for one in descriptors:
            problem = problem_of(one)
            if problem is None:
                self.rows.passed(rule, one.where)
            else:
                self.rows.failed(rule, one.where, problem[0], expected=problem[1], actual=problem[2])

    def _record(self, document: Document | None) -> Manifest:
        config = None if document is None else document.config
        subject = None if document is None else document.subject
        kind: DocumentKind = document_kind(self.raw, self.way) if document is None else document.kind
        is_index = kind == "index"
        return Manifest(
            requested=self.asked,
            kind="artifact" if document is not None and kind == "image" and not document.is_image else kind,
            parent=self.way.above[-1] if self.way.above else None,
            body_digest=self.raw.body_digest,
            size=len(self.raw.body),
            digest=self.own,
            digest_basis="none" if self.raw.made_from is not None else "body",
            payload_size=len(self.raw.body),
            header_digest=self.raw.header_digest,
            content_type=self.raw.content_type,
            accept=self.raw.accept,
            media_type=None if document is None else document.media_type,
            schema_version=None if document is None else document.schema_version,
            layers=None if document is None or is_index else len(document.layers),
            signatures=0,
            manifests=len(document.manifests) if document is not None and is_index else None,
            config_digest=None if config is None else config.digest,
            artifact_type=None if document is None else document.artifact_type,
            subject=None if subject is None else subject.digest,
            made_from=self.raw.made_from,
            evidence=self.raw.body_digest,
        )


def ambiguity(rows: Rows, text: bytes, subject: str) -> None:
    """Ask whether every JSON reader sees the same text."""
    found = list(strict_json.complaints(text))
    if not found:
        rows.passed("json-unambiguous", subject)
        return
    message = found[0] if len(found) == 1 else f"{found[0]}; and {len(found) - 1} more"
    rows.failed("json-unambiguous", subject, message, expected="one reading", actual="; ".join(found))


def _data_problem(descriptor: Descriptor) -> tuple[str, object, object] | None:
    try:
        content = base64.b64decode(descriptor.data or "", validate=True)
    except (binascii.Error, ValueError) as error:
        return "the embedded content is not base64", "base64", str(error)
    if len(content) != descriptor.size:
        return "the embedded content has another size", descriptor.size, len(content)
    if Digest.is_exact(descriptor.digest) and not hash_matches(descriptor.digest, content):
        algorithm = descriptor.digest.partition(":")[0]
        return "the embedded content has another digest", descriptor.digest, str(Digest.of(content, algorithm))
    return None


def _empty_problem(descriptor: Descriptor) -> tuple[str, object, object] | None:
    if descriptor.size == len(EMPTY_CONTENT) and hash_matches(descriptor.digest, EMPTY_CONTENT):
        return None
    wanted = f"{sha256(EMPTY_CONTENT)}, {len(EMPTY_CONTENT)} bytes"
    return "the empty content is something else", wanted, f"{descriptor.digest}, {descriptor.size} bytes"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a manifest of an index is followed, and why."""

    descriptor: Descriptor
    followed: bool
    reason: str


def choose(document: Document, platform: Platform | None) -> list[Choice]:
    """Choose among the manifests of an index, in its order.

    Parameters
    ----------
    document : Document
        An index.
    platform : Platform or None
        None follows every manifest.

    Returns
    -------
    list of Choice
        One for each manifest; none is followed when the index has nothing for the platform.
    """
    found = _chosen(document.manifests, platform)
    return [Choice(one, index in found, _reason(one, index, found, platform)) for index, one in enumerate(document.manifests)]


def _chosen(manifests: tuple[Descriptor, ...], platform: Platform | None) -> list[int]:
    if platform is None:
        return list(range(len(manifests)))
    images = [index for index, one in enumerate(manifests) if one.attests is None]
    for index in images:
        offered = manifests[index].platform
        if offered is not None and offered.serves(platform):
            return [index]
    nameless = [index for index in images if manifests[index].platform is None]
    inner = [index for index in nameless if kind_of(manifests[index].media_type) == "index"]
    return inner[:1] or (nameless if len(nameless) == 1 else [])


def _reason(one: Descriptor, index: int, found: list[int], platform: Platform | None) -> str:
    if index in found:
        if platform is None:
            return "every manifest was asked for"
        return f"it is for {one.platform}" if one.platform is not None else "it names no platform, and nothing fits better"
    if one.attests is not None:
        return f"an attestation of {one.attests}"
    if one.platform is None:
        return "it names no platform"
    if platform is not None and one.platform.serves(platform):
        return f"for {one.platform}, as the one before it"
    return f"for {one.platform}; asked was {platform}"
