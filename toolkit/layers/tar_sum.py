"""TarSum: how layers were named before digests were taken over the blob itself.

The rule of this file: it is computed to see what Docker 1.9 would have accepted, and trusted by nobody: it leaves out
the order of members, and is no hash of the bytes received.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from toolkit.errors import LayerError
from toolkit.layers.tar_walk import TarHeader, number, walk

VERSIONS: Final = ("tarsum", "tarsum.v1", "tarsum.dev")
_XATTR: Final = b"SCHILY.xattr."


def version_of(digest: str) -> str | None:
    """Return the TarSum version a digest names, None when it names none Docker 1.9 knew.

    >>> version_of("tarsum.v1+sha256:ab"), version_of("sha256:ab")
    ('tarsum.v1', None)
    """
    label, plus, _ = digest.partition(":")[0].partition("+")
    return label if plus and label in VERSIONS else None


def tar_sum(chunks: Iterable[bytes], version: str) -> str | None:
    """Compute the TarSum of an uncompressed layer.

    Parameters
    ----------
    chunks : iterable of bytes
        The tar; a compressed one has no TarSum.
    version : str
        tarsum, tarsum.v1 or tarsum.dev.

    Returns
    -------
    str or None
        ``<version>+sha256:<hex>``; None when the bytes are no tar.

    Notes
    -----
    Origin: ``pkg/tarsum`` of Docker 1.9.

    >>> (tar_sum([bytes(1024)], "tarsum.v1") or "")[:25]
    'tarsum.v1+sha256:e3b0c442'
    """
    members: list[hashlib._Hash] = []

    def content(piece: bytes) -> None:
        members[-1].update(piece)

    try:
        for header in walk(chunks, tap=content):
            members.append(hashlib.sha256())
            for name, value in _fields(header, version):
                members[-1].update(name + value)
    except LayerError:
        return None
    sums = sorted(member.hexdigest() for member in members)
    return f"{version}+sha256:{hashlib.sha256(''.join(sums).encode('ascii')).hexdigest()}"


def _fields(header: TarHeader, version: str) -> list[tuple[bytes, bytes]]:
    fields = [
        (b"name", header.name),
        (b"mode", _decimal(header, 100, 108)),
        (b"uid", _decimal(header, 108, 116, b"uid")),
        (b"gid", _decimal(header, 116, 124, b"gid")),
        (b"size", b"%d" % header.size),
    ]
    if version == "tarsum":
        fields.append((b"mtime", _decimal(header, 136, 148, b"mtime")))
    fields += [
        (b"typeflag", b"0" if header.type == b"\x00" else header.type),
        (b"linkname", header.link),
        (b"uname", header.pax.get(b"uname", _text(header, 265, 297))),
        (b"gname", header.pax.get(b"gname", _text(header, 297, 329))),
        (b"devmajor", _device(header, 329, 337)),
        (b"devminor", _device(header, 337, 345)),
    ]
    if version != "tarsum":
        attributes = {name.removeprefix(_XATTR): value for name, value in header.pax.items() if name.startswith(_XATTR)}
        fields += sorted(attributes.items())
    return fields


def _decimal(header: TarHeader, start: int, end: int, override: bytes | None = None) -> bytes:
    if override is not None and override in header.pax:
        return header.pax[override].partition(b".")[0]
    return b"%d" % number(header.block[start:end], header.offset)


def _text(header: TarHeader, start: int, end: int) -> bytes:
    if header.block[257:262] != b"ustar":
        return b""
    return header.block[start:end].partition(b"\x00")[0]


def _device(header: TarHeader, start: int, end: int) -> bytes:
    if header.block[257:262] != b"ustar" or header.type not in (b"3", b"4"):
        return b"0"
    return _decimal(header, start, end)
