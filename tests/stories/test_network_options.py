"""The options of the command that are about the network, each seen at work."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from support.command import run
from support.routes import challenge, routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.simulator import LoopbackServer
from toolkit.simulator.modern import OCI, make_image, make_layer
from toolkit.simulator.scripted import ScriptedRegistry
from toolkit.simulator.scripted import routes_of as answers_of
from toolkit.simulator.teaching import clean_image

IMAGE: Final = clean_image()
PASSWORD: Final = "canary-password-7b19"
BASIC: Final = f"Basic {base64.b64encode(f'ada:{PASSWORD}'.encode()).decode()}"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A registry with the clean image."""
    with ScriptedServer() as started:
        started.routes = routes_of(IMAGE)
        yield started


@pytest.fixture
def locked() -> Iterator[ScriptedServer]:
    """The same, for whoever has the password."""
    with ScriptedServer() as started:
        started.routes = routes_of(IMAGE, challenge('Basic realm="here"'), if_authorization=BASIC)
        yield started


@pytest.fixture(scope="module")
def modern() -> Iterator[str]:
    """The address of a registry with an OCI image of two layers."""
    image = make_image(OCI, [make_layer(OCI, {"a": b"a" * 5000}), make_layer(OCI, {"b": b"b" * 9000})])
    with LoopbackServer(ScriptedRegistry(answers_of("lab/app", image.stored())).answer) as started:
        yield started.host


def lines(text: str) -> list[dict[str, Any]]:
    """Every JSON value of a stream, with or without line ends between them."""
    decoder, position, found = json.JSONDecoder(), 0, []
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        found.append(value)
        while position < len(text) and text[position].isspace():
            position += 1
    return found


# -- progress ----------------------------------------------------------------------------------------------------


def test_progress_json_is_docker_s_stream_and_nothing_else(tmp_path: Path, server: ScriptedServer) -> None:
    said = run(tmp_path, "pull", "--progress", "json", f"{server.host}/teach/clean:1")
    stream = lines(said.stdout)
    assert (said.returncode, said.stderr) == (0, "")
    assert stream[0] == {"status": "Pulling from teach/clean", "id": "1"}
    assert [one["status"] for one in stream[-2:]] == [
        f"Digest: {IMAGE.digest}",
        f"Status: Downloaded newer image for {server.host}/teach/clean:1",
    ]
    said_of = {one["id"]: [other["status"] for other in stream if other.get("id") == one["id"]] for one in stream[1:-2]}
    assert len(said_of) == 3
    for words in said_of.values():
        assert list(dict.fromkeys(words)) == [
            "Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete"
        ]  # fmt: skip


def test_progress_json_ends_with_the_error(tmp_path: Path, server: ScriptedServer) -> None:
    said = run(tmp_path, "pull", "--progress", "json", f"{server.host}/teach/clean:none")
    assert said.returncode == 3
    assert set(lines(said.stdout)[-1]) == {"errorDetail", "error"}
    assert said.stderr.startswith("layerproof: ")


def test_two_documents_on_one_stream_are_refused(tmp_path: Path, server: ScriptedServer) -> None:
    said = run(tmp_path, "pull", "--progress", "json", "--json", f"{server.host}/teach/clean:1")
    assert said.returncode == 2
    assert "--progress json and --json both write to standard output" in said.stderr
    assert server.seen == []


@pytest.mark.parametrize("choice", [["--progress", "off"], ["-q"]])
def test_progress_off_is_quiet(tmp_path: Path, server: ScriptedServer, choice: list[str]) -> None:
    assert run(tmp_path, "pull", *choice, f"{server.host}/teach/clean:1").stderr == ""


# -- looking into layers or not ----------------------------------------------------------------------------------


def test_without_diff_ids_every_digest_is_checked_and_nobody_looks_inside(tmp_path: Path, modern: str) -> None:
    quick = run(tmp_path, "pull", "--no-diff-ids", "--json", f"{modern}/lab/app:1")
    checks = json.loads(quick.stdout)["checks"]
    outcome = {one["rule"]: (one["outcome"], one["message"]) for one in checks}
    assert quick.returncode == 0
    assert outcome["blob-digest"][0] == "passed"
    assert outcome["layer-readable"] == ("skipped", "nobody looked into it")
    assert outcome["diff-id"][0] == "skipped"
    assert json.loads(quick.stdout)["outcome"] == "accepted"
    whole = run(tmp_path, "pull", "--json", f"{modern}/lab/app:1")
    outcome = {one["rule"]: (one["outcome"], one["message"]) for one in json.loads(whole.stdout)["checks"]}
    assert outcome["diff-id"][0] == outcome["layer-readable"][0] == "passed"
    graph = tk.Graph(tmp_path / "graph")
    assert [pull.newer for pull in tk.Ledger.load(graph.layout.ledger).pulls.itertuples()].count(True) >= 1


# -- budgets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "status"), [(1, 3), (2, 3), (5, 3), (50, 0)])
def test_no_more_requests_are_sent_than_the_budget_allows(
    tmp_path: Path, server: ScriptedServer, budget: int, status: int
) -> None:
    said = run(tmp_path, "inspect", "--budget", str(budget), f"{server.host}/teach/clean:1")
    assert said.returncode == status
    assert len(server.seen) <= budget
    if status:
        assert f"the budget of {budget} requests is used up" in said.stderr + said.stdout


@pytest.mark.parametrize("budget", ["0", "-1", "x", "1.5", "\uff19", ""])
def test_a_budget_is_a_number_of_requests(tmp_path: Path, server: ScriptedServer, budget: str) -> None:
    said = run(tmp_path, "inspect", f"--budget={budget}", f"{server.host}/teach/clean:1")
    assert said.returncode == 2
    assert server.seen == []


# -- who you are -------------------------------------------------------------------------------------------------


def configuration(folder: Path, host: str, *, member: str = "auths") -> Path:
    """A docker configuration that has the password, or names a helper that does."""
    value: Any = {"auth": base64.b64encode(f"ada:{PASSWORD}".encode()).decode()} if member == "auths" else "test"
    path = folder / "config.json"
    path.write_text(json.dumps({member: {host: value}}))
    path.chmod(0o600)
    return path


def test_a_docker_configuration_is_read_when_it_is_named(tmp_path: Path, locked: ScriptedServer) -> None:
    path = configuration(tmp_path, locked.host)
    assert run(tmp_path, "inspect", f"{locked.host}/teach/clean:1").returncode == 3
    said = run(tmp_path, "inspect", "--docker-config", str(path), f"{locked.host}/teach/clean:1")
    assert said.returncode == 0
    assert PASSWORD not in said.stdout + said.stderr


def test_a_helper_runs_when_it_is_named(tmp_path: Path, locked: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, work = tmp_path / "bin", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    helper = folder / "docker-credential-test"
    answer = json.dumps({"ServerURL": locked.host, "Username": "ada", "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{answer}\nEND\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    asked = ("inspect", "--docker-config", str(configuration(tmp_path, locked.host, member="credHelpers")))
    refused = run(work, *asked, f"{locked.host}/teach/clean:1")
    assert refused.returncode == 3
    assert "--allow-helper" in refused.stderr or "test" in refused.stderr
    assert locked.seen == []
    assert run(work, *asked, "--allow-helper", "test", f"{locked.host}/teach/clean:1").returncode == 0


def test_a_name_and_a_configuration_are_one_too_many(tmp_path: Path, locked: ScriptedServer) -> None:
    path = str(configuration(tmp_path, locked.host))
    said = run(
        tmp_path, "inspect", "--docker-config", path, "--username", "ada", "--password-stdin",
        f"{locked.host}/teach/clean:1", given=b"x\n",
    )  # fmt: skip
    assert said.returncode == 2
    assert locked.seen == []


# -- other endpoints ---------------------------------------------------------------------------------------------


def test_a_mirror_is_asked_first(tmp_path: Path, server: ScriptedServer) -> None:
    server.routes = [
        Route(path=route.path.replace("/teach/clean/", "/library/busybox/"), headers=route.headers, body=route.body)
        for route in routes_of(IMAGE)
    ]
    rules = ("--accept", "manifest-name")
    said = run(tmp_path, "pull", "--mirror", f"http://{server.host}", *rules, "busybox:1")
    assert said.returncode == 0, said.stdout + said.stderr
    ledger = tk.Ledger.load(tmp_path / "graph" / "ledger")
    assert ledger.endpoints[["url", "mirror", "outcome"]].to_numpy().tolist() == [[f"http://{server.host}", True, "used"]]


def test_a_mirror_has_a_scheme(tmp_path: Path) -> None:
    said = run(tmp_path, "pull", "--mirror", "mirror.example", "busybox:1")
    assert said.returncode == 2
    assert "is no URL of a mirror" in said.stderr


def old_routes() -> list[Route]:
    """The clean image as the v1 protocol serves it."""
    texts = [entry["v1Compatibility"] for entry in IMAGE.document["history"]]
    ids = [json.loads(text)["id"] for text in texts]
    sums = [layer["blobSum"] for layer in IMAGE.document["fsLayers"]]
    found: dict[str, bytes] = {
        "repositories/teach/clean/images": json.dumps([{"id": one} for one in ids]).encode(),
        "repositories/teach/clean/tags": json.dumps({"1": ids[0]}).encode(),
        f"images/{ids[0]}/ancestry": json.dumps(ids).encode(),
    }
    for one, text, digest in zip(ids, texts, sums, strict=True):
        found |= {f"images/{one}/json": text.encode(), f"images/{one}/layer": IMAGE.blobs[digest]}
    return [Route(path=f"/v1/{path}", body=body) for path, body in found.items()]


def test_the_v1_protocol_is_spoken_when_it_is_asked_for_and_never_believed(tmp_path: Path, server: ScriptedServer) -> None:
    server.routes = old_routes()
    name = f"{server.host}/teach/clean:1"
    assert run(tmp_path, "pull", name).returncode == 3
    refused = run(tmp_path, "pull", "--legacy-registry", name)
    assert refused.returncode == 1
    assert "nothing in this image can be verified" in refused.stdout
    assert run(tmp_path, "pull", "--legacy-registry", "--accept", "signature-present", name).returncode == 0
    ledger = tk.Ledger.load(tmp_path / "graph" / "ledger")
    used = ledger.endpoints[ledger.endpoints["outcome"] == "used"]
    assert set(used["version"]) == {"v1"}
    assert ledger.manifests["made_from"].str.contains("unverified").all()
