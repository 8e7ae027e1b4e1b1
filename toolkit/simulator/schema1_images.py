"""Schema1 images for the catalogue: the tamperings of the teaching registry, some more, and valid ones.

The rule of this file: an image names the repository it is served from, so every function takes that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from toolkit.digests import sha256
from toolkit.errors import SeedPanicError
from toolkit.manifests.media_types import SIGNED_SCHEMA1
from toolkit.manifests.signed_payload import extract
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.simulator.modern import TAG, Stored, StoredDocument
from toolkit.simulator.modern_faults import Reference
from toolkit.simulator.signing import SigningKey
from toolkit.simulator.tampering import TAMPERINGS, Served, Tampering, honest
from toolkit.sources.static_registry import Answer

_LAYERS: Final = (
    LayerRecipe("ADD base", {"etc/motd": b"welcome\n", "bin/sh": b"#!shell\n" * 40}),
    LayerRecipe("RUN greet", {"usr/bin/greet": b"echo hello\n"}),
    LayerRecipe("CMD", {"etc/top": b"the top\n"}),
)


def _schema1(repository: str, layers: Iterable[LayerRecipe] = _LAYERS) -> SimulatedImage:
    return build_image(repository, TAG, list(layers))


def _store(served: Served, *, root: str | None = None, header: str | None = None) -> Stored:
    """Store a schema1 image; ``root`` is the digest it is asked by, ``header`` what the header claims."""
    named = {"Docker-Content-Digest": header or served.digest}
    document = StoredDocument(body=served.body, content_type=SIGNED_SCHEMA1, headers=named)
    return Stored(root=root or served.digest, documents={TAG: document, root or served.digest: document}, blobs=served.blobs)


def another_manifest(repository: str) -> Stored:
    """Asked by digest, another validly signed manifest is served."""
    return _store(honest(_schema1(repository, _LAYERS[:2])), root=_schema1(repository).digest)


def header_lies(repository: str) -> Stored:
    """The header Docker-Content-Digest names another manifest."""
    return _store(honest(_schema1(repository)), header=sha256(b"another"))


def layer_breaks_off(repository: str) -> Stored:
    """The connection ends before all the announced bytes of a layer came."""
    image = _schema1(repository)
    digest = image.document["fsLayers"][0]["blobSum"]
    body = image.blobs[digest]
    answer = Answer(200, {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}, body[:-100])
    return _store(honest(image)).answering(f"blobs/{digest}", answer)


def version_two(repository: str) -> Stored:
    """The signed manifest's schemaVersion is 2."""
    return _store(honest(_schema1(repository).changed(schemaVersion=2)))


def clean(repository: str) -> Stored:
    """Three layers, nothing wrong with them."""
    return _store(honest(_schema1(repository)))


def clean_by_digest(repository: str) -> Stored:
    """Three layers, nothing wrong with them, asked for by digest."""
    return clean(repository)


def one_layer(repository: str) -> Stored:
    """One layer, without a parent."""
    return _store(honest(_schema1(repository, _LAYERS[:1])))


def two_keys(repository: str) -> Stored:
    """Signed by two keys."""
    image = _schema1(repository)
    return _store(honest(_signed_by(image, "one", "another")))


def larger_key(repository: str) -> Stored:
    """Signed with a key on the curve P-384."""
    return _store(honest(_signed_by(_schema1(repository), "one", curve="P-384")))


def entry_twice(repository: str) -> Stored:
    """The same entry twice in a row, as a Docker of the time wrote it."""
    image = _schema1(repository)
    layers, history = image.document["fsLayers"], image.document["history"]
    return _store(honest(image.changed(fsLayers=[layers[0], *layers], history=[history[0], *history])))


def blob_twice(repository: str) -> Stored:
    """One blob under two images."""
    return _store(honest(_schema1(repository, (*_LAYERS, LayerRecipe("ENV A=1", _LAYERS[2].files)))))


def old_docker(repository: str) -> Stored:
    """Images by Docker 1.7.1: their names were not made from their content."""
    old = [LayerRecipe(recipe.command, recipe.files, docker_version="1.7.1") for recipe in _LAYERS]
    return _store(honest(_schema1(repository, old)))


def _signed_by(image: SimulatedImage, *words: str, curve: str = "P-256") -> SimulatedImage:
    keys = tuple(SigningKey(f"the lab, {word}", curve) for word in words)
    return replace(image, keys=keys)


@dataclass(frozen=True, slots=True)
class Schema1:
    """A schema1 image: its name, one sentence, what is served from a repository, the rule that must tell, how it is asked."""

    name: str
    about: str
    make: Callable[[str], Stored]
    rule: str | None
    by: Reference = "tag"


def _tampering(tamper: Tampering, repository: str) -> Stored:
    served = tamper(_schema1(repository))
    # The header names what is served: a lying header is a case of its own.
    try:
        return _store(replace(served, digest=extract(served.body).digest))
    except SeedPanicError:
        return _store(served)


def _own(make: Callable[[str], Stored], rule: str | None = None, by: Reference = "tag") -> Schema1:
    return Schema1(make.__name__.replace("_", "-"), make.__doc__ or "", make, rule, by)


SCHEMA1: Final = (
    *(Schema1(name, one.about, partial(_tampering, one.tamper), one.rule) for name, one in TAMPERINGS.items()),
    _own(another_manifest, "manifest-digest", "digest"),
    _own(header_lies, "header-digest"),
    _own(layer_breaks_off, "blob-size"),
    _own(version_two, "schema-version"),
    _own(clean),
    _own(clean_by_digest, by="digest"),
    _own(one_layer),
    _own(two_keys),
    _own(larger_key),
    _own(entry_twice),
    _own(blob_twice),
    _own(old_docker),
)
"""Every schema1 image of the catalogue."""
