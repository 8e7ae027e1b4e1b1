"""The v1Compatibility texts that a legacy image does not have yet.

The rule of this file: it computes what Docker 1.9 would have written, for an image and everything below it; the plan
carries the texts to whoever may write.
"""

from __future__ import annotations

from typing import Final

from toolkit.errors import GoJSONError, GraphError
from toolkit.go_json.decode import STRING, Struct, unmarshal
from toolkit.identity import image_record
from toolkit.reuse.stored_image import GraphView, LoadedImage, get

_OWN_ID: Final = Struct("struct { ID string }", (("ID", STRING),))


def missing_histories(graph: GraphView, image_id: str) -> dict[str, bytes]:
    """Make the v1Compatibility texts that are missing from an image down to its base.

    Parameters
    ----------
    graph : Mapping of str to StoredImage
    image_id : str

    Returns
    -------
    dict of str to bytes
        Image ID to the text to write, lowest image first; empty when the image has its own.

    Raises
    ------
    GraphError
        A parent is missing or cannot be read (Docker's words), or the parents go in a circle, in which Docker 1.9
        would have waited for itself for ever.

    Notes
    -----
    Origin: ``graph.GenerateV1CompatibilityChain`` of Docker 1.9. It makes no layer digest: without a ``checksum``
    file an image is not reused, with or without this text.
    """
    lacking: list[LoadedImage] = []
    seen: set[str] = set()
    name, lowest = image_id, b""
    while True:
        loaded = get(graph, name)
        if loaded.id in seen:
            raise GraphError(
                f"the parents of image {image_id} go in a circle",
                where=f"graph, image {loaded.id}",
                expected="a base image without a parent",
                actual=f"{loaded.id} is its own ancestor",
                code="seed-hang",
                next_step="the graph was changed by hand; start a new one",
            )
        seen.add(loaded.id)
        if loaded.stored.v1_compatibility is not None:
            lowest = loaded.stored.v1_compatibility
            break
        lacking.append(loaded)
        if not loaded.parent:
            break
        name = loaded.parent
    made: dict[str, bytes] = {}
    below = lowest
    for loaded in reversed(lacking):
        record = dict(loaded.record)
        if loaded.parent:
            record["parent"] = _own_id(below)
        below = image_record.write(record)
        made[loaded.id] = below
    return made


def _own_id(v1_compatibility: bytes) -> str:
    try:
        text: str = unmarshal(v1_compatibility, _OWN_ID)["ID"]
    except GoJSONError as error:
        raise GraphError(error.message, where="v1Compatibility of a parent in the graph") from error
    return text
