"""Pulls on a file system that may lose power after any operation, and what must hold in every state that is left."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import toolkit as tk
from support.power_cut import ROOT, PowerCut, Tree, watched
from toolkit import fsops, simulator
from toolkit.graph import index
from toolkit.records import Pull
from toolkit.simulator.modern import OCI, make_image, make_layer
from toolkit.sources.protocol import Source
from toolkit.sources.static_registry import StaticManifest

GRAPH: Final = ROOT / "graph"
SCHEMA1: Final = "teach/clean:1"
SHARING: Final = "teach/clean:2"
MODERN: Final = "lab/modern:1"
EVIDENCE: Final = ("graph/blobs/", "graph/images/", "graph/quarantine/")
_REFERENCES: Final = ("graph/repositories.json", "graph/index.json")


def registry() -> Source:
    """The teaching registry, offline, with an OCI image of two layers."""
    found = simulator.teaching_registry()
    image = make_image(OCI, [make_layer(OCI, {"a": b"a" * 300}), make_layer(OCI, {"b": b"b" * 300})])
    manifest = StaticManifest(body=image.body, digest=image.stored().root, media_type=OCI.manifest)
    found.add("lab/modern", "1", manifest, image.blobs)
    return tk.open_source(found)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a pull that returned has promised: everything that lay there then, and its own rows and references."""

    image_id: str
    call: str
    rows: int
    evidence: Tree
    references: tuple[str, ...]
    manifests: tuple[dict[str, Any], ...]


def promised(report: tk.Report, disk: PowerCut) -> Promise:
    """What must be there from now on, whatever happens."""
    assert report.image_id is not None
    with fsops.under(disk):
        graph = tk.Graph(GRAPH)
        references = tuple(graph.tags.references(report.image_id))
        manifests = tuple(index.read(graph.layout)["manifests"])
    assert references
    assert manifests
    kept = {path: data for path, data in disk.seen().items() if path.startswith(EVIDENCE)}
    return Promise(report.image_id, report.call, len(report.rows), kept, references, manifests)


def parts_of(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Split a state into parts whose promises do not depend on each other, so that each part is judged once."""
    split: dict[str, Tree] = {"evidence": {}, "references": {}, "ledger": {}}
    for path, data in tree.items():
        if path.startswith(EVIDENCE):
            split["evidence"][path] = data
        elif path.startswith("graph/ledger/"):
            split["ledger"][path] = data
        elif path in _REFERENCES:
            split["references"][path] = data
    yield from split.items()


def broken_promises(part: str, tree: Tree, promises: Sequence[Promise]) -> list[str]:
    """What was acknowledged and is lost in a state of the disk, seen by opening the graph that is left."""
    if not promises:
        return []
    look = {"evidence": _lost_evidence, "references": _lost_references, "ledger": _lost_rows}[part]
    with fsops.under(PowerCut(tree)):
        try:
            return list(look(tk.Graph(GRAPH), tree, promises))
        except tk.errors.ToolkitError as error:
            return [f"lost: {part}, for it cannot be read: {error.message}"]


def _lost_evidence(graph: tk.Graph, tree: Tree, promises: Sequence[Promise]) -> Iterator[str]:
    for path, data in promises[-1].evidence.items():
        if path not in tree or tree[path] != data:
            yield f"lost: {path}"
    for one in promises:
        if not graph.holds(one.image_id):
            yield f"lost: image {one.image_id}"
    for digest in {entry["digest"] for one in promises for entry in one.manifests}:
        if graph.blobs.path(digest) is None or not graph.blobs.is_intact(digest):
            yield f"lost: manifest {digest}"


def _lost_references(graph: tk.Graph, tree: Tree, promises: Sequence[Promise]) -> Iterator[str]:
    manifests = index.read(graph.layout)["manifests"]
    for one in promises:
        if not set(one.references) <= set(graph.tags.references(one.image_id)):
            yield f"lost: a reference of {one.image_id}"
        if any(entry not in manifests for entry in one.manifests):
            yield f"lost: an entry of the index of {one.image_id}"


def _lost_rows(graph: tk.Graph, tree: Tree, promises: Sequence[Promise]) -> Iterator[str]:
    ledger = tk.Ledger.load(graph.layout.ledger)
    for one in promises:
        rows = ledger.rows(one.call)
        if len(rows) != one.rows or [row.record.outcome for row in rows if isinstance(row.record, Pull)] != ["accepted"]:
            yield f"lost: rows of the pull of {one.image_id}"


def wrong_bytes(tree: Tree, truth: Tree) -> list[str]:
    """Names under which other bytes lie than the name says; ``truth`` has the files of images as they must be."""
    wrong = []
    for path, data in tree.items():
        parts = path.split("/")
        if data is None:
            continue
        if parts[1] in ("blobs", "quarantine") and len(parts) == 4 and parts[2].startswith("sha"):
            if hashlib.new(parts[2], data).hexdigest() != parts[3]:
                wrong.append(f"wrong bytes: {path}")
        elif parts[1] == "images" and truth.get(path, data) != data:
            wrong.append(f"wrong bytes: {path}")
    there = {path for path, data in tree.items() if data is None}
    return wrong + [
        f"half an image: {path}"
        for path in truth
        if path.startswith("graph/images/") and path.rpartition("/")[0] in there and path not in tree
    ]


@dataclass(slots=True)
class Trial:
    """States that power cuts may leave, drawn while pulls run, each judged once.

    Attributes
    ----------
    seed : int
        Which states are drawn.
    each : int
        How many are drawn at random after every operation, besides the extremes.
    whole : int
        How many whole states are kept, to be pulled into.
    drawn : int
        How many states were drawn, none twice after the same operation.
    states : dict
        Each different part of one, with a state in which it was so and the promises that had been made by then.
    sample : list
        Whole states, drawn evenly from all.
    overwritten : list of str
        Committed names that meant something else later.
    """

    seed: int
    each: int
    whole: int = 0
    drawn: int = 0
    states: dict[tuple[str, int, frozenset[tuple[str, bytes | None]]], tuple[Tree, tuple[Promise, ...]]] = field(
        default_factory=dict
    )
    sample: list[Tree] = field(default_factory=list)
    promises: tuple[Promise, ...] = ()
    overwritten: list[str] = field(default_factory=list)
    _committed: dict[str, int] = field(default_factory=dict)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311  # no secret: the same states on every run

    def run(self, disk: PowerCut, steps: Sequence[str], source: Source) -> None:
        """Pull one image after the other, and draw states after every operation and every acknowledgement."""

        def look(operation: str, path: Path) -> None:
            self._watch(disk, path)
            self.draw(disk)

        with fsops.under(disk):
            for step in steps:
                with watched(disk, look):
                    report = tk.pull(step, GRAPH, source=source, workers=1)
                self.promises = (*self.promises, promised(report, disk))
                self.draw(disk)

    def draw(self, disk: PowerCut) -> None:
        """Draw states in which a power cut may leave the disk now."""
        for tree in disk.states(self.each, self._chance):
            self.drawn += 1
            for part, found in parts_of(tree):
                key = (part, len(self.promises), frozenset(found.items()))
                if key not in self.states:
                    self.states[key] = (tree, self.promises)
            if len(self.sample) < self.whole:
                self.sample.append(tree)
            elif (place := self._chance.randrange(self.drawn)) < self.whole:
                self.sample[place] = tree

    def _watch(self, disk: PowerCut, path: Path) -> None:
        name = str(path.relative_to(ROOT))
        number = disk.number_at(path)
        if name.startswith(EVIDENCE) and number is not None and self._committed.setdefault(name, number) != number:
            self.overwritten.append(f"overwritten: {name}")

    def judge(self, truth: Tree) -> list[str]:
        """Judge every different part of a state once; return what does not hold."""
        found = list(self.overwritten)
        for (part, _, _), (tree, promises) in self.states.items():
            found += broken_promises(part, tree, promises)
            if part == "evidence":
                found += wrong_bytes(tree, truth)
        return found


def truth_of(steps: Sequence[str], source: Source) -> Tree:
    """Every committed file as it is when nothing goes wrong."""
    disk = PowerCut()
    with fsops.under(disk):
        for step in steps:
            tk.pull(step, GRAPH, source=source, workers=1)
    return {path: data for path, data in disk.seen().items() if path.startswith(EVIDENCE) and data is not None}


def pulls_again(tree: Tree, step: str, truth: Tree, source: Source) -> list[str]:
    """Open what is left and pull: it must succeed, and everything must be as it should then."""
    disk = PowerCut(tree)
    with fsops.under(disk):
        report = tk.pull(step, GRAPH, source=source, workers=1)
    promise, after = promised(report, disk), disk.seen()
    return [
        *wrong_bytes(after, truth),
        *(text for part in ("evidence", "references", "ledger") for text in broken_promises(part, after, [promise])),
    ]
