"""Where to look for a registry: its endpoints, in order, and which failure lets the next one be tried.

The rule of this file: no I/O. A list, and the memory of what came of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from toolkit.errors import (
    AddressError,
    NotFoundError,
    RateLimitError,
    SeedPanicError,
    SourceError,
    ToolkitError,
    UnauthorizedError,
    VerificationError,
)
from toolkit.records import TlsUse
from toolkit.references import DEFAULT_REGISTRY, is_loopback
from toolkit.sources.network import Network

_DOCKER_HUB: Final = "https://registry-1.docker.io"
_DOCKER_INDEX: Final = "https://index.docker.io"
NO_SUPPORT: Final = "no-support"
"""The code of an error that only says that an endpoint's protocol has no such thing."""
_FINAL_RULE: Final = "image-id-syntax"
"""The one rule after whose refusal Docker 1.9 tried no further endpoint: its error had a code of the registry's kind."""


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """One endpoint: its URL, how its certificate is treated, whether it must say that it speaks v2, and its kind."""

    url: str
    tls: TlsUse
    must_say_version: bool
    version: Literal["v2", "v1"] = "v2"
    mirror: bool = False


def endpoints(registry: str, network: Network | None = None) -> list[EndpointAddress]:
    """List the endpoints of a registry.

    Parameters
    ----------
    registry : str
        ``host[:port]`` as in a reference.
    network : Network, optional
        What the user allows: insecure hosts, mirrors of Docker Hub, the v1 protocol.

    Notes
    -----
    Origin: ``registry.Service.LookupPullEndpoints`` of Docker 1.9. There the v1 protocol was part of every list; here it
    has to be asked for.

    >>> [endpoint.url for endpoint in endpoints("127.0.0.1:5000")]
    ['https://127.0.0.1:5000', 'http://127.0.0.1:5000']
    """
    network = network or Network()
    if registry == DEFAULT_REGISTRY:
        found = [_mirror(url, network) for url in network.mirrors]
        found.append(EndpointAddress(_DOCKER_HUB, "verified", must_say_version=False))
        legacy = [EndpointAddress(_DOCKER_INDEX, "verified", must_say_version=False, version="v1")]
    else:
        insecure = is_loopback(registry) or registry in network.insecure
        ways: list[tuple[str, TlsUse]] = [("https", "unverified" if insecure else "verified")]
        if insecure:
            ways.append(("http", "none"))
        found = [EndpointAddress(f"{scheme}://{registry}", tls, must_say_version=True) for scheme, tls in ways]
        legacy = [EndpointAddress(f"{scheme}://{registry}", tls, must_say_version=False, version="v1") for scheme, tls in ways]
    return [*found, *legacy] if network.legacy else found


def _mirror(url: str, network: Network) -> EndpointAddress:
    scheme, _, host = url.rstrip("/").partition("://")
    insecure = is_loopback(host) or host in network.insecure
    tls: TlsUse = "none" if scheme == "http" else ("unverified" if insecure else "verified")
    return EndpointAddress(url.rstrip("/"), tls, must_say_version=False, mirror=True)


class Attempts:
    """What came of the endpoints so far.

    Parameters
    ----------
    addresses : sequence of EndpointAddress
    as_seed : bool
        Decide as Docker 1.9 did: whatever was not said outright lets the next one be tried, and the last error hides
        the ones before. Otherwise an endpoint that answered and has it not, or lies, is left for another of the same
        trust only (a mirror for its origin), and an answer is never hidden behind a host that could not be reached.
    """

    def __init__(self, addresses: Sequence[EndpointAddress], *, as_seed: bool) -> None:
        self._addresses = list(addresses)
        self._as_seed = as_seed
        self._number = 0
        self._answered = False
        self._error: ToolkitError | None = None

    def begin_with(self, known: Collection[str]) -> None:
        """Start with the first endpoint that is known to speak the protocol, where there is one."""
        self._number = next((number for number, one in enumerate(self._addresses) if one.url in known), self._number)

    @property
    def address(self) -> EndpointAddress:
        """The endpoint that is to be tried now."""
        return self._addresses[self._number]

    def failed(self, error: ToolkitError, *, answered: bool) -> bool:
        """Take note of a failure; tell whether there is another endpoint to try.

        Parameters
        ----------
        error : ToolkitError
        answered : bool
            Whether the endpoint had said that it speaks the protocol.
        """
        goes_on = self.lets_go_on(error, answered=answered)
        self._remember(error, answered=answered)
        if not goes_on or self._number + 1 == len(self._addresses):
            return False
        self._number += 1
        return True

    def lets_go_on(self, error: ToolkitError, *, answered: bool) -> bool:
        """Whether a failure lets the next endpoint be tried.

        Notes
        -----
        Origin: ``registry.ContinueOnError`` of Docker 1.9.
        """
        if not isinstance(error, SourceError | VerificationError) or error.code == SeedPanicError.code:
            return False
        if self._as_seed:
            if isinstance(error, VerificationError):
                return error.check is None or error.check.rule != _FINAL_RULE
            return not answered or error.fallback
        if isinstance(error, UnauthorizedError | RateLimitError | AddressError):
            return self.address.mirror
        following = self._addresses[self._number + 1 : self._number + 2]
        legacy = bool(following) and following[0].version == "v1" and isinstance(error, NotFoundError)
        return not answered or self.address.mirror or legacy

    def _remember(self, error: ToolkitError, *, answered: bool) -> None:
        """Keep the error that is reported in the end.

        Notes
        -----
        Origin: ``TagStore.Pull`` of Docker 1.9: a later error replaces an earlier one, unless it only says that the
        endpoint does not support what is asked.
        """
        if self._as_seed:
            if self._error is None or self._error.code == NO_SUPPORT or error.code != NO_SUPPORT:
                self._error = error
        elif answered or not self._answered:
            self._error = error
            self._answered = answered

    @property
    def error(self) -> ToolkitError:
        """The error that is reported when no endpoint is left."""
        assert self._error is not None
        return self._error
