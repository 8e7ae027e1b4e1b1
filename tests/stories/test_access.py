"""Secrets reach who they are meant for, and stand in nothing that is kept or shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from support.artefacts import everything_kept, everything_shown
from support.routes import VERSION, challenge, routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.simulator.teaching import clean_image

IMAGE: Final = clean_image()
TOP: Final = IMAGE.document["fsLayers"][0]["blobSum"]
MANIFEST: Final = "/v2/teach/clean/manifests/1"
BLOB: Final = f"/v2/teach/clean/blobs/{TOP}"
PASSWORD: Final = "canary-password-9f31"
TOKEN: Final = "canary-token-77c2"
SIGNATURE: Final = "canary-signature-e0b4"
REALM_KEY: Final = "canary-realm-key-51aa"
PAIR: Final = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
CANARIES: Final = (PASSWORD, TOKEN, SIGNATURE, REALM_KEY, PAIR)

BASIC: Final = challenge('Basic realm="here"')
BEARER: Final = challenge(f'Bearer realm="http://{{HOST}}/token?api_key={REALM_KEY}",service="here"')
GOOD_TOKEN: Final = Route(path="/token", body=json.dumps({"token": TOKEN}).encode())


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A registry to be scripted."""
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def stranger() -> Iterator[ScriptedServer]:
    """Another host."""
    with ScriptedServer() as started:
        yield started


def pull(server: ScriptedServer, graph: tk.Graph, policy: str) -> tk.Report | tk.ToolkitError:
    try:
        return tk.pull(f"{server.host}/teach/clean:1", graph, policy=policy, username="ada", password=PASSWORD)
    except tk.ToolkitError as error:
        return error


def basic(*first: Route) -> list[Route]:
    return [*first, *routes_of(IMAGE, BASIC, if_authorization=f"Basic {PAIR}")]


def bearer(*first: Route) -> list[Route]:
    return [*first, GOOD_TOKEN, *routes_of(IMAGE, BEARER, if_authorization=f"Bearer {TOKEN}")]


Script = Callable[[str], list[Route]]
"""Given another host, the routes of the registry."""

FINE: Final[dict[str, Script]] = {
    "basic": lambda other: basic(),
    "bearer": lambda other: bearer(),
    "a blob on a signed URL": lambda other: bearer(
        Route(path=BLOB, status=307, headers={"Location": f"http://{other}/cdn?X-Sig={SIGNATURE}"})
    ),
}
FAILING: Final[dict[str, Script]] = {
    "a refused password": lambda other: [BASIC, Route(path=MANIFEST, status=401, body=b'{"errors":[{"code":"UNAUTHORIZED"}]}')],
    "a refused token": lambda other: [BEARER, GOOD_TOKEN, Route(path=MANIFEST, status=403, body=b"no")],
    "a token server that says no": lambda other: bearer(Route(path="/token", status=401, body=b"no")),
    "a token server that moved": lambda other: bearer(
        Route(path="/token", status=302, headers={"Location": f"http://{other}/?key={SIGNATURE}"})
    ),
    "a token nobody can read": lambda other: bearer(Route(path="/token", body=f'{{"token":"{TOKEN}'.encode())),
    "a token that would split a header": lambda other: bearer(
        Route(path="/token", body=json.dumps({"token": f"{TOKEN}\r\nX: y"}).encode())
    ),
    "a realm on another host": lambda other: [
        challenge(f'Bearer realm="http://{other}/token?api_key={REALM_KEY}"'),
        *routes_of(IMAGE)[1:],
    ],
    "a signed URL that is gone": lambda other: bearer(
        Route(path=BLOB, status=307, headers={"Location": f"http://{other}/gone?X-Sig={SIGNATURE}"})
    ),
    "a signed URL to a weaker place": lambda other: bearer(
        Route(path=BLOB, status=307, headers={"Location": f"ftp://{other}/x?X-Sig={SIGNATURE}"})
    ),
    "signed URLs in a circle": lambda other: bearer(
        Route(path=MANIFEST, status=307, headers={"Location": f"{MANIFEST}?X-Sig={SIGNATURE}"})
    ),
    "a coded answer from a signed URL": lambda other: bearer(
        Route(path=MANIFEST, status=307, headers={"Location": f"/coded?X-Sig={SIGNATURE}"}),
        Route(path="/coded", headers={"Content-Encoding": "br"}, body=b"x"),
    ),
    "a manifest cut short on a signed URL": lambda other: bearer(
        Route(path=MANIFEST, status=307, headers={"Location": f"/cut?X-Sig={SIGNATURE}"}),
        Route(path="/cut", headers={"Content-Length": "999"}, body=b"x"),
    ),
}


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize("name", [*FINE, *FAILING])
def test_no_secret_is_shown_or_kept(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, name: str, policy: str
) -> None:
    server.routes = (FINE | FAILING)[name](stranger.host)
    stranger.routes = [Route(path="/cdn", body=IMAGE.blobs[TOP])]
    outcome = pull(server, graph, policy)
    assert isinstance(outcome, tk.Report) == (name in FINE)
    sent = repr(server.seen) + repr(stranger.seen)
    assert any(canary in sent for canary in CANARIES) or name == "a realm on another host"  # the trap was set
    shown, kept = everything_shown(outcome), everything_kept(graph.layout.root)
    assert b'"table":"requests"' in kept
    for canary in CANARIES:
        assert canary not in shown, canary
        assert canary.encode() not in kept, canary


@pytest.mark.parametrize("name", [*FINE, *FAILING])
def test_no_secret_of_the_user_s_goes_to_another_host(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, name: str
) -> None:
    server.routes = (FINE | FAILING)[name](stranger.host)
    stranger.routes = [Route(path="/cdn", body=IMAGE.blobs[TOP])]
    pull(server, graph, "strict")
    received = repr(stranger.seen)
    for secret in (PASSWORD, PAIR, TOKEN):
        assert secret not in received, secret


def test_the_names_of_hidden_values_stay_so_that_a_reader_knows_what_was_there(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph
) -> None:
    server.routes = FINE["a blob on a signed URL"](stranger.host)
    stranger.routes = [Route(path="/cdn", body=IMAGE.blobs[TOP])]
    report = pull(server, graph, "strict")
    assert isinstance(report, tk.Report)
    urls = report.requests["url"].tolist()
    assert f"http://{stranger.host}/cdn?X-Sig=REDACTED" in urls
    scope = "scope=repository%3Ateach%2Fclean%3Apull"
    assert f"http://{server.host}/token?account=ada&api_key=REDACTED&{scope}&service=here" in urls


def test_a_call_without_credentials_sends_none(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_of(IMAGE)
    report = tk.pull(f"{server.host}/teach/clean:1", graph)
    assert not report.requests["authorized"].any()
    assert not any("Authorization" in one.headers for one in server.seen)


def test_a_password_is_sent_to_the_registry_that_was_typed_and_to_no_other_spelling(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph
) -> None:
    """A ping that is redirected to another host, which asks for the password: it does not get it."""
    server.routes = [
        Route(path="/v2/", status=307, headers={"Location": f"http://{stranger.host}/v2/"}),
        *routes_of(IMAGE)[1:],
    ]
    stranger.routes = [Route(path="/v2/", status=401, headers={**VERSION, "WWW-Authenticate": "Basic"})]
    pull(server, graph, "strict")
    assert stranger.seen
    assert PAIR not in repr(stranger.seen)
