"""Does an image in the graph deserve the place it would take in a chain?

The rule of this file: three small files decide (``json``, ``checksum``, ``v1Compatibility``); the layer itself is not
read here. That is Docker 1.9's trust, no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.errors import ImageConfigError, ImageNotFoundError
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import StrongImage, strong_id
from toolkit.reuse.stored_image import GraphView, get, layer_digest


def graph_check(graph: GraphView, image_id: str, image: StrongImage, *, below: str, parent_strong_id: str) -> str | None:
    """Validate an image of the graph against a place in a chain.

    Parameters
    ----------
    graph : Mapping of str to StoredImage
    image_id : str
        The ID that would be used.
    image : StrongImage
        The image of the chain that needs an ID.
    below : str
        The ID in use for the next lower image; ``""`` for the base.
    parent_strong_id : str
        The strong ID of the next lower image; ``""`` for the base.

    Returns
    -------
    str or None
        Docker's own words for what disagrees; None when the image deserves the place.

    Notes
    -----
    Origin: ``validateImageInGraph`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    try:
        loaded = get(graph, image_id)
    except ImageNotFoundError as error:
        return f"missing: {error.message}"
    try:
        digest = layer_digest(loaded.stored)
    except ImageNotFoundError as error:
        return f"digest: {error.message}"
    if below and loaded.parent != below:
        return f"parent: {loaded.parent} {below}"
    if not below and loaded.parent:
        return f"unexpected parent: {loaded.parent}"
    if loaded.stored.v1_compatibility is None:
        return f"v1Compatibility: {image_id} open graph/{image_id}/v1Compatibility: no such file or directory"
    try:
        config = image_config(loaded.stored.v1_compatibility, digest, parent_strong_id)
    except ImageConfigError as error:
        return f"make config: {error.message}"
    computed = strong_id(config)
    if computed != image.strong_id:
        return f"digest mismatch: {computed} {image.strong_id}, error: <nil>"
    return None


def check_place(graph: GraphView, images: Sequence[StrongImage], ids: Sequence[str], index: int) -> str | None:
    """Validate the image at ``index`` of a chain whose IDs are chosen; base first."""
    return graph_check(
        graph,
        ids[index],
        images[index],
        below=ids[index - 1] if index else "",
        parent_strong_id=images[index - 1].strong_id if index else "",
    )
