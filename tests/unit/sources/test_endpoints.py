"""Where a registry is looked for, and which answer makes an endpoint one."""

from __future__ import annotations

import pytest
from support.routes import VERSION, exchanges, nobody, routes_of, visit
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.simulator.teaching import clean_image
from toolkit.sources.endpoints import EndpointAddress, endpoints
from toolkit.sources.network import Network

ASKED = tk.Reference.parse("127.0.0.1:5000/teach/clean:1")


def test_docker_hub_is_one_verified_endpoint_that_need_not_say_its_version() -> None:
    assert endpoints("docker.io") == [EndpointAddress("https://registry-1.docker.io", "verified", must_say_version=False)]


@pytest.mark.parametrize("registry", ["127.0.0.1:5000", "127.8.9.1", "localhost", "localhost:80", "[::1]:5000"])
def test_this_machine_may_speak_plain_http_after_https_failed(registry: str) -> None:
    found = endpoints(registry)
    assert [(one.url, one.tls) for one in found] == [(f"https://{registry}", "unverified"), (f"http://{registry}", "none")]
    assert all(one.must_say_version for one in found)


@pytest.mark.parametrize("registry", ["192.0.2.1:5000", "localhost.example", "127.0.0.1.example:5000", "[2001:db8::1]"])
def test_any_other_host_is_asked_over_verified_https_only(registry: str) -> None:
    assert endpoints(registry) == [EndpointAddress(f"https://{registry}", "verified", must_say_version=True)]


def test_a_host_named_insecure_is_treated_so_and_no_other() -> None:
    named = ["lab.example:5000"]
    assert [one.tls for one in endpoints("lab.example:5000", Network(insecure=frozenset(named)))] == ["unverified", "none"]
    assert [one.tls for one in endpoints("lab.example", Network(insecure=frozenset(named)))] == ["verified"]


def test_https_is_tried_first_and_its_failure_is_a_row(server: ScriptedServer) -> None:
    server.routes = routes_of(clean_image())
    with visit(server) as connection:
        connection.manifest(ASKED)
        tried, asked = exchanges(connection)
    assert [(one.url, one.tls, one.outcome, one.fallback) for one in tried] == [
        (f"https://{server.host}", "unverified", "failed", True),
        (f"http://{server.host}", "none", "used", False),
    ]
    assert "SSL" in tried[0].reason
    assert tried[1].reason == ""
    assert [(one.url, one.status) for one in asked] == [
        (f"https://{server.host}/v2/", None),
        (f"http://{server.host}/v2/", 200),
        (f"http://{server.host}/v2/teach/clean/manifests/1", 200),
    ]
    assert asked[0].error is not None
    assert connection.endpoint == f"http://{server.host}"


def test_no_byte_is_sent_before_the_first_question(server: ScriptedServer) -> None:
    with visit(server) as connection:
        assert connection.drain() == ()
    assert server.seen == []


@pytest.mark.parametrize("said", ["registry/2.0", "REGISTRY/2.0", "other/1.0 registry/2.0", "x registry/2.0 y"])
def test_an_endpoint_that_says_v2_is_taken(server: ScriptedServer, said: str) -> None:
    server.routes = routes_of(clean_image(), Route(path="/v2/", headers={"Docker-Distribution-Api-Version": said}))
    assert tk.inspect(f"{server.host}/teach/clean:1").outcome == "accepted"


@pytest.mark.parametrize("said", [None, "", "registry/2.1", "registry/1.0", "other/2.0", "registry2.0", "2.0", "registry/2.0,x"])
def test_an_endpoint_that_does_not_say_v2_is_refused(server: ScriptedServer, said: str | None) -> None:
    headers = {} if said is None else {"Docker-Distribution-Api-Version": said}
    server.routes = routes_of(clean_image(), Route(path="/v2/", headers=headers))
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tk.inspect(f"{server.host}/teach/clean:1")
    assert caught.value.message == "endpoint does not support v2 API"
    assert caught.value.report.endpoints["outcome"].tolist() == ["failed", "failed"]
    assert caught.value.report.endpoints["reason"].iloc[1] == "endpoint does not support v2 API"
    assert caught.value.report.outcome == "undecided"
    assert [one.target for one in server.seen] == ["/v2/"]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_the_status_of_the_ping_is_not_examined(server: ScriptedServer, status: int) -> None:
    server.routes = routes_of(clean_image(), Route(path="/v2/", status=status, headers=VERSION))
    assert tk.inspect(f"{server.host}/teach/clean:1").outcome == "accepted"


def test_nobody_there_is_told_with_both_tries(graph: tk.Graph) -> None:
    host = nobody()
    with pytest.raises(tk.errors.UnreachableError) as caught:
        tk.pull(f"{host}/teach/clean:1", graph)
    assert caught.value.message.startswith(f"Get http://{host}/v2/: ")
    report = caught.value.report
    assert report.outcome == "undecided"
    assert report.endpoints["outcome"].tolist() == ["failed", "failed"]
    assert report.requests["status"].isna().all()
    assert report.requests["error"].notna().all()
    assert len(graph) == 0
