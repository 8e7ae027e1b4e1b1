"""Places of files, made for the moment: folders, tars, and the documents that stand in them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import toolkit as tk
from toolkit.digests import sha256
from toolkit.manifests.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from toolkit.references import Reference
from toolkit.sources.files import FileConnection, FileSource

LAYER = b"a layer of twenty bytes"
CONFIG = b'{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def as_json(value: object) -> bytes:
    """A document in the shortest form."""
    return json.dumps(value, separators=(",", ":")).encode()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def member(name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """One member of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(data)
    return info, data


def tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar of members, in their order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar of files."""
    return tar(member(name, data) for name, data in files.items())


def saved(path: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path.write_bytes(data)
    return path


def opened(path: Path) -> FileSource:
    """A place of files."""
    source = tk.open_source(path)
    assert isinstance(source, FileSource)
    return source


def visit(source: FileSource, name: str = "") -> FileConnection:
    """A visit about one repository, or about none."""
    return source.connect((Reference.parse(name) if name else Reference.bare("latest")).repository)


def read(connection: FileConnection, digest: str) -> bytes:
    """A whole blob."""
    return b"".join(connection.blob(digest).chunks)


def descriptor(media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    """What a document says of bytes."""
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **more}


def image(salt: str = "", **more: Any) -> bytes:
    """An image manifest, its own for each salt."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, CONFIG),
        "layers": [descriptor(OCI_LAYER, LAYER)],
    }
    return as_json(document | ({"annotations": {"salt": salt}} if salt else {}) | more)


def layout(*named: tuple[bytes, Mapping[str, str]], media_type: str = OCI_MANIFEST) -> dict[str, bytes]:
    """The files of an OCI layout of manifests with annotations."""
    blobs = [CONFIG, LAYER, *(body for body, _ in named)]
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(media_type, body, annotations=dict(annotations)) for body, annotations in named],
    }
    files = {f"blobs/sha256/{sha256(blob).partition(':')[2]}": blob for blob in blobs}
    return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": as_json(index), **files}


def ref_name(name: str) -> dict[str, str]:
    """The annotation that names an image in a layout."""
    return {"org.opencontainers.image.ref.name": name}


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; what was compressed on the way as it was before, for no two zlibs write the same bytes."""
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
