"""A part of everything, so that much can be verified a little every day.

The rule of this file: which part a thing belongs to follows from its digest alone; the parts are disjoint, and all of them
together are everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from toolkit.digests import sha256
from toolkit.errors import UsageError

_SUBSET: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subset:
    """The n-th of so many parts, counted from 1.

    Examples
    --------
    >>> Subset.parse("2/7").takes("f" * 63 + "8")
    True
    """

    number: int = 1
    parts: int = 1

    @classmethod
    def parse(cls, text: str | None) -> Subset:
        """Read ``n/t``; None is everything.

        Raises
        ------
        UsageError
            It is not of that form, or n is not among 1 to t.
        """
        if text is None:
            return cls()
        match = _SUBSET.fullmatch(text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(
                f"{text!r} names no part", expected="n/t with 1 <= n <= t, e.g. 2/7", actual=text, next_step="give e.g. 1/7 today"
            )
        return cls(int(match[1]), int(match[2]))

    @property
    def is_all(self) -> bool:
        """Whether this is everything."""
        return self.parts == 1

    def takes(self, digits: str) -> bool:
        """Whether a thing named by these hex digits is in this part."""
        return self.parts == 1 or int(digits, 16) % self.parts == self.number - 1

    def takes_name(self, name: str) -> bool:
        """Whether a thing that no digest names is in this part."""
        return self.parts == 1 or self.takes(sha256(name.encode("utf-8", "surrogateescape")).partition(":")[2])
