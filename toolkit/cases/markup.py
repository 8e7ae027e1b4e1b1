"""Pieces of a page: elements around texts, every text escaped once.

The rule of this file: a plain ``str`` is text from somewhere and is escaped; only ``Markup``, which is made here alone, stands as
it is. Attributes are named by our own code, their values escaped like any text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.cards.escaping import to_html


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a page: caption, heads of columns, rows; the first cell of a row is its head.

    ``mono`` holds the columns, from 0, that are written in a fixed width and may break anywhere.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    mono: frozenset[int] = frozenset()


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """Put an element around texts and markup.

    >>> element("p", "1 < 2 ", element("b", "yes"), title='a"b')
    '<p title="a&quot;b">1 &lt; 2 <b>yes</b></p>'
    """
    return Markup(f"<{_opening(tag, attributes)}>{joined(content)}</{tag}>")


def alone(tag: str, **attributes: str) -> Markup:
    """An element without content."""
    return Markup(f"<{_opening(tag, attributes)}>")


def joined(content: Iterable[str]) -> Markup:
    """Texts and markup one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else to_html(part) for part in content))


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """A list of names and values."""
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs))


def table(grid: Grid) -> Markup:
    """A table that a screen reader can walk through, inside a frame that scrolls if it must."""
    heads = element("tr", *(element("th", name, scope="col") for name in grid.columns))
    rows = [element("tr", *(_cell(grid, at, cell) for at, cell in enumerate(row))) for row in grid.rows]
    body = [element("caption", grid.caption), element("thead", heads), element("tbody", *rows)]
    return element("div", element("table", *body), **{"class": "scroll"})


def _cell(grid: Grid, at: int, cell: str) -> Markup:
    ways = {"class": "mono"} if at in grid.mono else {}
    return element("th", cell, scope="row", **ways) if at == 0 else element("td", cell, **ways)


def _opening(tag: str, attributes: dict[str, str]) -> str:
    return "".join([tag, *(f' {name.replace("_", "-")}="{to_html(value)}"' for name, value in attributes.items())])
