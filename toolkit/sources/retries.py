"""Which answers are asked for again, and when.

The rule of this file: no I/O and no waiting; it says what to do, and the wire does it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from toolkit.errors import RateLimitError

MAX_TRIES: Final = 5
PATIENCE: Final = 60.0
"""Seconds a registry may ask us to wait."""
AGAIN: Final = frozenset({429, 502, 503, 504})
_FIRST_PAUSE: Final = 1.0


def pause(attempt: int) -> float:
    """Seconds to wait after a failed try, longer each time and never the same for two clients.

    >>> 0.5 <= pause(1) <= 1.5
    True
    """
    longest: float = min(PATIENCE, _FIRST_PAUSE * 2 ** (attempt - 1))
    return longest * (0.5 + int.from_bytes(os.urandom(2)) / 0xFFFF)


def asked_pause(headers: Mapping[str, str], *, where: str, status: int) -> float | None:
    """Read ``Retry-After``; None when there is none.

    Raises
    ------
    RateLimitError
        It asks for more patience than ours, or cannot be read.

    Notes
    -----
    Origin: RFC 9110, section 10.2.3.

    Examples
    --------
    >>> asked_pause({"Retry-After": "7"}, where="http://h/v2/", status=429)
    7.0
    """
    text = headers.get("Retry-After")
    if text is None:
        return None
    seconds = _seconds(text.strip())
    if seconds is not None and seconds <= PATIENCE:
        return max(0.0, seconds)
    raise RateLimitError(
        f"the registry answered {status} and asks to wait: {text[:60]!r}",
        where=where,
        expected=f"at most {PATIENCE:g} s",
        actual=text[:60] if seconds is None else f"{seconds:.0f} s",
        next_step="try again then; a user name may allow more requests than none",
    )


def _seconds(text: str) -> float | None:
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def remaining(headers: Mapping[str, str]) -> int | None:
    """Read how many requests the registry still allows; None when it does not say.

    Notes
    -----
    Origin: the headers of Docker Hub, ``RateLimit-Remaining: 76;w=21600``; names here are in lower case.

    >>> remaining({"ratelimit-remaining": "76;w=21600"})
    76
    """
    text = headers.get("ratelimit-remaining", "").partition(";")[0].strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
