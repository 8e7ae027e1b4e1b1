"""A Docker daemon's own folder, of any age, of a daemon that is not needed.

The rule of this file: a daemon keeps what an image is, and unpacks its layers; so what is asked of it is answered by its
records. A layer is given as the tar that is put together from its files, where that tar is what is asked for; a blob is said
not to be there rather than made up.

Since Docker 1.10 ``image/<driver>`` holds the configs and what is known of layers; before, ``graph`` holds one folder for
each layer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from toolkit.digests import Digest
from toolkit.errors import NotKeptError
from toolkit.layers.tar_sum import version_of
from toolkit.manifests.media_types import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST
from toolkit.manifests.raw import RawManifest
from toolkit.references import image_id_error
from toolkit.sources import legacy_chain
from toolkit.sources.files import Held, compact, exact_digest, malformed, read_json, stream
from toolkit.sources.legacy_review import LegacyImage, review, unpacked
from toolkit.sources.protocol import CONFIG_LIMIT, BlobStream, Referrers
from toolkit.sources.rebuilt_layers import RebuiltLayers, RebuiltTar, Unpacked
from toolkit.sources.tree import Tree, read, required_size

_CONFIGS: Final = "imagedb/content/sha256"
_METADATA: Final = "distribution/v2metadata-by-diffid"
_LAYERS: Final = "layerdb/sha256"
_LEGACY: Final = "repositories-"
_SMALL: Final = 1024
"""Bytes a file may have that holds one digest or one name."""


class DockerRoot:
    """The images a Docker daemon keeps.

    A key is the driver and the config's digest, or, in a graph of Docker 1.9 and earlier, the image's ID. Of several
    storage drivers each has images of its own.

    Notes
    -----
    Origin: Docker's ``image/fs.go``, ``layer/filestore.go`` and ``distribution/metadata``; ``graph/graph.go`` before 1.10.
    """

    kind = "docker-root"

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._layers = RebuiltLayers(tree)

    @classmethod
    def recognises(cls, tree: Tree) -> bool:
        """Whether a tree looks like one."""
        if tree.kind("graph") == "folder" and any(name.startswith(_LEGACY) for name in tree.names("")):
            return True
        return any(tree.kind(f"image/{driver}/imagedb") == "folder" for driver in tree.names("image"))

    def images(self) -> Sequence[Held]:
        """Every image by every name it has; then those without one."""
        return self._held

    def manifest(self, key: str) -> RawManifest:
        """Put the manifest of an image together from the daemon's records.

        The size of a blob is not recorded, and stands as 0; that of a tar follows from its metadata, where there is any.
        """
        driver, slash, digest = key.partition("/")
        return self._schema2(driver, exact_digest(digest, self.tree.where)) if slash else self._schema1(key)

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The manifest of that digest, among those that are put together."""
        for key in dict.fromkeys(image.key for image in self._held):
            raw = self.manifest(key)
            if str(Digest.of(raw.body, digest.algorithm)) == str(digest):
                return raw
        return None

    def blob(self, digest: Digest) -> BlobStream:
        """A config; or the tar of a layer, put together, where that is what has the digest.

        Raises
        ------
        NotKeptError
            It is the digest of nothing here, or of a compressed layer; ``actual`` tells the digest of its tar, which can be
            asked for. Or a file of the layer is missing or changed, and ``where`` tells which.
        """
        for driver in self._drivers:
            name = f"image/{driver}/{_CONFIGS}/{digest.hex}"
            if digest.algorithm == "sha256" and self.tree.size(name) is not None:
                return stream(self.tree, name, f"the config {digest}")
        recorded = self._by_diff_id.get(str(digest))
        if recorded is not None:
            return self._layers.stream(recorded)
        pulled = [self._unpacked(one) for one in self._legacy_ids if self._checksum(one) == str(digest)]
        for layer in [*pulled, *(self._unpacked(one) for one in self._legacy_ids)]:
            if self._layers.named(layer).digest == str(digest):
                return self._layers.stream(layer)
        raise self._no_archive(digest, [self._layers.named(layer) for layer in pulled])

    def review(self) -> tuple[LegacyImage, ...]:
        """Compare every image of a graph of Docker 1.9 and earlier with its own files, and put its layer together."""
        return review(self.tree, self._layers)

    def referrers(self, digest: str) -> Referrers:
        """Nothing: a daemon keeps no document with a subject."""
        del digest
        return Referrers(way="none", reason="a docker root records no subjects")

    @cached_property
    def _drivers(self) -> list[str]:
        return [driver for driver in self.tree.names("image") if self.tree.kind(f"image/{driver}/imagedb") == "folder"]

    @cached_property
    def _legacy_ids(self) -> list[str]:
        return [name for name in self.tree.names("graph") if image_id_error(name) is None]

    def _unpacked(self, image_id: str) -> Unpacked:
        return unpacked(self._layers, image_id)

    @cached_property
    def _by_diff_id(self) -> dict[str, Unpacked]:
        """The layers of Docker 1.10 and later; of two with one diff ID one whose files are there."""
        found: dict[str, Unpacked] = {}
        for driver in self._drivers:
            for chain in self.tree.names(f"image/{driver}/{_LAYERS}"):
                place = f"image/{driver}/{_LAYERS}/{chain}"
                name, diff_id = self._word(f"{place}/cache-id"), self._word(f"{place}/diff")
                folder = self._layers.folder(name, driver) if name.isalnum() else None
                if folder is not None or diff_id not in found:
                    found[diff_id] = Unpacked(chain, f"{place}/tar-split.json.gz", folder)
        return found

    def _word(self, name: str) -> str:
        """What a small file says; nothing when it is not there."""
        if self.tree.kind(name) != "file":
            return ""
        return read(self.tree, name, _SMALL, name).decode("utf-8", "replace").strip()

    def _no_archive(self, digest: Digest, tars: Sequence[RebuiltTar]) -> NotKeptError:
        """The error for a blob that is not kept; of one that became a layer here, the tar is told."""
        problem = next((one.problem for one in tars if one.problem is not None), None)
        tar = next((one.digest for one in tars if one.digest is not None), None)
        found = f"the rebuilt tar {tar}" if tar else problem.message if problem is not None else ""
        next_step = "ask the daemon for the image with `docker save`, and read that"
        return NotKeptError(
            f"a docker root keeps no layer archives, only what they unpack to{found and ': '}{found}",
            where=self.tree.where if problem is None else problem.where,
            expected=str(digest),
            actual=found or "no such file",
            next_step=f"read the blob {tar}, which is this layer before it was compressed; or {next_step}" if tar else next_step,
        )

    @cached_property
    def _held(self) -> tuple[Held, ...]:
        found: list[Held] = []
        for driver in self._drivers:
            named = self._named(driver)
            known = {image.key for image in named}
            keys = [f"{driver}/sha256:{name}" for name in self.tree.names(f"image/{driver}/{_CONFIGS}")]
            found += named + [Held("", key) for key in keys if key not in known]
        for name in self.tree.names(""):
            if name.startswith(_LEGACY):
                found += legacy_chain.names(self.tree, name, self._repositories(name))
        if self.tree.kind("graph") == "folder":
            known = {image.key for image in found}
            found += [Held("", head) for head in legacy_chain.heads(self.tree, "graph") if head not in known]
        return tuple(found)

    def _repositories(self, name: str) -> dict[str, Any]:
        found = read_json(self.tree, name, dict, name).get("Repositories")
        if not isinstance(found, dict) or not all(isinstance(names, dict) for names in found.values()):
            raise malformed(self.tree, name, f"{name} cannot be read", "Repositories: names to IDs", type(found).__name__)
        return found

    def _named(self, driver: str) -> list[Held]:
        """The names of a driver's images; a name by digest says where an image came from, and is no tag."""
        place = f"image/{driver}/repositories.json"
        if self.tree.kind(place) is None:
            return []
        return [
            Held(name, f"{driver}/{exact_digest(str(digest), f'{self.tree.where}: {place}')}")
            for names in self._repositories(place).values()
            for name, digest in names.items()
            if "@" not in name
        ]

    def _schema2(self, driver: str, digest: Digest) -> RawManifest:
        name = f"image/{driver}/{_CONFIGS}/{digest.hex}"
        size = required_size(self.tree, name, f"the config {digest}")
        diff_ids = self._diff_ids(name)
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "size": size, "digest": str(digest)},
            "layers": [self._layer(driver, diff_id) for diff_id in diff_ids],
        }
        return RawManifest(body=compact(document), content_type=DOCKER_MANIFEST, made_from="the records of a docker root")

    def _diff_ids(self, name: str) -> list[Digest]:
        text = read(self.tree, name, CONFIG_LIMIT, "the image's config")
        try:
            config = json.loads(text)
            found = config.get("rootfs", {}).get("diff_ids") or []
            texts = [one for one in found if isinstance(one, str)]
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise malformed(self.tree, name, f"a config cannot be read: {error}", "an image's config", "another text") from error
        return [exact_digest(one, f"{self.tree.where}: {name}") for one in texts]

    def _layer(self, driver: str, diff_id: Digest) -> dict[str, Any]:
        """A layer by the digest it was pulled or pushed with, or else by its diff ID, as if it were never compressed."""
        name = f"image/{driver}/{_METADATA}/{diff_id.algorithm}/{diff_id.hex}"
        records = read_json(self.tree, name, list, "what is known of a layer") if self.tree.kind(name) == "file" else []
        known = [one["Digest"] for one in records if isinstance(one, dict) and isinstance(one.get("Digest"), str)]
        if not known:
            recorded = self._by_diff_id.get(str(diff_id))
            size = 0 if recorded is None else self._layers.size(recorded)
            return {"mediaType": DOCKER_LAYER, "size": size, "digest": str(diff_id)}
        return {
            "mediaType": DOCKER_LAYER + ".gzip",
            "size": 0,
            "digest": str(exact_digest(known[-1], f"{self.tree.where}: {name}")),
        }

    def _schema1(self, image_id: str) -> RawManifest:
        held = next((image for image in self._held if image.key == image_id), Held("", image_id))
        links = legacy_chain.chain(self.tree, "graph", image_id)
        return legacy_chain.manifest(held, links, self._blob_sum, "the graph of a docker root")

    def _blob_sum(self, link: legacy_chain.Link) -> str:
        """The digest a layer was pulled with; for one that never was, that of its rebuilt tar.

        Where there is none either, it is the digest of the layer's description, which nothing serves.
        """
        found = self._checksum(link.id)
        if found and version_of(found) is None:
            return str(exact_digest(found, f"{self.tree.where}: graph/{link.id}/checksum"))
        return self._layers.named(self._unpacked(link.id)).digest or str(Digest.of(link.text.encode("utf-8")))

    def _checksum(self, image_id: str) -> str:
        return self._word(f"graph/{image_id}/checksum")
