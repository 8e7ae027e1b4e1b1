"""What else a compressed layer is: eStargz and zstd:chunked carry a table of contents behind the last member.

The rule of this file: recognised by the bytes, not by an annotation; the layer stays the gzip or zstd it is.
"""

from __future__ import annotations

from typing import Final, Literal

Flavour = Literal["", "estargz", "zstd:chunked"]

FOOTER: Final = 72
"""As many bytes from the end of a blob tell."""

_GZIP: Final = b"\x1f\x8b\x08\x04"  # a member with an extra field
_EXTRAS: Final = (26, 22)  # eStargz wraps the 22 bytes in a subfield, stargz before it did not
_EMPTY: Final = bytes.fromhex("010000ffff") + bytes(8)  # no data, its checksum and its length
_SKIPPABLE: Final = bytes.fromhex("502a4d18") + (64).to_bytes(4, "little")
_CHUNKED: Final = b"GNUlInUx"


def flavour_of(compression: str | None, tail: bytes) -> Flavour:
    """Tell by a blob's compression and its last bytes, at least ``FOOTER`` of them where there are as many.

    Notes
    -----
    Origin: stargz-snapshotter, docs/estargz.md, footer; containers/storage, zstd:chunked footer.

    >>> flavour_of("gzip", bytes(72))
    ''
    """
    if compression == "gzip" and any(_is_estargz(tail, extra) for extra in _EXTRAS):
        return "estargz"
    if compression == "zstd" and tail[-FOOTER:].startswith(_SKIPPABLE) and tail.endswith(_CHUNKED):
        return "zstd:chunked"
    return ""


def _is_estargz(tail: bytes, extra: int) -> bool:
    """Whether a member ends the blob that is empty and whose extra field, of so many bytes, ends in STARGZ."""
    footer = tail[-(12 + extra + len(_EMPTY)) :]
    field = footer[10 : 12 + extra]
    return (
        footer.startswith(_GZIP)
        and field.startswith(extra.to_bytes(2, "little"))
        and field.endswith(b"STARGZ")
        and footer[12 + extra :] == _EMPTY
    )
