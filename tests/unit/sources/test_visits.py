"""Visits to a registry: downloads that go on, tokens that are odd, redirects that are weaker, and the old protocol."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import pytest
from support.virtual_clock import VirtualClock

import toolkit as tk
from toolkit import errors
from toolkit.digests import sha256
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, resolve_repository
from toolkit.simulator.teaching import clean_image
from toolkit.sources.allowance import Allowance
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoints import EndpointAddress
from toolkit.sources.network import Network
from toolkit.sources.protocol import Resume
from toolkit.sources.registry_connection import RegistryConnection
from toolkit.sources.registry_state import RegistryState
from toolkit.sources.urls import redacted

IMAGE: Final = clean_image()
DATA: Final = bytes(range(200))
DIGEST: Final = sha256(DATA)
BLOB: Final = f"/v2/a/blobs/{DIGEST}"
MANIFEST: Final = "/v2/a/manifests/1"
ASKED: Final = Reference.parse("h.test/a:1")
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCI: Final = "application/vnd.oci.image.manifest.v1+json"

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


def said(status: int = 200, body: bytes = b"", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(body))


class World:
    """A registry that answers by method and path, nothing else; every request is kept."""

    def __init__(self, **answers: Answer) -> None:
        self.sent: list[httpx.Request] = []
        self.answers: dict[str, list[Answer]] = {
            "GET /v2/": [lambda request: said(Docker_Distribution_Api_Version="registry/2.0")]
        }
        self.clock = VirtualClock()

    def on(self, what: str, *answers: Answer) -> World:
        """Answer ``METHOD PATH`` with one after the other; the last for ever, when it is a function."""
        self.answers[what] = list(answers)
        return self

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        keys = (f"{request.method} {request.url}", f"{request.method} {request.url.path}")
        left = next((self.answers[key] for key in keys if key in self.answers), [said(404)])
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(request) if callable(answer) else answer

    def visit(
        self,
        *addresses: EndpointAddress,
        as_seed: bool = False,
        accept: str | None = None,
        credentials: Credentials | None = None,
        network: Network | None = None,
    ) -> RegistryConnection:
        """Start a visit."""
        given = addresses or (EndpointAddress("https://h.test", "verified", must_say_version=True),)
        state = RegistryState(network or Network(clock=self.clock), Allowance(), httpx.MockTransport(self._answer))
        repository = resolve_repository("h.test/a")
        return RegistryConnection(list(given), repository, state, credentials=credentials, as_seed=as_seed, accept=accept)

    @property
    def asked(self) -> list[str]:
        """What was asked after the greeting."""
        return [f"{one.method} {one.url.path}" for one in self.sent if one.url.path != "/v2/"]


@pytest.fixture
def world() -> World:
    """A registry that knows nothing yet."""
    return World()


# -- downloads that go on ----------------------------------------------------------------------------------------


def rest(body: bytes = DATA[50:], span: str = "bytes 50-199/200", tag: str = '"1"', digest: str | None = None) -> httpx.Response:
    named = {} if digest is None else {"Docker-Content-Digest": digest}
    headers = {"Content-Range": span, "Content-Length": str(len(body)), "ETag": tag, **named}
    return httpx.Response(206, headers=headers, stream=httpx.ByteStream(body))


def test_a_download_goes_on_where_it_stopped(world: World) -> None:
    world.on(f"GET {BLOB}", rest())
    with world.visit() as visit:
        stream = visit.blob(DIGEST, Resume(50, 200, '"1"', attempt=2))
        assert b"".join(stream.chunks) == DATA[50:]
    assert (stream.start, stream.announced) == (50, 200)
    assert world.sent[-1].headers["Range"] == "bytes=50-"
    assert len(world.clock.slept) == 1
    (row,) = [row for row in visit.drain() if isinstance(row, Request) and "/blobs/" in row.url]
    assert (row.range, row.attempt, row.status) == ("bytes=50-", 2, 206)


@pytest.mark.parametrize(
    "answer",
    [
        rest(span="bytes 51-199/200"),
        rest(span="bytes 0-199/200"),
        rest(span="bytes 50-198/200"),
        rest(span="bytes 50-199/201"),
        rest(span="bytes 50-199/*"),
        rest(span="bytes 50-199"),
        rest(span="50-199/200"),
        rest(span=" bytes  50-199/200"),
        rest(span="bytes 050-199/200"),
        rest(span=""),
        rest(body=DATA[50:199]),
        rest(tag='"2"'),
        rest(tag='W/"1"'),
        rest(tag='W/"1"', digest='"2"'),
        said(206, DATA[50:], ETag='"1"'),
        said(416, b"", Content_Range="bytes */200"),
    ],
)
def test_anything_but_the_very_rest_starts_from_the_beginning(world: World, answer: httpx.Response) -> None:
    world.on(f"GET {BLOB}", answer, said(200, DATA))
    with world.visit() as visit:
        stream = visit.blob(DIGEST, Resume(50, 200, '"1"'))
        assert b"".join(stream.chunks) == DATA
    assert stream.start == 0
    assert [one.headers.get("Range") for one in world.sent[1:]] == ["bytes=50-", None]


def test_the_whole_instead_of_the_rest_is_the_whole(world: World) -> None:
    world.on(f"GET {BLOB}", said(200, DATA, ETag='"1"'))
    with world.visit() as visit:
        stream = visit.blob(DIGEST, Resume(50, 200, '"1"'))
        assert b"".join(stream.chunks) == DATA
    assert stream.start == 0
    assert len(world.asked) == 1


def test_a_download_that_has_nothing_yet_asks_for_the_whole(world: World) -> None:
    world.on(f"GET {BLOB}", said(200, DATA))
    with world.visit() as visit:
        assert b"".join(visit.blob(DIGEST, Resume(0, 200, '"1"', attempt=3)).chunks) == DATA
    assert "Range" not in world.sent[-1].headers


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"1"'}, '"1"'),
        ({"ETag": 'W/"1"'}, None),
        ({"ETag": 'W/"1"', "Docker-Content-Digest": "d"}, "d"),
        ({"ETag": '"1"', "Docker-Content-Digest": "d"}, '"1"'),
        ({"Docker-Content-Digest": "d"}, "d"),
        ({}, None),
    ],
)
def test_only_a_strong_word_tells_that_bytes_are_the_same(world: World, headers: dict[str, str], validator: str | None) -> None:
    world.on(f"GET {BLOB}", said(200, DATA, **headers))
    with world.visit() as visit:
        stream = visit.blob(DIGEST)
        assert b"".join(stream.chunks) == DATA
    assert stream.validator == validator


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206, 207, 300, 304, 399])
def test_no_other_success_is_a_blob(world: World, status: int) -> None:
    world.on(f"GET {BLOB}", said(status, DATA))
    with world.visit() as visit, pytest.raises(errors.RegistryResponseError, match=f"{status} "):
        visit.blob(DIGEST)


@pytest.mark.parametrize(("status", "kind"), [(404, errors.NotFoundError), (403, errors.UnauthorizedError)])
def test_a_rest_that_is_refused_is_an_error(world: World, status: int, kind: type[errors.SourceError]) -> None:
    world.on(f"GET {BLOB}", said(status, b"{}" if status == 404 else b"no"))
    with world.visit() as visit, pytest.raises(kind):
        visit.blob(DIGEST, Resume(50, 200, '"1"'))
    assert len(world.asked) == 1


@pytest.mark.parametrize("digest", ["", "sha256", "sha256:", "x/y", "sha256:../../x", "a b"])
def test_what_is_no_digest_is_not_asked_for(world: World, digest: str) -> None:
    with world.visit() as visit:
        for question in (visit.blob, visit.referrers):
            with pytest.raises(errors.RegistryResponseError):
                question(digest)
    assert world.sent == []


@pytest.mark.parametrize("length", ["", "x", "5 5", "\u0665", "0x5", "--"])
def test_docker_needed_a_length_that_is_a_number(world: World, length: str) -> None:
    headers = {"Content-Length": length.encode()}
    world.on(f"HEAD {BLOB}", httpx.Response(200, headers=list(headers.items()), stream=httpx.ByteStream(b"")))  # type: ignore[arg-type]
    with world.visit(as_seed=True) as visit, pytest.raises(errors.RegistryResponseError, match="parsing content-length"):
        visit.blob(DIGEST)


@pytest.mark.parametrize(("length", "received"), [("+5", 200), ("-5", 0), ("0", 0), ("00005", 200), ("200", 200), ("300", 200)])
def test_docker_read_whole_pieces_until_the_size_was_reached(world: World, length: str, received: int) -> None:
    world.on(f"HEAD {BLOB}", said(200, b"", Content_Length=length)).on(f"GET {BLOB}", said(200, DATA))
    with world.visit(as_seed=True) as visit:
        got = b"".join(visit.blob(DIGEST).chunks)
    assert got == DATA[:received]


# -- manifests that were converted -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "original"),
    [
        (said(200, b"", Content_Type=OCI, Docker_Content_Digest="sha256:new"), "sha256:new"),
        (said(200, b"", Content_Type=OCI), None),
        (said(200, b"", Content_Type=SCHEMA1, Docker_Content_Digest="sha256:old"), None),
        (said(200, b"", Docker_Content_Digest="sha256:old"), None),
        (said(404, b"", Content_Type=OCI, Docker_Content_Digest="sha256:new"), None),
    ],
)
def test_a_manifest_in_an_old_format_tells_what_it_was_made_from(
    world: World, head: httpx.Response, original: str | None
) -> None:
    world.on(f"GET {MANIFEST}", said(200, IMAGE.body, Content_Type=SCHEMA1)).on(f"HEAD {MANIFEST}", head)
    with world.visit(accept=SCHEMA1) as visit:
        raw = visit.manifest(ASKED)
    assert (raw.body, raw.converted_from) == (IMAGE.body, original)
    assert world.asked == [f"GET {MANIFEST}", f"HEAD {MANIFEST}"]


def test_whoever_accepts_everything_gets_the_original(world: World) -> None:
    world.on(f"GET {MANIFEST}", said(200, IMAGE.body, Content_Type=SCHEMA1))
    with world.visit() as visit:
        assert visit.manifest(ASKED).converted_from is None
    assert world.asked == [f"GET {MANIFEST}"]


# -- tokens ------------------------------------------------------------------------------------------------------


def guarded(world: World, token: bytes, realm: str = "https://auth.test/token") -> World:
    world.on(
        "GET /v2/", said(401, b"", Docker_Distribution_Api_Version="registry/2.0", WWW_Authenticate=f'Bearer realm="{realm}"')
    )
    return world.on("GET /token", lambda request: said(200, token)).on(f"GET {MANIFEST}", said(200, IMAGE.body))


@pytest.mark.parametrize(
    "life",
    [
        "0",
        "-1",
        "1",
        "60",
        "300",
        "3600",
        "86400",
        "1e3",
        "1e308",
        "1e400",
        "1" + "0" * 400,
        "-1e400",
        "NaN",
        "Infinity",
        "true",
        "null",
        '"300"',
        "[]",
        "{}",
    ],
)
def test_any_life_of_a_token_is_understood_or_passed_over(world: World, life: str) -> None:
    guarded(world, b'{"token":"t","expires_in":%s}' % life.encode())
    with world.visit() as visit:
        assert visit.manifest(ASKED).body == IMAGE.body
    assert world.sent[-1].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    "realm",
    [
        "https://[::1",
        "https://auth[.test/",
        "https://auth.test]/",
        "//auth.test/token",
        "auth.test/token",
        "ftp://auth.test/",
        "https://",
        "https:///token",
        "file:///etc/passwd",
        "http://auth.test/token",
        "https://\u2100.test/",
    ],
)
def test_a_realm_that_is_no_place_to_ask_is_refused(world: World, realm: str) -> None:
    value = b'Bearer realm="' + realm.encode("utf-8") + b'"'
    headers = [(b"Docker-Distribution-Api-Version", b"registry/2.0"), (b"WWW-Authenticate", value)]
    world.on("GET /v2/", httpx.Response(401, headers=headers, stream=httpx.ByteStream(b"")))
    with world.visit() as visit, pytest.raises(errors.SourceError):
        visit.manifest(ASKED)
    assert len(world.sent) == 1


@pytest.mark.parametrize("port", ["65536", "99999", "x", "-1"])
def test_a_realm_at_a_port_that_is_none_is_typed(port: str) -> None:
    world = guarded(World(), b"{}", f"https://auth.test:{port}/token")
    with world.visit() as visit, pytest.raises(errors.SourceError):
        visit.manifest(ASKED)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"t"', b"1", b"[" * 100_000, b"\xff", b'{"token":1}', b'{"token":"t\\n"}']
)
def test_a_token_answer_that_is_none_is_typed(world: World, body: bytes) -> None:
    guarded(world, body[:60_000])
    with world.visit() as visit, pytest.raises(errors.UnauthorizedError):
        visit.manifest(ASKED)
    assert MANIFEST not in [one.url.path for one in world.sent]


def test_a_new_challenge_is_learnt_and_the_question_asked_again(world: World) -> None:
    """The greeting asked for nothing; the manifest does."""
    refusal = said(401, b"", WWW_Authenticate='Bearer realm="https://auth.test/token"')
    world.on("GET /token", said(200, b'{"token":"t"}')).on(f"GET {MANIFEST}", refusal, said(200, IMAGE.body))
    with world.visit() as visit:
        assert visit.manifest(ASKED).body == IMAGE.body
    assert world.asked == [f"GET {MANIFEST}", "GET /token", f"GET {MANIFEST}"]


# -- redirects ---------------------------------------------------------------------------------------------------

PLAIN: Final = EndpointAddress("http://h.test", "none", must_say_version=True)


@pytest.mark.parametrize("location", ["http://cdn.test/x", "http://10.0.0.1/x", "http://h.test:81/x", "//cdn.test/x"])
def test_a_redirect_to_another_host_in_plain_http_is_not_followed(world: World, location: str) -> None:
    world.on(f"GET {BLOB}", said(307, b"", Location=location))
    with world.visit(PLAIN) as visit, pytest.raises(errors.AddressError, match="plain http"):
        visit.blob(DIGEST)
    assert {one.url.host for one in world.sent} == {"h.test"}


@pytest.mark.parametrize(
    ("location", "network"),
    [
        ("http://127.0.0.1:81/x", Network()),
        ("http://localhost/x", Network()),
        ("http://cdn.test/x", Network(insecure=frozenset(["cdn.test"]))),
        ("http://h.test/x", Network()),
        ("/x", Network()),
        ("https://cdn.test/x", Network()),
    ],
)
def test_a_redirect_is_followed_to_where_the_user_allows(world: World, location: str, network: Network) -> None:
    world.on(f"GET {BLOB}", said(307, b"", Location=location)).on("GET /x", said(200, DATA))
    with world.visit(PLAIN, network=network) as visit:
        assert b"".join(visit.blob(DIGEST).chunks) == DATA
    assert world.sent[-1].url.path == "/x"


@pytest.mark.parametrize(
    "location",
    ["https://h.test\u2100/", "https://xn--\u00e4/", "https://[::1", "https://h:x/", "https://h.test:99999999/", "https://[x]/"],
)
def test_a_redirect_to_what_is_no_url_is_typed(world: World, location: str) -> None:
    headers = [(b"Location", location.encode())]
    world.on(f"GET {BLOB}", httpx.Response(307, headers=headers, stream=httpx.ByteStream(b"")))
    with world.visit() as visit, pytest.raises(errors.SourceError):
        visit.blob(DIGEST)
    rows = [row for row in visit.drain() if isinstance(row, Request)]
    assert all("REDACTED" not in row.url for row in rows)


def test_a_rest_is_asked_for_elsewhere_and_nothing_else_is_told_there(world: World) -> None:
    world.on(f"GET {BLOB}", said(307, b"", Location="https://cdn.test/x")).on("GET /x", rest())
    credentials = Credentials("ada", "opensesame", ())
    world.on("GET /v2/", said(401, b"", Docker_Distribution_Api_Version="registry/2.0", WWW_Authenticate="Basic"))
    with world.visit(credentials=credentials) as visit:
        assert b"".join(visit.blob(DIGEST, Resume(50, 200, '"1"')).chunks) == DATA[50:]
    assert world.sent[-2].headers["Authorization"].startswith("Basic ")
    assert world.sent[-1].headers["Range"] == "bytes=50-"
    assert "Authorization" not in world.sent[-1].headers


# -- bodies ------------------------------------------------------------------------------------------------------


def test_an_answer_that_a_transport_has_read_already_is_handed_over(world: World) -> None:
    world.on(f"GET {BLOB}", httpx.Response(200, content=DATA))
    with world.visit() as visit:
        assert b"".join(visit.blob(DIGEST).chunks) == DATA


def test_an_answer_cut_short_by_a_transport_is_typed(world: World) -> None:
    world.on(f"GET {BLOB}", said(200, DATA, Content_Length="201"))
    with world.visit() as visit, pytest.raises(errors.UnreachableError, match="201 bytes were announced and 200 came"):
        b"".join(visit.blob(DIGEST).chunks)


class Broken(httpx.SyncByteStream):
    """A body that breaks."""

    def __iter__(self) -> Iterator[bytes]:
        yield DATA[:10]
        raise httpx.ReadError("reset")


def test_a_body_that_breaks_is_typed_and_a_row(world: World) -> None:
    world.on(f"GET {BLOB}", httpx.Response(200, stream=Broken()))
    with world.visit() as visit:
        with pytest.raises(errors.UnreachableError, match="reset"):
            b"".join(visit.blob(DIGEST).chunks)
        row = [row for row in visit.drain() if isinstance(row, Request)][-1]
    assert (row.received, row.error) == (10, "reset")


def test_docker_undid_a_coding_whatever_the_size_of_it(world: World) -> None:
    body = IMAGE.body.ljust(3_000_000)
    world.on(f"GET {MANIFEST}", said(200, gzip.compress(body), Content_Encoding="gzip"))
    with world.visit(as_seed=True) as visit:
        assert visit.manifest(ASKED).body == body


@pytest.mark.parametrize("cut", [1, 8, 9, 100])
def test_a_coding_cut_short_is_not_a_shorter_body(world: World, cut: int) -> None:
    coded = gzip.compress(IMAGE.body)[:-cut]
    world.on(f"GET {MANIFEST}", said(200, coded, Content_Encoding="gzip"))
    with world.visit(as_seed=True) as visit, pytest.raises(errors.SourceError):
        visit.manifest(ASKED)


# -- lists -------------------------------------------------------------------------------------------------------


def test_a_list_of_tags_without_end_ends_in_an_error(world: World) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        number = len(world.sent)
        return said(200, b'{"tags":["%d"]}' % number, Link=f"<?n={number}>; rel=next")

    world.on("GET /v2/a/tags/list", page)
    with world.visit() as visit, pytest.raises(errors.LimitError, match="more than 1000 pages"):
        visit.tags()
    assert len(world.asked) == 1_000


@pytest.mark.parametrize("url", ["https://[::1?sig=1", "https://u:p@[x?sig=1", "https://u:p@[x#sig"])
def test_what_is_no_url_is_not_shown(url: str) -> None:
    assert redacted(url) == "https:REDACTED"


# -- greetings ---------------------------------------------------------------------------------------------------


def test_a_registry_that_is_busy_at_the_greeting_is_not_taken_for_another_kind(world: World) -> None:
    world.on("GET /v2/", lambda request: said(429, b"slow down"))
    with world.visit() as visit, pytest.raises(errors.RateLimitError):
        visit.manifest(ASKED)
    (row,) = [row for row in visit.drain() if isinstance(row, Endpoint)]
    assert (row.outcome, row.fallback) == ("failed", False)


# -- the old protocol --------------------------------------------------------------------------------------------

OLD: Final = [EndpointAddress(f"https://{name}.test", "verified", must_say_version=False, version="v1") for name in ("h", "i")]


def test_the_old_protocol_has_no_digests_and_no_referrers(world: World) -> None:
    by_digest = Reference.parse(f"h.test/a@{DIGEST}")
    world.on("GET /v1/_ping", said(200))
    with world.visit(OLD[0]) as visit:
        with pytest.raises(errors.SourceError) as caught:
            visit.manifest(by_digest)
        assert caught.value.code == "no-support"
        assert visit.referrers(DIGEST).way == "none"
        with pytest.raises(errors.SourceError):
            visit.blob(DIGEST)
        with pytest.raises(errors.SourceError):
            visit.tags()
    rows = [row for row in visit.drain() if isinstance(row, Endpoint)]
    assert [(row.version, row.outcome) for row in rows] == [("v1", "used")]


def test_docker_reported_what_the_new_protocol_said_of_a_digest(world: World) -> None:
    unknown = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()
    world.on(f"GET /v2/a/manifests/{DIGEST}", said(404, unknown))
    new = EndpointAddress("https://h.test", "verified", must_say_version=True)
    by_digest = Reference.parse(f"h.test/a@{DIGEST}")
    with world.visit(new, *OLD, as_seed=True) as visit:
        messages: list[str] = []
        reported: tk.ToolkitError | None = None
        while reported is None:
            with pytest.raises(errors.SourceError) as caught:
                visit.manifest(by_digest)
            messages.append(caught.value.message)
            reported = visit.next_endpoint(caught.value)
    assert messages == ["MANIFEST_UNKNOWN", *["Cannot pull by digest with v1 registry"] * 2]
    assert reported.message == "MANIFEST_UNKNOWN"
