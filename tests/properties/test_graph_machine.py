"""Pulls, other pulls, bad disks, kills, power cuts, flipped bits, recovery, verification and purges in any order."""

from __future__ import annotations

from hypothesis import Phase, settings
from support.graph_machine import GraphMachine

TestGraphMachine = GraphMachine.TestCase
TestGraphMachine.settings = settings(
    max_examples=20, stateful_step_count=10, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
