"""Image directories: the files Docker 1.9 kept for each image, byte for byte.

The rule of this file: an image appears whole, by one rename, with every file it will ever have; Docker 1.9 added two
of them afterwards (weakness W10). A directory that cannot be loaded is moved to quarantine, not removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from toolkit import fsops
from toolkit.digests import seed_digest_error
from toolkit.errors import GraphError, LayerError
from toolkit.graph.layout import Layout
from toolkit.identity import image_record
from toolkit.layers.streams import decompress
from toolkit.references import image_id_error
from toolkit.reuse.stored_image import StoredImage, exists

_FILES = {
    "json": "json",
    "layersize": "layersize",
    "checksum": "checksum",
    "v1_compatibility": "v1Compatibility",
    "parent": "parent",
}
"""Attribute of StoredImage to the name of its file."""
TAR_DATA = "tar-data.json.gz"
"""What it takes, besides the contents of its files, to put the layer's tar together again."""


class ImageStore:
    """The images half of a graph."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, image_id: str) -> StoredImage | None:
        """Read the files of an image as they are now; None when there is no such directory."""
        if image_id_error(image_id) is not None or not fsops.is_directory(self._layout.image(image_id)):
            return None
        directory = self._layout.image(image_id)
        return StoredImage(**{attribute: fsops.read(directory / name) for attribute, name in _FILES.items()})

    def ids(self) -> Iterator[str]:
        """Every image ID, sorted."""
        return (name for name in fsops.names(self._layout.images) if image_id_error(name) is None)

    def register(self, image_id: str, image: StoredImage, layer: Callable[[], Iterable[bytes]] | None = None) -> bool:
        """Commit an image; False when a loadable one is there already (and is left as it is).

        Parameters
        ----------
        image_id : str
            64 hex digits.
        image : StoredImage
            The files to write; None means no such file.
        layer : callable, optional
            Gives the layer's blob, verified before; ``tar-data.json.gz`` is made from it.
        """
        there = self.read(image_id)
        if there is not None:
            if exists({image_id: there}, image_id):
                return False
            self.set_aside(image_id)
        staged = self._layout.ingest / fsops.fresh_name("image.")
        fsops.make_directory(staged)
        for attribute, name in _FILES.items():
            data = getattr(image, attribute)
            if data is not None:
                fsops.write_new(staged / name, data)
        if layer is not None:
            _write_tar_data(staged / TAR_DATA, layer())
        fsops.sync_directory(staged)
        fsops.make_directory(self._layout.images)
        fsops.move_new(staged, self._layout.image(image_id))
        return True

    def complete(self, image_id: str, *, layersize: bytes | None = None, v1_compatibility: bytes | None = None) -> None:
        """Add a file that an image of the graph lacks; a file that is there stays as it is."""
        directory = self._layout.image(image_id)
        for name, data in (("layersize", layersize), ("v1Compatibility", v1_compatibility)):
            if data is not None and fsops.size(directory / name) is None:
                fsops.make_directory(self._layout.ingest)
                fsops.write_whole(directory / name, data, staging=self._layout.ingest)

    def set_aside(self, image_id: str) -> Path:
        """Move the directory of an image that is not what it should be into quarantine; return where it lies now."""
        number = 0
        while fsops.exists(target := self._layout.quarantined_image(image_id, number)):
            number += 1
        fsops.make_directory(target.parent)
        fsops.move_new(self._layout.image(image_id), target)
        return target


def _write_tar_data(path: Path, layer: Iterable[bytes]) -> None:
    """Write the metadata of a layer's tar; nothing where none can be made.

    Such a layer was let in by an exception from a rule, whose row says what is wrong with it.
    """
    from toolkit.layers.tar_split import Gzipped, split

    try:
        with fsops.NewFile(path) as file:
            compressed = Gzipped(file.write)
            split(decompress(layer)[1], compressed)
            compressed.finish()
            file.sync()
    except LayerError:
        fsops.discard(path)


def parent_file(config: bytes, parent: str) -> bytes | None:
    """Return the content of the ``parent`` file an image needs, or None when it needs none.

    Parameters
    ----------
    config : bytes
        The image's ``json``.
    parent : str
        The ID in use for the parent; may be empty.

    Notes
    -----
    Origin: ``graph.register`` of Docker 1.9: the file is written when the configuration names a valid parent_id whose
    hex is not the parent in use; it may be empty (weakness W1).
    """
    parent_id = image_record.read(config)["parent_id"]
    if seed_digest_error(parent_id) is not None or parent_id.partition(":")[2] == parent:
        return None
    return parent.encode("ascii")


def legacy_image(json: bytes, *, layersize: int | None, checksum: str | None) -> tuple[str, StoredImage]:
    """Make the files of an image from before strong IDs, as ``Graph.Register`` wrote them; return its ID and them."""
    record = image_record.read(json)
    problem = image_id_error(record["id"])
    if problem is not None:
        raise GraphError(problem, where="json", expected="an id of 64 hex digits", actual=record["id"])
    return record["id"], StoredImage(
        json=image_record.write(record),
        layersize=None if layersize is None else str(layersize).encode("ascii"),
        checksum=None if checksum is None else checksum.encode("utf-8"),
        parent=parent_file(json, record["parent"]),
    )
