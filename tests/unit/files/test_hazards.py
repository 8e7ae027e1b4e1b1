"""Hazards: what misleads or hurts whoever unpacks a layer, and a table of contents that lies."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from typing import Any

import pytest
from support.planted import Planted, device, file, folder, hard, layer, link

from toolkit.files.hazards import HAZARDS, hazards
from toolkit.files.layering import layer_all
from toolkit.files.members import LayerIndex, index_layer
from toolkit.files.tables import Hazard
from toolkit.files.toc import differences


def found(*layers: LayerIndex) -> list[Hazard]:
    return list(hazards(layers, layer_all(layers)))


def of(*members: Planted) -> list[tuple[str, str | None, str]]:
    return [(one.hazard, one.path, one.detail) for one in found(index_layer([layer(*members)]))]


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (file("../x"), [("leaves-root", "x", "../x")]),
        (file("/x"), [("absolute-name", "x", "/x")]),
        (link("a/l", "../../x"), [("link-leaves-root", "a/l", "../../x")]),
        (link("l", "/../x"), [("link-leaves-root", "l", "/../x")]),
        (device("d"), [("device", "d", "character 1:3")]),
        (file("s", b"", 0o4755), [("setuid", "s", "4755")]),
        (file("s", b"", 0o2755), [("setgid", "s", "2755")]),
        (file("w", b"", 0o666), [("world-writable", "w", "666")]),
        (folder("w", 0o777), [("world-writable", "w", "777")]),
    ],
)
def test_a_hazard_is_found(member: Planted, expected: list[tuple[str, str, str]]) -> None:
    assert of(member) == expected


@pytest.mark.parametrize(
    "member",
    [file("a"), folder("tmp", 0o1777), folder("d", 0o2755), link("a/l", "../x"), link("l", "/x"), link("l", "x"), folder("./")],
)
def test_what_is_usual_is_no_hazard(member: Planted) -> None:
    assert of(member) == []


def test_a_hard_link_out_of_the_root_is_two_hazards() -> None:
    kinds = [kind for kind, *_ in of(file("x"), hard("h", "../y"))]
    assert kinds == ["link-leaves-root", "dangling-hard-link"]


def test_a_repeated_name_is_told_however_it_is_written() -> None:
    assert of(file("a"), file("b"), file("./a")) == [("duplicate-name", "a", "header 0 has it too")]


def test_fields_without_numbers_and_unknown_types_are_told() -> None:
    one = index_layer([layer(file("a"))])
    [member] = one.members
    odd = member._replace(attributes=member.attributes._replace(mode=None, uid=None), mtime=None, type="other")
    twice = dataclasses.replace(one, members=(odd, odd._replace(type="pax-global", number=1)))
    assert [(hazard.hazard, hazard.detail) for hazard in found(twice)][:2] == [
        ("unknown-type", "a"),
        ("unreadable-field", "mode, uid, mtime"),
    ]


def test_a_layer_that_grows_more_than_two_hundredfold_is_a_bomb_unless_it_is_tiny() -> None:
    large = index_layer([gzip.compress(layer(file("a", bytes(3 * 2**20))), 9)])
    [hazard] = found(large)
    assert (hazard.hazard, hazard.index, hazard.path) == ("bomb", None, None)
    assert found(index_layer([gzip.compress(bytes(10_240), 9)])) == []
    assert found(index_layer([layer(file("a", bytes(2 * 2**20)))])) == []


def test_what_is_wrong_with_a_layer_is_told() -> None:
    tar = layer(file("a", b"1" * 600))
    assert [(one.hazard, one.detail) for one in found(index_layer([tar + b"junk"]))] == [
        ("trailing-bytes", f"from offset {len(tar)} of the tar")
    ]
    assert [(one.hazard, one.detail) for one in found(index_layer([tar[:700]]))] == [
        ("damaged-layer", "unexpected EOF offset 700")
    ]
    whole = index_layer([tar])
    assert found(dataclasses.replace(whole, claimed_diff_id=whole.diff_id)) == []
    [other] = found(dataclasses.replace(whole, claimed_diff_id="sha256:00"))
    assert (other.hazard, other.detail) == ("diff-id-differs", f"sha256:00 is claimed, {whole.diff_id} is right")


def test_every_hazard_has_a_sentence() -> None:
    from typing import get_args

    from toolkit.files.tables import HazardKind

    assert list(HAZARDS) == list(get_args(HazardKind))


# -- the table of contents ---------------------------------------------------------------------------------------

CONTENT = b"content"
HONEST: list[dict[str, Any]] = [
    {"name": "d/", "type": "dir"},
    {"name": "d/f", "type": "reg", "size": 7, "digest": f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"},
    {"name": "d/f", "type": "chunk", "chunkOffset": 4},
    {"name": "l", "type": "symlink", "linkName": "d/f"},
    {"name": "empty", "type": "reg"},
]


def compared(entries: Any) -> list[tuple[str, str]]:
    table = json.dumps({"version": 1, "entries": entries}).encode()
    tar = layer(folder("d"), file("d/f", CONTENT), link("l", "d/f"), file("empty"), file("stargz.index.json", table))
    return [(path, detail) for path, _, detail in differences(index_layer([tar]))]


def changed(number: int, **members: Any) -> list[dict[str, Any]]:
    return [one | members if place == number else one for place, one in enumerate(HONEST)]


def test_a_table_that_agrees_is_no_hazard() -> None:
    assert compared(HONEST) == []


@pytest.mark.parametrize(
    ("entries", "path", "said"),
    [
        (changed(1, size=8), "d/f", "the table says size 8, the tar 7"),
        (changed(1, digest="sha256:00"), "d/f", "the table says digest sha256:00, the tar sha256:"),
        (changed(1, type="symlink"), "d/f", "the table says symlink, the tar file"),
        (changed(1, type=["reg"]), "d/f", "the table says ['reg'], the tar file"),
        (changed(3, linkName="/etc/passwd"), "l", "the table says target /etc/passwd, the tar d/f"),
        (HONEST[:3] + HONEST[4:], "l", "the table does not have it"),
        ([*HONEST, {"name": "ghost", "type": "reg"}], "ghost", "only the table has it"),
        (7, "stargz.index.json", "it cannot be read: TypeError"),
        ([{"type": "reg"}], "stargz.index.json", "it cannot be read: KeyError"),
    ],
)
def test_each_disagreement_of_table_and_tar_is_told(entries: Any, path: str, said: str) -> None:
    [(where, detail)] = compared(entries)
    assert where == path
    assert detail.startswith(said)


def test_a_disagreement_is_a_hazard() -> None:
    [(hazard, path, _)] = of(file("a"), file("stargz.index.json", b'{"entries":[]}'))
    assert (hazard, path) == ("toc-disagrees", "a")


def test_a_file_that_breaks_off_has_no_digest_to_compare() -> None:
    one = index_layer([layer(file("f", CONTENT), file("stargz.index.json", json.dumps({"entries": HONEST[1:2]}).encode()))])
    [member, table] = one.members
    unknown = member._replace(path=b"d/f", sha256=None)
    assert [detail for *_, detail in differences(dataclasses.replace(one, members=(unknown, table)))] == [
        f"the table says digest {HONEST[1]['digest']}, the tar None"
    ]
