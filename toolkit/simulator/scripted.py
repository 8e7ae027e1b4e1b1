"""A registry whose every answer is a line of data.

The rule of this file: it answers by path, and knows nothing of what it answers. It is an httpx transport, and its
``answer`` goes behind a ``LoopbackServer``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import httpx

from toolkit.manifests.media_types import OCI_INDEX
from toolkit.simulator.modern import Stored, StoredDocument, encode
from toolkit.sources.static_registry import Answer

_VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}
_ROOT: Final = Answer(200, {**_VERSION, "Content-Type": "application/json", "Content-Length": "2"}, b"{}")


@dataclass(frozen=True, slots=True)
class ScriptedRegistry(httpx.BaseTransport):
    """Answers by path.

    Parameters
    ----------
    routes : mapping of str to Answer
        From whole paths (``/v2/lab/x/manifests/1``). A header says what it says: without a Content-Length the
        connection is closed at the end, with a wrong one it is cut.

    Examples
    --------
    >>> ScriptedRegistry({}).answer("GET", "/v2/").status
    200
    """

    routes: Mapping[str, Answer]

    def answer(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Answer one request (``AnswerTo`` of the loopback server)."""
        del headers  # every answer is the same for everybody
        path = unquote(target.partition("?")[0])
        answer = _ROOT if path in ("/v2", "/v2/") else self.routes.get(path) or _unknown(path)
        return Answer(answer.status, answer.headers, b"" if method == "HEAD" else answer.body)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an httpx request (``httpx.BaseTransport``)."""
        answer = self.answer(request.method, request.url.path)
        return httpx.Response(answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.body))


def routes_of(repository: str, stored: Stored) -> dict[str, Answer]:
    """Write down every answer about a repository: documents, blobs, tags, referrers.

    >>> from toolkit.simulator.modern import OCI, make_image
    >>> [path.rpartition("/")[0] for path in routes_of("a/b", make_image(OCI, []).stored())][:2]
    ['/v2/a/b/manifests', '/v2/a/b/manifests']
    """
    routes = {f"manifests/{key}": _document(one) for key, one in stored.documents.items()}
    routes |= {f"blobs/{key}": _blob(key, data) for key, data in stored.blobs.items()}
    tags = sorted(key for key in stored.documents if ":" not in key)
    routes["tags/list"] = _json({"name": repository, "tags": tags}, "application/json")
    routes |= {f"referrers/{key}": _json(index, OCI_INDEX) for key, index in _referrers(stored).items()}
    return {f"/v2/{repository}/{path}": answer for path, answer in {**routes, **stored.answers}.items()}


def _document(one: StoredDocument) -> Answer:
    own = {} if one.content_type is None else {"Content-Type": one.content_type}
    return Answer(200, {**_VERSION, "Content-Length": str(len(one.body)), **own, **one.headers}, one.body)


def _blob(digest: str, data: bytes) -> Answer:
    named = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
    return Answer(200, {**_VERSION, "Content-Length": str(len(data)), **named}, data)


def _referrers(stored: Stored) -> dict[str, object]:
    """The index of referrers of every document that is somebody's subject."""
    found: dict[str, list[object]] = {}
    for key, one in stored.documents.items():
        try:
            value = json.loads(one.body)
            subject = value["subject"]["digest"]
        except (ValueError, KeyError, TypeError):
            continue
        if ":" in key:
            row = {"mediaType": one.content_type, "digest": key, "size": len(one.body)}
            found.setdefault(subject, []).append({**row, "artifactType": value.get("artifactType")})
    return {key: {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows} for key, rows in found.items()}


def _json(value: object, media_type: str) -> Answer:
    body = encode(value)
    return Answer(200, {**_VERSION, "Content-Type": media_type, "Content-Length": str(len(body))}, body)


def _unknown(path: str) -> Answer:
    kind = path.rpartition("/")[0].rpartition("/")[2]
    code = {"manifests": "MANIFEST_UNKNOWN", "blobs": "BLOB_UNKNOWN"}.get(kind, "NAME_UNKNOWN")
    body = encode({"errors": [{"code": code, "message": "not known to this registry", "detail": {}}]})
    return Answer(404, {**_VERSION, "Content-Type": "application/json", "Content-Length": str(len(body))}, body)
