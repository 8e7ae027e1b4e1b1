"""The corpus's layers: what is true of them, and which reading is ours where those who read tars disagree.

That Go's reading is ours is tested in ``test_corpus.py``; here stand the others, and the layers inside images.
"""

from __future__ import annotations

import tarfile
import tracemalloc
from typing import Any, Final

import pytest
from support.places import CORPUS, needs_corpus, truth

from toolkit import fsops
from toolkit.layers.measure import LayerMeasure, measure

pytestmark = needs_corpus

PEERS: Final = ("python", "go", "gnu", "bsdtar")

DISAGREEING: Final[dict[str, tuple[set[str], str]]] = {
    "lt-claircore-nonutf8": (
        {"bsdtar"},
        "readable: a name is bytes; bsdtar lists it and complains that its locale cannot show it",
    ),
    "lt-fanal-trunc-zst": (
        {"python", "gnu", "bsdtar"},
        "two members, as Go has it: it ends with the content of the last one, before its padding; the others complain",
    ),
    "lt-fanal-notgz": ({"bsdtar"}, "no members: eleven bytes of text; bsdtar takes them for an mtree"),
    "lt-go-writer-big-long": (
        {"python", "bsdtar"},
        "one member and a problem: its 16 GiB are not there; bsdtar, only listing, does not miss them",
    ),
    "lt-go-pax-path-hdr": (
        {"python", "bsdtar"},
        "no members and no problem, as Go and GNU tar have it: an extension with nothing behind it; the others complain",
    ),
    "lt-go-hdr-only": (
        {"gnu"},
        "sixteen members: links and directories have no content whatever their size says; GNU tar passes over it and is lost",
    ),
    "lt-go-pax-bad-hdr-file": (
        {"python", "gnu", "bsdtar"},
        "no members and a problem, as Go has it: a PAX record that cannot be read; the others complain or pass over it",
    ),
    "lt-go-pax-global-records": (
        {"python", "gnu", "bsdtar"},
        "six members, as Go has it: a global header is one (tar-split keeps it, Docker 1.9 counts it); the others apply it",
    ),
    "lt-go-pax-multi-hdrs": ({"bsdtar"}, "readable: the last of several extensions counts; bsdtar complains of the first"),
    "lt-tarrs-empty-filename": ({"bsdtar"}, "one member: no name is the directory itself; bsdtar skips it"),
    "lt-cc-corrupt-checksum": (
        {"gnu"},
        "no members: what a wrong checksum covers is not looked at; GNU tar skips to the next header that holds",
    ),
    "lt-cc-544-truncated-content": (
        {"python"},
        "three members and a problem: the last one's content is cut; Python refuses the archive as a whole",
    ),
}

OTHER_SIZES: Final = {
    "lt-go-hdr-only": "Docker 1.9 adds the sizes in the headers, also those of links and directories; the truth those of files",
    "lt-fanal-trunc-zst": "the truth is by Python, which reads none of it",
}


def layers() -> list[Any]:
    return [pytest.param(name, item, id=name) for name, item in truth().items() if item["kind"] == "layer-tar"]


def readings(item: dict[str, Any]) -> dict[str, tuple[bool, int]]:
    """Whether each peer read the archive without complaint, and how many members it saw."""
    told, tar = item["truth"], item["truth"]["tar"]
    go, gnu, bsdtar = item["peers"]["go archive/tar 1.19"], item["peers"]["gnu tar -t"], tar["bsdtar"]
    return {
        "python": (not {"error", "tar_error"} & (told.keys() | tar.keys()), tar["entries"]),
        "go": ("error" not in go, go["entries"]),
        "gnu": (gnu["rc"] == 0, gnu["entries"]),
        "bsdtar": (bsdtar["rc"] == 0, bsdtar["entries"]),
    }


@pytest.mark.parametrize(("name", "item"), layers())
def test_members_and_readability_agree_or_the_table_says_why_not(name: str, item: dict[str, Any]) -> None:
    found = measure(fsops.chunks(CORPUS / item["file"]))
    others = readings(item)
    assert set(others) == set(PEERS)
    ours = (found.problem is None, found.members)
    differing = {peer for peer, theirs in others.items() if theirs != ours}
    assert differing == DISAGREEING.get(name, (set(), ""))[0]


@pytest.mark.parametrize(("name", "item"), layers())
def test_what_is_readable_has_the_diff_id_and_the_sizes_of_the_truth(name: str, item: dict[str, Any]) -> None:
    found, tar = measure(fsops.chunks(CORPUS / item["file"])), item["truth"]["tar"]
    assert found.compression == (item["truth"]["outer_compression"] if found.tar_size else None)
    assert (found.trailing, found.flavour) == (None, "")
    if found.problem is not None:
        assert found.diff_id is None
        return
    assert (found.diff_id, found.tar_size) == (tar["diff_id"], tar["uncompressed_size"])
    assert (found.layer_size != tar["sum_file_sizes"]) == (name in OTHER_SIZES)


def test_the_tables_name_layers_of_the_corpus() -> None:
    assert (DISAGREEING.keys() | OTHER_SIZES.keys()) <= {name for name, item in truth().items() if item["kind"] == "layer-tar"}


def blob(folder: str, digest: str) -> LayerMeasure:
    return measure(fsops.chunks(CORPUS / folder / "blobs" / digest.replace(":", "/")))


def test_an_estargz_is_told_by_its_footer() -> None:
    item = truth()["rc-pub-estargz"]
    image = item["truth"]["images"][0]
    (layer,) = (one for one in item["truth"]["descriptors"] if one["path"].endswith("layers[0]"))
    found = blob(item["file"], layer["digest"])
    assert (found.compression, found.flavour, found.problem) == ("gzip", "estargz", None)
    assert image["layers"][0]["diff_id"] == found.diff_id


def test_a_zstd_layer_of_buildkit_has_the_diff_id_its_configuration_lists() -> None:
    item = truth()["oa-dive-zstd"]
    image = item["truth"]["oci"]["images"][0]
    (layer,) = (one for one in item["truth"]["oci"]["descriptors"] if one["path"].endswith("layers[0]"))
    with tarfile.open(CORPUS / item["file"]) as archive:
        member = archive.extractfile("blobs/" + layer["digest"].replace(":", "/"))
        assert member is not None
        found = measure([member.read()])
    assert (found.compression, found.flavour, found.problem) == ("zstd", "", None)
    assert found.diff_id == image["layers"][0]["diff_id"]


def test_bytes_behind_the_gzip_of_a_layer_are_a_problem() -> None:
    item = truth()["do-pub-layer-trailing-garbage"]
    broken, whole = (blob(item["file"], one["digest"]) for one in item["truth"]["descriptors"] if "/layers[" in one["path"])
    assert broken.problem is not None
    assert (broken.problem.message, broken.diff_id) == ("gzip: invalid header", None)
    assert (broken.members, broken.tar_size) == (13, 11264)  # what came before them was still found
    assert whole.problem is None


def test_a_bomb_is_measured_in_little_memory() -> None:
    path = CORPUS / truth()["bomb-notation-260m"]["file"]
    tracemalloc.start()
    found = measure(fsops.chunks(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.tar_size > 260 * 2**20
    assert peak < 4 * 2**20
