"""A ``dir:`` folder of skopeo's."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import CONFIG, LAYER, image, opened, read, visit, write

import toolkit as tk
from toolkit.digests import Digest, sha256
from toolkit.references import Reference
from toolkit.simulator.teaching import clean_image

BODY = image()
FILES = {"manifest.json": BODY, "version": b"Directory Transport Version: 1.1\n"} | {
    sha256(data)[7:]: data for data in (CONFIG, LAYER)
}


def test_the_one_image_is_handed_over_as_it_lies(tmp_path: Path) -> None:
    source = opened(write(tmp_path, FILES))
    assert (source.kind, source.holds()) == ("dir", [f"@{sha256(BODY)}"])
    connection = visit(source)
    raw = connection.manifest(source.resolve(None, seed_grammar=False))
    assert (raw.body, raw.content_type, raw.made_from) == (BODY, None, None)
    assert [read(connection, sha256(data)) for data in (CONFIG, LAYER)] == [CONFIG, LAYER]
    assert connection.manifest(Reference.bare(str(Digest.of(BODY, "sha512")))).body == BODY
    assert connection.tags() == []
    assert connection.referrers(sha256(BODY)).way == "none"


def test_a_folder_without_its_version_is_told_by_its_manifest(tmp_path: Path) -> None:
    files = {name: data for name, data in FILES.items() if name != "version"}
    assert opened(write(tmp_path, files | {"manifest.json": b"\n " + BODY})).kind == "dir"


def test_the_manifest_of_a_platform_stands_beside_the_index(tmp_path: Path) -> None:
    child = image("child")
    source = opened(write(tmp_path, FILES | {f"{sha256(child)[7:]}.manifest.json": child}))
    assert visit(source).manifest(Reference.bare(sha256(child))).body == child
    with pytest.raises(tk.errors.NotFoundError):
        visit(source).manifest(Reference.bare(sha256(b"elsewhere")))


def test_a_signed_manifest_is_asked_for_by_what_is_signed(tmp_path: Path) -> None:
    signed = clean_image()
    source = opened(write(tmp_path, FILES | {"manifest.json": signed.body}))
    assert source.holds() == [f"@{signed.digest}"]
    assert signed.digest != sha256(signed.body)
    for digest in (signed.digest, sha256(signed.body)):
        assert visit(source).manifest(Reference.bare(digest)).body == signed.body


def test_another_algorithm_may_stand_before_the_hex(tmp_path: Path) -> None:
    source = opened(write(tmp_path, FILES | {"sha512-" + "ab" * 64: b"one", "cd" * 64: b"two"}))
    assert [read(visit(source), f"sha512:{two * 64}") for two in ("ab", "cd")] == [b"one", b"two"]


@pytest.mark.parametrize("body", [b"no JSON", b"{", b'{"signatures":1}'])
def test_a_manifest_that_cannot_be_read_is_handed_over_all_the_same(tmp_path: Path, body: bytes) -> None:
    source = opened(write(tmp_path, FILES | {"manifest.json": body}))
    assert visit(source).manifest(source.resolve(None, seed_grammar=False)).body == body


def test_a_manifest_at_which_libtrust_crashed_is_named_by_all_of_it(tmp_path: Path) -> None:
    protected = "eyJmb3JtYXRMZW5ndGgiOi0xLCJmb3JtYXRUYWlsIjoiIn0"  # a negative length
    body = b'{"signatures":[{"header":{},"signature":"","protected":"' + protected.encode() + b'"}]}'
    source = opened(write(tmp_path, FILES | {"manifest.json": body}))
    assert source.holds() == [f"@{sha256(body)}"]
