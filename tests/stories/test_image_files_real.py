"""The tree we compute is the one others unpack: umoci and container-inspector, on the corpus, a planted image and a real one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, Final

import pytest
from container_inspector.image import Image
from container_inspector.rootfs import rebuild_rootfs
from support import planted
from support.places import CORPUS, PROJECT, needs_corpus
from support.real import need, public_image, run

import toolkit as tk
from toolkit.files.members import index_layer
from toolkit.files.tree import paths
from toolkit.layers.streams import decompress
from toolkit.manifests.media_types import OCI_MANIFEST
from toolkit.records import Manifest
from toolkit.survey.image_files import ImageFiles, files
from toolkit.survey.read_file import read_file

NAME: Final = "planted/image:1"
Seen = dict[str, tuple[Any, ...]]
EMPTY: Final = hashlib.sha256(b"").hexdigest()
ROOTLESS: Final = {"hardlink": "file", "character": "file", "block": "file", "fifo": "other"}
"""What umoci makes of a type where it is nobody in particular: an empty file instead of a device."""
KINDS: Final = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> tk.Graph:
    """A graph with python:3-alpine."""
    need("umoci", "skopeo")
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    graph = tk.Graph(tmp_path_factory.mktemp("python") / "graph")
    tk.pull(
        "library/python:3-alpine", graph, source=named(layout, "library/python:3-alpine", graph.layout.root.parent / "layout")
    )
    return graph


def named(layout: Path, name: str, target: Path) -> Path:
    """A copy of a layout under another name."""
    run("skopeo", "copy", "--quiet", f"oci:{layout}", f"oci:{target}:{name}")
    return target


def unpacked(graph: tk.Graph, name: str, place: Path) -> Path:
    """The root file system as umoci makes it of the graph, which is an OCI layout."""
    run("umoci", "unpack", "--rootless", "--image", f"{graph.layout.root}:{name}", str(place))
    return place / "rootfs"


def on_disk(root: Path) -> Seen:
    """Every path below a root: its kind, permissions, and content or target; the names of one file stand together."""
    found: Seen = {}
    first: dict[int, str] = {}
    for folder, folders, names in os.walk(root):
        for name in sorted((*folders, *names)):
            path = Path(folder) / name
            state = path.lstat()
            kind = KINDS.get(stat.S_IFMT(state.st_mode), "other")
            mode = None if kind == "symlink" else stat.S_IMODE(state.st_mode)
            content: object = None
            if kind == "file":
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif kind == "symlink":
                content = str(path.readlink())
            shown = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
            together = first.setdefault(state.st_ino, shown) if kind == "file" and state.st_nlink > 1 else shown
            found[shown] = (kind, mode, content, together)
    return found


def computed(image: ImageFiles) -> Seen:
    """The same from the tree we compute; a directory no header names has no permissions of its own."""
    found: Seen = {}
    first: dict[tuple[int, int], str] = {}
    order = [row for row in paths(image.layering) if row.path != "."]
    for row in order:
        kind = ROOTLESS.get(row.type, row.type)
        mode = None if kind == "symlink" else row.mode
        content = (EMPTY if row.type in ("character", "block") else row.sha256) if kind == "file" else row.link
        key = (
            row.content_layer if row.content_layer is not None else -1,
            row.content_index if row.content_index is not None else -1,
        )
        together = first.setdefault(key, row.path) if kind == "file" else row.path
        found[row.path] = (kind, mode, content, together)
    return found


def together(seen: Seen) -> set[frozenset[str]]:
    """The groups of names that are one file."""
    groups: dict[str, set[str]] = {}
    for path, (*_, first) in seen.items():
        groups.setdefault(first, set()).add(path)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def assert_alike(ours: Seen, theirs: Seen) -> None:
    assert sorted(ours) == sorted(theirs)
    assert {path: (kind, content) for path, (kind, _, content, _) in ours.items()} == {
        path: (kind, content) for path, (kind, _, content, _) in theirs.items()
    }
    assert {path: mode for path, (_, mode, *_) in ours.items() if mode is not None} == {
        path: mode for path, (_, mode, *_) in theirs.items() if ours[path][1] is not None
    }
    assert together(ours) == together(theirs)


@pytest.mark.real
def test_the_tree_of_the_planted_image_is_what_umoci_unpacks(tmp_path: Path) -> None:
    need("umoci")
    graph = tk.Graph(tmp_path / "graph")
    layout = planted.as_layout(tmp_path / "layout", *(planted.layer(*members) for members in planted.LAYERS))
    tk.pull(NAME, graph, source=layout)
    image = files(NAME, graph=graph)
    assert_alike(computed(image), on_disk(unpacked(graph, NAME, tmp_path / "bundle")))


UNUSUAL: Final = {
    "links": (
        [planted.folder("real"), planted.file("real/x", b"1"), planted.link("l", "real"), planted.link("up", "../../real")],
        [planted.file("l/y", b"2"), planted.file("up/.wh.x"), planted.link("made", "not/yet"), planted.file("made/z", b"3")],
    ),
    "a directory over a link": (
        [planted.folder("real"), planted.file("real/x", b"1"), planted.link("l", "real")],
        [planted.folder("l"), planted.file("l/y", b"2")],
    ),
    "hard links across layers": (
        [planted.file("a", b"1"), planted.hard("b", "a")],
        [planted.hard("c", "b"), planted.file("a", b"2"), planted.file("d", b"4")],
        [planted.file(".wh.b"), planted.hard("d", "c")],
    ),
    "an opaque root": ([planted.folder("d"), planted.file("d/x", b"1")], [planted.file(".wh..wh..opq"), planted.file("y", b"2")]),
    "the same kinds again": (
        [planted.folder("d", 0o700), planted.file("f", b"1"), planted.link("l", "f")],
        [planted.folder("d", 0o755), planted.file("f", b"22", 0o600), planted.link("l", "d")],
        [planted.link("f", "l"), planted.file("l", b"333")],
    ),
    "whiteouts before and after": (
        [planted.folder("d"), planted.file("d/a", b"1"), planted.file("d/b", b"2"), planted.file("d/c", b"3")],
        [planted.file("d/.wh.a"), planted.file("d/a", b"4"), planted.file("d/b", b"5"), planted.file("d/.wh.b")],
        [planted.file("d/.wh..wh..opq"), planted.file("d/new", b"6")],
    ),
    "parents no header names": ([planted.file("a/b/c", b"1")], [planted.file("a/b/.wh.c"), planted.file("a/d", b"2")]),
}


@pytest.mark.real
@pytest.mark.parametrize("case", UNUSUAL)
def test_unusual_layers_are_applied_as_umoci_applies_them(case: str, tmp_path: Path) -> None:
    need("umoci")
    graph = tk.Graph(tmp_path / "graph")
    layers = (planted.layer(*members) for members in UNUSUAL[case])
    tk.pull(NAME, graph, source=planted.as_layout(tmp_path / "layout", *layers))
    assert_alike(computed(files(NAME, graph=graph)), on_disk(unpacked(graph, NAME, tmp_path / "bundle")))


@pytest.mark.real
def test_the_tree_of_a_real_image_is_what_umoci_unpacks(python: tk.Graph, tmp_path: Path) -> None:
    image = files("python:3-alpine", graph=python)
    theirs = on_disk(unpacked(python, "python:3-alpine", tmp_path / "bundle"))
    assert len(theirs) > 3000
    assert_alike(computed(image), theirs)
    assert not len(image.hazards)
    assert not len(image.secrets)


@pytest.mark.real
def test_files_of_a_real_image_read_as_umoci_writes_them(python: tk.Graph, tmp_path: Path) -> None:
    image = files("python:3-alpine", graph=python)
    root = unpacked(python, "python:3-alpine", tmp_path / "bundle")
    for path in ("etc/alpine-release", "bin/busybox", "lib/apk/db/installed"):
        assert read_file(image, path) == (root / path).read_bytes()


@pytest.mark.real
def test_the_files_of_a_real_image_are_those_container_inspector_finds(python: tk.Graph, tmp_path: Path) -> None:
    """It keeps neither links nor permissions: regular files and their contents are compared."""
    saved = tmp_path / "saved.tar"
    run("skopeo", "copy", "--quiet", f"oci:{python.layout.root}:python:3-alpine", f"docker-archive:{saved}:library/python:3")
    [theirs] = Image.get_images_from_tarball(str(saved), str(tmp_path / "extracted"), verify=True)
    root = tmp_path / "root"
    root.mkdir()
    rebuild_rootfs(theirs, str(root))
    image = files("library/python:3", source=saved)
    ours = {path: content for path, (kind, _, content, _) in computed(image).items() if kind == "file"}
    found = {path: content for path, (kind, _, content, _) in on_disk(root).items() if kind == "file"}
    assert len(found) > 2000
    hard_links = {row.path for row in paths(image.layering) if row.type == "hardlink"}
    assert {path: ours[path] for path in ours if path not in hard_links} == found


# -- the corpus --------------------------------------------------------------------------------------------------


IMAGES: Final = ("do-pub-attestation-index", "ol-gcr-one-image", "ol-oraspy-1", "rc-pub-estargz", "rc-pub-oci")
LAYERS: Final = sorted(CORPUS.glob("layers/lt-*"))
REFUSED: Final = {
    "lt-cc-544-truncated-content": "unexpected EOF",
    "lt-cc-corrupt-checksum": "invalid tar header",
    "lt-cc-longname-gnu-32k": "file name too long",
    "lt-cc-oldgnu-sparse": "unknown typeflag",
    "lt-fanal-notgz": "unexpected EOF",
    "lt-go-gnu-sparse-big": "unknown typeflag",
    "lt-go-neg-size": "invalid tar header",
    "lt-go-pax-bad-hdr-file": "invalid tar header",
    "lt-go-pax-global-records": "unknown typeflag",
    "lt-go-sparse-formats": "unknown typeflag",
    "lt-go-writer-big-long": "unexpected EOF",
    "lt-tarrs-sparse": "unknown typeflag",
}
"""Layers of the corpus that umoci does not unpack, and what it says: it knows no sparse files and no global headers."""


def from_layout(graph: tk.Graph, report: tk.Report) -> str:
    """Name the manifest of a report for umoci, which knows no index of indexes; give the name."""
    [manifest] = [one for one in report.records(Manifest) if one.kind == "image"]
    entry = {"mediaType": OCI_MANIFEST, "digest": manifest.body_digest, "size": manifest.size}
    index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": {"org.opencontainers.image.ref.name": "here"}}]}
    graph.layout.index.write_text(json.dumps(index))
    return "here"


@needs_corpus
@pytest.mark.real
@pytest.mark.parametrize("name", IMAGES)
def test_the_tree_of_an_image_of_the_corpus_is_what_umoci_unpacks(name: str, tmp_path: Path) -> None:
    need("umoci")
    [layout] = CORPUS.glob(f"*/{name}")
    graph = tk.Graph(tmp_path / "graph")
    report = tk.pull(None, graph, source=layout)
    assert_alike(computed(files(report)), on_disk(unpacked(graph, from_layout(graph, report), tmp_path / "bundle")))


@needs_corpus
@pytest.mark.real
@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.name.partition(".")[0])
def test_a_layer_of_the_corpus_is_applied_as_umoci_applies_it(path: Path, tmp_path: Path) -> None:
    need("umoci")
    tar = b"".join(decompress([path.read_bytes()])[1])
    graph = tk.Graph(tmp_path / "graph")
    layout = planted.as_layout(tmp_path / "layout", planted.layer(planted.file("lower", b"1")), tar)
    tk.pull(NAME, graph, source=layout, diff_ids=False)
    refused = REFUSED.get(path.name.partition(".")[0])
    if refused is not None:
        with pytest.raises(AssertionError, match=refused):
            unpacked(graph, NAME, tmp_path / "bundle")
        return
    assert_alike(computed(files(NAME, graph=graph)), on_disk(unpacked(graph, NAME, tmp_path / "bundle")))


@needs_corpus
@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.name)
def test_the_headers_of_a_layer_of_the_corpus_are_as_many_as_others_count(path: Path) -> None:
    """What is broken is a hazard, never a shorter list without a word."""
    truth = json.loads((CORPUS / "truth.json").read_bytes())[path.name.partition(".")[0]]
    found = index_layer([path.read_bytes()])
    go = truth["peers"]["go archive/tar 1.19"]
    assert len(found.members) == go["entries"]
    if found.problem is None:
        assert "error" not in go
        assert found.diff_id == truth["truth"]["tar"]["diff_id"]
    else:
        assert found.problem.message == go["error"]
