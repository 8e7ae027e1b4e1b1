"""The seam to the operating system: what it refuses is typed and named, and nothing committed is replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import toolkit as tk
from toolkit import fsops


def refusal(attempt: Callable[[], object]) -> tk.errors.GraphIOError:
    with pytest.raises(tk.errors.GraphIOError) as caught:
        attempt()
    assert caught.value.next_step
    return caught.value


def test_a_new_file_is_new(tmp_path: Path) -> None:
    fsops.write_new(tmp_path / "a", b"one")
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o600
    assert refusal(lambda: fsops.write_new(tmp_path / "a", b"two")).actual == "EEXIST"
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_link_in_the_place_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    refusal(lambda: fsops.write_new(tmp_path / "link", b"one"))
    assert not (tmp_path / "target").exists()


def test_a_second_name_is_given_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fsops.write_new(tmp_path / name, name.encode())
    assert fsops.link_new(tmp_path / "a", tmp_path / "c")
    assert not fsops.link_new(tmp_path / "b", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"a"


@pytest.mark.parametrize("kind", ["file", "directory", "empty directory"])
def test_nothing_is_moved_over_what_is_there(tmp_path: Path, kind: str) -> None:
    (tmp_path / "new").mkdir()
    target = tmp_path / "old"
    if kind == "file":
        target.write_text("here")
    else:
        target.mkdir()
        if kind == "directory":
            (target / "inside").write_text("here")
    assert refusal(lambda: fsops.move_new(tmp_path / "new", target)).actual == "EEXIST"
    assert (tmp_path / "new").is_dir()
    assert target.exists()


def test_what_was_never_committed_can_be_discarded_twice(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "a").write_text("")
    (tmp_path / "file").write_text("")
    for name in ("directory", "file"):
        for _ in range(2):
            fsops.discard(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_an_index_is_the_old_or_the_new_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        fsops.replace(tmp_path / "index", content, mode=0o644)
        assert (tmp_path / "index").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert (tmp_path / "index").stat().st_mode & 0o7777 == 0o644


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert (fsops.read(missing), fsops.size(missing), fsops.names(missing)) == (None, None, [])
    assert refusal(lambda: list(fsops.chunks(missing))).actual == "ENOENT"


@pytest.mark.parametrize(
    "attempt",
    [
        fsops.make_directory,
        fsops.read,
        fsops.size,
        fsops.names,
        lambda path: fsops.write_new(path, b""),
        lambda path: fsops.replace(path, b""),
        fsops.AppendedFile,
        lambda path: fsops.move_new(path, path),
        lambda path: fsops.link_new(path, path),
        fsops.sync_directory,
        fsops.open_for_locking,
        fsops.identity,
        lambda path: list(fsops.chunks(path)),
    ],
)
def test_a_path_through_a_file_is_named_by_every_operation(tmp_path: Path, attempt: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_text("here")
    error = refusal(lambda: attempt(tmp_path / "file" / "inside"))
    assert error.actual == "ENOTDIR"
    assert str(tmp_path / "file") in error.message
    assert error.next_step == "the path of the graph leads through a file; choose another"


def test_a_full_device_is_an_error_and_says_what_to_do() -> None:
    error = refusal(lambda: fsops.AppendedFile(Path("/dev/full")).write(b"x"))
    assert error.actual == "ENOSPC"
    assert "free some space" in error.next_step
