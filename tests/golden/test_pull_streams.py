"""What a whole pull says while it happens, against the streams of Docker 1.9: the model's own lines, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from support.places import needs_vectors, oracle
from support.scripted_server import ScriptedServer
from support.seed_pulls import MESSAGES, Recorded, by_layer, prepare, pull_step, route, words

import toolkit as tk
from toolkit.progress.stream_format import error_line

pytestmark = needs_vectors

NOT_EXTRACTED: Final = "a layer is looked into before anything is registered: what cannot be unpacked is never extracted"
NO_V1: Final = "we say what we pull once there is something to be pulled; the old protocol said it before it asked"

DIFFERENCES: Final = {
    ("bad-gzip-valid-digest", 0, "92f47b672de8"): ("Extracting 60", NOT_EXTRACTED),
    ("tar-duplicate-path", 0, "afaf4ecbd668"): ("Extracting 111", NOT_EXTRACTED),
    ("manifest-unknown", 2, MESSAGES): ("Pulling repository REGISTRY_HOST/user/repo", NO_V1),
    ("manifest-404-text", 0, MESSAGES): ("Pulling repository REGISTRY_HOST/user/repo", NO_V1),
}
"""What the model says and we do not, and why: scenario, step, and the layer or message it is about."""

SCENARIOS: Final[list[dict[str, Any]]] = oracle("e2e_pulls.json")


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one["name"]) for one in SCENARIOS])
def test_a_pull_says_what_docker_said(scenario: dict[str, Any], tmp_path: Path) -> None:
    graph = tk.Graph(tmp_path / "graph")
    graph.prepare()
    name = scenario["name"]
    with ScriptedServer() as server:
        for number, step in enumerate(scenario["steps"]):
            if "routes" in step:
                server.routes = [route(one) for one in step["routes"]]
            for action in step.get("pre", ()):
                prepare(graph, action)
            recorded = Recorded(server.host)
            error = pull_step(step, server.host, graph, recorded)
            if error:
                recorded.error(error)
            expected = list(step["expected"]["stream"])
            if step["expected"]["error"]:
                expected.append(error_line(step["expected"]["error"]))
            ours, model = by_layer(recorded.lines), by_layer(expected)
            for (case, place, about), (only_said_there, _) in DIFFERENCES.items():
                if (case, place) == (name, number):
                    position = words(model)[about].index(only_said_there)
                    del model[about][position]
            assert ours == model, f"step {number}"
            assert recorded.lines[-1:] == expected[-1:], f"step {number}"


def test_every_difference_is_one_of_a_scenario_there_is() -> None:
    steps = {(one["name"], number) for one in SCENARIOS for number in range(len(one["steps"]))}
    assert {(case, number) for case, number, _ in DIFFERENCES} <= steps
