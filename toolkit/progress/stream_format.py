"""The lines of a call as Docker 1.9 wrote them to its clients, as JSON and plain.

The rule of this file: a text comes back, to the last byte the model's: the order of the fields, what is left out when it
is empty, the escapes, and which line ends how. Who reads it, and where it goes, is not known here.

*Origin*: ``pkg/streamformatter``, ``pkg/jsonmessage`` and ``pkg/units`` of Docker 1.9.
"""

from __future__ import annotations

import re
from typing import Final

from toolkit.errors import SeedPanicError
from toolkit.go_json import encode

NO_TERMINAL: Final = 200
"""The columns that count when the model's daemon had no terminal."""

_END: Final = "\r\n"
_NARROW: Final = 110
_BAR: Final = 50
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")


def status_line(text: str, about: str = "") -> str:
    r"""Write a sentence about the call.

    Parameters
    ----------
    text : str
    about : str
        The tag or digest it is about.

    >>> status_line("Pulling from library/busybox", "1.24")
    '{"status":"Pulling from library/busybox","id":"1.24"}\r\n'
    """
    return _object(("status", _text(text)), ("id", _text(about))) + _END


def stream_line(text: str) -> str:
    r"""Write a piece of what a build says.

    >>> stream_line("Step 1")
    '{"stream":"Step 1"}\r\n'
    """
    return _object(("stream", _text(text))) + _END


def progress_object(action: str, identity: str, current: int = 0, total: int = 0, *, width: int = NO_TERMINAL) -> str:
    """Write how far a layer is; nothing ends the line.

    Parameters
    ----------
    action : str
        What the model calls it: ``Downloading``.
    identity : str
        The layer, in 12 digits.
    current, total : int
        Bytes; 0 is unknown.
    width : int
        Columns; the bar needs more than 110.

    Raises
    ------
    SeedPanicError
        When ``current`` is so far below 0 that the model crashed.

    >>> progress_object("Pulling fs layer", "e3b0c44298fc")
    '{"status":"Pulling fs layer","progressDetail":{},"id":"e3b0c44298fc"}'
    """
    detail = _object(("current", str(current) if current else ""), ("total", str(total) if total else ""))
    return _object(
        ("status", _text(action)),
        ("progressDetail", detail),
        ("progress", _text(bar(current, total, width=width))),
        ("id", _text(identity)),
    )


def error_line(text: str) -> str:
    r"""Write what ended the call.

    >>> error_line("no")
    '{"errorDetail":{"message":"no"},"error":"no"}\r\n'
    """
    return _object(("errorDetail", _object(("message", _text(text)))), ("error", _text(text))) + _END


def plain_status(text: str) -> str:
    """Write a sentence about the call for clients without JSON; they never see what it is about."""
    return text + _END


def plain_stream(text: str) -> str:
    """Write a piece of what a build says for clients without JSON."""
    return text + "\r"


def plain_progress(action: str, current: int = 0, total: int = 0, *, width: int = NO_TERMINAL) -> str:
    r"""Write how far a layer is for clients without JSON; they never see which.

    >>> plain_progress("Downloading", 5)
    'Downloading      5 B\r'
    """
    drawn = bar(current, total, width=width)
    return f"{action} {drawn}" + ("\r" if drawn else _END)


def plain_error(text: str) -> str:
    """Write what ended the call for clients without JSON."""
    return f"Error: {text}{_END}"


def bar(current: int, total: int, *, width: int = NO_TERMINAL) -> str:
    """Draw how far a layer is, as the model's clients printed it.

    Raises
    ------
    SeedPanicError
        When ``current`` is so far below 0 that the model crashed.

    >>> bar(1536, 2048)
    '[=====================================>             ] 1.536 kB/2.048 kB'
    """
    if current <= 0 and total <= 0:
        return ""
    if total <= 0:
        return f"{human(current):>8}"
    # Go's numbers: a float cut to an integer, and half of that cut again.
    filled = min(_BAR, int(int(float(current) / float(total) * 100) / 2))
    frame = ""
    if width > _NARROW:
        if filled < 0:
            raise SeedPanicError("strings: negative Repeat count", expected="no bytes or more", actual=current)
        frame = f"[{'=' * filled}>{' ' * (_BAR - filled)}] "
    if current > total:
        return f"{frame}{human(current):>8}"
    return f"{frame}{human(current):>8}/{human(total)}"


def human(count: int) -> str:
    """Write a number of bytes as the model does: four digits, units of a thousand.

    >>> human(123456), human(1000)
    ('123.5 kB', '1 kB')
    """
    value = float(count)
    unit = 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.4g} {_UNITS[unit]}"


def _object(*fields: tuple[str, str]) -> str:
    """Write an object without its empty fields."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields if value) + "}"


def _text(text: str) -> str:
    """Write a string, an empty one as nothing at all; what is no character is escaped, as Go does with a wrong byte."""
    pieces = [encode.string(piece).decode()[1:-1] for piece in _NO_CHARACTER.split(text)]
    return '"' + "\\ufffd".join(pieces) + '"' if text else ""
