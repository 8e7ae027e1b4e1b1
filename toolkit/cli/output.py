"""What the command prints at the end, and the exit status that goes with it.

The rule of this file: standard output is for results, standard error for what went wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from toolkit.cards.escaping import visible
from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from toolkit.pulling.report import Report

_STATUS: Final = {"accepted": 0, "rejected": 1}


def show(report: Report, options: argparse.Namespace) -> int:
    """Print a report as it was asked for; return the exit status."""
    if options.json:
        print_json(report.summary())
    elif options.progress != "json":
        _print_report(report)
    elif report.outcome != "accepted" and report.error is not None:
        from toolkit.views.progress import JsonProgress

        JsonProgress().error(report.error["message"])
    return _STATUS.get(report.outcome, 3)


def failed(error: ToolkitError, options: argparse.Namespace) -> int:
    """Print what went wrong, and everything that was decided until then; return the exit status."""
    status = error.exit_status
    report: Report | None = error.report
    if report is not None and not isinstance(error, UsageError):
        status = _STATUS.get(report.outcome, 3)
    if getattr(options, "json", False):
        nothing: dict[str, Any] = {
            "reference": getattr(options, "reference", None),
            "outcome": "undecided",
            "digest": None,
            "image_id": None,
            "checks": [],
            "layers": [],
        }
        document = nothing if report is None else report.summary()
        print_json({**document, "error": {"code": error.code, "message": error.message}})
    elif getattr(options, "progress", None) == "json":
        from toolkit.views.progress import JsonProgress

        JsonProgress().error(error.message)
    elif report is not None and report.outcome == "rejected":
        _print_report(report)
    print(f"layerproof: {visible(str(error), lines=True)}", file=sys.stderr)
    return status


def _print_report(report: Report) -> None:
    print(report)
    if report.ledger_head is not None:
        print(f"  ledger's head: {report.ledger_head}")


def print_json(document: object) -> None:
    """Print one JSON document."""
    json.dump(document, sys.stdout, ensure_ascii=True, indent=2)
    print()
