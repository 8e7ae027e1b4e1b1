"""A small registry of today's formats, spoken to through an httpx transport: the wire, and nothing but the wire."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import httpx

from toolkit.digests import Digest, sha256
from toolkit.manifests.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST


def tar_of(name: str, content: bytes = b"x") -> bytes:
    """A tar with one file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def gzipped(data: bytes) -> bytes:
    """Gzip without a time."""
    return gzip.compress(data, mtime=0)


class Shop:
    """Documents and blobs of one repository, and what to say about them."""

    def __init__(self, *, algorithm: str = "sha256") -> None:
        self.algorithm = algorithm
        self.documents: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.blobs: dict[str, bytes] = {}
        self.status: dict[str, int] = {}
        self.asked: list[str] = []

    def blob(self, data: bytes, media_type: str, **members: Any) -> dict[str, Any]:
        """Put a blob in; return its descriptor."""
        digest = str(Digest.of(data, self.algorithm))
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **members}

    def document(self, value: dict[str, Any] | bytes, *tags: str, header: str | None = None) -> dict[str, Any]:
        """Put a manifest or index in, under its digest and tags; return its descriptor."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        media_type = OCI_MANIFEST if isinstance(value, bytes) else value.get("mediaType", OCI_MANIFEST)
        digest = str(Digest.of(body, self.algorithm))
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest if header is None else header}
        for name in (digest, *tags):
            self.documents[name] = (body, headers)
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def image(
        self, *tags: str, layers: int = 2, os: str = "linux", architecture: str = "amd64", salt: str = "", **members: Any
    ) -> dict[str, Any]:
        """Put an image in; return its descriptor with its platform."""
        tars = [tar_of(f"{salt}{index}") for index in range(layers)]
        config = {
            "os": os,
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": [sha256(tar) for tar in tars]},
            "history": [{"created_by": f"step {index}"} for index in range(layers)],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(json.dumps(config).encode(), OCI_CONFIG),
            "layers": [self.blob(gzipped(tar), f"{OCI_LAYER}+gzip") for tar in tars],
            **members,
        }
        return {**self.document(manifest, *tags), "platform": {"os": os, "architecture": architecture}}

    def index(self, *manifests: dict[str, Any], tag: str = "1", **members: Any) -> dict[str, Any]:
        """Put an index in; return its descriptor."""
        return self.document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests), **members}, tag)

    def manifest(self, name: str) -> dict[str, Any]:
        """A document as it would be sent, read."""
        value: dict[str, Any] = json.loads(self.documents[name][0])
        return value

    def transport(self) -> httpx.MockTransport:
        """The wire."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        version = {"Docker-Distribution-Api-Version": "registry/2.0"}
        if path == "/v2/":
            return httpx.Response(200, headers=version)
        kind, name = path.rsplit("/", 2)[1:]
        if name in self.status:
            return httpx.Response(self.status[name], headers=version)
        if kind == "manifests" and name in self.documents:
            body, headers = self.documents[name]
            return httpx.Response(200, content=body, headers={**version, **headers})
        if kind == "blobs" and name in self.blobs:
            return httpx.Response(200, content=self.blobs[name], headers=version)
        return httpx.Response(404, headers=version)
