"""What Debian's docker-registry makes of newer images for an old client, beside what we say it would make of them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.places import PROJECT
from support.real import docker_registry, need, public_image, run

import toolkit as tk
from toolkit.digests import sha256
from toolkit.errors import ImageConfigError
from toolkit.identity.as_schema1 import schema1_entries, strong_ids_as_schema1, v1_chain
from toolkit.records import Layer, StrongID

pytestmark = pytest.mark.real

OLD_CLIENT: Final = {"Accept": "application/vnd.docker.distribution.manifest.v1+prettyjws"}
LAYERS: Final = [gzip.compress(bytes((n,)) * 512 * (n + 2), mtime=0) for n in range(3)]
DIFF_IDS: Final = [sha256(gzip.decompress(layer)) for layer in LAYERS]

Answer = list[tuple[str, str]]
"""Digest and v1Compatibility of each entry, base first."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that speaks to old clients, too."""
    need("docker-registry", "skopeo")
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


def push(host: str, name: str, folder: Path, config: bytes, layers: Sequence[bytes]) -> None:
    """Push an image in schema2 whose config is exactly these bytes."""
    image = folder / name
    image.mkdir()
    for blob in (config, *layers):
        (image / sha256(blob).partition(":")[2]).write_bytes(blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": _descriptor("application/vnd.docker.container.image.v1+json", config),
        "layers": [_descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer) for layer in layers],
    }
    (image / "manifest.json").write_text(json.dumps(manifest))
    (image / "version").write_text("Directory Transport Version: 1.1\n")
    run("skopeo", "copy", "--dest-tls-verify=false", f"dir:{image}", f"docker://{host}/ages/{name}:1")


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(blob), "digest": sha256(blob)}


def converted(host: str, repository: str, tag: str) -> bytes | None:
    """Ask as an old client does; None when the registry cannot convert, or falls over it."""
    try:
        answer = httpx.get(f"http://{host}/v2/{repository}/manifests/{tag}", headers=OLD_CLIENT, trust_env=False)
    except httpx.RemoteProtocolError:  # its handler crashed
        return None
    if answer.status_code == httpx.codes.BAD_REQUEST:
        assert answer.json()["errors"][0]["code"] == "MANIFEST_INVALID"
        return None
    assert answer.status_code == httpx.codes.OK
    return answer.content


def as_answered(manifest: bytes) -> Answer:
    document = json.loads(manifest)
    pairs = zip(document["fsLayers"], document["history"], strict=True)
    return [(layer["blobSum"], event["v1Compatibility"]) for layer, event in pairs][::-1]


def ours(config: bytes, layers: Sequence[str]) -> Answer:
    return [(entry.layer_digest, entry.v1_compatibility.decode()) for entry in schema1_entries(config, layers)]


def image_of(history: Sequence[dict[str, Any] | None], layers: int, **more: Any) -> bytes:
    rootfs = {"type": "layers", "diff_ids": DIFF_IDS[:layers]}
    return json.dumps(
        {"architecture": "amd64", "os": "linux", **more, "rootfs": rootfs, "history": history}, ensure_ascii=False
    ).encode()


AT: Final = "2020-01-02T03:04:05.060Z"
CONVERTED: Final = {
    "one-layer": (image_of([{"created": AT, "created_by": "ADD a"}], 1), 1),
    "empty-steps": (
        image_of([{"created_by": "ARG", "empty_layer": True}, {"created": AT}, {"created_by": "CMD", "empty_layer": True}], 1),
        1,
    ),
    "nothing-but-empty-steps": (image_of([{"empty_layer": True}, {"empty_layer": True}], 0), 0),
    "unicode": (image_of([{"created_by": "echo é 日本 😀 \u2028\x7f\b\f"}, {"comment": "ü"}], 2, author="Ñ\u2029"), 2),
    "markup": (image_of([{"created_by": "a && b > c < d", "author": "A <a@example.org>"}, {}], 2, config={"Cmd": ["<&>"]}), 2),
    "comments": (image_of([{"comment": "merge"}, {"comment": "buildkit.dockerfile.v0", "created": AT}, {}], 3), 3),
    "odd-members": (image_of([{}, {}], 2, **{"": None, "<": [1.0], "\uffff": 1, "😀": {"b": 1}, "Size": 5, "id": "x"}), 2),
    "other-capitals": (b'{"RootFS":{"DIFF_IDS":["x"]},"History":[{"Created_By":"x","empty_layer":true},{}],"ID":"q"}', 1),
    "white-space": (b'{ "rootfs":{"diff_ids":["x","y"]},\n"history":[{},{}],"n":{ "a" : [ 1.0, 1e5, "b<\\/" ] } }\n', 2),
    "not-utf-8": (b'{"rootfs":{"diff_ids":["x","y"]},"history":[{"created_by":"\xff\xc3("},{}],"z":"\xe2\x82","\xff":1}', 2),
    "lone-surrogate": (b'{"rootfs":{"diff_ids":["x","y"]},"history":[{"created_by":"\\ud800 \\ude00"},{}],"z":"\\ud800"}', 2),
    "parent-of-its-own": (image_of([{}], 1, parent="zz", throwaway=False), 1),
    "windows": (
        image_of([{"created_by": "a"}, {}], 0).replace(b'"diff_ids": []', b'"diff_ids": ["x","y"], "base_layer": "win\xc3\xa9"'),
        2,
    ),
    "null-entry": (image_of([None, {"created": "2015-02-21T1:00:00,5+-1:00"}], 2), 2),
    "long-fraction": (image_of([{"created": "2015-02-21T01:00:00.12345678999999999999+05:30"}, {}], 2), 2),
    "said-twice": (
        b'{"rootfs":{},"history":[{"empty_layer":true,"author":"A"},{}],"history":[{},{"empty_layer":true}],"k":1,"k":2}',
        0,
    ),
}
BASE_NAMES_A_PARENT: Final = {"parent-of-its-own", "windows"}
"""Converted by the registry and named by us; Docker 1.9 then refuses the chain."""

NOT_CONVERTED: Final = {
    "no-history": (image_of([], 1), 1),
    "no-rootfs": (b'{"history":[{"empty_layer":true}]}', 0),
    "more-steps-than-layers": (image_of([{}, {}], 1), 1),
    "more-diff-ids-than-layers": (image_of([{}, {}], 2), 1),
    "no-such-day": (image_of([{"created": "2015-02-31T00:00:00Z"}], 1), 1),
    "no-such-time": (image_of([{"created": "yesterday"}], 1), 1),
    "another-type": (image_of([{"created_by": 3}], 1), 1),
    "not-an-object": (b"[]", 1),
    "not-json": (b"{", 1),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_the_registry_s_texts_are_ours(name: str, registry: str, tmp_path: Path) -> None:
    config, count = CONVERTED[name]
    push(registry, name, tmp_path, config, LAYERS[:count])
    manifest = converted(registry, f"ages/{name}", "1")
    assert manifest is not None
    layers = [sha256(layer) for layer in LAYERS[:count]]
    assert as_answered(manifest) == ours(config, layers)
    report = tk.judge(manifest, f"ages/{name}:1", "docker-1.9")
    judged: list[StrongID] = report.records(StrongID)
    assert [row.strong_id for row in judged] == [row.strong_id for row in v1_chain(config, layers)]
    refused = report.error["code"] if report.error else None
    assert refused == ("base-without-parent" if name in BASE_NAMES_A_PARENT else None)


@pytest.mark.parametrize("name", NOT_CONVERTED)
def test_what_the_registry_cannot_convert_is_refused(name: str, registry: str, tmp_path: Path) -> None:
    config, count = NOT_CONVERTED[name]
    push(registry, name, tmp_path, config, LAYERS[:count])
    assert converted(registry, f"ages/{name}", "1") is None
    with pytest.raises(ImageConfigError):
        schema1_entries(config, [sha256(layer) for layer in LAYERS[:count]])


def test_the_registry_loses_a_layer_the_history_does_not_tell_of_and_we_refuse(registry: str, tmp_path: Path) -> None:
    config = image_of([{"created_by": "ADD a"}], 2)
    push(registry, "loses-a-layer", tmp_path, config, LAYERS[:2])
    manifest = converted(registry, "ages/loses-a-layer", "1")
    assert manifest is not None
    assert [digest for digest, _ in as_answered(manifest)] == [sha256(LAYERS[0])]
    with pytest.raises(ImageConfigError, match="fewer layers than there are"):
        schema1_entries(config, [sha256(layer) for layer in LAYERS[:2]])


def test_a_real_image_has_the_names_a_pull_of_it_gives(registry: str, graph: tk.Graph) -> None:
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    name = f"{registry}/library/python:3-alpine"
    run("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s2", f"oci:{layout}", f"docker://{name}")
    manifest = json.loads(run("skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{name}"))
    digest = manifest["config"]["digest"]
    config = httpx.get(f"http://{registry}/v2/library/python/blobs/{digest}", trust_env=False).content
    assert sha256(config) == digest
    layers = [layer["digest"] for layer in manifest["layers"]]
    answer = converted(registry, "library/python", "3-alpine")
    assert answer is not None
    assert as_answered(answer) == ours(config, layers)
    rows = v1_chain(config, layers)
    report = tk.pull(name, graph, policy="docker-1.9")
    named: list[StrongID] = report.records(StrongID)
    assert [row.strong_id for row in named] == [row.strong_id for row in rows]
    assert report.image_id == strong_ids_as_schema1(config, layers)[-1].hex
    pulled: list[Layer] = report.records(Layer)
    measured = {layer.blob_digest: layer.diff_id for layer in pulled}
    assert [(row.layer_digest, row.diff_id) for row in rows if not row.empty] == [(layer, measured[layer]) for layer in layers]
    assert sum(not row.empty for row in rows) == len(layers)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
events = st.fixed_dictionaries(
    {"empty_layer": st.booleans()},
    optional={"created": times, "created_by": words, "author": words, "comment": words},
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6)


@given(
    history=st.lists(events, min_size=1, max_size=6).filter(lambda steps: sum(not step["empty_layer"] for step in steps) <= 3),
    odd=st.dictionaries(words, values, max_size=4),
    spelling=st.sampled_from([{"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 1}]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_image_is_converted_to_our_texts(
    registry: str,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[dict[str, Any]],
    odd: dict[str, Any],
    spelling: dict[str, Any],
) -> None:
    """The rule: for every config that fits its layers, the registry's schema1 and ours are the same bytes."""
    count = sum(not step["empty_layer"] for step in history)
    rootfs = {"type": "layers", "diff_ids": DIFF_IDS[:count]}
    members = {f".{name}": value for name, value in odd.items()} | {"history": history, "rootfs": rootfs}
    config = json.dumps(members, **spelling).encode()
    name = f"any-{sha256(config)[7:19]}"
    push(registry, name, tmp_path_factory.mktemp("image"), config, LAYERS[:count])
    manifest = converted(registry, f"ages/{name}", "1")
    assert manifest is not None
    assert as_answered(manifest) == ours(config, [sha256(layer) for layer in LAYERS[:count]])
