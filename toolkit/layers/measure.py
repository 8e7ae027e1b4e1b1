"""What a layer is: compression, diff ID, Docker 1.9's size, and whether it can be read at all.

The rule of this file: it never raises for a bad layer; what is wrong is part of the measure, beside what was still
found.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from toolkit.errors import LayerError
from toolkit.layers.streams import DEFAULT_BUDGET, Compression, decompress
from toolkit.layers.tar_walk import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMeasure:
    """The facts about one layer.

    ``diff_id`` is None and ``problem`` says why when the layer cannot be read to its end. ``repeated`` is the first
    path that stands twice, with the sum of sizes up to there.
    """

    compression: Compression | None
    diff_id: str | None
    tar_size: int
    layer_size: int
    members: int
    problem: LayerError | None = None
    repeated: tuple[str, int] | None = None


def measure(chunks: Iterable[bytes], *, budget: int = DEFAULT_BUDGET) -> LayerMeasure:
    """Read a layer to its end.

    Parameters
    ----------
    chunks : iterable of bytes
        The blob, compressed or not, whose digest was verified before.
    budget : int
        Bytes beyond which an expanding layer is given up.

    Returns
    -------
    LayerMeasure
        ``layer_size`` is the sum of the sizes in the tar headers, in bytes: Docker 1.9's ``layersize``.

    Notes
    -----
    Origin: ``graph.storeImage``: ``archive.DecompressStream``, tar-split, ``archive.UnpackLayer``.

    >>> measure([bytes(1024)]).layer_size
    0
    """
    digest = hashlib.sha256()
    tar_size = layer_size = members = 0
    compression: Compression | None = None
    repeated: tuple[str, int] | None = None
    problem: LayerError | None = None
    seen: set[bytes] = set()

    def hashed(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal tar_size
        for piece in pieces:
            digest.update(piece)
            tar_size += len(piece)
            yield piece

    try:
        compression, pieces = decompress(chunks, budget=budget)
        for header in walk(hashed(pieces)):
            members += 1
            layer_size += header.size
            path = _clean(header.name)
            # A short hash of each path keeps the memory of a layer with millions of members bounded.
            key = hashlib.blake2b(path, digest_size=12).digest()
            if key in seen and repeated is None:
                repeated = (path.decode("utf-8", "backslashreplace"), layer_size)
            seen.add(key)
    except LayerError as error:
        problem = error
    return LayerMeasure(
        compression=compression,
        diff_id=None if problem else "sha256:" + digest.hexdigest(),
        tar_size=tar_size,
        layer_size=layer_size,
        members=members,
        problem=problem,
        repeated=repeated,
    )


def _clean(name: bytes) -> bytes:
    """Clean a path as Go's ``filepath.Clean`` does."""
    path = posixpath.normpath(name) if name else b"."
    return b"/" + path.lstrip(b"/") if path.startswith(b"//") else path
