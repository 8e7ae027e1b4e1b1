"""A registry that does everything wrong, at every place of a visit, in every format: what comes of it is foreseen."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from support.artefacts import error_shown, everything_kept, everything_shown, rows_shown
from support.faults import FAULTS, Fault, Kind
from support.hostile_registry import (
    CANARIES,
    CREDENTIALS,
    FORMATS,
    IMAGES,
    MODERN,
    PING,
    PLACES,
    Format,
    Image,
    Listing,
    Outcome,
    Place,
    network,
    pull_as_seed,
    pull_tag,
)
from support.hostile_server import HostileServer, Scripted, plain
from support.routes import nobody
from support.virtual_clock import VirtualClock

import toolkit as tk
from toolkit.digests import Digest
from toolkit.pulling import transfer
from toolkit.records import Pull, Request
from toolkit.sources.registry import RegistrySource

CASES: Final = [(place, form) for place in PLACES for form in place.formats]
LONGEST: Final = 300.0
"""Seconds of the virtual clock: five tries, and a minute for each."""
MOST_REQUESTS: Final = 30

_connected: list[tuple[Any, ...]] = []


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        _connected.append(arguments[1])


sys.addaudithook(_listen)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in memory where there is one; limits that are reached soon, pauses as they are, and no waiting for disks."""
    monkeypatch.setattr(transfer, "BLOB_LIMIT", 8 * 1024 * 1024)
    monkeypatch.setattr("toolkit.sources.retries._FIRST_PAUSE", 1.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # what a power cut leaves is not asked here
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@dataclass(slots=True)
class World:
    """The registry, the server it redirects to, and one that has no business in any of this."""

    registry: HostileServer = field(default_factory=HostileServer)
    cdn: HostileServer = field(default_factory=HostileServer)
    stranger: HostileServer = field(default_factory=HostileServer)

    @property
    def servers(self) -> tuple[HostileServer, ...]:
        """All three."""
        return self.registry, self.cdn, self.stranger


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Three servers on this machine."""
    made = World()
    with made.registry, made.cdn, made.stranger:
        for server in made.servers:
            server.names |= {"cdn": made.cdn.host, "stranger": made.stranger.host}
        yield made


# -- what must come of it ----------------------------------------------------------------------------------------

DOCUMENTS: Final = ("manifest by tag", "manifest by digest", "child manifest")
CONTENT: Final = ("config", "first layer", "second layer", "layer elsewhere", "layer continued")
LISTS: Final = ("tags page 1", "tags page 2")
REFERRERS: Final = ("referrers", "referrers tag")

CODES: Final[dict[Kind, str]] = {
    "none": "accepted",
    "broken": "unreachable",
    "slow": "deadline",
    "malformed": "registry-response",
    "coded": "registry-response",
    "redirect": "registry-response",
    "address": "address",
    "endless": "limit",
    "moved": "not-found",
    "status": "registry-response",
    "limited": "rate-limit",
    "content": "registry-response",
}
"""The rule: what comes of a fault of this kind, wherever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """An exception to the rule: for some faults (by name or kind) at some places, in some formats; and why."""

    faults: tuple[str, ...]
    places: tuple[str, ...]
    code: str
    why: str
    formats: tuple[Format, ...] = FORMATS

    def holds(self, fault: Fault, place: Place, form: Format) -> bool:
        """Whether this is such a case."""
        return (fault.name in self.faults or fault.kind in self.faults) and place.name in self.places and form in self.formats


TROUBLE: Final = tuple(kind for kind in CODES if kind != "none")
CUT: Final = ("body cut, closed", "body cut, reset", "length too long", "chunked, cut", "chunked, no last chunk")
AFTER_THE_HEAD: Final = (
    *CUT,
    "body cut before its first byte",
    "silent after the head",
    "body drips",
    "body drips, no length",
    "chunks drip",
    "body stalls in the middle",
    "chunk size is garbage",
    "chunk size beyond 64 bits",
    "chunk longer than its size",
    "chunk extension without end",
    "endless trailers",
)
BUSY: Final = ("status 502", "status 503", "status 504", "status 503, soon")
ABSENT: Final = ("status 404", "error with an empty list", "error that is no JSON", "moved")
OTHER_SIZE: Final = ("length too short", "empty body", "body twice", "JSON of 5 MiB", "JSON too deep", "a page of HTML")
WITHOUT_JUDGEMENT: Final = ("ping", "original of a schema1")
ASKED: Final = (*LISTS, *DOCUMENTS, *CONTENT, *REFERRERS)

OTHERWISE: Final = (
    Otherwise(
        faults=TROUBLE,
        places=("token",),
        code="unauthorized",
        why="whatever keeps a token away, there is none: Docker's own words, with the reason in them",
    ),
    Otherwise(
        faults=("body drips",),
        places=("ping",),
        code="unauthorized",
        why="two drips are all of this body; the third stands where the answer to the next question should",
    ),
    Otherwise(
        faults=(*AFTER_THE_HEAD, "status", "content", "endless", *BUSY),
        places=WITHOUT_JUDGEMENT,
        code="accepted",
        why="a ping says which protocol, a HEAD makes a claim: neither status nor body is judged",
    ),
    Otherwise(
        faults=("status 429", "status 429, soon"),
        places=("original of a schema1",),
        code="accepted",
        why="a claim that cannot be had is none",
    ),
    Otherwise(
        faults=("redirect without Location",), places=WITHOUT_JUDGEMENT, code="accepted", why="as any other status of these"
    ),
    Otherwise(faults=("moved",), places=("ping",), code="registry-response", why="the other host does not speak the protocol"),
    Otherwise(faults=("moved",), places=("original of a schema1",), code="accepted", why="a claim that cannot be had is none"),
    # -- an answer that says no
    Otherwise(faults=("status 401", "status 403"), places=ASKED, code="unauthorized", why="that is what they say"),
    Otherwise(
        faults=(*ABSENT, "status 400", "status 410", "status 501"),
        places=("referrers",),
        code="accepted",
        why="so does a registry answer that has no such API; the tag is asked",
    ),
    Otherwise(faults=ABSENT, places=("referrers tag",), code="accepted", why="nothing refers to it"),
    Otherwise(
        faults=(*ABSENT, "status 304"),
        places=("child manifest",),
        code="blob-present",
        why="a part of an image that is not there is a finding",
    ),
    Otherwise(faults=ABSENT, places=CONTENT, code="blob-present", why="as for a child manifest"),
    Otherwise(faults=(*ABSENT, "status 304"), places=DOCUMENTS, code="not-found", why="that is what they say"),
    Otherwise(faults=ABSENT, places=LISTS, code="not-found", why="that is what they say"),
    Otherwise(faults=BUSY, places=ASKED, code="registry-response", why="five tries, and it is still busy"),
    # -- well-formed HTTP with other bytes
    Otherwise(faults=("JSON of 5 MiB",), places=(*DOCUMENTS, *REFERRERS), code="limit", why="no document is that large"),
    Otherwise(faults=("JSON of 5 MiB",), places=LISTS, code="accepted", why="a list may be, and without `tags` it is empty"),
    Otherwise(faults=("a page of HTML",), places=("referrers",), code="accepted", why="no such API, then; the tag is asked"),
    Otherwise(faults=("content",), places=("referrers",), code="manifest-json", why="no list, and that is a finding"),
    Otherwise(faults=("content",), places=("referrers tag",), code="header-digest", why="the header names the honest one"),
    Otherwise(
        faults=("body twice",),
        places=("manifest by tag", "manifest by digest"),
        formats=("schema1",),
        code="json-unambiguous",
        why="the first of two documents is whole",
    ),
    Otherwise(
        faults=("a page of HTML",), places=("manifest by tag", "manifest by digest"), code="manifest-json", why="no document"
    ),
    Otherwise(faults=("content",), places=DOCUMENTS, formats=("schema1",), code="manifest-json", why="no document"),
    Otherwise(faults=("content",), places=("manifest by tag",), code="header-digest", why="the header names the honest one"),
    Otherwise(faults=("content",), places=DOCUMENTS, code="manifest-digest", why="not the one that was asked for"),
    Otherwise(
        faults=("content", "length huge, body endless"),
        places=("layer continued",),
        code="registry-response",
        why="it is not the rest, or does not fit; and 206 is no answer to who then asks for the whole",
    ),
    Otherwise(
        faults=("endless",),
        places=("layer continued",),
        formats=MODERN,
        code="registry-response",
        why="the rest is too long, the size says so; as above",
    ),
    Otherwise(faults=OTHER_SIZE, places=CONTENT, formats=MODERN, code="descriptor-size", why="the size stands in the manifest"),
    Otherwise(faults=("content",), places=CONTENT, code="blob-digest", why="the bytes have another digest"),
    Otherwise(
        faults=("length huge, body endless",), places=CONTENT, code="blob-size", why="a finding of its own, for its length alone"
    ),
    Otherwise(faults=("endless",), places=CONTENT, formats=MODERN, code="descriptor-size", why="as soon as it is too long"),
    Otherwise(faults=("endless",), places=CONTENT, code="blob-size", why="schema1 names no size; the largest of all ends it"),
    # -- bytes that did not all come
    Otherwise(
        faults=CUT,
        places=("layer continued",),
        code="registry-response",
        why="the third answer is a 206 again, and for another range than is asked by then",
    ),
    Otherwise(faults=AFTER_THE_HEAD, places=CONTENT, code="blob-size", why="a finding of its own: the bytes did not all come"),
)


def expected(fault: Fault, place: Place, form: Format) -> str:
    """The code that must come of a fault at a place: the first exception that holds, else the rule."""
    for one in OTHERWISE:
        if one.holds(fault, place, form):
            return one.code
    return CODES[fault.kind]


@dataclass(slots=True)
class Case:
    """One fault at one place: run, then looked at from all sides."""

    world: World
    place: Place
    image: Image
    fault: Fault
    folder: Path
    clock: VirtualClock = field(default_factory=VirtualClock)
    outcome: Outcome | None = None
    crash: BaseException | None = None

    def run(self) -> None:
        """Play the scripts and visit."""
        changed = self.fault.change(self.place.honest(self.image))
        for server, script in zip(self.world.servers, (*self.place.scripts(self.image, changed), {}), strict=True):
            server.clock = self.clock
            server.play(script)
        _connected.clear()
        source = RegistrySource(self.world.registry.host, credentials=CREDENTIALS, network=network(self.clock))
        try:
            self.outcome = self.place.visit(source, tk.Graph(self.folder), self.image)
        except tk.ToolkitError as error:
            self.outcome = error
        except Exception as error:  # noqa: BLE001  # that none comes out is what is tested
            self.crash = error

    @property
    def error(self) -> tk.ToolkitError | None:
        """What was raised."""
        if isinstance(self.outcome, Listing):
            return self.outcome.error
        return self.outcome if isinstance(self.outcome, tk.ToolkitError) else None

    @property
    def rows(self) -> tuple[Any, ...]:
        """Every row of the visit."""
        if isinstance(self.outcome, Listing):
            return self.outcome.rows
        report = self.outcome if isinstance(self.outcome, tk.Report) else getattr(self.outcome, "report", None)
        return tuple(row.record for row in report.rows) if isinstance(report, tk.Report) else ()

    @property
    def code(self) -> str:
        """What the visit came to, in one word."""
        if self.crash is not None:
            return f"crash: {self.crash!r}"
        if self.error is not None:
            return self.error.code
        return next((row.error_code or row.outcome for row in self.rows if isinstance(row, Pull)), "accepted")

    # -- looked at from all sides: each tells what is wrong, or nothing ----------------------------------------

    def problems(self, expected: str) -> Iterator[str]:
        """Everything that is not as it must be."""
        if self.code != expected:
            yield f"came to {self.code}, not to {expected}"
        if self.clock.spent > LONGEST:
            yield f"took {self.clock.spent:.0f} s"
        yield from self._rows()
        yield from self._graph()
        yield from self._strangers()
        yield from self._secrets()

    def _rows(self) -> Iterator[str]:
        """The report tells how it ended, and of every request."""
        pulls = [row for row in self.rows if isinstance(row, Pull)]
        if self.outcome is not None and not isinstance(self.outcome, Listing):
            ended = [(row.outcome, row.error_code or row.outcome) for row in pulls[-1:]]
            fine = self.code == "accepted"
            if not ended or (ended[0][0] == "accepted") != fine or ended[0][1] != self.code:
                yield f"the row of the call says {ended}"
        faulty = self.world.cdn if self.place.on_cdn else self.world.registry
        path = self.place.path(self.image).partition("?")[0]
        told = sum(isinstance(row, Request) and urlsplit(row.url).path == path for row in self.rows)
        asked = sum(one.path == path for one in faulty.received)
        if not asked or not told or told > asked + 1 or asked > 2 * told:
            yield f"{asked} requests were received, {told} rows tell of them"
        sent = sum(len(server.received) for server in self.world.servers)
        if sent > MOST_REQUESTS:
            yield f"{sent} requests were sent"

    def _graph(self) -> Iterator[str]:
        """Whatever lies under a name is what the name says."""
        for file in (self.folder / "blobs").rglob("*"):
            if file.is_file() and str(Digest.of(file.read_bytes(), file.parent.name)) != f"{file.parent.name}:{file.name}":
                yield f"{file.name} is not what it is called"
        named = self.folder / "repositories.json"
        if self.code != "accepted" and named.exists() and "lab/x" in named.read_text("utf-8"):
            yield "a tag was set for what was not accepted"

    def _strangers(self) -> Iterator[str]:
        """Nobody was called who has no business here, and nobody else was told a secret."""
        known = {("127.0.0.1", int(server.host.rpartition(":")[2])) for server in self.world.servers}
        for address in _connected:
            if address not in known:
                yield f"connected to {address}"
        allowed = self.fault.kind == "moved" and self.place.name != "token"
        if self.world.stranger.connections and not allowed:
            yield "the stranger was called"
        for server in (self.world.cdn, self.world.stranger):
            for request in server.received:
                if request.header("Authorization") or request.header("Cookie") or request.header("Referer"):
                    yield f"another host was told {request.head!r}"

    def _secrets(self) -> Iterator[str]:
        """No secret is shown or kept."""
        shown = repr(self.rows) if self.error is None else error_shown(self.error)
        if self.outcome is not None and not isinstance(self.outcome, Listing):
            report = self.outcome if isinstance(self.outcome, tk.Report) else self.outcome.report
            shown += rows_shown(report)
        yield from _found(shown, everything_kept(self.folder))

    def leaks(self) -> Iterator[str]:
        """The same for everything a report can be shown as: pages, frames, cards."""
        if isinstance(self.outcome, tk.Report | tk.ToolkitError):
            yield from _found(everything_shown(self.outcome), b"")


def _found(shown: str, kept: bytes) -> Iterator[str]:
    for canary in CANARIES:
        if canary in shown:
            yield f"{canary} is shown"
        if canary.encode() in kept:
            yield f"{canary} is kept"


def faults_of(place: Place, form: Format) -> list[Fault]:
    """The faults that are tried at a place: all; in schema2, whose way is that of OCI, every second, in turn by place."""
    first, step = (PLACES.index(place) % 2, 2) if form == "schema2" else (0, 1)
    return list(FAULTS.values())[first::step]


# -- the matrix --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "form"), CASES, ids=[f"{place.name}-{form}" for place, form in CASES])
def test_every_fault_ends_as_foreseen(world: World, scratch: Path, place: Place, form: Format) -> None:
    """No exception but our own, the code that was foreseen, in time, told in rows, nothing stored, nothing leaked."""
    wrong: list[str] = []
    seen: set[Kind] = set()
    for number, fault in enumerate(faults_of(place, form)):
        case = Case(world, place, IMAGES[form], fault, scratch / str(number))
        case.run()
        problems = list(case.problems(expected(fault, place, form)))
        if fault.kind not in seen:
            seen.add(fault.kind)
            problems += case.leaks()
        wrong += [f"{fault.name} ({fault.kind}): {problem}" for problem in problems]
        shutil.rmtree(case.folder, ignore_errors=True)
    assert not wrong, "\n".join([f"{place.name}, {form}:", *wrong])


SEED_PLACES: Final = tuple(
    replace(place, visit=pull_as_seed) for place in PLACES if place.name in ("ping", "token", "manifest by tag", "second layer")
)


@pytest.mark.parametrize("place", SEED_PLACES, ids=[place.name for place in SEED_PLACES])
def test_docker_s_own_policy_is_no_weaker_where_it_matters(world: World, scratch: Path, place: Place) -> None:
    """It may decide otherwise; but it ends, in time and in our own words, and neither stores nor tells what it should not."""
    wrong: list[str] = []
    for number, fault in enumerate(FAULTS.values()):
        case = Case(world, place, IMAGES["schema1"], fault, scratch / str(number))
        case.run()
        wrong += [f"{fault.name}: {problem}" for problem in case.problems(case.code)]
        if case.crash is not None:
            wrong.append(f"{fault.name}: {case.crash!r}")
        shutil.rmtree(case.folder, ignore_errors=True)
    assert not wrong, "\n".join([place.name, *wrong])


def _in_place_of(place: str, to: str) -> Scripted:
    """A redirect, or a realm, that leads to where nobody listens."""
    location = f"http://{to}/x"
    if place == "/token":
        return PING.having("WWW-Authenticate", f'Bearer realm="{location}"')
    return plain(status=307, words="Elsewhere", Location=location)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/", "unreachable"),
        ("/token", "unauthorized"),
        (IMAGES["oci"].path("manifests/1"), "unreachable"),
        (IMAGES["oci"].path(f"blobs/{IMAGES['oci'].config}"), "unreachable"),
        (IMAGES["oci"].path(f"blobs/{IMAGES['oci'].layers[0]}"), "unreachable"),
    ],
)
def test_a_host_that_refuses_is_unreachable(world: World, graph: tk.Graph, path: str, code: str) -> None:
    image, clock = IMAGES["oci"], VirtualClock()
    world.registry.clock = clock
    world.registry.play({**image.script, ("GET", "/v2/" if path == "/token" else path): [_in_place_of(path, nobody())]})
    source = RegistrySource(world.registry.host, network=network(clock))
    with pytest.raises(tk.ToolkitError) as caught:
        pull_tag(source, graph, image)
    assert caught.value.code == code
    assert clock.slept == []


def test_a_registry_that_refuses_is_unreachable(graph: tk.Graph) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        pull_tag(RegistrySource(nobody(), network=network(VirtualClock())), graph, IMAGES["oci"])
    assert caught.value.code == "unreachable"


def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(PLACES) >= 14
    assert min(len(faults_of(place, form)) for place, form in CASES) >= 40
    assert {fault.name for place in PLACES[:2] for fault in faults_of(place, "schema2")} == set(FAULTS)
    assert sum(len(faults_of(place, form)) for place, form in CASES) >= 3_500
    assert {form for _, form in CASES} == set(FORMATS)


def test_every_exception_to_the_rule_is_needed() -> None:
    """A row that changes nothing, or that another one hides, would be a lie about what is tested."""
    used = set()
    for place, form in CASES:
        for fault in faults_of(place, form):
            used.add(next((number for number, one in enumerate(OTHERWISE) if one.holds(fault, place, form)), -1))
    assert [OTHERWISE[number].why for number in range(len(OTHERWISE)) if number not in used] == []
    names = set(FAULTS) | set(CODES)
    assert [name for one in OTHERWISE for name in one.faults if name not in names] == []
    places = {place.name for place in PLACES}
    assert [name for one in OTHERWISE for name in one.places if name not in places] == []
