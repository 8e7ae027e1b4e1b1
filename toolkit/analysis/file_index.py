"""From a file's checksum to the images that have it, for more files than a frame should hold.

The rule of this file: built once, from pieces, in memory that depends on the number of rows only, never on the length of
their paths; every answer compares whole digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from toolkit.errors import UsageError

_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII)
_IMAGES: Final = {"image": "str", "files": "int64"}
_BLOCK: Final = 1 << 20
_WORDS: Final = 4
"""A digest is four numbers of eight bytes, and they sort as it does."""

_NO_DIGIT: Final = 255
_NIBBLES: Final = np.full(256, _NO_DIGIT, dtype=np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)

Words = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class FileIndex:
    """Which images have a file of this content?

    Parameters
    ----------
    frames : iterable of DataFrame
        The frame ``files``, whole or in pieces, such as the parts of a Parquet data set; only the columns ``image`` and
        ``sha256`` are read, and each piece is let go before the next is asked for. Rows without a sha256 (directories,
        links, sparse files) are dropped and counted.

    Attributes
    ----------
    rows : int
        Rows that were indexed.
    dropped : int
        Rows without a sha256.
    contents : int
        Distinct contents.
    images : list of str
        The images, in the order they first appeared.

    Raises
    ------
    UsageError
        A sha256 that is not 64 lower-case hex digits.

    Examples
    --------
    >>> index = FileIndex([pd.DataFrame({"image": ["a:1", "b:1", "b:1"], "sha256": ["0" * 64, "0" * 64, None]})])
    >>> index.find("0" * 64).to_dict("records"), index.dropped
    ([{'image': 'a:1', 'files': 1}, {'image': 'b:1', 'files': 1}], 1)
    """

    def __init__(self, frames: Iterable[pd.DataFrame]) -> None:
        self.dropped = 0
        self.images: list[str] = []
        codes: dict[str, int] = {}
        words = tuple(_Column(np.uint64) for _ in range(_WORDS))
        holders, places = _Column(np.int32), _Column(np.int64)
        start = 0
        for frame in frames:
            kept = np.flatnonzero(frame["sha256"].notna().to_numpy())
            for column, more in zip(words, _words_of(frame["sha256"].iloc[kept]), strict=True):
                column.append(more)
            local, named = pd.factorize(frame["image"].iloc[kept])
            holders.append(np.array([codes.setdefault(str(name), len(codes)) for name in named], dtype=np.int32)[local])
            places.append(kept + start)
            self.dropped += len(frame) - len(kept)
            start += len(frame)
        self.images.extend(codes)
        whole = [column.taken() for column in words]
        order = _order(whole)
        first = _firsts(whole, order)
        self.rows = len(order)
        self.contents = len(first)
        self._starts = np.append(first, len(order))
        first = order[first]
        self._words = tuple(whole.pop(0)[first] for _ in words)  # each is let go before the next is made
        self._holders = holders.taken()[order]
        self._places = places.taken()[order]

    @property
    def nbytes(self) -> int:
        """Memory the index takes, in bytes, without the images' names."""
        return sum(column.nbytes for column in (*self._words, self._starts, self._holders, self._places))

    def find(self, sha256: str) -> pd.DataFrame:
        """List the images that have a file of this content.

        Parameters
        ----------
        sha256 : str
            64 hex digits, with or without ``sha256:`` in front.

        Returns
        -------
        DataFrame
            image, files (rows with that content), sorted by image; none when it was never seen.

        Raises
        ------
        UsageError
            Not a sha256.
        """
        counts = np.bincount(self._holders[self._slice(sha256)], minlength=len(self.images))
        having = np.flatnonzero(counts)
        found = pd.DataFrame({"image": [self.images[code] for code in having], "files": counts[having]})
        return found.astype(_IMAGES).sort_values("image", ignore_index=True)

    def places(self, sha256: str) -> np.ndarray:
        """Tell which rows have this content, to fetch their paths from where the frames came from.

        Parameters
        ----------
        sha256 : str
            64 hex digits, with or without ``sha256:`` in front.

        Returns
        -------
        numpy.ndarray of int64
            Numbers of rows, ascending, counted from 0 over all pieces in the order they were given.

        Raises
        ------
        UsageError
            Not a sha256.
        """
        found: np.ndarray = np.sort(self._places[self._slice(sha256)])
        return found

    def _slice(self, sha256: str) -> slice:
        match = _DIGEST.fullmatch(sha256)
        if match is None:
            raise UsageError(
                "not the digest of a file",
                expected="64 lower-case hex digits, with or without sha256: in front",
                actual=sha256,
                next_step="take it from the column `sha256` of the frame `files`",
            )
        low, high = 0, self.contents
        for column, word in zip(self._words, np.frombuffer(bytes.fromhex(match[1]), dtype=">u8").astype(np.uint64), strict=True):
            low, high = (low + int(np.searchsorted(column[low:high], word, side=side)) for side in ("left", "right"))
        return slice(self._starts[low], self._starts[high])


class _Column:
    """Numbers that come in pieces: one array that grows where it lies, so that they are never held twice."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._room = np.empty(0, dtype=kind)
        self._used = 0

    def append(self, piece: np.ndarray) -> None:
        """Put a piece at the end; when room is short, there will be an eighth more than needed."""
        stop = self._used + len(piece)
        if stop > len(self._room):
            self._room.resize(stop + stop // 8, refcheck=False)
        self._room[self._used : stop] = piece
        self._used = stop

    def taken(self) -> np.ndarray:
        """All pieces, which are then no longer held here."""
        whole = self._room
        whole.resize(self._used, refcheck=False)
        self._room, self._used = np.empty(0, dtype=whole.dtype), 0
        return whole


def _words_of(digests: pd.Series[str]) -> Words:
    """Digests in hex as four numbers each."""
    letters = np.frombuffer("".join(digests).encode("ascii", "replace"), dtype=np.uint8)
    nibbles = _NIBBLES[letters]
    if digests.str.len().ne(64).any() or (nibbles == _NO_DIGIT).any():
        bad = digests[~digests.str.fullmatch("[0-9a-f]{64}")].iloc[0]
        raise UsageError(
            "a digest that is none",
            where="column sha256",
            expected="64 lower-case hex digits",
            actual=str(bad)[:80],
            next_step="take the frame `files` as it is",
        )
    pairs = nibbles.reshape(-1, 32, 2)
    numbers = (pairs[:, :, 0] << 4 | pairs[:, :, 1]).view(">u8").astype(np.uint64)
    return numbers[:, 0], numbers[:, 1], numbers[:, 2], numbers[:, 3]


def _order(words: Sequence[np.ndarray]) -> np.ndarray:
    """Rows by digest. The first eight bytes nearly always decide; where they do not, all thirty-two are sorted by."""
    order = np.argsort(words[0])
    for start in range(0, len(order) - 1, _BLOCK):
        here = order[start : start + _BLOCK + 1]
        same = words[0][here[1:]] == words[0][here[:-1]]
        if any((same & (column[here[1:]] != column[here[:-1]])).any() for column in words[1:]):
            return np.lexsort(tuple(words[::-1]))
    return order


def _firsts(words: Sequence[np.ndarray], order: np.ndarray) -> np.ndarray:
    """Where in that order a new digest begins."""
    new = np.ones(len(order), dtype=bool)
    for start in range(0, len(order) - 1, _BLOCK):
        here = order[start : start + _BLOCK + 1]
        new[start + 1 : start + len(here)] = np.logical_or.reduce([column[here[1:]] != column[here[:-1]] for column in words])
    return np.flatnonzero(new)
