"""A registry that is a set of answers: the same in memory, in a folder and on a wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import toolkit as tk
from toolkit.simulator.teaching import teaching_registry
from toolkit.sources.static_registry import DESCRIPTION, StaticManifest, StaticRegistry

REGISTRY = teaching_registry()


def paths(registry: StaticRegistry) -> list[str]:
    found = ["/v2", "/v2/", "/v2/nobody/knows/tags/list", "/v2/teach/clean/manifests/none", "/v2/teach/clean/blobs/none"]
    found += ["/v2/teach/clean/other/1", "/", "/v3/", "/v2/x"]
    for name, tags in registry.manifests.items():
        found.append(f"/v2/{name}/tags/list")
        for tag, manifest in tags.items():
            found += [f"/v2/{name}/manifests/{tag}", f"/v2/{name}/manifests/{manifest.digest}"]
        found += [f"/v2/{name}/blobs/{digest}" for digest in registry.blobs]
    return found


def test_a_saved_registry_answers_as_the_one_in_memory(tmp_path: Path) -> None:
    REGISTRY.save(tmp_path / "saved")
    loaded = StaticRegistry.load(tmp_path / "saved")
    assert loaded == REGISTRY
    for path in paths(REGISTRY):
        for method in ("GET", "HEAD"):
            assert loaded.answer(method, path) == REGISTRY.answer(method, path), path


def test_two_saves_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        REGISTRY.save(tmp_path / name)
    files = [sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")) for name in ("one", "two")]
    assert files[0] == files[1]
    for file in files[0]:
        if (tmp_path / "one" / file).is_file():
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_head_has_the_headers_and_no_body() -> None:
    path = "/v2/teach/clean/manifests/1"
    head, get = (REGISTRY.answer(method, path) for method in ("HEAD", "GET"))
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")
    assert get.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/nobody/knows/manifests/1", "NAME_UNKNOWN"),
        ("/v2/teach/clean/manifests/none", "MANIFEST_UNKNOWN"),
        ("/v2/teach/clean/blobs/sha256:none", "BLOB_UNKNOWN"),
        ("/v2/teach/clean/uploads/1", "MANIFEST_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_an_error_of_the_protocol(path: str, code: str) -> None:
    answer = REGISTRY.answer("GET", path)
    assert answer.status == 404
    assert json.loads(answer.body)["errors"][0]["code"] == code
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_it_is_an_httpx_transport() -> None:
    with httpx.Client(transport=REGISTRY) as client:
        answer = client.get("http://teaching.example/v2/teach/clean/tags/list")
    assert answer.json() == {"name": "teach/clean", "tags": ["1", "2"]}


def test_a_manifest_may_claim_what_it_is_not() -> None:
    registry = StaticRegistry("liar.example")
    registry.add("a/b", "1", StaticManifest(body=b"{}", digest="sha256:claimed", media_type="odd"), {"sha256:x": b"y"})
    answer = registry.answer("GET", "/v2/a/b/manifests/sha256:claimed")
    assert (answer.body, answer.headers["Docker-Content-Digest"], answer.headers["Content-Type"]) == (
        b"{}",
        "sha256:claimed",
        "odd",
    )
    assert registry.answer("GET", "/v2/a/b/blobs/sha256:x").body == b"y"


def test_a_folder_without_a_description_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.SourceError) as caught:
        StaticRegistry.load(tmp_path)
    assert caught.value.expected == DESCRIPTION


ENTRY = {"about": "", "digest": "sha256:x", "media_type": "m"}


@pytest.mark.parametrize(
    "description",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "null",
        "{}",
        {"name": "x"},
        {"name": "x", "repositories": []},
        {"name": "x", "repositories": {"a": []}},
        {"name": "x", "repositories": {"a": {"1": {}}}},
        {"name": "x", "repositories": {"a": {"missing": ENTRY}}},
        {"name": "x", "repositories": {"a": {"../1": ENTRY}}},
        {"name": "x", "repositories": {"a": {"": ENTRY}}},
    ],
)
def test_a_damaged_description_is_refused_by_name(tmp_path: Path, description: Any) -> None:
    (tmp_path / "manifests" / "a").mkdir(parents=True)
    (tmp_path / "manifests" / "a" / "1.json").write_bytes(b"{}")
    (tmp_path / DESCRIPTION).write_text(description if isinstance(description, str) else json.dumps(description))
    with pytest.raises(tk.errors.SourceError) as caught:
        StaticRegistry.load(tmp_path)
    assert DESCRIPTION in caught.value.message


def test_a_folder_is_not_saved_over_another(tmp_path: Path) -> None:
    REGISTRY.save(tmp_path / "saved")
    before = (tmp_path / "saved" / DESCRIPTION).read_bytes()
    with pytest.raises(tk.errors.GraphIOError):
        StaticRegistry("other.example", REGISTRY.manifests).save(tmp_path / "saved")
    assert (tmp_path / "saved" / DESCRIPTION).read_bytes() == before
