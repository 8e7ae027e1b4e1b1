"""A registry that is a set of answers: in memory, or a folder on disk.

The rule of this file: it answers what it was given, true or not. It is an httpx transport, so that everything behind
it runs as against a real registry.

A folder holds ``registry.json`` (repositories, tags, headers), ``manifests/`` and ``blobs/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from toolkit import fsops
from toolkit.errors import SourceError
from toolkit.manifests.media_types import SIGNED_SCHEMA1
from toolkit.references import tag_error

_VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}
DESCRIPTION: Final = "registry.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a status, headers, a body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticManifest:
    """A manifest as it is served: its body, what its header claims, and one sentence about it."""

    body: bytes
    digest: str
    media_type: str = SIGNED_SCHEMA1
    about: str = ""


@dataclass(slots=True)
class StaticRegistry(httpx.BaseTransport):
    """Repositories of manifests by tag, and blobs by the digest they are asked by.

    ``blobs`` maps a digest to whatever bytes are served for it; they need not match.
    """

    name: str
    manifests: dict[str, dict[str, StaticManifest]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def add(self, repository: str, tag: str, manifest: StaticManifest, blobs: Mapping[str, bytes]) -> None:
        """Publish an image."""
        self.manifests.setdefault(repository, {})[tag] = manifest
        self.blobs.update(blobs)

    def answer(self, method: str, path: str) -> Answer:
        """Answer a request for a path of the v2 protocol."""
        answer = self._find(path)
        headers = {"Content-Length": str(len(answer.body)), **_VERSION, **answer.headers}
        return Answer(answer.status, headers, b"" if method == "HEAD" else answer.body)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an httpx request (``httpx.BaseTransport``)."""
        answer = self.answer(request.method, request.url.path)
        return httpx.Response(answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.body))

    def save(self, folder: Path) -> None:
        """Write the registry into an empty folder."""
        fsops.make_directory(folder)
        description: dict[str, Any] = {"name": self.name, "repositories": {}}
        for repository, tags in sorted(self.manifests.items()):
            for tag, manifest in sorted(tags.items()):
                path = folder / "manifests" / repository / f"{tag}.json"
                fsops.make_directory(path.parent)
                fsops.write_new(path, manifest.body, mode=0o644)
                entry = {"about": manifest.about, "digest": manifest.digest, "media_type": manifest.media_type}
                description["repositories"].setdefault(repository, {})[tag] = entry
        for digest, data in sorted(self.blobs.items()):
            path = folder / "blobs" / digest.replace(":", "/")
            fsops.make_directory(path.parent)
            fsops.write_new(path, data, mode=0o644)
        text = json.dumps(description, indent=2, sort_keys=True) + "\n"
        fsops.write_new(folder / DESCRIPTION, text.encode("utf-8"), mode=0o644)

    @classmethod
    def load(cls, folder: Path) -> StaticRegistry:
        """Read a registry from its folder.

        Raises
        ------
        SourceError
            The folder does not hold one.
        """
        text = fsops.read(folder / DESCRIPTION)
        if text is None:
            raise SourceError(
                f"{folder} is not a registry's folder",
                where=str(folder),
                expected=DESCRIPTION,
                next_step="give a folder that `layerproof lab save` wrote",
            )
        try:
            description = json.loads(text)
            registry = cls(str(description["name"]))
            for repository, tags in description["repositories"].items():
                for tag, entry in tags.items():
                    if tag_error(tag) is not None:
                        raise ValueError(tag_error(tag))
                    body = fsops.read(folder / "manifests" / repository / f"{tag}.json")
                    if body is None:
                        raise ValueError(f"the manifest of {repository}:{tag} is not there")
                    manifest = StaticManifest(
                        body=body, digest=entry["digest"], media_type=entry["media_type"], about=entry["about"]
                    )
                    registry.add(repository, tag, manifest, {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SourceError(f"{folder / DESCRIPTION} cannot be read: {error}", where=str(folder)) from error
        for algorithm in fsops.names(folder / "blobs"):
            for name in fsops.names(folder / "blobs" / algorithm):
                registry.blobs[f"{algorithm}:{name}"] = fsops.read(folder / "blobs" / algorithm / name) or b""
        return registry

    def _find(self, path: str) -> Answer:
        if path in ("/v2", "/v2/"):
            return Answer(200, {"Content-Type": "application/json"}, b"{}")
        name, kind, key = _split(path)
        tags = self.manifests.get(name)
        if tags is None:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        if kind == "tags" and key == "list":
            body = json.dumps({"name": name, "tags": sorted(tags)}).encode("utf-8")
            return Answer(200, {"Content-Type": "application/json; charset=utf-8"}, body)
        if kind == "blobs" and key in self.blobs:
            return Answer(200, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": key}, self.blobs[key])
        if kind == "blobs":
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        manifest = tags.get(key) or next((one for one in tags.values() if one.digest == key), None)
        if kind == "manifests" and manifest is not None:
            headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
            return Answer(200, headers, manifest.body)
        return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")


def _split(path: str) -> tuple[str, str, str]:
    """Split /v2/NAME/KIND/KEY, where NAME may hold slashes."""
    name, _, key = path.removeprefix("/v2/").rpartition("/")
    name, _, kind = name.rpartition("/")
    return name, kind, key


def _error(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode("utf-8")
    return Answer(status, {"Content-Type": "application/json; charset=utf-8"}, body)
