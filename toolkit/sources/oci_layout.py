"""An OCI image layout: a folder or a tar with ``index.json`` and ``blobs/``.

The rule of this file: the index says which documents there are; every other document and blob is found by its digest
and handed over as it lies there.

What ``docker save`` has written since Docker 25 is such a layout and an archive with ``manifest.json`` at once. It is
read as the layout, for that keeps the real manifests, their digests, media types and sizes; the names that only
``manifest.json`` has are taken from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from toolkit.digests import Digest
from toolkit.errors import GoJSONError, SourceError
from toolkit.manifests.descriptor import Descriptor, read_object
from toolkit.manifests.document import Document, kind_of_document, read_document
from toolkit.manifests.media_types import OCI_INDEX, Kind
from toolkit.manifests.raw import RawManifest
from toolkit.sources.files import Held, compact, exact_digest, malformed, read_json, stream
from toolkit.sources.protocol import MANIFEST_LIMIT, BlobStream, Referrers
from toolkit.sources.tree import Tree, read

_REF_NAME: Final = "org.opencontainers.image.ref.name"
_IMAGE_NAME: Final = "io.containerd.image.name"


class OciLayout:
    """The images of an OCI layout.

    Notes
    -----
    Origin: OCI image-spec, image-layout.md. The annotation ``io.containerd.image.name``, where there is one, is the whole
    name of an image whose ``org.opencontainers.image.ref.name`` is its tag.
    """

    kind = "oci-layout"

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @classmethod
    def recognises(cls, tree: Tree) -> bool:
        """Whether a tree looks like one; which also holds for one that lost a part of it."""
        return tree.kind("oci-layout") == "file" or tree.kind("index.json") == "file"

    def images(self) -> Sequence[Held]:
        """Every document the index names."""
        return self._held

    def manifest(self, key: str) -> RawManifest:
        """The manifest of an image, by its digest."""
        digest = exact_digest(key, self.tree.where)
        path = _path(digest)
        named = next((one for one in self._index.manifests if one.digest == key), None)
        return RawManifest(body=read(self.tree, path, MANIFEST_LIMIT, f"the manifest {key}"), descriptor=named)

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The manifest of that digest, named by the index or not."""
        return None if self.tree.size(_path(digest)) is None else self.manifest(str(digest))

    def blob(self, digest: Digest) -> BlobStream:
        """A blob."""
        return stream(self.tree, _path(digest), f"the blob {digest}")

    def referrers(self, digest: str) -> Referrers:
        """An index of the documents in ``index.json`` whose subject is that digest."""
        found = []
        for one in self._index.manifests:
            document = self._document(one)
            if document is not None and document.subject is not None and document.subject.digest == digest:
                found.append(_referrer(one, document))
        if not found:
            return Referrers(way="none", reason="no document the index names has it as its subject")
        body = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found})
        return Referrers(
            way="api", manifest=RawManifest(body=body, content_type=OCI_INDEX, made_from="the subjects in the layout's documents")
        )

    @cached_property
    def _index(self) -> Document:
        """The index, once the layout says that it is of a version this code knows."""
        if self.tree.kind("oci-layout") is not None:
            version = read_json(self.tree, "oci-layout", dict, "the layout's version").get("imageLayoutVersion")
            if not isinstance(version, str) or version.partition(".")[0] != "1":
                raise malformed(self.tree, "oci-layout", "an OCI layout of an unknown version", "1.0.0", version)
        document = _read(read(self.tree, "index.json", MANIFEST_LIMIT, "the layout's index"), "index")
        if isinstance(document, str):
            raise malformed(self.tree, "index.json", f"the layout's index cannot be read: {document}", "an index", "another text")
        problem = next(iter(document.problems), None)
        if problem is not None:
            message = f"the layout's index cannot be read: {problem.where} is not {problem.expected}"
            raise malformed(self.tree, "index.json", message, problem.expected, problem.actual)
        return document

    @cached_property
    def _held(self) -> tuple[Held, ...]:
        found = []
        for one in self._index.manifests:
            exact_digest(one.digest, f"{self.tree.where}: index.json")
            own = one.annotations.get(_IMAGE_NAME) or one.annotations.get(_REF_NAME)
            names = (own,) if own else self._archive_names(one)
            found += [Held(name, one.digest) for name in names] or [Held("", one.digest)]
        return tuple(dict.fromkeys(found))

    def _archive_names(self, descriptor: Descriptor) -> tuple[str, ...]:
        document = self._document(descriptor) if self._names_by_config else None
        return () if document is None or document.config is None else self._names_by_config.get(document.config.digest, ())

    @cached_property
    def _names_by_config(self) -> dict[str, tuple[str, ...]]:
        """The names that stand only in the ``manifest.json`` beside the index, by the digest of the config."""
        if self.tree.kind("manifest.json") != "file":
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for entry in read_json(self.tree, "manifest.json", list, "the archive's manifest.json"):
            config, tags = (entry.get("Config"), entry.get("RepoTags")) if isinstance(entry, dict) else (None, None)
            if isinstance(config, str) and isinstance(tags, list):
                names = tuple(tag for tag in tags if isinstance(tag, str) and tag)
                found["sha256:" + config.rpartition("/")[2]] = names
        return found

    def _document(self, descriptor: Descriptor) -> Document | None:
        """A document the index names; None when it is not there or cannot be read, which is told when it is asked for."""
        try:
            document = _read(self.manifest(descriptor.digest).body)
        except SourceError:
            return None
        return None if isinstance(document, str) else document


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _read(body: bytes, kind: Kind | None = None) -> Document | str:
    """Read a document, or say why it cannot be read."""
    try:
        value = read_object(body)
    except GoJSONError as error:
        return error.message
    except (ValueError, RecursionError) as error:
        return f"not an object: {error}"
    kind = kind or kind_of_document(value, RawManifest(body=body))
    return read_document(value, kind) if kind != "schema1" else "neither an index nor an image manifest"


def _referrer(descriptor: Descriptor, document: Document) -> dict[str, Any]:
    """The descriptor of a referring document, as a registry lists it.

    Notes
    -----
    Origin: OCI distribution-spec 1.1, "Listing Referrers": artifactType is the config's type where the manifest has none.
    """
    config = "" if document.config is None else document.config.media_type
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        "artifactType": document.artifact_type or config,
        "annotations": document.annotations,
    }
