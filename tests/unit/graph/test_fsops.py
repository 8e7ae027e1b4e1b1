"""The seam to the operating system: what it refuses is typed and named, and nothing committed is replaced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faulty import Faulty, ShortWrites, Watched

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
        fsops.LockedBytes,
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


# -- what makes things durable -----------------------------------------------------------------------------------


def calls(attempt: Callable[[], object]) -> list[tuple[str, str]]:
    """What is asked of the operating system: kind and last name."""
    watched = Watched(fsops.System())
    with fsops.under(watched):
        attempt()
    return [(one.kind, Path(one.path).name) for one in watched.operations]


def syncs(attempt: Callable[[], object]) -> list[str]:
    return [name for kind, name in calls(attempt) if kind == "sync"]


def test_a_new_directory_is_synced_into_its_parent_before_anything_is_made_inside(tmp_path: Path) -> None:
    found = [one for one in calls(lambda: fsops.make_directory(tmp_path / "a" / "b")) if one[0] in ("sync", "make_directory")]
    assert found == [
        ("sync", tmp_path.parent.name),
        ("make_directory", "a"),
        ("sync", tmp_path.name),
        ("make_directory", "b"),
        ("sync", "a"),
    ]


def test_the_name_of_a_directory_that_another_process_made_is_synced_once(tmp_path: Path) -> None:
    watched = Watched(fsops.System())
    with fsops.under(watched):
        for _ in range(3):
            fsops.make_directory(tmp_path)
    assert [Path(one.path) for one in watched.operations if one.kind == "sync"] == [tmp_path.parent]


def test_a_second_name_is_durable_also_when_it_was_given_before(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fsops.write_new(tmp_path / name, name.encode())
    assert syncs(lambda: fsops.link_new(tmp_path / "a", tmp_path / "b")) == [tmp_path.name]


def test_a_claimed_file_has_a_durable_name_after_its_first_sync(tmp_path: Path) -> None:
    def grow() -> None:
        with fsops.ClaimedFile(tmp_path / "rows") as file:
            for _ in range(2):
                file.write(b"row\n")
                file.sync()

    assert syncs(grow) == ["rows", tmp_path.name, "rows"]


def test_a_whole_file_appears_with_all_of_its_bytes_and_stays(tmp_path: Path) -> None:
    (tmp_path / "ingest").mkdir()
    assert fsops.write_whole(tmp_path / "index", b"first", mode=0o644, staging=tmp_path / "ingest")
    assert not fsops.write_whole(tmp_path / "index", b"second")
    assert (tmp_path / "index").read_bytes() == b"first"
    assert (tmp_path / "index").stat().st_mode & 0o7777 == 0o644
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["index", "ingest"]


# -- what goes wrong ---------------------------------------------------------------------------------------------


def failing(kind: str, error: int = errno.EIO) -> Faulty:
    """A system on which one kind of operation fails, always."""
    return Faulty(fsops.System(), 0, error, kinds=frozenset({kind}), sticky=True)


def test_a_file_that_could_not_be_synced_is_never_synced_again(tmp_path: Path) -> None:
    faulty = failing("sync")
    with (
        fsops.under(faulty),
        fsops.NewFile(tmp_path / "new") as new,
        fsops.ClaimedFile(tmp_path / "rows") as rows,
    ):
        for file in (new, rows):
            file.write(b"row\n")
            assert refusal(file.sync).actual == "EIO"
            assert refusal(file.sync).actual == "one that failed"
        assert new.is_poisoned
    assert faulty.synced_again == []


def test_an_index_that_cannot_be_written_stays_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"old")
    for kind in ("write", "sync", "rename"):
        with fsops.under(failing(kind, errno.ENOSPC)):
            assert refusal(lambda: fsops.replace(tmp_path / "index", b"new")).actual == "ENOSPC"
        assert (tmp_path / "index").read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_half_a_record_is_taken_back(tmp_path: Path) -> None:
    faulty = Faulty(ShortWrites(fsops.System(), 3), 2, errno.ENOSPC, kinds=frozenset({"write"}))
    with fsops.under(faulty), fsops.ClaimedFile(tmp_path / "rows") as file:
        file.write(b"one")
        assert refusal(lambda: file.write(b"second")).actual == "ENOSPC"
        file.write(b"two")
    assert (tmp_path / "rows").read_bytes() == b"onetwo"


def test_half_a_record_that_cannot_be_taken_back_ends_the_file(tmp_path: Path) -> None:
    faulty = Faulty(ShortWrites(fsops.System(), 3), 1, errno.EIO, kinds=frozenset({"write", "truncate"}), sticky=True)
    with fsops.under(faulty), fsops.ClaimedFile(tmp_path / "rows") as file:
        assert refusal(lambda: file.write(b"second")).actual == "EIO"
        assert refusal(lambda: file.write(b"two")).expected == "a file of whole records"
    assert (tmp_path / "rows").read_bytes() == b"sec"


def test_a_system_that_takes_nothing_is_an_error_and_no_loop(tmp_path: Path) -> None:
    with fsops.under(ShortWrites(fsops.System(), 0)):
        assert refusal(lambda: fsops.write_new(tmp_path / "new", b"data")).actual == "EIO"


# -- what is read ------------------------------------------------------------------------------------------------


def test_a_file_is_opened_beneath_a_folder_only_if_no_link_leads_there(tmp_path: Path) -> None:
    (tmp_path / "root" / "inner").mkdir(parents=True)
    (tmp_path / "root" / "inner" / "file").write_bytes(b"inside")
    (tmp_path / "file").write_bytes(b"outside")
    opened = fsops.open_beneath(tmp_path / "root", ["inner", "file"])
    assert opened is not None
    with opened as file:
        assert file.read(100) == b"inside"
        assert file.seek(2) == 2
        assert file.read(3) == b"sid"
    assert fsops.open_beneath(tmp_path / "root", ["inner"]) is None
    (tmp_path / "root" / "last").symlink_to(tmp_path / "file")
    (tmp_path / "root" / "way").symlink_to(tmp_path)
    for parts in (["last"], ["way", "file"]):
        with pytest.raises(OSError, match="Errno"):
            fsops.open_beneath(tmp_path / "root", parts)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert fsops.open_regular(tmp_path / "pipe") is None


def test_a_system_is_in_the_place_of_the_real_one_as_long_as_its_context(tmp_path: Path) -> None:
    one, two = Watched(fsops.System()), Watched(fsops.System())
    with fsops.under(one):
        with fsops.under(two):
            fsops.names(tmp_path)
        fsops.names(tmp_path)
    fsops.names(tmp_path)
    assert [len(one.operations), len(two.operations)] == [1, 1]
