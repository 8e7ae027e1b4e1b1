"""A card: a title, facts and tables, as text and as HTML.

The rule of this file: both say the same. Styles are inline, for a style sheet does not survive in an untrusted
notebook; colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from toolkit.cards.escaping import to_html, visible

Tone = Literal["good", "bad", "open", "plain"]

_SIGNS: Final[dict[str, str]] = {"good": "✔", "bad": "✘", "open": "?", "plain": "·"}
_COLOURS: Final[dict[str, str]] = {
    "good": "var(--jp-success-color0, #1a7f37)",
    "bad": "var(--jp-warn-color0, #b24a00)",
    "open": "var(--jp-info-color0, #0969da)",
    "plain": "inherit",
}
_CELL: Final = "padding:2px 10px 2px 0;text-align:left;vertical-align:top"
_MONO: Final = "font-family:var(--jp-code-font-family, monospace)"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a heading; ``stacked`` rows are written one cell under the other in text."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What to show: a title with its tone, named facts, tables, and a last line."""

    title: str
    tone: Tone
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = field(default=())
    footer: str = ""

    def text(self) -> str:
        """The card for a terminal or a screen reader."""
        lines = [f"{_SIGNS[self.tone]} {visible(self.title)}"]
        width = max((len(name) for name, _ in self.facts), default=0)
        lines += [f"  {name.ljust(width)}  {visible(value)}" for name, value in self.facts]
        for table in self.tables:
            lines += ["", f"  {table.caption}", *(_stacked_rows(table) if table.stacked else _text_rows(table))]
        if self.footer:
            lines += ["", f"  {visible(self.footer)}"]
        return "\n".join(lines)

    def html(self) -> str:
        """The card for a notebook."""
        parts = [
            '<div style="line-height:1.5">',
            f'<div style="font-weight:600;color:{_COLOURS[self.tone]}">{_SIGNS[self.tone]} {to_html(self.title)}</div>',
        ]
        if self.facts:
            parts.append(_html_table("", (), self.facts, heads=True))
        parts += [_html_table(table.caption, table.columns, table.rows) for table in self.tables]
        if self.footer:
            parts.append(f'<div style="margin-top:4px">{to_html(self.footer)}</div>')
        parts.append("</div>")
        return "".join(parts)


def _stacked_rows(table: Table) -> list[str]:
    width = max(len(name) for name in table.columns)
    lines = []
    for row in table.rows:
        for index, (name, cell) in enumerate(zip(table.columns, row, strict=True)):
            lines.append(f"  {'-' if index == 0 else ' '} {name.ljust(width)}  {visible(cell)}")
    return lines


def _text_rows(table: Table) -> list[str]:
    shown = [tuple(visible(cell) for cell in row) for row in (table.columns, *table.rows)]
    widths = [max(len(row[index]) for row in shown) for index in range(len(table.columns))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def _html_table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, heads: bool = False) -> str:
    parts = ['<table style="border-collapse:collapse;margin:4px 0">']
    if caption:
        parts.append(f'<caption style="text-align:left;font-weight:600">{to_html(caption)}</caption>')
    if columns:
        cells = "".join(f'<th scope="col" style="{_CELL}">{to_html(name)}</th>' for name in columns)
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        parts.append("<tr>")
        for index, cell in enumerate(row):
            if heads and index == 0:
                parts.append(f'<th scope="row" style="{_CELL};font-weight:400">{to_html(cell)}</th>')
            else:
                parts.append(f'<td style="{_CELL};{_MONO}">{to_html(cell)}</td>')
        parts.append("</tr>")
    parts.append("</tbody></table>")
    return "".join(parts)
