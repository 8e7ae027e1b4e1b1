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
    {"identity"},
    {"verification"},
    {"reuse"},
    {"fsops", "cards", "progress"},
    {"sources", "graph", "ledger"},
    {"pulling"},
    {"analysis"},
    {"views"},
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        if not name.startswith("toolkit."):
            continue
        used = name.split(".")[1]
        if used == room or not any(used in rooms for rooms in ORDER):
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_opened_in_one_place(path: Path) -> None:
    """Nothing but ``fsops`` opens, writes, links or renames."""
    if path.name == "fsops.py":
        return
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            assert name not in {"write_bytes", "write_text", "unlink", "rename", "touch", "extractall", "extract_all"}, name
            if isinstance(called, ast.Name):
                assert name not in {"open", "eval", "exec"}, name
    used = {name.split(".")[0] for name in imports(path) if not name.startswith(("os.PathLike", "os.fspath"))}
    assert not {"os", "subprocess", "pickle", "shutil"} & used - RUNS_PROGRAMS.get(path.name, set())


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
