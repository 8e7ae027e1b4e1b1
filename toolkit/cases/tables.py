"""The tables of a page: layers, IDs, documents, signatures, rules.

The rule of this file: every digest and ID stands in full; it picks columns, and leaves none of the rows out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from toolkit.cases.markup import Grid
from toolkit.pulling.report import Report
from toolkit.records import Check, Descriptor, Layer, Manifest, Record, Signature, StrongID
from toolkit.verification.rules import RULES


def by_image(report: Report) -> dict[str, list[Record]]:
    """What was noted of each reference, in order."""
    found: dict[str, list[Record]] = {}
    for row in report.rows:
        found.setdefault(row.stamp.image, []).append(row.record)
    return found


def of_image(mine: Sequence[Record]) -> Iterator[Grid]:
    """The tables of one image, from what was noted of it."""
    strong = sorted((row for row in mine if isinstance(row, StrongID)), key=lambda row: -row.position)
    layers = sorted((row for row in mine if isinstance(row, Layer)), key=lambda row: -row.position)
    if strong:
        yield Grid(
            f"Chain of IDs of {_count(len(strong), 'image')}, top first",
            ("position", "compatibility ID", "strong ID", "ID used", "parent's ID"),
            [
                (str(row.position), row.compatibility_id, _or(row.strong_id), _or(row.final_id), _or(row.final_parent))
                for row in strong
            ],
            frozenset({1, 2, 3, 4}),
        )
    if layers:
        yield Grid(
            f"{_count(len(layers), 'layer')}, top first",
            ("position", "what became of it", "size in bytes", "blob's digest", "diff ID", "chain ID", "created by"),
            [
                (
                    str(row.position), row.disposition, _number(row.size), _digest_of(row), _or(row.diff_id), _or(row.chain_id),
                    _or(row.created_by),
                )
                for row in layers
            ],
            frozenset({3, 4, 5, 6}),
        )  # fmt: skip


def of_report(report: Report) -> Iterator[Grid]:
    """The tables of a whole report."""
    manifests: list[Manifest] = report.records(Manifest)
    if manifests:
        yield Grid(
            f"{_count(len(manifests), 'document')} received",
            ("asked for", "kind", "size in bytes", "its digest", "digest of the body", "claimed by the header"),
            [(row.requested, row.kind, str(row.size), row.digest, row.body_digest, _or(row.header_digest)) for row in manifests],
            frozenset({0, 3, 4, 5}),
        )
    descriptors: list[Descriptor] = report.records(Descriptor)
    offered = [row for row in descriptors if row.role in ("manifest", "referrer")]
    if offered:
        yield Grid(
            f"{_count(len(offered), 'document')} offered by others",
            ("digest", "platform", "role", "looked at", "why"),
            [(row.digest, _or(row.platform), row.role, "yes" if row.followed else "no", row.reason) for row in offered],
            frozenset({0}),
        )
    signatures: list[Signature] = report.records(Signature)
    if signatures:
        yield Grid(
            f"{_count(len(signatures), 'row')} about signatures",
            ("number", "status", "key ID", "why"),
            [(str(row.index), row.status, _or(row.key_id), _or(row.reason)) for row in signatures],
            frozenset({2}),
        )
    checks: list[Check] = report.records(Check)
    if checks:
        yield _rules(checks)


def _rules(checks: list[Check]) -> Grid:
    counts = Counter((check.rule, check.outcome) for check in checks)
    rules = list(dict.fromkeys(check.rule for check in checks))
    rows = [
        (
            rule,
            RULES[rule].sentence if rule in RULES else "-",
            *(str(counts[rule, outcome]) for outcome in ("passed", "failed", "skipped")),
        )
        for rule in rules
    ]
    return Grid(
        f"{_count(len(checks), 'check')} of {_count(len(rules), 'rule')}",
        ("rule", "what it wants", "passed", "failed", "skipped"),
        rows,
    )


def _digest_of(row: Layer) -> str:
    if row.actual_digest is None or row.actual_digest == row.blob_digest:
        return row.blob_digest
    return f"claimed {row.blob_digest} but is {row.actual_digest}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _number(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _or(text: str | None) -> str:
    return text or "-"
