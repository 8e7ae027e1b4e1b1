"""The demonstration: everything comes out as it must, or the exit status says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.simulator.demo import demo


def test_the_demonstration_accepts_refuses_and_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(tmp_path / "graph") == 0
    said = capsys.readouterr().out
    assert re.search(r"✔ pull 127\.0\.0\.1:\d+/teach/clean:1: accepted", said)
    assert re.search(r"Image is up to date for 127\.0\.0\.1:\d+/teach/clean:1", said)
    assert re.search(r"✘ pull 127\.0\.0\.1:\d+/teach/tampered:blob-byte: rejected", said)
    assert "docker-1.9: accepted, strict: rejected" in said
    assert str(tmp_path / "graph") in said
    graph = tk.Graph(tmp_path / "graph")
    assert len(graph) == 3
    assert tk.Ledger.load(graph.layout.ledger).pulls["outcome"].value_counts().to_dict() == {
        "accepted": 2, "rejected": 1, "running": 0, "undecided": 0, "aborted": 0,
    }  # fmt: skip


def test_a_graph_that_says_otherwise_is_told_by_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "graph").write_text("a file")
    with pytest.raises(tk.errors.GraphError):
        demo(tmp_path / "graph")
    assert capsys.readouterr().out == ""
