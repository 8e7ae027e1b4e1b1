"""The schema1 manifest: fsLayers and history, top first.

The rule of this file: the reading is Go's (keys match by case folding, a repeated list overwrites from index 0), for
that is what Docker 1.9 acted on; whether another reader would see something else is a rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toolkit.go_json import quick
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import INT, STRING, Scalar, Slice, Struct
from toolkit.go_json.scan import parse_first

_WHITE_SPACE: Final = b" \t\r\n"
_MANIFEST: Final = Struct(
    "manifest.Manifest",
    (
        ("schemaVersion", INT),
        ("name", STRING),
        ("tag", STRING),
        ("architecture", STRING),
        (
            "fsLayers",
            Slice("[]manifest.FSLayer", Struct("manifest.FSLayer", (("blobSum", Scalar("digest.Digest", "string")),))),
        ),
        ("history", Slice("[]manifest.History", Struct("manifest.History", (("v1Compatibility", STRING),)))),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema1Manifest:
    """A schema1 manifest as read; ``blob_sums`` and ``history`` are in its own, top-first order."""

    schema_version: int
    name: str
    tag: str
    architecture: str
    blob_sums: tuple[str, ...]
    history: tuple[str, ...]


def first_value(body: bytes) -> bytes:
    """Return the bytes of the body's first JSON value: what Docker 1.9 kept as ``Raw``; the rest it ignored.

    Raises
    ------
    GoJSONError
        With the text of Go's stream decoder, ``EOF`` for an empty body.
    """
    if clear_object(body) is not None:
        return body.strip(_WHITE_SPACE)
    node = parse_first(body)
    return body[node.start : node.end]


def read(text: bytes) -> Schema1Manifest:
    """Read one JSON text as a schema1 manifest.

    Parameters
    ----------
    text : bytes
        A whole JSON value: the signed payload, or the body's first value.

    Returns
    -------
    Schema1Manifest
        Absent members are zero values, as in Go.

    Raises
    ------
    GoJSONError
        With Go's own text.

    Notes
    -----
    Origin: ``distribution/manifest.SignedManifest.UnmarshalJSON`` of Docker 1.9.

    >>> read(b'{"schemaVersion":1,"FSLAYERS":[{"blobSum":"sha256:ab"}]}').blob_sums
    ('sha256:ab',)
    """
    document = quick.unmarshal(text, _MANIFEST)
    return Schema1Manifest(
        schema_version=document["schemaVersion"],
        name=document["name"],
        tag=document["tag"],
        architecture=document["architecture"],
        blob_sums=tuple(layer["blobSum"] for layer in document["fsLayers"] or ()),
        history=tuple(entry["v1Compatibility"] for entry in document["history"] or ()),
    )
