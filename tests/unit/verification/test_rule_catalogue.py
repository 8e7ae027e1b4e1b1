"""The catalogue by stages."""

from __future__ import annotations

from itertools import chain
from typing import get_args

import pytest

from toolkit.verification.rules import RULES, Stage, of_stage

STAGES: tuple[Stage, ...] = get_args(Stage)


def test_every_rule_belongs_to_one_stage_and_stages_follow_each_other() -> None:
    assert [rule.slug for rule in chain.from_iterable(of_stage(stage) for stage in STAGES)] == list(RULES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_its_own_rules_in_the_order_in_which_they_are_asked(stage: Stage) -> None:
    rules = of_stage(stage)
    assert rules
    assert {rule.stage for rule in rules} == {stage}
    assert [rule.slug for rule in rules] == [slug for slug, rule in RULES.items() if rule.stage == stage]
