"""The verb that lists the rules.

The rule of this file: what it prints stands in ``verification.rules``.
"""

from __future__ import annotations

import argparse
from typing import Any

from toolkit.cli.access import Verbs
from toolkit.cli.output import print_json
from toolkit.verification.rules import RULES, Rule


def add(verbs: Verbs) -> None:
    """Add the verb."""
    rules = verbs.add_parser("rules", help="list every rule, with its origin and who enforces it")
    rules.add_argument("--json", action="store_true", help="print JSON")
    rules.set_defaults(run=_rules)


def _rules(options: argparse.Namespace) -> int:
    if options.json:
        print_json([_rule(rule) for rule in RULES.values()])
        return 0
    for rule in RULES.values():
        docker = "and Docker 1.9" if rule.seed else "not Docker 1.9"
        print(f"{rule.slug:<24} {rule.sentence}\n{'':<24} strict: {rule.strict}, {docker}; {rule.origin}")
    return 0


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.slug,
        "sentence": rule.sentence,
        "origin": rule.origin,
        "strict": rule.strict,
        "docker-1.9": rule.seed,
        "exceptable": rule.exceptable,
    }
