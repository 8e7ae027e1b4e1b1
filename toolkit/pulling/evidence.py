"""What a decision was based on, as plain JSON, so that it can be taken again without the source.

The rule of this file: what goes in comes back equal. Bytes of blobs and manifests are not here but in the graph,
under the digests named.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from toolkit.errors import LayerError, NotFoundError, SourceError
from toolkit.layers.measure import LayerMeasure
from toolkit.ledger.lines import Evidence
from toolkit.manifests.descriptor import Descriptor, Platform
from toolkit.manifests.raw import RawManifest
from toolkit.records import Reuse
from toolkit.references import Reference
from toolkit.reuse.stored_image import StoredImage
from toolkit.verification.blob import BlobFacts

MANIFEST: Final = "manifest"
IMAGE: Final = "image"
BLOB: Final = "blob"
TROUBLE: Final = "trouble"
ROTTEN: Final = "rotten"
DECISION: Final = "decision"
TAG: Final = "tag"

_BLOB_FIELDS: Final = tuple(field.name for field in fields(BlobFacts) if field.name != "measure")
_MEASURE_FIELDS: Final = tuple(field.name for field in fields(LayerMeasure))


def of_manifest(raw: RawManifest, reference: Reference, *, seed_grammar: bool, below: bool = False) -> Evidence:
    """Keep what was asked and what the source claimed about the manifest; its body lies under its digest.

    ``below`` tells that an index led to it; the document that was asked for itself is not below.
    """
    return Evidence(
        MANIFEST,
        {
            "reference": reference.text,
            "registry": reference.repository.registry,
            "named": reference.has_name,
            "seed_grammar": seed_grammar,
            "body": raw.body_digest,
            "accept": raw.accept,
            "content_type": raw.content_type,
            "header_digest": raw.header_digest,
            "made_from": raw.made_from,
            "unsigned_because": raw.unsigned_because,
            "converted_from": raw.converted_from,
            "unverified": raw.unverified,
            "descriptor": None if raw.descriptor is None else asdict(raw.descriptor),
            "below": below,
        },
    )


def of_trouble(asked: str, error: SourceError) -> Evidence:
    """Keep that the source did not give a document."""
    missing = isinstance(error, NotFoundError)
    return Evidence(TROUBLE, {"digest": asked, "code": error.code, "message": error.message, "missing": missing})


def of_decision(decision: Reuse) -> Evidence:
    """Keep why a layer of the graph was reused or not."""
    return Evidence(DECISION, asdict(decision))


def to_decision(content: dict[str, Any]) -> Reuse:
    """Make the decision again."""
    return Reuse(**content)


def to_manifest(content: dict[str, Any], body: bytes) -> RawManifest:
    """Make the manifest again."""
    return RawManifest(
        body=body,
        accept=content["accept"],
        content_type=content["content_type"],
        header_digest=content["header_digest"],
        made_from=content["made_from"],
        unsigned_because=content["unsigned_because"],
        converted_from=content["converted_from"],
        unverified=bool(content.get("unverified", False)),
        descriptor=None if content["descriptor"] is None else _descriptor(content["descriptor"]),
    )


def to_reference(content: dict[str, Any]) -> Reference:
    """Make the reference again."""
    if not content["named"]:
        return Reference.bare(content["reference"])
    return Reference.parse(content["reference"], registry=content["registry"], seed_grammar=content["seed_grammar"])


def of_image(image_id: str, stored: StoredImage | None) -> Evidence:
    """Keep the files of an image the graph was asked for; None when there was none."""
    files = None if stored is None else {name: _text(data) for name, data in asdict(stored).items()}
    return Evidence(IMAGE, {"id": image_id, "files": files})


def to_image(content: dict[str, Any]) -> tuple[str, StoredImage | None]:
    """Make the files again."""
    files = content["files"]
    stored = None if files is None else StoredImage(**{name: _bytes(text) for name, text in files.items()})
    return content["id"], stored


def of_transfer(
    facts: Mapping[str, BlobFacts], trouble: Mapping[str, SourceError], *, fetched: Collection[str]
) -> list[Evidence]:
    """Keep the facts of blobs, and for which the source gave no answer."""
    kept = [Evidence(BLOB, {**_blob(one), "fetched": digest in fetched}) for digest, one in facts.items()]
    return kept + [
        Evidence(TROUBLE, {"digest": digest, "code": error.code, "message": error.message}) for digest, error in trouble.items()
    ]


def of_rotten(rotten: Mapping[str, str]) -> list[Evidence]:
    """Keep which blobs of the graph had changed, and into what."""
    return [Evidence(ROTTEN, {"digest": digest, "own": own}) for digest, own in rotten.items()]


def of_tag(old_id: str | None, *, registered: bool) -> Evidence:
    """Keep what a reference named before, and whether the call registered anything."""
    return Evidence(TAG, {"old_id": old_id, "registered": registered})


def to_blob(content: dict[str, Any]) -> tuple[BlobFacts, bool]:
    """Make the facts again, and whether the source sent the blob."""
    values = dict(content)
    fetched = values.pop("fetched")
    layer = values.pop("measure")
    if layer is not None:
        if layer["problem"] is not None:
            layer = {**layer, "problem": LayerError(**layer["problem"])}
        if layer["repeated"] is not None:
            layer = {**layer, "repeated": tuple(layer["repeated"])}
        layer = LayerMeasure(**layer)
    return BlobFacts(**values, measure=layer), fetched


def _blob(facts: BlobFacts) -> dict[str, Any]:
    content = {name: getattr(facts, name) for name in _BLOB_FIELDS}
    layer = facts.measure
    content["measure"] = None if layer is None else {name: getattr(layer, name) for name in _MEASURE_FIELDS}
    if layer is not None and layer.problem is not None:
        problem = layer.problem
        content["measure"]["problem"] = {
            "message": problem.message,
            "where": problem.where,
            "expected": None if problem.expected is None else str(problem.expected),
            "actual": None if problem.actual is None else str(problem.actual),
        }
    return content


def _descriptor(content: dict[str, Any]) -> Descriptor:
    platform = content["platform"]
    values = {**content, "urls": tuple(content["urls"]), "platform": None if platform is None else Platform(**platform)}
    return Descriptor(**values)


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
