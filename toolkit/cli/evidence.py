"""The verbs that ask no source, only what was kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from toolkit.cards.escaping import visible
from toolkit.cli.access import Verbs
from toolkit.cli.output import print_json
from toolkit.verification.policy import NAMES

if TYPE_CHECKING:
    from toolkit.auditing.rejudging import Rejudged


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    about = "take every decision of a graph's ledger again, offline, and show what differs"
    rejudge = verbs.add_parser(
        "rejudge", help=about, description=f"{about}. Exit status 1 when a decision does not follow from what was kept."
    )
    rejudge.add_argument("--graph", default="graph", help="directory of the local graph (default: ./graph)")
    rejudge.add_argument("--policy", choices=NAMES, help="who decides now (default: whoever decided then)")
    rejudge.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    rejudge.set_defaults(run=_rejudge)


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
