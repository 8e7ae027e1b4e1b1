"""One page that holds a whole verification: readable, printable, with no request and no script.

The rule of this file: it puts rows in order and decides nothing. Findings come first; what happened, which bytes show it and how
to check it by hand stand together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from toolkit._version import VERSION
from toolkit.cases.by_hand import Places, of_image, of_ledger
from toolkit.cases.chain_picture import figure
from toolkit.cases.findings import findings, steps
from toolkit.cases.markup import Grid, Markup, alone, element, facts, table
from toolkit.cases.places import in_graph
from toolkit.cases.style import STYLE
from toolkit.cases.tables import by_image, of_report
from toolkit.cases.tables import of_image as tables_of_image
from toolkit.pulling.report import Report
from toolkit.records import Check, Pull, Record, StrongID

PICTURES: Final = 40
"""The chains of so many reports are drawn; a page of a great case stays one a browser can show."""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_SAID: Final = {
    "accepted": ("good", "✔ accepted"),
    "rejected": ("bad", "✘ rejected"),
    "undecided": ("open", "? cannot be decided"),
    "aborted": ("open", "? stopped before its end"),
}
_NOT_ENDED: Final = ("open", "? has no end: the process was killed, or is still at work")


def page(report: Report) -> str:
    """Write the page of one report.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        HTML with everything in it; no address is asked for anything. The commands are meant for the folder of the graph.

    Examples
    --------
    >>> import toolkit as tk
    >>> report = tk.inspect("teach/clean:1", source=tk.open_source(tk.simulator.teaching_registry()))
    >>> page(report).startswith("<!DOCTYPE html>")
    True
    """
    return "".join(pages([(report, in_graph(report))]))


def pages(reports: Sequence[tuple[Report, Places]]) -> Iterator[str]:
    """Write the page of several reports, a piece at a time."""
    title = "Verification report" if len(reports) != 1 else f"Verification of {_reference(reports[0][0])}"
    yield "<!DOCTYPE html>\n"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield alone("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY})
    yield alone("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield alone("meta", name="referrer", content="no-referrer")
    yield element("title", title)
    yield f"<style>{STYLE}</style></head><body><main>\n"
    yield _header(title, [report for report, _ in reports])
    for number, (report, places) in enumerate(reports):
        yield _article(report, places, draw=number < PICTURES)
        yield "\n"
    yield _footer()
    yield "</main></body></html>\n"


def _header(title: str, reports: Sequence[Report]) -> Markup:
    times = [row.stamp.at for report in reports for row in report.rows]
    span = f"{min(times):%Y-%m-%d %H:%M:%S} to {max(times):%Y-%m-%d %H:%M:%S} UTC" if times else "no rows"
    parts = [
        element("h1", title),
        element("p", f"Noted {span}. Page made by layerproof {VERSION} from rows and kept bytes alone."),
    ]
    if len(reports) > 1:
        rows = [
            (
                _reference(report),
                said(report)[1],
                str(len(report.findings)),
                _or(None if (pull := ended(report)) is None else pull.digest),
            )
            for report in reports
        ]
        parts.append(table(Grid(f"{len(rows)} calls", ("reference", "verdict", "findings", "digest"), rows, frozenset({0, 3}))))
    return element("header", *parts)


def _article(report: Report, places: Places, *, draw: bool) -> Markup:
    found = findings(report, places)
    parts = [element("h2", _heading(report)), _verdict(report)]
    if found:
        parts += [element("h3", f"Findings ({len(found)})"), *found]
    parts += [element("h3", "What was asked, and of whom"), facts(_facts(report))]
    for image, mine in by_image(report).items():
        drawing = figure(report, image) if draw and any(isinstance(one, StrongID) for one in mine) else None
        parts += _image(image, mine, places, drawing)
    parts += [element("h3", "Documents, signatures and rules"), *(table(grid) for grid in of_report(report))]
    by_hand = of_ledger(report.call, report.ledger.head_of(report.call), places)
    if by_hand:
        parts += [element("h3", "Check the ledger by hand"), element("p", f"In {places.folder}:"), steps(by_hand)]
    return element("article", *parts)


def _image(image: str, mine: list[Record], places: Places, drawing: Markup | None) -> list[Markup]:
    parts = [] if drawing is None else [drawing]
    parts += [table(grid) for grid in tables_of_image(mine)]
    by_hand = of_image(mine, places)
    if by_hand:
        parts += [element("h3", f"Check {image} by hand"), element("p", f"In {places.folder}:"), steps(by_hand)]
    return [element("h3", f"Layers and IDs of {image}"), *parts] if parts else []


def _verdict(report: Report) -> Markup:
    kind, word = said(report)
    return element("div", element("strong", word), element("p", _sentence(report)), **{"class": f"verdict {kind}"})


def _sentence(report: Report) -> str:
    pull, checks = ended(report), report.records(Check)
    if pull is None:
        return "The call left rows but no verdict: nothing was accepted. What it had noted stands below."
    passed, failed, skipped = (sum(one.outcome == outcome for one in checks) for outcome in ("passed", "failed", "skipped"))
    counts = f"{passed} checks passed, {failed} failed, {skipped} could not be asked."
    if pull.outcome == "accepted":
        recorded = f" What failed is recorded and does not refuse under the policy {pull.policy}." if failed else ""
        return f"Nothing refuses the image under the policy {pull.policy}: {counts}{recorded}"
    return f"{pull.error_code or pull.outcome}: {(pull.error_text or 'no reason was noted').strip()} ({counts})"


def _facts(report: Report) -> list[tuple[str, str]]:
    pull, rows = ended(report), report.rows
    head = report.ledger.head_of(report.call)
    known = [("rows", f"{len(rows)}, under the call {report.call}")]
    known += [("head of the ledger", element("code", head))] if head is not None else []
    if pull is None:
        return known
    policy = f"{pull.policy}, excepted: {pull.accepted_rules}" if pull.accepted_rules else pull.policy
    return [
        ("reference", pull.reference),
        ("verb", pull.verb),
        ("source", pull.source),
        ("policy", policy),
        ("digest", element("code", _or(pull.digest))),
        ("image ID" if pull.outcome == "accepted" else "image ID it would have", element("code", _or(pull.image_id))),
        ("platform", _or(pull.platform)),
        ("ended", f"{rows[-1].stamp.at:%Y-%m-%d %H:%M:%S} UTC"),
        ("decided by", f"layerproof {pull.tool_version}"),
        *known,
    ]


def _footer() -> Markup:
    return element(
        "footer",
        element(
            "p",
            "Digests and IDs stand in full. What could act in a text from outside is shown as \\x.. or \\u...., never obeyed.",
        ),
        element("p", "The commands need a shell with coreutils, gzip and jq; none of them runs anything of ours."),
    )


def ended(report: Report) -> Pull | None:
    """The row of the call; None when it never ended."""
    found: list[Pull] = report.records(Pull)
    return found[-1] if found else None


def said(report: Report) -> tuple[str, str]:
    """The tone of a verdict, and its words with a sign in front."""
    pull = ended(report)
    return _NOT_ENDED if pull is None else _SAID.get(pull.outcome, _NOT_ENDED)


def _reference(report: Report) -> str:
    pull = ended(report)
    return pull.reference if pull is not None else next((row.stamp.image for row in report.rows if row.stamp.image), report.call)


def _heading(report: Report) -> str:
    pull = ended(report)
    return f"{'call' if pull is None else pull.verb} {_reference(report)}"


def _or(text: str | None) -> str:
    return text or "none"
