"""The v1 protocol: put together from what comes, told as unverified, and nothing of it believed."""

from __future__ import annotations

import gc
import hashlib
import json
import tempfile
import threading
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.scripted_server import Route, ScriptedServer

from toolkit.digests import sha256
from toolkit.errors import (
    GraphIOError,
    LimitError,
    NotFoundError,
    RateLimitError,
    RegistryResponseError,
    SourceError,
    UnauthorizedError,
    UnreachableError,
)
from toolkit.manifests.media_types import SCHEMA1
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, Repository, resolve_repository
from toolkit.simulator.images import LayerRecipe, build_image
from toolkit.simulator.server import LoopbackServer
from toolkit.sources import v1_registry
from toolkit.sources.clock import SystemClock
from toolkit.sources.credentials import Credentials
from toolkit.sources.foreign import ForeignTransport
from toolkit.sources.network import Network
from toolkit.sources.protocol import MANIFEST_LIMIT, Connection
from toolkit.sources.sockets import SocketTransport
from toolkit.sources.static_registry import Answer
from toolkit.sources.v1_registry import V1Connection
from toolkit.sources.wire import Wire

NAME = "teach/old"
IMAGE = build_image(
    NAME,
    "1",
    [
        LayerRecipe("ADD base", {"etc/motd": b"welcome\n"}),
        LayerRecipe("RUN greet", {"usr/bin/greet": b"echo hello\n"}),
        LayerRecipe("ENV A=1", {"etc/motd": b"welcome\n"}),
    ],
)
TEXTS: list[str] = [entry["v1Compatibility"] for entry in IMAGE.document["history"]]
IDS: list[str] = [json.loads(text)["id"] for text in TEXTS]
SUMS: list[str] = [entry["blobSum"] for entry in IMAGE.document["fsLayers"]]
TOP, MIDDLE, BASE = IDS
OTHER = "f" * 64
DIGEST = "sha256:" + "a" * 64
USER = Credentials("ada", "opensesame-v1")
OPEN: list[SocketTransport] = []
"""Transports of the running test: a visit does not close what it was given."""


class NoWait(SystemClock):
    """Lets no time pass."""

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Go on at once."""


def old_registry(*, headers: Mapping[str, str] | None = None, if_authorization: str | None = None) -> dict[str, Route]:
    """Serve the image as registries did before digests, by path."""
    bodies: dict[str, Any] = {
        f"/v1/repositories/{NAME}/tags": {"latest": TOP, "1": TOP, "base": BASE},
        **{f"/v1/images/{image}/ancestry": IDS[number:] for number, image in enumerate(IDS)},
    }
    routes = {path: Route(path=path, body=json.dumps(body).encode()) for path, body in bodies.items()}
    for image, text, digest in zip(IDS, TEXTS, SUMS, strict=True):
        routes[f"/v1/images/{image}/json"] = Route(path=f"/v1/images/{image}/json", body=text.encode())
        routes[f"/v1/images/{image}/layer"] = Route(path=f"/v1/images/{image}/layer", body=IMAGE.blobs[digest])
    routes = {path: replace(route, if_authorization=if_authorization) for path, route in routes.items()}
    images = json.dumps([{"id": image} for image in IDS]).encode()
    ping = Route(path="/v1/_ping", body=b"true", headers={"X-Docker-Registry-Version": "0.9.1"})
    listed = Route(path=f"/v1/repositories/{NAME}/images", body=images, headers=headers or {})
    return {route.path: route for route in (ping, listed)} | routes


def served(server: ScriptedServer, changed: Mapping[str, Route] | None = None, **options: Any) -> None:
    server.routes = list({**old_registry(**options), **(changed or {})}.values())


def visit(
    server: ScriptedServer | LoopbackServer,
    *,
    credentials: Credentials | None = None,
    repository: Repository | None = None,
    records: deque[Endpoint | Request] | None = None,
) -> V1Connection:
    transport = SocketTransport(server.host, Network(), verify=True)
    OPEN.append(transport)
    found: deque[Endpoint | Request] = deque() if records is None else records
    wire = Wire(transport, found, user_agent="layerproof/test", clock=NoWait())
    repository = repository or resolve_repository(f"{server.host}/{NAME}")
    return V1Connection(f"http://{server.host}", repository, wire, credentials, records=found)


def asked(tag: str = "1") -> Reference:
    return Reference.parse(f"127.0.0.1:5000/{NAME}:{tag}")


def sent(server: ScriptedServer, end: str) -> list[Mapping[str, str]]:
    return [one.headers for one in server.seen if one.target.endswith(end)]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders go; none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    while OPEN:
        OPEN.pop().close()
    assert list(folder.iterdir()) == []


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# What is handed over


def test_a_manifest_is_put_together_from_what_comes(server: ScriptedServer, temporary: Path) -> None:
    served(server)
    with visit(server) as connection:
        raw = connection.manifest(asked())
        assert [sha256(b"".join(bytes(one) for one in connection.blob(digest).chunks)) for digest in SUMS] == SUMS
        assert connection.blob(SUMS[0]).announced == len(IMAGE.blobs[SUMS[0]])
        assert {path.stat().st_mode & 0o777 for path in files(temporary)} == {0o600}
    document = json.loads(raw.body)
    assert [entry["v1Compatibility"] for entry in document["history"]] == TEXTS
    assert [entry["blobSum"] for entry in document["fsLayers"]] == SUMS
    assert (document["schemaVersion"], document["name"], document["tag"]) == (1, NAME, "1")
    assert document["architecture"] == json.loads(TEXTS[0]).get("architecture", "")
    assert "signatures" not in document
    assert raw.content_type == SCHEMA1
    assert raw.made_from is not None
    assert raw.unsigned_because is not None
    assert raw.made_from.startswith("v1 protocol: unverified ")
    assert raw.unsigned_because.startswith("v1 protocol: unverified,")
    assert (raw.header_digest, raw.accept) == (None, None)


def test_a_text_stays_as_it_came(server: ScriptedServer) -> None:
    odd = TEXTS[2].replace("{", "{ \n\t", 1)[:-1] + ',"comment":"ä\\u00e4 \\/ \U0001f433 1e2","n":1.0}'
    served(server, {f"/v1/images/{BASE}/json": Route(path=f"/v1/images/{BASE}/json", body=odd.encode())})
    with visit(server) as connection:
        document = json.loads(connection.manifest(asked("base")).body)
    assert [entry["v1Compatibility"] for entry in document["history"]] == [odd]


def test_layers_are_fetched_once_and_equal_ones_lie_once(server: ScriptedServer, temporary: Path) -> None:
    assert SUMS[0] == SUMS[2]
    served(server)
    with visit(server) as connection:
        first, second = connection.manifest(asked()), connection.manifest(asked())
        connection.manifest(asked("base"))
        assert first == second
        assert len(files(temporary)) == 2
    assert [len(sent(server, f"{image}/layer")) for image in IDS] == [1, 1, 1]
    assert sent(server, "_ping") == []
    assert len(sent(server, "/images")) == 1


def test_a_visit_that_nobody_ends_leaves_nothing(server: ScriptedServer, temporary: Path) -> None:
    served(server)
    connection = visit(server)
    connection.manifest(asked())
    assert files(temporary)
    del connection
    gc.collect()
    assert not files(temporary)


def test_after_its_end_a_visit_fetches_anew(server: ScriptedServer) -> None:
    served(server)
    connection = visit(server)
    for _ in range(2):
        with connection:
            connection.manifest(asked())
        with pytest.raises(NotFoundError, match="unknown blob"):
            connection.blob(SUMS[0])
    assert len(sent(server, f"{TOP}/layer")) == 2


def test_a_large_layer_is_never_in_memory(server: ScriptedServer) -> None:
    body = bytes(32 * 1024 * 1024)
    served(server, {f"/v1/images/{BASE}/layer": Route(path=f"/v1/images/{BASE}/layer", body=body)})
    with visit(server) as connection:
        tracemalloc.start()
        connection.manifest(asked("base"))
        for chunk in connection.blob("sha256:" + hashlib.sha256(body).hexdigest()).chunks:
            assert len(chunk) <= 1024 * 1024
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_tags_come_in_their_order_and_only_if_they_are_tags(server: ScriptedServer) -> None:
    tags = {"z": TOP, "1.24": TOP, "": TOP, "../x": TOP, "a b": TOP, "é": TOP, "a": BASE}
    path = f"/v1/repositories/{NAME}/tags"
    served(server, {path: Route(path=path, body=json.dumps(tags).encode())})
    with visit(server) as connection:
        assert connection.tags() == ["z", "1.24", "a"]


def test_a_name_of_one_part_has_its_tags_in_the_library_as_in_docker(server: ScriptedServer) -> None:
    routes = {
        path: Route(path=path, body=body)
        for path, body in (("/v1/repositories/old/images", b"[]"), ("/v1/repositories/library/old/tags", b'{"1":"x"}'))
    }
    served(server, routes)
    with visit(server, repository=resolve_repository(f"{server.host}/old")) as connection:
        assert connection.tags() == ["1"]


def test_there_is_nothing_else_to_ask(server: ScriptedServer) -> None:
    connection: Connection = visit(server)
    with connection:
        assert connection.endpoint == f"http://{server.host}"
        assert connection.referrers(DIGEST).way == "none"
        assert connection.referrers(DIGEST).reason == "the v1 protocol has no digests"
        error = SourceError("any")
        assert connection.next_endpoint(error) is error
        connection.abort()
        assert connection.drain() == ()
        with pytest.raises(NotFoundError, match="unknown blob"):
            connection.blob(DIGEST)
    assert server.seen == []


def test_rows_of_every_exchange_can_be_had(server: ScriptedServer) -> None:
    served(server)
    with visit(server) as connection:
        connection.manifest(asked("base"))
        rows = [row for row in connection.drain() if isinstance(row, Request)]
        assert connection.drain() == ()
    paths = [f"repositories/{NAME}/images", f"repositories/{NAME}/tags"]
    paths += [f"images/{BASE}/{what}" for what in ("ancestry", "json", "layer")]
    assert [row.url for row in rows] == [f"http://{server.host}/v1/{path}" for path in paths]
    assert not any(row.authorized for row in rows)


# What is not there


def test_by_digest_nothing_can_be_had_and_nothing_is_asked(server: ScriptedServer) -> None:
    with visit(server) as connection, pytest.raises(NotFoundError) as caught:
        connection.manifest(asked().with_digest(DIGEST))
    assert caught.value.message == "Cannot pull by digest with v1 registry"
    assert caught.value.code == "no-support"
    assert caught.value.fallback
    assert server.seen == []


@pytest.mark.parametrize("gone", ["", f"/v1/repositories/{NAME}/images", f"/v1/repositories/{NAME}/tags"])
def test_a_missing_tag_or_repository_is_told_as_docker_did(gone: str, server: ScriptedServer) -> None:
    served(server)
    server.routes = [route for route in server.routes if route.path != gone]
    with visit(server) as connection:
        with pytest.raises(NotFoundError) as caught:
            connection.manifest(asked("absent"))
        assert caught.value.message == f"Error: image {NAME}:absent not found"
        assert not caught.value.fallback
        if gone:
            with pytest.raises(NotFoundError) as caught:
                connection.tags()
            assert caught.value.message == f"Error: image {NAME} not found"


def greeted(status: int, asked_for: list[str]) -> V1Connection:
    """A visit by https to what answers every ping with one status."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked_for.append(request.url.path)
        return httpx.Response(status if request.url.path == "/v1/_ping" else 404)

    wire = Wire(ForeignTransport(httpx.MockTransport(answer)), deque(), user_agent="layerproof/test", clock=NoWait())
    return V1Connection("https://old.example", resolve_repository(f"old.example/{NAME}"), wire, None)


@pytest.mark.parametrize("status", [404, 500, 302, 204])
def test_what_has_no_ping_is_no_v1_registry(status: int) -> None:
    asked_for: list[str] = []
    with greeted(status, asked_for) as connection, pytest.raises(RegistryResponseError) as caught:
        connection.tags()
    assert caught.value.message == "endpoint does not support v1 API"
    assert caught.value.fallback
    assert asked_for == ["/v1/_ping"]


@pytest.mark.parametrize("status", [200, 401])
def test_a_ping_that_wants_a_password_is_a_ping(status: int) -> None:
    asked_for: list[str] = []
    with greeted(status, asked_for) as connection, pytest.raises(NotFoundError):
        connection.tags()
    assert asked_for == ["/v1/_ping", f"/v1/repositories/{NAME}/images"]


def test_over_plain_http_there_is_no_ping_as_in_docker(server: ScriptedServer) -> None:
    served(server, {"/v1/_ping": Route(path="/v1/_ping", status=404)})
    with visit(server) as connection:
        assert connection.tags()
    assert sent(server, "_ping") == []


# Who gets what


TOKEN = 'signature=abc,repository="teach/old",access=read'
WITH_TOKEN = {"X-Docker-Token": TOKEN}


def test_a_token_is_asked_for_with_the_pair_and_shown_afterwards(server: ScriptedServer) -> None:
    served(server, headers=WITH_TOKEN, if_authorization=f"Token {TOKEN}")
    with visit(server, credentials=USER) as connection:
        connection.manifest(asked())
        rows = [row for row in connection.drain() if isinstance(row, Request)]
    (listed,) = sent(server, "/images")
    assert (listed["X-Docker-Token"], listed["Authorization"]) == ("true", USER.basic())
    assert {one.headers.get("X-Docker-Token") for one in server.seen if not one.target.endswith("/images")} == {None}
    assert all(row.authorized for row in rows)
    assert TOKEN not in repr(rows)


def test_without_a_token_the_pair_goes_no_further_over_plain_http(server: ScriptedServer) -> None:
    served(server)
    with visit(server, credentials=USER) as connection:
        connection.manifest(asked())
    assert [one.headers.get("Authorization") for one in server.seen][:2] == [USER.basic(), None]


@pytest.mark.parametrize("credentials", [None, Credentials("ada", ""), Credentials("", "x")])
def test_a_token_is_asked_for_anonymously_without_a_whole_pair(credentials: Credentials | None, server: ScriptedServer) -> None:
    served(server, headers=WITH_TOKEN, if_authorization=f"Token {TOKEN}")
    with visit(server, credentials=credentials) as connection:
        assert connection.tags()
    assert "Authorization" not in sent(server, "/images")[0]


def test_a_pair_for_another_registry_is_not_sent(server: ScriptedServer) -> None:
    served(server)
    repository = resolve_repository(f"registry.example/{NAME}")
    with visit(server, credentials=USER, repository=repository) as connection:
        connection.tags()
    assert not any("Authorization" in one.headers for one in server.seen)


def test_other_endpoints_are_named_and_not_asked(server: ScriptedServer, stranger: ScriptedServer) -> None:
    served(stranger)
    named = f" {stranger.host}, {server.host},,{stranger.host}, evil\x1b[31m.example, {'h' * 200}"
    served(server, headers={"X-Docker-Endpoints": named, **WITH_TOKEN})
    with visit(server) as connection:
        connection.manifest(asked())
        connection.tags()
        rows = [row for row in connection.drain() if isinstance(row, Endpoint)]
    assert stranger.seen == []
    assert [row.url for row in rows] == [
        f"http://{stranger.host}",
        "http://evil\\x1b[31m.example",
        f"http://{'h' * 80}",
    ]
    assert {(row.version, row.outcome, row.tls) for row in rows} == {("v1", "failed", "none")}
    assert rows[0].reason == f"named in X-Docker-Endpoints by {server.host}: another host is not asked"


def test_a_redirected_layer_takes_no_token_along(server: ScriptedServer, stranger: ScriptedServer) -> None:
    path = f"/v1/images/{TOP}/layer"
    stranger.routes = [Route(path="/blob", body=IMAGE.blobs[SUMS[0]])]
    redirect = Route(path=path, status=302, headers={"Location": f"http://{stranger.host}/blob"})
    served(server, {path: redirect}, headers=WITH_TOKEN)
    with visit(server, credentials=USER) as connection:
        assert connection.manifest(asked())
    (got,) = stranger.seen
    assert "Authorization" not in got.headers
    assert "X-Docker-Token" not in got.headers
    assert sent(server, f"{TOP}/layer")[0]["Authorization"] == f"Token {TOKEN}"


def test_a_stranger_s_token_and_endpoints_are_not_taken(server: ScriptedServer, stranger: ScriptedServer) -> None:
    path = f"/v1/repositories/{NAME}/images"
    given = {**WITH_TOKEN, "X-Docker-Endpoints": "evil.example"}
    stranger.routes = [Route(path="/images", body=b"[]", headers=given)]
    served(server, {path: Route(path=path, status=307, headers={"Location": f"http://{stranger.host}/images"})})
    with visit(server, credentials=USER) as connection:
        assert connection.tags()
        assert not any(isinstance(row, Endpoint) for row in connection.drain())
    assert [sorted({"Authorization", "X-Docker-Token"} & set(one.headers)) for one in stranger.seen] == [[]]
    assert not any("Authorization" in one.headers for one in server.seen if not one.target.endswith("/images"))


@pytest.mark.parametrize("token", ["t" * 9000, "tök"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_quoted(token: str, server: ScriptedServer) -> None:
    served(server, headers={"X-Docker-Token": token})
    with visit(server) as connection, pytest.raises(RegistryResponseError, match="the token cannot be sent back") as caught:
        connection.tags()
    assert token not in str(caught.value)


def renewing(valid: Callable[[int], str], given: list[str]) -> Callable[[str, str, Mapping[str, str]], Answer]:
    """A registry whose tokens expire: ``valid`` tells which one counts at which request."""
    routes = old_registry()
    count = 0

    def answer(_method: str, target: str, headers: Mapping[str, str]) -> Answer:
        nonlocal count
        route = routes[target]
        own = {"Content-Length": str(len(route.body))}
        if target.endswith("/images"):
            given.append(f"token-{len(given)}")
            return Answer(200, {**own, "X-Docker-Token": given[-1]}, route.body)
        if not target.endswith("/_ping"):
            count += 1
            if headers.get("Authorization") != f"Token {valid(count)}":
                return Answer(401, {"Content-Length": "0"}, b"")
        return Answer(200, own, route.body)

    return answer


def test_a_token_that_expires_is_renewed() -> None:
    given: list[str] = []
    with LoopbackServer(renewing(lambda count: given[-1] if count < 4 or len(given) > 1 else "", given)) as old:
        connection = visit(old)
        assert len(json.loads(connection.manifest(asked()).body)["history"]) == 3
    assert given == ["token-0", "token-1"]


def test_a_token_is_renewed_once_for_a_request() -> None:
    given: list[str] = []
    with LoopbackServer(renewing(lambda _: "none", given)) as old, pytest.raises(UnauthorizedError) as caught:
        visit(old).manifest(asked())
    assert caught.value.message == "Authentication is required."
    assert given == ["token-0", "token-1"]


def over_https(host: str, credentials: Credentials, *, standalone: str | None = None) -> list[httpx.Request]:
    """List the tags of a registry behind https; what was sent."""
    seen: list[httpx.Request] = []
    routes = old_registry()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = {"X-Docker-Registry-Standalone": standalone} if standalone is not None else {}
        return httpx.Response(200, headers=headers, content=routes[request.url.path].body)

    wire = Wire(ForeignTransport(httpx.MockTransport(handle)), deque(), user_agent="layerproof/test", clock=NoWait())
    registry = "docker.io" if host == "index.docker.io" else host
    repository = resolve_repository(f"{registry}/{NAME}")
    with V1Connection(f"https://{host}/", repository, wire, credentials) as connection:
        assert connection.tags()
    return seen


@pytest.mark.parametrize(("standalone", "always"), [(None, True), ("True", True), ("1", True), ("false", False), ("0", False)])
def test_a_private_registry_behind_https_gets_the_pair_always(standalone: str | None, always: bool) -> None:  # noqa: FBT001
    seen = over_https("registry.example:5000", USER, standalone=standalone)
    pair = USER.basic()
    assert [one.headers.get("Authorization") for one in seen] == [None, pair, pair if always else None]


def test_docker_hub_s_index_has_no_ping_and_gets_the_pair_for_a_token() -> None:
    seen = over_https("index.docker.io", USER)
    assert [one.url.path for one in seen] == [f"/v1/repositories/{NAME}/images", f"/v1/repositories/{NAME}/tags"]
    assert [one.headers.get("Authorization") for one in seen] == [USER.basic(), None]


# What is not believed


TAGS, LIST = f"/v1/repositories/{NAME}/tags", f"/v1/repositories/{NAME}/images"


def of(image: str, what: str) -> str:
    return f"/v1/images/{image}/{what}"


def edited(text: str, **members: Any) -> bytes:
    return json.dumps({**json.loads(text), **members}).encode()


HOSTILE: dict[str, tuple[str, Any, type[SourceError], str]] = {
    "ancestry is a circle": (of(TOP, "ancestry"), [*IDS, TOP], RegistryResponseError, "is a circle"),
    "ancestry repeats one": (of(TOP, "ancestry"), [TOP, TOP], RegistryResponseError, "is a circle"),
    "ancestry of another": (of(TOP, "ancestry"), [OTHER, BASE], RegistryResponseError, "begins with another image"),
    "ancestry upside down": (of(TOP, "ancestry"), IDS[::-1], RegistryResponseError, "begins with another image"),
    "ancestry is empty": (of(TOP, "ancestry"), [], RegistryResponseError, "begins with another image"),
    "ancestry leads out": (of(TOP, "ancestry"), [TOP, "../../../etc/passwd"], RegistryResponseError, "no image ID"),
    "ancestry has a short ID": (of(TOP, "ancestry"), [TOP, BASE[:12]], RegistryResponseError, "no image ID"),
    "ancestry has a line end": (of(TOP, "ancestry"), [TOP, BASE + "\n"], RegistryResponseError, "no image ID"),
    "ancestry has upper case": (of(TOP, "ancestry"), [TOP, OTHER.upper()], RegistryResponseError, "no image ID"),
    "ancestry has numbers": (of(TOP, "ancestry"), [TOP, 1], RegistryResponseError, "no image ID"),
    "ancestry has lists": (of(TOP, "ancestry"), [[TOP]], RegistryResponseError, "no image ID"),
    "ancestry is an object": (of(TOP, "ancestry"), {TOP: 1}, RegistryResponseError, "is not an array"),
    "ancestry is a text": (of(TOP, "ancestry"), TOP, RegistryResponseError, "is not an array"),
    "ancestry is no JSON": (of(TOP, "ancestry"), b"<html>", RegistryResponseError, "is not JSON"),
    "ancestry is cut": (of(TOP, "ancestry"), b'["', RegistryResponseError, "is not JSON"),
    "ancestry is UTF-16": (of(TOP, "ancestry"), json.dumps(IDS).encode("utf-16"), RegistryResponseError, "is not JSON"),
    "ancestry has a mark": (of(TOP, "ancestry"), b"\xef\xbb\xbf[]", RegistryResponseError, "is not JSON"),
    "ancestry is deep": (of(TOP, "ancestry"), b"[" * 200_000, RegistryResponseError, "is not JSON"),
    "ancestry is a large number": (of(TOP, "ancestry"), b"9" * 5000, RegistryResponseError, "is not JSON"),
    "ancestry of 10 MiB": (of(TOP, "ancestry"), b" " * (10 * 1024 * 1024), LimitError, "an ancestry is larger than"),
    "ancestry of 1025": (
        of(TOP, "ancestry"),
        [TOP, *(f"{number:064x}" for number in range(1024))],
        LimitError,
        "more than 1024 layers",
    ),
    "ancestry longer than the parents": (of(TOP, "ancestry"), [*IDS, OTHER], RegistryResponseError, "disagree about 'parent'"),
    "ancestry shorter than the parents": (of(TOP, "ancestry"), IDS[:2], RegistryResponseError, "disagree about 'parent'"),
    "ancestry skips one": (of(TOP, "ancestry"), [TOP, BASE], RegistryResponseError, "disagree about 'parent'"),
    "description of another": (of(MIDDLE, "json"), TEXTS[0].encode(), RegistryResponseError, "disagree about 'id'"),
    "description without ID": (of(TOP, "json"), edited(TEXTS[0], id=""), RegistryResponseError, "disagree about 'id'"),
    "description with a list as parent": (of(TOP, "json"), edited(TEXTS[0], parent=[MIDDLE]), RegistryResponseError, "'parent'"),
    "description with itself as parent": (of(BASE, "json"), edited(TEXTS[2], parent=BASE), RegistryResponseError, "'parent'"),
    "description is an array": (of(TOP, "json"), [TEXTS[0]], RegistryResponseError, "is not an object"),
    "description is no JSON": (of(TOP, "json"), TEXTS[0].encode()[:-1], RegistryResponseError, "is not JSON"),
    "description is not UTF-8": (of(TOP, "json"), TEXTS[0].encode()[:-1] + b',"a":"\xff"}', RegistryResponseError, "is not JSON"),
    "description of 5 MiB": (of(TOP, "json"), edited(TEXTS[0], a="b" * 5 * 1024 * 1024), LimitError, "the descriptions"),
    "descriptions of 4 MiB together": (
        of(BASE, "json"),
        edited(TEXTS[2], a="b" * (MANIFEST_LIMIT - len(TEXTS[2]) - 100)),
        LimitError,
        "the descriptions of an image is larger",
    ),
    "description that grows when it is quoted": (
        of(TOP, "json"),
        edited(TEXTS[0], a='"' * (MANIFEST_LIMIT // 3)),
        LimitError,
        "the manifest that would be put together",
    ),
    "tag names a path": (TAGS, {"1": "../../x"}, RegistryResponseError, "the list of tags names what is no image ID"),
    "tag names nothing": (TAGS, {"1": ""}, RegistryResponseError, "the list of tags names what is no image ID"),
    "tags to numbers": (TAGS, {"1": TOP, "2": 2}, RegistryResponseError, "not one of image IDs"),
    "tags to nothing": (TAGS, {"1": None}, RegistryResponseError, "not one of image IDs"),
    "tags in a list": (TAGS, [{"layer": TOP[:8], "name": "1"}], RegistryResponseError, "the list of tags is not an object"),
    "tags are no JSON": (TAGS, b"{", RegistryResponseError, "the list of tags is not JSON"),
    "images in an object": (LIST, {}, RegistryResponseError, "the list of images is not an array"),
    "images are no JSON": (LIST, b"", RegistryResponseError, "the list of images is not JSON"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_answer_is_an_error_with_a_name(case: str, server: ScriptedServer, temporary: Path) -> None:
    path, body, kind, words = HOSTILE[case]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    served(server, {path: Route(path=path, body=data)})
    server.routes.append(Route(path=of(OTHER, "json"), body=edited(TEXTS[2], id=OTHER)))
    with visit(server) as connection:
        with pytest.raises(kind, match=words) as caught:
            connection.manifest(asked())
        assert files(temporary) == []  # no layer is fetched for what is not whole
    error = caught.value
    assert type(error) is kind
    assert not error.fallback
    assert error.where.startswith(f"http://{server.host}/v1/")
    assert error.next_step
    assert len(str(error.actual)) <= 80
    assert str(error.actual).isascii()
    assert not any("etc" in one.target or OTHER.upper() in one.target for one in server.seen)


@pytest.mark.parametrize(
    ("path", "status", "kind", "words"),
    [
        (LIST, 401, UnauthorizedError, "Authentication is required."),
        (LIST, 403, UnauthorizedError, "Server error: 403 trying to pull repository teach/old"),
        (LIST, 500, RegistryResponseError, 'Server error: 500 trying to pull repository teach/old: "oh \\x1b[31m"'),
        (LIST, 204, RegistryResponseError, "Server error: 204 trying to pull repository teach/old: "),
        (TAGS, 401, UnauthorizedError, "Authentication is required."),
        (TAGS, 400, RegistryResponseError, "Server error: 400 unable to get remote tags"),
        (of(TOP, "ancestry"), 404, NotFoundError, f"Server error: 404 trying to fetch remote history for {TOP}"),
        (of(TOP, "json"), 429, RateLimitError, f"Server error: 429 trying to fetch the description of {TOP}"),
        (of(BASE, "json"), 404, NotFoundError, f"Server error: 404 trying to fetch the description of {BASE}"),
        (of(BASE, "layer"), 404, NotFoundError, f"Server error: 404 while fetching image layer ({BASE})"),
        (of(BASE, "layer"), 503, RegistryResponseError, f"Server error: 503 while fetching image layer ({BASE})"),
        (of(BASE, "layer"), 206, RegistryResponseError, f"Server error: 206 while fetching image layer ({BASE})"),
    ],
)
def test_a_refusal_is_told_in_docker_s_words(
    path: str, status: int, kind: type[SourceError], words: str, server: ScriptedServer
) -> None:
    body = b"" if status == 204 else b"oh \x1b[31m"
    served(server, {path: Route(path=path, status=status, body=body)})
    with visit(server) as connection, pytest.raises(kind) as caught:
        connection.manifest(asked())
    assert type(caught.value) is kind
    assert caught.value.message.startswith(words)
    assert caught.value.where == f"http://{server.host}{path}"


def test_a_cut_layer_leaves_no_file_and_the_whole_ones_stay(server: ScriptedServer, temporary: Path) -> None:
    path, body = of(MIDDLE, "layer"), IMAGE.blobs[SUMS[1]]
    served(server, {path: Route(path=path, headers={"Content-Length": str(len(body))}, body=body[:-100])})
    with visit(server) as connection:
        with pytest.raises(UnreachableError):
            connection.manifest(asked())
        assert [path.name for path in files(temporary)] == [TOP]
        served(server)
        connection.manifest(asked())
    assert [len(sent(server, f"{image}/layer")) for image in (TOP, BASE)] == [1, 1]
    assert len(sent(server, f"{MIDDLE}/layer")) >= 2


def test_a_layer_without_end_is_given_up(server: ScriptedServer, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v1_registry, "LAYER_LIMIT", 100_000)
    path = of(BASE, "layer")
    served(server, {path: Route(path=path, body=bytes(100_001), no_length=True)})
    with visit(server) as connection:
        with pytest.raises(LimitError, match="a layer is larger than 100000 bytes"):
            connection.manifest(asked("base"))
        assert files(temporary) == []


def test_a_disk_that_refuses_is_told(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served(server)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with visit(server) as connection, pytest.raises(GraphIOError, match="cannot make a temporary folder"):
        connection.manifest(asked())
