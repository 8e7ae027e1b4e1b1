"""The data dictionary: one frozen dataclass for each table, one field for each column.

The rule of this room: a column exists because it is declared here, with its meaning and unit. Frames, JSON Lines and
``data/README.md`` are made from these declarations; nothing else names a column's type.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

PolicyName = Literal["strict", "docker-1.9"]
Verb = Literal["pull", "inspect", "judge", "verify", "recover", "purge"]
PullOutcome = Literal["running", "accepted", "rejected", "undecided", "aborted"]
CheckOutcome = Literal["passed", "failed", "skipped"]
DigestBasis = Literal["payload", "body", "none"]
"""none: there was nothing to take it over, or the source has no manifests and one was made for it."""
SignatureStatus = Literal["absent", "malformed", "bad", "valid-self-asserted", "valid-trusted"]
Disposition = Literal["downloaded", "present", "duplicate-removed", "failed", "foreign", "not-needed"]
DocumentKind = Literal["schema1", "image", "artifact", "index"]
DescriptorRole = Literal["config", "layer", "manifest", "subject", "referrer"]
Derivation = Literal["raw", "re-marshalled", "none"]
CandidateKind = Literal["strong", "compatibility", "permuted", "chain"]
ReuseOutcome = Literal["kept", "reused", "invalid", "missing", "free", "not-considered"]
TlsUse = Literal["none", "unverified", "verified"]
EndpointOutcome = Literal["used", "failed", "left"]
"""left: it answered, and what it answered let the next one be tried."""
TagKind = Literal["tag", "digest"]
HoldingKind = Literal["blob", "manifest", "image", "chain", "reference", "quarantined", "partial", "leftover", "ledger"]
HoldingOutcome = Literal["intact", "rotten", "absent", "unknown"]
"""unknown: what it would have to be compared with was not kept."""
HoldingDisposition = Literal["left", "quarantined", "resumable", "discarded", "rebuilt", "purged"]
FileType = Literal["file", "hardlink", "symlink", "character", "block", "directory", "fifo", "pax-global", "other"]
"""What a header in a tar says it is; a sparse file is a file, a global PAX header is no member of the tree."""
WhiteoutKind = Literal["none", "file", "opaque", "metadata"]
"""metadata: what aufs kept for itself, which hides nothing and is no file."""
JoinKind = Literal["pull", "layer"]
JoinOutcome = Literal["found", "taken-over"]


def column(meaning: str, *, unit: str = "", default: Any = dataclasses.MISSING) -> Any:
    """Declare a column: its meaning in one phrase and, where it has one, its unit."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, "unit": unit})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One row per call: what was asked, under which policy, and how it ended."""

    TABLE: ClassVar[str] = "pulls"

    verb: Verb = column("what was called")
    reference: str = column("the reference as the user wrote it")
    source: str = column("where the bytes came from; a URL without credentials, or a path")
    policy: PolicyName = column("the policy that decided")
    platform: str | None = column("the platform asked of an index; all for every one", default=None)
    accepted_rules: str = column("rules excepted by name, separated by blanks")
    outcome: PullOutcome = column("how it ended; undecided when nobody could say")
    error_code: str | None = column("stable name of the error", default=None)
    error_text: str | None = column("the error's first sentence", default=None)
    status: str | None = column("the sentence Docker 1.9 printed at the end", default=None)
    digest: str | None = column("the manifest's digest", default=None)
    image_id: str | None = column("ID of the top image; sha256 of the configuration for today's formats", default=None)
    newer: bool | None = column("whether the graph now holds something it did not", default=None)
    tool_version: str = column("version of this package")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row per endpoint tried, in order."""

    TABLE: ClassVar[str] = "endpoints"

    url: str = column("the endpoint")
    version: str = column("protocol version")
    mirror: bool = column("whether it is a mirror")
    tls: TlsUse = column("whether the connection is encrypted and its certificate checked")
    outcome: EndpointOutcome = column("used; failed; or left, because of what it answered, for the next one")
    fallback: bool = column("whether a failure here lets the next endpoint be tried")
    reason: str = column("why it failed; empty when used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row per HTTP exchange, redirects and token requests included."""

    TABLE: ClassVar[str] = "requests"

    method: str = column("HTTP method")
    url: str = column("URL without user, password and with unknown query values hidden")
    accept: str | None = column("the Accept header that was sent", default=None)
    range: str | None = column("the Range header that was sent, when a download went on", default=None)
    authorized: bool = column("whether an Authorization header was sent")
    status: int | None = column("HTTP status; missing when no answer came", default=None)
    received: int = column("bytes of body received", unit="B")
    seconds: float = column("time from the request to the last byte", unit="s")
    attempt: int = column("1 for the first try")
    content_type: str | None = column("the answer's Content-Type", default=None)
    content_length: str | None = column("the answer's Content-Length, as text", default=None)
    content_digest: str | None = column("the answer's Docker-Content-Digest", default=None)
    retry_after: str | None = column("the answer's Retry-After, as text", default=None)
    rate_limit: str | None = column("the answer's RateLimit-Limit, as text", default=None)
    rate_remaining: str | None = column("the answer's RateLimit-Remaining, as text", default=None)
    error: str | None = column("why no whole answer came", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """One row per piece of work somebody else was at already: it was waited for, then looked at anew."""

    TABLE: ClassVar[str] = "joins"

    kind: JoinKind = column("what was joined")
    subject: str = column("the reference that was pulled, or the digest of the layer")
    owner: str = column("whose work it was")
    waited: float = column("time spent waiting", unit="s")
    outcome: JoinOutcome = column("found: the bytes were there and are right; taken-over: they were not, so we fetched them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One row per manifest received: what it claims and what it hashes to."""

    TABLE: ClassVar[str] = "manifests"

    requested: str = column("the tag or digest asked of the source")
    kind: DocumentKind = column("what the document is", default="schema1")
    parent: str | None = column("digest of the index that led here", default=None)
    body_digest: str = column("sha256 of the body as received")
    size: int = column("size of the body", unit="B")
    digest: str = column("the manifest's own digest, over the signed payload where there is one")
    digest_basis: DigestBasis = column("the bytes `digest` was taken over")
    payload_size: int = column("size of those bytes", unit="B")
    header_digest: str | None = column("what the registry's header claims", default=None)
    content_type: str | None = column("media type claimed by the header", default=None)
    accept: str | None = column("media types that were asked for", default=None)
    media_type: str | None = column("media type claimed by the body", default=None)
    schema_version: int | None = column("schemaVersion as read", default=None)
    name: str | None = column("repository name as read from the manifest", default=None)
    tag: str | None = column("tag as read from the manifest", default=None)
    architecture: str | None = column("architecture as read from the manifest", default=None)
    layers: int | None = column("number of fsLayers or layers", default=None)
    history: int | None = column("number of history entries", default=None)
    signatures: int = column("number of signatures")
    manifests: int | None = column("number of manifests in an index", default=None)
    config_digest: str | None = column("digest of the configuration, as claimed", default=None)
    artifact_type: str | None = column("artifactType as read", default=None)
    subject: str | None = column("digest of the manifest this one is about", default=None)
    converted_from: str | None = column(
        "digest the registry claims for the tag's own document, where it made this one of it", default=None
    )
    made_from: str | None = column("the file a manifest was put together from, where the source has none", default=None)
    evidence: str = column("digest under which the body is kept; blobs/ or quarantine/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One row per descriptor of a manifest or index: what it claims, and whether it was followed."""

    TABLE: ClassVar[str] = "descriptors"

    document: str = column("digest of the document it stands in")
    role: DescriptorRole = column("what it points at")
    index: int = column("place among the descriptors of that role, from 0")
    media_type: str = column("media type claimed")
    digest: str = column("digest claimed")
    size: int = column("size claimed", unit="B")
    platform: str | None = column("platform claimed: os/architecture/variant", default=None)
    artifact_type: str | None = column("artifactType claimed", default=None)
    attests: str | None = column("digest of the image an attestation manifest is about", default=None)
    urls: str | None = column("further places claimed, separated by blanks; never fetched", default=None)
    annotations: str | None = column("annotations, as JSON", default=None)
    has_data: bool = column("whether the content is embedded")
    followed: bool = column("whether the content was looked at")
    reason: str = column("why, or why not")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One row per signature of a manifest; one row with status absent when there is none."""

    TABLE: ClassVar[str] = "signatures"

    index: int = column("position in the manifest's list, from 0")
    status: SignatureStatus = column("self-asserted: the key came with the manifest; trusted: the user named the key")
    algorithm: str | None = column("algorithm claimed by the header", default=None)
    key_id: str | None = column("libtrust ID computed from the key", default=None)
    claimed_key_id: str | None = column("the kid member of the key", default=None)
    key_source: str | None = column("jwk or x5c", default=None)
    signed_at: str | None = column("time claimed by the protected header, as text", default=None)
    reason: str = column("why it is malformed or bad; empty when valid", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row per rule evaluated on one subject; a failed row is a finding."""

    TABLE: ClassVar[str] = "checks"

    rule: str = column("slug of the rule")
    subject: str = column("what was judged: a path in the manifest, a digest, an ID")
    outcome: CheckOutcome = column("passed, failed, or skipped because it could not be asked")
    enforced: bool = column("whether a failure refuses under the policy")
    excepted: bool = column("whether the user took the rule out by name")
    expected: str | None = column("what the rule wants to see", default=None)
    actual: str | None = column("what was there", default=None)
    message: str = column("Docker 1.9's own words where it had some, ours otherwise; the reason when skipped", default="")
    undecided: bool = column("the failure says that nobody can tell, not that something is wrong", default=False)

    @property
    def refuses(self) -> bool:
        """Whether this row alone keeps the image out."""
        return self.outcome == "failed" and self.enforced


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One row per layer slot of a manifest, whatever became of it."""

    TABLE: ClassVar[str] = "layers"

    position: int = column("0 is the base")
    manifest_index: int = column("place in the manifest's own order; schema1 has the top first")
    disposition: Disposition = column("what became of the slot")
    blob_digest: str = column("digest claimed by the manifest")
    actual_digest: str | None = column("digest of the bytes received or found", default=None)
    claimed_size: int | None = column("size in the descriptor, or announced by the source", unit="B", default=None)
    size: int | None = column("size of the bytes received or found", unit="B", default=None)
    compression: str | None = column("how the bytes are compressed", default=None)
    flavour: str | None = column("estargz or zstd:chunked, where the bytes say so", default=None)
    claimed_diff_id: str | None = column("diff ID in the configuration", default=None)
    diff_id: str | None = column("digest of the uncompressed tar, sha256 unless the configuration uses another", default=None)
    chain_id: str | None = column("OCI chain ID up to this layer", default=None)
    layer_size: int | None = column("sum of the sizes in the tar headers, Docker 1.9's layersize", unit="B", default=None)
    compatibility_id: str | None = column("the id of the history entry", default=None)
    image_id: str | None = column("the ID the image ended up with", default=None)
    media_type: str | None = column("media type claimed for the layer", default=None)
    evidence: str | None = column("digest under which the bytes are kept", default=None)
    created_by: str | None = column("command that made the layer, from the history", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongID:
    """One row per image of the chain, base first: its names and the bytes they come from."""

    TABLE: ClassVar[str] = "strong_ids"

    position: int = column("0 is the base; the slot in `layers` whose entry was kept")
    compatibility_id: str = column("ID the manifest gives")
    compatibility_parent: str | None = column("parent the manifest gives", default=None)
    strong_id: str | None = column("sha256:<hex> of the configuration bytes", default=None)
    strong_parent: str | None = column("strong ID of the next lower image", default=None)
    final_id: str | None = column("ID in the graph", default=None)
    final_parent: str | None = column("parent's ID in the graph; empty when Docker 1.9 leaves it out", default=None)
    derivation: Derivation = column("whether the text was kept or read and written back")
    layer_digest: str = column("digest of the layer's blob")
    config: bytes = column("the configuration bytes that are hashed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """One row per ID considered for an image, in the order they were considered."""

    TABLE: ClassVar[str] = "reuse"

    position: int = column("0 is the base")
    strong_id: str | None = column("strong ID of the image that needs a name; empty for a chain ID", default=None)
    candidate: str = column("ID considered")
    kind: CandidateKind = column("where the candidate comes from")
    round: int = column("0, or how many times the ID was hashed again")
    found: bool = column("whether the graph holds an image under it")
    outcome: ReuseOutcome = column("kept or reused: this is the ID; free: nothing there, so this is the ID")
    reason: str = column("Docker 1.9's words for a candidate that was not taken; empty otherwise", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One row per tag or digest reference set in the graph."""

    TABLE: ClassVar[str] = "tags"

    name: str = column("repository's name in the graph")
    reference: str = column("tag or digest")
    kind: TagKind = column("which of the two")
    old_id: str | None = column("image it named before", default=None)
    new_id: str = column("image it names now")
    newer: bool = column("what the pull reports as newer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One row per comparison of something a graph holds with what it should be, or per thing removed or put right."""

    TABLE: ClassVar[str] = "holdings"

    kind: HoldingKind = column("what it is")
    subject: str = column("its digest, ID, reference or file name")
    path: str = column("where it lies, below the root of the graph")
    compared: str = column("what was compared, e.g. digest, size, strong-id, diff-id, chain-id, parent, link, line")
    expected: str | None = column("what it should be", default=None)
    actual: str | None = column("what it is", default=None)
    outcome: HoldingOutcome = column("how the comparison ended")
    disposition: HoldingDisposition = column("what became of it")
    size: int | None = column("its size", unit="B", default=None)
    reason: str = column("why, in a sentence; given by the user for what was purged", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One row per header in the tar of a layer, none left out: what it says, what it hashes to, and what hides it."""

    TABLE: ClassVar[str] = "files"

    position: int = column("the layer; 0 is the base")
    blob_digest: str = column("digest of the layer's blob")
    diff_id: str | None = column("digest of the layer's tar; missing when it cannot be read to its end", default=None)
    index: int = column("order within the layer, from 0")
    path: str = column("where the name goes, below the root; a dot for the root itself")
    name: str = column("the name as it stands in the header")
    raw_name: str | None = column("its bytes in hex, where they are no UTF-8", default=None)
    type: FileType = column("what the header says it is")
    mode: int | None = column("permission bits; missing where the field holds no number", default=None)
    uid: int | None = column("owner's number", default=None)
    gid: int | None = column("group's number", default=None)
    uname: str = column("owner's name; may be empty")
    gname: str = column("group's name; may be empty")
    stored: int = column("bytes of content in the tar", unit="B")
    size: int = column("size a reader sees: the holes of a sparse file count", unit="B")
    mtime: int | None = column("time of change, seconds since 1970, rounded down", unit="s", default=None)
    mtime_text: str | None = column("the same as text, where a PAX record gives fractions or cannot be read", default=None)
    link: str | None = column("target of a hard or symbolic link", default=None)
    device_major: int | None = column("number of a device", default=None)
    device_minor: int | None = column("number of a device", default=None)
    sha256: str | None = column("64 hex digits over a regular file's content; missing for a sparse one", default=None)
    whiteout: WhiteoutKind = column("whether it hides what lower layers have")
    hides: str | None = column("the path a whiteout is about", default=None)
    shadowed_by: int | None = column("layer whose members replace or hide this one; its own, where it is repeated", default=None)
    header_offset: int = column("where its header starts in the tar", unit="B")
    content_offset: int = column("where its content starts in the tar", unit="B")
    extras: str | None = column("further PAX records, extended attributes among them, as JSON", default=None)


Record = (
    Pull | Endpoint | Request | Join | Manifest | Descriptor | Signature | Check | Layer | StrongID | Reuse | Tag | Holding | File
)

TABLES: Final[dict[str, type[Record]]] = {
    record.TABLE: record
    for record in (
        Pull,
        Endpoint,
        Request,
        Join,
        Manifest,
        Descriptor,
        Signature,
        Check,
        Layer,
        StrongID,
        Reuse,
        Tag,
        Holding,
        File,
    )
}
"""Every table, by name, in the order in which a pull fills them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the ledger puts in front of every row."""

    pull: str = column("64 hex digits naming the call")
    seq: int = column("order within the call, from 0")
    at: datetime = column("time of the row, UTC")
    image: str = column("the reference the row belongs to")
