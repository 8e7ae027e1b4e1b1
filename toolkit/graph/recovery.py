"""What a graph is found like when it is opened for writing, and what is put right at once.

The rule of this file: it may be killed anywhere and run again; it takes away only what was never committed and whose process
has ended; bytes of an index that cannot be read go to quarantine before a new one is written. Everything it finds is a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.errors import GraphError
from toolkit.graph import index
from toolkit.graph.layout import OCI_LAYOUT
from toolkit.records import Holding

if TYPE_CHECKING:
    from toolkit.graph.store import Graph

_DEAD: Final = "it was being written by a process that has ended"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What somebody else than the indexes knows of them: usually the ledger.

    Attributes
    ----------
    references : mapping
        Local repository name to tag or digest to image ID.
    manifests : tuple of dict
        Entries of the OCI index.
    """

    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    manifests: tuple[Mapping[str, Any], ...] = ()


Remember = Callable[[], Remembered]


def recover(graph: Graph, remember: Remember | None = None) -> tuple[Holding, ...]:
    """Look what earlier processes left behind, and put right what can be.

    Parameters
    ----------
    graph : Graph
        Its directories exist.
    remember : callable, optional
        Asked only when an index cannot be read; without it such an index is named and left alone.

    Returns
    -------
    tuple of Holding
        One row for each leftover that was removed, each download that can go on, and each index that was damaged. What is in
        order is no row.

    Raises
    ------
    GraphIOError
        The disk says no.

    Notes
    -----
    Origin: contract 31. Who is killed in here leaves the same work to the next one: ``recover`` after ``recover`` finds
    the unfinished downloads and nothing else.

    Examples
    --------
    >>> from toolkit.graph.store import Graph
    >>> graph = Graph.temporary()
    >>> graph.prepare(), recover(graph)
    ((), ())
    """
    return (*_leftovers(graph), *_downloads(graph), *_indexes(graph, remember))


def folders_of_leftovers(graph: Graph) -> list[Path]:
    """Every directory in which files in the making stand beside finished ones."""
    layout = graph.layout
    chains = layout.root / "chains"
    return [layout.ingest, layout.root, *(chains / algorithm for algorithm in fsops.names(chains))]


def _leftovers(graph: Graph) -> Iterator[Holding]:
    for folder in folders_of_leftovers(graph):
        for name in fsops.names(folder):
            path = folder / name
            owner = fsops.owner_of(name)
            if owner is not None and not graph.lives(owner):
                yield _gone(graph, path, _DEAD)
            elif path.suffix == ".turn" and folder == graph.layout.ingest:
                graph.turns.clean(path)
                if not fsops.exists(path):
                    reason = "a process that has ended told here what it did"
                    yield _holding(graph, path, kind="leftover", disposition="discarded", reason=reason)


def _downloads(graph: Graph) -> Iterator[Holding]:
    ingest = graph.layout.ingest
    names = set(fsops.names(ingest))
    for stem in sorted({Path(name).stem for name in names if name.endswith((".partial", ".json"))}):
        digest = stem.replace("-", ":", 1)
        if not Digest.is_exact(digest):
            continue
        with graph.turns.free(f"blob {digest}") as free:
            if free:
                yield from _download(graph, ingest / f"{stem}.partial", digest)


def _download(graph: Graph, path: Path, digest: str) -> Iterator[Holding]:
    """Say what becomes of a download nobody is at."""
    size, note = fsops.size(path), path.with_suffix(".json")
    if graph.blobs.path(digest) is not None:
        for left in (path, note):
            if fsops.exists(left):
                yield _gone(graph, left, "the blob is here by now")
    elif size is None:
        if fsops.exists(note):
            yield _gone(graph, note, "the download it tells of is not here")
    else:
        announced = _announced(note)
        goes_on = announced is not None and size < announced
        yield _holding(
            graph,
            path,
            kind="partial",
            subject=digest,
            compared="size",
            expected=None if announced is None else str(announced),
            actual=str(size),
            disposition="resumable" if goes_on else "left",
            size=size,
            reason="the next download goes on behind it" if goes_on else "the next download begins anew",
        )


def _announced(note: Path) -> int | None:
    """The size an unfinished download will have; None when nobody can go on with it."""
    try:
        found = json.loads(fsops.read(note) or b"{}")
        announced, validator = found.get("announced"), found.get("validator")
    except (ValueError, AttributeError, RecursionError):
        return None
    return announced if isinstance(announced, int) and isinstance(validator, str) else None


def _indexes(graph: Graph, remember: Remember | None) -> Iterator[Holding]:
    layout = graph.layout
    readers: tuple[tuple[Path, Callable[[], object], Callable[[Remembered], None]], ...] = (
        (layout.oci_layout, lambda: _require_layout(graph), lambda _: graph.write_oci_layout()),
        (layout.index, lambda: index.read(layout), lambda known: index.write(layout, known.manifests)),
        (layout.repositories, graph.tags.all, lambda known: graph.tags.write(known.references)),
    )
    for path, read, write in readers:
        problem = _problem(read)
        if problem is None:
            continue
        known = Remembered() if path == layout.oci_layout else None if remember is None else remember()
        with graph.indexes():
            problem = _problem(read)  # another process may have put it right
            if problem is None:
                continue
            if known is None:
                yield _index_row(
                    graph, path, problem, "left", "nobody here knows what it said: pull into the graph, and it is made anew"
                )
                continue
            old = graph.blobs.add(fsops.read(path) or b"", quarantine=True)
            write(known)
        count = {layout.index: len(known.manifests), layout.repositories: sum(map(len, known.references.values()))}.get(path)
        said = "" if count is None else f"; {count} references were made anew from the ledger"
        yield _index_row(graph, path, problem, "rebuilt", f"the old bytes are in quarantine as {old}{said}")


def _index_row(graph: Graph, path: Path, problem: GraphError, disposition: Any, reason: str) -> Holding:
    return _holding(
        graph,
        path,
        kind="reference",
        compared="format",
        expected=str(problem.expected),
        actual=str(problem.actual),
        outcome="rotten",
        disposition=disposition,
        reason=reason,
    )


def _problem(read: Callable[[], object]) -> GraphError | None:
    try:
        read()
    except GraphError as error:
        if error.code == "graph-io":
            raise
        return error
    return None


def _require_layout(graph: Graph) -> None:
    text = fsops.read(graph.layout.oci_layout) or b""
    if text != OCI_LAYOUT:
        raise GraphError(
            "the file that makes the graph an OCI layout is damaged",
            where=str(graph.layout.oci_layout),
            expected=OCI_LAYOUT.decode("ascii"),
            actual=ascii(text[:80]),
            next_step="pull into the graph: it is written anew",
        )


def _gone(graph: Graph, path: Path, reason: str) -> Holding:
    size = None if fsops.is_directory(path) else fsops.size(path)
    fsops.discard(path)
    return _holding(graph, path, kind="leftover", disposition="discarded", size=size, reason=reason)


def _holding(graph: Graph, path: Path, *, subject: str | None = None, compared: str = "owner", **values: Any) -> Holding:
    return Holding(
        subject=path.name if subject is None else subject,
        path=str(path.relative_to(graph.layout.root)),
        compared=compared,
        outcome=values.pop("outcome", "unknown"),
        **values,
    )
