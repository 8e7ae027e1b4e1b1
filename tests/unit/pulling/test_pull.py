"""Pulls: exceptions that stand in the rows, all tags in order, digests as authority, and what an interruption leaves."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from support.routes import routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.progress.steps import Step
from toolkit.records import Check, Layer, Request
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.tampering import TAMPERINGS
from toolkit.simulator.teaching import clean_image
from toolkit.sources.protocol import Source
from toolkit.sources.static_registry import Answer
from toolkit.verification.rules import SCHEMA1_STAGES, of_stage

IMAGE = clean_image()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A registry to be scripted."""
    with ScriptedServer() as started:
        yield started


def failed(report: tk.Report) -> list[str]:
    return [check.rule for check in report.findings]


# -- exceptions --------------------------------------------------------------------------------------------------

EXCEPTABLE = ["another_repository", "another_tag", "signature_missing", "layer_dropped", "wrapper_blank", "unsigned_layers"]


@pytest.mark.parametrize("name", [name.replace("_", "-") for name in EXCEPTABLE])
def test_an_excepted_rule_does_not_refuse_and_says_so_in_its_rows(graph: tk.Graph, teaching: Source, name: str) -> None:
    rule = TAMPERINGS[name].rule
    reference = f"teach/tampered:{name}"
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(reference, graph, source=teaching)
    assert caught.value.code == rule
    assert not caught.value.report.checks["excepted"].any()
    report = tk.pull(reference, graph, source=teaching, accept=[rule])
    assert report.outcome == "accepted"
    assert report.pull.accepted_rules == rule
    touched: list[Check] = [check for check in report.records(Check) if check.rule == rule]
    assert any(check.outcome == "failed" for check in touched)
    assert all(check.excepted and not check.enforced for check in touched)
    assert {check.rule for check in report.records(Check) if check.excepted} == {rule}
    assert f"excepted: {rule}" in repr(report)


def test_an_exception_stands_in_its_rows_also_where_the_rule_holds(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching, accept=["manifest-name"])
    rows = report.checks.query("rule == 'manifest-name'")
    assert rows["outcome"].tolist() == ["passed"]
    assert rows["excepted"].tolist() == [True]


def test_nothing_is_excepted_that_would_not_have_refused(graph: tk.Graph, teaching: Source) -> None:
    asked = f"teach/clean@{IMAGE.digest}"
    for policy, reference, rule in (
        ("docker-1.9", "teach/tampered:signature-bit", "signature-valid"),  # Docker never looked at signatures
        ("strict", asked, "manifest-tag"),  # by digest the tag is not judged anyway
    ):
        report = tk.pull(reference, graph, source=teaching, policy=policy, accept=[rule])
        assert not report.checks["excepted"].any()
        assert report.pull.accepted_rules == rule


def test_exceptions_of_the_policy_and_of_the_call_add_up(graph: tk.Graph, teaching: Source) -> None:
    policy = tk.Policy("strict", ["manifest-tag"])
    report = tk.pull("teach/tampered:another-tag", graph, source=teaching, policy=policy, accept=["manifest-name"])
    assert report.pull.accepted_rules == "manifest-name manifest-tag"
    assert set(report.checks.query("excepted")["rule"]) == {"manifest-name", "manifest-tag"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [("manifest-nam", "there is no rule 'manifest-nam'"), ("blob-digest", "the rule 'blob-digest' cannot be excepted")],
)
def test_a_rule_that_cannot_be_excepted_is_refused_before_anything_is_asked(
    server: ScriptedServer, graph: tk.Graph, rule: str, words: str
) -> None:
    with pytest.raises(tk.errors.PolicyError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph, accept=[rule])
    assert caught.value.message.startswith(words)
    assert caught.value.exit_status == 2
    assert server.seen == []
    assert not graph.layout.root.exists()


def test_an_exception_does_not_outlive_its_call(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/tampered:another-tag", graph, source=teaching, accept=["manifest-tag"])
    with pytest.raises(tk.VerificationError):
        tk.pull("teach/tampered:another-tag", graph, source=teaching)


# -- all tags ----------------------------------------------------------------------------------------------------


def tagged(server: ScriptedServer, *tags: str, bad: tuple[str, ...] = ()) -> None:
    """Publish an image under several tags, in this order; the bad ones say another name."""
    server.routes = [Route(path="/v2/teach/many/tags/list", body=json.dumps({"tags": tags}).encode())]
    for tag in tags:
        image = build_image("teach/many", tag, [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("ADD tag", {tag: b""})])
        server.routes += routes_of(image.changed(name="teach/other") if tag in bad else image)


def test_all_tags_are_pulled_one_after_the_other_in_the_registry_s_order(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server, "b", "10", "a")
    name = f"{server.host}/teach/many"
    report = tk.pull(name, graph, all_tags=True)
    assert report.outcome == "accepted"
    assert report.pull.status == f"Downloaded newer image for {name}"
    assert report.manifests["image"].tolist() == [f"{name}:b", f"{name}:10", f"{name}:a"]
    assert report.tags["reference"].tolist() == ["b", "10", "a"]
    assert sorted(graph.tags.all()[name]) == ["10", "a", "b"]
    assert set(report.checks["image"]) == {f"{name}:b", f"{name}:10", f"{name}:a"}
    assert report.pulls["image"].tolist() == [name]


def test_all_tags_again_are_up_to_date(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server, "b", "a")
    name = f"{server.host}/teach/many"
    tk.pull(name, graph, all_tags=True)
    report = tk.pull(name, graph, all_tags=True)
    assert (report.pull.status, report.newer) == (f"Image is up to date for {name}", False)


def test_one_newer_tag_makes_the_whole_newer(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server, "b", "a")
    name = f"{server.host}/teach/many"
    tk.pull(f"{name}:b", graph)
    report = tk.pull(name, graph, all_tags=True)
    assert report.tags["newer"].tolist() == [False, True]
    assert (report.pull.status, report.newer) == (f"Downloaded newer image for {name}", True)


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_the_first_tag_that_fails_ends_it(server: ScriptedServer, graph: tk.Graph, policy: str) -> None:
    tagged(server, "b", "gone", "a")
    server.routes = [route for route in server.routes if not route.path.endswith("/manifests/gone")]
    name = f"{server.host}/teach/many"
    with pytest.raises(tk.ToolkitError) as caught:
        tk.pull(name, graph, all_tags=True, policy=policy)
    assert sorted(graph.tags.all()[name]) == ["b"]
    assert not [one for one in server.seen if one.target.endswith("/manifests/a")]
    report = caught.value.report
    assert report.manifests["image"].tolist() == [f"{name}:b"]
    assert report.pull.status is None
    assert report.newer is None
    assert report.outcome == "undecided"


def test_the_first_tag_that_is_refused_ends_it(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server, "b", "x", "a", bad=("x",))
    name = f"{server.host}/teach/many"
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(name, graph, all_tags=True)
    assert caught.value.code == "manifest-name"
    assert caught.value.report.manifests["image"].tolist() == [f"{name}:b", f"{name}:x"]
    assert sorted(graph.tags.all()[name]) == ["b"]
    assert caught.value.report.outcome == "rejected"


def test_a_repository_without_tags_is_up_to_date(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server)
    server.routes += routes_of(IMAGE)
    report = tk.pull(f"{server.host}/teach/many", graph, all_tags=True)
    assert report.pull.status == f"Image is up to date for {server.host}/teach/many"
    assert (len(report.manifests), report.digest, report.image_id) == (0, None, None)


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize("suffix", [":1", ":latest", f"@{IMAGE.digest}", f":1@{IMAGE.digest}"])
def test_all_tags_and_a_tag_exclude_each_other(graph: tk.Graph, teaching: Source, suffix: str, policy: str) -> None:
    if policy == "docker-1.9" and suffix.startswith(":1@"):
        suffix = f"@{IMAGE.digest}"
    with pytest.raises(tk.errors.UsageError) as caught:
        tk.pull(f"teach/clean{suffix}", graph, source=teaching, all_tags=True, policy=policy)
    assert caught.value.message == "tag can't be used with --all-tags/-a"
    assert not graph.layout.root.exists()


# -- digests -----------------------------------------------------------------------------------------------------


def test_a_digest_names_the_image_in_the_graph(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull(f"teach/clean@{IMAGE.digest}", graph, source=teaching)
    name = "teaching.example/teach/clean"
    assert report.digest == IMAGE.digest
    assert report.pull.status == f"Downloaded newer image for {name}@{IMAGE.digest}"
    assert graph.tags.all() == {name: {IMAGE.digest: report.image_id}}
    assert report.tags[["reference", "kind", "newer"]].to_numpy().tolist() == [[IMAGE.digest, "digest", True]]
    again = tk.pull(f"teach/clean@{IMAGE.digest}", graph, source=teaching)
    assert again.pull.status == f"Image is up to date for {name}@{IMAGE.digest}"


def test_a_digest_is_the_authority_and_the_tag_beside_it_is_not_asked(server: ScriptedServer, graph: tk.Graph) -> None:
    """Whatever the tag names by now: the digest says which manifest it is."""
    moved = clean_image("2").changed(tag="1")
    server.routes = [Route(path="/v2/teach/clean/manifests/1", body=moved.body), *routes_of(IMAGE)]
    report = tk.pull(f"{server.host}/teach/clean:1@{IMAGE.digest}", graph)
    assert report.digest == IMAGE.digest
    assert report.manifests["requested"].tolist() == [IMAGE.digest]
    assert [one.target for one in server.seen if "/manifests/" in one.target] == [f"/v2/teach/clean/manifests/{IMAGE.digest}"]
    assert graph.tags.all() == {f"{server.host}/teach/clean": {IMAGE.digest: report.image_id}}


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_another_manifest_than_the_one_of_the_digest_is_refused_and_kept_aside(
    server: ScriptedServer, graph: tk.Graph, policy: str
) -> None:
    other = clean_image("2")
    server.routes = [Route(path=f"/v2/teach/clean/manifests/{IMAGE.digest}", body=other.body), *routes_of(IMAGE)]
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean@{IMAGE.digest}", graph, policy=policy)
    assert caught.value.message == f"image verification failed for digest {IMAGE.digest}"
    report = caught.value.report
    assert report.outcome == "rejected"
    assert [one.target for one in server.seen if "/blobs/" in one.target] == []
    body = report.manifests["evidence"].iloc[0]
    assert (graph.layout.root / "quarantine" / "sha256" / body.partition(":")[2]).read_bytes() == other.body
    assert graph.blobs.path(body) is None
    assert report.body() == other.body
    assert (len(graph), graph.tags.all()) == (0, {})


def test_a_digest_that_is_taken_refuses_the_tag_and_keeps_the_old(graph: tk.Graph, teaching: Source) -> None:
    other = tk.pull("teach/clean:2", graph, source=teaching).image_id or ""
    graph.tags.set("teaching.example/teach/clean", IMAGE.digest, other)
    with pytest.raises(tk.errors.TagError) as caught:
        tk.pull(f"teach/clean@{IMAGE.digest}", graph, source=teaching)
    assert caught.value.message == f"Conflict: Digest {IMAGE.digest} is already set to image {other}"
    assert graph.tags.get("teaching.example/teach/clean", IMAGE.digest) == other
    assert caught.value.report.outcome == "rejected"
    assert caught.value.report.error == {"code": "tag", "message": caught.value.message}


# -- again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_what_is_there_is_not_fetched_again(server: ScriptedServer, graph: tk.Graph, policy: str) -> None:
    server.routes = routes_of(IMAGE)
    reference = f"{server.host}/teach/clean:1"
    first = tk.pull(reference, graph, policy=policy)
    assert first.pull.status == f"Downloaded newer image for {reference}"
    server.seen.clear()
    second = tk.pull(reference, graph, policy=policy)
    assert second.pull.status == f"Image is up to date for {reference}"
    assert second.newer is False
    assert [one.target for one in server.seen] == ["/v2/", "/v2/teach/clean/manifests/1"]
    assert second.layers["disposition"].tolist() == ["present"] * 3
    assert second.image_id == first.image_id
    intact = second.checks.query("rule == 'graph-blob-intact'")["outcome"].tolist()
    assert intact == (["passed"] * 3 if policy == "strict" else ["skipped"])


def test_a_second_tag_of_an_image_fetches_no_layer_and_is_newer(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = [*routes_of(IMAGE), *routes_of(replace(IMAGE.changed(tag="again"), tag="again"))]
    tk.pull(f"{server.host}/teach/clean:1", graph)
    server.seen.clear()
    report = tk.pull(f"{server.host}/teach/clean:again", graph)
    assert report.newer is True
    assert [one.target for one in server.seen if "/blobs/" in one.target] == []


def test_a_blob_that_several_layers_name_is_fetched_once(server: ScriptedServer, graph: tk.Graph) -> None:
    empty = [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("CMD"), LayerRecipe("ENV"), LayerRecipe("CMD 2")]
    image = build_image("teach/empty", "1", empty)
    server.routes = routes_of(image)
    report = tk.pull(f"{server.host}/teach/empty:1", graph)
    blobs = [one.target for one in server.seen if "/blobs/" in one.target]
    assert len(blobs) == len(set(blobs)) == 2
    assert report.layers["disposition"].tolist() == ["downloaded", "downloaded", "present", "present"]
    assert len(graph) == 4


# -- failures ----------------------------------------------------------------------------------------------------


def routes_with(image: SimulatedImage, *changed: Route) -> list[Route]:
    return [*changed, *routes_of(image)]


TOP = IMAGE.document["fsLayers"][0]["blobSum"]
MIDDLE = IMAGE.document["fsLayers"][1]["blobSum"]
WRONG_TOP = Route(path=f"/v2/teach/clean/blobs/{TOP}", body=b"not the layer")


def test_strict_registers_nothing_unless_everything_holds(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, WRONG_TOP)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    assert caught.value.message == f"filesystem layer verification failed for digest {TOP}"
    assert (len(graph), graph.tags.all()) == (0, {})
    assert caught.value.report.layers["disposition"].tolist() == ["downloaded", "downloaded", "failed"]
    assert graph.blobs.path(MIDDLE) is not None
    server.routes = routes_of(IMAGE)
    server.seen.clear()
    assert tk.pull(f"{server.host}/teach/clean:1", graph).outcome == "accepted"
    assert [one.target for one in server.seen if "/blobs/" in one.target] == [f"/v2/teach/clean/blobs/{TOP}"]


def test_docker_registered_the_layers_below_the_one_that_failed(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, WRONG_TOP)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph, policy="docker-1.9")
    report = caught.value.report
    assert set(graph) == set(report.strong_ids["final_id"].iloc[:2])
    assert graph.tags.all() == {}
    assert report.layers["disposition"].tolist() == ["downloaded", "downloaded", "failed"]


def test_rejected_bytes_lie_in_quarantine_under_their_own_digest(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, WRONG_TOP)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    own = str(tk.Digest.of(b"not the layer"))
    (row,) = [row for row in caught.value.report.records(Layer) if row.disposition == "failed"]
    assert (row.blob_digest, row.actual_digest, row.evidence) == (TOP, own, own)
    assert caught.value.report.evidence(own) == b"not the layer"
    assert graph.blobs.path(TOP) is None
    assert graph.blobs.path(own) is None


def test_the_lowest_failing_layer_is_the_one_that_is_reported(server: ScriptedServer, graph: tk.Graph) -> None:
    middle = Route(path=f"/v2/teach/clean/blobs/{MIDDLE}", status=500)
    server.routes = routes_with(IMAGE, WRONG_TOP, middle)
    with pytest.raises(tk.errors.RegistryResponseError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    report = caught.value.report
    assert report.outcome == "undecided"
    assert report.layers["disposition"].tolist() == ["downloaded", "failed", "failed"]
    assert failed(report) == ["blob-digest"]


CUT = Route(path=f"/v2/teach/clean/blobs/{TOP}", headers={"Content-Length": "99999"}, body=IMAGE.blobs[TOP][:9])


def test_a_blob_cut_short_cannot_be_decided_under_strict(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, CUT)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    report = caught.value.report
    assert caught.value.code == "blob-size"
    assert report.outcome == "undecided"
    (finding,) = report.findings
    assert (finding.undecided, finding.refuses, finding.expected, finding.actual) == (True, True, "99999", "9")
    assert len(graph) == 0
    assert not (graph.layout.root / "quarantine").exists()  # bytes that did not all come prove nothing
    server.routes = routes_of(IMAGE)
    assert tk.pull(f"{server.host}/teach/clean:1", graph).outcome == "accepted"


def test_a_blob_cut_short_was_a_checksum_failure_to_docker(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, CUT)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph, policy="docker-1.9")
    assert caught.value.message == f"filesystem layer verification failed for digest {TOP}"
    assert caught.value.code == "blob-digest"
    assert caught.value.report.outcome == "rejected"
    assert failed(caught.value.report) == ["blob-size", "blob-digest"]


def test_later_stages_are_skipped_with_the_reason_and_never_left_out(server: ScriptedServer, graph: tk.Graph) -> None:
    server.routes = routes_with(IMAGE, WRONG_TOP)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/clean:1", graph)
    assert set(caught.value.report.checks["rule"]) == {rule.slug for rule in of_stage(*SCHEMA1_STAGES)}
    skipped = caught.value.report.checks.query("rule == 'tag-moved'")
    assert skipped[["outcome", "message"]].to_numpy().tolist() == [["skipped", "a layer was refused"]]


@pytest.mark.parametrize("name", ["clean:1", "duplicates:1", "legacy:1", "tampered:blob-missing", "tampered:parent-wrong"])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_every_rule_has_a_row_whatever_happens(graph: tk.Graph, teaching: Source, name: str, policy: str) -> None:
    try:
        report = tk.pull(f"teach/{name}", graph, source=teaching, policy=policy)
    except tk.VerificationError as error:
        report = error.report
    assert set(report.checks["rule"]) == {rule.slug for rule in of_stage(*SCHEMA1_STAGES)}


# -- interrupted -------------------------------------------------------------------------------------------------


class Interruption:
    """A registry at which the user presses Ctrl-C while a blob is asked for, and which gives no answer to that."""

    def __init__(self, image: SimulatedImage, path: str) -> None:
        self.routes = {route.path: route for route in routes_of(image)}
        self.path = path
        self.ended = threading.Event()
        self.pressed = 0.0

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Answer a request (``AnswerTo`` of the loopback server)."""
        if target == self.path and not self.ended.is_set():
            self.pressed = time.monotonic()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            self.ended.wait(10)
        route = self.routes[target]
        return Answer(route.status, {**route.headers, "Content-Length": str(len(route.body))}, route.body)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also where whoever started us ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [0, 1])
def test_an_interrupted_pull_leaves_an_aborted_row(ctrl_c: None, graph: tk.Graph, number: int) -> None:
    digest = sorted(IMAGE.blobs)[number]
    registry = Interruption(IMAGE, f"/v2/teach/clean/blobs/{digest}")
    with LoopbackServer(registry.answer) as server:
        reference = f"{server.host}/teach/clean:1"
        with pytest.raises(KeyboardInterrupt):
            tk.pull(reference, graph)
        stopped = time.monotonic()
        registry.ended.set()
        assert stopped - registry.pressed < 1
        ledger = tk.Ledger.load(graph.layout.ledger)
        assert ledger.pulls["outcome"].tolist() == ["aborted"]
        assert ledger.pulls["error_code"].isna().all()
        assert ledger.pulls["reference"].tolist() == [reference]
        assert len(ledger.manifests) == 1
        assert (len(graph), graph.tags.all()) == (0, {})
        assert [path.name for path in graph.layout.ingest.iterdir() if path.name != "locks"] == []
        planned = set(tk.inspect(reference).strong_ids["final_id"])
        assert not any(graph.is_held(image_id) for image_id in planned)
        with tk.Graph(graph.layout.root, patience=0.05).lock(planned):
            pass
        assert tk.pull(reference, graph).outcome == "accepted"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), RuntimeError("the screen is broken")])
def test_what_a_listener_raises_is_not_lost(server: ScriptedServer, graph: tk.Graph, error: BaseException) -> None:
    def broken(step: Step) -> None:
        raise error

    server.routes = routes_of(IMAGE)
    with pytest.raises(type(error)):
        tk.pull(f"{server.host}/teach/clean:1", graph, progress=broken)
    assert tk.Ledger.load(graph.layout.ledger).pulls["outcome"].tolist()[0] in ("aborted", "accepted")


def test_a_listener_whose_pipe_is_closed_stops_nothing(server: ScriptedServer, graph: tk.Graph) -> None:
    heard: list[Step] = []

    def closed(step: Step) -> None:
        heard.append(step)
        raise BrokenPipeError

    server.routes = routes_of(IMAGE)
    assert tk.pull(f"{server.host}/teach/clean:1", graph, progress=closed).outcome == "accepted"
    assert len(heard) == 1


def test_a_listener_that_stalls_holds_nothing_up(
    server: ScriptedServer, graph: tk.Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.pulling.listening.LAST_WORDS", 0.05)
    woken = threading.Event()

    def stalled(step: Step) -> None:
        woken.wait(30)

    server.routes = routes_of(IMAGE)
    began = time.monotonic()
    assert tk.pull(f"{server.host}/teach/clean:1", graph, progress=stalled).outcome == "accepted"
    assert time.monotonic() - began < 10
    woken.set()


# -- what a call says of itself ----------------------------------------------------------------------------------


def test_the_row_of_a_call_says_what_was_asked_of_whom(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    pull = report.pull
    assert (pull.verb, pull.reference, pull.source, pull.policy) == ("pull", "teach/clean:1", "teaching.example", "strict")
    assert (pull.outcome, pull.error_code, pull.error_text, pull.accepted_rules) == ("accepted", None, None, "")
    assert pull.tool_version == tk.__version__
    assert report.rows[-1].record == pull


def test_a_call_writes_into_the_graph_s_ledger_or_the_one_given(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    given = tk.Ledger()
    tk.pull("teach/clean:1", graph, source=teaching, ledger=given)
    assert len(tk.Ledger.load(graph.layout.ledger).pulls) == 1
    assert len(given.pulls) == 1


def test_requests_are_rows_of_the_image_they_were_made_for(server: ScriptedServer, graph: tk.Graph) -> None:
    tagged(server, "b", "a")
    name = f"{server.host}/teach/many"
    report = tk.pull(name, graph, all_tags=True)
    rows: list[Request] = report.records(Request)
    assert len(rows) == len(server.seen) + 1  # and the https that nobody answered
    for tag in ("a", "b"):
        mine = report.requests.query(f"url.str.endswith('/manifests/{tag}')")
        assert mine["image"].tolist() == [f"{name}:{tag}"]


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_layers_of_old_images_are_looked_into_in_any_case(graph: tk.Graph, teaching: Source, policy: str) -> None:
    """Docker 1.9 kept how large they are, which only the tar tells."""
    report = tk.pull("teach/clean:1", graph, source=teaching, policy=policy, diff_ids=False)
    assert report.outcome == "accepted"
    assert report.layers["layer_size"].notna().all()
