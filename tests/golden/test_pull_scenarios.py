"""Whole pulls, observed of Docker 1.9 against a scripted registry: final files, tags and errors must be the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from support.places import needs_vectors, oracle
from support.scripted_server import ScriptedServer
from support.seed_pulls import prepare, pull_step, route

import toolkit as tk
from toolkit.reuse.stored_image import get

pytestmark = needs_vectors


def scenarios() -> list[Any]:
    return [pytest.param(scenario, id=scenario["name"]) for scenario in oracle("e2e_pulls.json")]


@pytest.mark.parametrize("scenario", scenarios())
def test_a_pull_leaves_what_docker_left(scenario: dict[str, Any], tmp_path: Path) -> None:
    graph = tk.Graph(tmp_path / "graph")
    graph.prepare()
    with ScriptedServer() as server:
        for number, step in enumerate(scenario["steps"]):
            if "routes" in step:
                server.routes = [route(one) for one in step["routes"]]
            for action in step.get("pre", ()):
                prepare(graph, action)
            error = pull_step(step, server.host, graph)
            expected = step["expected"]
            wanted = expected["error"] or ""
            assert error.replace(server.host, "REGISTRY_HOST") == wanted, f"step {number}"
            assert _images(graph) == _expected_images(expected["after"]["graph"]), f"step {number}"
            repositories = (graph.layout.repositories).read_text().replace(server.host, "REGISTRY_HOST")
            assert repositories == expected["after"]["repositories"], f"step {number}"
            assert not [name for name in graph.layout.ingest.iterdir() if name.name != "locks"], f"step {number}"
            loaded = {image_id: _loaded(graph, image_id) for image_id in step.get("graph_get", ())}
            assert loaded == expected.get("graph_get", {}), f"step {number}"


def _loaded(graph: tk.Graph, image_id: str) -> dict[str, Any]:
    """An image as the graph's own ``Get`` gives it."""
    image = get(graph, image_id)
    fields = {name: image.record[name] for name in ("layer_id", "parent_id")}
    return {"id": image.id, "parent": image.parent, "size": image.size, **fields}


def _images(graph: tk.Graph) -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for directory in graph.layout.images.iterdir():
        found[directory.name] = {path.name: (_text(path), f"{path.stat().st_mode & 0o7777:04o}") for path in directory.iterdir()}
    return found


def _text(path: Path) -> str:
    """Every file byte for byte; of a compressed one what was compressed."""
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


def _expected_images(expected: dict[str, Any]) -> dict[str, dict[str, tuple[str, str]]]:
    return {
        image_id: {name: (file["text"], file["mode"]) for name, file in files.items()}
        for image_id, files in expected.items()
        if image_id != "_tmp"
    }
