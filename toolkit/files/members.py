"""One layer's headers, with what their contents hash to.

The rule of this file: every header is kept, also one that is repeated, damaged in a field, or leads nowhere. A layer that
breaks off keeps what stood before the break.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from toolkit.errors import LayerError
from toolkit.files.paths import Whiteout, clean, whiteout_of
from toolkit.layers.flavour import FOOTER, Flavour, flavour_of
from toolkit.layers.streams import DEFAULT_BUDGET, Compression, decompress
from toolkit.layers.tar_walk import TarHeader, number, walk
from toolkit.records import FileType

_TYPES: Final[dict[bytes, FileType]] = {
    b"0": "file",
    b"\x00": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
    b"g": "pax-global",
}
_READ: Final = (b"path", b"linkpath", b"size", b"uid", b"gid", b"uname", b"gname", b"mtime")
_LINKS: Final = ("hardlink", "symlink")
_PERMISSIONS: Final = 0o7777
"""Some tars of old have the type in the mode too."""
TOC: Final = b"stargz.index.json"
"""The member in which eStargz keeps its table of contents."""
LONGEST_TOC: Final = 32 * 1024 * 1024


class Attributes(NamedTuple):
    """What most members of a layer share; a number that cannot be read is None."""

    mode: int | None
    uid: int | None
    gid: int | None
    uname: str
    gname: str
    major: int | None
    minor: int | None


class Member(NamedTuple):
    """One header: a tuple, for a layer may have a million of them.

    ``number`` is its place in the layer, from 0; ``path`` where its name goes; ``hides`` the path a whiteout is about.
    ``sha256`` are the 32 bytes of a regular file's digest; None for others, for sparse files, and where the content breaks off.
    ``pax`` holds the records that no other field has. ``header`` and ``content`` are offsets in the tar.
    """

    number: int
    name: bytes
    path: bytes
    type: FileType
    attributes: Attributes
    stored: int
    size: int
    mtime: int | None
    mtime_text: str | None
    link: bytes | None
    sha256: bytes | None
    whiteout: Whiteout
    hides: bytes | None
    pax: dict[bytes, bytes] | None
    header: int
    content: int

    @property
    def is_sparse(self) -> bool:
        """Whether it has holes that are not stored."""
        return self.stored != self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerIndex:
    """One layer: what it is made of.

    ``diff_id`` is None and ``problem`` says why when the layer cannot be read to its end. ``trailing`` is where in the tar the
    first byte stands that is not zero and follows the end marker. ``toc`` is the table of contents an eStargz layer carries,
    ``claimed_diff_id`` what the image's configuration says.
    """

    position: int
    blob_digest: str
    blob_size: int
    compression: Compression | None
    flavour: Flavour
    diff_id: str | None
    tar_size: int
    members: tuple[Member, ...]
    trailing: int | None = None
    problem: LayerError | None = None
    toc: bytes | None = None
    claimed_diff_id: str | None = None


def index_layer(
    chunks: Iterable[bytes],
    *,
    position: int = 0,
    blob_digest: str = "",
    algorithm: str = "sha256",
    budget: int = DEFAULT_BUDGET,
) -> LayerIndex:
    """Index a layer: decompress it, walk it, hash its tar and each of its files.

    Parameters
    ----------
    chunks : iterable of bytes
        The blob, compressed or not, whose digest was verified before.
    position : int
        Of the layer in its image; 0 is the base.
    blob_digest : str
        The blob's name.
    algorithm : str
        Of the diff ID: ``sha256`` or ``sha512``.
    budget : int
        Bytes beyond which an expanding layer is given up.

    Returns
    -------
    LayerIndex
        It never raises for a bad layer; ``problem`` tells.

    Notes
    -----
    Origin: POSIX pax interchange format; OCI image-spec, layer.md.

    >>> index_layer([bytes(1024)]).tar_size
    1024
    """
    reading = _Reading(algorithm)
    problem: LayerError | None = None
    compression: Compression | None = None
    members: list[Member] = []
    last: TarHeader | None = None
    try:
        compression, pieces = decompress(reading.remembered(chunks), budget=budget)
        for header in walk(reading.hashed(pieces), tap=reading.content, rest=reading.after_end):
            if last is not None:
                members.append(reading.member(len(members), last))
            last = header
            reading.begin(header)
    except LayerError as error:
        problem = error
    if last is not None:
        members.append(reading.member(len(members), last))
    return LayerIndex(
        position=position,
        blob_digest=blob_digest,
        blob_size=reading.blob_size,
        compression=compression,
        flavour="" if problem else flavour_of(compression, reading.tail),
        diff_id=None if problem else f"{algorithm}:{reading.digest.hexdigest()}",
        tar_size=reading.tar_size,
        members=tuple(members),
        trailing=reading.trailing,
        problem=problem,
        toc=bytes(reading.toc) if reading.toc is not None and problem is None else None,
    )


class _Reading:
    """What is carried along while one layer streams through."""

    def __init__(self, algorithm: str) -> None:
        self.digest = hashlib.new(algorithm)
        self.tar_size = self.blob_size = 0
        self.tail = b""
        self.trailing: int | None = None
        self.toc: bytearray | None = None
        self._file = hashlib.sha256()
        self._received = 0
        self._keeps = False
        self._known: dict[bytes, Attributes] = {}
        self._times: dict[bytes, int | None] = {}

    def remembered(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the blob on, and keep its end."""
        for chunk in chunks:
            self.blob_size += len(chunk)
            self.tail = (self.tail + chunk)[-FOOTER:] if len(chunk) < FOOTER else bytes(chunk[-FOOTER:])
            yield chunk

    def hashed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the tar on, and hash it."""
        for piece in pieces:
            self.digest.update(piece)
            self.tar_size += len(piece)
            yield piece

    def content(self, piece: bytes) -> None:
        """Hash the next bytes of the member at hand."""
        self._file.update(piece)
        self._received += len(piece)
        if self._keeps and self.toc is not None:
            self.toc += piece

    def after_end(self, offset: int, piece: bytes) -> None:
        """Find what is not zero behind the end marker."""
        if self.trailing is None and piece.count(0) != len(piece):
            self.trailing = offset + len(piece) - len(piece.lstrip(b"\x00"))

    def begin(self, header: TarHeader) -> None:
        """Expect the content of a member."""
        self._file = hashlib.sha256()
        self._received = 0
        self._keeps = header.name.endswith(TOC) and clean(header.name) == TOC and header.stored <= LONGEST_TOC
        if self._keeps:
            self.toc = bytearray()

    def member(self, number: int, header: TarHeader) -> Member:
        """Make the member whose content has come, or of whose content as much as there was."""
        name, kind = header.name, _TYPES.get(header.type, "other")
        if header.type == b"\x00" and name.endswith(b"/"):
            kind = "directory"  # tars from before the type had a letter
        path = clean(name)
        whiteout, hides = whiteout_of(path) if b".wh." in path else ("none", None)
        is_whole = kind == "file" and header.stored == header.size == self._received
        pax = header.pax
        seconds, written = self._time(header)
        return Member(
            number,
            name,
            path,
            kind,
            self._attributes(header),
            header.stored,
            header.size,
            seconds,
            written,
            header.link if kind in _LINKS else None,
            self._file.digest() if is_whole else None,
            whiteout,
            hides,
            {key: value for key, value in pax.items() if key not in _READ} or None if pax else None,
            header.offset,
            header.content,
        )

    def _attributes(self, header: TarHeader) -> Attributes:
        block, pax = header.block, header.pax
        key = block[100:124] + block[156:157] + block[257:345]
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _read_attributes(block, is_device=header.type in (b"3", b"4"))
        if not pax:
            return found
        return found._replace(
            uid=_decimal(pax[b"uid"]) if b"uid" in pax else found.uid,
            gid=_decimal(pax[b"gid"]) if b"gid" in pax else found.gid,
            uname=_text(pax[b"uname"]) if b"uname" in pax else found.uname,
            gname=_text(pax[b"gname"]) if b"gname" in pax else found.gname,
        )

    def _time(self, header: TarHeader) -> tuple[int | None, str | None]:
        """Read the time of change: whole seconds, and the text of a PAX record that says more or cannot be read."""
        value = header.pax.get(b"mtime")
        if value is not None:
            return _pax_time(value)
        field = header.block[136:148]
        if field not in self._times:
            self._times[field] = _seconds(field)
        return self._times[field], None


def _read_attributes(block: bytes, *, is_device: bool) -> Attributes:
    has_names = block[257:262] == b"ustar"
    mode = _number(block[100:108])
    return Attributes(
        None if mode is None else mode & _PERMISSIONS,
        _number(block[108:116]),
        _number(block[116:124]),
        _text(block[265:297].partition(b"\x00")[0]) if has_names else "",
        _text(block[297:329].partition(b"\x00")[0]) if has_names else "",
        _number(block[329:337]) if has_names and is_device else None,
        _number(block[337:345]) if has_names and is_device else None,
    )


def _number(field: bytes) -> int | None:
    """Read a number; None where there is none, or one below zero."""
    try:
        return number(field, 0)
    except LayerError:
        return None


def _decimal(value: bytes) -> int | None:
    return int(value) if value.isdigit() and len(value) <= 18 else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _seconds(field: bytes) -> int | None:
    if field[0] == 0xFF:  # below zero, in base 256
        return int.from_bytes(field[4:], "big", signed=True)
    return _number(field)


def _pax_time(value: bytes) -> tuple[int | None, str | None]:
    sign, whole, point, fraction = value[:1] == b"-", *value.removeprefix(b"-").partition(b".")
    seconds = _decimal(whole)
    if seconds is None or (fraction and not fraction.isdigit()):
        return None, _text(value)
    below = bool(fraction.strip(b"0"))
    return (-seconds - below if sign else seconds), _text(value) if point else None
