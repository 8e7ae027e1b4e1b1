"""The OCI image index of a graph, so that skopeo and umoci can read it as it is.

The rule of this file: it only says where manifests lie that a reference was pulled by; the truth is in the blobs.
"""

from __future__ import annotations

import json
from typing import Any, Final

from toolkit import fsops
from toolkit.errors import GraphError
from toolkit.graph.layout import EMPTY_INDEX, Layout

_NAME: Final = "org.opencontainers.image.ref.name"


def add_manifest(layout: Layout, reference: str, *, media_type: str, digest: str, size: int) -> None:
    """Point a reference at a manifest that lies among the blobs."""
    document = read(layout)
    entry = {"mediaType": media_type, "digest": digest, "size": size, "annotations": {_NAME: reference}}
    if entry in document["manifests"]:
        return
    document["manifests"] = [
        descriptor for descriptor in document["manifests"] if descriptor.get("annotations", {}).get(_NAME) != reference
    ]
    document["manifests"].append(entry)
    fsops.replace(layout.index, json.dumps(document, separators=(",", ":")).encode("utf-8"), mode=0o644)


def read(layout: Layout) -> dict[str, Any]:
    """Read the index; an absent one is empty."""
    text = fsops.read(layout.index) or EMPTY_INDEX
    try:
        document: dict[str, Any] = json.loads(text)
        if not isinstance(document["manifests"], list):
            raise TypeError("manifests is not a list")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GraphError(
            "the image index cannot be read",
            where=str(layout.index),
            expected="an OCI image index",
            actual=str(error),
            next_step="move the file away: the next pull makes a new one",
        ) from error
    return document
