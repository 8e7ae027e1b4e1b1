"""The graph: images, blobs and references in one directory.

The rule of this file: it is a Mapping of image IDs to their files, so that whatever takes a graph to look at also
takes a dict; everything that writes is a method with a verb.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit.digests import Digest, seed_digest_error, sha256
from toolkit.errors import GraphError, GraphIOError, UnsafeGraphError
from toolkit.graph import index
from toolkit.graph.blobs import BlobStore
from toolkit.graph.chains import ChainIndex
from toolkit.graph.images import ImageStore, legacy_image, parent_file
from toolkit.graph.layout import EMPTY_INDEX, EMPTY_REPOSITORIES, OCI_LAYOUT, Layout
from toolkit.graph.locks import PATIENCE, IdLocks
from toolkit.graph.recovery import Remember, recover
from toolkit.graph.tags import TagStore
from toolkit.graph.turns import Turns
from toolkit.layers.measure import measure
from toolkit.records import Holding
from toolkit.reuse.stored_image import StoredImage, exists

_INDEXES: Final = sha256(b"repositories.json and index.json").partition(":")[2]
"""The lock under which the two indexes are written."""


class Graph(Mapping[str, StoredImage]):
    """A directory of images that were pulled.

    Parameters
    ----------
    root : path
        The directory; made when something is first written.
    patience : float
        Seconds to wait for another process's lock.

    Examples
    --------
    >>> graph = Graph.temporary()
    >>> len(graph), graph.tags.all()
    (0, {})
    """

    def __init__(self, root: str | PathLike[str], *, patience: float = PATIENCE) -> None:
        self.layout = Layout(Path(root))
        if fsops.exists(self.layout.root) and not fsops.is_directory(self.layout.root):
            raise GraphError(
                f"{self.layout.root} is a file, not the directory of a graph",
                where=str(self.layout.root),
                next_step="give another path: a graph is made where there is none",
            )
        self.is_temporary = False
        self.blobs = BlobStore(self.layout)
        self.images = ImageStore(self.layout)
        self.chains = ChainIndex(self.layout)
        self.tags = TagStore(self.layout, self.holds)
        self._locks = IdLocks(self.layout.locks, patience=patience)
        self.turns = Turns(self.layout, self._locks)
        self._holds: dict[str, set[str]] = {}
        self._holds_guard = threading.Lock()

    @classmethod
    def temporary(cls) -> Graph:
        """A graph that goes away with the object."""
        graph = cls(fsops.make_temporary_directory())
        graph.is_temporary = True
        weakref.finalize(graph, fsops.remove_tree, graph.layout.root)
        return graph

    @classmethod
    def of(cls, graph: Graph | str | PathLike[str]) -> Graph:
        """Take a graph or the path of one."""
        return graph if isinstance(graph, Graph) else cls(graph)

    # -- looking -------------------------------------------------------------------------------------------------

    def __getitem__(self, image_id: str) -> StoredImage:
        image = self.images.read(image_id)
        if image is None:
            raise KeyError(image_id)
        return image

    def __iter__(self) -> Iterator[str]:
        return self.images.ids()

    def __len__(self) -> int:
        return sum(1 for _ in self.images.ids())

    def __repr__(self) -> str:
        references = sum(len(named) for named in self.tags.all().values())
        place = "temporary" if self.is_temporary else repr(str(self.layout.root))
        return f"Graph({place}): {len(self)} images, {references} references"

    def holds(self, image_id: str) -> bool:
        """Whether an image is here: one of Docker 1.9's by its ID, one of today's by its configuration's digest."""
        if Digest.is_exact(image_id):
            return self.blobs.path(image_id) is not None
        return exists(self, image_id)

    @property
    def is_read_only(self) -> bool:
        """Whether the graph can only be looked at: its permissions or its mount say so. What is not there can be made."""
        return fsops.is_read_only(self.layout.root)

    # -- writing -------------------------------------------------------------------------------------------------

    def prepare(self, remember: Remember | None = None) -> tuple[Holding, ...]:
        """Open the graph for writing: make what a new one needs, and recover what an earlier process left behind.

        Parameters
        ----------
        remember : callable, optional
            As in ``recovery.recover``: what to make a damaged index of.

        Returns
        -------
        tuple of Holding
            What was found and put right; empty as a rule.

        Raises
        ------
        UnsafeGraphError
            Others could change the graph while we rely on it. Looking at it is allowed all the same.
        GraphIOError
            The graph is read-only, or the disk says no.
        """
        self.require_ours()
        for directory in (self.layout.images, self.layout.ingest, self.layout.ledger, self.layout.root / "blobs" / "sha256"):
            fsops.make_directory(directory)
        self._locks.claim()
        for path, data in (
            (self.layout.oci_layout, OCI_LAYOUT),
            (self.layout.index, EMPTY_INDEX),
            (self.layout.repositories, EMPTY_REPOSITORIES),
        ):
            if fsops.size(path) is None:
                fsops.write_whole(path, data, mode=0o600 if path == self.layout.repositories else 0o644)
        return recover(self, remember)

    def write_oci_layout(self) -> None:
        """Write the file that makes the graph an OCI image layout."""
        fsops.replace(self.layout.oci_layout, OCI_LAYOUT, mode=0o644)

    def require_ours(self) -> None:
        """Refuse to write where others could change what we rely on, or where nothing may be written; nothing is touched.

        Raises
        ------
        UnsafeGraphError
            It belongs to somebody else, or everybody may write into it.
        GraphIOError
            It is read-only.
        """
        root = self.layout.root
        exposed = fsops.is_exposed(root)
        if exposed is not None:
            raise UnsafeGraphError(
                f"{root} is not safe to write into: {exposed}",
                where=str(root),
                expected="a directory that belongs to us and that not everybody may write into",
                actual=exposed,
                next_step="`chown` or `chmod o-w` it if you trust what is in it, or use another graph; looking at it is allowed",
            )
        if self.is_read_only:
            raise GraphIOError(
                f"cannot write into {root}: it is read-only",
                where=str(root),
                expected="a directory that may be written into",
                actual="EROFS",
                next_step="use another graph, or `layerproof inspect`, which writes nothing",
            )

    def register(
        self,
        image_id: str,
        config: bytes,
        *,
        parent: str,
        layer_size: int,
        checksum: str,
        v1_compatibility: bytes,
        layer: str | None = None,
    ) -> bool:
        """Commit an image; False when a loadable one is there already.

        Parameters
        ----------
        image_id : str
            64 hex digits.
        config : bytes
            Its ``json``.
        parent : str
            The ID in use for the parent; may be empty.
        layer_size : int
            Sum of the sizes in the headers of the layer's tar, in bytes.
        checksum : str
            The digest the layer was asked for by.
        v1_compatibility : bytes
            As in the manifest.
        layer : str, optional
            The digest under which the layer lies among the blobs; without it the image gets no ``tar-data.json.gz``.

        Notes
        -----
        Origin: ``graph.register``, ``setLayerDigest`` and ``setV1CompatibilityConfig`` of Docker 1.9, in one step.
        """
        return self.images.register(
            image_id,
            StoredImage(
                json=config,
                layersize=str(layer_size).encode("ascii"),
                checksum=checksum.encode("utf-8"),
                v1_compatibility=v1_compatibility,
                parent=parent_file(config, parent),
            ),
            layer=None if layer is None else lambda: self.blobs.chunks(layer),
        )

    def register_legacy(self, json: bytes, *, layer: bytes | None = None, checksum: str | None = None) -> str:
        """Commit an image from before strong IDs, as Docker up to 1.8.2 left it behind.

        Parameters
        ----------
        json : bytes
            The image's own JSON; its ``id`` names it.
        layer : bytes, optional
            The layer's blob; kept among the blobs, and measured for ``layersize``.
        checksum : str, optional
            Content of the ``checksum`` file; only with it can the image ever be reused.

        Returns
        -------
        str
            The image's ID.
        """
        self.prepare()
        size: int | None = None
        if layer is not None:
            facts = measure([layer])
            if facts.problem is not None:
                raise facts.problem
            size = facts.layer_size
            self.blobs.add(layer)
        image_id, image = legacy_image(json, layersize=size, checksum=checksum)
        with self.lock([image_id]):
            self.images.register(image_id, image, layer=None if layer is None else lambda: [layer])
        return image_id

    def restore_layersize(self, image_id: str) -> None:
        """Measure a layer again whose ``layersize`` file is lost, if the blob is here; Docker asked its driver."""
        image = self.images.read(image_id)
        if image is None or image.json is None or image.layersize is not None or image.checksum is None:
            return
        checksum = image.checksum.decode("utf-8", "replace")
        if seed_digest_error(checksum) is not None or not Digest.is_exact(checksum) or self.blobs.path(checksum) is None:
            return
        size = measure(self.blobs.chunks(checksum)).layer_size
        self.images.complete(image_id, layersize=str(size).encode("ascii"))

    def set_reference(self, name: str, reference: str, image_id: str) -> str | None:
        """Set a tag or digest for an image, against other processes; return the image it named before."""
        with self.indexes():
            return self.tags.set(name, reference, image_id)

    def indexes(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock under which the indexes are written."""
        return self._locks.hold([_INDEXES])

    def point(self, reference: str, *, media_type: str, digest: str, size: int) -> None:
        """Enter a pulled manifest into the OCI index, against other processes."""
        with self.indexes():
            index.add_manifest(self.layout, reference, media_type=media_type, digest=digest, size=size)

    # -- sharing -------------------------------------------------------------------------------------------------

    def lock(self, image_ids: Iterable[str]) -> contextlib.AbstractContextManager[None]:
        """Hold the locks of some IDs against other threads and processes."""
        return self._locks.hold(image_ids)

    def try_lock(self, key: str) -> contextlib.AbstractContextManager[str | None]:
        """Hold one lock if it is free; the context gives None then, and otherwise who holds it."""
        return self._locks.attempt(key)

    def lives(self, owner: str) -> bool:
        """Whether a process that makes files here (``fsops.owner``) still does."""
        return self._locks.lives(owner)

    def retain(self, session: str, image_ids: Iterable[str]) -> None:
        """Note that a session still needs some images."""
        with self._holds_guard:
            for image_id in image_ids:
                self._holds.setdefault(image_id, set()).add(session)

    def release(self, session: str, image_ids: Iterable[str]) -> None:
        """Take back what ``retain`` noted."""
        with self._holds_guard:
            for image_id in image_ids:
                holders = self._holds.get(image_id, set())
                holders.discard(session)
                if not holders:
                    self._holds.pop(image_id, None)

    def is_held(self, image_id: str) -> bool:
        """Tell whether a session still needs an image."""
        with self._holds_guard:
            return image_id in self._holds
