"""The one way text from outside reaches a screen, a page or a figure.

The rule of this file: what could act (markup, escape sequences, direction marks) is shown, never obeyed.
"""

from __future__ import annotations

import html
from typing import Final

_LINE_END: Final = "\n"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Show control, direction and zero-width characters as their numbers.

    Parameters
    ----------
    text : str
    lines : bool
        Leave line ends as they are.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or (lines and char == _LINE_END) else _number(char) for char in text)


def _number(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_html(text: str) -> str:
    """Make a text safe inside an HTML element or a quoted attribute."""
    return html.escape(visible(text), quote=True)


def short(identity: str) -> str:
    """Shorten a digest or ID to its first 12 hex digits, as Docker did in what it printed.

    >>> short("sha256:e3b0c44298fc1c14")
    'e3b0c44298fc'
    """
    return visible(identity.partition(":")[2] or identity)[:12]


def middle_cut(text: str, width: int) -> str:
    """Shorten a text by cutting its middle, so that its end stays.

    >>> middle_cut("abcdefghij", 7)
    'abc…hij'
    """
    text = visible(text)
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def to_cell(text: str) -> tuple[str, bool]:
    r"""Make a text safe in a cell of a CSV file; tell whether it had to be changed.

    A program for spreadsheets would compute what begins with one of ``= + - @``, in either width: an apostrophe goes in front.

    >>> to_cell("=1+1"), to_cell("1.10"), to_cell("a\x1b")
    (("'=1+1", True), ('1.10', False), ('a\\x1b', True))
    """
    shown = visible(text)
    cell = f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown
    return cell, cell != text
