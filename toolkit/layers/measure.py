"""What a layer is: compression, diff ID, Docker 1.9's size, and whether it can be read at all.

The rule of this file: it never raises for a bad layer; what is wrong is part of the measure, beside what was still
found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from toolkit.errors import LayerError
from toolkit.layers.flavour import FOOTER, Flavour, flavour_of
from toolkit.layers.go_path import clean
from toolkit.layers.streams import DEFAULT_BUDGET, Compression, decompress
from toolkit.layers.tar_walk import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMeasure:
    """The facts about one layer.

    ``diff_id`` is None and ``problem`` says why when the layer cannot be read to its end. ``repeated`` is the first
    path that stands twice, with the sum of sizes up to there. ``trailing`` is where in the tar the first byte stands
    that is not zero and follows the end marker. ``flavour`` is what the end of the blob says it can be read as besides.
    """

    compression: Compression | None
    diff_id: str | None
    tar_size: int
    layer_size: int
    members: int
    problem: LayerError | None = None
    repeated: tuple[str, int] | None = None
    trailing: int | None = None
    flavour: Flavour = ""


def measure(
    chunks: Iterable[bytes], *, budget: int = DEFAULT_BUDGET, algorithm: str = "sha256", as_seed: bool = False
) -> LayerMeasure:
    """Read a layer to its end.

    Parameters
    ----------
    chunks : iterable of bytes
        The blob, compressed or not, whose digest was verified before.
    budget : int
        Bytes beyond which an expanding layer is given up.
    algorithm : str
        Of the diff ID: ``sha256`` or ``sha512``.
    as_seed : bool
        Know only the compressions Docker 1.9 knew.

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
    digest = hashlib.new(algorithm)
    tar_size = layer_size = members = 0
    compression: Compression | None = None
    repeated: tuple[str, int] | None = None
    problem: LayerError | None = None
    trailing: int | None = None
    tail = b""
    seen: set[bytes] = set()

    def hashed(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal tar_size
        for piece in pieces:
            digest.update(piece)
            tar_size += len(piece)
            yield piece

    def remembered(pieces: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal tail
        for piece in pieces:
            tail = (tail + piece)[-FOOTER:] if len(piece) < FOOTER else bytes(piece[-FOOTER:])
            yield piece

    def after_end(offset: int, piece: bytes) -> None:
        nonlocal trailing
        if trailing is None and piece.count(0) != len(piece):
            trailing = offset + len(piece) - len(piece.lstrip(b"\x00"))

    try:
        compression, pieces = decompress(remembered(chunks), budget=budget, as_seed=as_seed)
        for header in walk(hashed(pieces), rest=after_end):
            members += 1
            layer_size += header.size
            path = clean(header.name)
            # A short hash of each path keeps the memory of a layer with millions of members bounded.
            key = hashlib.blake2b(path, digest_size=12).digest()
            if key in seen and repeated is None:
                repeated = (path.decode("utf-8", "backslashreplace"), layer_size)
            seen.add(key)
    except LayerError as error:
        problem = error
    return LayerMeasure(
        compression=compression,
        diff_id=None if problem else f"{algorithm}:{digest.hexdigest()}",
        tar_size=tar_size,
        layer_size=layer_size,
        members=members,
        problem=problem,
        repeated=repeated,
        trailing=trailing,
        flavour="" if problem else flavour_of(compression, tail),
    )
