"""Everything a graph holds, compared with what it should be: looked at, never touched.

The rule of this file: it says in which order the rooms of a graph are gone through; documents first, for what they say is what
the rest is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from toolkit import fsops
from toolkit.auditing.blobs import blob_rows, diff_id_rows, quarantine_rows
from toolkit.auditing.holding import Subject
from toolkit.auditing.images import OF_THE_FILES, image_rows
from toolkit.auditing.known import Known
from toolkit.auditing.references import chain_rows, index_rows, layout_rows, needed_rows, tag_rows
from toolkit.auditing.subset import Subset
from toolkit.digests import Digest
from toolkit.graph.store import Graph
from toolkit.pulling.remembered import Memories
from toolkit.records import Holding

_ROOMS: Final = frozenset(
    {"blobs", "chains", "images", "index.json", "ingest", "ledger", "oci-layout", "quarantine", "repositories.json"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """Rows about one thing, and the thing that has to be moved out of the way if they say so.

    ``blob``, ``quarantined`` and ``chain`` are digests, ``image`` is an ID; all are empty when nothing can be moved.
    """

    rows: tuple[Holding, ...]
    blob: str = ""
    quarantined: str = ""
    image: str = ""
    chain: str = ""


def examine(graph: Graph, memories: Memories, part: Subset, known: Known) -> Iterator[Found]:
    """Go through a graph.

    Parameters
    ----------
    graph : Graph
        Only looked at.
    memories : Memories
        What its ledger remembers.
    part : Subset
        What to compare; documents are read in any case.
    known : Known
        Filled on the way.

    Yields
    ------
    Found
        As soon as it is found.
    """
    for row in blob_rows(graph, part, known):
        yield Found((row,), blob=row.subject if row.outcome == "rotten" else "")
    for row in (*diff_id_rows(graph, part, known), *needed_rows(graph, part, known)):
        yield Found((row,))
    bad: set[str] = set(known.bad)
    for image_id, rows in image_rows(graph, part, known):
        rotten = any(row.outcome in ("rotten", "absent") and row.compared in OF_THE_FILES for row in rows)
        bad |= {image_id} if rotten else set()
        own = any(row.outcome == "rotten" and row.compared in OF_THE_FILES for row in rows)
        yield Found(tuple(rows), image=image_id if own else "")
    for row in chain_rows(graph, part, known):
        yield Found((row,), chain=row.subject if row.outcome == "rotten" else "")
    for row in quarantine_rows(graph, part):
        yield Found((row,), quarantined=row.subject if row.outcome == "rotten" else "")
    for row in (
        *layout_rows(graph, part),
        *tag_rows(graph, part, memories, bad),
        *index_rows(graph, part, memories, known),
        *_unfinished(graph, part),
    ):
        yield Found((row,))


def _unfinished(graph: Graph, part: Subset) -> Iterator[Holding]:
    """What is not committed, and what nobody knows."""
    root, ingest = graph.layout.root, graph.layout.ingest
    for name in fsops.names(ingest):
        path = ingest / name
        digest = path.stem.replace("-", ":", 1)
        if not part.takes_name(name) or path == graph.layout.locks or (path.suffix == ".json" and Digest.is_exact(digest)):
            continue
        size = fsops.size(path)
        if path.suffix == ".partial" and Digest.is_exact(digest):
            reason = "not all of it is here yet; it is compared when it is"
            yield Subject.at(root, path, "partial", digest).row("size", "unknown", None, str(size), size=size, reason=reason)
        else:
            reason = "somebody is at it, or was: the next pull takes away what nobody is at"
            yield Subject.at(root, path, "leftover", name).row("owner", "unknown", size=size, reason=reason)
    for name in fsops.names(root):
        if name not in _ROOMS and part.takes_name(name):
            yield Subject.at(root, root / name, "leftover", name).row("name", "unknown", None, name, reason="no part of a graph")
