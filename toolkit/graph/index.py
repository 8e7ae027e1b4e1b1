"""The OCI image index of a graph, so that skopeo and umoci can read it as it is.

The rule of this file: it only says where manifests lie that a reference was pulled by; the truth is in the blobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from toolkit import fsops
from toolkit.errors import GraphError
from toolkit.graph.layout import EMPTY_INDEX, Layout
from toolkit.graph.settling import settle

_NAME: Final = "org.opencontainers.image.ref.name"


def add_manifest(layout: Layout, reference: str, *, media_type: str, digest: str, size: int) -> None:
    """Point a reference at a manifest that lies among the blobs."""
    settle(layout)
    document = read(layout)
    entry = entry_of(reference, media_type=media_type, digest=digest, size=size)
    if entry in document["manifests"]:
        return
    document["manifests"] = [descriptor for descriptor in document["manifests"] if name_of(descriptor) != reference]
    document["manifests"].append(entry)
    _replace(layout, document)


def write(layout: Layout, manifests: Iterable[Mapping[str, Any]]) -> None:
    """Make the index anew, of these entries."""
    settle(layout)
    _replace(layout, {**json.loads(EMPTY_INDEX), "manifests": list(manifests)})


def name_of(entry: Mapping[str, Any]) -> str | None:
    """The reference an entry of the index is for; None when it names none."""
    name = entry.get("annotations", {}).get(_NAME)
    return name if isinstance(name, str) else None


def entry_of(reference: str, *, media_type: str, digest: str, size: int) -> dict[str, Any]:
    """The entry of a manifest that was pulled by a reference."""
    return {"mediaType": media_type, "digest": digest, "size": size, "annotations": {_NAME: reference}}


def _replace(layout: Layout, document: Mapping[str, Any]) -> None:
    fsops.replace(layout.index, json.dumps(document, separators=(",", ":")).encode("utf-8"), mode=0o644)


def read(layout: Layout) -> dict[str, Any]:
    """Read the index; an absent one is empty."""
    text = fsops.read(layout.index) or EMPTY_INDEX
    try:
        document: dict[str, Any] = json.loads(text)
        if not isinstance(document["manifests"], list):
            raise TypeError("manifests is not a list")
        for entry in document["manifests"]:
            if not isinstance(entry.get("annotations", {}), dict):
                raise TypeError("annotations are no object")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GraphError(
            "the image index cannot be read",
            where=str(layout.index),
            expected="an OCI image index",
            actual=str(error),
            next_step="move the file away: the next pull makes a new one",
        ) from error
    return document
