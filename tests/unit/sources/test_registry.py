"""Manifests, tags and blobs over a real connection: what is asked, and what is made of the answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest
from support.routes import VERSION, exchanges, routes_of, visit
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.digests import sha256
from toolkit.records import Request
from toolkit.references import resolve_repository
from toolkit.simulator.teaching import clean_image
from toolkit.sources.registry import RegistrySource

IMAGE = clean_image()
LAYER = IMAGE.document["fsLayers"][0]["blobSum"]
DATA = IMAGE.blobs[LAYER]
MANIFEST = "/v2/teach/clean/manifests/1"
BLOB = f"/v2/teach/clean/blobs/{LAYER}"
TAGS = "/v2/teach/clean/tags/list"
ASKED = tk.Reference.parse("127.0.0.1:5000/teach/clean:1")


def asked_of(server: ScriptedServer) -> list[tuple[str, str]]:
    """What was asked after the ping."""
    return [(one.method, one.target) for one in server.seen if one.target != "/v2/"]


# -- manifests ---------------------------------------------------------------------------------------------------


def test_a_manifest_is_handed_over_as_received(server: ScriptedServer) -> None:
    body = b" \n" + IMAGE.body + b"\n\n"
    server.routes = [Route(path=MANIFEST, body=body), *routes_of(IMAGE)]
    with visit(server) as connection:
        raw = connection.manifest(ASKED)
    assert raw.body == body
    assert raw.body_digest == sha256(body)
    assert (raw.content_type, raw.header_digest) == (None, None)
    assert asked_of(server) == [("GET", MANIFEST)]


def test_a_digest_is_asked_for_in_the_place_of_the_tag(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    by_digest = tk.Reference.parse(f"{server.host}/teach/clean:1@{IMAGE.digest}")
    with visit(server) as connection:
        assert connection.manifest(by_digest).body == IMAGE.body
    assert asked_of(server) == [("GET", f"/v2/teach/clean/manifests/{IMAGE.digest}")]


@pytest.mark.parametrize(("as_seed", "accept"), [(False, "application/vnd.docker.distribution.manifest.v1"), (True, None)])
def test_docker_named_no_media_types(server: ScriptedServer, as_seed: bool, accept: str | None) -> None:  # noqa: FBT001
    server.routes = routes_of(IMAGE)
    with visit(server, as_seed=as_seed) as connection:
        raw = connection.manifest(ASKED)
        _, rows = exchanges(connection)
    header = server.seen[-1].headers.get("Accept")
    assert header == raw.accept == rows[-1].accept
    assert header is None if accept is None else accept in str(header)


def test_not_modified_is_no_manifest(server: ScriptedServer) -> None:
    server.routes = [Route(path=MANIFEST, status=304), *routes_of(IMAGE)]
    with visit(server) as connection, pytest.raises(tk.errors.NotFoundError) as caught:
        connection.manifest(ASKED)
    assert caught.value.message == 'image manifest does not exist for tag "1"'


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            404,
            b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]}',
            tk.errors.NotFoundError,
            "manifest unknown: manifest unknown",
        ),
        (404, b"{}", tk.errors.NotFoundError, "the registry answered 404 Not Found and no reason"),
        (
            401,
            b"who are you?",
            tk.errors.UnauthorizedError,
            "unauthorized: access to the requested resource is not authorized",
        ),
        (
            429,
            b"slow down",
            tk.errors.RateLimitError,
            "Error parsing HTTP response: invalid character 's' looking for beginning of value: \"slow down\"",
        ),
        (503, b"", tk.errors.RegistryResponseError, "Received unexpected HTTP status: 503 Service Unavailable"),
    ],
)
def test_an_error_answer_to_a_pull_is_typed_and_undecided(
    server: ScriptedServer, graph: tk.Graph, status: int, body: bytes, kind: type[tk.ToolkitError], text: str
) -> None:
    server.routes = [Route(path=MANIFEST, status=status, body=body), *routes_of(IMAGE)]
    with pytest.raises(kind) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    assert type(caught.value) is kind
    assert caught.value.message == text
    report = caught.value.report
    assert (report.outcome, report.error) == ("undecided", {"code": caught.value.code, "message": text})
    assert report.requests["status"].tolist()[-1] == status


def test_only_the_beginning_of_an_error_body_is_read(server: ScriptedServer) -> None:
    server.routes = [Route(path=MANIFEST, status=400, body=b"x" * 1_000_000), *routes_of(IMAGE)]
    with visit(server) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.manifest(ASKED)
    assert len(caught.value.message) < 70_000
    assert '"xxx' in caught.value.message


def test_an_error_body_cut_short_still_gives_its_status(server: ScriptedServer) -> None:
    server.routes = [Route(path=MANIFEST, status=500, headers={"Content-Length": "999"}, body=b"oh"), *routes_of(IMAGE)]
    with visit(server) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.manifest(ASKED)
    assert caught.value.message == "Received unexpected HTTP status: 500 Internal Server Error"


def test_a_name_that_makes_no_url_is_refused_with_docker_s_words(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    odd = tk.Reference.parse(f"{server.host}/teach/clean@:x", seed_grammar=True)
    with visit(server, as_seed=True) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.manifest(odd)
    assert caught.value.message.startswith('mux: variable ":x" doesn\'t match, expected "')
    assert asked_of(server) == []


# -- tags --------------------------------------------------------------------------------------------------------


def page(query: str, tags: object, link: str = "") -> dict[str, tuple[bytes, str]]:
    return {query: (json.dumps({"name": "teach/clean", "tags": tags}).encode(), link)}


def paged(pages: dict[str, tuple[bytes, str]]) -> tuple[RegistrySource, list[str]]:
    """A registry that answers by the query of the request, and the list of URLs asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/":
            return httpx.Response(200, headers=VERSION, stream=httpx.ByteStream(b"{}"))
        asked.append(str(request.url))
        body, link = pages[request.url.query.decode()]
        return httpx.Response(200, headers={"Link": link} if link else {}, stream=httpx.ByteStream(body))

    return RegistrySource("localhost", transport=httpx.MockTransport(answer)), asked


def tags_of(source: RegistrySource, *, as_seed: bool = False) -> list[str]:
    with source.connect(resolve_repository("localhost/teach/clean"), as_seed=as_seed) as connection:
        return connection.tags()


def test_every_page_of_tags_is_read_in_the_registry_s_order() -> None:
    source, asked = paged(
        page("", ["b", "a"], '<?n=2&last=a>; rel="next"')
        | page("n=2&last=a", ["10", "9"], '</v2/teach/clean/tags/list?n=2&last=9>; rel="next"')
        | page("n=2&last=9", ["c", "b"])
    )
    assert tags_of(source) == ["b", "a", "10", "9", "c"]
    assert asked == [f"http://localhost{TAGS}{query}" for query in ("", "?n=2&last=a", "?n=2&last=9")]


def test_docker_read_one_page() -> None:
    source, asked = paged(page("", ["b", "a"], '<?n=2>; rel="next"'))
    assert tags_of(source, as_seed=True) == ["b", "a"]
    assert len(asked) == 1


def test_pages_that_lead_back_are_no_list() -> None:
    source, asked = paged(
        page("", ["a"], '<?n=1&last=a>; rel="next"')
        | page("n=1&last=a", ["b"], '<?n=1&last=b>; rel="next"')
        | page("n=1&last=b", ["c"], '<?n=1&last=a>; rel="next"')
    )
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tags_of(source)
    assert caught.value.message == "the list of tags leads back to a page that was read already"
    assert len(asked) == 3


def test_a_next_page_on_another_host_is_not_asked(server: ScriptedServer, stranger: ScriptedServer, graph: tk.Graph) -> None:
    link = f'<http://{stranger.host}{TAGS}?last=1>; rel="next"'
    server.routes = [Route(path=TAGS, headers={"Link": link}, body=b'{"tags":["1"]}'), *routes_of(IMAGE)]
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tk.pull(f"{server.host}/teach/clean", graph, all_tags=True)
    assert caught.value.message == "the next page of the list is on another host"
    assert (caught.value.expected, caught.value.actual) == (server.host, stranger.host)
    assert stranger.seen == []


@pytest.mark.parametrize("link", ["<?last=a>; rel=next", '</x>; rel="prev", <?last=a>; rel="next"', ' <?last=a>;rel="next" '])
def test_a_link_is_read_in_its_usual_spellings(link: str) -> None:
    source, _ = paged(page("", ["a"], link) | page("last=a", ["b"]))
    assert tags_of(source) == ["a", "b"]


@pytest.mark.parametrize("link", ["", "?last=a", "<?last=a>", '<?last=a>; rel="prev"'])
def test_a_link_that_names_no_next_page_is_the_end(link: str) -> None:
    source, asked = paged(page("", ["a"], link))
    assert tags_of(source) == ["a"]
    assert len(asked) == 1


@pytest.mark.parametrize("body", [b'{"tags":null}', b'{"tags":[]}', b"{}", b"null"])
def test_no_tags_are_no_error(body: bytes) -> None:
    source, _ = paged({"": (body, "")})
    assert tags_of(source) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "EOF"),
        (b"[]", "json: cannot unmarshal array into Go value of type client.tagsResponse"),
        (b'{"tags":"a"}', "json: cannot unmarshal string into Go value of type []string"),
        (b'{"tags":[1]}', "json: cannot unmarshal number into Go value of type string"),
    ],
)
def test_a_list_that_is_none_is_refused(body: bytes, words: str) -> None:
    source, _ = paged({"": (body, "")})
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tags_of(source)
    assert caught.value.message in (words, words.replace("EOF", "unexpected end of JSON input"))


def test_a_repository_nobody_knows_has_no_tags_for_docker_only(server: ScriptedServer) -> None:
    missing = Route(path=TAGS, status=404, body=b'{"errors":[{"code":"NAME_UNKNOWN","message":"who?"}]}')
    server.routes = [missing, *routes_of(IMAGE)]
    with visit(server, as_seed=True) as connection:
        assert connection.tags() == []
    with visit(server) as connection, pytest.raises(tk.errors.NotFoundError) as caught:
        connection.tags()
    assert caught.value.message == "name unknown: who?"


def test_lists_of_tags_have_one_limit_over_all_pages() -> None:
    half = 33 * 1024 * 1024
    padded = {query: (json.dumps({"tags": [query or "a"]}).encode().ljust(half), "") for query in ("", "last=a")}
    source, asked = paged({"": (padded[""][0], '<?last=a>; rel="next"'), "last=a": padded["last=a"]})
    with pytest.raises(tk.errors.LimitError):
        tags_of(source)
    assert len(asked) == 2


# -- blobs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_seed", "methods"), [(False, ["GET"]), (True, ["HEAD", "GET"])])
def test_docker_asked_for_the_size_first(server: ScriptedServer, as_seed: bool, methods: list[str]) -> None:  # noqa: FBT001
    server.routes = routes_of(IMAGE)
    with visit(server, as_seed=as_seed) as connection:
        stream = connection.blob(LAYER)
        assert stream.announced == len(DATA)
        assert b"".join(stream.chunks) == DATA
        _, rows = exchanges(connection)
    assert asked_of(server) == [(method, BLOB) for method in methods]
    mine = [row for row in rows if row.url.endswith(BLOB)]
    assert [(row.method, row.status, row.error) for row in mine] == [(method, 200, None) for method in methods]
    assert mine[-1].received == len(DATA)


def test_docker_read_no_byte_beyond_the_announced_size(server: ScriptedServer) -> None:
    head = Route(path=BLOB, method="HEAD", headers={"Content-Length": str(len(DATA))})
    server.routes = [head, Route(path=BLOB, body=DATA + b"x" * 200_000), *routes_of(IMAGE)]
    with visit(server, as_seed=True) as connection:
        received = b"".join(connection.blob(LAYER).chunks)
    assert len(DATA) <= len(received) < len(DATA) + 32 * 1024  # what stood in the same read is delivered
    assert received.startswith(DATA)


def test_docker_did_not_ask_for_the_bytes_of_an_empty_blob(server: ScriptedServer) -> None:
    server.routes = [Route(path=BLOB, method="HEAD"), *routes_of(IMAGE)]
    with visit(server, as_seed=True) as connection:
        stream = connection.blob(LAYER)
        assert (stream.announced, b"".join(stream.chunks)) == (0, b"")
    assert asked_of(server) == [("HEAD", BLOB)]


def test_docker_could_not_do_without_a_length(server: ScriptedServer) -> None:
    server.routes = [Route(path=BLOB, method="HEAD", no_length=True), *routes_of(IMAGE)]
    with visit(server, as_seed=True) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.blob(LAYER)
    assert caught.value.message == 'error parsing content-length: strconv.ParseInt: parsing "": invalid syntax'


def test_a_blob_without_a_length_is_read_to_its_end(server: ScriptedServer) -> None:
    server.routes = [Route(path=BLOB, body=DATA, no_length=True), *routes_of(IMAGE)]
    with visit(server) as connection:
        stream = connection.blob(LAYER)
        assert (stream.announced, b"".join(stream.chunks)) == (None, DATA)


@pytest.mark.parametrize("as_seed", [False, True])
def test_a_blob_nobody_has_is_unknown(server: ScriptedServer, as_seed: bool) -> None:  # noqa: FBT001
    server.routes = [Route(path=BLOB, status=404, body=b"whatever"), *routes_of(IMAGE)]
    with visit(server, as_seed=as_seed) as connection, pytest.raises(tk.errors.NotFoundError) as caught:
        connection.blob(LAYER)
    assert caught.value.message == "unknown blob"


@pytest.mark.parametrize("as_seed", [False, True])
def test_a_failing_answer_to_a_blob_is_typed(server: ScriptedServer, as_seed: bool) -> None:  # noqa: FBT001
    server.routes = [Route(path=BLOB, status=500, body=b""), *routes_of(IMAGE)]
    with visit(server, as_seed=as_seed) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.blob(LAYER)
    assert caught.value.message == "Received unexpected HTTP status: 500 Internal Server Error"


def test_a_failing_get_after_a_good_head_shows_when_the_bytes_are_read(server: ScriptedServer) -> None:
    head = Route(path=BLOB, method="HEAD", headers={"Content-Length": "9"})
    server.routes = [head, Route(path=BLOB, status=500), *routes_of(IMAGE)]
    with visit(server, as_seed=True) as connection:
        stream = connection.blob(LAYER)
        with pytest.raises(tk.errors.UnreachableError) as caught:
            next(stream.chunks)
    assert caught.value.message == "unexpected status resolving reader: 500 Internal Server Error"


def test_a_blob_cut_short_ends_in_a_typed_error(server: ScriptedServer) -> None:
    server.routes = [Route(path=BLOB, headers={"Content-Length": "99999"}, body=DATA), *routes_of(IMAGE)]
    received: list[bytes] = []

    def read(chunks: Iterator[bytes]) -> None:
        received.extend(chunks)

    with visit(server) as connection:
        stream = connection.blob(LAYER)
        with pytest.raises(tk.errors.UnreachableError):
            read(stream.chunks)
        _, rows = exchanges(connection)
    assert b"".join(received) == DATA
    assert (rows[-1].received, rows[-1].content_length) == (len(DATA), "99999")
    assert rows[-1].error is not None


def test_docker_undid_a_gzip_coding_it_had_asked_for(server: ScriptedServer, graph: tk.Graph) -> None:
    """Only the bytes count: the digest is that of the blob, for the policy of 2015; strict refuses the coding."""
    coded = Route(path=BLOB, method="GET", headers={"Content-Encoding": "gzip"}, body=gzip.compress(DATA))
    head = Route(path=BLOB, method="HEAD", headers={"Content-Length": str(len(DATA))})
    server.routes = [head, coded, *routes_of(IMAGE)]
    report = tk.pull(f"{server.host}/teach/clean:1", graph, policy="docker-1.9")
    assert report.outcome == "accepted"
    asked = {one.method: one.headers.get("Accept-Encoding") for one in server.seen if one.target == BLOB}
    assert asked == {"HEAD": "identity", "GET": "gzip"}


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
def test_a_coding_that_cannot_be_undone_is_typed(server: ScriptedServer, graph: tk.Graph, path: str) -> None:
    head = Route(path=BLOB, method="HEAD", headers={"Content-Length": str(len(DATA))})
    damaged = Route(path=path, method="GET", headers={"Content-Encoding": "gzip"}, body=b"no gzip at all")
    server.routes = [head, damaged, *routes_of(IMAGE)]
    with pytest.raises(tk.ToolkitError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph, policy="docker-1.9")
    assert caught.value.report.outcome in ("undecided", "rejected")
    assert IMAGE.digest not in str(graph.tags.all())


@pytest.mark.parametrize("digest", ["", "nonsense", "sha256:", "sha256:x y", "../../manifests/1", "sha256:ab/../x"])
@pytest.mark.parametrize("as_seed", [False, True])
def test_a_digest_that_makes_no_url_is_refused_before_anything_is_sent(
    server: ScriptedServer,
    digest: str,
    as_seed: bool,  # noqa: FBT001
) -> None:
    with visit(server, as_seed=as_seed) as connection, pytest.raises(tk.errors.RegistryResponseError) as caught:
        connection.blob(digest)
    assert caught.value.message.startswith(f'mux: variable "{digest}" doesn\'t match, expected "')
    assert server.seen == []


def test_rows_are_handed_over_once(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    with visit(server) as connection:
        connection.manifest(ASKED)
        assert sum(isinstance(row, Request) for row in connection.drain()) == 3
        assert connection.drain() == ()


# -- formats, names and referrers --------------------------------------------------------------------------------


def test_every_known_format_is_asked_for_or_the_one_that_is_named(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    source = RegistrySource(server.host)
    repository = resolve_repository(f"{server.host}/teach/clean")
    for accept in (None, "application/vnd.docker.distribution.manifest.v1+json"):
        with source.connect(repository, accept=accept) as connection:
            connection.manifest(ASKED)
    asked = [one.headers["Accept"] for one in server.seen if one.target == MANIFEST]
    assert [header.split(", ") for header in asked] == [
        [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "application/vnd.docker.distribution.manifest.v1+json",
        ],
        ["application/vnd.docker.distribution.manifest.v1+json"],
    ]


def test_a_registry_reads_names_as_its_own() -> None:
    source = RegistrySource("registry.example:5000")
    assert source.holds() == []
    for text in ("a/b:1", "registry.example:5000/a/b:1"):
        assert source.resolve(text, seed_grammar=False).repository.canonical == "registry.example:5000/a/b"
    assert source.resolve("a/b:!", seed_grammar=True).tag == "!"
    with pytest.raises(tk.errors.UsageError, match="a name is needed"):
        source.resolve(None, seed_grammar=False)
    with pytest.raises(tk.errors.UsageError, match=r"the reference names other\.example"):
        source.resolve("other.example/a/b", seed_grammar=False)


SUBJECT = sha256(b"subject")
API = f"/v2/teach/clean/referrers/{SUBJECT}"
FALLBACK = f"/v2/teach/clean/manifests/{SUBJECT.replace(':', '-')}"
INDEX = b'{"schemaVersion":2,"manifests":[]}'
OCI = "application/vnd.oci.image.index.v1+json"


def test_referrers_are_asked_of_the_api(server: ScriptedServer) -> None:
    route = Route(path=API, body=INDEX, headers={"Content-Type": f"{OCI}; charset=utf-8"})
    server.routes = [route, *routes_of(IMAGE)]
    with visit(server) as connection:
        found = connection.referrers(SUBJECT)
    assert (found.way, found.reason) == ("api", "")
    assert found.manifest is not None
    assert (found.manifest.body, found.manifest.accept) == (INDEX, OCI)
    assert [(one.target, one.headers["Accept"]) for one in server.seen if one.target != "/v2/"] == [(API, OCI)]


def test_referrers_beyond_the_first_page_are_told(server: ScriptedServer) -> None:
    headers = {"Content-Type": OCI, "Link": f'<{API}?last=x>; rel="next"'}
    server.routes = [Route(path=API, body=INDEX, headers=headers), *routes_of(IMAGE)]
    with visit(server) as connection:
        assert connection.referrers(SUBJECT).reason == "the registry has more pages than the first"


@pytest.mark.parametrize(
    "route",
    [
        Route(path=API, status=404),
        Route(path=API, status=405),
        Route(path=API, status=400),
        Route(path=API, body=b"<html>", headers={"Content-Type": "text/html"}),
        Route(path=API, body=INDEX),
    ],
    ids=["404", "405", "400", "html", "no type"],
)
def test_without_the_api_the_tag_stands_for_it(server: ScriptedServer, route: Route) -> None:
    server.routes = [route, Route(path=FALLBACK, body=INDEX, headers={"Content-Type": OCI}), *routes_of(IMAGE)]
    with visit(server) as connection:
        found = connection.referrers(SUBJECT)
    assert found.way == "tag"
    assert found.manifest is not None
    assert (found.manifest.body, found.manifest.content_type) == (INDEX, OCI)
    assert found.reason.startswith(f"no referrers API: {route.status}")
    assert asked_of(server) == [("GET", API), ("GET", FALLBACK)]


def test_where_neither_is_there_are_none(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    with visit(server) as connection:
        found = connection.referrers(SUBJECT)
    assert (found.way, found.manifest) == ("none", None)
    assert found.reason.endswith(f"no tag {SUBJECT.replace(':', '-')}")


@pytest.mark.parametrize(
    ("routes", "error"),
    [
        ([Route(path=API, status=403)], tk.errors.UnauthorizedError),
        ([Route(path=API, status=500)], tk.errors.SourceError),
        ([Route(path=API, status=404), Route(path=FALLBACK, status=500)], tk.errors.SourceError),
        ([Route(path=API, body=b" " * 2000, headers={"Content-Type": OCI})], tk.errors.LimitError),
    ],
)
def test_an_answer_that_cannot_be_had_is_not_taken_for_none(
    server: ScriptedServer, routes: list[Route], error: type[tk.errors.SourceError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.sources.registry_connection.MANIFEST_LIMIT", 1000)
    server.routes = [*routes, *routes_of(IMAGE)]
    with visit(server) as connection, pytest.raises(error):
        connection.referrers(SUBJECT)


def test_referrers_of_what_is_no_digest_are_not_asked_for(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    with visit(server) as connection, pytest.raises(tk.errors.RegistryResponseError):
        connection.referrers("../../x")
    assert server.seen == []


def test_what_is_no_tag_is_listed_as_it_is_and_left_out_of_a_pull(server: ScriptedServer, graph: tk.Graph) -> None:
    listed = json.dumps({"tags": ["../../etc/passwd", "1", "\x1b[31mred", "a b"]}).encode()
    server.routes = [Route(path=TAGS, body=listed), *routes_of(IMAGE)]
    with visit(server) as connection:
        assert connection.tags() == ["../../etc/passwd", "1", "\x1b[31mred", "a b"]
    report = tk.pull(f"{server.host}/teach/clean", graph, all_tags=True)
    assert report.pull.status is not None
    assert report.pull.status.endswith("; 3 left out, for what they are called is no tag: '../../etc/passwd'")
    assert {target for target in (one.target for one in server.seen) if "passwd" in target} == set()
    assert set(graph.tags.all()[f"{server.host}/teach/clean"]) == {"1"}
