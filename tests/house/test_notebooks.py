"""Notebooks are honest: run, stored with outputs, short cells, and words for every picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.places import PROJECT

import toolkit as tk

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_was_run_in_order(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell["outputs"] for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short_and_define_nothing(path: Path) -> None:
    for cell in code_cells(path):
        source = "".join(cell["source"])
        assert len(source.splitlines()) <= 10, source
        assert "def " not in source
        assert not source.rstrip().endswith(";")
        assert "NBVAL" not in source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_failed_and_every_picture_has_words(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
            data = output.get("data", {})
            if "image/png" in data:
                words = "".join(data["text/plain"])
                assert any(char.isdigit() for char in words)
                assert "object at 0x" not in words


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_this_machine_is_stored(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for trace in ("/tmp/", "/home/", "layerproof-", "0x7f"):  # noqa: S108  # looked for, not used
        assert trace not in text, trace


def test_every_public_name_is_met_in_a_notebook_the_readme_or_an_example() -> None:
    texts = [path.read_text(encoding="utf-8") for path in NOTEBOOKS]
    texts.append((PROJECT / "README.md").read_text(encoding="utf-8"))
    texts += [
        path.read_text(encoding="utf-8")
        for path in (PROJECT / "toolkit").rglob("*.py")
        if ">>>" in path.read_text(encoding="utf-8")
    ]
    everything = "\n".join(texts)
    assert {name for name in tk.__all__ if name not in everything} <= {"__version__"}
