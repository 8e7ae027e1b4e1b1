"""What is checked in under ``data`` is what the simulator and the declarations make, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.places import PROJECT
from support.trees import files_of

import toolkit as tk
from toolkit import simulator
from toolkit.ledger.dictionary import markdown
from toolkit.simulator.teaching import save_teaching
from toolkit.sources.static_registry import StaticRegistry

TEACHING = PROJECT / "data" / "registries" / "teaching"


def test_the_teaching_registry_is_what_the_simulator_makes(tmp_path: Path) -> None:
    save_teaching(tmp_path / "made")
    assert files_of(tmp_path / "made") == files_of(TEACHING)


def test_the_data_dictionary_is_what_the_records_declare() -> None:
    assert (PROJECT / "data" / "README.md").read_text(encoding="utf-8") == markdown()


def test_a_saved_registry_is_the_one_that_was_saved() -> None:
    assert StaticRegistry.load(TEACHING) == simulator.teaching_registry()


@pytest.mark.parametrize("name", simulator.GRAPHS)
def test_a_saved_graph_is_the_one_prepared(name: str) -> None:
    prepared = simulator.prepare_graph(tk.Graph.temporary(), name)
    saved = files_of(TEACHING / "graphs" / name / "images")
    assert saved == files_of(prepared.layout.images)


def test_every_image_of_the_registry_is_judged_as_it_must_be() -> None:
    source = tk.open_source(TEACHING)
    for repository, tags in StaticRegistry.load(TEACHING).manifests.items():
        for tag in tags:
            case = simulator.TAMPERINGS.get(tag)
            strict, docker = (
                tk.inspect(f"{repository}:{tag}", source=source, policy=policy) for policy in ("strict", "docker-1.9")
            )
            if case is None:
                assert (strict.outcome, docker.outcome, strict.findings) == ("accepted", "accepted", [])
            else:
                assert strict.error is not None
                assert strict.error["code"] == case.rule
                assert (docker.outcome == "accepted") == case.docker_accepts
