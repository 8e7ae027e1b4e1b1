"""Names for files in the making.

The rule of this file: a name is nobody else's, and says which process made it, so that what a dead one left can be told
from what a living one still writes.
"""

from __future__ import annotations

import itertools
import os
import re
from typing import Final

_FRESH: Final = re.compile(r"(?:.*\.)?([0-9a-f]{32})\.[0-9]+\.part", re.DOTALL)
_OWNERS: Final[dict[int, str]] = {}
_NUMBERS: Final = itertools.count()


def token(size: int) -> str:
    """A name nobody else has: so many random bytes, as hex digits.

    >>> len(token(16))
    32
    """
    return os.urandom(size).hex()


def owner() -> str:
    """32 hex digits that name this process among all that ever wrote into a graph."""
    process = os.getpid()
    if process not in _OWNERS:
        _OWNERS[process] = token(16)
    return _OWNERS[process]


def fresh_name(prefix: str = "") -> str:
    """A name for a file in the making, that says whose it is.

    >>> owner_of(fresh_name(".index.json.")) == owner()
    True
    """
    return f"{prefix}{owner()}.{next(_NUMBERS)}.part"


def owner_of(name: str) -> str | None:
    """Who made a file under a name of ``fresh_name``; None for any other.

    >>> owner_of("index.json") is None
    True
    """
    match = _FRESH.fullmatch(name)
    return None if match is None else match[1]
