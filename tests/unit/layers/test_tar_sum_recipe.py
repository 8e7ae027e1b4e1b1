"""The recipe of a TarSum, field by field: what each member hashes, written out by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import Any, Final

import pytest

from toolkit.layers.tar_sum import VERSIONS, tar_sum, version_of

EMPTY: Final = hashlib.sha256(b"").hexdigest()


def member(name: str, content: bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o644, 1_445_302_923
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def archive(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def summed(version: str, *texts: bytes) -> str:
    """Do the recipe's last step over what each member is said to hash."""
    sums = sorted(hashlib.sha256(text).hexdigest() for text in texts)
    return f"{version}+sha256:{hashlib.sha256(''.join(sums).encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("digest", "version"),
    [
        ("tarsum.v1+sha256:ab", "tarsum.v1"),
        ("xx tarsum+sha256:ab", None),
        ("tarsum:ab", None),
        ("", None),
    ],
)
def test_a_digest_may_name_a_version(digest: str, version: str | None) -> None:
    assert version_of(digest) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_tar_is_the_hash_of_nothing(version: str) -> None:
    assert tar_sum([bytes(1024)], version) == f"{version}+sha256:{EMPTY}"


@pytest.mark.parametrize(("version", "mtime"), [("tarsum", b"mtime1445302923"), ("tarsum.v1", b""), ("tarsum.dev", b"")])
def test_a_file_is_hashed_field_by_field_and_then_its_content(version: str, mtime: bytes) -> None:
    tar = archive(member("etc/motd", b"hello", uid=7, gid=8, uname="u", gname="g"))
    text = b"nameetc/motdmode420uid7gid8size5" + mtime + b"typeflag0linknameunameugnamegdevmajor0devminor0hello"
    assert tar_sum([tar], version) == summed(version, text)


def test_a_device_has_its_numbers_and_a_link_its_target() -> None:
    tar = archive(
        member("tty", type=tarfile.CHRTYPE, devmajor=4, devminor=64),
        member("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=1),
        member("link", type=tarfile.SYMTYPE, linkname="tty"),
    )
    head, names = b"mode420uid0gid0size0typeflag", b"unamegname"
    assert tar_sum([tar], "tarsum.v1") == summed(
        "tarsum.v1",
        b"nametty" + head + b"3linkname" + names + b"devmajor4devminor64",
        b"namedisk" + head + b"4linkname" + names + b"devmajor8devminor1",
        b"namelink" + head + b"2linknametty" + names + b"devmajor0devminor0",
    )


def test_a_header_without_the_posix_mark_has_no_names_and_no_device_numbers() -> None:
    tar = bytearray(archive(member("tty", type=tarfile.CHRTYPE, uname="u", devmajor=4, devminor=64)))
    tar[257:265] = bytes(8)
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\x00 " % sum(tar[:512])
    text = b"namettymode420uid0gid0size0typeflag3linknameunamegnamedevmajor0devminor0"
    assert tar_sum([bytes(tar)], "tarsum.v1") == summed("tarsum.v1", text)


@pytest.mark.parametrize("version", VERSIONS)
def test_pax_records_go_before_the_header_and_attributes_are_sorted(version: str) -> None:
    records = {
        "SCHILY.xattr.user.b": "2",
        "SCHILY.xattr.user.a": "1",
        "uid": "70000000",
        "gid": "8",
        "mtime": "1445302999.5",
        "uname": "né",
        "gname": "gruppe",
        "comment": "left out",
    }
    tar = archive(member("a", b"x", pax_headers=records), kind=tarfile.PAX_FORMAT)
    text = (
        b"nameamode420uid70000000gid8size1"
        + (b"mtime1445302999" if version == "tarsum" else b"")
        + "typeflag0linknameunamenégnamegruppedevmajor0devminor0".encode()
        + (b"" if version == "tarsum" else b"user.a1user.b2")
        + b"x"
    )
    assert tar_sum([tar], version) == summed(version, text)


@pytest.mark.parametrize("data", [gzip.compress(bytes(1024)), b"no tar", archive(member("a", b"12345"))[:514]])
def test_what_is_no_whole_tar_has_none(data: bytes) -> None:
    assert tar_sum([data], "tarsum.v1") is None
