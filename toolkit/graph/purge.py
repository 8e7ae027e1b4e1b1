"""Take committed bytes away, on purpose.

The rule of this file: the only code that removes what was committed. What a reference reaches stays, unless that reference goes
in the same call; the tombstone is durable before the first byte is gone, and who was killed in between is found out by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.errors import GraphError, GraphLockedError, ImageNotFoundError, StillReferencedError, UsageError
from toolkit.graph import index
from toolkit.graph.store import Graph
from toolkit.records import Holding, HoldingKind
from toolkit.references import image_id_error
from toolkit.reuse.stored_image import get

QUARANTINE: Final = "quarantine"
"""What purges everything that was set aside."""

_LARGEST: Final = 8 * 1024 * 1024
"""Larger blobs are no documents."""

Tombstones = Callable[[tuple[Holding, ...]], None]
"""Takes rows and returns when they are durable."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """A thing to be purged: a row of its own, and where it lies."""

    kind: HoldingKind
    name: str
    path: Path
    size: int | None


def purge(
    graph: Graph, what: str, reason: str, bury: Tombstones, *, untag: Collection[str] = (), force: bool = False
) -> tuple[Holding, ...]:
    """Remove a blob, an image, or everything in quarantine.

    Parameters
    ----------
    graph : Graph
        Open for writing.
    what : str
        ``sha256:…`` (a blob, or bytes in quarantine), an image ID of 64 hex digits, or ``quarantine``.
    reason : str
        Why, in the user's words; in every tombstone.
    bury : callable
        Makes tombstones durable; called before anything is removed.
    untag : collection of str
        References that are removed by the same call.
    force : bool
        Whether every reference that reaches it is removed by the same call.

    Returns
    -------
    tuple of Holding
        The tombstones.

    Raises
    ------
    UsageError
        No reason is given, or ``what`` is none of the three, or a reference of ``untag`` is not set.
    ImageNotFoundError
        There is nothing of that name.
    StillReferencedError
        A reference reaches it.
    GraphLockedError
        A pull is under way: it may be about to rely on it.

    Notes
    -----
    Origin: contract 30. Killed after the tombstone, before the bytes are gone: purge again. A pull that begins in the very
    moment between the look for pulls and the removal is not noticed; ``verify`` names what it lacks then.
    """
    if not reason.strip():
        raise UsageError("nothing is purged without a reason", expected="a reason", next_step="say why: it stays in the ledger")
    with graph.indexes():
        _require_quiet(graph)
        doomed = _doomed(graph, what)
        named = _References(graph)
        gone = set(untag) | ({name for one in doomed for name in named.reaching(one)} if force else set())
        named.require(gone)
        for one in doomed:
            rest = sorted(named.reaching(one) - gone)
            if rest:
                raise StillReferencedError(
                    f"{one.kind} {one.name} is reached by {rest[0]}" + (f" and {len(rest) - 1} more" if len(rest) > 1 else ""),
                    where=str(one.path),
                    expected="nothing that reaches it",
                    actual=", ".join(rest[:5]),
                    next_step="untag these in the same call, if they may go",
                )
        tombstones = (*named.tombstones(gone, reason), *(_tombstone(graph, one, reason) for one in doomed))
        bury(tombstones)
        named.remove(gone)
        for one in doomed:
            _remove(graph, one)
    return tombstones


def _require_quiet(graph: Graph) -> None:
    """Refuse while somebody pulls into the graph: what they have looked at already must not go."""
    for name in fsops.names(graph.layout.ingest):
        path = graph.layout.ingest / name
        if path.suffix != ".turn":
            continue
        with graph.try_lock(path.stem) as holder:
            if holder is not None:
                raise GraphLockedError(
                    f"{holder} is pulling into the graph",
                    where=str(path),
                    expected="no pull while something is purged",
                    actual=holder,
                    next_step="purge again when it has ended",
                )


def _doomed(graph: Graph, what: str) -> list[Doomed]:
    layout = graph.layout
    if what == QUARANTINE:
        return list(_quarantine(graph))
    if Digest.is_exact(what):
        digest = Digest.parse(what)
        for kind, path in (("blob", layout.blob(digest)), ("quarantined", layout.quarantined(digest))):
            if fsops.exists(path):
                return [Doomed("blob" if kind == "blob" else "quarantined", what, path, fsops.size(path))]
    elif image_id_error(what) is None:
        if fsops.is_directory(layout.image(what)):
            return [Doomed("image", what, layout.image(what), None)]
    else:
        raise UsageError(
            f"{what!r} is nothing that can be purged",
            expected="sha256:<64 hex digits>, an image ID of 64 hex digits, or quarantine",
            actual=what,
            next_step="the frame `holdings` of `verify` names everything a graph holds",
        )
    raise ImageNotFoundError(
        f"there is no {what} in the graph", where=str(layout.root), next_step="it is gone already, or never was"
    )


def _quarantine(graph: Graph) -> Iterator[Doomed]:
    root = graph.layout.root / QUARANTINE
    for algorithm in fsops.names(root):
        for name in fsops.names(root / algorithm):
            path = root / algorithm / name
            folder = fsops.is_directory(path)
            yield Doomed("quarantined", name if folder else f"{algorithm}:{name}", path, None if folder else fsops.size(path))


def _tombstone(graph: Graph, one: Doomed, reason: str) -> Holding:
    return Holding(
        kind=one.kind,
        subject=one.name,
        path=str(one.path.relative_to(graph.layout.root)),
        compared="purge",
        expected=one.name,
        actual=None,
        outcome="absent",
        disposition="purged",
        size=one.size,
        reason=reason,
    )


def _remove(graph: Graph, one: Doomed) -> None:
    """Take a thing away, whole: a directory leaves its place in one step, and is taken apart where nobody looks for it."""
    if fsops.is_directory(one.path):
        aside = graph.layout.ingest / fsops.fresh_name("purged.")
        fsops.move_new(one.path, aside)
        fsops.sync_directory(one.path.parent)
        fsops.discard(aside)
    else:
        fsops.discard(one.path)
        fsops.sync_directory(one.path.parent)


class _References:
    """The references of a graph, and what each reaches."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tags = graph.tags.all()
        self._index = index.read(graph.layout)
        self._reached = {name: set(self._from(image_id)) for name, image_id in self._ids().items()}
        for entry in self._index["manifests"]:
            name = index.name_of(entry) or str(entry.get("digest"))
            self._reached.setdefault(name, set()).update(self._below(str(entry.get("digest"))))

    def reaching(self, one: Doomed) -> set[str]:
        """The references that reach a thing; what is in quarantine is reached by none."""
        return set() if one.kind == "quarantined" else {name for name, reached in self._reached.items() if one.name in reached}

    def require(self, names: Collection[str]) -> None:
        """Refuse a reference that is not set."""
        for name in names:
            if name not in self._reached:
                raise UsageError(
                    f"{name!r} is no reference of the graph",
                    actual=name,
                    next_step="`layerproof tags --graph GRAPH` shows what is set",
                )

    def tombstones(self, names: Collection[str], reason: str) -> Iterator[Holding]:
        """A row for each reference that goes."""
        ids = self._ids()
        for name in sorted(names):
            yield Holding(
                kind="reference",
                subject=name,
                path=self._graph.layout.repositories.name,
                compared="purge",
                expected=ids.get(name),
                actual=ids.get(name),
                outcome="absent",
                disposition="purged",
                reason=reason,
            )

    def remove(self, names: Collection[str]) -> None:
        """Take references away, from both indexes."""
        if not names:
            return
        left = {
            name: {reference: image_id for reference, image_id in references.items() if _text(name, reference) not in names}
            for name, references in self._tags.items()
        }
        self._graph.tags.write({name: references for name, references in left.items() if references})
        entries = [one for one in self._index["manifests"] if (index.name_of(one) or str(one.get("digest"))) not in names]
        index.write(self._graph.layout, entries)

    def _ids(self) -> dict[str, str]:
        return {
            _text(name, reference): image_id
            for name, references in self._tags.items()
            for reference, image_id in references.items()
        }

    def _from(self, image_id: str) -> Iterator[str]:
        """An image, everything below it, and their layers."""
        if Digest.is_exact(image_id):
            yield from self._below(image_id)
            return
        seen: set[str] = set()
        while image_id and image_id not in seen:
            seen.add(image_id)
            yield image_id
            try:
                loaded = get(self._graph, image_id)
            except GraphError:
                return
            if loaded.stored.checksum is not None:
                yield loaded.stored.checksum.decode("utf-8", "replace")
            image_id = loaded.parent

    def _below(self, digest: str) -> Iterator[str]:
        """A document and everything it points at."""
        wanted, seen = [digest], set[str]()
        while wanted:
            digest = wanted.pop()
            if digest in seen:
                continue
            seen.add(digest)
            yield digest
            wanted += _pointers(self._graph, digest)


def _text(name: str, reference: str) -> str:
    return f"{name}{'@' if ':' in reference else ':'}{reference}"


def _pointers(graph: Graph, digest: str) -> list[str]:
    """What a document of the graph points at; nothing, if it is none."""
    path = graph.blobs.path(digest) if Digest.is_exact(digest) else None
    if path is None or (fsops.size(path) or 0) > _LARGEST:
        return []
    try:
        value = json.loads(fsops.read(path) or b"")
    except (ValueError, RecursionError):
        return []
    if not isinstance(value, dict):
        return []
    named: list[Any] = [value.get("config"), value.get("subject")]
    for member in ("layers", "manifests", "blobs"):
        named += value[member] if isinstance(value.get(member), list) else []
    found = [one.get("digest") for one in named if isinstance(one, dict)]
    found += [one.get("blobSum") for one in value.get("fsLayers", []) or [] if isinstance(one, dict)]
    return [one for one in found if isinstance(one, str)]
