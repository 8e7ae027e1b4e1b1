"""Texts that hold nothing two JSON readers could differ about, read by Python's own parser.

The rule of this file: it may always say that it does not know. What it does read means the same to every reader, Go's
included, and the exact reader would give the same values; a property test holds the two together.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Final, NoReturn

from toolkit.go_json.decode import fold

_SHORT: Final = 32 * 1024
_LONG: Final = 1024 * 1024
_DEEPEST: Final = 62
_DIGITS: Final = 18
"""A whole number of so many characters has 64 bits at most."""
_DOUBTFUL_ESCAPE: Final = re.compile(r"\\u(?:[dD][89a-fA-F]|[fF]{3}[dD])")
"""A surrogate or U+FFFD, written as an escape (or as it looks, behind a backslash)."""


class _UnclearError(Exception):
    """There is something the exact reader has to look at."""


def clear_object(text: bytes) -> dict[str, Any] | None:
    """Read an object that holds nothing two readers could differ about.

    Parameters
    ----------
    text : bytes
        A whole JSON text; white space around it is allowed.

    Returns
    -------
    dict or None
        Names and values, which nobody may change: it is remembered. None for every other text, be it wrong, no object, or
        one with a name that stands twice or differs in nothing but case, a number that is not whole or is long, a lone
        surrogate, or values nested deeply.

    Notes
    -----
    Origin: RFC 7493 (I-JSON), and what Go 1.4 does besides: it folds case, and reads every bad byte as U+FFFD.

    >>> clear_object(b'{"a": [1, null]}')
    {'a': [1, None]}
    >>> clear_object(b'{"a": 1, "A": 2}') is None
    True
    """
    if len(text) <= _SHORT:
        return _remembered(text)
    return _read(text) if len(text) <= _LONG else None


def _read(text: bytes) -> dict[str, Any] | None:
    try:
        characters = text.decode("utf-8")
        if "\ufffd" in characters or _DOUBTFUL_ESCAPE.search(characters):
            return None
        value = _DECODER.decode(characters)
    except (ValueError, RecursionError, _UnclearError):
        return None
    if not isinstance(value, dict):
        return None
    few = characters.count("{") + characters.count("[") <= _DEEPEST
    return value if few or _is_shallow(value) else None


_remembered: Final = functools.lru_cache(maxsize=64)(_read)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({fold(name) for name, _ in pairs}) != len(pairs):
        raise _UnclearError
    return dict(pairs)


def _whole(literal: str) -> int:
    if len(literal) > _DIGITS or literal == "-0":
        raise _UnclearError
    return int(literal)


def _unclear(literal: str) -> NoReturn:
    raise _UnclearError(literal)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_int=_whole, parse_float=_unclear, parse_constant=_unclear)


def _is_shallow(value: dict[str, Any]) -> bool:
    """Whether nothing in it is deeper than any reader goes; level by level, for a hostile text may be nested deeply."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        if not level:
            return True
    return False
