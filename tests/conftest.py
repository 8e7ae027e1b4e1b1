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


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat what is repeated, without the pauses."""
    monkeypatch.setattr("toolkit.sources.retries._FIRST_PAUSE", 0.001)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name what gzip wrote by that: it holds the time, and workers side by side must know the tests by the same names."""
    return "gzip" if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None
