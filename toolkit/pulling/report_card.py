"""The card of a report: what a reader sees first.

The rule of this file: it picks among rows and shortens; every value stands in full in a frame.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from toolkit.cards.card import Card, Table, Tone
from toolkit.cards.escaping import middle_cut, short
from toolkit.records import Check, Descriptor, Holding, Layer, Pull, Signature, StrongID

if TYPE_CHECKING:
    from toolkit.graph.store import Graph
    from toolkit.pulling.report import Report

_TONES: Final[dict[str, Tone]] = {"accepted": "good", "rejected": "bad"}
_SHOWN_FINDINGS: Final = 12
_SHOWN_DESCRIPTORS: Final = 24
_SHOWN_HOLDINGS: Final = 24
_OF_GRAPHS: Final = frozenset({"verify", "recover", "purge"})
"""Verbs about what a graph holds, not about an image."""


def card_of(report: Report) -> Card:
    """Make the card of a report."""
    pull = report.pull
    if pull.verb in _OF_GRAPHS:
        return _holdings_card(report, pull)
    facts = [("reference", pull.reference), ("policy", _policy(pull)), ("digest", pull.digest or "none")]
    if pull.platform is not None and report.records(Descriptor):
        facts.append(("platform", pull.platform))
    if pull.image_id is not None:
        facts.append(("image ID" if pull.outcome == "accepted" else "image ID it would have", pull.image_id))
    if pull.status is not None:
        facts.append(("status", pull.status))
    if pull.error_text is not None:
        facts.append(("reason", f"{pull.error_code}: {pull.error_text.strip()}"))
    facts.append(("checks", _counts(report.records(Check))))
    facts += [("signature", line) for line in _signatures(report.records(Signature))]
    tables = [table for table in (_index(report), *_chains(report), _findings(report.findings)) if table is not None]
    kept = "" if report.graph is None else f"evidence and ledger: {_place(report.graph)}"
    return Card(
        title=_title(pull),
        tone=_TONES.get(pull.outcome, "open"),
        facts=tuple(facts),
        tables=tuple(tables),
        footer=kept,
    )


def _holdings_card(report: Report, pull: Pull) -> Card:
    """The card of a call about a graph: how many of each kind are as they should be, and everything that is not."""
    holdings: list[Holding] = report.records(Holding)
    facts = [("graph", pull.source)]
    if pull.verb == "purge":
        facts.append(("purged", pull.reference))
    if pull.status is not None:
        facts.append(("status", pull.status))
    if pull.error_text is not None:
        facts.append(("reason", f"{pull.error_code}: {pull.error_text.strip()}"))
    counts = Counter((one.kind, one.outcome) for one in holdings)
    for kind in dict.fromkeys(one.kind for one in holdings):
        said = [f"{count} {outcome}" for (of_kind, outcome), count in sorted(counts.items()) if of_kind == kind]
        facts.append((kind, ", ".join(said)))
    return Card(
        title=_title(pull),
        tone=_TONES.get(pull.outcome, "open"),
        facts=tuple(facts),
        tables=tuple(table for table in [_holdings([one for one in holdings if one.outcome != "intact"])] if table is not None),
        footer="" if report.graph is None else f"evidence and ledger: {_place(report.graph)}",
    )


def _holdings(worth_telling: list[Holding]) -> Table | None:
    """What is not as it should be, the worst first."""
    if not worth_telling:
        return None
    worst = {"rotten": 0, "absent": 1, "unknown": 2}
    ordered = sorted(worth_telling, key=lambda one: worst[one.outcome])
    rows = [
        (
            f"{one.kind} {one.outcome}",
            one.disposition,
            f"{one.path} {one.compared}",
            _side(one.expected),
            _side(one.actual),
            middle_cut(one.reason or "-", 75),
        )
        for one in ordered[:_SHOWN_HOLDINGS]
    ]
    more = f", the first {_SHOWN_HOLDINGS}" if len(ordered) > len(rows) else ""
    columns = ("what", "became", "where", "expected", "actual", "why")
    return Table(f"{len(ordered)} not intact{more}", columns, tuple(rows), stacked=True)


def _place(graph: Graph) -> str:
    return "a temporary graph, gone with this session" if graph.is_temporary else str(graph.layout.root)


def _title(pull: Pull) -> str:
    said = {"undecided": "cannot be decided"}.get(pull.outcome, pull.outcome)
    return f"{pull.verb} {pull.reference}: {said}"


def _policy(pull: Pull) -> str:
    return f"{pull.policy}, excepted: {pull.accepted_rules}" if pull.accepted_rules else pull.policy


def _counts(checks: list[Check]) -> str:
    passed, failed, skipped = (sum(check.outcome == outcome for check in checks) for outcome in ("passed", "failed", "skipped"))
    refusing = sum(check.refuses for check in checks)
    return f"{passed} passed, {failed} failed ({refusing} refusing), {skipped} skipped"


def _signatures(signatures: list[Signature]) -> list[str]:
    return [
        f"{signature.status}{f' by key {signature.key_id}' if signature.key_id else ''}"
        f"{f': {signature.reason.strip()}' if signature.reason else ''}"
        for signature in signatures
    ]


def _chains(report: Report) -> list[Table]:
    """One table for each image of the call: schema1's chain of names, or today's chain of layers."""
    images: dict[str, list[Layer]] = {}
    for row in report.rows:
        if isinstance(row.record, Layer):
            images.setdefault(row.stamp.image, []).append(row.record)
    if not any(layer.media_type for layers in images.values() for layer in layers):
        return [table for layers in images.values() if (table := _strong_chain(report, layers)) is not None]
    several = len(images) > 1
    return [_layers(layers, f"{_shortened(image)}: " if several else "") for image, layers in images.items()]


def _layers(layers: list[Layer], of_what: str) -> Table:
    rows = [
        (
            str(layer.position),
            layer.disposition,
            short(layer.blob_digest),
            " ".join(part for part in (layer.compression, layer.flavour) if part) or "-",
            short(layer.diff_id or "") or "-",
            short(layer.chain_id or "") or "-",
            middle_cut(layer.created_by or "", 38),
        )
        for layer in sorted(layers, key=lambda one: -one.position)
    ]
    columns = ("layer", "disposition", "blob", "compression", "diff ID", "chain ID", "created by")
    return Table(f"{of_what}{_layers_of(layers)}, top first", columns, tuple(rows))


def _layers_of(layers: list[Layer]) -> str:
    return f"{len(layers)} layer{'s' if len(layers) != 1 else ''}"


def _shortened(image: str) -> str:
    name, at, digest = image.partition("@")
    return f"{name}@{short(digest)}" if at else image


def _index(report: Report) -> Table | None:
    """What an index offers, and what was followed; and what refers to the image."""
    offered: list[Descriptor] = [one for one in report.records(Descriptor) if one.role in ("manifest", "referrer")]
    if not offered:
        return None
    rows = [
        (
            one.platform or "-",
            one.role if one.role == "referrer" else ("followed" if one.followed else "left"),
            short(one.digest),
            middle_cut(one.artifact_type or one.media_type, 44),
            middle_cut(one.reason, 60),
        )
        for one in offered[:_SHOWN_DESCRIPTORS]
    ]
    more = len(offered) - len(rows)
    caption = f"{len(offered)} manifest{'s' if len(offered) != 1 else ''} offered" + (
        f", the first {_SHOWN_DESCRIPTORS}" if more else ""
    )
    return Table(caption, ("platform", "", "digest", "type", "why"), tuple(rows))


def _strong_chain(report: Report, layers: list[Layer]) -> Table | None:
    strong = {record.position: record for record in report.records(StrongID)}
    rows = []
    for layer in sorted(layers, key=lambda one: -one.position):
        named = strong.get(layer.position)
        rows.append(
            (
                str(layer.position),
                layer.disposition,
                short(layer.blob_digest),
                short(named.compatibility_id) if named else "-",
                short(named.strong_id or "") if named else "-",
                short(named.final_id or "") if named else "-",
                middle_cut(layer.created_by or "", 38),
            )
        )
    columns = ("layer", "disposition", "blob", "compatibility ID", "strong ID", "ID used", "created by")
    return Table(f"{_layers_of(layers)}, top first", columns, tuple(rows))


def _findings(findings: list[Check]) -> Table | None:
    if not findings:
        return None
    rows = []
    for check in findings[:_SHOWN_FINDINGS]:
        verdict = "refuses" if check.refuses else ("excepted" if check.excepted else "recorded")
        rows.append((check.rule, verdict, check.subject, _side(check.expected), _side(check.actual)))
    more = len(findings) - _SHOWN_FINDINGS
    caption = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}" + (
        f", the first {_SHOWN_FINDINGS}" if more > 0 else ""
    )
    return Table(caption, ("rule", "verdict", "where", "expected", "actual"), tuple(rows), stacked=True)


def _side(text: str | None) -> str:
    return middle_cut(text or "-", 75)
