"""Which addresses an answer may lead to: the registry's own kind of network and the public one, in every spelling."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile_server import Close, HostileServer, plain
from support.httpx_sockets import HttpxSockets

from toolkit.errors import AddressError, SourceError, UnreachableError
from toolkit.sources.addresses import permitted, resolve
from toolkit.sources.network import Network

PUBLIC: Final = "93.184.215.14"
PRIVATE: Final = "10.1.2.3"

NOWHERE: Final = [
    # this machine
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:7f00:0001",
    "2002:7f00:1::",
    "2002:7f00:0001::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    # unspecified, "this network"
    "0.0.0.0",  # noqa: S104
    "0.0.0.1",
    "::",
    "::ffff:0.0.0.0",
    "64:ff9b::0.0.0.0",
    # link-local, and the metadata of clouds
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "2002:a9fe:a9fe:1:2:3:4:5",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9fe:a9:fe00:808:808",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "febf::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    # private networks of somebody else
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "fc00::1",
    "fd12:3456:789a::1",
    "fec0::1",
    "::ffff:192.168.0.1",
    "::ffff:100.64.0.1",
    "2002:c0a8:1::",
    "2002:6440:1::",
    "64:ff9b::192.168.0.1",
    "64:ff9b:1::ac10:1",
    # multicast and broadcast
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    "::ffff:224.0.0.1",
    "64:ff9b::224.0.0.1",
    # documentation, tests, the future
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "240.0.0.1",
    "2001:db8::1",
    "2001:0:7f00:1::",
    "100::1",
    "::ffff:192.0.2.1",
    "2002:c000:201::",
]

SOMEWHERE: Final = [
    PUBLIC,
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "192.169.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "11.0.0.1",
    "9.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "2002:808:808::",
    "64:ff9b::8.8.8.8",
]


def refused(address: str, *registry: str) -> bool:
    """Whether an address may not be contacted on behalf of a registry there."""
    try:
        assert permitted("h", [address], registry=registry) == [address]
    except AddressError:
        return True
    return False


@pytest.mark.parametrize("registry", [[PUBLIC], [PRIVATE], [PUBLIC, "2606:4700::1"], []])
@pytest.mark.parametrize("address", NOWHERE)
def test_an_answer_leads_to_no_address_of_somebody_s_own(address: str, registry: list[str]) -> None:
    with pytest.raises(AddressError) as caught:
        permitted("h.example", [address], registry=registry)
    assert caught.value.message == f"h.example is at {address}, where an answer of a registry has no business"
    assert (caught.value.where, caught.value.actual) == ("h.example", address)


@pytest.mark.parametrize("address", NOWHERE)
def test_one_bad_address_among_good_ones_is_enough(address: str) -> None:
    assert refused(address, PRIVATE)
    with pytest.raises(AddressError):
        permitted("h", [PUBLIC, address, "8.8.8.8"], registry=[PRIVATE])


@pytest.mark.parametrize("registry", [PUBLIC, PRIVATE, "127.0.0.1", "::1", "169.254.1.1", "fd00::1"])
@pytest.mark.parametrize("address", SOMEWHERE)
def test_any_answer_may_lead_to_a_public_address(address: str, registry: str) -> None:
    assert not refused(address, registry)


@pytest.mark.parametrize("address", [*NOWHERE, *SOMEWHERE, "10.0.0.1"])
def test_the_registry_the_user_typed_may_be_anywhere(address: str) -> None:
    assert permitted("h", [address], registry=None) == [address]


@pytest.mark.parametrize(
    ("registry", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.9.9.9"),
        ("127.0.0.1", "::1"),
        ("::1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("10.0.0.1", "10.255.0.1"),
        ("10.0.0.1", "::ffff:10.0.0.2"),
        ("10.0.0.1", "2002:a00:2::"),
        ("10.0.0.1", "64:ff9b::10.0.0.2"),
        ("172.16.0.1", "172.31.0.1"),
        ("192.168.0.1", "192.168.255.1"),
        ("100.64.0.1", "100.127.0.1"),
        ("fd00::1", "fdff::1"),
        ("fc00::1", "fd00::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("198.18.0.1", "198.18.0.1"),
        ("2001:db8::1", "2001:db8:0::1"),
    ],
)
def test_a_registry_may_lead_to_its_own_network(registry: str, address: str) -> None:
    assert not refused(address, registry)
    assert not refused(address, PUBLIC, registry)


@pytest.mark.parametrize(
    ("registry", "address"),
    [
        ("127.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "192.168.0.1"),
        ("127.0.0.1", "169.254.169.254"),
        ("127.0.0.1", "0.0.0.0"),  # noqa: S104
        ("127.0.0.1", "fd00::1"),
        ("10.0.0.1", "127.0.0.1"),
        ("10.0.0.1", "::1"),
        ("10.0.0.1", "172.16.0.1"),
        ("10.0.0.1", "192.168.0.1"),
        ("10.0.0.1", "100.64.0.1"),
        ("10.0.0.1", "fd00::1"),
        ("fd00::1", "10.0.0.1"),
        ("fd00::1", "fe80::1"),
        ("fd00::1", "fd00:ec2::254"),
        ("100.64.0.1", "100.100.100.200"),
        ("192.168.0.1", "169.254.0.1"),
        ("169.254.1.1", "169.254.1.1"),
        ("169.254.1.1", "169.254.169.254"),
        ("169.254.1.1", "10.0.0.1"),
        ("169.254.1.1", "127.0.0.1"),
        ("fe80::1", "fe80::2"),
        ("224.0.0.1", "224.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("192.0.2.1", "192.0.2.2"),
        ("198.18.0.1", "198.18.0.2"),
        ("2001:db8::1", "2001:db8::2"),
        (PUBLIC, "10.0.0.1"),
        (PUBLIC, "127.0.0.1"),
    ],
)
def test_a_registry_leads_to_no_other_private_network(registry: str, address: str) -> None:
    assert refused(address, registry)


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(), st.ip_addresses())
def test_whatever_passes_is_public_or_near(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, registry: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    if not refused(str(address), str(registry)):
        assert not address.is_link_local
        assert not address.is_multicast
        assert not address.is_unspecified
        assert address.is_global or not registry.is_global or getattr(address, "sixtofour", None) is not None


# -- names -------------------------------------------------------------------------------------------------------


def test_every_address_of_a_host_is_told_once() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert resolve("::1", 80) == ["::1"]


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "127.0.1"])
def test_a_number_in_another_spelling_is_the_address_it_means(host: str) -> None:
    assert resolve(host, 80) == ["127.0.0.1"]
    with pytest.raises(AddressError):
        permitted(host, resolve(host, 80), registry=[PUBLIC])


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".example", "..", "a b", "\ud800"])
def test_a_host_nobody_knows_is_unreachable(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*unused: object, **also: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host == "name.invalid":  # the network is not asked in a test
        monkeypatch.setattr("socket.getaddrinfo", nobody)
    with pytest.raises(UnreachableError) as caught:
        resolve(host, 80)
    assert caught.value.message.startswith(f"no address is known for {host}: ")
    assert caught.value.where == host


# -- names that change their mind --------------------------------------------------------------------------------


class Fickle:
    """A resolver that gives each host's answers one after the other, and the last one for ever."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []
        self.guard = threading.Lock()

    def __call__(self, host: str, port: int) -> list[str]:
        """Answer."""
        with self.guard:
            self.asked.append((host, port))
            left = self.answers[host.partition(".")[0]]
            return [left.pop(0) if len(left) > 1 else left[0]]


@pytest.fixture
def here() -> Iterator[HostileServer]:
    """A server that closes after every answer, so that each request connects anew."""
    with HostileServer() as started:
        started.script = {("GET", "/"): [plain(b"here", Connection="close").then(Close())]}
        yield started


def asked(transport: HttpxSockets, url: str) -> bytes:
    return transport.handle_request(httpx.Request("GET", url)).read()


def test_the_first_answer_for_the_registry_s_name_is_kept(here: HostileServer) -> None:
    port = here.host.partition(":")[2]
    fickle = Fickle(home=["127.0.0.1", "169.254.169.254"])
    transport = HttpxSockets(f"home.test:{port}", Network(resolver=fickle), verify=True)
    assert [asked(transport, f"http://home.test:{port}/") for _ in range(3)] == [b"here"] * 3
    assert fickle.asked == [("home.test", int(port))]
    assert here.connections == 3


def test_the_first_answer_for_another_name_is_kept_and_was_checked(here: HostileServer) -> None:
    port = here.host.partition(":")[2]
    fickle = Fickle(home=["127.0.0.1"], cdn=["127.0.0.2", "10.0.0.1"], bad=["10.0.0.1"])
    transport = HttpxSockets("home.test:1", Network(resolver=fickle), verify=True)
    fickle.answers["cdn"][0] = "127.0.0.1"
    assert [asked(transport, f"http://cdn.test:{port}/") for _ in range(2)] == [b"here"] * 2
    assert fickle.asked.count(("cdn.test", int(port))) == 1
    with pytest.raises(AddressError):
        asked(transport, f"http://bad.test:{port}/")
    assert here.connections == 2


def test_what_counts_as_the_registry_s_network_does_not_change_with_its_name(here: HostileServer) -> None:
    """A registry that was public and calls itself private afterwards opens no door to the private network."""
    port = here.host.partition(":")[2]
    fickle = Fickle(home=[PUBLIC, "127.0.0.1"], inside=["127.0.0.1"])
    transport = HttpxSockets(f"home.test:{port}", Network(resolver=fickle), verify=True)
    for _ in range(3):
        with pytest.raises(AddressError):
            asked(transport, f"http://inside.test:{port}/")
    assert here.connections == 0


@pytest.mark.parametrize("home", ["home.test:80", "home.test:443", "home.test:5000", "[::1]:443", "[::1]:5000", "127.0.0.1:80"])
def test_a_registry_is_looked_up_once_whatever_its_port(here: HostileServer, home: str) -> None:
    asked_for: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked_for.append(host)
        return ["127.0.0.1"]

    transport = HttpxSockets(home, Network(resolver=look_up), verify=True)
    port = here.host.partition(":")[2]
    for _ in range(2):
        assert asked(transport, f"http://cdn.test:{port}/") == b"here"
    name = home.partition("]")[0].strip("[") if home.startswith("[") else home.partition(":")[0]
    assert sorted(asked_for) == sorted(["cdn.test", name])


def test_no_address_is_no_connection(here: HostileServer) -> None:
    transport = HttpxSockets(here.host, Network(resolver=lambda host, port: []), verify=True)
    with pytest.raises(httpx.ConnectError, match="no address"):
        asked(transport, f"http://{here.host}/")


def test_the_next_address_is_tried_when_one_does_not_answer(here: HostileServer) -> None:
    transport = HttpxSockets(here.host, Network(resolver=lambda host, port: ["127.9.9.9", "127.0.0.1"]), verify=True)
    assert asked(transport, f"http://{here.host}/") == b"here"


def test_a_resolver_that_fails_is_heard(here: HostileServer) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise UnreachableError("no address is known")

    transport = HttpxSockets(here.host, Network(resolver=fails), verify=True)
    with pytest.raises(SourceError, match="no address is known"):
        asked(transport, f"http://{here.host}/")
