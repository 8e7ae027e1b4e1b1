"""A user's name and password, and where they may go.

The rule of this file: a secret never prints, and is given out only for a host the user meant.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

_TOKEN_HOSTS: Final = {"docker.io": "auth.docker.io"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the user typed, for the registry the user typed.

    Parameters
    ----------
    username, password : str
    realms : collection of str
        Further hosts (``host[:port]``) to which the user lets them go for a token.
    """

    username: str
    password: str = field(repr=False)
    realms: Collection[str] = ()

    def basic(self) -> str:
        """The value of an Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def may_go_to(self, host: str, *, registry: str) -> bool:
        """Tell whether the pair may be shown to a host, for a registry as the user typed it."""
        return host in (registry, _TOKEN_HOSTS.get(registry)) or host in self.realms

    @property
    def complete(self) -> bool:
        """Whether both halves are there: Docker 1.9 used no half."""
        return bool(self.username and self.password)
