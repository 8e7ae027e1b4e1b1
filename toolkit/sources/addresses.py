"""Which addresses may be connected to.

The rule of this file: the registry the user typed may be anywhere; whatever an answer names (a realm, a redirect, a
link) may be on the public network, or on the same kind of network as that registry, and nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from toolkit.errors import AddressError, UnreachableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CARRIERS: Final = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
"""IPv6 that is IPv4 in another spelling, or behind a translator: an address in it is as good as the one it carries."""
_NOT_PUBLIC: Final = tuple(ipaddress.ip_network(text) for text in ("64:ff9b:1::/48", "fec0::/10"))
_METADATA: Final = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
"""Where clouds tell a machine its secrets, outside the link-local range."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses.

    Raises
    ------
    UnreachableError
        It has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(
            f"no address is known for {host}: {error}",
            where=host,
            expected="an IP address",
            actual=type(error).__name__,
            next_step="check the spelling of the host and that this machine has a network",
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def permitted(host: str, addresses: Iterable[str], *, registry: Iterable[str] | None) -> list[str]:
    """Check every address of a host.

    Parameters
    ----------
    host : str
        The name, for the error.
    addresses : iterable of str
        What it resolves to.
    registry : iterable of str or None
        Addresses of the registry the user typed; None when this is that registry, which may be anywhere.

    Returns
    -------
    list of str
        The addresses, to connect to as they are: the name is not asked again.

    Raises
    ------
    AddressError
        One of them must not be contacted.

    Examples
    --------
    >>> permitted("cdn.example", ["93.184.215.14"], registry=["10.0.0.1"])
    ['93.184.215.14']
    >>> permitted("metadata", ["169.254.169.254"], registry=["10.0.0.1"])
    Traceback (most recent call last):
    ...
    toolkit.errors.AddressError: metadata is at 169.254.169.254, where an answer of a registry has no business
      where:    metadata
      expected: a public address, or one in the registry's own network
      actual:   169.254.169.254
      next:     ask who runs the registry; if it is right, name that host yourself
    """
    checked = list(addresses)
    if registry is None:
        return checked
    own = [_parsed(one) for one in registry]
    for text in checked:
        address = _parsed(text)
        if address in _METADATA or not (_is_public(address) or any(_are_neighbours(address, other) for other in own)):
            raise AddressError(
                f"{host} is at {text}, where an answer of a registry has no business",
                where=host,
                expected="a public address, or one in the registry's own network",
                actual=text,
                next_step="ask who runs the registry; if it is right, name that host yourself",
            )
    return checked


def _parsed(text: str) -> Address:
    """Read an address; one that carries another is that other one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if not address.is_loopback and not address.is_unspecified and any(address in network for network in _CARRIERS):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


def _are_neighbours(address: Address, registry: Address) -> bool:
    """Whether both are this machine, or both on the same private network."""
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback or registry.is_loopback:
        return address.is_loopback and registry.is_loopback
    return not _is_public(registry) and not registry.is_link_local and _network(address) == _network(registry)


def _network(address: Address) -> str:
    """The private network an address is in: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7."""
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"):
        network = ipaddress.ip_network(text)
        if address.version == network.version and address in network:
            return text
    return str(address)
