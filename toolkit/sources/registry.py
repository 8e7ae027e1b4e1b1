"""A registry as a place.

The rule of this file: no question is asked here; a visit asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.references import Reference, Repository
from toolkit.sources.allowance import Allowance
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoints import EndpointAddress, endpoints
from toolkit.sources.network import Network
from toolkit.sources.registry_connection import RegistryConnection
from toolkit.sources.registry_state import RegistryState

if TYPE_CHECKING:
    import httpx


class RegistrySource:
    """A registry.

    Parameters
    ----------
    registry : str
        ``host[:port]`` as it stands in references.
    credentials : Credentials, optional
        Anonymous when absent; nothing is looked up anywhere.
    network : Network, optional
        What the user allows.
    transport : httpx.BaseTransport, optional
        What to send through instead of the network.
    """

    def __init__(
        self,
        registry: str,
        *,
        credentials: Credentials | None = None,
        network: Network | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.registry = registry
        self._credentials = credentials
        self._network = network or Network()
        self._state = RegistryState(self._network, Allowance(self._network.budget), transport)

    @property
    def name(self) -> str:
        """The registry's host and port."""
        return self.registry

    def resolve(self, text: str | None, *, seed_grammar: bool) -> Reference:
        """Read a reference; a host in it must be this one.

        Raises
        ------
        ReferenceSyntaxError
            It is no name.
        UsageError
            There is none, or it names another registry.
        """
        if text is None:
            raise UsageError(
                "a registry has no image of its own accord: a name is needed",
                where=self.registry,
                expected="NAME[:TAG] or NAME@DIGEST",
                next_step="say which image; if a file or folder was meant, there is none of that name here",
            )
        asked = Reference.parse(text, registry=self.registry, seed_grammar=seed_grammar)
        if asked.repository.registry != self.registry:
            raise UsageError(
                f"the reference names {asked.repository.registry}, the source is {self.registry}",
                expected=self.registry,
                actual=asked.repository.registry,
                next_step="leave the host out of the reference, or the source out of the call",
            )
        return asked

    def holds(self) -> list[str]:
        """Nothing: only asking tells what a registry holds."""
        return []

    def connect(self, repository: Repository, *, as_seed: bool = False, accept: str | None = None) -> RegistryConnection:
        """Start a visit.

        No byte is sent before the first question is asked; it raises the error of the last endpoint tried.
        """
        if self._state.transport is None:
            addresses = endpoints(self.registry, self._network)
        else:
            addresses = [EndpointAddress(f"http://{self.registry}", "none", must_say_version=True)]
        return RegistryConnection(
            addresses,
            repository,
            self._state,
            credentials=self._credentials,
            as_seed=as_seed,
            accept=accept,
        )

    def __repr__(self) -> str:
        return f"RegistrySource({self.registry!r})"
