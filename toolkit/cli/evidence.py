"""The verbs that ask no source, only what was kept: verify, rejudge, report, export, check, purge.

The rule of this file: what is printed comes from a report, a ledger or a case; nothing is decided here.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolkit.cards.escaping import visible
from toolkit.cli.access import Verbs
from toolkit.cli.output import print_json, show
from toolkit.errors import UsageError
from toolkit.verification.policy import NAMES

if TYPE_CHECKING:
    from toolkit.auditing.rejudging import Rejudged
    from toolkit.pulling.report import Report
    from toolkit.records import Holding

_NAMED: Final = "REFERENCE as it was pulled or inspected; every call when absent"


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verify = _verb(verbs, "verify", _verify, "read everything a graph holds again, and name what rotted; exit status 1 if so")
    verify.add_argument("--subset", metavar="n/t", help="only the n-th of t parts, which together are everything")
    verify.add_argument("--read-only", action="store_true", help="write nothing: move nothing to quarantine, keep no rows")
    verify.add_argument(
        "--ledger", action="store_true", help="follow the chains of the ledger instead; name the first broken line"
    )
    verify.add_argument("--head", metavar="HASH", help="with --ledger: a head hash that was noted elsewhere must be in it")

    rejudge = _verb(
        verbs,
        "rejudge",
        _rejudge,
        "take every decision of a graph's ledger again, offline; exit status 1 when one does not follow from what was kept",
    )
    rejudge.add_argument("--policy", choices=NAMES, help="who decides now (default: whoever decided then)")

    report = _verb(verbs, "report", _report, "write the last call about a reference as one page that needs nothing else")
    report.add_argument(
        "reference", nargs="?", metavar="REFERENCE", help="as it was pulled or inspected (default: the last call)"
    )
    report.add_argument("--html", metavar="FILE", help="the new file (default: standard output)")

    export = _verb(verbs, "export", _export, "write evidence, ledger and frames into one file that anybody can check")
    export.add_argument("case", metavar="CASE.zip", help="the new file")
    export.add_argument("reference", nargs="*", metavar="REFERENCE", help=_NAMED)
    export.add_argument("--no-layers", action="store_true", help="leave accepted layers out, and say which")

    about = "check a case to its last byte, and make its tables and pages again"
    check = verbs.add_parser("check", help=about, description=about)
    check.add_argument("case", metavar="CASE.zip")
    check.add_argument("--digest", help="sha256 the whole file must have")
    check.add_argument("--head", metavar="HASH", help="head hash its ledger must have")
    check.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    check.set_defaults(run=_check)

    purge = _verb(verbs, "purge", _purge, "remove something for good, and leave a tombstone in the ledger")
    purge.add_argument("what", metavar="WHAT", help="sha256:…, an image ID, or `quarantine` for everything in it")
    purge.add_argument("--reason", required=True, help="why, in your words; it stays in the ledger")
    purge.add_argument(
        "--untag", action="append", default=[], metavar="REFERENCE", help="remove this reference, too; may be repeated"
    )
    purge.add_argument("--force", action="store_true", help="remove every reference that reaches it, too")


def _verb(verbs: Verbs, name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
    """Add a verb about a graph."""
    verb = verbs.add_parser(name, help=about, description=about)
    verb.set_defaults(run=run, progress="off")
    verb.add_argument("--graph", default="graph", help="directory of the local graph (default: ./graph)")
    verb.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    return verb


def _verify(options: argparse.Namespace) -> int:
    from toolkit.auditing.verifying import verify

    if options.ledger:
        return _verify_ledger(options)
    if options.head is not None:
        raise UsageError("--head goes with --ledger", next_step="add --ledger")
    report = verify(options.graph, subset=options.subset, quarantine=not options.read_only)
    return show(report, options)


def _verify_ledger(options: argparse.Namespace) -> int:
    from toolkit.ledger.verify_ledger import verify_ledger

    found = verify_ledger(Path(options.graph) / "ledger", head=options.head)
    broken = [row for row in found if row.outcome in ("rotten", "absent")]
    unfinished = [row for row in found if row.outcome == "unknown"]
    if options.json:
        print_json([dataclasses.asdict(row) for row in found])
    else:
        for row in [*broken, *unfinished]:
            print(visible(_line(row)))
        print(f"{len(found)} chains followed, {len(broken)} broken, {len(unfinished)} that nobody has finished")
    return 1 if broken else 0


def _line(row: Holding) -> str:
    sides = "" if row.actual is None else f": expected {row.expected}, actual {row.actual}"
    return f"{row.subject} is {row.outcome}{sides}; {row.reason}"


def _report(options: argparse.Namespace) -> int:
    from toolkit import fsops

    report = _last_call(options.graph, options.reference)
    if options.html is not None:
        fsops.write_new(Path(options.html), report.to_html().encode("utf-8"), mode=0o644)
    else:
        print(report.to_json() if options.json else report.to_html())
    return 0


def _last_call(place: str, reference: str | None) -> Report:
    """The last call of a graph's ledger that ended, about a reference if one is named."""
    from toolkit.graph.store import Graph
    from toolkit.ledger.ledger import Ledger
    from toolkit.pulling.report import Report

    graph = Graph(place)
    ledger = Ledger.load(graph.layout.ledger)
    for call in reversed(ledger.pulls_in_order()):
        report = Report(ledger, call, graph=graph)
        if report.has_ended and reference in (None, report.reference):
            return report
    raise UsageError(
        "no call was about that" if reference else "the ledger holds no call",
        where=str(graph.layout.ledger),
        actual=reference,
        next_step="write the reference as it was pulled or inspected",
    )


def _export(options: argparse.Namespace) -> int:
    from toolkit import fsops
    from toolkit.cases.export import export_case
    from toolkit.verification.blob_meter import BlobMeter

    path = export_case(options.graph, options.case, references=options.reference, layers=not options.no_layers)
    meter = BlobMeter("")
    for piece in fsops.chunks(path):
        meter.feed(piece)
    digest = str(meter.digest)
    if options.json:
        print_json({"case": str(path), "sha256": digest})
    else:
        print(f"{visible(str(path))}\n  {digest}\n  hand the sha256 over some other way than the file itself")
    return 0


def _check(options: argparse.Namespace) -> int:
    from toolkit.cases.check import check_case

    checked = check_case(options.case, digest=options.digest, head=options.head)
    if options.json:
        print_json(dataclasses.asdict(checked))
    else:
        print(checked)
    return 0


def _purge(options: argparse.Namespace) -> int:
    from toolkit.auditing.purging import purge

    return show(purge(options.graph, options.what, reason=options.reason, untag=options.untag, force=options.force), options)


def _rejudge(options: argparse.Namespace) -> int:
    from toolkit.auditing.rejudging import rejudge

    again = rejudge(options.graph, policy=options.policy)
    found = again.differences
    if options.json:
        print_json(
            {
                "calls": len(again.after.pulls_in_order()),
                "skipped": again.skipped,
                "differences": found.astype(object).where(found.notna(), None).to_dict("records"),
            }
        )
    else:
        print(again)
        for line in _in_short(again):
            print(visible(line))
    return 1 if options.policy is None and not found.empty else 0


def _in_short(again: Rejudged) -> list[str]:
    """One line for each call that ended otherwise, and for each that could not be judged again."""
    found = again.differences
    ended = found[(found["table"] == "pulls") & (found["column"] == "outcome")]
    lines = [f"  {one.subject} {one.image}: {one.before} -> {one.after}" for one in ended.itertuples(index=False)]
    return lines + [f"  call {call[:12]} was not judged again: {reason}" for call, reason in again.skipped.items()]
