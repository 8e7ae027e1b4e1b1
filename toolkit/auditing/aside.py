"""What is not what it should be, moved out of the way.

The rule of this file: nothing is lost: bytes go to quarantine under their own digest, images with all of their files; what is
only an index is made anew. Each thing is looked at again under its lock, because somebody else may have put it right.
"""

from __future__ import annotations

from dataclasses import replace

from toolkit import fsops
from toolkit.auditing.examine import Found
from toolkit.auditing.images import image_is_rotten
from toolkit.auditing.known import Known
from toolkit.digests import Digest
from toolkit.errors import GraphIOError
from toolkit.graph.store import Graph
from toolkit.records import Holding, HoldingDisposition
from toolkit.verification.blob_meter import BlobMeter


def set_aside(graph: Graph, found: Found, known: Known) -> tuple[Holding, ...]:
    """Move what rotted into quarantine; return the rows with what became of it."""
    try:
        if found.blob:
            return _blob(graph, found)
        if found.quarantined:
            return _quarantined(graph, found)
        if found.image:
            return _image(graph, found, known)
        if found.chain:
            return _chain(graph, found, known)
    except GraphIOError as error:
        return _said(found, "left", f"it cannot be moved out of the way: {error.message}")
    return found.rows


def _blob(graph: Graph, found: Found) -> tuple[Holding, ...]:
    with graph.turns.free(f"blob {found.blob}") as free:
        if not free:
            return _said(found, "left", "somebody is writing it anew at this moment")
        if graph.blobs.path(found.blob) is None or graph.blobs.is_intact(found.blob):
            return _said(found, "left", "somebody has put it right in the meantime")
        own = graph.blobs.quarantine(found.blob)
    return _said(found, "quarantined", f"it lies in quarantine as {own}")


def _quarantined(graph: Graph, found: Found) -> tuple[Holding, ...]:
    path = graph.layout.quarantined(Digest.parse(found.quarantined))
    meter = BlobMeter(found.quarantined)
    for chunk in fsops.chunks(path):
        meter.feed(chunk)
    target = graph.layout.quarantined(meter.digest)
    fsops.make_directory(target.parent)
    fsops.link_new(path, target)
    fsops.discard(path)
    fsops.sync_directory(path.parent)
    return _said(found, "quarantined", f"it lies in quarantine as {meter.digest}")


def _image(graph: Graph, found: Found, known: Known) -> tuple[Holding, ...]:
    with graph.lock([found.image]):
        if not image_is_rotten(graph, found.image, known):
            return _said(found, "left", "somebody has put it right in the meantime")
        target = graph.images.set_aside(found.image)
    return _said(found, "quarantined", f"the image lies in {target.relative_to(graph.layout.root)}")


def _chain(graph: Graph, found: Found, known: Known) -> tuple[Holding, ...]:
    path = graph.layout.chain(Digest.parse(found.chain))
    own = graph.blobs.add(fsops.read(path) or b"", quarantine=True)
    known_chains = sorted(known.chains().get(found.chain, ()))
    if known_chains:
        graph.chains.add(found.chain, *known_chains[-1])
        return _said(found, "rebuilt", f"the old bytes lie in quarantine as {own}")
    fsops.discard(path)
    return _said(found, "quarantined", f"it lies in quarantine as {own}")


def _said(found: Found, disposition: HoldingDisposition, reason: str) -> tuple[Holding, ...]:
    """The rows of what rotted, with what became of it and why."""
    return tuple(
        replace(row, disposition=disposition, reason=f"{row.reason}; {reason}" if row.reason else reason)
        if row.outcome == "rotten"
        else row
        for row in found.rows
    )
