"""The machine of ``support/graph_machine.py``, for long."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from support.graph_machine import GraphMachine

TestGraphMachine = GraphMachine.TestCase
TestGraphMachine.settings = settings(
    max_examples=2_000, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
