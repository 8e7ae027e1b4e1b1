"""Findings on a page: what the rule wants, both sides, and how to see it oneself.

The rule of this file: a finding is never shortened; where two texts of one length differ, the characters that differ are marked.
"""

from __future__ import annotations

from itertools import groupby

from toolkit.cases.by_hand import Places, Step, of_finding
from toolkit.cases.markup import Markup, element, facts, joined
from toolkit.cases.tables import by_image
from toolkit.pulling.report import Report
from toolkit.records import Check, Record
from toolkit.verification.rules import RULES


def findings(report: Report, places: Places) -> list[Markup]:
    """Write every finding of a report, those that refuse first."""
    rows = by_image(report)
    found = [(image, one) for image, mine in rows.items() for one in mine if isinstance(one, Check) and one.outcome == "failed"]
    failed = sorted(found, key=lambda one: not one[1].refuses)
    return [_finding(number, image, check, rows[image], places) for number, (image, check) in enumerate(failed, start=1)]


def steps(items: list[Step]) -> Markup:
    """Write commands with what they must print, in the order in which they are to be run."""
    return element("ol", *(element("li", _step(step)) for step in items), **{"class": "steps"})


def _finding(number: int, image: str, check: Check, mine: list[Record], places: Places) -> Markup:
    rule = RULES.get(check.rule)
    expected, actual = marked(check.expected, check.actual)
    body = [
        element("h4", f"{number}. {check.rule} ", element("span", _word(check), **{"class": "word"})),
        element("p", "" if rule is None else rule.sentence),
        element("div", facts([("where", check.subject), ("expected", expected), ("actual", actual)]), **{"class": "sides"}),
    ]
    notes = [("image", image), ("in words", check.message)]
    if rule is not None:
        notes += [("the rule is from", rule.origin), ("next step", rule.next_step)]
    body.append(facts((name, text) for name, text in notes if text))
    by_hand = of_finding(check, mine, places)
    if by_hand:
        body += [element("p", f"See it yourself, in {places.folder}:"), steps(by_hand)]
    else:
        body.append(element("p", "The bytes this was found in were not kept, so nobody can look at them again."))
    return element("section", *body, **{"class": "finding refuses" if check.refuses else "finding"})


def _word(check: Check) -> str:
    if check.refuses:
        return "cannot be decided, so it refuses" if check.undecided else "refuses the image"
    return "excepted by the user: recorded, does not refuse" if check.excepted else "recorded, does not refuse"


def _step(step: Step) -> Markup:
    parts = [element("p", step.about), element("pre", step.command)]
    if step.prints:
        parts.append(element("p", "must print ", element("samp", step.prints), **{"class": "prints"}))
    return joined(parts)


def marked(expected: str | None, actual: str | None) -> tuple[Markup, Markup]:
    """Write both sides; of two that have one length the characters that differ are marked.

    >>> marked("sha256:ab", "sha256:ac")
    ('sha256:a<mark>b</mark>', 'sha256:a<mark>c</mark>')
    """
    if expected is None or actual is None or len(expected) != len(actual) or expected == actual:
        return _side(expected), _side(actual)
    return _marked(expected, actual), _marked(actual, expected)


def _side(text: str | None) -> Markup:
    return joined(["nothing was noted" if text is None else text])


def _marked(text: str, other: str) -> Markup:
    parts: list[str] = []
    for differs, pairs in groupby(zip(text, other, strict=True), key=lambda pair: pair[0] != pair[1]):
        run = "".join(char for char, _ in pairs)
        parts.append(element("mark", run) if differs else run)
    return joined(parts)
