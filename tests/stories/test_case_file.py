"""A case goes to a stranger: checked with tools that know nothing of us, then with our own, then by hand."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import bagit
import pytest
from support.real import need
from support.shop import Shop

import toolkit as tk
from toolkit.cases.check import check_case
from toolkit.cases.export import export_case
from toolkit.sources.protocol import Source

TAMPERED = ("blob-byte", "payload-byte", "layer-unreadable", "history-short", "parent-wrong")


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, teaching: Source) -> tk.Graph:
    """A graph in which images were accepted and refused."""
    graph = tk.Graph(tmp_path_factory.mktemp("worked") / "graph")
    tk.pull("teach/clean:1", graph, source=teaching)
    tk.pull("teach/legacy:1", graph, source=teaching)
    for name in TAMPERED:
        tk.inspect(f"teach/tampered:{name}", source=teaching, graph=graph)
    shop = Shop()
    shop.index(shop.image(), shop.image(architecture="arm64", salt="arm"))
    tk.pull("shop/app:1", graph, source=shop.transport())
    return graph


@pytest.fixture(scope="module")
def case(worked: tk.Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_case(worked, tmp_path_factory.mktemp("case") / "CASE.zip")


@pytest.fixture
def jq() -> None:
    need("jq")


def unzipped(case: Path, folder: Path) -> Path:
    need("unzip")
    subprocess.run(["unzip", "-q", str(case), "-d", str(folder)], check=True, capture_output=True)
    return folder / "case"


def test_strangers_tools_find_the_case_whole(case: Path, tmp_path: Path) -> None:
    need("unzip")
    tested = subprocess.run(["unzip", "-t", str(case)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    folder = unzipped(case, tmp_path / "unzipped")
    for listed in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        summed = subprocess.run(["sha256sum", "-c", "--strict", listed], cwd=folder, capture_output=True, text=True, check=False)
        assert (summed.returncode, summed.stderr) == (0, ""), summed.stdout
        assert summed.stdout.count(": OK\n") == len((folder / listed).read_text().splitlines())
    bag = bagit.Bag(str(folder))
    bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["Payload-Oxum"].split(".")[1] == str(len(list(bag.payload_files())))
    with zipfile.ZipFile(case) as opened:
        assert opened.testzip() is None


@pytest.mark.usefixtures("jq")
def test_every_command_of_the_page_prints_what_the_page_says(case: Path, tmp_path: Path) -> None:
    data = unzipped(case, tmp_path / "unzipped") / "data"
    steps = re.findall(
        r"<pre>(.*?)</pre>(?:<p class=\"prints\">must print <samp>(.*?)</samp>)?", (data / "report.html").read_text(), re.DOTALL
    )
    assert len(steps) > 50
    script = "".join(f"({html.unescape(command)}) 2>&1; echo '<END>'\n" for command, _ in steps)
    done = subprocess.run(["bash"], cwd=data, input=script, capture_output=True, text=True, check=True)
    printed = done.stdout.split("<END>\n")[:-1]
    assert len(printed) == len(steps)
    for (command, expected), shown in zip(steps, printed, strict=True):
        assert shown.strip(), command
        assert not expected or shown.split()[0] == html.unescape(expected), command
    assert sum(1 for _, expected in steps if expected) > 40


@pytest.mark.usefixtures("jq")
def test_the_commands_of_the_readme_work(case: Path, tmp_path: Path) -> None:
    bag = unzipped(case, tmp_path / "unzipped")
    text = (bag / "data" / "README.txt").read_text()
    commands = [line[4:].partition("      ")[0].strip() for line in text.splitlines() if re.match(r"    (sha256sum|jq)", line)]
    assert len(commands) == 6
    shutil.copy(case, bag / "CASE.zip")
    for command in commands:
        folder = bag if "manifest-sha256" in command or "CASE.zip" in command else bag / "data"
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout, command
    refused = subprocess.run(["bash", "-c", commands[-2]], cwd=bag / "data", capture_output=True, text=True, check=True).stdout
    assert '"rule": "blob-digest"' in refused


def test_a_case_can_be_judged_again_without_its_graph(case: Path, tmp_path: Path) -> None:
    data = unzipped(case, tmp_path / "unzipped") / "data"
    command = next(line for line in (data / "README.txt").read_text().splitlines() if "again/blobs" in line)
    subprocess.run(["bash", "-c", command], cwd=data, check=True)
    again = tk.rejudge(data / "again")
    assert again.skipped == {}
    assert again.differences.empty


def test_our_own_check_agrees_and_says_what_it_read(case: Path, worked: tk.Graph) -> None:
    found = check_case(case)
    calls = len(tk.Ledger.load(worked.layout.ledger).pulls_in_order())
    assert (found.calls, found.remarks) == (calls, ())
    with zipfile.ZipFile(case) as opened:
        payload = [one for one in opened.infolist() if one.filename.startswith("case/data/")]
    assert (found.files, found.octets) == (len(payload), sum(one.file_size for one in payload))
    assert repr(found).splitlines()[1].strip() == found.digest
    assert check_case(case, digest=found.digest) == found


def test_the_same_case_gives_the_same_bytes(worked: tk.Graph, case: Path, tmp_path: Path) -> None:
    other = export_case(tk.Graph(worked.layout.root), tmp_path / "other-name.zip")
    assert other.read_bytes() == case.read_bytes()
    assert str(worked.layout.root).encode() not in case.read_bytes()


def test_a_case_of_some_references_has_their_calls_only(worked: tk.Graph, tmp_path: Path) -> None:
    some = export_case(worked, tmp_path / "some.zip", references=["teach/legacy:1", "shop/app:1"])
    assert check_case(some).calls == 2
    with zipfile.ZipFile(some) as opened:
        asked = [one["reference"] for one in json.loads(opened.read("case/data/report.json"))["reports"]]
    assert sorted(asked) == ["shop/app:1", "teach/legacy:1"]


def test_a_case_without_layers_keeps_what_was_refused(worked: tk.Graph, case: Path, tmp_path: Path) -> None:
    light = export_case(worked, tmp_path / "light.zip", layers=False)
    found = check_case(light)
    with zipfile.ZipFile(case) as first, zipfile.ZipFile(light) as second:
        left_out = {name.rpartition("/")[2] for name in set(first.namelist()) - set(second.namelist())}
        absent = second.read("case/data/absent.csv").decode()
    layers = tk.Ledger.load(worked.layout.ledger).layers
    refused = layers.loc[layers["disposition"] == "failed", "evidence"].dropna()
    assert len(refused) > 0
    accepted = {
        line.split('"')[1].partition(":")[2] for line in absent.splitlines() if "left out: exported without layers" in line
    }
    assert left_out == accepted != set()
    assert not {one.partition(":")[2] for one in refused} & left_out
    assert found.absent == len(absent.splitlines()) - 1
