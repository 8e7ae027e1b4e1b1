"""An OCI layout, whole and damaged, as a folder and as a tar."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.trees import CONFIG, LAYER, as_json, descriptor, image, layout, opened, read, ref_name, saved, tar_of, visit, write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.manifests.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from toolkit.references import Reference
from toolkit.sources.files import FileSource
from toolkit.sources.protocol import MANIFEST_LIMIT

BODY = image()


@pytest.mark.parametrize("form", ["folder", "tar", "gzip", "within"])
def test_manifests_and_blobs_are_handed_over_as_they_lie(tmp_path: Path, form: str) -> None:
    files = layout((BODY, ref_name("1")))
    path = tmp_path / "there"
    if form == "folder":
        write(path, files)
    elif form == "within":
        saved(path, tar_of({f"outer/{name}": data for name, data in files.items()}))
    else:
        saved(path, gzip.compress(tar_of(files)) if form == "gzip" else tar_of(files))
    source = opened(path)
    with visit(source) as connection:
        raw = connection.manifest(source.resolve(None, seed_grammar=False))
        assert (raw.body, raw.content_type, raw.made_from, raw.header_digest) == (BODY, None, None, None)
        assert raw.descriptor is not None
        assert (raw.descriptor.media_type, raw.descriptor.size) == (OCI_MANIFEST, len(BODY))
        assert [read(connection, sha256(data)) for data in (CONFIG, LAYER)] == [CONFIG, LAYER]
        assert connection.blob(sha256(LAYER)).announced == len(LAYER)
        assert connection.tags() == ["1"]


def test_a_child_of_an_index_is_found_by_digest(tmp_path: Path) -> None:
    index = as_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, BODY)]})
    files = layout((index, ref_name("1")), media_type=OCI_INDEX)
    connection = visit(opened(write(tmp_path, files | {f"blobs/sha256/{sha256(BODY)[7:]}": BODY})))
    raw = connection.manifest(Reference.bare(sha256(BODY)))
    assert (raw.body, raw.descriptor) == (BODY, None)


def test_sha512_has_a_folder_of_its_own(tmp_path: Path) -> None:
    digest = "sha512:" + "ab" * 64
    source = opened(write(tmp_path, layout() | {f"blobs/sha512/{'ab' * 64}": b"data"}))
    assert read(visit(source), digest) == b"data"


def test_a_missing_blob_is_not_found(tmp_path: Path) -> None:
    connection = visit(opened(write(tmp_path, layout((BODY, {})))))
    with pytest.raises(tk.errors.NotFoundError):
        connection.blob(sha256(b"elsewhere"))
    with pytest.raises(tk.errors.NotFoundError):
        connection.manifest(Reference.bare(sha256(b"elsewhere")))


@pytest.mark.parametrize("lost", ["oci-layout", "index.json"])
def test_a_layout_that_lost_a_part_is_still_one(tmp_path: Path, lost: str) -> None:
    files = layout((BODY, ref_name("1")))
    del files[lost]
    source = opened(write(tmp_path, files))
    assert source.kind == "oci-layout"
    assert source.holds() == ([] if lost == "index.json" else ["1"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("oci-layout", b"{}", "unknown version"),
        ("oci-layout", b'{"imageLayoutVersion":"2.0.0"}', "unknown version"),
        ("oci-layout", b'{"imageLayoutVersion":1}', "unknown version"),
        ("oci-layout", b"[]", "is not an object"),
        ("oci-layout", b"", "is not JSON"),
        ("oci-layout", b"[" * 100_000, "is not JSON"),
        ("oci-layout", b"\xff", "is not JSON"),
        ("index.json", b"", "cannot be read"),
        ("index.json", b"[]", "not an object"),
        ("index.json", b"{}", "manifests is not a list"),
        ("index.json", b'{"manifests":{}}', "manifests is not a list"),
        ("index.json", b'{"manifests":[1]}', r"manifests\[0\] is not an object"),
        ("index.json", b'{"manifests":[{}]}', r"manifests\[0\].mediaType is not a text"),
        ("index.json", b'{"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}', "is not a digest"),
        ("index.json", b'{"manifests":' + b"[" * 100_000, "cannot be read"),
        ("index.json", b" " * (MANIFEST_LIMIT + 1), "larger than"),
    ],
)
def test_a_damaged_layout_is_a_typed_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    source = opened(write(tmp_path, layout((BODY, {})) | {name: data}))
    assert source.holds() == []
    with pytest.raises(tk.errors.SourceError, match=message) as caught:
        source.resolve(None, seed_grammar=False)
    assert str(tmp_path) in caught.value.where


def test_a_manifest_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((BODY + b" " * MANIFEST_LIMIT, ref_name("1")))))
    with pytest.raises(tk.errors.LimitError):
        visit(source).manifest(source.resolve("1", seed_grammar=False))


def test_a_blob_that_is_a_link_out_of_the_layout_is_not_read(tmp_path: Path) -> None:
    saved(tmp_path / "secret", b"secret")
    root = write(tmp_path / "root", layout((BODY, {})))
    (root / "blobs" / "sha256" / ("0" * 64)).symlink_to(tmp_path / "secret")
    with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
        visit(opened(root)).blob("sha256:" + "0" * 64)


# -- docker save since Docker 25 ---------------------------------------------------------------------------------


def hybrid(annotations: dict[str, str], entries: object) -> dict[str, bytes]:
    return layout((BODY, annotations)) | {"manifest.json": as_json(entries)}


ENTRY = {"Config": f"blobs/sha256/{sha256(CONFIG)[7:]}", "RepoTags": ["busybox:1.24", "busybox:old"], "Layers": []}


def test_a_hybrid_is_read_as_a_layout_with_the_names_of_both(tmp_path: Path) -> None:
    source = opened(saved(tmp_path / "x", tar_of(hybrid({}, [ENTRY]))))
    assert (source.kind, source.holds()) == ("oci-layout", ["busybox:1.24", "busybox:old"])
    assert visit(source).manifest(source.resolve("busybox:old", seed_grammar=False)).body == BODY


def test_a_name_of_the_index_wins(tmp_path: Path) -> None:
    annotations = {"io.containerd.image.name": "docker.io/library/new:1", **ref_name("1")}
    assert opened(write(tmp_path, hybrid(annotations, [ENTRY]))).holds() == ["docker.io/library/new:1"]


@pytest.mark.parametrize(
    "entry", [{}, 1, {"Config": 1, "RepoTags": []}, {"Config": "x", "RepoTags": None}, ENTRY | {"RepoTags": []}]
)
def test_an_entry_that_names_nothing_changes_nothing(tmp_path: Path, entry: object) -> None:
    assert opened(write(tmp_path, hybrid({}, [entry]))).holds() == [f"@{sha256(BODY)}"]


def test_a_document_that_cannot_be_read_has_no_name_elsewhere(tmp_path: Path) -> None:
    for number, body in enumerate((b"no JSON", b"[]", b"{}")):
        source = opened(write(tmp_path / str(number), layout((body, {})) | {"manifest.json": as_json([ENTRY])}))
        assert source.holds() == [f"@{sha256(body)}"]


# -- referrers ---------------------------------------------------------------------------------------------------


def referring() -> tuple[bytes, bytes]:
    subject = descriptor(OCI_MANIFEST, BODY)
    return (
        image(subject=subject, artifactType="application/x.signature", annotations={"by": "me"}),
        image("bill", subject=subject, config=descriptor(OCI_EMPTY, b"{}")),
    )


def test_referrers_are_listed_as_a_registry_would(tmp_path: Path) -> None:
    signature, bill = referring()
    files = layout((BODY, ref_name("1")), (signature, {}), (bill, {}), (b"no JSON", {}))
    files.pop(f"blobs/sha256/{sha256(b'no JSON')[7:]}")
    source = opened(write(tmp_path, files))
    found = visit(source).referrers(sha256(BODY))
    assert found.way == "api"
    assert found.manifest is not None
    assert found.manifest.made_from == "the subjects in the layout's documents"
    assert json.loads(found.manifest.body)["manifests"] == [
        descriptor(OCI_MANIFEST, signature, artifactType="application/x.signature", annotations={"by": "me"}),
        descriptor(OCI_MANIFEST, bill, artifactType=OCI_EMPTY, annotations={"salt": "bill"}),
    ]
    assert visit(source).referrers(sha256(bill)).way == "none"


def test_the_same_layout_gives_the_same_bytes(tmp_path: Path) -> None:
    files = layout((BODY, {}), (referring()[0], {}))
    bodies = set()
    for number in range(2):
        source: FileSource = opened(write(tmp_path / str(number), files))
        found = visit(source).referrers(sha256(BODY)).manifest
        assert found is not None
        bodies.add(found.body)
    assert len(bodies) == 1
