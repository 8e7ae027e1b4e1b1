"""Where a registry is looked for, and which answer makes an endpoint one."""

from __future__ import annotations

import base64
import http
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from support.places import needs_vectors, oracle
from support.routes import VERSION, exchanges, nobody, routes_of, visit
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit import errors
from toolkit.references import Repository, is_loopback, resolve_repository
from toolkit.simulator.teaching import clean_image
from toolkit.sources.allowance import Allowance
from toolkit.sources.endpoints import NO_SUPPORT, Attempts, EndpointAddress, endpoints
from toolkit.sources.network import Network
from toolkit.sources.registry import RegistrySource
from toolkit.sources.registry_connection import RegistryConnection
from toolkit.sources.registry_errors import error_answer
from toolkit.sources.registry_state import RegistryState

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


# -- lists -------------------------------------------------------------------------------------------------------

HUB: Final = ("https://registry-1.docker.io", "verified", "v2", False, False)
INDEX: Final = ("https://index.docker.io", "verified", "v1", False, False)


def listed(registry: str, network: Network) -> list[tuple[str, str, str, bool, bool]]:
    return [(one.url, one.tls, one.version, one.must_say_version, one.mirror) for one in endpoints(registry, network)]


def test_mirrors_of_docker_hub_come_first_in_the_order_given() -> None:
    mirrors = (
        "https://m2.example/",
        "http://127.0.0.1:5000",
        "http://m1.example:5000/",
        "https://[::1]:5000",
        "https://m3.example",
    )
    assert listed("docker.io", Network(mirrors=mirrors, insecure=frozenset(["m3.example"]))) == [
        ("https://m2.example", "verified", "v2", False, True),
        ("http://127.0.0.1:5000", "none", "v2", False, True),
        ("http://m1.example:5000", "none", "v2", False, True),
        ("https://[::1]:5000", "unverified", "v2", False, True),
        ("https://m3.example", "unverified", "v2", False, True),
        HUB,
    ]


def test_the_old_protocol_of_docker_hub_comes_last_when_asked_for() -> None:
    network = Network(mirrors=("https://m.example",), legacy=True)
    assert listed("docker.io", network) == [("https://m.example", "verified", "v2", False, True), HUB, INDEX]


@pytest.mark.parametrize("registry", ["registry-1.docker.io", "index.docker.example", "quay.example", "127.0.0.1:5000"])
def test_mirrors_are_of_docker_hub_only(registry: str) -> None:
    assert endpoints(registry, Network(mirrors=("https://m.example",))) == endpoints(registry)


def test_the_old_protocol_comes_after_every_endpoint_of_the_new_one() -> None:
    assert listed("r.example", Network(legacy=True)) == [
        ("https://r.example", "verified", "v2", True, False),
        ("https://r.example", "verified", "v1", False, False),
    ]
    assert listed("r.example", Network(legacy=True, insecure=frozenset(["r.example"]))) == [
        ("https://r.example", "unverified", "v2", True, False),
        ("http://r.example", "none", "v2", True, False),
        ("https://r.example", "unverified", "v1", False, False),
        ("http://r.example", "none", "v1", False, False),
    ]


@pytest.mark.parametrize("registry", ["docker.io", "r.example", "127.0.0.1:5000"])
def test_nothing_is_allowed_that_was_not_asked_for(registry: str) -> None:
    assert endpoints(registry) == endpoints(registry, Network())
    assert {one.version for one in endpoints(registry)} == {"v2"}


def test_docker_hub_is_never_insecure() -> None:
    assert listed("docker.io", Network(insecure=frozenset(["docker.io", "registry-1.docker.io"]))) == [HUB]


# -- what lets the next one be tried -----------------------------------------------------------------------------

A, B, C = (EndpointAddress(f"https://{name}", "verified", must_say_version=True) for name in "abc")
MIRROR = EndpointAddress("https://m", "verified", must_say_version=False, mirror=True)
OLD = EndpointAddress("https://a", "verified", must_say_version=False, version="v1")


@dataclass(frozen=True, slots=True)
class Row:
    """A failed rule, as far as an error knows it."""

    rule: str
    undecided: bool = False


def stopping(error: errors.SourceError) -> errors.SourceError:
    error.fallback = False
    return error


def unsupported() -> errors.ToolkitError:
    return errors.SourceError("Cannot pull by digest with v1 registry", code=NO_SUPPORT)


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    ("error", "answered_goes_on"),
    [
        (errors.UnreachableError("x"), True),
        (errors.DeadlineError("x"), True),
        (errors.AddressError("x"), True),
        (errors.RateLimitError("x"), True),
        (errors.UnauthorizedError("x"), True),
        (errors.NotFoundError("x"), True),
        (errors.RegistryResponseError("x"), True),
        (errors.LimitError("x"), True),
        (unsupported(), True),
        (stopping(errors.NotFoundError("x")), False),
        (stopping(errors.RegistryResponseError("x")), False),
        (errors.VerificationError("x"), True),
        (errors.VerificationError("x", check=Row("layer-digest")), True),
        (errors.VerificationError("x", check=Row("image-id-syntax")), False),
    ],
)
def test_docker_went_on_after_what_was_not_said_outright(error: Any, answered_goes_on: bool, answered: bool) -> None:  # noqa: FBT001
    expected = answered_goes_on or (not answered and isinstance(error, errors.SourceError))
    assert Attempts([A, B], as_seed=True).lets_go_on(error, answered=answered) is expected


@pytest.mark.parametrize("as_seed", [True, False])
@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        errors.GraphIOError("x"),
        errors.TagError("x"),
        errors.SeedPanicError("x"),
        errors.GoJSONError("x"),
        errors.InterruptedPullError("x"),
        errors.UsageError("x"),
        errors.RegistryResponseError("x", code="seed-panic"),
    ],
)
def test_what_is_not_the_other_side_s_fault_ends_it(error: errors.ToolkitError, answered: bool, as_seed: bool) -> None:  # noqa: FBT001
    attempts = Attempts([MIRROR, B], as_seed=as_seed)
    assert not attempts.lets_go_on(error, answered=answered)
    assert not attempts.failed(error, answered=answered)
    assert attempts.error is error
    assert attempts.address is MIRROR


SILENT: Final = (errors.UnreachableError("x"), errors.DeadlineError("x"), errors.RegistryResponseError("x"))
SAID: Final = (
    errors.UnreachableError("x"),
    errors.RegistryResponseError("x"),
    errors.LimitError("x"),
    errors.VerificationError("x", check=Row("layer-digest")),
)
GUARDED: Final = (errors.UnauthorizedError("x"), errors.RateLimitError("x"), errors.AddressError("x"))


@pytest.mark.parametrize(
    ("addresses", "error", "answered", "goes_on"),
    [
        *[([A, B], error, False, True) for error in SILENT],
        *[([A, B], error, True, False) for error in (*SAID, errors.NotFoundError("x"))],
        *[([A, B], error, answered, False) for error in GUARDED for answered in (True, False)],
        *[([MIRROR, B], error, True, True) for error in (*SAID, *GUARDED, errors.NotFoundError("x"))],
        *[([MIRROR, B], error, False, True) for error in (*SILENT, *GUARDED)],
        ([A, OLD], errors.NotFoundError("x"), True, True),
        *[([A, OLD], error, True, False) for error in (*SAID, *GUARDED)],
        *[([A, OLD], error, False, True) for error in SILENT],
        ([A, B, OLD], errors.NotFoundError("x"), True, False),
        ([OLD, A], errors.NotFoundError("x"), True, False),
        ([A], errors.NotFoundError("x"), True, False),
    ],
)
def test_an_endpoint_that_answered_is_left_for_one_of_the_same_trust_only(
    addresses: list[EndpointAddress],
    error: errors.ToolkitError,
    answered: bool,  # noqa: FBT001
    goes_on: bool,  # noqa: FBT001
) -> None:
    attempts = Attempts(addresses, as_seed=False)
    assert attempts.lets_go_on(error, answered=answered) is goes_on
    assert attempts.failed(error, answered=answered) is goes_on
    assert attempts.address is addresses[int(goes_on)]


# -- what is reported in the end ---------------------------------------------------------------------------------

Failure = tuple[str, bool]
"""The message, which begins with ``no-support`` for that code, and whether the endpoint had answered."""


def reported(failures: Sequence[Failure], *, as_seed: bool, mirrors: bool = False) -> str:
    addresses = [
        EndpointAddress(f"https://{number}", "verified", must_say_version=not mirrors, mirror=mirrors)
        for number in range(len(failures))
    ]
    attempts = Attempts(addresses, as_seed=as_seed)
    for number, (message, answered) in enumerate(failures):
        assert attempts.address.url == f"https://{number}"
        code = NO_SUPPORT if message.startswith(NO_SUPPORT) else None
        goes_on = attempts.failed(errors.SourceError(message, code=code), answered=answered)
        assert goes_on is (number + 1 < len(failures))
    return attempts.error.message


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        ([("one", True)], "one"),
        ([("one", False), ("two", False)], "two"),
        ([("one", True), ("two", False)], "two"),
        ([("one", True), ("two", True), ("three", False)], "three"),
        ([("no-support 1", True)], "no-support 1"),
        ([("no-support 1", True), ("no-support 2", True)], "no-support 2"),
        ([("no-support 1", True), ("two", False)], "two"),
        ([("one", False), ("no-support 2", True)], "one"),
        ([("one", False), ("no-support 2", True), ("three", False)], "three"),
        ([("one", False), ("no-support 2", True), ("no-support 3", True)], "one"),
        ([("no-support 1", True), ("two", False), ("no-support 3", True)], "two"),
    ],
)
def test_docker_reported_the_last_error_unless_it_was_no_support(failures: list[Failure], message: str) -> None:
    assert reported(failures, as_seed=True) == message


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        ([("one", True)], "one"),
        ([("one", False), ("two", False)], "two"),
        ([("one", False), ("two", True)], "two"),
        ([("one", True), ("two", False)], "one"),
        ([("one", True), ("two", True)], "two"),
        ([("one", False), ("two", True), ("three", False)], "two"),
        ([("one", True), ("two", False), ("three", True)], "three"),
        ([("one", True), ("two", True), ("three", False)], "two"),
    ],
)
def test_an_answer_is_never_hidden_behind_a_host_that_could_not_be_reached(failures: list[Failure], message: str) -> None:
    assert reported(failures, as_seed=False, mirrors=True) == message


def test_an_error_that_ends_it_is_the_one_reported() -> None:
    attempts = Attempts([A, B, C], as_seed=True)
    assert attempts.failed(errors.UnreachableError("one"), answered=False)
    last = stopping(errors.NotFoundError("two"))
    assert not attempts.failed(last, answered=True)
    assert attempts.error is last
    assert attempts.address is B


# -- as Docker 1.9's own code said -------------------------------------------------------------------------------


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['name'][:40]!r}-{number}") for number, case in enumerate(oracle(name))]


@needs_vectors
@pytest.mark.parametrize("case", [case for case in cases("repository_names.json") if "endpoints" in case.values[0]["result"]])
def test_the_list_is_docker_s(case: dict[str, Any]) -> None:
    """With the old protocol, and with the mirrors where there are some."""
    expected = case["result"]["endpoints"]
    assert expected
    registry = case["result"]["index_name"]
    mirrors = tuple(one["url"] for one in expected if one["mirror"])
    found = endpoints(registry, Network(legacy=True, mirrors=mirrors))
    assert [(one.url, one.version, one.mirror, one.must_say_version) for one in found] == [
        (one["url"].rstrip("/"), one["version"], one["mirror"], bool(one["version_header"])) for one in expected
    ]
    if not mirrors:
        assert [one.tls != "verified" for one in found] == [one["insecure_skip_verify"] for one in expected]
        assert is_loopback(registry) is not case["result"]["index_secure"]


@needs_vectors
@pytest.mark.parametrize("case", cases("http_error_mapping.json"))
def test_going_on_is_docker_s(case: dict[str, Any]) -> None:
    """Where Docker 1.9 crashed, nothing is tried."""
    status, body = case["status"], base64.b64decode(case["body_b64"])
    error = error_answer(status, http.HTTPStatus(status).phrase, body, url="https://a/v2/x", what="manifest x")
    goes_on = case["result"]["continue_on_error"]
    assert error.fallback is (goes_on is True)
    assert Attempts([A, B], as_seed=True).lets_go_on(error, answered=True) is (goes_on is True)


# -- whole visits ------------------------------------------------------------------------------------------------


class Handmade(RegistrySource):
    """A registry whose endpoints the test names."""

    def __init__(self, registry: str, *addresses: EndpointAddress, network: Network | None = None) -> None:
        super().__init__(registry)
        self._addresses = addresses
        self._own = RegistryState(network or Network(), Allowance())

    def connect(self, repository: Repository, *, as_seed: bool = False, accept: str | None = None) -> RegistryConnection:
        """Start a visit to those."""
        return RegistryConnection(list(self._addresses), repository, self._own, credentials=None, as_seed=as_seed, accept=accept)


def plain_http(host: str, *, mirror: bool = False) -> EndpointAddress:
    return EndpointAddress(f"http://{host}", "none", must_say_version=not mirror, mirror=mirror)


def tried(report: Any) -> list[tuple[str, bool, str, bool]]:
    rows = report.endpoints.itertuples()
    return [(row.url.partition("://")[2], row.mirror, row.outcome, row.fallback) for row in rows]


UNKNOWN: Final = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
OUTRIGHT: Final = b'{"errors":[{"code":"NAME_UNKNOWN","message":"who?"}]}'
MANIFEST: Final = "/v2/teach/clean/manifests/1"


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_mirror_that_has_it_is_enough(server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, policy: str) -> None:
    server.routes = [Route(path="/v2/"), *routes_of(clean_image())[1:]]  # a mirror need not say its version
    source = Handmade("r.test", plain_http(server.host, mirror=True), plain_http(stranger.host))
    report = tk.pull("r.test/teach/clean:1", graph, source=source, policy=policy)
    assert report.outcome == "accepted"
    assert tried(report) == [(server.host, True, "used", False)]
    assert stranger.seen == []


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize(
    "answer",
    [
        Route(path=MANIFEST, status=404, body=UNKNOWN),
        Route(path=MANIFEST, status=404, body=b"404 page not found"),
        Route(path=MANIFEST, status=500, body=b"oops"),
        Route(path=MANIFEST, status=401, body=b"who are you?"),
        Route(path=MANIFEST, body=b'{"schemaVersion":1}'),
        Route(path=MANIFEST, body=b"not JSON"),
    ],
)
def test_a_mirror_that_has_it_not_is_left_for_the_origin(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, answer: Route, policy: str
) -> None:
    stranger.routes = [answer, Route(path="/v2/")]
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(stranger.host, mirror=True), plain_http(server.host))
    report = tk.pull("r.test/teach/clean:1", graph, source=source, policy=policy)
    assert report.outcome == "accepted"
    assert tried(report) == [
        (stranger.host, True, "used", False),
        (stranger.host, True, "left", True),
        (server.host, False, "used", False),
    ]
    assert report.endpoints["reason"].tolist()[1]
    assert len(graph) == len(clean_image().document["fsLayers"])


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_mirror_nobody_answers_at_is_passed_over(server: ScriptedServer, graph: tk.Graph, policy: str) -> None:
    gone = nobody()
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(gone, mirror=True), plain_http(server.host))
    report = tk.pull("r.test/teach/clean:1", graph, source=source, policy=policy)
    assert report.outcome == "accepted"
    assert tried(report) == [(gone, True, "failed", True), (server.host, False, "used", False)]


def test_a_mirror_that_says_no_outright_ends_it_for_docker_and_not_for_us(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph
) -> None:
    stranger.routes = [Route(path=MANIFEST, status=404, body=OUTRIGHT), Route(path="/v2/")]
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(stranger.host, mirror=True), plain_http(server.host))
    with pytest.raises(errors.NotFoundError, match="who"):
        tk.pull("r.test/teach/clean:1", graph, source=source, policy="docker-1.9")
    assert server.seen == []
    assert tk.pull("r.test/teach/clean:1", graph, source=source).outcome == "accepted"


@pytest.mark.parametrize(
    ("policy", "kind"), [("strict", errors.NotFoundError), ("docker-1.9", errors.UnreachableError)], ids=["strict", "docker-1.9"]
)
def test_what_a_mirror_said_is_not_hidden_behind_an_origin_nobody_reaches(
    stranger: ScriptedServer, graph: tk.Graph, policy: str, kind: type[errors.ToolkitError]
) -> None:
    stranger.routes = [Route(path=MANIFEST, status=404, body=UNKNOWN), Route(path="/v2/")]
    gone = nobody()
    source = Handmade("r.test", plain_http(stranger.host, mirror=True), plain_http(gone))
    with pytest.raises(kind) as caught:
        tk.pull("r.test/teach/clean:1", graph, source=source, policy=policy)
    assert type(caught.value) is kind
    assert tried(caught.value.report) == [
        (stranger.host, True, "used", False),
        (stranger.host, True, "left", True),
        (gone, False, "failed", True),
    ]
    assert len(graph) == 0


@pytest.mark.parametrize(("policy", "asked"), [("strict", 0), ("docker-1.9", 2)])
def test_nothing_weaker_is_asked_once_an_endpoint_answered(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, policy: str, asked: int
) -> None:
    """The first endpoint stands for https, the second for plain http; Docker 1.9 fell from one to the other."""
    stranger.routes = [Route(path=MANIFEST, status=404, body=UNKNOWN), Route(path="/v2/", headers=VERSION)]
    server.routes = [Route(path=MANIFEST, status=500), Route(path="/v2/", headers=VERSION)]
    source = Handmade("r.test", plain_http(stranger.host), plain_http(server.host))
    with pytest.raises(errors.SourceError) as caught:
        tk.pull("r.test/teach/clean:1", graph, source=source, policy=policy)
    assert isinstance(caught.value, errors.NotFoundError) is (policy == "strict")
    assert len(server.seen) == asked
    assert [outcome for _, _, outcome, _ in tried(caught.value.report)] == ["used", "left", "used"][: 1 + asked]


def test_every_mirror_is_tried_before_the_origin(server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph) -> None:
    gone = nobody()
    stranger.routes = [Route(path="/v2/")]
    server.routes = routes_of(clean_image())
    addresses = [plain_http(host, mirror=True) for host in (gone, stranger.host)]
    report = tk.pull("r.test/teach/clean:1", graph, source=Handmade("r.test", *addresses, plain_http(server.host)))
    assert [outcome for _, _, outcome, _ in tried(report)] == ["failed", "used", "left", "used"]
    assert [one.target for one in stranger.seen] == ["/v2/", MANIFEST]


def test_inspecting_falls_back_to_the_origin_too(server: ScriptedServer, stranger: ScriptedServer) -> None:
    stranger.routes = [Route(path="/v2/")]
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(stranger.host, mirror=True), plain_http(server.host))
    report = tk.inspect("r.test/teach/clean:1", source=source)
    assert report.outcome == "accepted"
    assert [outcome for _, _, outcome, _ in tried(report)] == ["used", "left", "used"]


def test_a_mirror_of_docker_hub_is_asked_before_it(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = [Route(path="/v2/"), *routes_of(clean_image())[1:]]
    source = tk.open_source("docker.io", mirrors=[f"http://{server.host}/"])
    report = tk.pull("teach/clean:1", graph, source=source)
    assert report.outcome == "accepted"
    assert tried(report) == [(server.host, True, "used", False)]


@pytest.mark.parametrize(
    "mirror", ["m.example", "", "ftp://m.example", "//m.example", "https://", "m.example:5000", "file:///tmp"]
)
def test_a_mirror_that_is_no_url_is_a_mistake_of_the_caller(mirror: str) -> None:
    with pytest.raises(errors.UsageError):
        tk.open_source("docker.io", mirrors=[mirror])


# -- one visit ---------------------------------------------------------------------------------------------------


def test_a_next_endpoint_is_there_only_after_one_that_answered(server: ScriptedServer, stranger: ScriptedServer) -> None:
    stranger.routes = [Route(path="/v2/")]
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(stranger.host, mirror=True), plain_http(server.host))
    with source.connect(resolve_repository("r.test/teach/clean")) as connection:
        early = errors.SourceError("nothing was asked yet")
        assert connection.next_endpoint(early) is early
        with pytest.raises(errors.NotFoundError) as caught:
            connection.manifest(ASKED)
        assert connection.next_endpoint(caught.value) is None
        assert connection.manifest(ASKED).body == clean_image().body
        last = errors.NotFoundError("and then?")
        assert connection.next_endpoint(last) is last
        rows, _ = exchanges(connection)
    assert [(row.outcome, row.fallback) for row in rows] == [("used", False), ("left", True), ("used", False)]


@pytest.mark.parametrize("as_seed", [True, False])
def test_what_an_endpoint_said_once_is_not_asked_again_by_us(server: ScriptedServer, as_seed: bool) -> None:  # noqa: FBT001
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(server.host))
    for _ in range(2):
        with source.connect(resolve_repository("r.test/teach/clean"), as_seed=as_seed) as connection:
            connection.manifest(ASKED)
    assert [one.target for one in server.seen].count("/v2/") == (2 if as_seed else 1)


def test_visits_share_connections_while_anybody_visits(server: ScriptedServer) -> None:
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(server.host))
    repository = resolve_repository("r.test/teach/clean")
    with source.connect(repository) as outer:
        outer.manifest(ASKED)
        with source.connect(repository) as inner:
            inner.manifest(ASKED)
            assert inner._transport is outer._transport
        outer.manifest(ASKED)
    with source.connect(repository) as later:
        later.manifest(ASKED)
        assert later._transport is not outer._transport


def test_a_visit_that_was_stopped_asks_nothing(server: ScriptedServer) -> None:
    server.routes = routes_of(clean_image())
    source = Handmade("r.test", plain_http(server.host))
    repository = resolve_repository("r.test/teach/clean")
    with source.connect(repository) as stopped, source.connect(repository) as other:
        stopped.abort()  # before it has a transport
        with pytest.raises(errors.UnreachableError, match="stopped"):
            stopped.manifest(ASKED)
        assert server.seen == []
        other.manifest(ASKED)
        stopped.abort()
        other.manifest(ASKED)
        other.abort()
        with pytest.raises(errors.UnreachableError, match="stopped"):
            other.manifest(ASKED)
