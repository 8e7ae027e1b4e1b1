"""Everything in the layers of one image, as frames.

The rule of this file: a blob is compared with its digest before a byte of it is decompressed; nothing is extracted; frames are
made when they are asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Final

from toolkit import fsops
from toolkit.cards.card import Card, Table
from toolkit.cards.escaping import middle_cut, short
from toolkit.digests import Digest
from toolkit.errors import GraphError, LayerError, LimitError, VerificationError
from toolkit.files.hazards import hazards
from toolkit.files.layering import Layering, layer_all
from toolkit.files.leftovers import leftovers, waste
from toolkit.files.members import LayerIndex, index_layer
from toolkit.files.rows import file_rows
from toolkit.files.secrets import Match, scan_layer, secrets_of
from toolkit.files.tables import Hazard, Leftover, Path, Secret, Step, Waste
from toolkit.files.timeline import steps
from toolkit.files.tree import paths
from toolkit.graph.store import Graph
from toolkit.layers.streams import DEFAULT_BUDGET, OVER_BUDGET
from toolkit.manifests.descriptor import PLATFORM
from toolkit.pulling.report import Report
from toolkit.records import File
from toolkit.survey.image_layers import ImageLayer, ImageLayers, layers_of
from toolkit.survey.tables import table
from toolkit.verification.blob_meter import BlobMeter
from toolkit.verification.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.sources.opening import Openable

WORKERS: Final = 2
"""How many layers are read at once: decompressing and hashing need no interpreter lock."""
IMAGE_BUDGET: Final = 64 * 1024**3
"""How many bytes the layers of one image may expand to together."""
_SHOWN: Final = 10


class ImageFiles:
    """What the layers of one image hold.

    Attributes
    ----------
    members : pandas.DataFrame
        One row per header, none left out: the table ``files``, with ``image`` in front.
    tree : pandas.DataFrame
        One row per path a container would see.
    timeline : pandas.DataFrame
        One row per path and layer that did something to it.
    deleted : pandas.DataFrame
        Files that are stored, that no path leads to, and that ``read_file`` still reads.
    wasted : pandas.DataFrame
        One row per layer: bytes stored, and bytes nobody sees.
    secrets : pandas.DataFrame
        What looks like a secret, masked; looked for when it is first asked for.
    hazards : pandas.DataFrame
        What can mislead or hurt whoever unpacks the image.
    layers : tuple of LayerIndex
        The same as values, base first.
    """

    def __init__(self, image: ImageLayers, layers: Sequence[LayerIndex], *, workers: int = WORKERS) -> None:
        self.name = image.name
        self.graph = image.graph
        self.layers = tuple(layers)
        self._workers = workers

    # -- facts ---------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many headers there are."""
        return sum(len(layer.members) for layer in self.layers)

    @cached_property
    def layering(self) -> Layering:
        """The layers upon each other."""
        return layer_all(self.layers)

    @cached_property
    def _leftovers(self) -> tuple[Leftover, ...]:
        return tuple(leftovers(self.layers, self.layering))

    @cached_property
    def _hazards(self) -> tuple[Hazard, ...]:
        return tuple(hazards(self.layers, self.layering))

    @cached_property
    def _secrets(self) -> tuple[Secret, ...]:
        def look(layer: LayerIndex) -> list[tuple[int, Match]]:
            found: list[tuple[int, Match]] = []
            try:
                found.extend(scan_layer(verified(self.graph, layer.blob_digest)))
            except LayerError as error:
                if layer.problem is None:
                    raise GraphError(
                        "a layer changed while it was looked at", where=layer.blob_digest, actual=error.message
                    ) from error
            return found

        with ThreadPoolExecutor(self._workers) as pool:
            matches = list(pool.map(look, self.layers))
        return tuple(
            secret
            for layer, found in zip(self.layers, matches, strict=True)
            for secret in secrets_of(layer, found, self.layering)
        )

    # -- frames --------------------------------------------------------------------------------------------------

    @property
    def members(self) -> pd.DataFrame:
        """The table ``files``."""
        rows = (row for layer in self.layers for row in file_rows(layer, self.layering.shadowed))
        return table(File, rows, image=self.name)

    @property
    def tree(self) -> pd.DataFrame:
        """What a container would see."""
        return table(Path, paths(self.layering))

    @property
    def timeline(self) -> pd.DataFrame:
        """What each layer did to each path."""
        return table(Step, steps(self.layering))

    @property
    def deleted(self) -> pd.DataFrame:
        """Files that are stored and not seen."""
        return table(Leftover, self._leftovers)

    @property
    def wasted(self) -> pd.DataFrame:
        """Bytes that are stored and not seen, by layer."""
        return table(Waste, self._wasted)

    @cached_property
    def _wasted(self) -> tuple[Waste, ...]:
        return tuple(waste(self.layers, self._leftovers))

    @property
    def secrets(self) -> pd.DataFrame:
        """What looks like a secret."""
        return table(Secret, self._secrets)

    @property
    def hazards(self) -> pd.DataFrame:
        """What can mislead or hurt."""
        return table(Hazard, self._hazards)

    # -- to read -------------------------------------------------------------------------------------------------

    @property
    def sentence(self) -> str:
        """The numbers, in one sentence."""
        stored, lost = sum(one.stored for one in self._wasted), sum(one.wasted for one in self._wasted)
        share = f" ({100 * lost / stored:.1f} %)" if stored else ""
        return (
            f"{self.name}: {_count(len(self.layers), 'layer')} with {_count(self.count, 'member')}; "
            f"{_count(len(self.layering.entries), 'path')} in the end; "
            f"{_count(len(self._leftovers), 'file')} stored and not seen, {lost:,} of {stored:,} bytes{share}; "
            f"{_count(len(self._hazards), 'hazard')}"
        )

    def card(self) -> Card:
        """The numbers as a card."""
        looked = "_secrets" in self.__dict__
        facts = [
            ("in the end", _count(len(self.layering.entries), "path")),
            ("stored, not seen", f"{_count(len(self._leftovers), 'file')}, {sum(one.wasted for one in self._wasted):,} bytes"),
            ("hazards", _counted([hazard.hazard for hazard in self._hazards])),
            ("secrets", _counted([one.rule for one in self._secrets]) if looked else "not looked for yet: ask for .secrets"),
        ]
        tables = [self._layer_table()]
        if self._leftovers:
            tables.append(_leftover_table(self._leftovers))
        return Card(
            title=f"files of {self.name}: {_count(self.count, 'member')} in {_count(len(self.layers), 'layer')}",
            tone="plain" if all(layer.problem is None for layer in self.layers) else "bad",
            facts=tuple(facts),
            tables=tuple(tables),
            footer="frames: members, tree, timeline, deleted, wasted, secrets, hazards",
        )

    def _layer_table(self) -> Table:
        rows = tuple(
            (
                str(layer.position),
                short(layer.blob_digest),
                f"{len(layer.members):,}",
                f"{lost.stored:,}",
                f"{lost.wasted:,}",
                "" if layer.problem is None else layer.problem.message,
            )
            for layer, lost in zip(self.layers, self._wasted, strict=True)
        )
        return Table("layers, base first", ("layer", "blob", "members", "bytes of files", "not seen", ""), rows)

    def __repr__(self) -> str:
        return self.card().text()

    def _repr_html_(self) -> str:
        return self.card().html()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _counted(words: Sequence[str]) -> str:
    counts = {word: words.count(word) for word in dict.fromkeys(words)}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items()) or "none"


def _leftover_table(rest: Sequence[Leftover]) -> Table:
    largest = sorted(rest, key=lambda one: (-one.stored, one.layer, one.index))[:_SHOWN]
    rows = tuple(
        (
            middle_cut(one.path, 60),
            str(one.layer),
            one.how,
            "" if one.hidden_by is None else str(one.hidden_by),
            f"{one.stored:,}",
        )
        for one in largest
    )
    caption = "stored, not seen" + (f": the {_SHOWN} largest" if len(rest) > _SHOWN else "")
    return Table(caption, ("path", "layer", "how", "by layer", "bytes"), rows)


def files(
    image: Report | ImageFiles | str,
    *,
    graph: Graph | str | PathLike[str] | None = None,
    source: Openable | None = None,
    policy: Policy | str = "strict",
    accept: Collection[str] = (),
    platform: str = PLATFORM,
    username: str | None = None,
    password: str | None = None,
    insecure: Collection[str] = (),
    workers: int = WORKERS,
    budget: int = IMAGE_BUDGET,
) -> ImageFiles:
    """Look into the layers of an image.

    Parameters
    ----------
    image : Report, ImageFiles or str
        A report of ``pull``; or, with ``graph``, a reference, an image ID or a digest; or, without, a reference that is pulled
        into a graph that goes away again.
    graph : Graph or path, optional
        Where the image was pulled to.
    source : Source, str or path, optional
        Where to pull from.
    policy, accept, platform, username, password, insecure
        As in ``pull``, for what is pulled.
    workers : int
        How many layers are read at once.
    budget : int
        Bytes the layers may expand to together.

    Returns
    -------
    ImageFiles
        Frames of everything; a layer that breaks off is there up to the break, and a hazard.

    Raises
    ------
    GraphError
        The graph has no such image, or a blob of it is not there.
    VerificationError
        A blob is not what its digest says.
    LimitError
        The layers expand beyond the budget.

    Examples
    --------
    >>> from toolkit import simulator
    >>> found = files("teach/clean:1", source=simulator.teaching_registry())
    >>> found.count
    7
    """
    if isinstance(image, ImageFiles):
        return image
    named = layers_of(
        image,
        graph=graph,
        source=source,
        policy=policy,
        accept=accept,
        platform=platform,
        username=username,
        password=password,
        insecure=insecure,
    )
    return ImageFiles(named, _index(named, workers, budget), workers=workers)


def timeline(image: Report | ImageFiles | str, *, graph: Graph | str | PathLike[str] | None = None) -> pd.DataFrame:
    """Tell what each layer of an image did to each path.

    Parameters
    ----------
    image, graph
        As in ``files``.

    Returns
    -------
    pandas.DataFrame
        One row per path and layer: added, changed, attributes-changed, unchanged, deleted, hidden.
    """
    return files(image, graph=graph).timeline


def _index(image: ImageLayers, workers: int, budget: int) -> list[LayerIndex]:
    """Index each blob once, the largest first."""
    sizes = {layer.blob_digest: _size(image.graph, layer) for layer in image.layers}
    diff_ids = {layer.blob_digest: layer.diff_id for layer in image.layers}
    left, guard = budget, threading.Lock()

    def read(digest: str) -> LayerIndex:
        nonlocal left
        claimed = diff_ids[digest]
        algorithm = Digest.parse(claimed).algorithm if claimed is not None and Digest.is_exact(claimed) else "sha256"
        allowed = min(left, DEFAULT_BUDGET)
        found = index_layer(verified(image.graph, digest), blob_digest=digest, algorithm=algorithm, budget=allowed)
        with guard:
            left -= found.tar_size
        if left < 0 or (allowed < DEFAULT_BUDGET and found.problem is not None and found.problem.code == OVER_BUDGET):
            raise LimitError(
                "the layers of the image expand beyond the budget",
                where=image.name,
                expected=f"at most {budget} bytes",
                next_step="give a larger budget, if you trust the image",
            )
        return found

    order = sorted(sizes, key=lambda digest: -sizes[digest])
    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(read, order), strict=True))
    return [replace(found[one.blob_digest], position=one.position, claimed_diff_id=one.diff_id) for one in image.layers]


def _size(graph: Graph, layer: ImageLayer) -> int:
    digest = layer.blob_digest
    path = graph.blobs.path(digest) if Digest.is_exact(digest) else None
    if path is None:
        raise GraphError(
            "a layer of the image is not in the graph",
            where=f"layer {layer.position}",
            expected=digest,
            next_step="pull the image again; foreign layers are never fetched",
        )
    return fsops.size(path) or 0


def verified(graph: Graph, digest: str) -> Iterator[bytes]:
    """Read a blob that was compared with its digest first, all of it.

    Raises
    ------
    VerificationError
        It is not what its name says.
    """
    meter = BlobMeter(digest)
    for chunk in graph.blobs.chunks(digest):
        meter.feed(chunk)
    if not meter.matches:
        raise VerificationError(
            "a blob of the graph is not what its name says",
            where=str(graph.blobs.path(digest)),
            expected=digest,
            actual=str(meter.digest),
            next_step="pull the image again: what is there goes into quarantine",
            code="blob-digest",
        )
    return graph.blobs.chunks(digest)
