"""Is this manifest what was asked for, and does it hold together?

The rule of this file: it judges one manifest, alone. The reading that goes on from here is Docker 1.9's under its
policy (the whole body, for a tag) and the signed payload's under ``strict``; both readings are always compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from toolkit.digests import SEED_ALGORITHMS, Digest, hash_matches, seed_algorithm, seed_digest_error, sha256
from toolkit.errors import GoJSONError, SeedPanicError
from toolkit.go_json.scan import go_quote
from toolkit.layers.tar_sum import version_of
from toolkit.manifests import schema1, strict_json
from toolkit.manifests.raw import RawManifest
from toolkit.manifests.schema1 import Schema1Manifest
from toolkit.manifests.signed_payload import SignedPayload, extract
from toolkit.records import Manifest, Signature
from toolkit.references import Reference
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows, Verdict
from toolkit.verification.wrapper import irregularity


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedManifest:
    """A manifest that was judged; made only here. ``manifest`` is the reading that goes on."""

    reference: Reference
    manifest: Schema1Manifest
    payload: SignedPayload


@dataclass(frozen=True, slots=True)
class ManifestVerdict(Verdict[VerifiedManifest]):
    """The verdict on a manifest, with its rows for the frames ``manifests`` and ``signatures``."""

    record: Manifest
    signatures: tuple[Signature, ...]


def verify_manifest(raw: RawManifest, reference: Reference, policy: Policy) -> ManifestVerdict:
    """Judge a manifest against the reference it was asked by.

    Parameters
    ----------
    raw : RawManifest
        The body as received and the claims of its headers.
    reference : Reference
        What was asked: a tag or a digest.
    policy : Policy

    Returns
    -------
    ManifestVerdict
        Rows of the stage ``manifest``; ``value`` is None only when nothing could be read.

    Notes
    -----
    Origin: ``verifyManifest`` and ``digestFromManifest`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    return _ManifestJudge(raw, reference, policy).verdict()


def names_digest(asked: str) -> bool:
    """Tell whether Docker 1.9 took a tag or digest for a digest to be verified."""
    return seed_digest_error(asked) is None


class _ManifestJudge:
    def __init__(self, raw: RawManifest, reference: Reference, policy: Policy) -> None:
        self.raw = raw
        self.reference = reference
        self.policy = policy
        self.by_digest = names_digest(reference.asked)
        self.rows = Rows(policy, by_digest=self.by_digest)
        self.subject = reference.asked
        self.signatures: tuple[Signature, ...] = ()
        self.payload: SignedPayload | None = None
        self.reading: Schema1Manifest | None = None

    def verdict(self) -> ManifestVerdict:
        value = self._judge()
        self.rows.skip_rest("manifest", self.subject, "the manifest could not be read that far")
        return ManifestVerdict(value, self.rows.checks, self._record(), self.signatures)

    def _judge(self) -> VerifiedManifest | None:
        try:
            text = schema1.first_value(self.raw.body)
            body = schema1.read(text)
        except GoJSONError as error:
            self._unreadable("the body", error)
            return None
        self.reading = body
        try:
            payload = extract(text)
        except SeedPanicError as error:
            self.rows.failed("seed-panic", error.where, error.message, expected=error.expected, actual=error.actual)
            return None
        self.rows.passed("seed-panic", self.subject)
        self.payload = payload
        self._signature_rules(payload)
        self._digest_rules(payload)
        signed = self._signed_reading(payload)
        reading = signed if self._reads_payload else body
        if reading is None:
            self._no_reading(payload)
            return None
        self.rows.passed("manifest-json", self.subject)
        self.reading = reading
        self._ambiguity(text, payload)
        self._unsigned_data(body, signed)
        self._shape_rules(reading)
        self._claim_rules(reading)
        self._header_rule(payload)
        return VerifiedManifest(reference=self.reference, manifest=reading, payload=payload)

    @property
    def _reads_payload(self) -> bool:
        """Docker 1.9 took the whole body for a tag; everybody else takes what is signed."""
        return self.by_digest or not self.policy.is_seed

    def _no_reading(self, payload: SignedPayload) -> None:
        reason = "the signed payload cannot be read"
        for rule in ("json-unambiguous", "unsigned-data", "signature-wrapper"):
            self.rows.skipped(rule, self.subject, reason)
        self._header_rule(payload)

    def _unreadable(self, what: str, error: GoJSONError) -> None:
        self.rows.failed("manifest-json", f"{what}, {error.where}", error.message, expected=error.expected, actual=error.actual)

    def _ambiguity(self, text: bytes, payload: SignedPayload) -> None:
        """Look for two readings of what is relied on; what stands outside the payload has rules of its own."""
        found = list(strict_json.complaints(payload.data)) + list(_around(self.raw.body, text))
        if found:
            self.rows.failed(
                "json-unambiguous",
                self.subject,
                found[0] if len(found) == 1 else f"{found[0]}; and {len(found) - 1} more",
                expected="one reading",
                actual="; ".join(found),
            )
        else:
            self.rows.passed("json-unambiguous", self.subject)

    def _signature_rules(self, payload: SignedPayload) -> None:
        from toolkit.verification.signatures import verify_signatures  # which loads a cryptographic library

        verdicts = verify_signatures(payload, trusted_keys=self.policy.trusted_keys)
        self.signatures = verdicts.rows
        rows, subject = self.rows, "signatures"
        kept_elsewhere = self.raw.made_from or self.raw.unsigned_because
        if payload.present:
            rows.passed("signature-present", subject, actual=len(verdicts.rows))
        elif self.raw.unverified:
            text = f"nothing in this image can be verified: {kept_elsewhere}"
            rows.failed("signature-present", subject, text, expected="at least one signature", actual="none")
        elif kept_elsewhere is not None:
            rows.skipped("signature-present", subject, f"the source keeps no signatures: {kept_elsewhere}")
        else:
            rows.failed(
                "signature-present",
                subject,
                "the manifest is not signed",
                expected="at least one signature",
                actual=payload.problem or "an empty list",
            )
        if payload.problem is not None and payload.present:
            rows.failed("signature-format", subject, payload.problem, expected="a block libtrust can read")
        elif payload.problem is not None or not payload.present:
            rows.skipped("signature-format", subject, "there is no signature")
        else:
            rows.passed("signature-format", subject)
        if payload.problem is not None or not payload.signatures:
            for rule in ("signature-valid", "signature-certificate"):
                rows.skipped(rule, subject, "there is no signature that can be read")
            return
        if verdicts.problem is None:
            rows.passed("signature-valid", subject, actual=verdicts.rows[0].key_id)
        else:
            rows.failed("signature-valid", subject, verdicts.problem, expected="every signature verifies")
        if not any(signature.certificates for signature in payload.signatures):
            rows.skipped("signature-certificate", subject, "no certificate came with the signatures")
        elif verdicts.certificate_problem is None:
            rows.passed("signature-certificate", subject)
        else:
            rows.failed("signature-certificate", subject, verdicts.certificate_problem)

    def _digest_rules(self, payload: SignedPayload) -> None:
        asked = self.reference.asked
        if not self.by_digest:
            if ":" in asked:
                problem = seed_digest_error(asked) or ""
                self.rows.failed("reference-digest", asked, problem, expected="a digest", actual=asked)
            else:
                self.rows.skipped("reference-digest", asked, "asked by tag")
            self.rows.skipped("manifest-digest", asked, "asked by tag: there is no digest to compare with")
            return
        self.rows.passed("reference-digest", asked)
        algorithm = seed_algorithm(asked)
        if algorithm not in SEED_ALGORITHMS and version_of(asked) is None:
            message = "string does not include a TarSum Version"
        elif hash_matches(asked, payload.data):
            self.rows.passed("manifest-digest", asked, expected=asked, actual=asked)
            return
        else:
            message = f"image verification failed for digest {asked}"
        self.rows.failed("manifest-digest", asked, message, expected=asked, actual=payload.digest)

    def _signed_reading(self, payload: SignedPayload) -> Schema1Manifest | None:
        try:
            return schema1.read(payload.data)
        except GoJSONError as error:
            if self._reads_payload:
                self._unreadable("the signed payload", error)
            return None

    def _shape_rules(self, reading: Schema1Manifest) -> None:
        rows, quoted = self.rows, go_quote(self.reference.asked)
        version, layers, history = reading.schema_version, len(reading.blob_sums), len(reading.history)
        if version == 1:
            rows.passed("schema-version", "schemaVersion", expected=1, actual=1)
        else:
            text = f"unsupported schema version {version} for tag {quoted}"
            rows.failed("schema-version", "schemaVersion", text, expected=1, actual=version)
            for rule in ("history-length", "layers-present"):
                rows.skipped(rule, "fsLayers", "the manifest is of another schema version")
            return
        if layers == history:
            rows.passed("history-length", "history", expected=layers, actual=history)
        else:
            text = f"length of history not equal to number of layers for tag {quoted}"
            rows.failed("history-length", "history", text, expected=layers, actual=history)
        if layers:
            rows.passed("layers-present", "fsLayers", actual=layers)
        else:
            rows.failed("layers-present", "fsLayers", f"no FSLayers in manifest for tag {quoted}", expected="1 or more", actual=0)

    def _claim_rules(self, reading: Schema1Manifest) -> None:
        reason = None if self.reference.has_name else "judged by digest alone, without a name"
        if self.raw.made_from is not None:
            reason = f"the manifest was put together from {self.raw.made_from}"
        if reason is not None:
            for rule in ("manifest-name", "manifest-tag"):
                self.rows.skipped(rule, self.subject, reason)
            return
        wanted = self.reference.repository.remote_name
        self._same("manifest-name", "name", wanted, reading.name)
        if self.reference.tag is None:
            self.rows.skipped("manifest-tag", "tag", "asked by digest: no tag to compare with")
        else:
            self._same("manifest-tag", "tag", self.reference.tag, reading.tag)

    def _same(self, rule: str, place: str, wanted: str, claimed: str) -> None:
        if wanted == claimed:
            self.rows.passed(rule, place, expected=wanted, actual=claimed)
        else:
            text = f"the manifest says its {place} is {go_quote(claimed)}, asked was {go_quote(wanted)}"
            self.rows.failed(rule, place, text, expected=wanted, actual=claimed)

    def _unsigned_data(self, body: Schema1Manifest, signed: Schema1Manifest | None) -> None:
        if self.payload is None or self.payload.problem is not None or not self.payload.present:
            for rule in ("unsigned-data", "signature-wrapper"):
                self.rows.skipped(rule, self.subject, "there is no signed payload to compare with")
            return
        differing = _differences(body, signed)
        if differing:
            self.rows.skipped("signature-wrapper", "signatures", "the rule unsigned-data tells what else stands there")
            self.rows.failed(
                "unsigned-data",
                ", ".join(differing),
                f"the body says something else than the signed payload in {', '.join(differing)}",
                expected=_shown(signed, differing[0]),
                actual=_shown(body, differing[0]),
            )
            return
        self.rows.passed("unsigned-data", self.subject)
        problem = irregularity(self.payload)
        if problem is None:
            self.rows.passed("signature-wrapper", "signatures")
        else:
            self.rows.failed("signature-wrapper", "signatures", problem, expected="as libtrust writes it", actual=problem)

    def _header_rule(self, payload: SignedPayload) -> None:
        claimed = self.raw.header_digest
        if not claimed:
            self.rows.skipped("header-digest", "Docker-Content-Digest", "the source sent no such header")
        elif payload.present and payload.problem is not None:
            self.rows.skipped("header-digest", "Docker-Content-Digest", "what is signed cannot be told")
        elif not Digest.is_exact(claimed):
            self.rows.skipped("header-digest", "Docker-Content-Digest", f"the header names no digest to compare: {claimed}")
        elif hash_matches(claimed, payload.data) or hash_matches(claimed, self.raw.body):
            self.rows.passed("header-digest", "Docker-Content-Digest", expected=payload.digest, actual=claimed)
        else:
            self.rows.failed(
                "header-digest",
                "Docker-Content-Digest",
                "the header names neither the payload nor the body",
                expected=payload.digest,
                actual=claimed,
            )

    def _record(self) -> Manifest:
        reading, payload = self.reading, self.payload
        own = payload.data if payload is not None else self.raw.body
        signed = payload is not None and payload.problem is None
        return Manifest(
            requested=self.reference.asked,
            body_digest=self.raw.body_digest,
            size=len(self.raw.body),
            digest=sha256(own),
            digest_basis="payload" if signed else ("body" if payload is not None else "none"),
            payload_size=len(own),
            header_digest=self.raw.header_digest,
            content_type=self.raw.content_type,
            accept=self.raw.accept,
            schema_version=None if reading is None else reading.schema_version,
            name=None if reading is None else reading.name,
            tag=None if reading is None else reading.tag,
            architecture=None if reading is None else reading.architecture,
            layers=None if reading is None else len(reading.blob_sums),
            history=None if reading is None else len(reading.history),
            signatures=len(payload.signatures) if payload is not None else 0,
            converted_from=self.raw.converted_from,
            made_from=self.raw.made_from,
            evidence=self.raw.body_digest,
        )


def _around(body: bytes, text: bytes) -> Iterator[str]:
    start = body.find(text)
    if body[:start]:
        yield f"{start} bytes before the manifest"
    rest = body[start + len(text) :]
    if rest not in (b"", b"\n"):
        yield f"{len(rest)} bytes after the manifest"


_FIELDS: Final = {
    "schemaVersion": "schema_version",
    "name": "name",
    "tag": "tag",
    "architecture": "architecture",
    "fsLayers": "blob_sums",
    "history": "history",
}


def _differences(body: Schema1Manifest, signed: Schema1Manifest | None) -> list[str]:
    if signed is None:
        return list(_FIELDS)
    return [name for name, attribute in _FIELDS.items() if getattr(body, attribute) != getattr(signed, attribute)]


def _shown(manifest: Schema1Manifest | None, name: str) -> object:
    return "nothing that can be read" if manifest is None else getattr(manifest, _FIELDS[name])
