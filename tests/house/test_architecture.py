"""Imports point one way, and the rooms keep their rules."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import PROJECT

PACKAGE = PROJECT / "toolkit"

ORDER = (
    {"_version", "errors"},
    {"digests"},
    {"references", "records"},
    {"go_json"},
    {"manifests"},
    {"layers"},
    {"files"},
    {"identity"},
    {"verification"},
    {"reuse"},
    {"fsops", "cards", "progress"},
    {"sources", "graph", "ledger"},
    {"pulling"},
    {"auditing"},
    {"survey"},
    {"analysis"},
    {"views"},
    {"cases"},
    {"simulator"},
    {"cli"},
    {"__init__", "__main__"},
)
"""Each room may use what stands above it; rooms on one line do not know each other."""

PURE = {
    "errors",
    "digests",
    "references",
    "records",
    "go_json",
    "manifests",
    "layers",
    "files",
    "identity",
    "verification",
    "reuse",
    "cards",
    "progress",
}
OUTSIDE = {"httpx", "pandas", "matplotlib", "pathlib", "time", "logging", "os", "io", "threading", "datetime", "tempfile"}
EXCEPTIONS = {
    ("progress", "threading"): "steps are told by several threads; nothing here starts one",
    ("records", "datetime"): "a stamp has a time; nobody asks the clock here",
}


RUNS_PROGRAMS = {"programs.py": {"subprocess"}, "docker_config.py": {"subprocess", "os"}, "retries.py": {"os"}}
"""The lab runs the client it measures, and a credential helper runs if the user named it; nothing that pulls or judges
starts a program. Retries take a random number from the system."""


def rank(room: str) -> int:
    return next(index for index, rooms in enumerate(ORDER) if room in rooms)


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    """Every module a file imports, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))

AGAINST = {
    ("pulling/report.py", "toolkit.cases.page.page"): "a report writes itself as a page when it is asked to, as it does as a card"
}
"""Imports that point the other way, each inside a function, and why."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("toolkit."):
            continue
        used = name.split(".")[1]
        if used == room or not any(used in rooms for rooms in ORDER):
            continue
        if (str(path.relative_to(PACKAGE)), name) in AGAINST:
            continue
        assert rank(used) < rank(room), f"{room} uses {used}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(path) in PURE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_pure_rooms_know_no_outside(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        if (room_of(path), top) not in EXCEPTIONS:
            assert top not in OUTSIDE, name


def test_simulator_is_used_by_nobody_but_the_lab() -> None:
    for path in FILES:
        if room_of(path) not in ("simulator", "cli", "__init__"):
            assert not any(name.startswith("toolkit.simulator") for name in imports(path)), path


SEAM = PACKAGE / "fsops"
TOUCHES_FILES = {
    *("chmod", "exists", "glob", "group", "hardlink_to", "is_block_device", "is_char_device", "is_dir", "is_fifo", "is_file"),
    *("is_mount", "is_socket", "is_symlink", "iterdir", "lchmod", "lstat", "mkdir", "open", "read_bytes", "read_text"),
    *("readlink", "rename", "rglob", "rmdir", "samefile", "stat", "symlink_to", "touch", "unlink", "walk", "write_bytes"),
    *("write_text", "expanduser", "cwd", "home", "extract", "extractall", "extract_all"),
}
"""Names of calls that reach the file system, whoever they are asked of."""
OF_FRAMES = {"rename", "extract"}
"""Frames have methods of these names, too: in the rooms that make frames out of frames they mean those."""
FRAME_ROOMS = {"analysis", "views"}
LOOKS_ELSEWHERE = {
    "sources/docker_config.py": {"is_file", "cwd", "resolve"},
    "sources/opening.py": {"exists"},
}
"""Looks for a program on the user's PATH, or whether a text is a path at all: nothing of a graph, and nothing is opened."""


def calls_that_touch_files(path: Path) -> set[str]:
    """Every call of a file that opens, looks at or changes a file without going through the seam."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            found |= {called.id} & {"open", "eval", "exec"}
        elif isinstance(called, ast.Attribute) and ast.unparse(called.value) not in {"fsops", "fsops.current()", "tarfile"}:
            found |= {called.attr} & TOUCHES_FILES
            if called.attr == "resolve" and not node.args and {word.arg for word in node.keywords} <= {"strict"}:
                found.add("resolve")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_touched_in_one_place(path: Path) -> None:
    """Nothing but ``fsops`` opens, looks at, writes, links, locks or removes a file."""
    name = str(path.relative_to(PACKAGE))
    if path.is_relative_to(SEAM):
        return
    meant = OF_FRAMES if room_of(path) in FRAME_ROOMS else LOOKS_ELSEWHERE.get(name, set())
    assert not calls_that_touch_files(path) - meant
    used = {name.split(".")[0] for name in imports(path) if not name.startswith(("os.PathLike", "os.fspath"))}
    outside = {"os", "fcntl", "mmap", "subprocess", "pickle", "shutil", "tempfile", "glob"}
    assert not outside & used - RUNS_PROGRAMS.get(path.name, set())


@pytest.mark.parametrize("path", sorted(SEAM.glob("*.py")), ids=lambda path: path.stem)
def test_the_seam_calls_the_operating_system_in_one_file(path: Path) -> None:
    """So that whoever replaces ``System`` sees every operation."""
    if path.stem == "system":
        return
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "os"
    }
    assert calls <= {"getpid", "geteuid", "urandom", "strerror"}
    assert not {"fcntl", "shutil", "tempfile"} & {name.split(".")[0] for name in imports(path)}
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name) and node.id == "open"]


def test_the_rule_of_the_seam_sees_what_it_forbids(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "open(a); b.open(); c.exists(); d.resolve(strict=True); tarfile.open(e); f.resolve(g); h.stat().st_size; fsops.exists(i)"
    )
    assert calls_that_touch_files(module) == {"open", "exists", "resolve", "stat"}


def test_a_room_says_its_rule() -> None:
    for path in FILES:
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        if path.parent == PACKAGE and path.stem in ("_version", "__init__", "__main__"):
            continue
        assert "rule of this" in docstring, path


def test_importing_the_package_is_light() -> None:
    heavy = ("pandas", "matplotlib", "httpx", "ipywidgets", "zstandard")
    code = f"import sys, toolkit; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_door_names_what_it_gives() -> None:
    toolkit = importlib.import_module("toolkit")
    assert sorted(toolkit.__all__) == sorted(set(toolkit.__all__))
    assert dir(toolkit) == sorted(toolkit.__all__)
    for name in toolkit.__all__:
        assert getattr(toolkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = toolkit.nothing
