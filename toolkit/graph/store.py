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
from toolkit.errors import GraphError
from toolkit.graph import index
from toolkit.graph.blobs import BlobStore
from toolkit.graph.chains import ChainIndex
from toolkit.graph.images import ImageStore, legacy_image, parent_file
from toolkit.graph.layout import EMPTY_INDEX, EMPTY_REPOSITORIES, OCI_LAYOUT, Layout
from toolkit.graph.locks import PATIENCE, IdLocks
from toolkit.graph.tags import TagStore
from toolkit.graph.turns import Turns
from toolkit.layers.measure import measure
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
        if self.layout.root.exists() and not self.layout.root.is_dir():
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

    # -- writing -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the directories and the empty indexes of a new graph."""
        for directory in (self.layout.images, self.layout.ingest, self.layout.ledger, self.layout.root / "blobs" / "sha256"):
            fsops.make_directory(directory)
        self._locks.claim()
        for path, data in (
            (self.layout.root / "oci-layout", OCI_LAYOUT),
            (self.layout.index, EMPTY_INDEX),
            (self.layout.repositories, EMPTY_REPOSITORIES),
        ):
            if fsops.size(path) is None:
                fsops.replace(path, data, mode=0o600 if path == self.layout.repositories else 0o644, durable=False)
        self._clean()

    def _clean(self) -> None:
        """Take away what killed processes left and nobody can go on with; unfinished downloads stay."""
        for path in [folder / name for folder in (self.layout.ingest, self.layout.root) for name in fsops.names(folder)]:
            owner = fsops.owner_of(path.name)
            if owner is not None and not self._locks.lives(owner):
                fsops.discard(path)
            elif path.suffix == ".turn":
                self.turns.clean(path)
            elif path.suffix == ".partial":
                self._clean_partial(path)

    def _clean_partial(self, path: Path) -> None:
        """Take away a download that was committed, and whose process died before it could do that."""
        digest = path.stem.replace("-", ":", 1)
        if not Digest.is_exact(digest) or self.blobs.path(digest) is None:
            return
        with self.turns.free(f"blob {digest}") as free:
            if free:
                fsops.discard(path)
                fsops.discard(path.with_suffix(".json"))

    def register(
        self,
        image_id: str,
        config: bytes,
        *,
        parent: str,
        layer_size: int,
        checksum: str,
        v1_compatibility: bytes,
    ) -> bool:
        """Commit an image; False when a loadable one is there already.

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
            self.images.register(image_id, image)
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
        with self._locks.hold([_INDEXES]):
            return self.tags.set(name, reference, image_id)

    def point(self, reference: str, *, media_type: str, digest: str, size: int) -> None:
        """Enter a pulled manifest into the OCI index, against other processes."""
        with self._locks.hold([_INDEXES]):
            index.add_manifest(self.layout, reference, media_type=media_type, digest=digest, size=size)

    # -- sharing -------------------------------------------------------------------------------------------------

    def lock(self, image_ids: Iterable[str]) -> contextlib.AbstractContextManager[None]:
        """Hold the locks of some IDs against other threads and processes."""
        return self._locks.hold(image_ids)

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
