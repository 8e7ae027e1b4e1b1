"""The frame of a zip: read by another program as it was meant, also where a number needs the wide fields."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import pytest

from toolkit.cases.whole import whole
from toolkit.cases.zip_frame import Entry, closing, local_header
from toolkit.cases.zip_read import entries
from toolkit.errors import CaseError

FOUR_GIGABYTES = 1 << 32


def test_another_program_reads_names_sizes_and_content(tmp_path: Path) -> None:
    contents = {"case/a": b"", "case/b/c.txt": b"hello\n" * 1000}
    made = [Entry(name, len(data), zlib.crc32(data)) for name, data in contents.items()]
    body = b"".join(local_header(entry) + contents[entry.name] for entry in made)
    (tmp_path / "x.zip").write_bytes(body + closing(made))
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == contents
        for one in opened.infolist():
            assert (one.date_time, one.external_attr >> 16, one.extra) == ((1980, 1, 1, 0, 0, 0), 0o100644, b"")


@pytest.mark.parametrize("size", [FOUR_GIGABYTES - 2, FOUR_GIGABYTES - 1, FOUR_GIGABYTES, 3 * FOUR_GIGABYTES])
def test_files_beyond_four_gigabytes_have_wide_fields(tmp_path: Path, size: int) -> None:
    made = [Entry("case/big", size, 0), Entry("case/small", 3, zlib.crc32(b"abc"))]
    with (tmp_path / "x.zip").open("wb") as file:  # sparse: the big one is a hole
        file.write(local_header(made[0]))
        file.seek(size, os.SEEK_CUR)
        file.write(local_header(made[1]) + b"abc" + closing(made))
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert [(one.filename, one.file_size) for one in opened.infolist()] == [("case/big", size), ("case/small", 3)]
        assert opened.read("case/small") == b"abc"
        assert bool(opened.getinfo("case/big").extra) == (size >= FOUR_GIGABYTES - 1)


def test_more_files_than_a_plain_end_can_count(tmp_path: Path) -> None:
    made = [Entry(f"case/{number:05}", 0, 0) for number in range(65_536)]
    body = b"".join(map(local_header, made)) + closing(made)
    (tmp_path / "x.zip").write_bytes(body)
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert len(opened.namelist()) == len(made)
    assert sum(1 for _ in entries([body], where="x")) == len(made)


def test_a_wide_header_is_read_back_and_its_size_believed_only_with_its_bytes() -> None:
    header = local_header(Entry("case/data/big", FOUR_GIGABYTES, 0))
    with pytest.raises(CaseError) as caught:
        whole([header + b"only this"], where="x")
    assert (caught.value.expected, caught.value.actual) == (f"{FOUR_GIGABYTES} bytes", "9 bytes, and the end of the file")


def test_wide_fields_that_nobody_needs_are_refused() -> None:
    wide, plain = local_header(Entry("case/a", FOUR_GIGABYTES, 0)), local_header(Entry("case/a", 5, 0))
    forged = wide[:-16] + (5).to_bytes(8, "little") * 2
    with pytest.raises(CaseError) as caught:
        list(entries([forged + b"12345"], where="x"))
    assert (caught.value.expected, caught.value.actual) == (plain.hex(), forged.hex())


def test_a_name_that_is_not_ascii_is_refused() -> None:
    header = bytearray(local_header(Entry("case/ab", 0, 0)))
    header[-1] = 0xE9
    with pytest.raises(CaseError, match="not as it was written"):
        list(entries([bytes(header)], where="x"))
