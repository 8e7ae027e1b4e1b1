"""Fixtures: graphs, sources, and a watch over what tests leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit as tk
from toolkit import simulator
from toolkit.sources.protocol import Source


@pytest.fixture
def graph(tmp_path: Path) -> tk.Graph:
    """A new graph."""
    return tk.Graph(tmp_path / "graph")


@pytest.fixture(scope="session")
def teaching() -> Source:
    """The teaching registry, in memory."""
    return tk.open_source(simulator.teaching_registry())
