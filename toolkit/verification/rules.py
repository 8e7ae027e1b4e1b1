"""Every rule: its slug, its sentence, where it comes from, and who enforces it.

The rule of this file: a rule that is not here does not exist. ``strict`` tells when the strict policy refuses
(``always``, ``by-tag`` or ``never``: then a failure is a finding only); ``seed`` tells whether Docker 1.9 refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Stage = Literal["manifest", "chain", "identity", "graph", "blob", "tag"]
StrictUse = Literal["always", "by-tag", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the catalogue."""

    slug: str
    stage: Stage
    sentence: str
    origin: str
    seed: bool
    strict: StrictUse
    exceptable: bool = True
    next_step: str


_LOOK: Final = "look without trusting: `layerproof inspect`; the bytes are kept, see the column `evidence`"
_PUBLISHER: Final = "ask the publisher for the digest and compare it with the frame `manifests`"
_OTHER_COPY: Final = "fetch the image from another registry or mirror and compare the two"

_CATALOGUE: Final = (
    Rule(
        slug="manifest-json",
        stage="manifest",
        sentence="The body holds one JSON value that reads as a schema1 manifest.",
        origin="distribution client GetByTag; SignedManifest.UnmarshalJSON",
        seed=True,
        strict="always",
        exceptable=False,
        next_step="the source serves something else here; open the URL in the frame `requests`",
    ),
    Rule(
        slug="seed-panic",
        stage="manifest",
        sentence="Nothing in the manifest is of the kind at which Docker 1.9 crashed.",
        origin="weakness W3: libtrust slice lengths",
        seed=True,
        strict="always",
        exceptable=False,
        next_step="the manifest was made to crash its reader; do not use it",
    ),
    Rule(
        slug="json-unambiguous",
        stage="manifest",
        sentence="Every JSON reader sees the same manifest: UTF-8, no name twice in any spelling, nothing around it.",
        origin="RFC 7493; contract 4",
        seed=False,
        strict="always",
        next_step=_LOOK,
    ),
    Rule(
        slug="signature-format",
        stage="manifest",
        sentence="The signatures block can be read, and its lengths and keys agree with themselves.",
        origin="libtrust ParsePrettySignature",
        seed=False,
        strict="always",
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="signature-present",
        stage="manifest",
        sentence="The manifest carries at least one signature.",
        origin="contract 6; weakness W2",
        seed=False,
        strict="by-tag",
        next_step="pull by digest, where the digest is the authority, or except the rule: --accept signature-present",
    ),
    Rule(
        slug="signature-valid",
        stage="manifest",
        sentence="Every signature verifies over the signed payload with the key it names.",
        origin="libtrust JSONSignature.Verify; the seed never called it (W2)",
        seed=False,
        strict="always",
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="signature-certificate",
        stage="manifest",
        sentence="Certificates sent with a signature are consistent: each is signed by the next, or by itself.",
        origin="RFC 7515 section 4.1.6",
        seed=False,
        strict="always",
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="signature-wrapper",
        stage="manifest",
        sentence="The bytes around the signed payload are written the one regular way, with known members only.",
        origin="libtrust PrettySignature; no signature covers these bytes",
        seed=False,
        strict="always",
        next_step=_LOOK,
    ),
    Rule(
        slug="reference-digest",
        stage="manifest",
        sentence="A reference with a colon is a digest that can be verified.",
        origin="weakness W12: verifyManifest skips what does not parse as a digest",
        seed=False,
        strict="always",
        next_step="ask by tag, or by sha256:<64 hex digits>",
    ),
    Rule(
        slug="manifest-digest",
        stage="manifest",
        sentence="The manifest's own digest is the one that was asked for.",
        origin="verifyManifest",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="schema-version",
        stage="manifest",
        sentence="schemaVersion is 1.",
        origin="verifyManifest",
        seed=True,
        strict="always",
        exceptable=False,
        next_step="the manifest is of another format than the one asked for",
    ),
    Rule(
        slug="history-length",
        stage="manifest",
        sentence="There are as many history entries as layers.",
        origin="verifyManifest",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="layers-present",
        stage="manifest",
        sentence="There is at least one layer.",
        origin="verifyManifest",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="unsigned-data",
        stage="manifest",
        sentence="What is read from the whole body is what is read from the signed payload.",
        origin="CVE-2014-8179; weakness W2",
        seed=False,
        strict="always",
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="manifest-name",
        stage="manifest",
        sentence="The manifest names the repository that was asked.",
        origin="weakness W15; The Update Framework, mix-and-match",
        seed=False,
        strict="by-tag",
        next_step="pull by digest, or except the rule: --accept manifest-name",
    ),
    Rule(
        slug="manifest-tag",
        stage="manifest",
        sentence="The manifest names the tag that was asked.",
        origin="weakness W15",
        seed=False,
        strict="by-tag",
        next_step="pull by digest, or except the rule: --accept manifest-tag",
    ),
    Rule(
        slug="header-digest",
        stage="manifest",
        sentence="A Docker-Content-Digest header, where there is one, names the payload or the body.",
        origin="distribution-spec, pulling manifests; a header never decides (contract 1)",
        seed=False,
        strict="never",
        next_step=_LOOK,
    ),
    Rule(
        slug="history-json",
        stage="chain",
        sentence="Every history entry reads as an image record.",
        origin="fixManifestLayers; image.NewImgJSON",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_LOOK,
    ),
    Rule(
        slug="history-unambiguous",
        stage="chain",
        sentence="Every JSON reader sees the same history entry.",
        origin="RFC 7493; contract 4",
        seed=False,
        strict="always",
        next_step=_LOOK,
    ),
    Rule(
        slug="history-key-case",
        stage="chain",
        sentence="Known names in a history entry are spelled as Docker spells them.",
        origin="weakness W16: other spellings change the strong ID, not the meaning",
        seed=False,
        strict="never",
        next_step=_LOOK,
    ),
    Rule(
        slug="image-id-syntax",
        stage="chain",
        sentence="Every image ID is 64 lower-case hex digits.",
        origin="image.ValidateID; CVE-2014-9358",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="base-without-parent",
        stage="chain",
        sentence="The base image has no parent.",
        origin="fixManifestLayers",
        seed=True,
        strict="always",
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="image-id-unique",
        stage="chain",
        sentence="An image ID stands once, or in entries that follow each other.",
        origin="fixManifestLayers",
        seed=True,
        strict="always",
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="parent-link",
        stage="chain",
        sentence="The parent of every kept image is the image below it.",
        origin="fixManifestLayers",
        seed=True,
        strict="always",
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="duplicate-same-layer",
        stage="chain",
        sentence="A layer dropped as a duplicate has the same blob as the one kept.",
        origin="fixManifestLayers compares IDs only (S5)",
        seed=False,
        strict="always",
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="duplicate-same-history",
        stage="chain",
        sentence="A layer dropped as a duplicate has the same history entry as the one kept.",
        origin="fixManifestLayers compares IDs only (S5)",
        seed=False,
        strict="never",
        next_step=_LOOK,
    ),
    Rule(
        slug="base-without-parent-id",
        stage="chain",
        sentence="The base image's history entry brings no parent_id of its own.",
        origin="weakness W9: MakeImageConfig keeps it, and the image never validates",
        seed=False,
        strict="always",
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="image-config",
        stage="identity",
        sentence="An image configuration can be made of every entry: its layer is named by a digest, its time is one.",
        origin="image.MakeImageConfig",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="layer-digest-supported",
        stage="identity",
        sentence="Every layer's digest is an exact sha256 or sha512.",
        origin="OCI image-spec, descriptor.md; contract 3",
        seed=False,
        strict="always",
        exceptable=False,
        next_step="nobody can vouch for content named like this; policy docker-1.9 shows what Docker 1.9 would do",
    ),
    Rule(
        slug="graph-history-chain",
        stage="graph",
        sentence="The history of a legacy image in the graph can be followed to its base.",
        origin="attemptIDReuse, GenerateV1CompatibilityChain; weakness W1",
        seed=False,
        strict="never",
        next_step="the graph has lost an image; pull the legacy image's parents, or start a new graph",
    ),
    Rule(
        slug="graph-image-valid",
        stage="graph",
        sentence="An image that stands under a strong ID deserves it.",
        origin="validateImageInGraph; probing with tryNextID",
        seed=False,
        strict="never",
        next_step="the graph was changed; the frame `reuse` says what disagrees",
    ),
    Rule(
        slug="graph-image-complete",
        stage="graph",
        sentence="An image in the graph has its checksum and v1Compatibility files.",
        origin="weakness W10: Docker 1.9 wrote them after the commit",
        seed=False,
        strict="never",
        next_step="the graph lost a file; the image can never be validated again and is stored under another ID",
    ),
    Rule(
        slug="image-still-valid",
        stage="graph",
        sentence="An image already in the graph is the one the manifest means.",
        origin="pullV2Tag: image validation before and after the download",
        seed=True,
        strict="always",
        exceptable=False,
        next_step="somebody else changes this graph; pull again, or use a graph of your own",
    ),
    Rule(
        slug="graph-blob-intact",
        stage="graph",
        sentence="A blob already in the graph still has the digest it is named by.",
        origin="contract 32",
        seed=False,
        strict="never",
        next_step="the disk or somebody changed the file; it is in quarantine and the blob was fetched again",
    ),
    Rule(
        slug="blob-present",
        stage="blob",
        sentence="The source has every layer the manifest names.",
        origin="distribution client Blobs.Stat and Open",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_OTHER_COPY,
    ),
    Rule(
        slug="blob-size",
        stage="blob",
        sentence="As many bytes arrive as were announced.",
        origin="RFC 9110 section 8.6; the seed saw a checksum failure instead (W5)",
        seed=False,
        strict="always",
        next_step="a proxy or the connection cut the body; try again",
    ),
    Rule(
        slug="blob-digest",
        stage="blob",
        sentence="The bytes of a layer have the digest the manifest names.",
        origin="v2Puller.download: the digest verifier",
        seed=True,
        strict="always",
        exceptable=False,
        next_step="both sides are kept: the claim in `layers.blob_digest`, the bytes under `layers.evidence`",
    ),
    Rule(
        slug="layer-readable",
        stage="blob",
        sentence="A layer decompresses to its end and is a tar archive to its end.",
        origin="graph.Register: archive.ApplyLayer",
        seed=True,
        strict="always",
        exceptable=False,
        next_step=_PUBLISHER,
    ),
    Rule(
        slug="layer-paths-unique",
        stage="blob",
        sentence="No path stands twice in a layer.",
        origin="tar-split, inside graph.Register",
        seed=True,
        strict="always",
        next_step="the image was not made by Docker; ask its publisher",
    ),
    Rule(
        slug="tag-moved",
        stage="tag",
        sentence="A tag that is called up to date names the image it named before.",
        origin="weakness W6: pullV2Tag does not compare IDs",
        seed=False,
        strict="never",
        next_step="the registry moved the tag; the frame `tags` has both IDs",
    ),
)

RULES: Final[dict[str, Rule]] = {rule.slug: rule for rule in _CATALOGUE}
"""The catalogue by slug, in the order in which rules are asked."""


def of_stage(stage: Stage) -> tuple[Rule, ...]:
    """List the rules of one stage, in order."""
    return tuple(rule for rule in _CATALOGUE if rule.stage == stage)
