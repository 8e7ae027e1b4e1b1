"""Descriptors, platforms and the reading of members that may be of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import GoJSONError
from toolkit.manifests.descriptor import Descriptor, Fields, Platform, read_descriptor, read_object

DIGEST = "sha256:" + "a" * 64
GOOD: dict[str, Any] = {"mediaType": "a/b", "digest": DIGEST, "size": 3}


def read(value: dict[str, Any]) -> tuple[Descriptor | None, list[tuple[str, str, str]]]:
    fields = Fields(value, "config")
    found = read_descriptor(fields)
    return found, [(one.where, one.expected, one.actual) for one in fields.problems]


def test_all_members_are_read() -> None:
    found, problems = read(
        GOOD
        | {
            "urls": ["http://a"],
            "annotations": {"b": "c"},
            "data": "YWJj",
            "artifactType": "d/e",
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "9"},
        }
    )
    assert problems == []
    assert found == Descriptor(
        where="config",
        media_type="a/b",
        digest=DIGEST,
        size=3,
        urls=("http://a",),
        annotations={"b": "c"},
        data="YWJj",
        artifact_type="d/e",
        platform=Platform(os="linux", architecture="arm", variant="v7", os_version="9"),
    )
    assert found.attests is None
    assert str(found.platform) == "linux/arm/v7"


@pytest.mark.parametrize("name", ["mediaType", "digest", "size"])
def test_what_makes_it_a_descriptor_must_be_there(name: str) -> None:
    found, problems = read({key: value for key, value in GOOD.items() if key != name})
    assert found is None
    assert [(where, actual) for where, _, actual in problems] == [(f"config.{name}", "nothing")]


@pytest.mark.parametrize(
    ("member", "value", "where", "actual"),
    [
        ("size", "3", "config.size", "a text"),
        ("size", -1, "config.size", "-1"),
        ("size", True, "config.size", "true"),
        ("size", 1.5, "config.size", "1.5"),
        ("digest", {}, "config.digest", "an object"),
        ("mediaType", [], "config.mediaType", "a list"),
        ("urls", "x", "config.urls", "a text"),
        ("urls", ["x", 1], "config.urls", "a list"),
        ("annotations", {"a": None}, "config.annotations.a", "null"),
        ("annotations", [], "config.annotations", "a list"),
        ("platform", "linux", "config.platform", "a text"),
    ],
)
def test_a_member_of_another_kind_is_a_problem_with_its_place(member: str, value: object, where: str, actual: str) -> None:
    _, problems = read({**GOOD, member: value})
    assert [(one[0], one[2]) for one in problems] == [(where, actual)]


def test_lists_of_objects_name_what_is_none() -> None:
    fields = Fields({"layers": [{}, 3, {}]}, "")
    assert [one.place for one in fields.each("layers")] == ["layers[0]", "layers[2]"]
    assert [one.where for one in fields.problems] == ["layers[1]"]


def test_an_attestation_says_of_what() -> None:
    marked = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": DIGEST}
    assert read(GOOD | {"annotations": marked})[0].attests == DIGEST  # type: ignore[union-attr]  # it can be read
    assert read(GOOD | {"annotations": dict([*marked.items()][:1])})[0].attests == ""  # type: ignore[union-attr]  # it can be read


@pytest.mark.parametrize(
    ("offered", "asked", "serves"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm", "linux/arm/v7", False),
        ("windows/amd64", "linux/amd64", False),
        ("linux/arm64", "linux/amd64", False),
    ],
)
def test_a_platform_answers_what_was_asked(offered: str, asked: str, serves: bool) -> None:  # noqa: FBT001  # a table
    assert Platform.parse(offered).serves(Platform.parse(asked)) is serves


def test_unknown_names_no_machine() -> None:
    assert [Platform.parse(text).is_known for text in ("linux/amd64", "unknown/unknown", "linux", "")] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":1e3}', 1000.0),
        (b'{"a":-7}', -7),
        (b'{"a":18446744073709551616}', 18446744073709551616),
        (b'{"a":1e9999}', float("inf")),
        (b'{"a":1,"a":2}', 2),
        (b'{"a":null}', None),
    ],
)
def test_whole_numbers_stay_whole(text: bytes, value: object) -> None:
    assert read_object(text) == {"a": value}


def test_a_number_of_many_digits_is_no_whole_number() -> None:
    assert isinstance(read_object(b'{"a":' + b"9" * 400 + b"}")["a"], float)


def test_only_one_object_will_do() -> None:
    with pytest.raises(ValueError, match="array"):
        read_object(b"[]")
    with pytest.raises(GoJSONError):
        read_object(b"{} {}")
