"""Tar-split metadata as Docker wrote it, in the model's scenarios and in folders of real daemons; and the corpus's tars."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from typing import Any

import pytest
from support.places import CORPUS, needs_corpus, needs_vectors, oracle, truth
from support.seed_pulls import BLOBS
from support.tars import contents

from toolkit import fsops
from toolkit.errors import LayerError
from toolkit.layers.measure import measure
from toolkit.layers.streams import decompress
from toolkit.layers.tar_rebuild import FileEntry, entries, rebuild
from toolkit.layers.tar_split import split

ROOTS = (
    ("root-meta-aufs-v1", "tar-data.json.gz", 2),
    ("root-meta-overlay2-v2", "tar-split.json.gz", 1),
)
OPEN = re.compile(rb'"payload":"[^"]{12}"|"name":"",|"size":0,')
"""What may differ: a sum, and the empty fields that Docker wrote before 1.9."""


def metadata(tar: bytes) -> bytes:
    lines: list[bytes] = []
    split([tar], lines.append)
    return b"".join(lines)


def stored() -> dict[str, str]:
    """The metadata of every image of every scenario, by the digest of its layer."""
    graphs = [step["expected"]["after"]["graph"] for one in oracle("e2e_pulls.json") for step in one["steps"]]
    images = [files for graph in graphs for image_id, files in graph.items() if image_id != "_tmp"]
    return {
        files["checksum"]["text"]: files["tar-data.json.gz"]["text"]
        for files in images
        if files.get("checksum", {}).get("text") in BLOBS
    }


@needs_vectors
@pytest.mark.parametrize(("digest", "expected"), [pytest.param(*one, id=one[0][7:19]) for one in stored().items()])
def test_the_metadata_of_a_layer_is_what_docker_wrote(digest: str, expected: str) -> None:
    tar = b"".join(decompress([BLOBS[digest]])[1])
    assert metadata(tar) == expected.encode()
    assert b"".join(rebuild([expected.encode()], lambda name: [contents(tar)[name]])) == tar


@needs_vectors
def test_the_scenarios_hold_metadata_of_several_layers() -> None:
    assert len(stored()) >= 6


def kept(name: str, ending: str) -> list[bytes]:
    with tarfile.open(CORPUS / truth()[name]["file"]) as archive:
        members = [archive.extractfile(one) for one in archive if one.name.endswith(f"/{ending}")]
        return [gzip.decompress(one.read()) for one in members if one is not None]


@needs_corpus
@pytest.mark.parametrize(("name", "ending", "count"), ROOTS)
def test_a_tar_of_real_metadata_and_other_contents_gives_that_metadata_again(name: str, ending: str, count: int) -> None:
    """The contents are gone from the corpus: zeros stand for them, so that the sums alone may differ."""
    found = kept(name, ending)
    assert len(found) == count
    for text in found:
        tar = b"".join(one if isinstance(one, bytes) else bytes(one.size) for one in entries([text]))
        assert OPEN.sub(b"", metadata(tar)) == OPEN.sub(b"", text)
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            assert len(archive.getmembers()) == sum(isinstance(one, FileEntry) for one in entries([text]))


def layers() -> list[Any]:
    return [pytest.param(item, id=name) for name, item in truth().items() if item["kind"] == "layer-tar" and "bomb" not in name]


@needs_corpus
@pytest.mark.parametrize("item", layers())
def test_every_tar_that_can_be_walked_is_put_together_again(item: dict[str, Any]) -> None:
    found = measure(fsops.chunks(CORPUS / item["file"]))
    if found.problem is not None or found.repeated is not None:
        with pytest.raises(LayerError):
            metadata(b"".join(decompress(fsops.chunks(CORPUS / item["file"]))[1]))
        return
    tar = b"".join(decompress(fsops.chunks(CORPUS / item["file"]))[1])
    files = contents(tar)
    assert b"".join(rebuild([metadata(tar)], lambda name: [files[name]])) == tar
