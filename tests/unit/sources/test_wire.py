"""Exchanges: followed within limits, recorded without secrets, decoded never."""

from __future__ import annotations

from collections import deque

import httpx
import pytest
from support.routes import challenge, exchanges, routes_of, visit
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.records import Endpoint, Request
from toolkit.simulator.teaching import clean_image
from toolkit.sources.foreign import ForeignTransport
from toolkit.sources.urls import path_quoted, redacted
from toolkit.sources.wire import Wire

IMAGE = clean_image()
ASKED = tk.Reference.parse("127.0.0.1:5000/teach/clean:1")
TOP = IMAGE.document["fsLayers"][0]["blobSum"]
BLOB = f"/v2/teach/clean/blobs/{TOP}"
MANIFEST = "/v2/teach/clean/manifests/1"


def moved(path: str, location: str, status: int = 307) -> Route:
    return Route(path=path, status=status, headers={"Location": location})


# -- redirects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_on_another_host_is_fetched_without_authorization(
    server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph, status: int
) -> None:
    stranger.routes = [Route(path="/cdn", body=IMAGE.blobs[TOP])]
    guarded = routes_of(IMAGE, challenge("Basic"), if_authorization="Basic YWRhOm9wZW5zZXNhbWU=")
    server.routes = [moved(BLOB, f"http://{stranger.host}/cdn?sig=1", status), *guarded]
    report = tk.pull(f"{server.host}/teach/clean:1", graph, username="ada", password="opensesame")
    assert report.outcome == "accepted"
    (request,) = stranger.seen
    assert request.target == "/cdn?sig=1"
    assert not {"Authorization", "Cookie", "Accept"} & set(request.headers)
    assert [one.headers.get("Authorization") for one in server.seen if one.target == BLOB] == ["Basic YWRhOm9wZW5zZXNhbWU="]
    (row,) = [row for row in report.records(Request) if "/cdn" in row.url]
    assert (row.url, row.authorized, row.status) == (f"http://{stranger.host}/cdn?sig=REDACTED", False, 200)


def test_a_redirect_within_the_registry_keeps_authorization(server: ScriptedServer) -> None:
    guarded = routes_of(IMAGE, challenge("Basic"), if_authorization="Basic YWRhOm9wZW5zZXNhbWU=")
    there = Route(path="/elsewhere/1", body=IMAGE.body, if_authorization="Basic YWRhOm9wZW5zZXNhbWU=")
    server.routes = [moved(MANIFEST, "../../../../elsewhere/1"), there, *guarded]
    with visit(server, username="ada", password="opensesame") as connection:
        assert connection.manifest(ASKED).body == IMAGE.body


def test_authorization_comes_back_with_the_origin_and_not_before(server: ScriptedServer, stranger: ScriptedServer) -> None:
    """A redirect to a stranger and home again: only home sees the password."""
    guarded = routes_of(IMAGE, challenge("Basic"), if_authorization="Basic YWRhOm9wZW5zZXNhbWU=")
    server.routes = [moved(MANIFEST, f"http://{stranger.host}/away"), Route(path="/home", body=IMAGE.body), *guarded]
    stranger.routes = [moved("/away", f"http://{server.host}/home")]
    with visit(server, username="ada", password="opensesame") as connection:
        assert connection.manifest(ASKED).body == IMAGE.body
    assert ["Authorization" in one.headers for one in stranger.seen] == [False]


def test_five_redirects_are_followed(server: ScriptedServer) -> None:
    hops = [moved(MANIFEST, "/hop/1"), *(moved(f"/hop/{number}", f"/hop/{number + 1}") for number in range(1, 5))]
    server.routes = [*hops, Route(path="/hop/5", body=IMAGE.body), *routes_of(IMAGE)]
    with visit(server) as connection:
        assert connection.manifest(ASKED).body == IMAGE.body


@pytest.mark.parametrize("location", [MANIFEST, "/round", "http://{HOST}/round"])
@pytest.mark.parametrize(("policy", "most"), [("strict", 5), ("docker-1.9", 10)])
def test_redirects_in_a_circle_come_to_an_end(server: ScriptedServer, location: str, policy: str, most: int) -> None:
    server.routes = [moved(MANIFEST, location), moved("/round", "/round"), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tk.inspect(f"{server.host}/teach/clean:1", policy=policy)
    assert caught.value.message == f"stopped after {most} redirects"
    assert len(server.seen) == 1 + 1 + most  # the ping, the question and the redirects
    assert caught.value.report.outcome == "undecided"


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_every_exchange_is_a_row_also_one_whose_body_nobody_reads(
    server: ScriptedServer, stranger: ScriptedServer, policy: str
) -> None:
    """Hops, questions about sizes and tokens included; the first row is the https that nobody answered."""
    stranger.routes = [Route(path="/cdn", body=IMAGE.blobs[TOP])]
    realm = 'Bearer realm="http://{HOST}/token"'
    guarded = routes_of(IMAGE, challenge(realm), if_authorization="Bearer t-1")
    token = Route(path="/token", body=b'{"token":"t-1"}')
    server.routes = [moved(BLOB, f"http://{stranger.host}/cdn"), moved(MANIFEST, "/hop"), token, *guarded]
    server.routes += [Route(path="/hop", body=IMAGE.body)]
    report = tk.inspect(f"{server.host}/teach/clean:1", policy=policy)
    assert report.outcome == "accepted"
    rows: list[Request] = report.records(Request)[1:]
    seen = [
        (one.method, f"http://{home.host}{path}") for home in (server, stranger) for one in home.seen for path in [one.target]
    ]
    assert sorted((row.method, redacted(row.url)) for row in rows) == sorted((method, redacted(url)) for method, url in seen)
    assert all(row.status is not None for row in rows)


def sent_to(answers: dict[str, httpx.Response], url: str) -> tuple[list[str], tk.errors.ToolkitError]:
    """Send a request over a transport that answers by URL; return what was asked, and the refusal."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return answers[str(request.url)]

    wire = Wire(ForeignTransport(httpx.MockTransport(answer)), deque[Endpoint | Request](), user_agent="test")
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        wire.send("GET", url)
    return asked, caught.value


def redirect(location: str) -> httpx.Response:
    return httpx.Response(307, headers={"Location": location}, stream=httpx.ByteStream(b""))


@pytest.mark.parametrize(
    ("start", "location", "now"),
    [
        ("https://h/x", "http://h/x", "http"),
        ("https://h/x", "http://other/x", "http"),
        ("https://h/x", "file:///etc/passwd", "file"),
        ("http://h/x", "ftp://h/x", "ftp"),
        ("http://h/x", "gopher://h/x", "gopher"),
    ],
)
def test_a_redirect_to_a_weaker_scheme_is_not_followed(start: str, location: str, now: str) -> None:
    asked, error = sent_to({start: redirect(location)}, start)
    assert asked == [start]
    assert error.message == f"a redirect from {start.partition(':')[0]} to {now} is not followed"


def test_a_weaker_scheme_is_refused_on_a_later_hop_too() -> None:
    answers = {"http://h/x": redirect("https://h/y"), "https://h/y": redirect("http://h/z")}
    asked, error = sent_to(answers, "http://h/x")
    assert asked == ["http://h/x", "https://h/y"]
    assert error.where == "https://h/y"


@pytest.mark.parametrize("location", ["data:text/plain,x", "http://h:port/", "http://[::1", "mailto:a@b", "\x7f"])
def test_a_redirect_to_what_is_no_address_is_typed(server: ScriptedServer, location: str) -> None:
    server.routes = [moved(MANIFEST, location), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.SourceError) as caught:
        tk.inspect(f"{server.host}/teach/clean:1")
    assert caught.value.report.outcome == "undecided"
    assert len(server.seen) == 2


# -- bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
@pytest.mark.parametrize("path", [MANIFEST, BLOB])
def test_a_coded_body_is_refused(server: ScriptedServer, graph: tk.Graph, coding: str, path: str) -> None:
    body = IMAGE.body if path == MANIFEST else IMAGE.blobs[TOP]
    server.routes = [Route(path=path, headers={"Content-Encoding": coding}, body=body), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    assert caught.value.message == f"the answer is coded as {coding!r}, which was not asked for"
    report = caught.value.report
    assert report.outcome == "undecided"
    assert report.requests.query("error.notna() and status == 200")["error"].tolist() == [f"Content-Encoding: {coding}"]
    assert len(graph) == 0


def test_identity_is_no_coding(server: ScriptedServer) -> None:
    server.routes = [Route(path=MANIFEST, headers={"Content-Encoding": "Identity"}, body=IMAGE.body), *routes_of(IMAGE)]
    assert tk.inspect(f"{server.host}/teach/clean:1").outcome == "accepted"


def test_only_identity_is_asked_for_and_we_say_who_we_are(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    tk.inspect(f"{server.host}/teach/clean:1")
    assert {one.headers.get("Accept-Encoding") for one in server.seen} == {"identity"}
    assert {one.headers.get("User-Agent") for one in server.seen} == {f"layerproof/{tk.__version__}"}


def test_a_manifest_over_its_limit_is_an_error_and_never_a_cut(server: ScriptedServer, graph: tk.Graph) -> None:
    limit = 4 * 1024 * 1024
    server.routes = [Route(path=MANIFEST, body=IMAGE.body.ljust(limit + 1)), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.LimitError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    assert caught.value.message == f"the manifest is larger than {limit} bytes"
    report = caught.value.report
    assert report.outcome == "undecided"
    assert len(report.manifests) == 0
    assert [one.target for one in server.seen] == ["/v2/", MANIFEST]
    assert not list((graph.layout.root / "blobs" / "sha256").iterdir())


def test_a_manifest_of_exactly_its_limit_is_read(server: ScriptedServer) -> None:
    limit = 4 * 1024 * 1024
    server.routes = [Route(path=MANIFEST, body=IMAGE.body.ljust(limit)), *routes_of(IMAGE)]
    report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.manifests["size"].tolist() == [limit]
    assert report.outcome == "rejected"  # blanks after the document: two readers may differ


def test_a_body_without_a_length_that_never_reaches_its_limit_is_read(server: ScriptedServer) -> None:
    server.routes = [Route(path=MANIFEST, body=IMAGE.body, no_length=True), *routes_of(IMAGE)]
    report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.outcome == "accepted"
    (row,) = [row for row in report.records(Request) if row.url.endswith(MANIFEST)]
    assert (row.content_length, row.received, row.error) == (None, len(IMAGE.body), None)


def test_a_manifest_cut_short_is_no_manifest(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = [Route(path=MANIFEST, headers={"Content-Length": "99999"}, body=IMAGE.body), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.UnreachableError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    report = caught.value.report
    assert report.outcome == "undecided"
    assert len(report.manifests) == 0
    (row,) = [row for row in report.records(Request) if row.url.endswith(MANIFEST)]
    assert row.status == 200
    assert row.received == len(IMAGE.body)
    assert row.error is not None


def test_what_the_headers_claim_is_recorded_as_text(server: ScriptedServer) -> None:
    claims = {"Content-Type": "text/odd", "Docker-Content-Digest": "sha256:claimed"}
    server.routes = [Route(path=MANIFEST, headers=claims, body=IMAGE.body), *routes_of(IMAGE)]
    with visit(server) as connection:
        raw = connection.manifest(ASKED)
        _, rows = exchanges(connection)
    assert (raw.content_type, raw.header_digest) == ("text/odd", "sha256:claimed")
    last = rows[-1]
    assert (last.content_type, last.content_digest, last.content_length) == ("text/odd", "sha256:claimed", str(len(IMAGE.body)))
    assert (last.method, last.attempt, last.received) == ("GET", 1, len(IMAGE.body))
    assert last.seconds >= 0


# -- URLs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/x", "http://h/x"),
        ("https://ada:opensesame@h:5/x", "https://h:5/x"),
        ("https://ada@h/x", "https://h/x"),
        ("https://a@b:c@h/x", "https://h/x"),
        ("http://h/x?sig=1&X-Amz-Signature=2", "http://h/x?sig=REDACTED&X-Amz-Signature=REDACTED"),
        ("http://h/x?token=", "http://h/x?token=REDACTED"),
        ("http://h/x?n=100&last=1.0&scope=s&service=t&account=ada", "http://h/x?n=100&last=1.0&scope=s&service=t&account=ada"),
        ("http://h/x?N=1", "http://h/x?N=REDACTED"),
        ("http://h/x#secret", "http://h/x"),
        ("http://h/x?a=1;b=2", "http://h/x?a=REDACTED"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("1.24", "1.24"),
        ("a b", "a%20b"),
        ("a/b", "a/b"),
        ("sha256:ab", "sha256:ab"),
        ("a?b#c%", "a%3Fb%23c%25"),
        ('"<ü>"', "%22%3C%C3%BC%3E%22"),
    ],
)
def test_a_path_is_quoted_as_go_did(text: str, quoted: str) -> None:
    assert path_quoted(text) == quoted
