"""Images of Docker's first format on a disk: one folder for each layer, each naming its parent.

The rule of this file: the texts of the ``json`` files go into the manifest as they are; what a layer's bytes hash to is
asked of the room that has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from toolkit.digests import Digest
from toolkit.errors import LimitError
from toolkit.manifests.media_types import SCHEMA1
from toolkit.manifests.raw import RawManifest
from toolkit.references import image_id_error
from toolkit.sources.files import Held, compact, malformed
from toolkit.sources.protocol import MANIFEST_LIMIT
from toolkit.sources.tree import Tree, read

LONGEST_CHAIN: Final = 1024
"""How many layers an image may have; Docker itself stopped at 127."""
_ID_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Link:
    """One layer of a chain: its ID and the text that describes it."""

    id: str
    text: str
    value: dict[str, Any]


def image_id(text: object, tree: Tree, place: str) -> str:
    """An image ID, before it becomes a path."""
    if not isinstance(text, str) or image_id_error(text) is not None:
        raise malformed(tree, place, f"{text!r} is not an image ID", "64 lower-case hex digits", text)
    return text


def chain(tree: Tree, folder: str, top: str) -> list[Link]:
    """Follow an image to its base.

    Parameters
    ----------
    tree : Tree
    folder : str
        Where the folders of the layers are.
    top : str
        The image's ID.

    Returns
    -------
    list of Link
        Top first, as in a manifest.

    Raises
    ------
    SourceError
        A parent is missing, or comes twice, or a text cannot be read.
    """
    found: dict[str, Link] = {}
    current: str | None = top
    while current is not None:
        place = f"{folder}/{image_id(current, tree, folder)}".removeprefix("/")
        if current in found:
            raise malformed(tree, place, f"the image {current} is its own ancestor", "a chain with an end", "a circle")
        if len(found) >= LONGEST_CHAIN:
            raise LimitError(
                f"an image of more than {LONGEST_CHAIN} layers", where=tree.where, expected=f"at most {LONGEST_CHAIN}"
            )
        found[current] = _link(tree, place, current)
        current = _parent(tree, place, found[current].value)
    return list(found.values())


def manifest(held: Held, links: list[Link], blob_sum: Callable[[Link], str], made_from: str) -> RawManifest:
    """Put an unsigned manifest of the first format together.

    Notes
    -----
    Origin: image manifest version 2, schema 1; ``fsLayers`` and ``history`` have the top first.
    """
    name, _, tag = held.name.rpartition(":")
    architecture = links[0].value.get("architecture")
    document = {
        "schemaVersion": 1,
        "name": name,
        "tag": tag,
        "architecture": architecture if isinstance(architecture, str) else "",
        "fsLayers": [{"blobSum": blob_sum(link)} for link in links],
        "history": [{"v1Compatibility": link.text} for link in links],
    }
    return RawManifest(body=compact(document), content_type=SCHEMA1, made_from=made_from)


def names(tree: Tree, place: str, repositories: object) -> list[Held]:
    """Read names and tags to image IDs, as in ``repositories`` files.

    Raises
    ------
    SourceError
        It has another shape.
    """
    if not isinstance(repositories, dict) or not all(isinstance(tags, dict) for tags in repositories.values()):
        raise malformed(tree, place, f"{place} cannot be read", "names to tags to image IDs", type(repositories).__name__)
    return [
        Held(f"{name}:{tag}", image_id(value, tree, place)) for name, tags in repositories.items() for tag, value in tags.items()
    ]


def heads(tree: Tree, folder: str) -> list[str]:
    """The images nobody names as parent: what a place without names holds."""
    places = {name: f"{folder}/{name}".removeprefix("/") for name in tree.names(folder) if image_id_error(name) is None}
    found = {name: place for name, place in places.items() if tree.kind(f"{place}/json") == "file"}
    parents = {_parent(tree, place, _link(tree, place, name).value) for name, place in found.items()}
    return [name for name in found if name not in parents]


def _link(tree: Tree, place: str, layer: str) -> Link:
    """Read one layer; the text is the one it came with where Docker 1.9 kept that beside its own."""
    text, value = _object(tree, f"{place}/json", layer)
    kept = f"{place}/v1Compatibility"
    if tree.kind(kept) == "file" and tree.size(kept):
        text, _ = _object(tree, kept, layer)
    return Link(layer, text, value)


def _object(tree: Tree, path: str, layer: str) -> tuple[str, dict[str, Any]]:
    data = read(tree, path, MANIFEST_LIMIT, f"the description of {layer}")
    try:
        text = data.decode("utf-8")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise malformed(tree, path, f"the description of {layer} is not JSON: {error}", "JSON", type(error).__name__) from error
    if not isinstance(value, dict):
        raise malformed(tree, path, f"the description of {layer} is not an object", "an object", type(value).__name__)
    return text, value


def _parent(tree: Tree, place: str, value: dict[str, Any]) -> str | None:
    """The parent of a layer.

    Notes
    -----
    Origin: ``Graph.Get`` of Docker 1.9: the file ``parent`` wins over the text, where ``parent_id`` stands in for ``parent``.
    """
    parent = value.get("parent")
    strong = value.get("parent_id")
    if not parent and isinstance(strong, str) and Digest.is_exact(strong):
        parent = Digest.parse(strong).hex
    if tree.kind(f"{place}/parent") == "file":
        parent = read(tree, f"{place}/parent", _ID_LIMIT, "the parent's ID").decode("utf-8", "replace").strip() or parent
    return image_id(parent, tree, f"{place}/json") if parent else None
