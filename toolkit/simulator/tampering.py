"""Every way to lie, as a function with a name.

The rule of this file: a tampering takes an honest image and returns what a dishonest registry would serve for it;
its docstring says who is deceived, and ``TAMPERINGS`` which rule must catch it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from toolkit.digests import sha256
from toolkit.manifests.base64_text import decode_url, encode_url
from toolkit.simulator.images import SimulatedImage, edit_history, layer_blob
from toolkit.simulator.signing import SigningKey, signature_entry, wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What goes over the wire: a manifest's body, the digest its header claims, and the bytes served for digests."""

    body: bytes
    digest: str
    blobs: dict[str, bytes] = field(default_factory=dict)


Tampering = Callable[[SimulatedImage], Served]


def honest(image: SimulatedImage) -> Served:
    """Serve the image as it is."""
    return Served(body=image.body, digest=image.digest, blobs=dict(image.blobs))


def signature_bit(image: SimulatedImage) -> Served:
    """Flip one bit of the signature."""
    return _with_entry(image, lambda entry: {**entry, "signature": _flipped(entry["signature"])})


def signature_missing(image: SimulatedImage) -> Served:
    """Serve the manifest without its signatures."""
    return replace(honest(image), body=image.payload)


def signature_of_another_key(image: SimulatedImage) -> Served:
    """Sign with one key and show another."""
    stranger = SigningKey("a stranger").jwk()
    return _with_entry(image, lambda entry: {**entry, "header": {**entry["header"], "jwk": stranger}})


def key_id_wrong(image: SimulatedImage) -> Served:
    """Give the key an ID that is not its own."""
    stranger = SigningKey("a stranger").public.key_id

    def change(entry: dict[str, Any]) -> dict[str, Any]:
        jwk = {**entry["header"]["jwk"], "kid": stranger}
        return {**entry, "header": {**entry["header"], "jwk": jwk}}

    return _with_entry(image, change)


def wrapper_blank(image: SimulatedImage) -> Served:
    """Turn one blank that no signature covers into a tab."""
    body = image.body
    place = body.rindex(b'\n   "signatures"') + 1
    return replace(honest(image), body=body[:place] + b"\t" + body[place + 1 :])


def payload_byte(image: SimulatedImage) -> Served:
    """Change the architecture in the signed part and leave the signature."""
    return replace(honest(image), body=image.body.replace(b'"amd64"', b'"arm64"', 1))


def unsigned_layers(image: SimulatedImage) -> Served:
    """Add other layers after the signed part: the signature holds, a careless reader takes them (CVE-2014-8179)."""
    evil = layer_blob({"bin/sh": b"not the shell you signed for\n"})
    layers = [{"blobSum": sha256(evil)} for _ in image.document["fsLayers"]]
    body = image.body.removesuffix(b"\n}") + f',\n   "fsLayers": {json.dumps(layers)}\n}}'.encode()
    return Served(body=body, digest=image.digest, blobs={**image.blobs, sha256(evil): evil})


def another_repository(image: SimulatedImage) -> Served:
    """Serve the validly signed manifest of another repository."""
    return honest(image.changed(name=f"{image.repository}-other"))


def another_tag(image: SimulatedImage) -> Served:
    """Serve the validly signed manifest of another tag: an old, vulnerable one, say."""
    return honest(image.changed(tag=f"{image.tag}-old"))


def blob_byte(image: SimulatedImage) -> Served:
    """Change one byte of the top layer's file."""
    digest, blob = _top_blob(image)
    place = len(blob) // 2
    return _with_blob(image, digest, blob[:place] + bytes((blob[place] ^ 1,)) + blob[place + 1 :])


def blob_cut(image: SimulatedImage) -> Served:
    """Serve the top layer without its last 100 bytes."""
    digest, blob = _top_blob(image)
    return _with_blob(image, digest, blob[:-100])


def blob_extended(image: SimulatedImage) -> Served:
    """Serve the top layer with bytes after its end."""
    digest, blob = _top_blob(image)
    return _with_blob(image, digest, blob + b"trailing")


def blob_exchanged(image: SimulatedImage) -> Served:
    """Serve the base layer in place of the top one."""
    digest, _ = _top_blob(image)
    base = image.blobs[image.document["fsLayers"][-1]["blobSum"]]
    return _with_blob(image, digest, base)


def blob_missing(image: SimulatedImage) -> Served:
    """Name a layer and not have it."""
    digest, _ = _top_blob(image)
    served = honest(image)
    return replace(served, blobs={name: data for name, data in served.blobs.items() if name != digest})


def layer_dropped(image: SimulatedImage) -> Served:
    """Hide a layer: give it the ID of the one below, so that it is dropped as a duplicate with another blob."""
    hidden = layer_blob({"etc/hidden": b"never looked at\n"})
    layers = [*image.document["fsLayers"]]
    history = [*image.document["history"]]
    layers.insert(len(layers) - 1, {"blobSum": sha256(hidden)})
    history.insert(len(history) - 1, dict(history[-1]))
    return _signed(image.changed(fsLayers=layers, history=history), {sha256(hidden): hidden})


def layer_unreadable(image: SimulatedImage) -> Served:
    """Publish, under its true digest, a layer whose gzip breaks off."""
    broken = layer_blob({"etc/motd": b"cut short\n" * 100})[:-600]
    return _signed(_with_top_layer(image, broken), {sha256(broken): broken})


def parent_wrong(image: SimulatedImage) -> Served:
    """Give the top image a parent that is not the image below it."""
    return honest(edit_history(image, 0, parent="9" * 64))


def base_with_parent(image: SimulatedImage) -> Served:
    """Give the base image a parent."""
    return honest(edit_history(image, len(image.document["history"]) - 1, parent="9" * 64))


def base_with_parent_id(image: SimulatedImage) -> Served:
    """Bring a parent_id with the base image: its strong ID then has a foreign parent."""
    return honest(edit_history(image, len(image.document["history"]) - 1, parent_id="sha256:" + "9" * 64))


def image_id_repeated(image: SimulatedImage) -> Served:
    """Give the top image the ID of the base, with others between them."""
    base = json.loads(image.document["history"][-1]["v1Compatibility"])["id"]
    return honest(edit_history(image, 0, id=base))


def image_id_path(image: SimulatedImage) -> Served:
    """Use a path as an image ID (CVE-2014-9358)."""
    return honest(edit_history(image, 0, id="../../../etc/passwd"))


def history_short(image: SimulatedImage) -> Served:
    """Leave out a history entry."""
    return honest(image.changed(history=image.document["history"][1:]))


def name_twice(image: SimulatedImage) -> Served:
    """Sign a manifest that says ``tag`` twice, in two spellings: readers differ in what they take."""
    return honest(replace(image, document={**image.document, "TAG": image.tag}))


def layer_digest_weak(image: SimulatedImage) -> Served:
    """Name a layer by an algorithm that nobody can rely on."""
    layers = [dict(layer) for layer in image.document["fsLayers"]]
    layers[0]["blobSum"] = "tarsum.v1+sha256:" + layers[0]["blobSum"].partition(":")[2]
    return honest(image.changed(fsLayers=layers))


def format_length_negative(image: SimulatedImage) -> Served:
    """Claim a negative length for the signed part, at which Docker 1.9 crashed."""
    payload = image.payload
    return replace(honest(image), body=wrap(payload, [signature_entry(payload, image.keys[0], -10, b"\n}")]))


@dataclass(frozen=True, slots=True)
class Case:
    """A tampering, the rule meant to catch it, and what Docker 1.9 makes of it."""

    tamper: Tampering
    rule: str
    docker_accepts: bool

    @property
    def name(self) -> str:
        """The tampering's name, as a tag."""
        return self.tamper.__name__.replace("_", "-")

    @property
    def about(self) -> str:
        """One sentence about it."""
        return (self.tamper.__doc__ or "").partition("\n")[0]


TAMPERINGS: Final = {
    case.name: case
    for case in (
        Case(signature_bit, "signature-valid", docker_accepts=True),
        Case(signature_missing, "signature-present", docker_accepts=True),
        Case(signature_of_another_key, "signature-valid", docker_accepts=True),
        Case(key_id_wrong, "signature-format", docker_accepts=True),
        Case(wrapper_blank, "signature-wrapper", docker_accepts=True),
        Case(payload_byte, "signature-valid", docker_accepts=True),
        Case(unsigned_layers, "unsigned-data", docker_accepts=True),
        Case(another_repository, "manifest-name", docker_accepts=True),
        Case(another_tag, "manifest-tag", docker_accepts=True),
        Case(blob_byte, "blob-digest", docker_accepts=False),
        Case(blob_cut, "blob-digest", docker_accepts=False),
        Case(blob_extended, "blob-digest", docker_accepts=False),
        Case(blob_exchanged, "blob-digest", docker_accepts=False),
        Case(blob_missing, "blob-present", docker_accepts=False),
        Case(layer_dropped, "duplicate-same-layer", docker_accepts=True),
        Case(layer_unreadable, "layer-readable", docker_accepts=False),
        Case(parent_wrong, "parent-link", docker_accepts=False),
        Case(base_with_parent, "base-without-parent", docker_accepts=False),
        Case(base_with_parent_id, "base-without-parent-id", docker_accepts=True),
        Case(image_id_repeated, "image-id-unique", docker_accepts=False),
        Case(image_id_path, "image-id-syntax", docker_accepts=False),
        Case(history_short, "history-length", docker_accepts=False),
        Case(name_twice, "json-unambiguous", docker_accepts=True),
        Case(layer_digest_weak, "layer-digest-supported", docker_accepts=False),
        Case(format_length_negative, "seed-panic", docker_accepts=False),
    )
}
"""Every tampering by name."""


def _signed(image: SimulatedImage, blobs: dict[str, bytes]) -> Served:
    served = honest(image)
    return replace(served, blobs={**served.blobs, **blobs})


def _with_entry(image: SimulatedImage, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Served:
    payload = image.payload
    length = len(payload.removesuffix(b"}").rstrip())
    entries = [change(signature_entry(payload, key, length, payload[length:])) for key in image.keys]
    return replace(honest(image), body=wrap(payload, entries))


def _with_blob(image: SimulatedImage, digest: str, data: bytes) -> Served:
    served = honest(image)
    return replace(served, blobs={**served.blobs, digest: data})


def _with_top_layer(image: SimulatedImage, blob: bytes) -> SimulatedImage:
    layers = [dict(layer) for layer in image.document["fsLayers"]]
    layers[0]["blobSum"] = sha256(blob)
    return image.changed(fsLayers=layers)


def _top_blob(image: SimulatedImage) -> tuple[str, bytes]:
    digest: str = image.document["fsLayers"][0]["blobSum"]
    return digest, image.blobs[digest]


def _flipped(text: str) -> str:
    data = bytearray(decode_url(text))
    data[len(data) // 2] ^= 1
    return encode_url(bytes(data))
