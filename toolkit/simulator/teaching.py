"""The teaching registry: one image for each thing there is to see, and graphs in which to see it.

The rule of this file: it only composes; images are made in ``images``, lies in ``tampering``. The copy under
``data/registries/teaching`` is generated from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit.graph.store import Graph
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import strong_id
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.simulator.tampering import TAMPERINGS, Served, honest
from toolkit.sources.static_registry import StaticManifest, StaticRegistry

NAME: Final = "teaching.example"

_BASE: Final = LayerRecipe(
    "#(nop) ADD file:5f1d in /",
    {"etc/": b"", "etc/motd": b"welcome\n", "bin/": b"", "bin/sh": b"#!shell\n" * 40},
)
_MIDDLE: Final = LayerRecipe("apk add greeting", {"usr/": b"", "usr/bin/": b"", "usr/bin/greet": b"echo hello\n"})
_TOP: Final = LayerRecipe('#(nop) CMD ["greet"]')
_NEW_TOP: Final = LayerRecipe('#(nop) CMD ["greet", "--loudly"]', {"etc/greet.conf": b"loud=1\n"})


def clean_image(tag: str = "1") -> SimulatedImage:
    """Three layers, nothing wrong with them; tag 2 shares two of them and has another top."""
    top = {"1": _TOP, "2": _NEW_TOP}[tag]
    return build_image("teach/clean", tag, [_BASE, _MIDDLE, top])


def duplicate_image() -> SimulatedImage:
    """The same image entry twice in a row, as a Docker of the time wrote it, and one blob under two images."""
    image = build_image("teach/duplicates", "1", [_BASE, _TOP, LayerRecipe("#(nop) ENV A=1"), _MIDDLE])
    layers, history = image.document["fsLayers"], image.document["history"]
    return image.changed(fsLayers=[layers[0], *layers], history=[history[0], *history])


def legacy_image() -> SimulatedImage:
    """Three images by Docker 1.7.1: their names were not made from their content."""
    old = [LayerRecipe(recipe.command, recipe.files, docker_version="1.7.1") for recipe in (_BASE, _MIDDLE, _TOP)]
    return build_image("teach/legacy", "1", old)


def teaching_registry() -> StaticRegistry:
    """Make the whole registry, in memory."""
    registry = StaticRegistry(NAME)
    for image, about in (
        (clean_image("1"), "Three layers, nothing wrong with them."),
        (clean_image("2"), "Shares two layers with tag 1."),
        (duplicate_image(), "The same entry twice in a row, and one blob under two images."),
        (legacy_image(), "Images by Docker 1.7.1, named before content gave the name."),
    ):
        _publish(registry, image.repository, image.tag, honest(image), about)
    for name, case in TAMPERINGS.items():
        # Every tampering has its own base, so that no two of them lie about the same digest.
        base = LayerRecipe(_BASE.command, {**_BASE.files, "etc/tampering": f"{name}\n".encode()})
        image = build_image("teach/tampered", name, [base, _MIDDLE, LayerRecipe(_TOP.command, {"etc/top": f"{name}\n".encode()})])
        _publish(registry, image.repository, name, case.tamper(image), case.about)
    return registry


def _publish(registry: StaticRegistry, repository: str, tag: str, served: Served, about: str) -> None:
    registry.add(repository, tag, StaticManifest(body=served.body, digest=served.digest, about=about), served.blobs)


def _with_legacy(graph: Graph) -> None:
    """Legacy images with their checksums: all of them can be reused."""
    _register(graph, legacy_image(), checksums=3)


def _with_legacy_base_only(graph: Graph) -> None:
    """Only the base has a checksum: reuse stops above it."""
    _register(graph, legacy_image(), checksums=1)


def _without_checksums(graph: Graph) -> None:
    """Legacy images without checksums: nothing can be reused."""
    _register(graph, legacy_image(), checksums=0)


def _damaged(graph: Graph) -> None:
    """An image under the clean base's strong ID that does not deserve it: the next ID must be probed for."""
    image = clean_image("1")
    layer = image.document["fsLayers"][-1]["blobSum"]
    text = image.document["history"][-1]["v1Compatibility"].encode()
    config = image_config(text, layer)
    graph.prepare()
    graph.register(
        strong_id(config).partition(":")[2],
        config,
        parent="",
        layer_size=0,
        checksum="sha256:" + "0" * 64,
        v1_compatibility=text,
    )


def _register(graph: Graph, image: SimulatedImage, *, checksums: int) -> None:
    entries = list(zip(image.document["fsLayers"], image.document["history"], strict=True))[::-1]
    for number, (layer, entry) in enumerate(entries):
        digest = layer["blobSum"]
        record = json.loads(entry["v1Compatibility"])
        graph.register_legacy(
            json.dumps(record).encode(), layer=image.blobs[digest], checksum=digest if number < checksums else None
        )


GRAPHS: Final[dict[str, Callable[[Graph], None]]] = {
    "legacy": _with_legacy,
    "legacy-base-only": _with_legacy_base_only,
    "legacy-without-checksums": _without_checksums,
    "damaged": _damaged,
}
"""Graphs to pull into, by name: what is in them before the pull."""


def prepare_graph(graph: Graph, name: str) -> Graph:
    """Fill a new graph with what a lesson needs; return it.

    Parameters
    ----------
    graph : Graph
    name : str
        legacy, legacy-base-only, legacy-without-checksums or damaged.
    """
    GRAPHS[name](graph)
    return graph


def save_teaching(folder: Path) -> None:
    """Write the registry and the graphs into a new folder: what ``data/registries/teaching`` holds."""
    teaching_registry().save(folder)
    for name in GRAPHS:
        graph = prepare_graph(Graph.temporary(), name)
        for image_id in graph:
            target = folder / "graphs" / name / "images" / image_id
            fsops.make_directory(target)
            for file in fsops.names(graph.layout.image(image_id)):
                fsops.write_new(target / file, fsops.read(graph.layout.image(image_id) / file) or b"", mode=0o644)
