"""Every name a graph gives to something: tags, digests, the OCI index, and chain IDs.

The rule of this file: a name must lead to something that is here and right; and since no name can be computed from what it
names, it must be the one that the ledger says was set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from toolkit import fsops
from toolkit.auditing.holding import Subject
from toolkit.auditing.known import Known
from toolkit.auditing.subset import Subset
from toolkit.digests import Digest
from toolkit.errors import GraphError, GraphIOError
from toolkit.graph import index
from toolkit.graph.layout import OCI_LAYOUT
from toolkit.graph.store import Graph
from toolkit.graph.tags import encoded
from toolkit.manifests.media_types import OCI_INDEX, OCI_MANIFEST, SCHEMA1, SIGNED_SCHEMA1, essence, kind_of
from toolkit.pulling.remembered import Memories, Memory, reference_text
from toolkit.records import Holding

_UNTOLD: Final = "no ledger here tells that it was set"


def layout_rows(graph: Graph, part: Subset) -> Iterator[Holding]:
    """Compare the file that makes the graph an OCI layout with what it must be."""
    path = graph.layout.oci_layout
    if not part.takes_name(path.name):
        return
    subject = Subject.at(graph.layout.root, path, "reference", path.name)
    try:
        text = fsops.read(path)
    except GraphIOError as error:
        yield subject.unread(error)
        return
    expected, actual = OCI_LAYOUT.decode("ascii"), None if text is None else ascii(text[:80].decode("utf-8", "replace"))[1:-1]
    if text is None:
        yield subject.row("format", "absent", expected, None)
    else:
        yield subject.row(
            "format", "intact" if _value(text) == _value(OCI_LAYOUT) else "rotten", expected, actual, size=len(text)
        )


def tag_rows(graph: Graph, part: Subset, memories: Memories, bad: set[str]) -> Iterator[Holding]:
    """Compare every tag and digest of the file of tags with what it names, and with the ledger.

    ``bad`` are the images that are not right themselves.
    """
    path = graph.layout.repositories
    whole = Subject.at(graph.layout.root, path, "reference", path.name)
    try:
        text = fsops.read(path) or b""
        tags = graph.tags.all()
    except GraphError as error:
        yield _damaged(whole, error)
        tags = {}
    else:
        if part.takes_name(path.name) and text:
            same = encoded(tags) == text
            reason = "" if same else "the file says the same in other bytes, or something twice"
            yield whole.row(
                "format", "intact" if same else "rotten", "as Docker 1.9 writes it", None, size=len(text), reason=reason
            )
    here: set[str] = set()
    for name, references in tags.items():
        for reference, image_id in references.items():
            text_of = reference_text(name, reference)
            here.add(text_of)
            if part.takes_name(text_of):
                subject = Subject.at(graph.layout.root, path, "reference", text_of)
                yield _leads(graph, subject, image_id, bad)
                yield _told(subject, memories.references.get(text_of), image_id)
    for text_of, memory in memories.references.items():
        if text_of not in here and memory.ids and not memory.maybe and part.takes_name(text_of):
            subject = Subject.at(graph.layout.root, path, "reference", text_of)
            yield subject.row("ledger", "absent", " or ".join(memory.ids), None, reason="the ledger says that it was set")


def index_rows(graph: Graph, part: Subset, memories: Memories, known: Known) -> Iterator[Holding]:
    """Compare every entry of the OCI index with the manifest it names, and with the ledger."""
    path = graph.layout.index
    whole = Subject.at(graph.layout.root, path, "reference", path.name)
    try:
        document = index.read(graph.layout)
    except GraphError as error:
        yield _damaged(whole, error)
        document = {"manifests": []}
    else:
        if part.takes_name(path.name):
            right = document.get("schemaVersion") == 2 and document.get("mediaType", OCI_INDEX) == OCI_INDEX
            yield whole.row(
                "format", "intact" if right else "rotten", "schemaVersion 2", f"schemaVersion {document.get('schemaVersion')!r}"
            )
    here: set[str] = set()
    for number, entry in enumerate(document["manifests"]):
        name = index.name_of(entry)
        text = name or f"entry {number}"
        here.add(text)
        if part.takes_name(text):
            yield from _entry(graph, Subject.at(graph.layout.root, path, "reference", text), entry, memories, known)
    for text, memory in memories.references.items():
        if text not in here and memory.ids and not memory.maybe and part.takes_name(text) and memory.entries:
            expected = " or ".join(sorted(entry["digest"] for entry in memory.entries.values()))
            subject = Subject.at(graph.layout.root, path, "reference", text)
            yield subject.row("ledger", "absent", expected, None, reason="the ledger says that it was pulled")


def chain_rows(graph: Graph, part: Subset, known: Known) -> Iterator[Holding]:
    """Compare what is noted of each chain ID with what manifests and configurations give."""
    folder = graph.layout.root / "chains"
    expected = known.chains()
    for algorithm in fsops.names(folder):
        for name in fsops.names(folder / algorithm):
            text = f"{algorithm}:{name}"
            subject = Subject.at(graph.layout.root, folder / algorithm / name, "chain", text)
            if not Digest.is_exact(text):
                if part.takes_name(subject.path):
                    yield subject.row("name", "unknown", "a digest", name, reason="it stands among the chain IDs and is none")
            elif part.takes(name):
                yield _chain(graph, subject, text, expected.get(text))


def needed_rows(graph: Graph, part: Subset, known: Known) -> Iterator[Holding]:
    """List what the manifests in the OCI index need, and is not here or has another size."""
    try:
        wanted = [str(entry.get("digest")) for entry in index.read(graph.layout)["manifests"]]
    except GraphError:
        return  # is a row already
    seen: set[str] = set()
    while wanted:
        digest = wanted.pop()
        paper = known.papers.get(digest)
        if paper is None or digest in seen:
            continue
        seen.add(digest)
        wanted += [one.digest for one in paper.pointers if one.is_below]
        for pointer in paper.pointers:
            if not pointer.is_needed or not part.takes(Digest.parse(pointer.digest).hex):
                continue
            path = graph.layout.blob(Digest.parse(pointer.digest))
            subject = Subject.at(graph.layout.root, path, "blob", pointer.digest)
            size = fsops.size(path)
            if size is None:
                yield subject.row(
                    "needed", "absent", pointer.digest, None, size=pointer.size, reason=f"manifest {digest} needs it"
                )
            elif pointer.digest not in known.bad and pointer.size != size:
                reason = f"the bytes are what their name says; manifest {digest} is wrong about their size"
                yield subject.compared("size", str(pointer.size), str(size), size=size, reason=reason)


def _leads(graph: Graph, subject: Subject, image_id: str, bad: set[str]) -> Holding:
    try:
        there = graph.holds(image_id)
    except GraphIOError as error:
        return subject.unread(error)
    if not there:
        return subject.row("image", "absent", image_id, None, reason="what it names is not here, or cannot be loaded")
    return subject.row("image", "rotten" if image_id in bad else "intact", image_id, image_id)


def _told(subject: Subject, memory: Memory | None, image_id: str) -> Holding:
    if memory is None or not (memory.ids or memory.maybe or memory.steps):
        return subject.row("ledger", "unknown", None, image_id, reason=_UNTOLD)
    if image_id in memory.ids or image_id in memory.maybe:
        return subject.row("ledger", "intact", image_id, image_id)
    return subject.row(
        "ledger", "rotten", " or ".join(memory.ids) or "no such reference", image_id, reason="it was set by nobody"
    )


def _entry(graph: Graph, subject: Subject, entry: Mapping[str, Any], memories: Memories, known: Known) -> Iterator[Holding]:
    digest = str(entry.get("digest"))
    path = graph.blobs.path(digest) if Digest.is_exact(digest) else None
    if path is None:
        yield subject.row("manifest", "absent", digest, None, reason="what it names is not here")
        return
    yield subject.row("manifest", "rotten" if digest in known.bad else "intact", digest, digest)
    yield subject.compared("size", str(fsops.size(path)), str(entry.get("size")))
    paper = known.papers.get(digest)
    memory = memories.references.get(subject.name)
    told = [] if memory is None else [memory.entries[one] for one in memory.ids if one in memory.entries]
    if memory is None or not told or memory.maybe:
        yield subject.row("ledger", "unknown", None, digest, reason=_UNTOLD if memory is None else "a call about it did not end")
    else:
        yield subject.row("ledger", "intact" if dict(entry) in told else "rotten", _short(told[0]), _short(entry))
        return
    given = entry.get("mediaType")
    if paper is not None and paper.is_schema1:
        right = given in (SCHEMA1, SIGNED_SCHEMA1)
    else:
        right = (
            isinstance(given, str)
            and kind_of(given) is not None
            and (paper is None or paper.media_type in (None, essence(given)))
        )
    expected = (
        "a media type of manifests"
        if paper is None
        else paper.media_type or (SIGNED_SCHEMA1 if paper.is_schema1 else OCI_MANIFEST)
    )
    yield subject.row("media-type", "intact" if right else "rotten", expected, None if given is None else str(given))


def _chain(graph: Graph, subject: Subject, chain_id: str, expected: set[tuple[str, str]] | None) -> Holding:
    try:
        text = fsops.read(graph.layout.chain(Digest.parse(chain_id))) or b""
    except GraphIOError as error:
        return subject.unread(error)
    chain = graph.chains.get(chain_id)
    actual = ascii(text[:80].decode("utf-8", "replace"))[1:-1] if chain is None else f"{chain.diff_id} in {chain.blob}"
    if chain is not None and expected is None:
        return subject.row("chain-id", "unknown", None, actual, size=len(text), reason="no image here has such a chain")
    said = " or ".join(sorted(f"{diff_id} in {blob}" for diff_id, blob in expected or ()))
    right = (
        chain is not None
        and (chain.diff_id, chain.blob) in (expected or ())
        and _value(text) == {"diff_id": chain.diff_id, "blob": chain.blob}
    )
    return subject.row("chain-id", "intact" if right else "rotten", said or None, actual, size=len(text))


def _damaged(subject: Subject, error: GraphError) -> Holding:
    if isinstance(error, GraphIOError):
        return subject.unread(error)
    return subject.row("format", "rotten", str(error.expected), str(error.actual), reason=error.message)


def _short(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"), sort_keys=True)


def _value(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
