"""The headers of a layer with what their contents hash to, whatever the layer is made of."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from typing import Any

import pytest
import zstandard
from support.planted import device, file, folder, hard, layer, link

from toolkit.files import members as room
from toolkit.files.members import LayerIndex, Member, index_layer
from toolkit.files.rows import file_rows

END = bytes(1024)


def patched(tar: bytes, at: int, value: bytes, header: int = 0) -> bytes:
    """The same tar with other bytes in one header, and its checksum right again."""
    block = bytearray(tar[header : header + 512])
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return tar[:header] + bytes(block) + tar[header + 512 :]


def index(tar: bytes, **options: Any) -> LayerIndex:
    return index_layer([tar], **options)


def only(tar: bytes) -> Member:
    [member] = index(tar).members
    return member


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("step", [1000, 10**6])
def test_each_file_is_hashed_and_found_by_its_offset(pack: Any, kind: int, step: int) -> None:
    contents = {"a": b"", "b": b"1", "d/" + "n" * 90 + "/c": b"2" * 512, "e": b"3" * 70_000}
    tar = layer(*(file(name, data) for name, data in contents.items()), kind=kind)
    blob = pack(tar)
    found = index_layer([blob[start : start + step] for start in range(0, len(blob), step)], position=3, blob_digest="x")
    assert found.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    assert (found.position, found.blob_digest, found.blob_size, found.tar_size) == (3, "x", len(blob), len(tar))
    assert (found.problem, found.trailing, found.toc) == (None, None, None)
    assert [member.path.decode() for member in found.members] == list(contents)
    for number, (member, data) in enumerate(zip(found.members, contents.values(), strict=True)):
        assert member.number == number
        assert member.sha256 == hashlib.sha256(data).digest()
        assert (member.size, member.stored) == (len(data), len(data))
        assert tar[member.content : member.content + member.stored] == data
        assert tar[member.header : member.header + 8].rstrip(b"\x00") == member.name[:8] or kind != tarfile.USTAR_FORMAT


def test_attributes_are_read() -> None:
    member = only(layer(file("a", b"1", 0o751, uid=7, gid=8, uname="ann", gname="staff", mtime=9)))
    assert member.attributes == (0o751, 7, 8, "ann", "staff", None, None)
    assert (member.mtime, member.mtime_text, member.pax, member.link) == (9, None, None, None)


@pytest.mark.parametrize(
    ("records", "attributes"),
    [
        ({"uid": "70000000", "gid": "80000000"}, (0o644, 70000000, 80000000, "", "", None, None)),
        ({"uname": "änn", "gname": "stäff"}, (0o644, 0, 0, "änn", "stäff", None, None)),
        ({"uid": "-1", "gid": "9" * 19}, (0o644, None, None, "", "", None, None)),
    ],
)
def test_pax_records_come_before_the_fields(records: dict[str, str], attributes: tuple[Any, ...]) -> None:
    assert only(layer(file("a", pax_headers=records))).attributes == attributes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", (12, None)),
        ("12.5", (12, "12.5")),
        ("12.0", (12, "12.0")),
        ("-12", (-12, None)),
        ("-12.5", (-13, "-12.5")),
        ("noon", (None, "noon")),
        ("12.x", (None, "12.x")),
    ],
)
def test_a_time_with_fractions_keeps_its_text(text: str, expected: tuple[int | None, str | None]) -> None:
    member = only(layer(file("a", pax_headers={"mtime": text})))
    assert (member.mtime, member.mtime_text) == expected


def test_a_time_below_zero_is_read() -> None:
    tar = layer(file("a", mtime=-5), kind=tarfile.GNU_FORMAT)
    assert only(tar).mtime == -5


def test_a_field_without_a_number_is_missing_and_the_others_are_there() -> None:
    plain = layer(file("a", uid=7))
    member = only(patched(plain, 100, b"????????"))
    assert member.attributes[:3] == (None, 7, 0)
    assert only(patched(plain, 136, b"????????????")).mtime is None


def test_a_type_in_the_mode_is_no_permission() -> None:
    assert only(layer(file("a", b"", 0o100755))).attributes.mode == 0o755


def test_a_header_from_before_ustar_has_no_names() -> None:
    member = only(patched(layer(file("a", uname="ann")), 257, bytes(8)))
    assert member.attributes == (0o644, 0, 0, "", "", None, None)


def test_types_have_words() -> None:
    tar = layer(file("f"), folder("d"), link("s", "f"), hard("h", "f"), device("c"))
    kinds = [(member.type, member.link) for member in index(tar).members]
    assert kinds == [("file", None), ("directory", None), ("symlink", b"f"), ("hardlink", b"f"), ("character", None)]
    assert index(tar).members[4].attributes[5:] == (1, 3)
    old = patched(patched(layer(file("d")), 156, b"\x00"), 0, b"d/")
    assert only(old).type == "directory"
    assert only(patched(layer(file("a")), 156, b"\x00")).type == "file"
    assert only(patched(layer(file("a")), 156, b"Z")).type == "other"


def test_a_global_pax_header_is_a_member() -> None:
    header = tarfile.TarInfo.create_pax_global_header({"comment": "c"})
    kinds = [member.type for member in index(header + layer(file("a"))).members]
    assert kinds == ["pax-global", "file"]


def test_a_sparse_file_has_a_size_and_no_digest() -> None:
    tar = patched(layer(file("a", b"1" * 512), kind=tarfile.GNU_FORMAT), 156, b"S")
    member = only(patched(tar, 483, b"00000400000\x00"))
    assert (member.stored, member.size, member.is_sparse, member.sha256) == (512, 0o400000, True, None)


def test_further_records_are_kept_as_json() -> None:
    records = {"SCHILY.xattr.user.a": "1", "atime": "5.5", "mtime": "1.5"}
    [row] = file_rows(index(layer(file("a", pax_headers=records))), {(0, 0): 2})
    assert row.extras == '{"SCHILY.xattr.user.a":"1","atime":"5.5"}'
    assert (row.mtime, row.mtime_text, row.shadowed_by) == (1, "1.5", 2)
    [binary] = file_rows(index(layer(file("a", pax_headers={"SCHILY.xattr.security.capability": "\udcff\x00"}))), {})
    assert binary.extras == '{"SCHILY.xattr.security.capability":{"hex":"ff00"},"hdrcharset":"BINARY"}'


def test_a_row_has_the_raw_name_of_what_is_no_utf_8() -> None:
    [row] = file_rows(index(layer(file("a\udcff"), kind=tarfile.GNU_FORMAT)), {})
    assert (row.name, row.path, row.raw_name) == ("a\\xff", "a\\xff", b"a\xff".hex())


def test_a_row_has_everything() -> None:
    found = index(layer(folder("./"), link("../d/l", "/x"), file("d/.wh.x"), device("c"), file("f", b"1")))
    rows = list(file_rows(found, {}))
    assert [(row.path, row.name.rstrip("/")) for row in rows] == [
        (".", "."),
        ("d/l", "../d/l"),
        ("d/.wh.x", "d/.wh.x"),
        ("c", "c"),
        ("f", "f"),
    ]
    assert (rows[1].link, rows[2].whiteout, rows[2].hides, rows[3].device_major, rows[3].device_minor) == (
        *("/x", "file", "d/x"),
        *(1, 3),
    )
    assert rows[4].sha256 == hashlib.sha256(b"1").hexdigest()
    assert {row.diff_id for row in rows} == {found.diff_id}


def test_a_layer_that_breaks_off_keeps_what_stood_before() -> None:
    tar = layer(file("a", b"1" * 600), file("b", b"2" * 600))
    inside = index(tar[: 512 + 1024 + 512 + 100])
    assert [member.sha256 is None for member in inside.members] == [False, True]
    assert (inside.diff_id, inside.flavour) == (None, "")
    assert inside.problem is not None
    behind = index(tar[: 512 + 1024 + 100])
    assert [member.sha256 for member in behind.members] == [hashlib.sha256(b"1" * 600).digest()]
    assert behind.problem is not None
    assert behind.problem.where == "offset 1536"


def test_what_is_no_layer_has_no_members() -> None:
    found = index(b"short")
    assert (found.members, found.compression, found.blob_size) == ((), None, 5)
    assert found.problem is not None


def test_a_layer_beyond_its_budget_is_given_up() -> None:
    found = index(layer(file("a", b"1" * 100_000)), budget=50_000)
    assert found.problem is not None
    assert found.problem.code == "layer-budget"


def test_bytes_behind_the_end_marker_are_told() -> None:
    tar = layer(file("a"))
    assert index(tar + bytes(512) + b"\x00junk" + b"more").trailing == len(tar) + 513
    assert index(tar + bytes(512)).trailing is None


def test_the_diff_id_may_be_of_another_algorithm() -> None:
    assert index(END, algorithm="sha512").diff_id == f"sha512:{hashlib.sha512(END).hexdigest()}"


def test_a_table_of_contents_is_kept_unless_it_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    tar = layer(file("a", b"1"), file("stargz.index.json", b"{}"), file("b", b"2"))
    assert index(tar).toc == b"{}"
    monkeypatch.setattr(room, "LONGEST_TOC", 1)
    assert index(tar).toc is None
    assert index(tar[:1600]).toc is None


def test_the_end_of_a_blob_in_small_pieces_tells_its_flavour() -> None:
    footer = bytes.fromhex("1f8b0804000000000000" + "1a00" + "5347" + "1600" + "30" * 16)
    footer += b"STARGZ" + bytes.fromhex("010000ffff") + bytes(8)
    blob = gzip.compress(END, mtime=0) + footer
    found = index_layer(blob[start : start + 7] for start in range(0, len(blob), 7))
    assert (found.flavour, found.problem) == ("estargz", None)
