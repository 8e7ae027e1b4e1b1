"""What ``docker save`` writes: a tar with ``manifest.json``, or, before Docker 1.10, one folder for each layer.

The rule of this file: such an archive has no manifest a registry would know, so one is put together from what it has,
always the same bytes. A digest that the archive claims is passed on as claimed; where it claims none, the bytes are
hashed.

What Docker 25 and later write is an OCI layout as well, and read as one.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from toolkit.digests import Digest
from toolkit.errors import NotFoundError
from toolkit.layers.streams import sniff
from toolkit.manifests.media_types import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST
from toolkit.manifests.raw import RawManifest
from toolkit.sources import legacy_chain
from toolkit.sources.files import Held, compact, digest_of, malformed, read_json, stream
from toolkit.sources.protocol import CONFIG_LIMIT, BlobStream, Referrers
from toolkit.sources.tree import Tree, parts, read, required_size

_INDEX: Final = "manifest.json"
_CONFIG: Final = re.compile(r"(?:[^/]+/)*(?:sha256:)?([0-9a-f]{64})(?:\.json)?", re.ASCII)
_LAYER: Final = re.compile(r"blobs/sha256/([0-9a-f]{64})", re.ASCII)
_SUFFIXES: Final = {"gzip": ".gzip", "zstd": ".zstd"}
_LEGACY: Final = "legacy:"


class DockerArchive:
    """The images of an archive of ``docker save``.

    Notes
    -----
    Origin: Docker's ``image/spec/v1.2.md`` ("Combined Image JSON + Filesystem Changeset Format") and ``v1.md``.
    """

    kind = "docker-archive"

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._blobs: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    @classmethod
    def recognises(cls, tree: Tree) -> bool:
        """Whether a tree looks like one, of any age."""
        return tree.kind(_INDEX) == "file" or tree.kind("repositories") == "file"

    def images(self) -> Sequence[Held]:
        """Every image by every name it has."""
        return self._held

    def manifest(self, key: str) -> RawManifest:
        """Put the manifest of an image together; layers without a claimed digest are hashed, once."""
        if key not in self._manifests:
            legacy = key.removeprefix(_LEGACY)
            self._manifests[key] = self._schema1(legacy) if legacy != key else self._schema2(int(key))
        return self._manifests[key]

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The manifest of that digest, among those that are put together."""
        for key in dict.fromkeys(image.key for image in self._held):
            raw = self.manifest(key)
            if str(Digest.of(raw.body, digest.algorithm)) == str(digest):
                return raw
        return None

    def blob(self, digest: Digest) -> BlobStream:
        """A config or layer, by the digest its manifest gives it."""
        if str(digest) not in self._blobs:
            for key in dict.fromkeys(image.key for image in self._held):
                self.manifest(key)
        name = self._blobs.get(str(digest))
        if name is None:
            raise NotFoundError("unknown blob", where=self.tree.where, expected=str(digest), actual="no file of that digest")
        return stream(self.tree, name, f"the blob {digest}")

    def referrers(self, digest: str) -> Referrers:
        """Nothing: no document of such an archive has a subject."""
        del digest
        return Referrers(way="none", reason="a docker-archive records no subjects")

    @cached_property
    def _manifests(self) -> dict[str, RawManifest]:
        return {}

    @cached_property
    def _entries(self) -> list[dict[str, Any]]:
        entries: list[Any] = read_json(self.tree, _INDEX, list, "the archive's manifest.json")
        for index, entry in enumerate(entries):
            place = f"{_INDEX}[{index}]"
            if not isinstance(entry, dict):
                raise malformed(self.tree, place, "an entry is not an object", "an object", type(entry).__name__)
            if not isinstance(entry.get("Config"), str):
                raise malformed(self.tree, place, "an entry names no config", "Config: a file's name", entry.get("Config"))
            for member in ("Layers", "RepoTags"):
                value = entry.get(member)
                if value is not None and not _is_texts(value):
                    raise malformed(self.tree, f"{place}.{member}", f"{member} is not a list of texts", "a list of texts", value)
        return entries

    @cached_property
    def _held(self) -> tuple[Held, ...]:
        if self.tree.kind(_INDEX) != "file":
            named = legacy_chain.names(self.tree, "repositories", read_json(self.tree, "repositories", dict, "repositories"))
            found = named or [Held("", head) for head in legacy_chain.heads(self.tree, "")]
            return tuple(Held(image.name, _LEGACY + image.key) for image in found)
        held = []
        for index, entry in enumerate(self._entries):
            names = [name for name in entry.get("RepoTags") or () if name]
            held += [Held(name, str(index)) for name in names] or [Held("", str(index))]
        return tuple(held)

    def _schema2(self, index: int) -> RawManifest:
        entry = self._entries[index]
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": self._config(entry["Config"]),
            "layers": [self._layer(name, source) for name, source in self._layers(entry)],
        }
        return RawManifest(body=compact(document), content_type=DOCKER_MANIFEST, made_from="manifest.json of the archive")

    def _config(self, name: str) -> dict[str, Any]:
        claimed = _CONFIG.fullmatch(name)
        size = required_size(self.tree, name, "the image's config")
        digest = f"sha256:{claimed[1]}" if claimed else self._hashed(name)
        self._blobs.setdefault(digest, name)
        return {"mediaType": DOCKER_CONFIG, "size": size, "digest": digest}

    def _layers(self, entry: dict[str, Any]) -> list[tuple[str, dict[str, Any] | None]]:
        """The files of the layers, base first, and where a layer may be that is not in the archive."""
        names = entry.get("Layers") or []
        sources = entry.get("LayerSources")
        if not isinstance(sources, dict) or not sources:
            return [(name, None) for name in names]
        diff_ids = _diff_ids(read(self.tree, entry["Config"], CONFIG_LIMIT, "the image's config"))
        found = [_descriptor(sources.get(diff_id)) for diff_id in diff_ids]
        return list(itertools.zip_longest(names, found[: len(names)]))

    def _layer(self, name: str, elsewhere: dict[str, Any] | None) -> dict[str, Any]:
        size = self.tree.size(name)
        if size is None and elsewhere is not None:
            return elsewhere
        if size is None:
            required_size(self.tree, name, "a layer")
        claimed = _LAYER.fullmatch("/".join(parts(name, self.tree.where)))
        digest = f"sha256:{claimed[1]}" if claimed else self._hashed(name)
        self._blobs.setdefault(digest, name)
        if elsewhere is not None and elsewhere.get("digest") == digest:
            return elsewhere
        first = next(self.tree.chunks(name), b"")
        return {"mediaType": DOCKER_LAYER + _SUFFIXES.get(sniff(first), ""), "size": size, "digest": digest}

    def _schema1(self, image_id: str) -> RawManifest:
        held = next((image for image in self._held if image.key == _LEGACY + image_id), Held("", image_id))
        links = legacy_chain.chain(self.tree, "", image_id)
        return legacy_chain.manifest(held, links, self._blob_sum, "the json files of the archive")

    def _blob_sum(self, link: legacy_chain.Link) -> str:
        name = f"{link.id}/layer.tar"
        required_size(self.tree, name, f"the layer of {link.id}")
        digest = self._hashed(name)
        self._blobs.setdefault(digest, name)
        return digest

    def _hashed(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = digest_of(self.tree.chunks(name))
        return self._digests[name]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _descriptor(value: object) -> dict[str, Any] | None:
    """Where a layer is that need not be in the archive; None when what stands there is no descriptor."""
    if not isinstance(value, dict) or not isinstance(value.get("size"), int):
        return None
    if not isinstance(value.get("mediaType"), str) or not isinstance(value.get("digest"), str):
        return None
    found = {member: value[member] for member in ("mediaType", "size", "digest")}
    return found | ({"urls": value["urls"]} if _is_texts(value.get("urls")) else {})


def _diff_ids(config: bytes) -> list[str]:
    """The diff IDs of a config; none where it cannot be read, which is told when it is judged."""
    try:
        value = json.loads(config)
        found = value["rootfs"]["diff_ids"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
