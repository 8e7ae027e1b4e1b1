"""WWW-Authenticate headers.

The rule of this file: pure text work. One challenge per header line; parsing stops silently at the first
irregularity, as in the model, so that what was understood before it still counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme in lower case and its parameters, names in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Read the challenges of a 401 answer.

    Parameters
    ----------
    headers : iterable of str
        The values of every ``WWW-Authenticate`` header, in order.

    Returns
    -------
    list of Challenge

    Notes
    -----
    Origin: ``auth.parseAuthHeader`` of Docker 1.9's distribution client.

    >>> parse_challenges(['Bearer realm="https://auth.example/token",service="s"'])[0].parameters["service"]
    's'
    """
    return [challenge for challenge in map(_parse, headers) if challenge is not None]


def _parse(header: str) -> Challenge | None:
    match = _TOKEN.match(header)
    if match is None:
        return None
    parameters: dict[str, str] = {}
    position = match.end()
    while True:
        position = _skip(header, position)
        name = _TOKEN.match(header, position)
        if name is None or header[name.end() : name.end() + 1] != "=":
            break
        position = name.end() + 1
        quoted = _QUOTED.match(header, position)
        value = quoted or _TOKEN.match(header, position)
        if value is None:
            break
        text = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL) if quoted else value[0]
        if not text:
            break
        parameters[name[0].lower()] = text
        position = _skip(header, value.end())
        if header[position : position + 1] != ",":
            break
        position += 1
    return Challenge(match[0].lower(), parameters)


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
