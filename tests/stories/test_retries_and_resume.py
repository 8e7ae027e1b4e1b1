"""A registry that stumbles is asked again, politely and not for ever; a download goes on where it may, and only there."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest
from support.hostile_registry import (
    CREDENTIALS,
    FORMATS,
    IMAGES,
    MODERN,
    PING,
    REPOSITORY,
    TOKEN,
    TOKEN_ANSWER,
    VERSION,
    Format,
    Image,
    continuation,
    cut,
    network,
)
from support.hostile_server import Close, HostileServer, Reset, Scripted, Send, Wait, plain
from support.virtual_clock import VirtualClock

import toolkit as tk
from toolkit.digests import sha256
from toolkit.records import Pull, Request
from toolkit.references import resolve_repository
from toolkit.sources.registry import RegistrySource

OCI: Final = IMAGES["oci"]
MANIFEST: Final = OCI.path("manifests/1")
LAYER: Final = OCI.path(f"blobs/{OCI.layers[0]}")
WHOLE: Final = OCI.script["GET", LAYER][0]
DATA: Final = WHOLE.content
HALF: Final = len(DATA) // 2
ERROR: Final = b'{"errors":[{"code":"UNKNOWN","message":"no"}]}'
LATER: Final = plain(ERROR, status=429, words="Too Many Requests", **VERSION)
BUSY: Final = plain(ERROR, status=503, words="Service Unavailable", **VERSION)
TRIES: Final = 5

Answers = dict[str, Sequence[Scripted]]


@pytest.fixture(autouse=True)
def _real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are what they are: the clock is ours."""
    monkeypatch.setattr("toolkit.sources.retries._FIRST_PAUSE", 1.0)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """A registry to be scripted."""
    with HostileServer() as started:
        yield started


def play(server: HostileServer, answers: Answers, image: Image = OCI) -> None:
    """Serve an image, with other answers at some paths."""
    server.clock = VirtualClock()
    server.play({**image.script, **{("GET", path): some for path, some in answers.items()}})


def pull(
    server: HostileServer, graph: tk.Graph, *, reference: str = f"{REPOSITORY}:1", **members: Any
) -> tk.Report | tk.ToolkitError:
    """Pull, with one worker."""
    source = RegistrySource(server.host, credentials=CREDENTIALS, network=network(server.clock, **members))
    try:
        return tk.pull(f"{server.host}/{reference}", graph, source=source, workers=1)
    except tk.ToolkitError as error:
        return error


def rows_of(outcome: tk.Report | tk.ToolkitError, path: str) -> list[Request]:
    """The rows of the requests for a path."""
    report = outcome if isinstance(outcome, tk.Report) else outcome.report
    rows: list[Request] = report.records(Request)
    return [row for row in rows if row.url.partition("?")[0].endswith(path)]


def code_of(outcome: tk.Report | tk.ToolkitError) -> str:
    """What the call came to."""
    report = outcome if isinstance(outcome, tk.Report) else outcome.report
    row: Pull = report.records(Pull)[-1]
    return row.error_code or row.outcome


def asked_of(server: HostileServer, path: str) -> int:
    """How many requests for a path arrived."""
    return sum(one.path == path for one in server.received)


def ranges_of(server: HostileServer, path: str = LAYER) -> list[str | None]:
    """The Range headers of the requests for a path."""
    return [one.header("Range") for one in server.received if one.path == path]


# -- asking again ------------------------------------------------------------------------------------------------


def test_retry_after_is_obeyed_and_every_try_is_a_row(server: HostileServer, graph: tk.Graph) -> None:
    later = [LATER.having("Retry-After", "7"), BUSY.having("Retry-After", "60"), BUSY.having("Retry-After", "0")]
    play(server, {MANIFEST: [*later, *OCI.script["GET", MANIFEST]]})
    outcome = pull(server, graph)
    assert code_of(outcome) == "accepted"
    assert server.clock.slept == [7.0, 60.0, 0.0]
    assert [(row.attempt, row.status, row.retry_after) for row in rows_of(outcome, MANIFEST)] == [
        (1, 429, "7"),
        (2, 503, "60"),
        (3, 503, "0"),
        (4, 200, None),
    ]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_without_retry_after_the_pauses_grow_and_end(server: HostileServer, graph: tk.Graph, status: int) -> None:
    play(server, {MANIFEST: [plain(ERROR, status=status, words="No", **VERSION)]})
    outcome = pull(server, graph)
    assert code_of(outcome) == ("rate-limit" if status == 429 else "registry-response")
    assert [row.attempt for row in rows_of(outcome, MANIFEST)] == list(range(1, TRIES + 1))
    assert asked_of(server, MANIFEST) == TRIES
    slept = server.clock.slept
    assert len(slept) == TRIES - 1
    for number, seconds in enumerate(slept):
        assert 0.5 * 2**number <= seconds <= 1.5 * 2**number


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_a_connection_that_breaks_before_the_head_is_tried_again(server: HostileServer, graph: tk.Graph, end: Any) -> None:
    broken = Scripted(before=(end,), line=None)
    play(server, {MANIFEST: [broken, broken, *OCI.script["GET", MANIFEST]]})
    outcome = pull(server, graph)
    assert code_of(outcome) == "accepted"
    rows = rows_of(outcome, MANIFEST)
    assert rows[-1].status == 200
    assert [row.attempt for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.error for row in rows[:-1])


def soon(seconds: float) -> str:
    """A date, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "text",
    ["61", "31536000", "9" * 400, "soon", "", "-1", "1.5", "7, 8", "0x10", "\uff11\uff10", "Wed, 21 Oct 2099 07:28:00 GMT"],
)
def test_more_patience_than_ours_is_refused_at_once(server: HostileServer, graph: tk.Graph, status: int, text: str) -> None:
    answer = plain(ERROR, status=status, words="No", **VERSION)
    play(server, {MANIFEST: [answer.having("Retry-After", text.encode())]})
    outcome = pull(server, graph)
    assert code_of(outcome) == "rate-limit"
    assert asked_of(server, MANIFEST) == 1
    assert server.clock.slept == []


@pytest.mark.parametrize(("away", "least", "most"), [(30, 20, 31), (-3600, 0, 0)])
def test_a_date_is_understood(server: HostileServer, graph: tk.Graph, away: float, least: float, most: float) -> None:
    play(server, {MANIFEST: [LATER.having("Retry-After", soon(away)), *OCI.script["GET", MANIFEST]]})
    assert code_of(pull(server, graph)) == "accepted"
    (slept,) = server.clock.slept
    assert least <= slept <= most


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 410, 418, 425, 451, 500, 501, 505, 507, 599])
def test_what_does_not_pass_is_not_asked_again(server: HostileServer, graph: tk.Graph, status: int) -> None:
    play(server, {MANIFEST: [plain(ERROR, status=status, words="No", Retry_After="1", **VERSION)]})
    pull(server, graph)
    assert asked_of(server, MANIFEST) == (2 if status == 401 else 1)  # a refused token is renewed once
    assert server.clock.slept == []


def test_tries_are_not_multiplied(server: HostileServer, graph: tk.Graph) -> None:
    """Four resets and a cut body, again and again: five tries of a blob are five requests and not five times five."""
    broken = Scripted(before=(Reset(),), line=None)
    play(server, {LAYER: [*([broken] * 4), cut(WHOLE, 0)] * 10})
    assert code_of(pull(server, graph)) in ("blob-size", "unreachable")
    assert asked_of(server, LAYER) <= 2 * TRIES  # a kept connection that went stale may be replaced


def test_a_body_that_grows_with_every_try_is_given_up(server: HostileServer, graph: tk.Graph) -> None:
    """Without a length nothing can go on, and a few bytes more each time are no progress."""
    growing = [cut(WHOLE.having("Content-Length").having("Transfer-Encoding", "chunked"), 0)] * 60
    steps = [replace(one, body=(Send(b"%x\r\n%s" % (len(DATA), DATA[:size])), Close())) for size, one in enumerate(growing, 1)]
    play(server, {LAYER: steps})
    assert code_of(pull(server, graph)) == "blob-size"
    assert asked_of(server, LAYER) <= 2 * TRIES


def test_the_user_s_budget_ends_a_visit(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {})
    outcome = pull(server, graph, budget=4)
    assert code_of(outcome) == "rate-limit"
    assert len(server.received) <= 4


def test_when_the_registry_says_that_nothing_remains_no_manifest_is_asked_for(server: HostileServer, graph: tk.Graph) -> None:
    path = OCI.path("manifests/index")
    play(server, {path: [OCI.script["GET", path][0].having("RateLimit-Remaining", "0;w=21600")]})
    outcome = pull(server, graph, reference=f"{REPOSITORY}:index")
    assert code_of(outcome) == "rate-limit"
    assert asked_of(server, OCI.path(f"manifests/{OCI.child}")) == 0


# -- going on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("sixteenth", range(16))
def test_a_cut_body_goes_on_where_it_was_cut(server: HostileServer, graph: tk.Graph, form: Format, sixteenth: int) -> None:
    image = IMAGES[form]
    path = image.path(f"blobs/{image.layers[0]}")
    whole = image.script["GET", path][0]
    at = len(whole.content) * sixteenth // 16
    play(server, {path: [cut(whole, at), continuation(whole, at) if at else whole]}, image)
    outcome = pull(server, graph)
    assert code_of(outcome) == "accepted"
    assert b"".join(graph.blobs.chunks(image.layers[0])) == whole.content
    assert ranges_of(server, path) == [None, f"bytes={at}-" if at else None]
    rows = rows_of(outcome, path)
    assert [row.status for row in rows] == [200, 206 if at else 200]
    assert [row.range for row in rows] == [None, f"bytes={at}-" if at else None]
    assert rows[1].attempt == (1 if at else 2)  # who makes progress begins to count anew
    assert sum(row.received for row in rows) == len(whole.content)
    assert rows[0].error is not None


def test_a_body_may_be_cut_as_often_as_it_makes_progress(server: HostileServer, graph: tk.Graph) -> None:
    stops = [len(DATA) * number // 16 for number in range(1, 17)]
    answers = [cut(WHOLE, stops[0])]
    for start, end in itertools.pairwise(stops):
        answers.append(cut(continuation(WHOLE, start), end - start))
    play(server, {LAYER: answers})
    assert code_of(pull(server, graph)) == "accepted"
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA
    assert ranges_of(server) == [None, *(f"bytes={start}-" for start in stops[:-1])]


def test_after_a_pull_that_failed_the_next_goes_on(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {LAYER: [cut(WHOLE, HALF), Scripted(before=(Close(),), line=None)]})
    assert code_of(pull(server, graph)) in ("unreachable", "blob-size")
    play(server, {LAYER: [continuation(WHOLE, HALF)]})
    outcome = pull(server, graph)
    assert code_of(outcome) == "accepted"
    assert ranges_of(server) == [f"bytes={HALF}-"]
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


REST: Final = continuation(WHOLE, HALF)
SIZE: Final = len(DATA)


def ranged(*values: str) -> Scripted:
    """The rest, under other words about where it belongs."""
    return REST.having("Content-Range", *values)


WRONG: Final[dict[str, Scripted]] = {
    "starts one later": ranged(f"bytes {HALF + 1}-{SIZE - 1}/{SIZE}"),
    "starts one earlier": ranged(f"bytes {HALF - 1}-{SIZE - 1}/{SIZE}"),
    "starts at 0": ranged(f"bytes 0-{SIZE - 1}/{SIZE}"),
    "ends one earlier": ranged(f"bytes {HALF}-{SIZE - 2}/{SIZE}"),
    "ends one later": ranged(f"bytes {HALF}-{SIZE}/{SIZE}"),
    "another total": ranged(f"bytes {HALF}-{SIZE - 1}/{SIZE + 1}"),
    "total unknown": ranged(f"bytes {HALF}-{SIZE - 1}/*"),
    "range unknown": ranged(f"bytes */{SIZE}"),
    "another unit": ranged(f"lines {HALF}-{SIZE - 1}/{SIZE}"),
    "no unit": ranged(f"{HALF}-{SIZE - 1}/{SIZE}"),
    "a sign": ranged(f"bytes +{HALF}-{SIZE - 1}/{SIZE}"),
    "leading zero": ranged(f"bytes 0{HALF}-{SIZE - 1}/{SIZE}"),
    "twice": ranged(*[f"bytes {HALF}-{SIZE - 1}/{SIZE}"] * 2),
    "twice, differently": ranged(f"bytes {HALF}-{SIZE - 1}/{SIZE}", f"bytes 0-{SIZE - 1}/{SIZE}"),
    "not at all": ranged(),
    "in parts": ranged().having("Content-Type", "multipart/byteranges; boundary=x").saying(b"--x\r\n\r\n" + DATA[HALF:]),
    "one byte less": REST.saying(DATA[HALF:-1]),
    "one byte more": REST.saying(DATA[HALF:] + b"\0"),
    "another ETag": REST.having("ETag", '"another"'),
    "a weak ETag": REST.having("ETag", f'W/"{OCI.layers[0]}"'),
    "no ETag": REST.having("ETag"),
    "no validator": REST.having("ETag").having("Docker-Content-Digest"),
    "416": REST.saying(b"{}").status(416, "Range Not Satisfiable"),
}


@pytest.mark.parametrize("name", WRONG)
def test_any_other_answer_than_exactly_the_rest_starts_anew(server: HostileServer, graph: tk.Graph, name: str) -> None:
    play(server, {LAYER: [cut(WHOLE, HALF), WRONG[name], WHOLE]})
    outcome = pull(server, graph)
    assert code_of(outcome) == "accepted"
    assert ranges_of(server) == [None, f"bytes={HALF}-", None]
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


def test_the_whole_in_answer_to_a_range_starts_anew(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {LAYER: [cut(WHOLE, HALF), WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert ranges_of(server) == [None, f"bytes={HALF}-"]
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


def test_without_a_validator_nothing_goes_on(server: HostileServer, graph: tk.Graph) -> None:
    bare = WHOLE.having("ETag").having("Docker-Content-Digest")
    play(server, {LAYER: [cut(bare, HALF), bare]})
    assert code_of(pull(server, graph)) == "accepted"
    assert ranges_of(server) == [None, None]


def test_a_digest_is_a_validator_where_there_is_no_etag(server: HostileServer, graph: tk.Graph) -> None:
    bare = WHOLE.having("ETag")
    play(server, {LAYER: [cut(bare, HALF), continuation(bare, HALF)]})
    assert code_of(pull(server, graph)) == "accepted"
    assert ranges_of(server) == [None, f"bytes={HALF}-"]


def test_a_206_that_was_not_asked_for_is_no_blob(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {LAYER: [REST]})
    assert code_of(pull(server, graph)) == "registry-response"


def test_a_rest_of_other_bytes_is_never_accepted(server: HostileServer, graph: tk.Graph) -> None:
    """The rest of another blob, under the right words: it does not have the digest, whatever was said."""
    play(server, {LAYER: [cut(WHOLE, HALF), REST.saying(b"\0" * (SIZE - HALF)), REST.saying(b"\0" * (SIZE - HALF))]})
    assert code_of(pull(server, graph)) != "accepted"
    assert graph.blobs.path(OCI.layers[0]) is None


def test_a_splice_is_no_verdict_before_one_clean_start(server: HostileServer, graph: tk.Graph) -> None:
    """Who was told the wrong half once, gets the right whole from the same registry: nothing is wrong with the image."""
    play(server, {LAYER: [cut(WHOLE, HALF), REST.saying(b"\0" * (SIZE - HALF)), WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


def test_what_a_liar_left_behind_does_not_accuse_the_honest(server: HostileServer, graph: tk.Graph) -> None:
    """A false first half, cut off and kept, under the honest one's validator: the next registry's image is faultless."""
    liar = cut(WHOLE.saying(b"\0" * SIZE), HALF)
    play(server, {LAYER: [liar, Scripted(before=(Close(),), line=None)]})
    assert code_of(pull(server, graph)) in ("unreachable", "blob-size")
    play(server, {LAYER: [REST, WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


def test_what_rotted_meanwhile_is_not_relied_upon(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {LAYER: [cut(WHOLE, HALF), Scripted(before=(Close(),), line=None)]})
    pull(server, graph)
    (partial,) = [path for path in graph.layout.ingest.rglob("*") if path.is_file() and path.stat().st_size == HALF]
    partial.write_bytes(b"\xff" + partial.read_bytes()[1:])
    play(server, {LAYER: [REST, WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert b"".join(graph.blobs.chunks(OCI.layers[0])) == DATA


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"announced":-1,"validator":"x"}', b'{"announced":1e400}', b"[" * 100_000])
def test_a_note_nobody_can_read_starts_anew(server: HostileServer, graph: tk.Graph, text: bytes) -> None:
    play(server, {LAYER: [cut(WHOLE, HALF), Scripted(before=(Close(),), line=None)]})
    pull(server, graph)
    (note,) = graph.layout.ingest.rglob("*.json")
    note.write_bytes(text)
    play(server, {LAYER: [WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert ranges_of(server) == [None]


# -- tokens ------------------------------------------------------------------------------------------------------

TOKENS: Final = [plain(json.dumps({"token": f"{TOKEN}-{number}"}).encode()) for number in range(8)]
REFUSED: Final = PING.saying(ERROR)


LIVES: Final[tuple[object, ...]] = (-1, 0, 1, True, "3600", None, [], 10**30, float("inf"), float("nan"))


def authorizations(server: HostileServer, path: str) -> list[str | None]:
    """What was sent with the requests for a path."""
    return [one.header("Authorization") for one in server.received if one.path == path]


def test_a_token_that_is_refused_in_mid_pull_is_renewed(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {"/token": TOKENS, LAYER: [REFUSED, WHOLE]})
    assert code_of(pull(server, graph)) == "accepted"
    assert authorizations(server, LAYER) == [f"Bearer {TOKEN}-0", f"Bearer {TOKEN}-1"]
    assert asked_of(server, "/token") == 2


def test_a_token_that_is_refused_in_mid_blob_is_renewed_and_the_blob_goes_on(server: HostileServer, graph: tk.Graph) -> None:
    play(server, {"/token": TOKENS, LAYER: [cut(WHOLE, HALF), REFUSED, REST]})
    assert code_of(pull(server, graph)) == "accepted"
    assert ranges_of(server) == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    assert authorizations(server, LAYER)[-1] == f"Bearer {TOKEN}-1"


def test_a_token_that_ran_out_is_renewed_before_it_is_refused(server: HostileServer, graph: tk.Graph) -> None:
    config = OCI.path(f"blobs/{OCI.config}")
    slow = [replace(OCI.script["GET", path][0], before=(Wait(40.0),)) for path in (MANIFEST, config)]
    play(server, {"/token": TOKENS, MANIFEST: [slow[0]], config: [slow[1]]})
    assert code_of(pull(server, graph)) == "accepted"
    assert authorizations(server, MANIFEST) == [f"Bearer {TOKEN}-0"]
    assert authorizations(server, LAYER) == [f"Bearer {TOKEN}-1"]


@pytest.mark.parametrize("path", [MANIFEST, LAYER])
def test_at_most_two_tokens_are_fetched_for_a_request(server: HostileServer, graph: tk.Graph, path: str) -> None:
    play(server, {"/token": TOKENS, path: [REFUSED]})
    assert code_of(pull(server, graph)) == "unauthorized"
    assert asked_of(server, path) == 2
    assert asked_of(server, "/token") == 2


def test_a_registry_that_wants_something_new_each_time_is_not_followed_for_ever(server: HostileServer, graph: tk.Graph) -> None:
    moods = [
        REFUSED.having("WWW-Authenticate", f'Bearer realm="http://{{here}}/token",service="{number}"') for number in range(20)
    ]
    play(server, {"/token": TOKENS, MANIFEST: moods})
    assert code_of(pull(server, graph)) == "unauthorized"
    assert asked_of(server, "/token") <= 2


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": TOKEN},
        {"token": TOKEN, "access_token": "other"},
        {"token": "", "access_token": TOKEN},
        {"token": None, "access_token": TOKEN},
        *({"token": TOKEN, "expires_in": life} for life in LIVES),
        {"token": TOKEN, "expires_in": 300, "issued_at": "1969-01-01T00:00:00Z", "refresh_token": "x"},
    ],
)
def test_a_token_is_found_under_either_name(server: HostileServer, graph: tk.Graph, document: dict[str, Any]) -> None:
    play(server, {"/token": [TOKEN_ANSWER.saying(json.dumps(document).encode())]})
    assert code_of(pull(server, graph)) == "accepted"
    assert set(authorizations(server, MANIFEST)) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"token":5}',
        b'{"token":["x"]}',
        b'{"token":{}}',
        b'{"token":"x"',
        b'{"token":"a\\r\\nX: y"}',
        b'{"token":"a\\u0000"}',
        '{"token":"ü"}'.encode(),
        b'{"token":"\\ud800"}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"token":' + b"9" * 5_000 + b"}",
        b'{"token":"' + b"x" * 65_536 + b'"}',
    ],
)
def test_what_is_no_token_is_not_sent(server: HostileServer, graph: tk.Graph, body: bytes) -> None:
    play(server, {"/token": [TOKEN_ANSWER.saying(body)]})
    assert code_of(pull(server, graph)) == "unauthorized"
    assert asked_of(server, MANIFEST) == 0


@pytest.mark.parametrize(
    "more",
    ["", ',scope="repository:other:pull,push"', ',scope="registry:catalog:*"', ',scope="repository:lab/x:pull x"', ",scope="],
)
def test_the_scope_is_ours_whatever_the_challenge_says(server: HostileServer, graph: tk.Graph, more: str) -> None:
    challenge = f'Bearer realm="http://{{here}}/token",service="here"{more}'
    play(server, {"/v2/": [PING.having("WWW-Authenticate", challenge)]})
    assert code_of(pull(server, graph)) == "accepted"
    (asked,) = [one.target for one in server.received if one.path == "/token"]
    assert asked == "/token?account=ada&scope=repository%3Alab%2Fx%3Apull&service=here"


REALMS: Final[dict[str, str | bytes]] = {
    "none": "Bearer",
    "empty": 'Bearer realm=""',
    "no URL": 'Bearer realm="http://[::1"',
    "no host": 'Bearer realm="http:///token"',
    "a path": 'Bearer realm="/token"',
    "a file": 'Bearer realm="file:///etc/passwd"',
    "a port beyond": 'Bearer realm="http://127.0.0.1:99999/token"',
    "a port that is none": 'Bearer realm="http://127.0.0.1:x/token"',
    "metadata": 'Bearer realm="https://169.254.169.254/token"',
    "metadata, plain": 'Bearer realm="http://169.254.169.254/token"',
    "metadata, by name": 'Bearer realm="https://metadata.example/token"',
    "another host": 'Bearer realm="https://attacker.example/token"',
    "another port": 'Bearer realm="http://127.0.0.1:1/token"',
    "our host as a user": 'Bearer realm="http://{here}@127.0.0.1:1/token"',
    "a backslash": 'Bearer realm="http://{here}\\\\@127.0.0.1:1/token"',
    "a line feed": 'Bearer realm="http://127.0.0.1:1/tok\\\nen"',
    "a blank": 'Bearer realm="http://127.0.0.1 :1/token"',
    "a fragment": 'Bearer realm="http://127.0.0.1:1#@{here}/token"',
    "full width": 'Bearer realm="http://127.0.0.1\uff1a1/token"'.encode(),
}


@pytest.mark.parametrize("credentials", [CREDENTIALS, None], ids=["with a password", "anonymous"])
@pytest.mark.parametrize("name", REALMS)
def test_a_realm_that_is_none_of_ours_gets_nothing(server: HostileServer, graph: tk.Graph, name: str, credentials: Any) -> None:
    play(server, {"/v2/": [PING.having("WWW-Authenticate", REALMS[name])], MANIFEST: [REFUSED]})
    source = RegistrySource(server.host, credentials=credentials, network=network(server.clock))
    with pytest.raises(tk.ToolkitError) as caught:
        tk.pull(f"{server.host}/{REPOSITORY}:1", graph, source=source, workers=1)
    expected = "registry-response" if name == "a line feed" else "unauthorized"  # the one is no header to begin with
    assert caught.value.code == expected
    assert all(one.header("Authorization") is None for one in server.received)


# -- tags --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", MODERN)
def test_a_tag_that_moves_during_a_pull_is_the_first_it_named(server: HostileServer, graph: tk.Graph, form: Format) -> None:
    """The index is asked for once, by tag; all below it by digest, so that nothing of two images is mixed."""
    image = IMAGES[form]
    tag = image.path("manifests/index")
    first = image.script["GET", tag][0]
    other = json.dumps({**json.loads(first.content), "annotations": {"moved": "yes"}}).encode()
    moved = first.saying(other).having("Docker-Content-Digest", sha256(other))
    play(server, {tag: [first, moved]}, image)
    outcome = pull(server, graph, reference=f"{REPOSITORY}:index")
    assert code_of(outcome) == "accepted"
    assert isinstance(outcome, tk.Report)
    assert outcome.digest == sha256(first.content)
    assert asked_of(server, tag) == 1
    again = pull(server, graph, reference=f"{REPOSITORY}:index")
    assert isinstance(again, tk.Report)
    assert again.digest == sha256(other)


def test_a_tag_that_moves_between_a_failed_try_and_the_next_is_the_one_that_came(server: HostileServer, graph: tk.Graph) -> None:
    """Nothing of an answer that failed is used."""
    first = OCI.script["GET", MANIFEST][0]
    other = json.dumps({**json.loads(first.content), "annotations": {"moved": "yes"}}).encode()
    moved = first.saying(other).having("Docker-Content-Digest", sha256(other))
    play(server, {MANIFEST: [BUSY.having("Docker-Content-Digest", sha256(first.content)), moved]})
    outcome = pull(server, graph)
    assert isinstance(outcome, tk.Report)
    assert outcome.digest == sha256(other)


TAGS: Final = OCI.path("tags/list")
PAGES: Final[dict[str, tuple[str, ...]]] = {
    "itself": ('<{same}>; rel="next"',),
    "the first page": (f'<{TAGS}?n=1>; rel="next"', f'<{TAGS}>; rel="next"'),
    "another host": ('<http://attacker.example/v2/lab/x/tags/list>; rel="next"',),
    "another host, short": ('<//attacker.example/v2/lab/x/tags/list>; rel="next"',),
    "another port": ('<http://127.0.0.1:1/v2/lab/x/tags/list>; rel="next"',),
    "another scheme": ('<https://{here}/v2/lab/x/tags/list>; rel="next"',),
    "a user": ('<http://attacker.example@{here}/v2/lab/x/tags/list>; rel="next"',),
    "a backslash": ('<\\\\attacker.example/x>; rel="next"',),
    "a tab": ('<\thttps://attacker.example/x>; rel="next"',),
    "a file": ('<file:///etc/passwd>; rel="next"',),
    "no URL": ('<http://[::1>; rel="next"',),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_list_that_goes_on_elsewhere_or_in_a_circle_is_no_list(server: HostileServer, name: str) -> None:
    page = plain(b'{"tags":["a"]}', Content_Type="application/json", **VERSION)
    play(server, {TAGS: [page.having("Link", link) for link in PAGES[name]]})
    source = RegistrySource(server.host, credentials=CREDENTIALS, network=network(server.clock))
    with source.connect(resolve_repository(f"{server.host}/{REPOSITORY}")) as connection:
        with pytest.raises(tk.ToolkitError) as caught:
            connection.tags()
        connection.drain()
    assert caught.value.code == "registry-response"
    assert asked_of(server, TAGS) <= 2


def test_a_list_without_end_is_no_list(server: HostileServer) -> None:
    page = plain(b'{"tags":["a"]}', Content_Type="application/json", Link='<{same}0>; rel="next"', **VERSION)
    play(server, {TAGS: [page.having("Link", f'<{TAGS}?last=1>; rel="next"'), page]})
    source = RegistrySource(server.host, credentials=CREDENTIALS, network=network(server.clock))
    with source.connect(resolve_repository(f"{server.host}/{REPOSITORY}")) as connection:
        with pytest.raises(tk.ToolkitError) as caught:
            connection.tags()
        connection.drain()
    assert caught.value.code == "limit"
    assert asked_of(server, TAGS) <= 1000


# -- the tools themselves ----------------------------------------------------------------------------------------


def test_the_clock_moves_only_for_who_waits(server: HostileServer) -> None:
    """A minute for each of three bytes, and the client has two minutes' patience for the whole."""
    play(server, {"/slow": [Scripted(before=(Send(b"a", 3, 60.0), Close()), line=None)]})
    host, port = server.host.split(":")
    buffer = memoryview(bytearray(10))
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        assert server.clock.receive(client, buffer, 10.0) == 1
        assert server.clock.spent == 0.0
        assert server.clock.receive(client, buffer, 60.0) == 1
        assert server.clock.spent == 60.0
        with pytest.raises(TimeoutError):
            server.clock.receive(client, buffer, 59.0)
        assert server.clock.spent == 119.0
        assert server.clock.receive(client, buffer, 59.0) == 1
        assert server.clock.receive(client, buffer, 600.0) == 0
        assert server.clock.spent == 180.0
    assert [one.head for one in server.received] == [b"GET /slow HTTP/1.1"]


def test_the_nth_request_gets_the_nth_answer_and_the_last_repeats(server: HostileServer) -> None:
    server.play({("GET", "/x"): [plain(b"1"), plain(b"2")], ("GET", "/x?y=1"): [plain(b"3")]})
    targets = [b"/x", b"/x", b"/x?z", b"/x?y=1", b"/nowhere"]
    answers = [server.next_answer(b"GET " + target + b" HTTP/1.1")[1].content for target in targets]
    assert answers == [b"1", b"2", b"2", b"3", b"404 page not found\n"]
