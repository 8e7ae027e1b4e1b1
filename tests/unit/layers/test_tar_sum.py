from __future__ import annotations

import io
import tarfile

import pytest
from support.places import CORPUS, needs_corpus

import toolkit as tk
from toolkit import fsops
from toolkit.digests import sha256
from toolkit.layers.tar_sum import tar_sum, version_of
from toolkit.simulator.images import layer_blob
from toolkit.simulator.tampering import honest
from toolkit.simulator.teaching import clean_image
from toolkit.sources.static_registry import StaticManifest, StaticRegistry


def archive(*members: tuple[str, bytes], **attributes: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@needs_corpus
def test_the_sum_of_docker_s_own_fixture() -> None:
    fixture = CORPUS / "layers" / "lt-moby-collision0.tar"
    assert (
        tar_sum(fsops.chunks(fixture), "tarsum")
        == "tarsum+sha256:08653904a68d3ab5c59e65ef58c49c1581caa3c34744f8d354b3f575ea04424a"
    )


def test_order_does_not_matter_and_content_does() -> None:
    one, two = ("a", b"1"), ("b", b"2")
    assert tar_sum([archive(one, two)], "tarsum.v1") == tar_sum([archive(two, one)], "tarsum.v1")
    assert tar_sum([archive(one, two)], "tarsum.v1") != tar_sum([archive(one, ("b", b"3"))], "tarsum.v1")


def test_the_time_counts_in_the_first_version_only() -> None:
    early, late = archive(("a", b"1"), mtime=1), archive(("a", b"1"), mtime=2)
    assert tar_sum([early], "tarsum") != tar_sum([late], "tarsum")
    assert tar_sum([early], "tarsum.v1") == tar_sum([late], "tarsum.v1")
    assert tar_sum([early], "tarsum") == tar_sum([archive(("a", b"1"), mtime=1.5)], "tarsum")


def test_extended_attributes_count_in_later_versions() -> None:
    plain = archive(("a", b"1"))
    marked = archive(("a", b"1"), pax_headers={"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1"})
    assert tar_sum([plain], "tarsum") == tar_sum([marked], "tarsum")
    assert tar_sum([plain], "tarsum.dev") != tar_sum([marked], "tarsum.dev")


def test_names_of_owners_and_devices_count() -> None:
    sums = {
        tar_sum([data], "tarsum.v1")
        for data in (
            archive(("a", b"")),
            archive(("a", b""), uname="somebody"),
            archive(("a", b""), uname="sömebody"),
            archive(("a", b""), type=tarfile.CHRTYPE, devmajor=1),
            archive(("a", b""), type=tarfile.SYMTYPE, linkname="b"),
            archive(("a", b""), uid=2**40),
        )
    }
    assert len(sums) == 6


def test_what_is_no_tar_has_no_sum() -> None:
    assert tar_sum([b"no tar at all"], "tarsum") is None
    assert tar_sum([layer_blob({"a": b"1"})], "tarsum.v1") is None


def test_an_old_header_has_no_owner_names() -> None:
    data = bytearray(archive(("a", b"1")))
    data[257:345] = bytes(88)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert tar_sum([bytes(data)], "tarsum.v1") is not None


@pytest.mark.parametrize(
    ("digest", "version"),
    [
        ("tarsum+sha256:ab", "tarsum"),
        ("tarsum.v1+sha256:ab", "tarsum.v1"),
        ("tarsum.dev+sha256:ab", "tarsum.dev"),
        ("tarsum.v2+sha256:ab", None),
        ("sha256:ab", None),
    ],
)
def test_versions(digest: str, version: str | None) -> None:
    assert version_of(digest) == version


@pytest.mark.parametrize("right", [True, False])
def test_docker_1_9_believes_a_tarsum_and_strict_does_not(right: bool, graph: tk.Graph) -> None:  # noqa: FBT001  # a case
    blob = layer_blob({"etc/top": b"tarsum\n"}, gzip=False)
    named = tar_sum([blob if right else layer_blob({"a": b""}, gzip=False)], "tarsum.v1") or ""
    image = clean_image()
    image = image.changed(fsLayers=[{"blobSum": named}, *image.document["fsLayers"][1:]])
    registry = StaticRegistry("tarsum.example")
    served = honest(image)
    registry.add("teach/clean", "1", StaticManifest(body=served.body, digest=served.digest), {**served.blobs, named: blob})
    if right:
        report = tk.pull("teach/clean:1", graph, source=registry, policy="docker-1.9")
        assert report.outcome == "accepted"
        assert report.layers["evidence"].iloc[-1] == sha256(blob)
        assert tk.rejudge(report).layers["actual_digest"].iloc[-1] == named
    else:
        with pytest.raises(tk.VerificationError) as caught:
            tk.pull("teach/clean:1", graph, source=registry, policy="docker-1.9")
        assert caught.value.message == f"filesystem layer verification failed for digest {named}"
    assert tk.inspect("teach/clean:1", source=registry).outcome == "undecided"
