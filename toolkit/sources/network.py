"""How a registry may be reached: what the user allows, and what time it is.

The rule of this file: everything is off until the user says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from toolkit.sources.addresses import resolve
from toolkit.sources.clock import SYSTEM_CLOCK, Clock

Resolver = Callable[[str, int], list[str]]
"""The addresses of a host: (host, port) to texts of IP addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the user allows.

    Parameters
    ----------
    insecure : frozenset of str
        Hosts (``host[:port]``) allowed plain http and unchecked certificates; this machine's own always are.
    mirrors : tuple of str
        URLs of mirrors of Docker Hub, tried first and in this order.
    legacy : bool
        Whether the v1 protocol is tried last; nothing it says can be verified.
    budget : int, optional
        How many requests one visit may send; unlimited when absent.
    clock : Clock
    resolver : callable
    """

    insecure: frozenset[str] = frozenset()
    mirrors: tuple[str, ...] = ()
    legacy: bool = False
    budget: int | None = None
    clock: Clock = field(default=SYSTEM_CLOCK)
    resolver: Resolver = field(default=resolve)
