"""The loopback server: what a registry answers, over a real connection, and nothing after its end."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import httpx
import pytest

from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.teaching import teaching_registry
from toolkit.sources.static_registry import Answer

REGISTRY = teaching_registry()
PATH = "/v2/teach/clean/manifests/1"


def test_the_registry_s_answers_come_over_the_wire() -> None:
    with LoopbackServer(REGISTRY) as server, httpx.Client(base_url=f"http://{server.host}") as client:
        for path in ("/v2/", PATH, "/v2/teach/clean/tags/list", "/v2/nobody/knows/tags/list", PATH + "?n=1"):
            expected = REGISTRY.answer("GET", path.partition("?")[0])
            answer = client.get(path)
            assert (answer.status_code, answer.content) == (expected.status, expected.body)
            assert dict(expected.headers).items() <= {name: answer.headers[name] for name in expected.headers}.items()
            head = client.head(path)
            assert (head.status_code, head.content) == (expected.status, b"")
            assert head.headers["Content-Length"] == str(len(expected.body))


def test_the_server_is_on_this_machine_only_and_on_a_port_of_its_own() -> None:
    with LoopbackServer(REGISTRY) as one, LoopbackServer(REGISTRY) as two:
        assert one.host != two.host
        for server in (one, two):
            host, _, port = server.host.partition(":")
            assert host == "127.0.0.1"
            assert int(port) > 0


def test_a_port_may_be_asked_for() -> None:
    with LoopbackServer(REGISTRY) as server:
        port = int(server.host.rpartition(":")[2])
    with LoopbackServer(REGISTRY, port=port) as again:
        assert again.host == f"127.0.0.1:{port}"


def test_nobody_answers_after_the_end() -> None:
    with LoopbackServer(REGISTRY) as server:
        host, _, port = server.host.partition(":")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=5)


@pytest.mark.parametrize("claimed", ["999", "1", None])
def test_a_wrong_length_is_sent_as_it_is_and_ends_the_connection(claimed: str | None) -> None:
    def answer(method: str, target: str, headers: Mapping[str, str]) -> Answer:
        return Answer(200, {} if claimed is None else {"Content-Length": claimed}, b"four")

    with LoopbackServer(answer) as server:
        host, _, port = server.host.partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert body == b"four"
    assert (b"Content-Length: " in head) == (claimed is not None)
    assert b"Connection: close" in head


def test_a_callable_sees_method_target_and_headers() -> None:
    seen: list[tuple[str, str, str]] = []

    def answer(method: str, target: str, headers: Mapping[str, str]) -> Answer:
        seen.append((method, target, headers["X-Word"]))
        return Answer(204, {}, b"")

    with LoopbackServer(answer) as server:
        httpx.get(f"http://{server.host}/a%20b?c=d", headers={"X-Word": "w"})
    assert seen == [("GET", "/a%20b?c=d", "w")]
