"""The conformance lab: a client is judged by its exit status, and what it says is only shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.real import need

from toolkit.cli.command import main
from toolkit.errors import UsageError
from toolkit.simulator.catalogue import CASES
from toolkit.simulator.clients import CLIENTS, command_of
from toolkit.simulator.conformance import Conformance, Trial, choose, conformance, filled
from toolkit.simulator.programs import run

GOOD, BAD = CASES["oci-gzipped"], CASES["oci-layer-byte"]


def client(code: str) -> list[str]:
    return [sys.executable, "-c", code, "{reference}"]


@pytest.mark.parametrize(
    ("code", "outcomes", "status"),
    [
        ("pass", ["accepted", "missed"], 0),
        ("raise SystemExit(3)", ["refused", "caught"], 3),
        ("import os; os.kill(os.getpid(), 9)", ["error", "error"], -9),
    ],
)
def test_the_exit_status_is_the_outcome(code: str, outcomes: list[str], status: int) -> None:
    found = conformance(client(code), cases=[GOOD, BAD])
    assert [trial.outcome for trial in found.trials] == outcomes
    assert {trial.exit_status for trial in found.trials} == {status}
    assert [trial.rule for trial in found.trials] == [None, "blob-digest"]


def test_a_client_that_comes_to_no_end_is_stopped() -> None:
    found = conformance(client("import time; print('first', flush=True); time.sleep(60)"), cases=[BAD], timeout=1)
    (trial,) = found.trials
    assert (trial.outcome, trial.exit_status) == ("error", None)
    assert 1 <= trial.seconds < 10


def test_a_grandchild_that_holds_the_pipes_does_not_hold_the_lab() -> None:
    ran = run(["sh", "-c", "sleep 5 & exec sleep 60"], timeout=0.5)
    assert ran.status is None
    assert ran.seconds < 4


def test_the_client_gets_the_image_it_is_asked_to_pull() -> None:
    code = (
        "import sys, urllib.request; host, repository, key = sys.argv[1:4]\n"
        "body = urllib.request.urlopen(f'http://{host}/v2/{repository}/manifests/{key}').read()\n"
        "print(len(body), file=sys.stderr)"
    )
    case = CASES["oci-by-digest"]
    found = conformance([sys.executable, "-c", code, "{host}", "{repository}", "{key}"], cases=[case])
    stored = case.build()
    assert found.trials[0].said == str(len(stored.documents[stored.root].body))


def test_every_placeholder_is_replaced_and_braces_of_programs_stay() -> None:
    case = CASES["oci-by-digest"]
    stored = case.build()
    parts = filled(["{reference} {host} {repository} {tag} {digest} {key} {out}", "{x: 1}"], case, stored, "h:1", "/o")
    repository = "lab/oci-by-digest"
    asked = f"h:1/{repository}@{stored.root}"
    assert parts == [f"{asked} h:1 {repository} 1 {stored.root} {stored.root} /o", "{x: 1}"]


def test_each_trial_has_a_folder_of_its_own_that_goes_away() -> None:
    code = "import os, sys; assert os.listdir(sys.argv[1]) == []; print(sys.argv[1]); open(sys.argv[1] + '/x', 'w')"
    found = conformance([sys.executable, "-c", code, "{out}", "{reference}"], cases=[GOOD, BAD])
    folders = [Path(trial.said) for trial in found.trials]
    assert [trial.exit_status for trial in found.trials] == [0, 0]
    assert len(set(folders)) == 2
    assert not any(folder.exists() for folder in folders)


def test_what_a_client_says_is_shown_and_not_obeyed() -> None:
    code = r"import sys; print('first'); print('before\n<b>\x1b[31m\u202e', file=sys.stderr); sys.exit(1)"
    found = conformance(client(f"# coding: utf-8\n{code}"), cases=[GOOD])
    assert found.trials[0].said == r"<b>\x1b[31m\u202e"
    page = found.to_html()
    assert "<b>" not in page
    assert "&lt;b&gt;\\x1b[31m" in page
    assert page.startswith("<!DOCTYPE html>")
    assert "oci-gzipped" in page
    assert json.loads(found.to_json())[0]["said"] == found.trials[0].said
    assert "\x1b" not in str(found)


def test_the_frame_has_a_row_for_each_trial() -> None:
    told: list[Trial] = []
    found = conformance(client("pass"), client="mine", cases=[GOOD, BAD], tell=told.append)
    frame = found.frame()
    assert list(frame.columns) == [
        "client", "case", "format", "kind", "rule", "outcome", "exit_status", "seconds", "said",
    ]  # fmt: skip
    assert list(frame["case"]) == ["oci-gzipped", "oci-layer-byte"]
    assert set(frame["client"]) == {"mine"}
    assert tuple(told) == found.trials
    assert Conformance(()).frame().empty


def test_who_refuses_everything_has_proved_nothing() -> None:
    found = conformance(client("raise SystemExit(1)"), client="no", cases=[GOOD, BAD])
    assert found.unread() == [("no", "oci")]
    assert "proves nothing: no: oci" in str(found)
    assert conformance(client("pass"), cases=[GOOD, BAD]).unread() == []


def test_a_perfect_client_is_told_so() -> None:
    code = "import sys; sys.exit('layer-byte' in sys.argv[1])"
    text = str(conformance(client(code), cases=[GOOD, BAD]))
    assert text.startswith("✔ conformance: 2 trials")
    assert "missed, refused" not in text


@pytest.mark.parametrize("command", [[], ["skopeo", "inspect"], ["skopeo", "{out}"]])
def test_a_command_must_say_where_the_image_goes(command: list[str]) -> None:
    with pytest.raises(UsageError, match="does not say where"):
        conformance(command, cases=[GOOD])


def test_names_nobody_knows_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="cannot run"):
        conformance(["/nonexistent/program", "{reference}"], cases=[GOOD])
    with pytest.raises(UsageError, match="no client 'nobody'"):
        command_of("nobody", "python3")
    with pytest.raises(UsageError, match="no case 'nothing'"):
        choose(["nothing"])


def test_cases_are_chosen_by_name_and_by_format() -> None:
    assert choose(["oci-layer-byte"]) == [BAD]
    assert {case.format for case in choose(formats=["schema1"])} == {"schema1"}
    assert choose() == list(CASES.values())
    assert choose(["oci-layer-byte"], ["schema1"]) == []


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_of_the_table_is_a_command(name: str) -> None:
    command = command_of(name, "/a/python")
    assert "{python}" not in " ".join(command)
    assert any(part in " ".join(command) for part in ("{reference}", "{repository}"))
    if command[1] == "-c":
        compile(command[2], name, "exec")


# -- the command -------------------------------------------------------------------------------------------------


def test_the_command_prints_the_matrix_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    arguments = ["lab", "conformance", "--case", "oci-layer-byte", "--html", str(page), "--", *client("pass")]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert "missed, refused, or not ended" in shown.out
    assert shown.err.startswith("missed    oci-layer-byte")
    assert "oci-layer-byte" in page.read_text()
    assert main(["lab", "conformance", "--json", "-q", "--case", "oci-layer-byte", "--", *client("pass")]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["outcome"] == "missed"
    assert shown.err == ""


def test_our_own_client_catches_and_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "conformance", "--json", "-q", "--client", "layerproof", "--case", BAD.slug, "--case", GOOD.slug]) == 0
    assert {trial["outcome"] for trial in json.loads(capsys.readouterr().out)} == {"caught", "accepted"}


@pytest.mark.real
def test_skopeo_misses_a_layer_s_diff_id_and_catches_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    need("skopeo")
    chosen = ["--case", "oci-layer-byte", "--case", "oci-diff-id-wrong", "--case", "oci-gzipped"]
    assert main(["lab", "conformance", "--json", "-q", "--client", "skopeo-copy", *chosen]) == 0
    found = {trial["case"]: trial["outcome"] for trial in json.loads(capsys.readouterr().out)}
    assert (found["oci-gzipped"], found["oci-layer-byte"]) == ("accepted", "caught")
    assert found["oci-diff-id-wrong"] in ("missed", "caught")


@pytest.mark.parametrize("rest", [[], ["--client", "skopeo-copy", "--", "skopeo", "{reference}"]])
def test_one_client_must_be_named(rest: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "conformance", "--case", "oci-layer-byte", *rest]) == 2
    assert "which client?" in capsys.readouterr().err


def test_the_catalogue_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "catalogue", "--format", "oci"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(choose(formats=["oci"]))
    assert any(line.startswith("oci-layer-byte ") and "blob-digest" in line for line in lines)
    assert main(["lab", "catalogue", "--json", "--case", "oci-by-digest"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "case": "oci-by-digest",
            "format": "oci",
            "kind": "valid",
            "rule": None,
            "by": "digest",
            "about": "An image asked for by digest.",
        }
    ]
