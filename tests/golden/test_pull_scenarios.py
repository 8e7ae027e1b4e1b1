"""Whole pulls, observed of Docker 1.9 against a scripted registry: final files, tags and errors must be the same."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from support.places import needs_vectors, oracle
from support.scripted_server import Route, ScriptedServer

import toolkit as tk

BLOBS = {name: base64.b64decode(text) for name, text in (oracle("blobs_b64.json") or {}).items()}

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
                server.routes = [_route(route) for route in step["routes"]]
            for action in step.get("pre", ()):
                _prepare(graph, action)
            if step.get("v2only") is False:
                continue  # the v1 protocol and its fallback are not part of a v2 pull
            error = _pull(step["pull"], server.host, graph)
            expected = step["expected"]
            wanted = (expected["error"] or "").replace("REGISTRY_HOST", server.host)
            assert error == wanted, f"step {number}"
            assert _images(graph) == _expected_images(expected["after"]["graph"]), f"step {number}"
            repositories = (graph.layout.repositories).read_text().replace(server.host, "REGISTRY_HOST")
            assert repositories == expected["after"]["repositories"], f"step {number}"
            assert not [name for name in graph.layout.ingest.iterdir() if name.name != "locks"], f"step {number}"


def _route(route: dict[str, Any]) -> Route:
    return Route(
        path=route["path"],
        method=route.get("method"),
        status=route.get("status", 200),
        headers=route.get("headers", {}),
        body=BLOBS.get(route.get("body", ""), b""),
        no_length=route.get("no_length", False),
        if_authorization=route.get("if_authorization"),
    )


def _prepare(graph: tk.Graph, action: dict[str, Any]) -> None:
    if action["op"] == "register":
        graph.register_legacy(action["json"].encode(), layer=BLOBS[action["layer"]])
    elif action["op"] == "graph_delete":
        for path in sorted(graph.layout.image(action["id"]).iterdir()):
            path.unlink()
        graph.layout.image(action["id"]).rmdir()
    else:
        path = graph.layout.images / Path(action["path"]).relative_to("graph")
        if action["op"] == "write":
            path.write_text(action["content"])
            path.chmod(0o600)
        else:
            path.unlink()


def _pull(asked: dict[str, Any], host: str, graph: tk.Graph) -> str:
    name = asked["image"].replace("{HOST}", host)
    auth = asked.get("auth", {})
    text = name if not asked["tag"] else f"{name}{'@' if ':' in asked['tag'] else ':'}{asked['tag']}"
    try:
        tk.pull(
            text,
            graph,
            policy="docker-1.9",
            all_tags=not asked["tag"],
            username=auth.get("username"),
            password=auth.get("password"),
        )
    except tk.ToolkitError as error:
        return error.message
    return ""


def _images(graph: tk.Graph) -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for directory in graph.layout.images.iterdir():
        found[directory.name] = {
            path.name: (path.read_text(), f"{path.stat().st_mode & 0o7777:04o}") for path in directory.iterdir()
        }
    return found


def _expected_images(expected: dict[str, Any]) -> dict[str, dict[str, tuple[str, str]]]:
    return {
        image_id: {name: (file["text"], file["mode"]) for name, file in files.items() if name != "tar-data.json.gz"}
        for image_id, files in expected.items()
        if image_id != "_tmp"
    }
