"""The README's lines run, and print what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit import simulator
from toolkit.cli.command import main
from toolkit.sources.protocol import Source

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith("import")]) == 10
    (tmp_path / "data").symlink_to(PROJECT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    last: object = None
    for line in lines:
        code = line.split("#")[0].strip()
        if re.match(r"import |\w+ = ", code):
            exec(code, names)  # noqa: S102  # the README's own lines
        else:
            last = eval(code, names)  # noqa: S307
    shown = re.search(r"The last line prints\n\n```\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    text = str(last)
    for line in shown[1].splitlines():
        if line.strip() != "…":
            assert line.rstrip("…") in text, line


def test_the_shell_s_verbs_exist(capsys: pytest.CaptureFixture[str]) -> None:
    graph = str(tk.Graph.temporary().layout.root)
    with simulator.LoopbackServer(simulator.teaching_registry()) as server:
        block = re.search(r"## The same from a shell\n\n((?:    .*\n)+)", README)
        assert block is not None
        for line in block[1].splitlines():
            words = line.split("#")[0].split()
            assert words[0] == "layerproof"
            arguments = [word.replace("127.0.0.1:5000/library/busybox", f"{server.host}/teach/clean") for word in words[1:]]
            arguments = [word.removesuffix(":1.24") + ":1" if word.endswith(":1.24") else word for word in arguments]
            arguments = [f"{word}:1" if word.endswith("/teach/clean") and arguments[0] != "tags" else word for word in arguments]
            if arguments[0] == "pull":
                arguments += ["--graph", graph]
            arguments = [graph if word == "graph" else word for word in arguments]
            if arguments[:2] not in (["lab", "serve"], ["lab", "conformance"]):  # one never ends, one has tests of its own
                assert main(arguments) == 0, line
    assert "teach/clean" in capsys.readouterr().out


def test_every_decision_and_file_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (PROJECT / target).exists(), target


def test_what_is_kept_can_be_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teaching: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    block = re.search(r"## Months later\n\n((?:    .*\n)+)", README)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    tk.pull("teach/clean:1", "graph", source=teaching)
    with pytest.raises(tk.VerificationError):
        tk.pull("teach/tampered:blob-byte", "graph", source=teaching)
    for line in block[1].splitlines():
        words = shlex.split(line.split("#")[0])
        assert words[0] == "layerproof"
        assert main(words[1:]) == 0, line + capsys.readouterr().err
