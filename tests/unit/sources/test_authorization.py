"""Tokens and passwords: asked for once, renewed once, shown to nobody the user did not mean."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from support.routes import VERSION, challenge, exchanges, routes_of, visit
from support.scripted_server import Route, ScriptedServer, Seen

import toolkit as tk
from toolkit.references import resolve_repository
from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.teaching import clean_image
from toolkit.sources.credentials import Credentials
from toolkit.sources.registry import RegistrySource
from toolkit.sources.registry_connection import RegistryConnection
from toolkit.sources.static_registry import Answer

IMAGE = clean_image()
BEARER = 'Bearer realm="http://{HOST}/token",service="the registry"'
PAIR = "Basic " + base64.b64encode(b"ada:opensesame").decode()
ASKED = tk.Reference.parse("127.0.0.1:5000/teach/clean:1")


def tokens(*bodies: bytes, status: int = 200) -> list[Route]:
    return [Route(path="/token", status=status, body=body) for body in bodies]


def guarded_by(authorization: str, *asked: str) -> list[Route]:
    return routes_of(IMAGE, challenge(*asked), if_authorization=authorization)


def sent(server: ScriptedServer, path: str) -> list[Seen]:
    return [one for one in server.seen if urlsplit(one.target).path == path]


def refusal(connection: RegistryConnection) -> tk.errors.UnauthorizedError:
    with connection, pytest.raises(tk.errors.UnauthorizedError) as caught:
        connection.manifest(ASKED)
    return caught.value


def text_of(server: ScriptedServer, words: str) -> str:
    return f"Get http://{server.host}/v2/teach/clean/manifests/1: {words}"


def test_nothing_is_shown_to_a_registry_that_asks_for_nothing(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    with visit(server, username="ada", password="opensesame") as connection:
        connection.manifest(ASKED)
        _, rows = exchanges(connection)
    assert [one.headers.get("Authorization") for one in server.seen] == [None, None]
    assert not any(row.authorized for row in rows)


@pytest.mark.parametrize(("username", "password"), [("", ""), ("ada", ""), ("", "opensesame")])
def test_a_token_is_asked_for_anonymously_without_a_whole_pair(server: ScriptedServer, username: str, password: str) -> None:
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server, username=username, password=password) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body
    (request,) = sent(server, "/token")
    assert request.target == "/token?scope=repository%3Ateach%2Fclean%3Apull&service=the+registry"
    assert "Authorization" not in request.headers


def test_a_token_is_asked_for_with_the_pair_and_the_account(server: ScriptedServer) -> None:
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server, username="ada", password="opensesame") as connection:
        connection.manifest(ASKED)
    (request,) = sent(server, "/token")
    assert request.headers["Authorization"] == PAIR
    assert dict(parse_qsl(urlsplit(request.target).query)) == {
        "account": "ada",
        "scope": "repository:teach/clean:pull",
        "service": "the registry",
    }


def test_the_query_of_the_realm_is_kept_and_sorted_in(server: ScriptedServer) -> None:
    realm = 'Bearer realm="http://{HOST}/token?zone=1&area=&scope=all"'
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", realm)]
    with visit(server) as connection:
        connection.manifest(ASKED)
    assert sent(server, "/token")[0].target == "/token?area=&scope=all&scope=repository%3Ateach%2Fclean%3Apull&zone=1"


def test_one_token_serves_a_whole_pull(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    report = tk.pull(f"{server.host}/teach/clean:1", graph)
    assert report.outcome == "accepted"
    assert len(sent(server, "/token")) == 1
    resources = [one for one in server.seen if one.target.startswith("/v2/teach/")]
    assert len(resources) == 4
    assert {one.headers.get("Authorization") for one in resources} == {"Bearer t-1"}
    rows = report.requests.query("status.notna()")
    asked = rows["url"].str.contains("/v2/teach/")
    assert rows["authorized"].tolist() == asked.tolist()


def test_a_password_is_shown_to_a_registry_that_asks_for_basic(server: ScriptedServer) -> None:
    server.routes = guarded_by(PAIR, 'Basic realm="here"')
    with visit(server, username="ada", password="opensesame") as connection:
        assert connection.manifest(ASKED).body == IMAGE.body


@pytest.mark.parametrize(("username", "password"), [("", ""), ("ada", ""), ("", "opensesame")])
def test_basic_needs_both_halves(server: ScriptedServer, username: str, password: str) -> None:
    server.routes = guarded_by(PAIR, 'Basic realm="here"')
    error = refusal(visit(server, username=username, password=password))
    assert error.message == text_of(server, "no basic auth credentials")
    assert "--password-stdin" in error.next_step
    assert [one.target for one in server.seen] == ["/v2/"]


def test_a_name_and_a_password_are_sent_as_utf8(server: ScriptedServer) -> None:
    pair = "Basic " + base64.b64encode("ädä:öpen:sesame".encode()).decode()
    server.routes = guarded_by(pair, "Basic")
    with visit(server, username="ädä", password="öpen:sesame") as connection:
        assert connection.manifest(ASKED).body == IMAGE.body


class Both:
    """A registry that asks for a token and a password at once, which no mapping of headers can say."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.url.path, request.headers.get("Authorization")))
        if request.url.path == "/v2/":
            asked = [("WWW-Authenticate", 'Basic realm="b"'), ("WWW-Authenticate", 'Bearer realm="http://localhost/token"')]
            return httpx.Response(401, headers=[*VERSION.items(), *asked], stream=httpx.ByteStream(b""))
        body = b'{"token":"t-1"}' if request.url.path == "/token" else IMAGE.body
        return httpx.Response(200, stream=httpx.ByteStream(body))

    def visit(self, credentials: Credentials | None) -> RegistryConnection:
        source = RegistrySource("localhost", credentials=credentials, transport=httpx.MockTransport(self))
        return source.connect(resolve_repository("localhost/teach/clean"))


def test_basic_comes_after_bearer_and_wins() -> None:
    both = Both()
    with both.visit(Credentials("ada", "opensesame")) as connection:
        connection.manifest(ASKED)
    assert both.seen == [("/v2/", None), ("/token", PAIR), ("/v2/teach/clean/manifests/1", PAIR)]


def test_a_token_does_not_make_up_for_a_missing_password() -> None:
    both = Both()
    assert refusal(both.visit(None)).message.endswith(": no basic auth credentials")
    assert both.seen == [("/v2/", None), ("/token", None)]


def test_access_token_is_understood_by_strict_only(server: ScriptedServer) -> None:
    server.routes = [*tokens(b'{"access_token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body
    error = refusal(visit(server, as_seed=True))
    assert error.message == text_of(server, "authorization server did not include a token in the response")


@pytest.mark.parametrize("as_seed", [False, True])
def test_token_counts_before_access_token(server: ScriptedServer, as_seed: bool) -> None:  # noqa: FBT001
    server.routes = [*tokens(b'{"access_token":"other","token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server, as_seed=as_seed) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body


def test_a_token_server_that_refuses_is_quoted_with_its_status(server: ScriptedServer) -> None:
    server.routes = [*tokens(b"go away", status=401), *guarded_by("Bearer t-1", BEARER)]
    error = refusal(visit(server, username="ada", password="wrong"))
    url = f"http://{server.host}/token?account=ada&scope=repository%3Ateach%2Fclean%3Apull&service=the+registry"
    words = f"token auth attempt for registry: {url} request failed with status: 401 Unauthorized"
    assert error.message == text_of(server, words)
    assert len(sent(server, "/token")) == 1
    assert sent(server, "/v2/teach/clean/manifests/1") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "unable to decode token response: "),
        (b"<html>", "unable to decode token response: "),
        (b"[]", "unable to decode token response: "),
        (b"[" * 60_000, "unable to decode token response: "),
        (b"\xff", "unable to decode token response: "),
        (b"{}", "authorization server did not include a token in the response"),
        (b'{"token":""}', "authorization server did not include a token in the response"),
        (b'{"token":7}', "authorization server did not include a token in the response"),
        (b'{"token":["t-1"]}', "authorization server did not include a token in the response"),
        (b'{"token":"t\\r\\nX-Injected: 1"}', "authorization server did not include a token in the response"),
        ('{"token":"ü"}'.encode(), "authorization server did not include a token in the response"),
        (b'{"token":"' + b"t" * 70_000 + b'"}', "a token answer is larger than 65536 bytes"),
    ],
)
def test_an_answer_without_a_usable_token_is_refused(server: ScriptedServer, body: bytes, words: str) -> None:
    server.routes = [*tokens(body), *guarded_by("Bearer t-1", BEARER)]
    error = refusal(visit(server))
    assert error.message.startswith(text_of(server, words))
    assert sent(server, "/v2/teach/clean/manifests/1") == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("Bearer", "no realm specified for token auth challenge"),
        ('Bearer service="s"', "no realm specified for token auth challenge"),
        ('Bearer realm="ftp://h/token"', "invalid token auth challenge realm: 'ftp://h/token'"),
        ('Bearer realm="/token"', "invalid token auth challenge realm: '/token'"),
        ('Bearer realm="http://auth.example/token"', "a token is not asked for over plain http from auth.example"),
        ('Bearer realm="http://127.0.0.1@auth.example/token"', "a token is not asked for over plain http from auth.example"),
    ],
)
def test_a_realm_that_cannot_be_asked_is_not_asked(server: ScriptedServer, asked: str, words: str) -> None:
    server.routes = guarded_by("Bearer t-1", asked)
    error = refusal(visit(server, username="ada", password="opensesame"))
    assert error.message == text_of(server, words)
    assert [one.target for one in server.seen] == ["/v2/"]


def test_a_token_request_follows_no_redirect(server: ScriptedServer, stranger: ScriptedServer) -> None:
    server.routes = [
        Route(path="/token", status=302, headers={"Location": f"http://{stranger.host}/token"}),
        *guarded_by("Bearer t-1", BEARER),
    ]
    error = refusal(visit(server, username="ada", password="opensesame"))
    assert error.message.startswith(text_of(server, "unable to decode token response: "))
    assert stranger.seen == []


def test_the_password_does_not_go_to_a_realm_on_another_host(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph
) -> None:
    stranger.routes = tokens(b'{"token":"t-1"}')
    server.routes = guarded_by("Bearer t-1", f'Bearer realm="http://{stranger.host}/token"')
    with pytest.raises(tk.errors.UnauthorizedError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph, username="ada", password="opensesame")
    assert stranger.seen == []
    assert caught.value.message == text_of(
        server, f"your password is for {server.host}, and the registry wants it sent to {stranger.host}"
    )
    assert caught.value.next_step == f"if you trust that host: --allow-realm {stranger.host}"
    assert caught.value.report.outcome == "undecided"


def test_the_password_goes_to_a_realm_the_user_allowed(server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph) -> None:
    stranger.routes = tokens(b'{"token":"t-1"}')
    server.routes = guarded_by("Bearer t-1", f'Bearer realm="http://{stranger.host}/token"')
    report = tk.pull(f"{server.host}/teach/clean:1", graph, username="ada", password="opensesame", realms=[stranger.host])
    assert report.outcome == "accepted"
    assert [one.headers.get("Authorization") for one in stranger.seen] == [PAIR]


@pytest.mark.parametrize("allowed", ["127.0.0.1", "localhost", "", "other.example"])
def test_another_spelling_of_a_host_allows_nothing(server: ScriptedServer, stranger: ScriptedServer, allowed: str) -> None:
    server.routes = guarded_by("Bearer t-1", f'Bearer realm="http://{stranger.host}/token"')
    refusal(visit(server, username="ada", password="opensesame", realms=[allowed]))
    assert stranger.seen == []


def test_a_host_hidden_behind_a_user_name_is_the_host_that_counts(server: ScriptedServer, stranger: ScriptedServer) -> None:
    server.routes = guarded_by("Bearer t-1", f'Bearer realm="http://{server.host}@{stranger.host}/token"')
    error = refusal(visit(server, username="ada", password="opensesame"))
    assert stranger.host in error.message
    assert stranger.seen == []


def test_an_anonymous_token_may_be_asked_of_another_host(server: ScriptedServer, stranger: ScriptedServer) -> None:
    stranger.routes = tokens(b'{"token":"t-1"}')
    server.routes = guarded_by("Bearer t-1", f'Bearer realm="http://{stranger.host}/token"')
    with visit(server) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body
    assert [one.headers.get("Authorization") for one in stranger.seen] == [None]


class Forgetful:
    """A registry that hands out numbered tokens and takes only the one of a given number."""

    def __init__(self, good: int) -> None:
        self.good = good
        self.given = 0
        self.asked = 0

    def __call__(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        path = urlsplit(target).path
        if path == "/v2/":
            realm = f'Bearer realm="http://{headers["Host"]}/token"'
            return self._with(401, b"", {**VERSION, "WWW-Authenticate": realm})
        if path == "/token":
            self.given += 1
            return self._with(200, b'{"token":"t-%d"}' % self.given, {})
        self.asked += 1
        if headers.get("Authorization") == f"Bearer t-{self.good}":
            return self._with(200, IMAGE.body, {})
        return self._with(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"token expired"}]}', {})

    def _with(self, status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
        return Answer(status, {"Content-Length": str(len(body)), **headers}, body)


def visit_forgetful(server: LoopbackServer, *, as_seed: bool) -> RegistryConnection:
    return RegistrySource(server.host).connect(resolve_repository(f"{server.host}/teach/clean"), as_seed=as_seed)


def test_an_expired_token_is_renewed_once() -> None:
    registry = Forgetful(good=2)
    with LoopbackServer(registry) as server, visit_forgetful(server, as_seed=False) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body
        _, rows = exchanges(connection)
    assert (registry.given, registry.asked) == (2, 2)
    assert [row.status for row in rows if row.url.endswith("/manifests/1")] == [401, 200]
    assert sum("/token" in row.url for row in rows) == 2


def test_a_registry_that_refuses_every_token_is_not_asked_for_ever() -> None:
    registry = Forgetful(good=99)
    with LoopbackServer(registry) as server:
        error = refusal(visit_forgetful(server, as_seed=False))
    assert error.message == "unauthorized: token expired"
    assert (registry.given, registry.asked) == (2, 2)


def test_docker_did_not_renew_a_token() -> None:
    registry = Forgetful(good=2)
    with LoopbackServer(registry) as server:
        error = refusal(visit_forgetful(server, as_seed=True))
    assert error.message == "unauthorized: token expired"
    assert (registry.given, registry.asked) == (1, 1)


def test_a_pair_does_not_print_its_password() -> None:
    assert "opensesame" not in repr(Credentials("ada", "opensesame"))
    assert "ada" in repr(Credentials("ada", "opensesame"))


def test_docker_hub_has_a_token_host_of_its_own() -> None:
    pair = Credentials("ada", "opensesame")
    assert pair.may_go_to("auth.docker.io", registry="docker.io")
    assert not pair.may_go_to("auth.docker.io", registry="lab.example")
    assert not pair.may_go_to("auth.docker.io:444", registry="docker.io")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(
    server: ScriptedServer, stranger: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://{stranger.host}")
    monkeypatch.setenv(name.lower(), f"http://{stranger.host}")
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server) as connection:
        connection.manifest(ASKED)
    assert stranger.seen == []


def test_a_netrc_file_is_not_read(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, graph: tk.Graph) -> None:
    graph.prepare()
    netrc = graph.layout.root / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password opensesame\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.routes = [*tokens(b'{"token":"t-1"}'), *guarded_by("Bearer t-1", BEARER)]
    with visit(server) as connection:
        connection.manifest(ASKED)
    assert PAIR not in [one.headers.get("Authorization") for one in server.seen]


def test_a_cookie_is_not_given_back(server: ScriptedServer) -> None:
    ping = challenge(BEARER, headers={**VERSION, "Set-Cookie": "session=1; Path=/"})
    server.routes = [*tokens(b'{"token":"t-1"}'), *routes_of(IMAGE, ping, if_authorization="Bearer t-1")]
    with visit(server) as connection:
        connection.manifest(ASKED)
    assert len(server.seen) == 3
    assert not any("Cookie" in one.headers for one in server.seen)
