"""Today's documents: an image manifest or an index, as Docker and OCI write them.

The rule of this file: the reading of one document, alone. A document that claims to be two things at once is read as
what its media type says, and both claims stay visible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from toolkit.manifests.descriptor import Descriptor, Fields, Problem, read_descriptor
from toolkit.manifests.media_types import Kind, essence, is_image_config, is_layer, kind_of
from toolkit.manifests.raw import RawManifest

_KEYS: Final[dict[str, Kind]] = {
    "manifests": "index",
    "layers": "image",
    "config": "image",
    "blobs": "image",
    "fsLayers": "schema1",
}
_UNSPECIFIC: Final = ("", "text/plain", "text/html", "application/json", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one body says: members of a manifest and of an index, whichever it is."""

    kind: Kind
    media_type: str | None
    schema_version: int | None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """Every descriptor, in the document's order."""
        ends = (self.subject,) if self.subject is not None else ()
        return (*((self.config,) if self.config is not None else ()), *self.layers, *self.manifests, *ends)

    @property
    def is_image(self) -> bool:
        """Whether it holds a file system; what has an image's configuration and layers of other types is an artifact."""
        if self.config is None or not is_image_config(self.config.media_type):
            return False
        return not self.layers or any(is_layer(one.media_type) for one in self.layers)


def kinds_by_keys(value: dict[str, Any]) -> set[Kind]:
    """What a document is by the names of its members; more than one is a riddle (CVE-2021-41190).

    >>> kinds_by_keys({"layers": [], "config": {}})
    {'image'}
    """
    return {kind for key, kind in _KEYS.items() if key in value}


def claimed_types(value: dict[str, Any], raw: RawManifest, descriptor: Descriptor | None) -> dict[str, str]:
    """Every media type somebody claims for a document, by who claims it; unspecific headers claim nothing."""
    body = value.get("mediaType")
    claims = {
        "descriptor": None if descriptor is None else descriptor.media_type,
        "body": body if isinstance(body, str) else None,
        "header": raw.content_type,
    }
    return {who: essence(claim) for who, claim in claims.items() if claim and essence(claim) not in _UNSPECIFIC}


def kind_of_document(value: dict[str, Any] | None, raw: RawManifest, descriptor: Descriptor | None = None) -> Kind:
    """Tell how a body is to be read: by its members, then by what is claimed; schema1 when nobody says anything."""
    kinds = set() if value is None else kinds_by_keys(value)
    if len(kinds) == 1:
        return kinds.pop()
    claimed = [kind_of(claim) for claim in claimed_types(value or {}, raw, descriptor).values()]
    known = [kind for kind in claimed if kind is not None and (not kinds or kind in kinds)]
    if known:
        return "image" if kinds and known[0] == "schema1" else known[0]
    return "image" if kinds else "schema1"


def read_document(value: dict[str, Any], kind: Kind) -> Document:
    """Read a document as an image manifest or an index.

    Parameters
    ----------
    value : dict
        From ``read_object``.
    kind : str
        ``image`` or ``index``.

    Notes
    -----
    Origin: OCI image-spec, manifest.md and image-index.md; Docker's image manifest v2 schema 2.
    """
    fields = Fields(value, "")
    layers, manifests, config = [], [], None
    if kind == "index":
        manifests = [read_descriptor(one) for one in fields.each("manifests", required=True)]
    elif "blobs" in value and "config" not in value:
        layers = [read_descriptor(one) for one in fields.each("blobs")]
    else:
        inner = fields.nested("config", required=True)
        config = None if inner is None else read_descriptor(inner)
        layers = [read_descriptor(one) for one in fields.each("layers", required=True)]
    subject = fields.nested("subject")
    return Document(
        kind=kind,
        media_type=fields.text("mediaType"),
        schema_version=fields.integer("schemaVersion"),
        config=config,
        layers=tuple(one for one in layers if one is not None),
        manifests=tuple(one for one in manifests if one is not None),
        subject=None if subject is None else read_descriptor(subject),
        artifact_type=fields.text("artifactType"),
        annotations=fields.annotations(),
        problems=tuple(fields.problems),
    )
