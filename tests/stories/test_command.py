"""The command, run as its user runs it: a process, its exit status, and what stands on which stream."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from support.command import LONG, command, environment, run
from support.routes import challenge, nobody, routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.simulator import LoopbackServer, teaching_registry
from toolkit.simulator.teaching import clean_image, save_teaching
from toolkit.verification.rules import SCHEMA1_STAGES, of_stage

IMAGE: Final = clean_image()
TOP: Final = IMAGE.document["fsLayers"][0]["blobSum"]
KEYS: Final = {"reference", "outcome", "digest", "image_id", "checks", "layers", "error"}


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The address of the teaching registry."""
    with LoopbackServer(teaching_registry()) as server:
        yield server.host


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


def document(said: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document on standard output; anything beside it is an error here."""
    read, end = json.JSONDecoder().raw_decode(said.stdout)
    assert said.stdout[end:] == "\n"
    return read


# -- exit status -------------------------------------------------------------------------------------------------


def test_an_accepted_image_is_status_0(tmp_path: Path, registry: str) -> None:
    said = run(tmp_path, "pull", f"{registry}/teach/clean:1")
    assert said.returncode == 0
    assert said.stdout.startswith(f"✔ pull {registry}/teach/clean:1: accepted\n")
    assert f"Downloaded newer image for {registry}/teach/clean:1" in said.stdout
    graph = tk.Graph(tmp_path / "graph")
    assert graph.tags.all() == {f"{registry}/teach/clean": {"1": tk.Ledger.load(graph.layout.ledger).pulls["image_id"].iloc[0]}}
    again = run(tmp_path, "pull", "--graph", "graph", f"{registry}/teach/clean:1")
    assert again.returncode == 0
    assert again.stderr.endswith(f"Status: Image is up to date for {registry}/teach/clean:1\n")
    assert f"Image is up to date for {registry}/teach/clean:1" in again.stdout


@pytest.mark.parametrize("verb", ["pull", "inspect"])
def test_a_finding_that_rejects_is_status_1(tmp_path: Path, registry: str, verb: str) -> None:
    said = run(tmp_path, verb, "-q", f"{registry}/teach/tampered:blob-byte")
    assert said.returncode == 1
    assert said.stdout.startswith(f"✘ {verb} {registry}/teach/tampered:blob-byte: rejected\n")
    assert "blob-digest" in said.stdout
    assert len(tk.Graph(tmp_path / "graph")) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["pull", "a:b:c"],
        ["inspect", "UPPER/case"],
        ["pull", "-a", "127.0.0.1:1/a/b:1"],
        ["pull", "--accept", "no-such-rule", "127.0.0.1:1/a/b"],
        ["pull", "--accept", "blob-digest", "127.0.0.1:1/a/b"],
        ["pull", "--policy", "lenient", "127.0.0.1:1/a/b"],
        ["pull", "--username", "ada", "127.0.0.1:1/a/b"],
        ["pull", "--password-stdin", "127.0.0.1:1/a/b"],
        ["inspect", "--source", "no such folder", "a/b"],
        ["inspect", "--source", "127.0.0.1:1", "other.example/a/b"],
        ["tags"],
        ["explain", "127.0.0.1:1/a/b", "--position", "top"],
        ["lab", "serve", "--port", "x"],
        ["lab"],
        ["pull"],
        ["push", "127.0.0.1:1/a/b"],
        [],
    ],
)
def test_a_mistake_in_the_call_is_status_2_and_sends_nothing(tmp_path: Path, arguments: list[str]) -> None:
    said = run(tmp_path, *arguments)
    assert said.returncode == 2
    assert said.stdout == ""
    assert said.stderr != ""
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_says_how_to_do_it_right(tmp_path: Path) -> None:
    said = run(tmp_path, "pull", "--accept", "manifest-nam", "127.0.0.1:1/a/b")
    assert said.stderr == (
        "layerproof: there is no rule 'manifest-nam'\n"
        "  expected: the slug of a rule\n"
        "  actual:   manifest-nam\n"
        "  next:     did you mean 'manifest-name'?; `layerproof rules` lists them\n"
    )


@pytest.mark.parametrize("verb", ["pull", "inspect", "explain"])
def test_what_cannot_be_decided_is_status_3(tmp_path: Path, registry: str, verb: str) -> None:
    for reference in (f"{nobody()}/teach/clean:1", f"{registry}/teach/clean:none", f"{registry}/teach/nobody:1"):
        said = run(tmp_path, verb, reference)
        assert said.returncode == 3
        assert said.stdout == ""
        assert said.stderr.startswith("layerproof: ")
        assert "  next:" in said.stderr


@pytest.mark.parametrize("verb", ["pull", "inspect"])
def test_a_layer_cut_short_is_status_3_under_strict_and_1_under_docker(tmp_path: Path, server: ScriptedServer, verb: str) -> None:
    cut = Route(path=f"/v2/teach/clean/blobs/{TOP}", headers={"Content-Length": "99999"}, body=b"cut")
    server.routes = [cut, *routes_of(IMAGE)]
    for policy, status in (("strict", 3), ("docker-1.9", 1)):
        said = run(tmp_path, verb, "-q", "--json", "--policy", policy, f"{server.host}/teach/clean:1")
        assert said.returncode == status
        assert document(said)["outcome"] == {3: "undecided", 1: "rejected"}[status]


def test_a_graph_that_cannot_be_is_status_3(tmp_path: Path, registry: str) -> None:
    (tmp_path / "file").write_text("here")
    for graph in ("file", "file/graph"):
        said = run(tmp_path, "pull", "--graph", graph, f"{registry}/teach/clean:1")
        assert (said.returncode, said.stdout) == (3, "")
        assert "file" in said.stderr


# -- JSON --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "name", "status", "outcome"),
    [
        ("pull", "clean:1", 0, "accepted"),
        ("inspect", "clean:1", 0, "accepted"),
        ("pull", "tampered:blob-byte", 1, "rejected"),
        ("inspect", "tampered:unsigned-layers", 1, "rejected"),
        ("pull", "tampered:layer-digest-weak", 3, "undecided"),
        ("pull", "clean:none", 3, "undecided"),
        ("inspect", "clean:none", 3, "undecided"),
    ],
)
def test_json_is_one_document_and_nothing_else(
    tmp_path: Path, registry: str, verb: str, name: str, status: int, outcome: str
) -> None:
    reference = f"{registry}/teach/{name}"
    said = run(tmp_path, verb, "--json", reference)
    found = document(said)
    assert said.returncode == status
    assert set(found) >= KEYS
    assert (found["reference"], found["outcome"]) == (reference, outcome)
    assert (found["error"] is None) == (outcome == "accepted")
    if name != "clean:none":
        assert {check["rule"] for check in found["checks"]} == {rule.slug for rule in of_stage(*SCHEMA1_STAGES)}
        assert len(found["layers"]) == 3
    if outcome == "accepted":
        assert (found["digest"], len(found["image_id"])) == (IMAGE.digest, 64)


@pytest.mark.parametrize("verb", ["pull", "inspect", "explain"])
@pytest.mark.parametrize(
    ("reference", "status", "code"),
    [
        ("{nobody}/teach/clean:1", 3, "unreachable"),
        ("a:b:c", 2, "reference-syntax"),
        ("a@sha256:short", 2, "reference-syntax"),
        ("", 2, "reference-syntax"),
        ("-q --accept nothing a/b", 2, "policy"),
        ("--source nowhere/at/all a/b", 2, "usage"),
    ],
)
def test_json_stands_there_also_when_nothing_could_be_asked(
    tmp_path: Path, verb: str, reference: str, status: int, code: str
) -> None:
    given = reference.replace("{nobody}", nobody())
    arguments = given.split(" ") if given.startswith("-") else [given]
    said = run(tmp_path, verb, "--json", *arguments)
    found = document(said)
    assert said.returncode == status
    assert set(found) >= KEYS
    assert found["reference"] == arguments[-1]
    assert found["outcome"] == "undecided"
    assert found["error"]["code"] == code
    assert found["error"]["message"] in said.stderr
    assert (found["checks"], found["layers"], found["digest"], found["image_id"]) == ([], [], None, None)


def test_json_of_a_graph_that_cannot_be(tmp_path: Path, registry: str) -> None:
    (tmp_path / "file").write_text("here")
    said = run(tmp_path, "pull", "--json", "--graph", "file/graph", f"{registry}/teach/clean:1")
    assert said.returncode == 3
    assert document(said)["error"]["code"] == "graph-io"


def test_json_is_ascii_whatever_the_registry_says(tmp_path: Path, server: ScriptedServer) -> None:
    evil = IMAGE.changed(architecture="\x1b[31m\u202e<script>ü")
    server.routes = routes_of(evil)
    said = run(tmp_path, "inspect", "--json", f"{server.host}/teach/clean:1")
    assert said.returncode == 0
    assert said.stdout.isascii()
    assert "\x1b" not in said.stdout
    assert document(said)["manifests"][0]["architecture"] == "\x1b[31m\u202e<script>ü"


# -- streams -----------------------------------------------------------------------------------------------------

LINE: Final = re.compile(r"[0-9a-f]{12}  complete     [0-9.]+ (?:B|kB)")


def test_a_pipe_gets_a_line_for_each_layer_on_standard_error(tmp_path: Path, registry: str) -> None:
    said = run(tmp_path, "pull", f"{registry}/teach/clean:1")
    first, *lines, digest, status = said.stderr.splitlines()
    assert first == "1: Pulling from teach/clean"
    assert digest == f"Digest: {IMAGE.digest}"
    assert status == f"Status: Downloaded newer image for {registry}/teach/clean:1"
    assert len(lines) == 3
    assert all(LINE.fullmatch(line) for line in lines)
    assert {line[:12] for line in lines} == {digest[7:19] for digest in IMAGE.blobs}
    assert "\x1b" not in said.stdout + said.stderr


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_is_quiet(tmp_path: Path, registry: str, flag: str) -> None:
    assert run(tmp_path, "inspect", flag, f"{registry}/teach/clean:1").stderr == ""


def read_terminal(descriptor: int, process: subprocess.Popen[bytes]) -> str:
    """Read what a process writes to a terminal until it ends."""
    received = b""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        ready, _, _ = select.select([descriptor], [], [], 0.05)
        if ready:
            try:
                received += os.read(descriptor, 65536)
            except OSError:  # the other side is closed
                break
        elif process.poll() is not None:
            break
    return received.decode()


def test_a_terminal_gets_bars_and_standard_output_stays_json(tmp_path: Path, registry: str) -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            command("pull", "--json", f"{registry}/teach/clean:1"),
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = read_terminal(ours, process)
            assert process.stdout is not None
            found = json.loads(process.stdout.read())
            assert process.wait(timeout=LONG) == 0
    finally:
        os.close(ours)
    assert found["outcome"] == "accepted"
    assert "\x1b[2K" in shown
    rows = {line.rpartition("\x1b[2K")[2] for line in shown.splitlines()}
    assert len([row for row in rows if LINE.fullmatch(row)]) == 3


def test_hostile_words_of_a_registry_do_not_reach_the_terminal_as_they_are(tmp_path: Path, server: ScriptedServer) -> None:
    body = json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": "\x1b]0;owned\x07\u202e<b>\r\n"}]}).encode()
    server.routes = [Route(path="/v2/teach/clean/manifests/1", status=404, body=body), *routes_of(IMAGE)]
    said = run(tmp_path, "pull", f"{server.host}/teach/clean:1")
    assert said.returncode == 3
    assert "name unknown: \\x1b]0;owned\\x07\\u202e<b>\\x0d\n" in said.stderr
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(said.stderr)


def test_hostile_tags_are_listed_as_text(tmp_path: Path, registry: str) -> None:
    run(tmp_path, "pull", "-q", f"{registry}/teach/clean:1")
    graph = tk.Graph(tmp_path / "graph")
    graph.layout.repositories.write_text(json.dumps({"Repositories": {"a\x1b[31m": {"1": "\u202e"}}}))
    said = run(tmp_path, "tags", "--graph", "graph")
    assert said.stdout == "a\\x1b[31m:1 \\u202e\n"


# -- help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["pull", "inspect", "explain", "tags", "rules", "lab", "exit status: 0 accepted"]),
        (["pull"], ["--graph", "--all-tags", "--policy", "--accept", "--trust", "--json", "--password-stdin", "--allow-realm"]),
        (["inspect"], ["--graph", "--source", "--insecure-host", "--quiet"]),
        (["explain"], ["--position", "--graph"]),
        (["tags"], ["--graph", "--json"]),
        (["rules"], ["--json"]),
        (["lab"], ["demo", "serve", "save"]),
        (["lab", "demo"], ["--graph"]),
        (["lab", "serve"], ["--port", "--folder"]),
        (["lab", "save"], ["folder"]),
    ],
)
def test_every_verb_explains_itself(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    said = run(tmp_path, *arguments, "--help")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("usage: layerproof")
    for word in words:
        assert word in said.stdout


def test_it_says_its_version(tmp_path: Path) -> None:
    said = run(tmp_path, "--version")
    assert (said.returncode, said.stdout) == (0, f"layerproof {tk.__version__}\n")


# -- the verbs ---------------------------------------------------------------------------------------------------


def test_all_tags_of_a_repository_are_pulled(tmp_path: Path, registry: str) -> None:
    said = run(tmp_path, "pull", "-a", "-q", "--json", f"{registry}/teach/clean")
    assert said.returncode == 0
    assert [row["requested"] for row in document(said)["manifests"]] == ["1", "2"]
    assert sorted(tk.Graph(tmp_path / "graph").tags.all()[f"{registry}/teach/clean"]) == ["1", "2"]


def test_an_exception_is_made_by_name_and_is_told(tmp_path: Path, registry: str) -> None:
    reference = f"{registry}/teach/tampered:another-tag"
    assert run(tmp_path, "pull", "-q", reference).returncode == 1
    said = run(tmp_path, "pull", "-q", "--accept", "manifest-tag", reference)
    assert said.returncode == 0
    assert "excepted: manifest-tag" in said.stdout


def test_docker_s_policy_lets_through_what_docker_did(tmp_path: Path, registry: str) -> None:
    for policy, status in (("docker-1.9", 0), ("strict", 1)):
        said = run(tmp_path, "inspect", "-q", "--policy", policy, f"{registry}/teach/tampered:unsigned-layers")
        assert said.returncode == status
        assert "unsigned-data" in said.stdout


def test_a_key_is_trusted_by_its_id(tmp_path: Path, registry: str) -> None:
    key = IMAGE.keys[0].public.key_id
    for arguments, status in (([], "valid-self-asserted"), (["--trust", key], "valid-trusted")):
        said = run(tmp_path, "inspect", "-q", "--json", *arguments, f"{registry}/teach/clean:1")
        assert [row["status"] for row in document(said)["signatures"]] == [status]


def test_an_inspection_leaves_nothing_behind(tmp_path: Path, registry: str) -> None:
    assert run(tmp_path, "inspect", f"{registry}/teach/tampered:blob-byte").returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_an_inspection_keeps_what_it_rejects_where_it_is_told(tmp_path: Path, registry: str) -> None:
    run(tmp_path, "inspect", "-q", "--graph", "kept", f"{registry}/teach/tampered:blob-byte")
    assert list((tmp_path / "kept" / "quarantine" / "sha256").iterdir())
    assert tk.Ledger.load(tmp_path / "kept" / "ledger").pulls["verb"].tolist() == ["inspect"]


@pytest.mark.parametrize("position", [0, 1, 2, -1])
def test_an_id_is_explained(tmp_path: Path, registry: str, position: int) -> None:
    said = run(tmp_path, "explain", f"{registry}/teach/clean:1", "--position", str(position))
    assert (said.returncode, said.stderr) == (0, "")
    expected = tk.explain(tk.inspect(f"{registry}/teach/clean:1"), position)
    assert said.stdout == f"{expected!r}\n"
    found = document(run(tmp_path, "explain", "--json", f"{registry}/teach/clean:1", "--position", str(position)))
    assert found["position"] == expected.position
    assert found["strong_id"] == expected.strong_id
    assert found["config"] == expected.config.decode()
    assert found["agrees"] is True
    assert [step["what"] for step in found["steps"]] == [step.what for step in expected.computed]


def test_a_position_that_is_not_there_is_a_mistake_in_the_call(tmp_path: Path, registry: str) -> None:
    said = run(tmp_path, "explain", "--json", f"{registry}/teach/clean:1", "--position", "9")
    assert said.returncode == 2
    assert document(said)["error"] == {"code": "usage", "message": "there is no image at position 9"}


def test_tags_of_a_repository_are_listed(tmp_path: Path, registry: str) -> None:
    said = run(tmp_path, "tags", f"{registry}/teach/clean")
    assert (said.returncode, said.stdout, said.stderr) == (0, "1\n2\n", "")
    assert document(run(tmp_path, "tags", "--json", f"{registry}/teach/clean")) == ["1", "2"]
    missing = run(tmp_path, "tags", f"{registry}/teach/nobody")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "name unknown: repository name not known to registry" in missing.stderr


def test_references_of_a_graph_are_listed(tmp_path: Path, registry: str) -> None:
    first = tk.pull(f"{registry}/teach/clean:1", tmp_path / "graph").image_id
    by_digest = tk.pull(f"{registry}/teach/clean@{IMAGE.digest}", tmp_path / "graph").image_id
    said = run(tmp_path, "tags", "--graph", "graph")
    name = f"{registry}/teach/clean"
    assert said.stdout == f"{name}:1 {first}\n{name}@{IMAGE.digest} {by_digest}\n"
    assert document(run(tmp_path, "tags", "--graph", "graph", "--json")) == said.stdout.splitlines()


def test_every_rule_is_listed_with_its_origin(tmp_path: Path) -> None:
    said = run(tmp_path, "rules")
    assert (said.returncode, said.stderr) == (0, "")
    for rule in tk.RULES.values():
        assert re.search(rf"^{rule.slug} +{re.escape(rule.sentence)}$", said.stdout, re.MULTILINE)
        assert rule.origin in said.stdout
    found = document(run(tmp_path, "rules", "--json"))
    assert [row["rule"] for row in found] == list(tk.RULES)
    assert [(row["strict"], row["docker-1.9"]) for row in found] == [(rule.strict, rule.seed) for rule in tk.RULES.values()]


# -- credentials -------------------------------------------------------------------------------------------------

PASSWORD: Final = "canary-command-3b1f"
PAIR: Final = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\nanother line\n"])
def test_a_password_comes_from_standard_input(tmp_path: Path, server: ScriptedServer, end: bytes) -> None:
    server.routes = routes_of(IMAGE, challenge("Basic"), if_authorization=PAIR)
    arguments = ["pull", f"{server.host}/teach/clean:1", "--username", "ada", "--password-stdin"]
    said = run(tmp_path, *arguments, given=PASSWORD.encode() + end)
    assert said.returncode == 0
    assert PASSWORD not in said.stdout + said.stderr
    for path in (tmp_path / "graph").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_a_wrong_password_is_not_repeated(tmp_path: Path, server: ScriptedServer) -> None:
    server.routes = [challenge("Basic"), Route(path="/v2/teach/clean/manifests/1", status=401, body=b"no")]
    arguments = ["pull", "--json", f"{server.host}/teach/clean:1", "--username", "ada", "--password-stdin"]
    said = run(tmp_path, *arguments, given=f"{PASSWORD}\n".encode())
    assert said.returncode == 3
    assert document(said)["error"]["code"] == "unauthorized"
    assert PAIR in [one.headers.get("Authorization") for one in server.seen]
    assert PASSWORD not in said.stdout + said.stderr


def test_a_realm_elsewhere_is_allowed_by_name_only(tmp_path: Path, server: ScriptedServer, stranger: ScriptedServer) -> None:
    stranger.routes = [Route(path="/token", body=b'{"token":"t-1"}')]
    asked = challenge(f'Bearer realm="http://{stranger.host}/token"')
    server.routes = routes_of(IMAGE, asked, if_authorization="Bearer t-1")
    arguments = ["inspect", "-q", f"{server.host}/teach/clean:1", "--username", "ada", "--password-stdin"]
    refused = run(tmp_path, *arguments, given=f"{PASSWORD}\n".encode())
    assert refused.returncode == 3
    assert f"--allow-realm {stranger.host}" in refused.stderr
    assert stranger.seen == []
    allowed = run(tmp_path, *arguments, "--allow-realm", stranger.host, given=f"{PASSWORD}\n".encode())
    assert allowed.returncode == 0
    assert [one.headers.get("Authorization") for one in stranger.seen] == [PAIR]


# -- the lab -----------------------------------------------------------------------------------------------------


def test_the_demonstration_runs_offline(tmp_path: Path) -> None:
    said = run(tmp_path, "lab", "demo", "--graph", "graph")
    assert (said.returncode, said.stderr) == (0, "")
    assert ": accepted" in said.stdout
    assert ": rejected" in said.stdout
    assert "docker-1.9: accepted, strict: rejected" in said.stdout
    assert len(tk.Graph(tmp_path / "graph")) == 3


def test_the_teaching_registry_is_saved_and_pulled_from(tmp_path: Path) -> None:
    said = run(tmp_path, "lab", "save", "saved")
    assert (said.returncode, said.stdout) == (0, "the teaching registry is in saved\n")
    save_teaching(tmp_path / "made")
    for path in (tmp_path / "made").rglob("*"):
        if path.is_file():
            assert (tmp_path / "saved" / path.relative_to(tmp_path / "made")).read_bytes() == path.read_bytes()
    assert run(tmp_path, "inspect", "-q", "--source", "saved", "teach/clean:1").returncode == 0
    assert run(tmp_path, "inspect", "-q", "--source", "saved", "teach/tampered:blob-byte").returncode == 1
    again = run(tmp_path, "lab", "save", "saved")
    assert again.returncode == 3
    assert again.stderr.startswith("layerproof: ")


@pytest.mark.parametrize("folder", [None, "saved"])
def test_the_teaching_registry_is_served_until_it_is_interrupted(tmp_path: Path, folder: str | None) -> None:
    arguments = ["lab", "serve"]
    if folder is not None:
        save_teaching(tmp_path / folder)
        arguments += ["--folder", folder]
    with subprocess.Popen(
        command(*arguments), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            count = sum(map(len, teaching_registry().manifests.values()))
            lines = [process.stdout.readline() for _ in range(1 + count)]
            match = re.search(r"serving teaching\.example at (127\.0\.0\.1:\d+) until interrupted", lines[0])
            assert match is not None
            assert f"  {match[1]}/teach/clean:1  Three layers, nothing wrong with them.\n" in lines
            assert tk.inspect(f"{match[1]}/teach/clean:1").outcome == "accepted"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=LONG) == 0
            assert (process.stdout.read(), process.stderr.read()) == ("", "stopped\n")
        finally:
            process.kill()


def test_a_folder_that_is_no_registry_is_not_served(tmp_path: Path) -> None:
    said = run(tmp_path, "lab", "serve", "--folder", ".")
    assert (said.returncode, said.stdout) == (3, "")
    assert "is not a registry's folder" in said.stderr
