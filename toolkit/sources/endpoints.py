"""Where to look for a registry: its endpoints, in order.

The rule of this file: a list and nothing else. Which failures let the next one be tried is the registry's business.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from toolkit.records import TlsUse
from toolkit.references import DEFAULT_REGISTRY, is_loopback

_DOCKER_HUB: Final = "https://registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """One endpoint: its URL, how its certificate is treated, and whether it must say that it speaks v2."""

    url: str
    tls: TlsUse
    must_say_version: bool


def endpoints(registry: str, *, insecure: Collection[str] = ()) -> list[EndpointAddress]:
    """List the v2 endpoints of a registry.

    Parameters
    ----------
    registry : str
        ``host[:port]`` as in a reference.
    insecure : collection of str
        Hosts for which the user allows plain http and unchecked certificates; this machine's own always are.

    Notes
    -----
    Origin: ``registry.Service.LookupPullEndpoints`` of Docker 1.9, without mirrors and v1.

    >>> [endpoint.url for endpoint in endpoints("127.0.0.1:5000")]
    ['https://127.0.0.1:5000', 'http://127.0.0.1:5000']
    """
    if registry == DEFAULT_REGISTRY:
        return [EndpointAddress(_DOCKER_HUB, "verified", must_say_version=False)]
    if is_loopback(registry) or registry in insecure:
        return [
            EndpointAddress(f"https://{registry}", "unverified", must_say_version=True),
            EndpointAddress(f"http://{registry}", "none", must_say_version=True),
        ]
    return [EndpointAddress(f"https://{registry}", "verified", must_say_version=True)]
