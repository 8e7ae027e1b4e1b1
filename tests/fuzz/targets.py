"""What is fuzzed: functions that take bytes from outside, and seeds near which the interesting inputs lie.

The rule of this file: a target may raise nothing but the package's own errors, or what its docstring names; and where there is a
second opinion, it is asked.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zstandard

from toolkit.cards.escaping import to_html, visible
from toolkit.digests import Digest
from toolkit.errors import ToolkitError
from toolkit.go_json.decode import plain
from toolkit.go_json.scan import parse
from toolkit.layers.measure import measure
from toolkit.layers.streams import decompress
from toolkit.ledger import lines
from toolkit.manifests.raw import RawManifest
from toolkit.manifests.signed_payload import extract
from toolkit.references import Reference
from toolkit.simulator.modern import OCI, SCHEMA2, make_image, make_layer
from toolkit.simulator.teaching import clean_image
from toolkit.sources.challenges import parse_challenges
from toolkit.sources.http1 import MalformedError, chunk_size, framing, parse_head
from toolkit.sources.link import next_page
from toolkit.sources.retries import asked_pause, remaining
from toolkit.verification.document import Way, document_kind, verify_document
from toolkit.verification.manifest import verify_manifest
from toolkit.verification.policy import Policy

_BUDGET: Final = 1 << 22
_STRICT: Final = Policy.of("strict")
_SEED: Final = Policy.of("docker-1.9")


@dataclass(frozen=True, slots=True)
class Target:
    """A function to be fed, where to begin, and what it may raise."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    raises: tuple[type[Exception], ...] = (ToolkitError,)
    refuses: bool = True
    """Whether it raises for what is wrong; the others say so in what they return."""


def _json(data: bytes) -> None:
    """Go's JSON; where both accept a text of plain ASCII, Python's reader agrees on what it says."""
    value = plain(parse(data))
    if data.isascii() and b"\\u" not in data:
        assert value == json.loads(data, parse_int=float), "two readers"


def _manifest(policy: Policy) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        raw = RawManifest(body=data, content_type="application/json", header_digest=None)
        reference = Reference.parse("example.org/teach/clean:1")
        if policy.is_seed or document_kind(raw, Way()) == "schema1":
            verify_manifest(raw, reference, policy)
        else:
            verify_document(raw, reference, policy, Way())

    return run


def _digest(data: bytes) -> None:
    text = data.decode("latin-1")
    assert str(Digest.parse(text)) == text


def _reference(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    again = Reference.parse(text)
    assert Reference.parse(again.text).text == again.text


def _head(data: bytes) -> None:
    framing(parse_head(data), "GET")


def _headers(data: bytes) -> None:
    text = data.decode("latin-1")
    parse_challenges([text])
    next_page("https://registry.example/v2/a/tags/list", text)
    remaining({"ratelimit-remaining": text})
    asked_pause({"retry-after": text}, where="https://registry.example/", status=429)


def _layer(data: bytes) -> None:
    measure([data[start : start + 700] for start in range(0, len(data), 700)], budget=_BUDGET)


def _stream(data: bytes) -> None:
    """What is inflated in pieces is what zlib inflates at once, where zlib accepts it."""
    _, pieces = decompress(iter([data[:7], data[7:]]), budget=_BUDGET)
    found = b"".join(pieces)
    if data[:3] == b"\x1f\x8b\x08" and len(found) < _BUDGET:
        assert found == gzip.decompress(data), "two readers"


def _line(data: bytes) -> None:
    lines.load(data, where="line 1")


def _shown(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert visible(text).isprintable(), "something that is not shown"
    assert not set('<>"') & set(to_html(text).replace("&lt;", "").replace("&gt;", "")), "live markup"


def _tar(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


_TAR: Final = _tar("etc/a", "ü" * 120, "etc/.wh.b")
_MANIFESTS: Final = (
    clean_image().body,
    *(make_image(dialect, [make_layer(dialect, {"etc/a": b"a"})]).body for dialect in (SCHEMA2, OCI)),
)
_HEADS: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Type: application/json",
    b"HTTP/1.1 206 Partial\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-1/2",
)
_FIELDS: Final = (
    b'Bearer realm="https://auth.example/token",service="r",scope="repository:a:pull", Basic realm="x"',
    b'<https://registry.example/v2/a/tags/list?n=2&last=b>; rel="next", </x>; rel=prev',
    b"Tue, 24 Nov 2026 10:00:00 GMT",
    b"99;w=21600",
)

TARGETS: Final[dict[str, Target]] = {
    "json": Target(_json, (b'{"a":[1,2.5e3,null,true,"x\\n"]}', *_MANIFESTS)),
    "signed-payload": Target(extract, (clean_image().body,), refuses=False),
    "manifest-strict": Target(_manifest(_STRICT), _MANIFESTS, refuses=False),
    "manifest-docker": Target(_manifest(_SEED), _MANIFESTS[:1], refuses=False),
    "digest": Target(_digest, (b"sha256:" + b"0a" * 32, b"sha512:" + b"f1" * 64)),
    "reference": Target(_reference, (b"127.0.0.1:5000/library/app:1.10", b"app@sha256:" + b"0a" * 32)),
    "head": Target(_head, _HEADS, (ToolkitError, MalformedError)),
    "chunk": Target(chunk_size, (b"1f;x=y", b"0"), (ToolkitError, MalformedError)),
    "headers": Target(_headers, _FIELDS),
    "layer": Target(_layer, (_TAR, gzip.compress(_TAR), zstandard.compress(_TAR)), refuses=False),
    "stream": Target(
        _stream, (gzip.compress(b"abc" * 99), zstandard.compress(b"abc" * 99)), (ToolkitError, EOFError, zlib.error)
    ),
    "ledger-line": Target(_line, (b'{"table":"tags","pull":"","seq":0,"at":"2026-01-01T00:00:00+00:00","image":""}\n',)),
    "escaping": Target(_shown, ("a\x1b[31m<b>\u202e=1+1 $\\frac$".encode(),), refuses=False),
}
