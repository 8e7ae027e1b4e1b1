"""How much may still be asked.

The rule of this file: it counts; whoever sends takes first.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from toolkit.errors import RateLimitError
from toolkit.sources.retries import remaining
from toolkit.sources.urls import redacted


class Allowance:
    """How many requests may still be sent, by the user's budget and by the registry's own word; thread-safe.

    Parameters
    ----------
    budget : int or None
        The user's; unlimited when None.
    """

    def __init__(self, budget: int | None = None) -> None:
        self._budget = budget
        self._sent = 0
        self._remaining: int | None = None
        self._guard = threading.Lock()

    def take(self, url: str, *, counted: bool) -> None:
        """Take one request out of it.

        Parameters
        ----------
        url : str
        counted : bool
            Whether registries count such requests: manifests they do.

        Raises
        ------
        RateLimitError
            None is left.
        """
        with self._guard:
            if self._budget is not None and self._sent >= self._budget:
                raise RateLimitError(
                    f"the budget of {self._budget} requests is used up",
                    where=redacted(url),
                    expected=f"at most {self._budget} requests",
                    actual="one more",
                    next_step="give a larger --budget, or ask for less",
                )
            if counted and self._remaining == 0:
                raise RateLimitError(
                    "the registry said that no request remains",
                    where=redacted(url),
                    expected="RateLimit-Remaining above 0",
                    actual="RateLimit-Remaining: 0",
                    next_step="wait as long as the column rate_limit of `requests` tells; a user name may allow more",
                )
            self._sent += 1

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take the registry's word."""
        found = remaining(headers)
        if found is not None:
            with self._guard:
                self._remaining = found
