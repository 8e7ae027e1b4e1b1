"""``tar-data.json.gz`` compared with the layer it was made of.

The rule of this file: it is made anew from the layer and compared, in pieces; the text counts, for another zlib may compress the
same text to other bytes, and of those nobody can tell what they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from toolkit import fsops
from toolkit.auditing.holding import Subject
from toolkit.errors import GraphIOError, LayerError
from toolkit.graph.store import Graph
from toolkit.layers.streams import decompress
from toolkit.layers.tar_split import Gzipped, split
from toolkit.records import Holding


def tar_data_row(graph: Graph, subject: Subject, path: Path, checksum: str | None) -> Holding:
    """Compare one file.

    Parameters
    ----------
    graph : Graph
    subject : Subject
        What the row is about.
    path : path
        The file.
    checksum : str or None
        Digest of the layer; None when the layer is not here, or not what its name says.

    Returns
    -------
    Holding
        Compared by ``tar-data``: sha256 of the text on both sides.
    """
    size = fsops.size(path)
    if checksum is None:
        return subject.row("tar-data", "unknown", size=size, reason="the layer it was made of cannot be read here")
    try:
        expected, compressed = _made(graph, checksum)
        actual, own = _kept(path)
    except GraphIOError as error:
        return subject.unread(error)
    if expected is None:
        return subject.row("tar-data", "unknown", None, actual, size=size, reason="nobody can make it of this layer")
    if compressed == own:
        return subject.row("tar-data", "intact", expected, actual, size=size)
    if actual == expected:
        reason = "it says the same in other bytes: compressed by another zlib, or changed"
        return subject.row("tar-data", "unknown", compressed, own, size=size, reason=reason)
    return subject.row("tar-data", "rotten", expected, actual, size=size)


def _made(graph: Graph, checksum: str) -> tuple[str | None, str]:
    """The digest of the text a layer gives, None when it gives none; and of that text compressed here."""
    text, compressed = hashlib.sha256(), hashlib.sha256()
    gzip = Gzipped(compressed.update)
    try:
        split(decompress(graph.blobs.chunks(checksum))[1], _both(text.update, gzip))
    except LayerError:
        return None, ""
    gzip.finish()
    return f"sha256:{text.hexdigest()}", f"sha256:{compressed.hexdigest()}"


def _kept(path: Path) -> tuple[str | None, str]:
    """The digest of the text in a file, None when it cannot be decompressed; and of the file."""
    text, own = hashlib.sha256(), hashlib.sha256()
    for chunk in fsops.chunks(path):
        own.update(chunk)
    try:
        compression, pieces = decompress(fsops.chunks(path))
        for piece in pieces:
            text.update(piece)
    except LayerError:
        return None, f"sha256:{own.hexdigest()}"
    return (f"sha256:{text.hexdigest()}" if compression == "gzip" else None), f"sha256:{own.hexdigest()}"


def _both(first: Callable[[bytes], object], second: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def sink(data: bytes) -> None:
        first(data)
        second(data)

    return sink
