"""Layers in which something was planted, and what is to be found in them.

The rule of this file: the truth is written by hand beside the layers; nothing here is computed by the package.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from support.trees import as_json, descriptor, ref_name, write
from toolkit.digests import sha256
from toolkit.manifests.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

Planted = tuple[tarfile.TarInfo, bytes]

TIME: Final = 1_400_000_000


def file(name: str, data: bytes = b"", mode: int = 0o644, **attributes: Any) -> Planted:
    """A regular file."""
    return _member(name, tarfile.REGTYPE, data, mode, **attributes)


def folder(name: str, mode: int = 0o755, **attributes: Any) -> Planted:
    """A directory."""
    return _member(name, tarfile.DIRTYPE, b"", mode, **attributes)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Planted:
    """A symbolic link, or with ``tarfile.LNKTYPE`` a hard one."""
    return _member(name, kind, b"", 0o777, linkname=target)


def hard(name: str, target: str) -> Planted:
    """A hard link."""
    return link(name, target, tarfile.LNKTYPE)


def device(name: str) -> Planted:
    """A character device, 1:3."""
    return _member(name, tarfile.CHRTYPE, b"", 0o644, devmajor=1, devminor=3)


def _member(name: str, kind: bytes, data: bytes, mode: int, **attributes: Any) -> Planted:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.mode, member.mtime = kind, len(data), mode, TIME
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member, data


def layer(*members: Planted, kind: int = tarfile.PAX_FORMAT) -> bytes:
    """The tar of some members, in their order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def as_layout(path: Path, *layers: bytes, name: str = "planted/image:1", claims: Sequence[str] = ()) -> Path:
    """Write an OCI layout of uncompressed layers, which may claim other diff IDs than they have."""
    history = [{"created_by": f"step {number}"} for number in range(len(layers))]
    rootfs = {"type": "layers", "diff_ids": [*claims] or [sha256(tar) for tar in layers]}
    config = as_json({"os": "linux", "architecture": "amd64", "rootfs": rootfs, "history": history})
    manifest = as_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor(OCI_LAYER, tar) for tar in layers],
        }
    )
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(OCI_MANIFEST, manifest, annotations=ref_name(name))],
    }
    blobs = {f"blobs/sha256/{sha256(data).partition(':')[2]}": data for data in (*layers, config, manifest)}
    return write(path, {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": as_json(index), **blobs})


_BODY: Final = b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDkZ3h1bm90YWtleQ==\n"
PRIVATE_KEY: Final = b"-----BEGIN " + b"PRIVATE KEY-----\n" + _BODY + b"-----END PRIVATE KEY-----\n"
NPM_TOKEN: Final = b"0123abcd-ffff-4abc-9def-" + b"0123456789ab"
AWS_KEY: Final = b"AKIA" + b"IOSFODNN7QQQQQQQ"

BASE: Final = (
    folder("./"),
    folder("bin"),
    file("bin/tool", b"tool\n", 0o755),
    hard("bin/link", "bin/tool"),
    folder("etc"),
    file("etc/again", b"same\n"),
    file("etc/app.conf", b"one\n"),
    file("etc/keep", b"keep\n"),
    file("etc/mode", b"mode\n"),
    file("etc/secret.key", PRIVATE_KEY),
    link("lib", "usr/lib"),
    folder("opt"),
    folder("opt/old"),
    file("opt/old/a", b"aaaa\n"),
    file("opt/old/b", b"bbbbb\n"),
    folder("root"),
    file("root/.npmrc", b"//registry.npmjs.org/:_authToken=" + NPM_TOKEN + b"\n"),
    folder("srv"),
    folder("srv/dir"),
    file("srv/dir/x", b"x\n"),
    file("srv/file", b"file\n"),
    folder("tmp", 0o1777),
    folder("usr"),
    folder("usr/lib"),
    folder("var"),
    file("var/both", b"old\n"),
    file("var/old-name", b"moved\n"),
)
MIDDLE: Final = (
    file("bin/.wh.tool"),
    file("etc/.wh.secret.key"),
    file("etc/again", b"same\n"),
    file("etc/app.conf", b"two, longer\n"),
    file("etc/deploy.sh", b"#!/bin/sh\nexport KEY=" + AWS_KEY + b"\n"),
    file("etc/mode", b"mode\n", 0o600),
    file("lib/extra.so", b"through the link\n"),
    folder("opt/old"),
    file("opt/old/.wh..wh..opq"),
    file("opt/old/c", b"c\n"),
    file("srv/dir", b"now a file\n"),
    folder("srv/file"),
    file("srv/file/inner", b"inner\n"),
    file("var/both", b"new\n"),
    file("var/.wh.both"),
    file("var/new-name", b"moved\n"),
    file("var/.wh.old-name"),
    file("var/own", b"own\n"),
    file("var/.wh.own"),
)
TOP: Final = (
    file(".wh.opt"),
    file("bin/suid", b"s", 0o4755),
    file("bin/sgid", b"s", 0o2755),
    file("etc/open", b"o", 0o666),
    file("etc/twice", b"first\n"),
    file("etc/twice", b"second\n"),
    file("../outside", b"out\n"),
    file("/absolute", b"abs\n"),
    link("escape", "../../etc/passwd"),
)
LAYERS: Final = (BASE, MIDDLE, TOP)

TIMELINE: Final = {
    **{(0, member.name.removeprefix("./") or "."): "added" for member, _ in BASE},
    (1, "bin/tool"): "deleted",
    (1, "etc/secret.key"): "deleted",
    (1, "etc/again"): "unchanged",
    (1, "etc/app.conf"): "changed",
    (1, "etc/deploy.sh"): "added",
    (1, "etc/mode"): "attributes-changed",
    (1, "usr/lib/extra.so"): "added",
    (1, "opt/old"): "unchanged",
    (1, "opt/old/a"): "hidden",
    (1, "opt/old/b"): "hidden",
    (1, "opt/old/c"): "added",
    (1, "srv/dir"): "changed",
    (1, "srv/dir/x"): "hidden",
    (1, "srv/file"): "changed",
    (1, "srv/file/inner"): "added",
    (1, "var/both"): "changed",
    (1, "var/new-name"): "added",
    (1, "var/old-name"): "deleted",
    (1, "var/own"): "added",
    (2, "opt"): "deleted",
    (2, "opt/old"): "hidden",
    (2, "opt/old/c"): "hidden",
    (2, "bin/suid"): "added",
    (2, "bin/sgid"): "added",
    (2, "etc/open"): "added",
    (2, "etc/twice"): "added",
    (2, "outside"): "added",
    (2, "absolute"): "added",
    (2, "escape"): "added",
}
"""What each layer does to each path."""

DELETED: Final = {
    (0, "etc/again"): ("replaced", 1, 5),
    (0, "etc/app.conf"): ("replaced", 1, 4),
    (0, "etc/mode"): ("replaced", 1, 5),
    (0, "etc/secret.key"): ("deleted", 1, len(PRIVATE_KEY)),
    (0, "opt/old/a"): ("hidden", 1, 5),
    (0, "opt/old/b"): ("hidden", 1, 6),
    (0, "srv/dir/x"): ("hidden", 1, 2),
    (0, "srv/file"): ("replaced", 1, 5),
    (0, "var/both"): ("replaced", 1, 4),
    (0, "var/old-name"): ("deleted", 1, 6),
    (1, "opt/old/c"): ("hidden", 2, 2),
    (2, "etc/twice"): ("repeated", 2, 6),
}
"""Files that are stored and not seen: how, by which layer, how many bytes. ``bin/tool`` is seen through ``bin/link``."""

HAZARDS: Final = {
    ("through-link", 1, "lib/extra.so"),
    ("hides-nothing", 1, "var/.wh.own"),
    ("setuid", 2, "bin/suid"),
    ("setgid", 2, "bin/sgid"),
    ("world-writable", 2, "etc/open"),
    ("duplicate-name", 2, "etc/twice"),
    ("leaves-root", 2, "outside"),
    ("absolute-name", 2, "absolute"),
    ("link-leaves-root", 2, "escape"),
}

SECRETS: Final = {
    ("private-key", 0, "etc/secret.key", False, 1),
    ("npmrc-file", 0, "root/.npmrc", True, None),
    ("npm-token", 0, "root/.npmrc", True, None),
    ("aws-access-key", 1, "etc/deploy.sh", True, None),
}
"""Rule, layer, path, whether it is seen in the end, and which layer hid it."""
