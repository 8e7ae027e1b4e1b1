"""The images of a graph of Docker 1.9 and earlier, each compared with what its own files say.

The rule of this file: one value for each directory of the graph, whatever is wrong with it. What a file claims stands
beside what was computed, and what nobody can tell is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from toolkit.errors import GraphError, ImageConfigError
from toolkit.identity import image_record
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import strong_id
from toolkit.layers.tar_sum import tar_sum, version_of
from toolkit.references import image_id_error
from toolkit.reuse.history_chain import missing_histories
from toolkit.reuse.plan import next_id
from toolkit.reuse.stored_image import LoadedImage, StoredImage, get, layer_digest
from toolkit.sources.protocol import MANIFEST_LIMIT
from toolkit.sources.rebuilt_layers import RebuiltLayers, Unpacked
from toolkit.sources.tree import Tree, read

NamedBy = Literal["strong-id", "permuted", "compatibility-id", "nothing"]
"""What a directory is named by: the hash of its configuration, that hash hashed again, the ID in its text, or none of these."""
Compared = Literal["equal", "another", "compressed", "unknown"]
"""The rebuilt tar against ``checksum``: the same; not the same; not comparable, since the digest is of a compressed blob."""

_GRAPH: Final = "graph"
_ROUNDS: Final = 64
"""How often an ID is hashed again before it counts as nobody's."""
_FILES: Final = {
    "json": "json",
    "layersize": "layersize",
    "checksum": "checksum",
    "v1_compatibility": "v1Compatibility",
    "parent": "parent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyImage:
    """One directory of the graph.

    ``strong_id`` is computed from ``checksum`` and ``v1Compatibility``, down to the base, and None where a file of the chain
    is missing; ``tar_digest`` and ``tar_size`` (bytes) are of the rebuilt tar, which is the layer's diff ID. ``findings`` are
    sentences about what is wrong or cannot be told.
    """

    id: str
    parent: str
    checksum: str | None
    strong_id: str | None
    named_by: NamedBy
    tar_digest: str | None
    tar_size: int
    compared: Compared
    findings: tuple[str, ...]


def unpacked(layers: RebuiltLayers, image_id: str) -> Unpacked:
    """Where the layer of an image lies."""
    return Unpacked(image_id, f"{_GRAPH}/{image_id}/tar-data.json.gz", layers.folder(image_id))


class TreeGraph(Mapping[str, StoredImage]):
    """The graph of a Docker root as a graph to look at."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._ids = [name for name in tree.names(_GRAPH) if image_id_error(name) is None]

    def __getitem__(self, image_id: str) -> StoredImage:
        if image_id not in self._ids:
            raise KeyError(image_id)
        return StoredImage(**{field: self._read(f"{_GRAPH}/{image_id}/{name}") for field, name in _FILES.items()})

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def _read(self, name: str) -> bytes | None:
        return read(self._tree, name, MANIFEST_LIMIT, name) if self._tree.kind(name) == "file" else None


def review(tree: Tree, layers: RebuiltLayers) -> tuple[LegacyImage, ...]:
    """Compare every image of a graph with its files, and put its layer together.

    Parameters
    ----------
    tree : Tree
        The daemon's folder.
    layers : RebuiltLayers
        Of the same tree.

    Returns
    -------
    tuple of LegacyImage
        By ID.

    Raises
    ------
    SourceError
        A file cannot be read at all.

    Notes
    -----
    Origin: ``image.MakeImageConfig``, ``Graph.Get`` and ``GenerateV1CompatibilityChain`` of Docker 1.9: a text that is missing
    is made as it made it.
    """
    graph = TreeGraph(tree)
    strong = _StrongIDs(graph)
    return tuple(_image(image_id, graph, strong, layers) for image_id in graph)


def _image(image_id: str, graph: TreeGraph, strong: _StrongIDs, layers: RebuiltLayers) -> LegacyImage:
    stored = graph[image_id]
    found = LegacyImage(
        id=image_id,
        parent="",
        checksum=None if stored.checksum is None else stored.checksum.decode("utf-8", "backslashreplace").strip(),
        strong_id=None,
        named_by="nothing",
        tar_digest=None,
        tar_size=0,
        compared="unknown",
        findings=(),
    )
    try:
        loaded = get(graph, image_id)
        found = replace(found, parent=loaded.parent, named_by="compatibility-id" if _own_id(loaded) else "nothing")
        computed = strong.of(image_id)
        found = replace(found, strong_id=computed)
        if found.named_by == "nothing":
            found = replace(found, named_by=_named(computed, image_id))
    except (GraphError, ImageConfigError) as error:
        found = _with(found, error.message)
    if found.strong_id is not None and found.named_by == "nothing":
        found = _with(found, f"the directory's name is not what its files hash to, {found.strong_id}")
    return _with_layer(found, layers)


def _with_layer(image: LegacyImage, layers: RebuiltLayers) -> LegacyImage:
    layer = unpacked(layers, image.id)
    tar = layers.named(layer)
    if tar.problem is not None:
        return _with(image, f"{tar.problem.message} ({tar.problem.where})")
    image = replace(image, tar_digest=tar.digest, tar_size=tar.size)
    if not image.checksum:
        return image
    version = version_of(image.checksum)
    if version is None:
        # A blob is compressed as a rule, so that another digest accuses nobody.
        return replace(image, compared="equal" if image.checksum == tar.digest else "compressed")
    if tar_sum(layers.chunks(layer), version) == image.checksum:
        return replace(image, compared="equal")
    return _with(replace(image, compared="another"), f"the rebuilt tar has another TarSum than {image.checksum}")


def _with(image: LegacyImage, finding: str) -> LegacyImage:
    return replace(image, findings=(*image.findings, finding))


def _own_id(loaded: LoadedImage) -> bool:
    """Whether the image's own JSON gives it its ID, as all did before Docker 1.8.3."""
    assert loaded.stored.json is not None  # it was loaded from it
    return bool(image_record.read_first(loaded.stored.json)["id"])


def _named(computed: str, image_id: str) -> NamedBy:
    candidate = computed.partition(":")[2]
    if candidate == image_id:
        return "strong-id"
    for _ in range(_ROUNDS):
        candidate = next_id(candidate)
        if candidate == image_id:
            return "permuted"
    return "nothing"


class _StrongIDs:
    """The strong IDs of a graph, each computed once, with those below it."""

    def __init__(self, graph: TreeGraph) -> None:
        self._graph = graph
        self._known: dict[str, str] = {}

    def of(self, image_id: str) -> str:
        """The strong ID of an image; Docker's own words where it has none."""
        below = ""
        for loaded in reversed(self._chain(image_id)):
            if loaded.id not in self._known:
                text = loaded.stored.v1_compatibility
                if text is None:
                    text = missing_histories(self._graph, loaded.id)[loaded.id]
                self._known[loaded.id] = strong_id(image_config(text, layer_digest(loaded.stored), below))
            below = self._known[loaded.id]
        return below

    def _chain(self, image_id: str) -> list[LoadedImage]:
        """An image and those below it, top first."""
        chain: dict[str, LoadedImage] = {}
        name = image_id
        while name:
            loaded = get(self._graph, name)
            if loaded.id in chain:
                raise GraphError(f"the parents of image {image_id} go in a circle", where=f"graph, image {loaded.id}")
            chain[loaded.id] = loaded
            name = loaded.parent
        return list(chain.values())
