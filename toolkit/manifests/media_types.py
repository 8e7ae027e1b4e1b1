"""Media types: what each name means, and which names mean the same.

The rule of this file: a name that is not here is data, not an error; nothing is refused for being unknown.
"""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["schema1", "image", "index"]
"""What a document is: Docker's first format, one image (or artifact), or a list of documents."""
Declared = Literal["none", "gzip", "zstd"]

SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SIGNED_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN_LAYER: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN_LAYER: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"

ACCEPTED: Final = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, SIGNED_SCHEMA1, SCHEMA1)
"""What a registry is asked for, in the order of preference."""

SCHEMA1_ONLY: Final = (SIGNED_SCHEMA1, SCHEMA1)
"""What an old client asked for; a registry may make a schema1 manifest for it on the fly."""

EMPTY_CONTENT: Final = b"{}"
"""What every blob of the type ``OCI_EMPTY`` is."""

_KINDS: Final[dict[str, Kind]] = {
    SCHEMA1: "schema1",
    SIGNED_SCHEMA1: "schema1",
    DOCKER_MANIFEST: "image",
    OCI_MANIFEST: "image",
    OCI_ARTIFACT: "image",
    DOCKER_LIST: "index",
    OCI_INDEX: "index",
}
_CONFIGS: Final = (DOCKER_CONFIG, OCI_CONFIG)
_LAYERS: Final = (DOCKER_LAYER, DOCKER_FOREIGN_LAYER, OCI_LAYER, OCI_FOREIGN_LAYER)
_SUFFIXES: Final[dict[str, Declared]] = {
    "": "none",
    ".gzip": "gzip",
    "+gzip": "gzip",
    ".zstd": "zstd",
    "+zstd": "zstd",
}


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case.

    >>> essence("Application/JSON; charset=utf-8")
    'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


def kind_of(media_type: str | None) -> Kind | None:
    """What a document of that type is; None when the type says nothing about it.

    >>> kind_of("application/vnd.oci.image.index.v1+json"), kind_of("text/plain")
    ('index', None)
    """
    return None if media_type is None else _KINDS.get(essence(media_type))


def is_image_config(media_type: str) -> bool:
    """Whether a config of that type describes a file system with diff IDs."""
    return essence(media_type) in _CONFIGS


def is_layer(media_type: str) -> bool:
    """Whether a blob of that type is a layer's tar, whatever its compression."""
    return declared_compression(media_type) is not None


def is_foreign(media_type: str) -> bool:
    """Whether a registry need not have a layer of that type.

    >>> is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    True
    """
    return essence(media_type).startswith((DOCKER_FOREIGN_LAYER, OCI_FOREIGN_LAYER))


def is_docker_layer(media_type: str) -> bool:
    """Whether a layer's type is Docker's own, which says gzip for want of another word."""
    return essence(media_type).startswith((DOCKER_LAYER, DOCKER_FOREIGN_LAYER))


def declared_compression(media_type: str) -> Declared | None:
    """The compression a layer's media type declares; None when it is no layer's type.

    >>> declared_compression("application/vnd.oci.image.layer.v1.tar+zstd")
    'zstd'
    """
    name = essence(media_type)
    for base in _LAYERS:
        if name.startswith(base):
            return _SUFFIXES.get(name.removeprefix(base))
    return None
