"""Blobs and manifests into a registry on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import httpx


class Push:
    """Puts blobs and manifests into a registry on this machine; several threads may use one."""

    def __init__(self, host: str) -> None:
        limits = httpx.Limits(max_connections=8)
        self._client = httpx.Client(base_url=f"http://{host}", timeout=120, trust_env=False, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._client.close()

    def stream(self, repository: str, pieces: Iterator[bytes], digest: Callable[[], str]) -> None:
        """Put a blob whose digest is known only when all of it was sent."""
        place = self._start(repository)
        answer = self._send("PATCH", place, 202, content=pieces, headers={"Content-Type": "application/octet-stream"})
        self._send("PUT", answer.headers["Location"], 201, params={"digest": digest()})

    def blob(self, repository: str, digest: str, data: bytes) -> None:
        """Put a blob in hand."""
        self._send("PUT", self._start(repository), 201, content=data, params={"digest": digest})

    def mount(self, repository: str, digest: str, origin: str) -> None:
        """Take a blob over from another repository."""
        self._send("POST", f"/v2/{repository}/blobs/uploads/", 201, params={"mount": digest, "from": origin})

    def manifest(self, repository: str, tag: str, body: bytes, media_type: str) -> None:
        """Put a manifest under a tag."""
        self._send("PUT", f"/v2/{repository}/manifests/{tag}", 201, content=body, headers={"Content-Type": media_type})

    def _start(self, repository: str) -> str:
        place: str = self._send("POST", f"/v2/{repository}/blobs/uploads/", 202).headers["Location"]
        return place

    def _send(
        self, method: str, url: str, expected: int, *, params: Mapping[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        address = httpx.URL(url)
        if params is not None:
            address = address.copy_merge_params(params)
        answer = self._client.request(method, address, **rest)
        if answer.status_code != expected:
            raise RuntimeError(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
        return answer
