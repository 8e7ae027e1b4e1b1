"""Images as they lie in a graph: found by ID or prefix, loaded as Docker 1.9 loaded them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.errors import ImageNotFoundError
from toolkit.reuse.stored_image import StoredImage, exists, get, layer_digest

A, B, C = (letter * 64 for letter in "abc")


def stored(**members: Any) -> StoredImage:
    return StoredImage(json=json.dumps(members).encode())


def words(graph: dict[str, StoredImage], name: str) -> str:
    assert not exists(graph, name)
    with pytest.raises(ImageNotFoundError) as caught:
        get(graph, name)
    assert caught.value.where.startswith("graph, image ")
    return caught.value.message


def test_an_image_is_found_by_its_id_and_by_any_unique_prefix() -> None:
    graph = {A: stored(id=A), B: stored(id=B)}
    for name in (A, "a", A[:12], A[:63]):
        assert get(graph, name).id == A
        assert exists(graph, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "could not find image: Prefix can't be empty"),
        ("f", "could not find image: no such id: f"),
        (C, f"could not find image: no such id: {C}"),
        (A + "a", f"could not find image: no such id: {A}a"),
        ("a", "could not find image: Multiple IDs found with provided prefix"),
    ],
)
def test_a_name_that_is_nobody_s_or_several_s(name: str, message: str) -> None:
    assert words({A: stored(), "a" * 63 + "b": stored()}, name) == message


def test_the_directory_s_name_is_the_id_of_an_image_without_one() -> None:
    image = get({A: stored(comment="no id")}, A)
    assert (image.id, image.record["id"], image.record["comment"]) == (A, A, "no id")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (StoredImage(json=None), f"open graph/{A}/json: no such file or directory"),
        (StoredImage(json=b""), "EOF"),
        (StoredImage(json=b'{"id":'), "unexpected EOF"),
        (StoredImage(json=b"[]"), "json: cannot unmarshal array into Go value of type image.Image"),
        (stored(id="short"), "invalidimageid: image ID 'short' is invalid "),
        (stored(id=B), f"Image stored at '{A}' has wrong id '{B}'"),
    ],
)
def test_an_image_that_cannot_be_loaded_does_not_exist(image: StoredImage, message: str) -> None:
    assert words({A: image}, A) == message


def test_what_follows_the_record_is_ignored() -> None:
    assert exists({A: StoredImage(json=b'{"id":"' + A.encode() + b'"} trailing')}, A)


@pytest.mark.parametrize(
    ("members", "file", "parent"),
    [
        ({}, None, ""),
        ({"parent": B}, None, B),
        ({"parent_id": f"sha256:{B}"}, None, B),
        ({"parent": B, "parent_id": f"sha256:{C}"}, None, B),
        ({"parent_id": "md5:ab"}, None, ""),
        ({"parent_id": "nonsense"}, None, ""),
        ({"parent": B}, C.encode(), C),
        ({"parent_id": f"sha256:{B}"}, C.encode(), C),
        ({"parent_id": f"sha256:{B}"}, b"", B),
        ({}, b"\xff", "\\xff"),
    ],
)
def test_the_parent_is_the_record_s_unless_a_file_says_another(members: dict[str, str], file: bytes | None, parent: str) -> None:
    image = get({A: StoredImage(json=json.dumps(members).encode(), parent=file)}, A)
    assert (image.parent, image.record["parent"]) == (parent, parent)


@pytest.mark.parametrize(
    ("layersize", "size"),
    [
        (None, 0),
        (b"0", 0),
        (b"1024", 1024),
        (b"+7", 7),
        (b"-1", -1),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
    ],
)
def test_the_size_is_the_file_s(layersize: bytes | None, size: int) -> None:
    image = get({A: StoredImage(json=b'{"Size":5}', layersize=layersize)}, A)
    assert (image.size, image.record["Size"]) == (size, size)


@pytest.mark.parametrize(
    ("layersize", "message"),
    [
        (b"", 'strconv.ParseInt: parsing "": invalid syntax'),
        (b"12 ", 'strconv.ParseInt: parsing "12 ": invalid syntax'),
        (b"1_0", 'strconv.ParseInt: parsing "1_0": invalid syntax'),
        (b"9223372036854775808", 'strconv.ParseInt: parsing "9223372036854775808": value out of range'),
        (b"9" * 5000, f'strconv.ParseInt: parsing "{"9" * 5000}": value out of range'),
    ],
)
def test_a_size_that_is_no_number_makes_an_image_not_exist(layersize: bytes, message: str) -> None:
    assert words({A: StoredImage(json=b"{}", layersize=layersize)}, A) == message


def test_a_layer_s_digest_is_read_as_docker_1_9_read_it() -> None:
    assert layer_digest(StoredImage(json=b"{}", checksum=b"sha256:b")) == "sha256:b"


@pytest.mark.parametrize(
    ("checksum", "message"),
    [
        (None, "digest is not set for layer"),
        (b"", "invalid checksum digest format"),
        (b"sha256:ab\n", "invalid checksum digest format"),
        (b"sha256:\xff", "invalid checksum digest format"),
        (b"md5:ab", "unsupported digest algorithm"),
    ],
)
def test_a_missing_or_odd_digest_has_words(checksum: bytes | None, message: str) -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        layer_digest(StoredImage(json=b"{}", checksum=checksum))
    assert caught.value.message == message
