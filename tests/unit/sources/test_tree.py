"""A folder or a tar is read as it stands, and nothing outside it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from support.trees import member, saved, tar, tar_of, write

import toolkit as tk
from toolkit.sources import tree as trees
from toolkit.sources.tree import Below, FolderTree, TarTree, Tree, open_tree, parts, read

FILES = {"a/b/c": b"deep", "a/d": b"", "top": b"t" * 300_000}


@pytest.fixture(params=["folder", "tar", "below"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """The same files in a folder, in a tar, and in a tar under one more folder."""
    if request.param == "folder":
        return FolderTree(write(tmp_path / "folder", FILES))
    if request.param == "tar":
        return TarTree(saved(tmp_path / "x", tar_of(FILES)))
    return Below(TarTree(saved(tmp_path / "x", tar_of({f"outer/{name}": data for name, data in FILES.items()}))), "outer")


def content(tree: Tree, name: str) -> bytes:
    return b"".join(tree.chunks(name))


def test_files_are_listed_measured_and_read(either: Tree) -> None:
    assert either.names("") == ["a", "top"]
    assert either.names("a") == ["b", "d"]
    assert either.names("nowhere") == []
    assert [either.kind(name) for name in ("a", "a/b/c", "nowhere", "top/below")] == ["folder", "file", None, None]
    assert {name: either.size(name) for name in [*FILES, "nowhere"]} == {
        **{name: len(data) for name, data in FILES.items()},
        "nowhere": None,
    }
    assert {name: content(either, name) for name in FILES} == FILES
    assert [len(chunk) for chunk in either.chunks("top")] == [262_144, 37_856]
    assert content(either, "./a//b/./c") == b"deep"


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a/..", "x\0y"])
def test_no_name_leads_out(either: Tree, name: str) -> None:
    for look in (either.kind, either.size, either.names, lambda name: content(either, name)):
        with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
            look(name)


def test_what_is_not_there_cannot_be_read(either: Tree) -> None:
    with pytest.raises(tk.errors.NotFoundError):
        content(either, "nowhere")
    with pytest.raises(tk.errors.NotFoundError, match="the thing is not there"):
        read(either, "nowhere", 10, "the thing")


def test_a_folder_is_no_file(either: Tree) -> None:
    for look in (either.size, lambda name: content(either, name)):
        with pytest.raises(tk.errors.SourceError, match="no regular file"):
            look("a")


def test_a_small_file_may_not_be_large(either: Tree) -> None:
    assert read(either, "top", 300_000, "it") == FILES["top"]
    with pytest.raises(tk.errors.LimitError, match="it is larger than 299999 bytes"):
        read(either, "top", 299_999, "it")


def test_parts_of_a_name() -> None:
    assert parts("./a//b/", "x") == ["a", "b"]
    assert parts("a..b/...", "x") == ["a..b", "..."]


# -- folders -----------------------------------------------------------------------------------------------------


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real/file": b"data"})
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "folder").symlink_to("real")
    tree = FolderTree(tmp_path)
    assert (content(tree, "link"), content(tree, "folder/file")) == (b"data", b"data")


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "{BASE}/secret", ".."])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, target: str) -> None:
    saved(tmp_path / "secret", b"secret")
    root = write(tmp_path / "root", {"file": b""})
    (root / "link").symlink_to(target.format(BASE=tmp_path))
    tree = FolderTree(root)
    for look in (tree.kind, tree.size, tree.names, lambda name: content(tree, name)):
        with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
            look("link")


def test_a_link_to_nothing_is_nothing_and_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    tree = FolderTree(tmp_path)
    assert tree.kind("dangling") is None
    with pytest.raises(tk.errors.SourceError, match="cannot follow 'one'"):
        tree.kind("one")


def test_sockets_and_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        tree = FolderTree(tmp_path)
        for name in ("pipe", "socket"):
            assert tree.kind(name) == "other"
            with pytest.raises(tk.errors.SourceError, match="no regular file"):
                content(tree, name)
            with pytest.raises(tk.errors.SourceError, match="no regular file"):
                open_tree(tmp_path / name)


def test_what_the_system_refuses_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.SourceError, match="cannot follow"):
        FolderTree(tmp_path).kind("x" * 5000)
    with pytest.raises(tk.errors.SourceError, match="cannot read"):
        open_tree(tmp_path / "nowhere")


# -- tars --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, zstandard.compress])
def test_a_tar_compressed_as_a_whole_is_read_like_a_plain_one(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    tree = TarTree(saved(tmp_path / "x", pack(tar_of(FILES))))
    assert {name: content(tree, name) for name in reversed(FILES)} == FILES


def test_links_within_a_tar_are_followed(tmp_path: Path) -> None:
    members = [
        member("one/layer.tar", b"data"),
        member("two/layer.tar", kind=tarfile.SYMTYPE, target="../one/layer.tar"),
        member("three", kind=tarfile.LNKTYPE, target="two/layer.tar"),
        member("./dangling", kind=tarfile.SYMTYPE, target="nowhere"),
    ]
    tree = TarTree(saved(tmp_path / "x", tar(members)))
    assert [content(tree, name) for name in ("two/layer.tar", "three")] == [b"data", b"data"]
    assert (tree.kind("dangling"), tree.size("dangling")) == (None, None)


@pytest.mark.parametrize("target", ["../x", "./../../x", ".."])
def test_a_link_out_of_a_tar_is_not_followed(tmp_path: Path, target: str) -> None:
    tree = TarTree(saved(tmp_path / "x", tar([member("a/link", kind=tarfile.SYMTYPE, target="../" + target)])))
    with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
        tree.size("a/link")


def test_an_absolute_link_is_not_followed(tmp_path: Path) -> None:
    tree = TarTree(saved(tmp_path / "x", tar([member("link", kind=tarfile.SYMTYPE, target="/etc/passwd")])))
    with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
        content(tree, "link")


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    members = [member("a", kind=tarfile.SYMTYPE, target="b"), member("b", kind=tarfile.SYMTYPE, target="a")]
    with pytest.raises(tk.errors.SourceError, match="'a' is a link that leads nowhere"):
        TarTree(saved(tmp_path / "x", tar(members))).size("a")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_a_tar_with_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
        TarTree(saved(tmp_path / "x", tar([member("fine", b"1"), member(name, b"2")])))


def test_a_name_that_stands_twice_is_not_read(tmp_path: Path) -> None:
    tree = TarTree(saved(tmp_path / "x", tar([member("x", b"1"), member("./x", b"2"), member("y", b"3")])))
    assert content(tree, "y") == b"3"
    with pytest.raises(tk.errors.SourceError, match="'x' stands twice"):
        tree.size("x")


def test_folders_may_stand_twice(tmp_path: Path) -> None:
    members = [member("d", kind=tarfile.DIRTYPE), member("d/x", b"1"), member("d/", kind=tarfile.DIRTYPE), member("./", b"")]
    tree = TarTree(saved(tmp_path / "x", tar(members)))
    assert (tree.kind("d"), tree.names("d"), content(tree, "d/x")) == ("folder", ["x"], b"1")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_in_a_tar_are_no_files(tmp_path: Path, kind: bytes) -> None:
    tree = TarTree(saved(tmp_path / "x", tar([member("x", kind=kind)])))
    assert tree.kind("x") == "other"
    with pytest.raises(tk.errors.SourceError, match="no regular file"):
        tree.size("x")


def test_a_file_with_holes_is_not_read(tmp_path: Path) -> None:
    """GNU's sparse files say a size that is not that of their bytes."""
    info, data = member("x", b"12345678")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o \0" % 0 + b"%010o \0" % 8  # one piece: its offset and its size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tree = TarTree(saved(tmp_path / "x", bytes(header) + data.ljust(512, b"\0") + bytes(1024)))
    assert tree.kind("x") == "other"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (b"x", "truncated header"),
        (b"no tar at all" * 100, "invalid header"),
        (tar_of({"x": b"1" * 2000})[:1500], "unexpected end of data"),
        (gzip.compress(tar_of({"x": b"1" * 2000})[:1500]), "unexpected end of data"),
        (tar_of({"x": b"1", "y": b"2"})[:1024] + b"no header here".ljust(512), "no member's header at byte 1024"),
        (gzip.compress(tar_of(FILES))[:200], "unexpected EOF"),
        (b"\x1f\x8b\x08", "EOF"),
    ],
    ids=range(8),
)
def test_a_tar_that_breaks_is_a_typed_error(tmp_path: Path, data: bytes, message: str) -> None:
    path = saved(tmp_path / "x", data)
    with pytest.raises(tk.errors.SourceError, match=message):
        TarTree(path)


def test_a_member_cut_after_it_was_listed_is_a_typed_error(tmp_path: Path) -> None:
    path = saved(tmp_path / "x", tar_of({"x": b"1" * 2000}))
    tree = TarTree(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(tk.errors.SourceError, match="'x' ends 1512 bytes early"):
        content(tree, "x")


def test_a_size_below_nothing_does_not_lead_backwards(tmp_path: Path) -> None:
    info, _ = member("x")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = (-1024 + (1 << 96)).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(tk.errors.SourceError, match="reaches backwards"):
        TarTree(saved(tmp_path / "x", bytes(header) * 4 + bytes(1024)))


def test_a_header_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    info, _ = member("x", kind=tarfile.GNUTYPE_LONGNAME)
    info.size = 1024**3
    path = saved(tmp_path / "x", info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(tk.errors.LimitError, match="a tar header is larger"):
        TarTree(path)


def test_too_many_members_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_MEMBERS", 2)
    assert TarTree(saved(tmp_path / "x", tar_of({"a": b"", "b": b""}))).names("") == ["a", "b"]
    with pytest.raises(tk.errors.LimitError, match="more than 2 members"):
        TarTree(saved(tmp_path / "x", tar_of({"a": b"", "b": b"", "c": b""})))


def test_a_large_file_is_never_held_whole(tmp_path: Path) -> None:
    """32 MiB that compress to nothing: listing and reading them takes little more than a piece."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        archive.addfile(*large(32 * 1024 * 1024))
    path = saved(tmp_path / "x", stream.getvalue())
    del stream
    tracemalloc.start()
    try:
        tree = TarTree(path)
        assert sum(len(chunk) for chunk in tree.chunks("x")) == 32 * 1024 * 1024
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def large(size: int) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info, _ = member("x")
    info.size = size
    return info, io.BytesIO(bytes(size))
