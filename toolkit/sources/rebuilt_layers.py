"""Layers that a daemon unpacked, put together again: the tar, never the blob it came in.

The rule of this file: a layer is read once to be named, and again to be given; a file that is missing or is not the one
that was unpacked is an error with its path. How the tar was compressed nobody recorded, so the blob's own digest cannot be
had from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.errors import LayerError, NotKeptError
from toolkit.layers.go_path import clean
from toolkit.layers.streams import decompress
from toolkit.layers.tar_rebuild import entries, rebuild
from toolkit.sources.protocol import BlobStream
from toolkit.sources.tree import Tree

_WHOLE = {"aufs": "aufs/diff/{}", "overlay2": "overlay2/{}/diff", "overlay": "overlay/{}/root", "vfs": "vfs/dir/{}"}
"""Where a driver keeps the files of a layer, and perhaps of those below."""
_UPPER = "overlay/{}/upper"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a layer became: what the daemon calls it, the metadata of its tar, and the folder of its files, if any."""

    name: str
    metadata: str
    folder: str | None


@dataclass(frozen=True, slots=True)
class RebuiltTar:
    """A tar that was put together: its digest and its size in bytes; or what stood in the way."""

    digest: str | None
    size: int
    problem: NotKeptError | None


class RebuiltLayers:
    """The layers of a daemon's folder.

    Parameters
    ----------
    tree : Tree
        Of a compressed tar every file is read from the beginning: unpack it first where there are many.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[Unpacked, RebuiltTar] = {}

    def folder(self, name: str, driver: str | None = None) -> str | None:
        """Where the files of a layer are; None where no driver that is read here has them."""
        places = [place for of, place in _WHOLE.items() if driver in (None, of)]
        places += [_UPPER] if driver in (None, "overlay") else []
        return next((found for one in places if self._tree.kind(found := one.format(name)) == "folder"), None)

    def named(self, layer: Unpacked) -> RebuiltTar:
        """Put a layer together, once, to see what it is."""
        if layer not in self._known:
            digest, size = hashlib.sha256(), 0
            try:
                for piece in self.chunks(layer):
                    digest.update(piece)
                    size += len(piece)
            except NotKeptError as error:
                self._known[layer] = RebuiltTar(None, size, error)
            else:
                self._known[layer] = RebuiltTar(f"sha256:{digest.hexdigest()}", size, None)
        return self._known[layer]

    def size(self, layer: Unpacked) -> int:
        """How many bytes the tar of a layer has by its metadata; 0 where that cannot be read."""
        if self._tree.kind(layer.metadata) != "file":
            return 0
        try:
            parts = entries(decompress(self._tree.chunks(layer.metadata))[1])
            return sum(len(one) if isinstance(one, bytes) else one.size for one in parts)
        except LayerError:
            return 0

    def stream(self, layer: Unpacked) -> BlobStream:
        """Give the tar of a layer that can be put together.

        Raises
        ------
        NotKeptError
            It cannot; the message says why, and ``where`` at which file.
        """
        found = self.named(layer)
        if found.problem is not None:
            raise found.problem
        return BlobStream(found.size, self.chunks(layer))

    def chunks(self, layer: Unpacked) -> Iterator[bytes]:
        """The tar of a layer, in pieces; what came before an error is not to be believed.

        Raises
        ------
        NotKeptError
            Its metadata or a file is missing, damaged, or not the one that was unpacked.
        """
        if self._tree.kind(layer.metadata) != "file":
            raise self._not_kept(layer, "there is no metadata of its tar", layer.metadata, "the file", "no such file")
        if layer.folder is None:
            expected = f"{', '.join(_WHOLE)}: a folder of its files"
            raise self._not_kept(layer, "its files are not where a driver that is read here keeps them", "", expected, "none")
        folder = layer.folder

        def content(name: bytes) -> Iterator[bytes] | None:
            path = f"{folder}{clean(b'/' + name).decode('utf-8', 'surrogateescape')}"
            return self._tree.chunks(path) if self._tree.kind(path) == "file" else None

        try:
            yield from rebuild(decompress(self._tree.chunks(layer.metadata))[1], content)
        except LayerError as error:
            place = layer.metadata if error.where.startswith("tar-split entry") or not error.where else f"{folder}/{error.where}"
            raise self._not_kept(layer, error.message, place, error.expected, error.actual) from error

    def _not_kept(self, layer: Unpacked, why: str, place: str, expected: object, actual: object) -> NotKeptError:
        return NotKeptError(
            f"the tar of the layer {layer.name} cannot be put together: {why}",
            where=f"{self._tree.where}: {place}" if place else self._tree.where,
            expected=expected,
            actual=actual,
            next_step="ask the daemon for the image with `docker save`, or its registry, and read that",
        )
