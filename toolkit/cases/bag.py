"""The bag: which files it has, and the lists that name them with their digests.

The rule of this file: pure; lists are sorted and written one way only, so that a list that is read can be written again and
compared.

Notes
-----
Origin: RFC 8493, the BagIt file packaging format, version 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from toolkit.errors import CaseError

FOLDER: Final = "case"
"""The folder in the zip: always the same, so that a case does not depend on what its file is called."""
PAYLOAD: Final = "data/"
DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
BAGIT: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
TAG_FILES: Final = (INFO, BAGIT, MANIFEST)
"""The files the last list names."""
_LINE: Final = re.compile(rb"([0-9a-f]{64})  ([!-~]+)\n")
_INFO: Final = re.compile(
    rb"Bag-Software-Agent: layerproof ([0-9a-z.+-]{1,40})\n"
    rb"Bagging-Date: ([0-9]{4}-[0-9]{2}-[0-9]{2})\n"
    rb"External-Description: Evidence and decisions of ([0-9]{1,18}) calls that verified images\n"
    rb"Accepted-Layers: (included|left out)\n"
    rb"Payload-Oxum: ([0-9]{1,18})\.([0-9]{1,18})\n"
)
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Info:
    """What the bag says about itself.

    ``day`` is the day of the last row; ``octets`` and ``streams`` count the payload.
    """

    version: str
    day: str
    calls: int
    layers: bool
    octets: int
    streams: int

    def text(self) -> bytes:
        """Write ``bag-info.txt``."""
        lines = (
            f"Bag-Software-Agent: layerproof {self.version}",
            f"Bagging-Date: {self.day}",
            f"External-Description: Evidence and decisions of {self.calls} calls that verified images",
            f"Accepted-Layers: {'included' if self.layers else 'left out'}",
            f"Payload-Oxum: {self.octets}.{self.streams}",
        )
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    @classmethod
    def read(cls, data: bytes) -> Info:
        """Read it back.

        Raises
        ------
        CaseError
            It is not as ``text`` writes it.
        """
        match = _INFO.fullmatch(data)
        if match is not None:
            version, day, calls, layers, octets, streams = (group.decode("ascii") for group in match.groups())
            found = cls(
                version=version,
                day=day,
                calls=int(calls),
                layers=layers == "included",
                octets=int(octets),
                streams=int(streams),
            )
            if found.text() == data:
                return found
        raise CaseError(
            "what the bag says about itself is not as this package writes it",
            where=INFO,
            expected="version, day, calls, layers, Payload-Oxum",
            actual=ascii(data[:200].decode("utf-8", "backslashreplace")),
            next_step="check it as any bag, with `sha256sum -c`; this package did not write it",
        )


def is_name(name: str) -> bool:
    """Tell whether a text can be the name of a file in a bag of ours: plain ASCII, no way out of the folder.

    >>> is_name("data/report.html"), is_name("data/../x"), is_name("/x")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None


def listing(digests: Mapping[str, str]) -> bytes:
    r"""Write a list of files with their digests, as ``sha256sum`` reads it.

    >>> listing({"data/a": "00" * 32})[64:]
    b'  data/a\n'
    """
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode("ascii")


def read_listing(data: bytes, *, where: str) -> dict[str, str]:
    """Read a list of files with their digests.

    Raises
    ------
    CaseError
        It is not written the one way.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        match = _LINE.fullmatch(line)
        name = "" if match is None else match[2].decode("ascii")
        if match is None or not is_name(name) or name in found:
            raise _bad_list(f"{where}, line {number}", line)
        found[name] = match[1].decode("ascii")
    if listing(found) != data:
        raise _bad_list(where, data[:200])
    return found


def _bad_list(where: str, actual: bytes) -> CaseError:
    return CaseError(
        "a list of files is not as this package writes it",
        where=where,
        expected="sorted lines: 64 hex digits, two blanks, the name of a file that is not named before",
        actual=ascii(actual.decode("utf-8", "backslashreplace")),
        next_step="what the list does not name was not checked: ask whoever gave you the case for another copy",
    )
