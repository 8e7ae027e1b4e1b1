"""Is a case whole, and every byte as it was written?

The rule of this file: one pass over the file and no trust in any part of it; what is wrong first is named with both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from toolkit.cases import bag, zip_read
from toolkit.cases.evidence import FOLDER as EVIDENCE
from toolkit.errors import CaseError

_LONGEST_LIST: Final = 256 * 1024 * 1024
"""Bytes of a list that are read into memory: more than a million files."""
_NEXT: Final = "ask whoever gave you the case for another copy, and for its digest by another way"


@dataclass(slots=True)
class Whole:
    """A case whose every byte was read.

    ``digests`` gives the sha256 of every file by its name below the bag's folder; ``digest`` is that of the zip itself.
    """

    info: bag.Info
    digests: dict[str, str]
    digest: str


@dataclass(slots=True)
class _Found:
    digests: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    octets: int = 0
    streams: int = 0


def whole(chunks: Iterable[bytes], *, where: str) -> Whole:
    """Read a case from its first byte to its last.

    Parameters
    ----------
    chunks : iterable of bytes
        The file, in pieces.
    where : str
        What to call it in an error.

    Raises
    ------
    CaseError
        Something is missing, added or changed.
    """
    outer, found = hashlib.sha256(), _Found()
    for name, opened in files(_hashed(chunks, outer), where=where):
        _read(name, opened, found, where)
    for name in (*bag.TAG_FILES, bag.TAG_MANIFEST):
        if name not in found.texts:
            raise _wrong("a file of the bag is missing", f"{where}, {name}", "a file", "nothing")
    if found.texts[bag.BAGIT] != bag.DECLARATION:
        raise _wrong("this is no bag of ours", f"{where}, {bag.BAGIT}", ascii(bag.DECLARATION), ascii(found.texts[bag.BAGIT]))
    info = bag.Info.read(found.texts[bag.INFO])
    payload = {name: digest for name, digest in found.digests.items() if name.startswith(bag.PAYLOAD)}
    tags = {name: found.digests[name] for name in bag.TAG_FILES}
    _compare(bag.MANIFEST, found.texts[bag.MANIFEST], payload, where)
    _compare(bag.TAG_MANIFEST, found.texts[bag.TAG_MANIFEST], tags, where)
    counted = f"{found.octets}.{found.streams}"
    if counted != f"{info.octets}.{info.streams}":
        raise _wrong("the bag counts its payload otherwise", f"{where}, {bag.INFO}", f"{info.octets}.{info.streams}", counted)
    return Whole(info, found.digests, outer.hexdigest())


def files(chunks: Iterable[bytes], *, where: str) -> Iterator[tuple[str, zip_read.Opened]]:
    """Give the files of a case by their names below the bag's folder, in order."""
    for opened in zip_read.entries(chunks, where=where):
        folder, _, name = opened.name.partition("/")
        if folder != bag.FOLDER or not bag.is_name(name):
            raise _wrong("a file with a name that no case has", where, f"{bag.FOLDER}/ and a plain name", ascii(opened.name))
        yield name, opened


def _read(name: str, opened: zip_read.Opened, found: _Found, where: str) -> None:
    is_payload = name.startswith(bag.PAYLOAD)
    if not is_payload and (name not in (*bag.TAG_FILES, bag.TAG_MANIFEST) or opened.size > _LONGEST_LIST):
        raise _wrong(
            "a file the bag has no place for", f"{where}, {name}", "the four files of a bag", f"{name}, {opened.size} bytes"
        )
    digest, longer, kept = hashlib.sha256(), hashlib.sha512(), bytearray()
    is_long = name.startswith(f"{EVIDENCE}/sha512/")
    for piece in opened.pieces:
        digest.update(piece)
        if is_long:
            longer.update(piece)
        if not is_payload:
            kept += piece
    found.digests[name] = digest.hexdigest()
    if is_payload:
        found.octets, found.streams = found.octets + opened.size, found.streams + 1
    else:
        found.texts[name] = bytes(kept)
    own, actual = name.rpartition("/")[2], (longer if is_long else digest).hexdigest()
    if name.startswith(f"{EVIDENCE}/") and own != actual:
        raise _wrong("evidence is not what its name says", f"{where}, {name}", own, actual)


def _compare(listed: str, text: bytes, digests: dict[str, str], where: str) -> None:
    """Compare a list with the files it must name: each of them, and no other."""
    expected = bag.read_listing(text, where=f"{where}, {listed}")
    for name in sorted({*expected, *digests}):
        if expected.get(name) != digests.get(name):
            raise _wrong(
                f"{listed} and the files are not of one mind",
                f"{where}, {name}",
                expected.get(name, f"nothing: {listed} does not name it"),
                digests.get(name, "no such file"),
            )


def _hashed(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _wrong(message: str, where: str, expected: str, actual: str) -> CaseError:
    return CaseError(message, where=where, expected=expected, actual=actual, next_step=_NEXT)
