"""An image as it lies in a graph, and how Docker 1.9 loaded it.

The rule of this file: files in, a loaded image or Docker's own words out. A file that is not there is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolkit.digests import seed_digest_error
from toolkit.errors import GoJSONError, ImageNotFoundError
from toolkit.identity import image_record
from toolkit.references import image_id_error

_INTEGER: Final = re.compile(rb"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """The files of one image directory, byte for byte, except ``tar-data.json.gz``."""

    json: bytes | None
    layersize: bytes | None = None
    checksum: bytes | None = None
    v1_compatibility: bytes | None = None
    parent: bytes | None = None


GraphView = Mapping[str, StoredImage]
"""A graph to look at: image ID (64 hex) to its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """An image that could be loaded: its record, with the parent and the size that count."""

    id: str
    parent: str
    size: int
    record: dict[str, Any]
    stored: StoredImage


def get(graph: GraphView, name: str) -> LoadedImage:
    """Find an image by ID or unique prefix and load it.

    Parameters
    ----------
    graph : Mapping of str to StoredImage
    name : str
        64 hex digits, or a prefix of them.

    Returns
    -------
    LoadedImage

    Raises
    ------
    ImageNotFoundError
        With Docker's own words: not there, ambiguous, or there but not loadable.

    Notes
    -----
    Origin: ``graph.Graph.Get`` and ``loadImage`` of Docker 1.9.
    """
    image_id = _resolve(graph, name)
    return _load(image_id, graph[image_id])


def exists(graph: GraphView, name: str) -> bool:
    """Tell whether ``get`` would find an image (``graph.Exists``): one that cannot be loaded does not exist."""
    try:
        get(graph, name)
    except ImageNotFoundError:
        return False
    return True


def layer_digest(stored: StoredImage) -> str:
    """Return the digest in the ``checksum`` file, or raise Docker's words for a missing or odd one."""
    if stored.checksum is None:
        raise ImageNotFoundError("digest is not set for layer")
    text = stored.checksum.decode("utf-8", "backslashreplace")
    problem = seed_digest_error(text)
    if problem is not None:
        raise ImageNotFoundError(problem)
    return text


def _resolve(graph: GraphView, name: str) -> str:
    if name in graph:
        return name
    if name == "":
        raise _no_image("could not find image: Prefix can't be empty", name)
    found = [image_id for image_id in graph if image_id.startswith(name)] if len(name) < 64 else []
    if not found:
        raise _no_image(f"could not find image: no such id: {name}", name)
    if len(found) > 1:
        raise _no_image("could not find image: Multiple IDs found with provided prefix", name)
    return found[0]


def _load(image_id: str, stored: StoredImage) -> LoadedImage:
    if stored.json is None:
        raise _no_image(f"open graph/{image_id}/json: no such file or directory", image_id)
    try:
        record = image_record.read_first(stored.json)
    except GoJSONError as error:
        raise _no_image(error.message, image_id) from error
    own_id = record["id"] or image_id
    problem = image_id_error(own_id)
    if problem is not None:
        raise _no_image(problem, image_id)
    size = _size(image_id, stored.layersize)
    if own_id != image_id:
        raise _no_image(f"Image stored at '{image_id}' has wrong id '{own_id}'", image_id)
    parent = record["parent"]
    if not parent and seed_digest_error(record["parent_id"]) is None:
        parent = record["parent_id"].partition(":")[2]
    if stored.parent:
        parent = stored.parent.decode("utf-8", "backslashreplace")
    return LoadedImage(
        id=own_id, parent=parent, size=size, record=record | {"id": own_id, "parent": parent, "Size": size}, stored=stored
    )


def _size(image_id: str, layersize: bytes | None) -> int:
    if layersize is None:
        return 0
    text = layersize.decode("utf-8", "backslashreplace")
    if not _INTEGER.fullmatch(layersize):
        raise _no_image(f'strconv.ParseInt: parsing "{text}": invalid syntax', image_id)
    digits = layersize.lstrip(b"+-0")[:20]  # of any more digits the value does not matter
    size = int(digits or b"0") * (-1 if layersize.startswith(b"-") else 1)
    if not -(2**63) <= size < 2**63:
        raise _no_image(f'strconv.ParseInt: parsing "{text}": value out of range', image_id)
    return size


def _no_image(message: str, name: str) -> ImageNotFoundError:
    return ImageNotFoundError(message, where=f"graph, image {name!r}", next_step="`ls images/` in the graph shows what is there")
