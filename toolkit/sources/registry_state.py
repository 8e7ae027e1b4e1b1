"""What the visits to one registry share.

The rule of this file: what an endpoint said once (that it speaks v2, what it wants to know first) is remembered for the
next visit, and connections are shared while anybody visits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.sources.allowance import Allowance
from toolkit.sources.challenges import Challenge
from toolkit.sources.endpoints import EndpointAddress
from toolkit.sources.exchange import Transport, target_of
from toolkit.sources.network import Network
from toolkit.sources.sockets import SocketTransport

if TYPE_CHECKING:
    import httpx


@dataclass(slots=True)
class RegistryState:
    """Transports, what endpoints said, and how much may still be asked."""

    network: Network
    allowance: Allowance
    transport: httpx.BaseTransport | None = None
    spoken: dict[str, list[Challenge]] = field(default_factory=dict)
    _open: dict[str, Transport] = field(default_factory=dict)
    _visits: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> None:
        """A visit begins."""
        with self._guard:
            self._visits += 1

    def leave(self) -> None:
        """A visit ends; with the last one the connections are closed."""
        with self._guard:
            self._visits -= 1
            ended = [] if self._visits else list(self._open.values())
            if not self._visits:
                self._open.clear()
        for transport in ended:
            transport.close()

    def to(self, address: EndpointAddress) -> Transport:
        """The transport to an endpoint."""
        if self.transport is not None:
            from toolkit.sources.foreign import ForeignTransport

            return ForeignTransport(self.transport)
        with self._guard:
            if address.url not in self._open:
                target = target_of(f"{address.url}/")
                home = f"[{target.host}]" if ":" in target.host else target.host
                verify = address.tls == "verified"
                self._open[address.url] = SocketTransport(f"{home}:{target.port}", self.network, verify=verify)
            return self._open[address.url]
