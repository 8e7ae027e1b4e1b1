"""The catalogue by stages."""

from __future__ import annotations

from itertools import chain
from typing import get_args

import pytest

from toolkit.verification.rules import DOCUMENT_STAGES, RULES, SCHEMA1_STAGES, Stage, of_stage

STAGES: tuple[Stage, ...] = get_args(Stage)


def test_every_rule_belongs_to_a_stage_and_schema1_asks_in_the_order_of_its_stages() -> None:
    assert {rule.slug for rule in of_stage(*SCHEMA1_STAGES, *DOCUMENT_STAGES)} == set(RULES)
    in_turn = [rule.slug for rule in chain.from_iterable(of_stage(stage) for stage in SCHEMA1_STAGES)]
    assert in_turn == [rule.slug for rule in of_stage(*SCHEMA1_STAGES)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_its_own_rules_in_the_order_in_which_they_are_asked(stage: Stage) -> None:
    rules = of_stage(stage)
    assert rules
    assert [rule.slug for rule in rules] == [slug for slug, rule in RULES.items() if stage in rule.stages]
