"""The catalogue of rules is whole, and every rule can be tripped."""

from __future__ import annotations

import ast
import re

import pytest
from support.places import PROJECT

from toolkit import simulator
from toolkit.verification.rules import RULES, Rule

OTHERWISE_TRIPPED = {
    "manifest-json": "stories/test_findings.py",
    "signature-certificate": "stories/test_findings.py",
    "reference-digest": "stories/test_findings.py",
    "manifest-digest": "stories/test_findings.py",
    "schema-version": "stories/test_findings.py",
    "layers-present": "stories/test_findings.py",
    "header-digest": "stories/test_findings.py",
    "history-json": "stories/test_findings.py",
    "history-unambiguous": "stories/test_findings.py",
    "history-identity-names": "stories/test_findings.py",
    "history-key-case": "stories/test_findings.py",
    "duplicate-same-history": "stories/test_findings.py",
    "image-config": "stories/test_findings.py",
    "graph-history-chain": "stories/test_findings.py",
    "graph-image-valid": "stories/test_findings.py",
    "graph-image-complete": "stories/test_findings.py",
    "image-still-valid": "stories/test_findings.py",
    "graph-blob-intact": "stories/test_findings.py",
    "blob-size": "stories/test_findings.py",
    "layer-paths-unique": "stories/test_findings.py",
    "tag-moved": "stories/test_findings.py",
    "media-type-agrees": "unit/verification/test_document.py",
    "manifest-one-kind": "unit/verification/test_document.py",
    "descriptors-readable": "unit/verification/test_document.py",
    "descriptor-digest": "unit/verification/test_document.py",
    "descriptor-limits": "unit/verification/test_document.py",
    "descriptor-consistent": "unit/verification/test_document.py",
    "index-acyclic": "unit/verification/test_document.py",
    "descriptor-data": "unit/verification/test_document.py",
    "empty-content": "unit/verification/test_document.py",
    "artifact-type": "unit/verification/test_document.py",
    "descriptor-size": "unit/verification/test_document.py",
    "config-json": "unit/verification/test_content.py",
    "diff-ids-listed": "unit/verification/test_content.py",
    "diff-id-count": "unit/verification/test_content.py",
    "history-aligned": "unit/verification/test_content.py",
    "platform-agrees": "unit/verification/test_content.py",
    "layer-compression": "unit/verification/test_content.py",
    "layer-nothing-trailing": "unit/verification/test_content.py",
    "diff-id": "unit/verification/test_content.py",
    "diff-id-order": "unit/verification/test_content.py",
    "platform-available": "stories/test_documents.py",
}
"""Rules that no tampering of the simulator trips, and where they are tripped."""
PAIRS = ({"manifest.py", "document.py"}, {"blob.py", "content.py"}, {"document.py", "content.py"}, {"document.py", "walk.py"})
"""Files that ask the same rule of two formats: a schema1 manifest and a document of today, a blob and a content."""
BY_NAME = {"manifest-name", "manifest-tag", "descriptor-data", "empty-content", "diff-id-count", "history-aligned"}
"""Rules whose slug is an argument of the function that asks several alike."""


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.slug)
def test_a_rule_is_tripped_by_a_tampering_or_a_story(rule: Rule) -> None:
    caught = {case.rule for case in simulator.TAMPERINGS.values()}
    if rule.slug in caught:
        assert rule.slug not in OTHERWISE_TRIPPED
        return
    story = PROJECT / "tests" / OTHERWISE_TRIPPED[rule.slug]
    assert f'"{rule.slug}"' in story.read_text()


@pytest.mark.parametrize("slug", RULES)
def test_a_rule_fails_in_one_place(slug: str) -> None:
    places = set()
    for path in (PROJECT / "toolkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "failed" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and first.value == slug:
                    places.add(path.name)
    one_place = len(places) == 1 or any(places <= pair for pair in PAIRS) or places == {"blob.py", "content.py", "walk.py"}
    assert one_place if places else slug in BY_NAME, places


def test_sentences_are_sentences() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.slug)
        assert rule.sentence.endswith(".")
        assert rule.origin
        assert rule.next_step
