"""Credentials from a docker configuration: looked up for one host, run by permission, told to nobody."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import CredentialHelperError, ToolkitError, UsageError
from toolkit.sources import docker_config
from toolkit.sources.credentials import Credentials
from toolkit.sources.docker_config import CONFIG_LIMIT, docker_credentials

HUB = "https://index.docker.io/v1/"
HOST = "registry.example:5000"
CANARY = f"canary-{uuid.uuid4()}"
"""A password of this run and of no other."""
PAIR = base64.b64encode(f"ada:{CANARY}".encode()).decode()
OTHER = base64.b64encode(b"eve:another").decode()


def written(folder: Path, document: object) -> Path:
    path = folder / "config.json"
    if isinstance(document, bytes):
        path.write_bytes(document)
    else:
        path.write_text(json.dumps(document))
    return path


def forms_of(secret: str) -> tuple[str, ...]:
    raw = secret.encode()
    return secret, base64.b64encode(raw).decode(), PAIR, raw.hex(), repr(raw)[2:-1]


def assert_nothing_is_told(error: BaseException) -> None:
    """Search an error in every way it can be shown, the locals of its frames included."""
    shown = [str(error), repr(error), repr(error.args), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    text = "".join(shown)
    for form in forms_of(CANARY):
        assert form not in text


def refusal(path: Path, registry: str = HOST, *, helpers: tuple[str, ...] = ()) -> CredentialHelperError:
    with pytest.raises(CredentialHelperError) as caught:
        docker_credentials(path, registry, helpers=helpers)
    error = caught.value
    # The frame of this function holds nothing secret; those of the room are gone.
    assert_nothing_is_told(error)
    assert error.message
    assert error.where
    assert error.expected is not None
    assert error.actual is not None
    assert error.next_step
    return error


FOUND: dict[str, tuple[str, Any]] = {
    "host and port": (HOST, {"auths": {HOST: {"auth": PAIR}}}),
    "https URL": (HOST, {"auths": {f"https://{HOST}": {"auth": PAIR}}}),
    "https URL with v1": (HOST, {"auths": {f"https://{HOST}/v1/": {"auth": PAIR}}}),
    "https URL with v2": (HOST, {"auths": {f"https://{HOST}/v2/": {"auth": PAIR}}}),
    "http URL": (HOST, {"auths": {f"http://{HOST}/": {"auth": PAIR}}}),
    "host with a slash": (HOST, {"auths": {f"{HOST}/v1/": {"auth": PAIR}}}),
    "hub": ("docker.io", {"auths": {HUB: {"auth": PAIR}}}),
    "hub by its index": ("index.docker.io", {"auths": {HUB: {"auth": PAIR}}}),
    "hub by short key": ("docker.io", {"auths": {"docker.io": {"auth": PAIR}}}),
    "hub's own key wins": ("docker.io", {"auths": {"docker.io": {"auth": OTHER}, HUB: {"auth": PAIR}}}),
    "exact key wins": (HOST, {"auths": {f"https://{HOST}/v1/": {"auth": OTHER}, HOST: {"auth": PAIR}}}),
    "in the clear": (HOST, {"auths": {HOST: {"username": "ada", "password": CANARY}}}),
    "auth wins over the clear": (HOST, {"auths": {HOST: {"auth": PAIR, "username": "eve", "password": "another"}}}),
    "padded as of old": (HOST, {"auths": {HOST: {"auth": base64.b64encode(f"ada:{CANARY}\0\0".encode()).decode()}}}),
    "others beside it": (HOST, {"auths": {"registry.example": {"auth": OTHER}, HOST: {"auth": PAIR}}}),
    "another host's helper": (HOST, {"credHelpers": {"h": "pass"}, "auths": {HOST: {"auth": PAIR}}}),
    "no helper for this host": (HOST, {"credsStore": "x", "credHelpers": {HOST: ""}, "auths": {HOST: {"auth": PAIR}}}),
    "empty tokens": (HOST, {"auths": {HOST: {"auth": PAIR, "identitytoken": "", "registrytoken": None}}}),
    "what else docker keeps": (HOST, {"HttpHeaders": {"a": "b"}, "detachKeys": "x", "auths": {HOST: {"auth": PAIR}}}),
    "IPv6": ("[::1]:5000", {"auths": {"https://[::1]:5000/v1/": {"auth": PAIR}}}),
}

NOTHING: dict[str, tuple[str, Any]] = {
    "empty": (HOST, {}),
    "no auths": (HOST, {"auths": None}),
    "another port": (HOST, {"auths": {"registry.example:5001": {"auth": PAIR}}}),
    "no port": (HOST, {"auths": {"registry.example": {"auth": PAIR}}}),
    "port asked for none": ("registry.example", {"auths": {HOST: {"auth": PAIR}}}),
    "longer name": (HOST, {"auths": {f"a.{HOST}": {"auth": PAIR}}}),
    "user in the key": (HOST, {"auths": {f"https://ada@{HOST}/": {"auth": PAIR}}}),
    "host as user": (HOST, {"auths": {f"https://{HOST}@evil.example/": {"auth": PAIR}}}),
    "path below": (HOST, {"auths": {f"{HOST}/team": {"auth": PAIR}}}),
    "query": (HOST, {"auths": {f"https://{HOST}/v1/?a": {"auth": PAIR}}}),
    "another scheme": (HOST, {"auths": {f"ftp://{HOST}/": {"auth": PAIR}}}),
    "no URL": (HOST, {"auths": {"https://[": {"auth": PAIR}}}),
    "another case": (HOST, {"auths": {HOST.upper(): {"auth": PAIR}}}),
    "hub's key for another": (HOST, {"auths": {HUB: {"auth": PAIR}}}),
    "another's key for the hub": ("docker.io", {"auths": {HOST: {"auth": PAIR}}}),
    "a mark without content": (HOST, {"auths": {HOST: {}}}),
    "a null entry": (HOST, {"auths": {HOST: None}}),
}

REFUSED: dict[str, Any] = {
    "no JSON": b"auths: " + PAIR.encode(),
    "cut": json.dumps({"auths": {HOST: {"auth": PAIR}}}).encode()[:-1],
    "empty file": b"",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"auths":{"\xff":1}}',
    "trailing comma": b'{"auths":{},}',
    "comment": b'{"auths":{}} // ' + CANARY.encode(),
    "two values": b"{}{}",
    "not a number": b'{"auths":NaN}',
    "a name twice": f'{{"auths":{{"{CANARY}":1,"{CANARY}":2}}}}'.encode(),
    "names that differ in case": b'{"auths":{},"Auths":{}}',
    "lone surrogate": b'{"auths":{"h":{"password":"\\ud800"}}}',
    "deep": b'{"a":' * 100 + b"1" + b"}" * 100,
    "very deep": b"[" * 200_000,
    "large integer": b'{"a":' + b"9" * 5000 + b"}",
    "an array": [CANARY],
    "a text": CANARY,
    "auths is a list": {"auths": [CANARY]},
    "auths is a text": {"auths": CANARY},
    "entry is a text": {"auths": {HOST: CANARY}},
    "auth is a number": {"auths": {HOST: {"auth": 1}}},
    "auth is an object": {"auths": {HOST: {"auth": {CANARY: CANARY}}}},
    "auth is no base64": {"auths": {HOST: {"auth": CANARY}}},
    "auth has a line end": {"auths": {HOST: {"auth": PAIR[:8] + "\n" + PAIR[8:]}}},
    "auth without padding": {"auths": {HOST: {"auth": base64.b64encode(b"a:bc" + b"d").decode().rstrip("=")}}},
    "auth without colon": {"auths": {HOST: {"auth": base64.b64encode(CANARY.encode()).decode()}}},
    "auth is not UTF-8": {"auths": {HOST: {"auth": base64.b64encode(b"ada:\xff").decode()}}},
    "auth without user": {"auths": {HOST: {"auth": base64.b64encode(f":{CANARY}".encode()).decode()}}},
    "auth without password": {"auths": {HOST: {"auth": base64.b64encode(b"ada:").decode()}}},
    "password alone": {"auths": {HOST: {"password": CANARY}}},
    "user alone": {"auths": {HOST: {"username": "ada"}}},
    "user is a list": {"auths": {HOST: {"username": [CANARY], "password": CANARY}}},
    "colon in the user's name": {"auths": {HOST: {"username": "a:b", "password": CANARY}}},
    "identity token": {"auths": {HOST: {"auth": PAIR, "identitytoken": CANARY}}},
    "registry token": {"auths": {HOST: {"registrytoken": CANARY}}},
    "token as user": {"auths": {HOST: {"username": "<token>", "password": CANARY}}},
    "two keys": {"auths": {f"https://{HOST}/v1/": {"auth": PAIR}, f"http://{HOST}": {"auth": OTHER}}},
    "credHelpers is a text": {"credHelpers": CANARY},
    "a helper is a list": {"credHelpers": {HOST: [CANARY]}},
    "credsStore is an object": {"credsStore": {CANARY: 1}},
}


@pytest.mark.parametrize("case", FOUND)
def test_a_pair_is_found_by_host_and_port(case: str, tmp_path: Path) -> None:
    registry, document = FOUND[case]
    found = docker_credentials(written(tmp_path, document), registry, realms=("auth.example",))
    assert found == Credentials("ada", CANARY, ("auth.example",))
    assert CANARY not in repr(found)


@pytest.mark.parametrize("case", NOTHING)
def test_no_other_host_s_pair_is_taken(case: str, tmp_path: Path) -> None:
    registry, document = NOTHING[case]
    assert docker_credentials(written(tmp_path, document), registry) is None


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_and_not_quoted(case: str, tmp_path: Path) -> None:
    refusal(written(tmp_path, REFUSED[case]))


def test_a_file_of_one_mebibyte_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    body = json.dumps({"auths": {HOST: {"auth": PAIR}}}).encode()
    assert docker_credentials(written(tmp_path, body.ljust(CONFIG_LIMIT)), HOST) is not None
    assert refusal(written(tmp_path, body.ljust(CONFIG_LIMIT + 1))).message == "the docker configuration is too large"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "fifo", Path("a\0b"), tmp_path / ("n" * 300)):
        refusal(path)


def test_what_the_system_refuses_is_mapped() -> None:
    assert refusal(Path("/proc/self/mem")).message == "the docker configuration cannot be read"  # no byte 0 can be read


@pytest.mark.parametrize("registry", ["", "a b", "h\nother", "h/x", f"u:{CANARY}@h", "é", "h" * 301], ids=range(7))
def test_what_is_no_host_is_the_caller_s_error(registry: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        docker_credentials(written(tmp_path, {}), registry)
    assert CANARY not in str(caught.value)


# Helpers


class Installed:
    """Helpers written into a folder of PATH; each notes that it ran."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = tmp_path / "bin"
        self.home = tmp_path / "home"
        self.mark = tmp_path / "ran"
        for folder in (self.folder, self.home):
            folder.mkdir()
        self.path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        monkeypatch.setenv("PATH", self.path)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("LAYERPROOF_SECRET", CANARY)
        monkeypatch.chdir(self.home)

    def script(self, body: str, name: str = "fake", folder: Path | None = None) -> Path:
        path = (folder or self.folder) / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n: > {self.mark}\n{body}\n")
        path.chmod(0o755)
        return path

    def answering(self, answer: object, name: str = "fake") -> Path:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return self.script(f"cat > /dev/null\ncat <<'END'\n{text}\nEND", name)

    @property
    def ran(self) -> bool:
        return self.mark.exists()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(tmp_path, monkeypatch)


ANSWER = {"ServerURL": HOST, "Username": "ada", "Secret": CANARY}
STORE = {"credsStore": "fake", "auths": {HOST: {"auth": OTHER}}}


@pytest.mark.parametrize("document", [STORE, {"credHelpers": {HOST: "fake"}, "credsStore": "absent"}])
def test_an_allowed_helper_gives_the_pair(document: object, tmp_path: Path, installed: Installed) -> None:
    installed.answering(ANSWER)
    found = docker_credentials(written(tmp_path, document), HOST, helpers=["fake"], realms=["r"])
    assert found == Credentials("ada", CANARY, ["r"])


@pytest.mark.parametrize(("registry", "line"), [(HOST, HOST), ("docker.io", HUB), ("index.docker.io", HUB)])
def test_a_helper_gets_one_argument_one_line_and_two_variables(
    registry: str, line: str, tmp_path: Path, installed: Installed
) -> None:
    seen = tmp_path / "seen.json"
    program = installed.folder / "docker-credential-fake"
    program.write_text(
        f"#!{sys.executable} -I\nimport json, os, sys\nline = sys.stdin.read()\n"
        f"json.dump([line, sys.argv[1:], dict(os.environ), os.getcwd()], open({str(seen)!r}, 'w'))\n"
        f"print(json.dumps({{'ServerURL': line.strip(), 'Username': 'ada', 'Secret': {CANARY!r}}}))\n"
    )
    program.chmod(0o755)
    assert docker_credentials(written(tmp_path, STORE), registry, helpers=["fake"]) == Credentials("ada", CANARY)
    got, arguments, environment, folder = json.loads(seen.read_text())
    assert (got, arguments, folder) == (f"{line}\n", ["get"], "/")
    environment.pop("LC_CTYPE", None)  # set by Python itself
    assert environment == {"PATH": installed.path, "HOME": str(installed.home)}


def test_a_helper_may_leave_the_server_out_and_name_it_as_a_url(tmp_path: Path, installed: Installed) -> None:
    for said in ("", f"https://{HOST}/v1/"):
        installed.answering({**ANSWER, "ServerURL": said})
        assert docker_credentials(written(tmp_path, STORE), HOST, helpers=["fake"]) is not None


def test_a_helper_that_is_not_allowed_does_not_run_and_nothing_else_is_tried(tmp_path: Path, installed: Installed) -> None:
    installed.answering(ANSWER)
    error = refusal(written(tmp_path, STORE), helpers=("fak", "other"))
    assert error.message == "the credential helper 'fake' is not allowed to run"
    assert error.expected == "one of: fak, other"
    assert error.next_step == "if you trust that program: --allow-cred-helper fake"
    assert refusal(written(tmp_path, STORE)).expected == "one of: none is allowed"
    assert not installed.ran


@pytest.mark.parametrize(
    "name", ["../x", "../../bin/fake", "/bin/sh", "fake get", "Fake", "fake;id", "fake\n", "é", "x" * 65, "."]
)
def test_a_name_that_is_none_never_runs_even_if_allowed(name: str, tmp_path: Path, installed: Installed) -> None:
    installed.answering(ANSWER)
    outside = installed.folder.parent / "x"
    outside.write_text(f"#!/bin/sh\n: > {installed.mark}\n")
    outside.chmod(0o755)
    for document in ({"credsStore": name}, {"credHelpers": {HOST: name}}):
        assert "is no name of a credential helper" in refusal(written(tmp_path, document), helpers=(name, "fake")).message
    assert not installed.ran


BAD_HELPERS = {
    "fails": "cat > /dev/null; echo " + CANARY + "; echo " + CANARY + " >&2; exit 1",
    "fails with an answer": f"cat > /dev/null; echo '{json.dumps(ANSWER)}'; exit 3",
    "knows nothing": "cat > /dev/null; echo credentials not found in native keychain; exit 1",
    "kills itself": "kill -9 $$",
    "prints nothing": "cat > /dev/null",
    "prints no JSON": f"echo '{CANARY}'",
    "prints two values": f"echo '{json.dumps(ANSWER)}{json.dumps(ANSWER)}'",
    "prints a list": f"echo '[\"{CANARY}\"]'",
    "prints a name twice": f'echo \'{{"Secret":"{CANARY}","secret":"b","Username":"ada"}}\'',
    "prints a number": f'echo \'{{"Username":"ada","Secret":12,"ServerURL":"{CANARY}"}}\'',
    "prints no user": f'echo \'{{"Secret":"{CANARY}"}}\'',
    "prints no secret": 'echo \'{"Username":"ada"}\'',
    "prints a token": f'echo \'{{"Username":"<token>","Secret":"{CANARY}"}}\'',
    "lies about the server": f"echo '{json.dumps({**ANSWER, 'ServerURL': 'https://evil.example'})}'",
    "puts the host in the user part": f"echo '{json.dumps({**ANSWER, 'ServerURL': f'https://{HOST}@evil.example/'})}'",
    "prints for ever": f"yes '{CANARY}'",
    "prints 64 KiB and one byte": f"echo '{json.dumps(ANSWER)}'; head -c 65536 /dev/zero | tr '\\0' ' '",
}


@pytest.mark.parametrize("case", BAD_HELPERS)
def test_a_helper_s_failure_is_the_end_and_is_not_quoted(case: str, tmp_path: Path, installed: Installed) -> None:
    installed.script(BAD_HELPERS[case])
    error = refusal(written(tmp_path, STORE), helpers=("fake",))
    assert installed.ran
    assert str(installed.folder) in error.where


def test_an_empty_keychain_and_a_token_are_told_apart(tmp_path: Path, installed: Installed) -> None:
    installed.script(BAD_HELPERS["knows nothing"])
    path = written(tmp_path, STORE)
    assert refusal(path, helpers=("fake",)).message == f"the helper has no credentials for {HOST}"
    installed.script(BAD_HELPERS["prints a token"])
    assert refusal(path, helpers=("fake",)).message == "an identity token is not supported"


@pytest.mark.parametrize(
    "body",
    [
        "exec sleep 60",
        "sleep 60 & exit 0",
        "exec 1>&-; exec sleep 60",
        "while :; do printf .; sleep 0.1; done",
        "sleep 60",
    ],
    ids=["sleeps", "leaves a child with the pipe", "closes the pipe", "drips", "has a child that sleeps"],
)
def test_a_slow_helper_is_stopped_with_all_it_started(
    body: str, tmp_path: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_config, "SECONDS", 0.5)
    group = tmp_path / "group"
    installed.script(f"echo $$ > {group}\n{body}")
    started = time.monotonic()
    error = refusal(written(tmp_path, STORE), helpers=("fake",))
    assert error.message == "the helper takes too long"
    assert error.expected == "an end within 0.5 s"
    assert time.monotonic() - started < 10
    assert_gone(int(group.read_text()))


def assert_gone(group: int) -> None:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        if all(_is_zombie(path, group) for path in Path("/proc").glob("[0-9]*/stat")):
            return  # killed; whoever adopts orphans here has not looked yet
        time.sleep(0.05)
    pytest.fail("a process of the helper is still there")


def _is_zombie(path: Path, group: int) -> bool:
    try:
        state, _, of = path.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return True
    return int(of) != group or state == "Z"


def test_a_helper_in_the_current_folder_is_refused_also_by_a_link(
    tmp_path: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, STORE)
    inside = installed.home / "tools"
    inside.mkdir()
    real = installed.script("exit 0", folder=inside)
    installed.answering(ANSWER)  # also installed later in PATH, and not taken instead
    monkeypatch.setenv("PATH", f"{inside}{os.pathsep}{installed.path}")
    assert refusal(path, helpers=("fake",)).message == "docker-credential-fake is inside the current folder"
    monkeypatch.setenv("PATH", installed.path)
    (installed.folder / real.name).unlink()
    (installed.folder / real.name).symlink_to(real)
    assert refusal(path, helpers=("fake",)).message == "docker-credential-fake is inside the current folder"
    assert not installed.ran


def test_relative_folders_of_path_are_not_searched(tmp_path: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, STORE)
    installed.script("exit 0", folder=installed.home)
    for value in (".", "", f"{os.pathsep}..{os.pathsep}../home", "/" + "n" * 300):
        monkeypatch.setenv("PATH", value)
        assert refusal(path, helpers=("fake",)).message == "docker-credential-fake is not installed"
    monkeypatch.delenv("PATH")
    assert refusal(path, helpers=("fake",)).message == "docker-credential-fake is not installed"
    assert not installed.ran


def test_what_cannot_run_is_passed_over_or_refused(tmp_path: Path, installed: Installed) -> None:
    path = written(tmp_path, STORE)
    program = installed.answering(ANSWER)
    program.chmod(0o644)
    assert refusal(path, helpers=("fake",)).message == "docker-credential-fake is not installed"
    program.write_bytes(b"#!/nonexistent/interpreter\n")
    program.chmod(0o755)
    assert refusal(path, helpers=("fake",)).message == "the helper cannot be run"


@pytest.mark.parametrize("where", ["root", "a folder that is gone"])
def test_a_helper_runs_wherever_the_user_stands(
    where: str, tmp_path: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.answering(ANSWER)
    path = written(tmp_path, STORE)
    if where == "root":
        monkeypatch.chdir("/")
    else:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
    try:
        assert docker_credentials(path, HOST, helpers=["fake"]) == Credentials("ada", CANARY)
    finally:
        os.chdir(tmp_path)


def test_a_helper_need_not_read_its_input(tmp_path: Path, installed: Installed) -> None:
    installed.script(f"exec 0<&-; echo '{json.dumps(ANSWER)}'")
    assert docker_credentials(written(tmp_path, STORE), HOST, helpers=["fake"]) == Credentials("ada", CANARY)


def test_an_interrupt_stops_the_helper(tmp_path: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "group"
    installed.script(f"echo $$ > {group}\nexec sleep 60")

    def interrupted(*unused: object) -> bytes:
        while not group.exists() or not group.read_text():
            time.sleep(0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr(docker_config, "_exchanged", interrupted)
    with pytest.raises(KeyboardInterrupt):
        docker_credentials(written(tmp_path, STORE), HOST, helpers=["fake"])
    assert_gone(int(group.read_text()))


def test_every_refusal_is_of_the_family() -> None:
    assert issubclass(CredentialHelperError, ToolkitError)
    assert CredentialHelperError.code == "credential-helper"
