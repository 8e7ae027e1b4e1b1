"""Scripted registries for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A registry to be scripted."""
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def stranger() -> Iterator[ScriptedServer]:
    """Another host: it counts what reaches it."""
    with ScriptedServer() as started:
        yield started
