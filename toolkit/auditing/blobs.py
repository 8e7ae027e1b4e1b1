"""Every blob read again from its first byte to its last.

The rule of this file: one pass, in the order of names; a blob that cannot be read is a row and the rest goes on. Layers are
decompressed only after their digest held, and only documents are kept in memory, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from toolkit import fsops
from toolkit.auditing.holding import Subject
from toolkit.auditing.known import DOCUMENT_LIMIT, Known
from toolkit.auditing.subset import Subset
from toolkit.digests import Digest
from toolkit.errors import GraphIOError
from toolkit.graph.store import Graph
from toolkit.records import Holding
from toolkit.verification.blob_meter import BlobMeter


def blob_rows(graph: Graph, part: Subset, known: Known) -> Iterator[Holding]:
    """Compare every committed blob with its name, and learn from those that are documents.

    Yields
    ------
    Holding
        One row for each blob of the part, compared by ``digest``; ``actual`` is the bytes' own digest.
    """
    root = graph.layout.root
    for path, digest in _named(root / "blobs"):
        name = path.name if digest is None else str(digest)
        subject = Subject.at(root, path, "blob", name)
        if digest is None:
            if part.takes_name(subject.path):
                yield subject.row("name", "unknown", "a digest", path.name, reason="it stands among the blobs and is none")
            continue
        taken = part.takes(digest.hex)
        try:
            if not taken and not _may_be_document(path):
                continue
            meter, document = _read(path, name)
        except GraphIOError as error:
            known.bad.add(name)
            if taken:
                yield subject.unread(error)
            continue
        (known.good if meter.matches else known.bad).add(name)
        if meter.matches and document is not None:
            known.learn(name, document)
        if taken:
            yield subject.compared("digest", name, meter.actual, size=meter.size)


def diff_id_rows(graph: Graph, part: Subset, known: Known) -> Iterator[Holding]:
    """Compare what layers expand to with what configurations claim.

    Yields
    ------
    Holding
        Compared by ``diff-id``. A layer whose bytes are what their name says stays where it is: then it is the configuration
        that lied, from the beginning.
    """
    for blob, claimed, config in known.claimed_diff_ids():
        digest, diff_id = Digest.parse(blob), Digest.parse(claimed)
        if not part.takes(digest.hex):
            continue
        subject = Subject.at(graph.layout.root, graph.layout.blob(digest), "blob", blob)
        measured = known.measured(graph, blob, algorithm=diff_id.algorithm)
        if measured is None:
            continue
        if measured.diff_id is None:
            yield subject.row(
                "diff-id", "rotten", claimed, None, reason=f"the layer cannot be read to its end: {measured.problem}"
            )
        else:
            reason = (
                "" if measured.diff_id == claimed else f"the bytes are what their name says; the configuration {config} is wrong"
            )
            yield subject.compared("diff-id", claimed, measured.diff_id, reason=reason)


def quarantine_rows(graph: Graph, part: Subset) -> Iterator[Holding]:
    """Compare what lies in quarantine with its own name, and list the images that were set aside."""
    root = graph.layout.root
    for path, digest in _named(root / "quarantine"):
        if digest is None:
            if part.takes_name(str(path.relative_to(root))):
                reason = "it was moved here because it was not what it should be"
                yield Subject.at(root, path, "quarantined", path.name).row("content", "unknown", reason=reason)
            continue
        if not part.takes(digest.hex):
            continue
        subject = Subject.at(root, path, "quarantined", str(digest))
        try:
            meter, _ = _read(path, str(digest))
        except GraphIOError as error:
            yield subject.unread(error)
        else:
            yield subject.compared("digest", str(digest), meter.actual, size=meter.size)


def _named(folder: Path) -> Iterator[tuple[Path, Digest | None]]:
    """Everything two levels below a folder, with the digest it is named by."""
    for algorithm in fsops.names(folder):
        if not fsops.is_directory(folder / algorithm):
            yield folder / algorithm, None
            continue
        for name in fsops.names(folder / algorithm):
            text = f"{algorithm}:{name}"
            yield folder / algorithm / name, Digest.parse(text) if Digest.is_exact(text) else None


def _may_be_document(path: Path) -> bool:
    size = fsops.size(path)
    return size is not None and size <= DOCUMENT_LIMIT and next(iter(fsops.chunks(path)), b"")[:1] in b"{ \t\r\n"


def _read(path: Path, claimed: str) -> tuple[BlobMeter, bytes | None]:
    """Measure a file; give its bytes, too, if it may be a document."""
    meter = BlobMeter(claimed)
    kept: list[bytes] | None = []
    for chunk in fsops.chunks(path):
        if meter.size == 0 and chunk[:1] not in b"{ \t\r\n":
            kept = None
        meter.feed(chunk)
        if kept is not None:
            kept.append(chunk)
            if meter.size > DOCUMENT_LIMIT:
                kept = None
    return meter, None if kept is None else b"".join(kept)
