"""The smallest graph that has one of everything: a schema1 image of two layers, an OCI image, something in quarantine.

The rule of this file: it is pulled like any other, from a registry in memory; only the layers are compressed, to be few bytes.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import toolkit as tk
from support.shop import Shop
from toolkit.digests import sha256
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.sources.static_registry import StaticManifest, StaticRegistry


def small_image() -> SimulatedImage:
    """A schema1 image whose layers are compressed."""
    image = build_image("s", "1", [LayerRecipe("a", {"a": b"1"}), LayerRecipe("b", {"b": b"2"})])
    names: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    for digest, blob in image.blobs.items():
        small = gzip.compress(gzip.decompress(blob), mtime=0)
        names[digest] = sha256(small)
        blobs[names[digest]] = small
    layers = [{"blobSum": names[layer["blobSum"]]} for layer in image.document["fsLayers"]]
    changed = image.changed(fsLayers=layers)
    return SimulatedImage(repository="s", tag="1", document=changed.document, blobs=blobs)


def schema1_registry() -> StaticRegistry:
    """A registry of that image."""
    image = small_image()
    registry = StaticRegistry("r.example")
    registry.add("s", "1", StaticManifest(body=image.body, digest=image.digest), image.blobs)
    return registry


def oci_shop() -> Shop:
    """A registry of an OCI image of one layer."""
    shop = Shop()
    shop.image("1", layers=1)
    return shop


def tiny_graph(root: Path) -> tk.Graph:
    """Pull both into a graph, and put something into quarantine."""
    graph = tk.Graph(root)
    tk.pull("s:1", graph, source=schema1_registry())
    tk.pull("o:1", graph, source=oci_shop().transport())
    graph.blobs.add(b"rejected", quarantine=True)
    return graph


def files_of(graph: tk.Graph) -> list[Path]:
    """Every file that has been committed, or names something; not the ledger, which has proofs of its own."""
    root = graph.layout.root
    kept = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return [path for path in kept if path.relative_to(root).parts[0] not in ("ingest", "ledger")]


def index_of(graph: tk.Graph) -> list[dict[str, object]]:
    """The entries of the OCI index."""
    found: list[dict[str, object]] = json.loads(graph.layout.index.read_bytes())["manifests"]
    return found
