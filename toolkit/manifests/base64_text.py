"""Base64 as Go's decoder and libtrust read it, with the byte at which they give up.

The rule of this file: what Go accepts is accepted, and a refusal says Go's words.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from toolkit.errors import SignatureFormatError

_URL_TEXT: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_STANDARD_TEXT: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_URL_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_STANDARD_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def decode_url(text: str) -> bytes:
    r"""Decode libtrust's base64url: new lines and blanks are dropped, padding is added, never demanded.

    Raises
    ------
    SignatureFormatError
        ``illegal base64url string`` or ``illegal base64 data at input byte N``.

    >>> decode_url("Cn0")
    b'\n}'
    """
    text = text.replace("\n", "").replace(" ", "")
    size = len(text.encode("utf-8", "surrogatepass"))  # Go counts bytes
    if size % 4 == 1:
        raise SignatureFormatError("illegal base64url string")
    return _decode(text + "=" * (-size % 4), _URL_ALPHABET, _URL_TEXT, altchars=b"-_")


def decode_standard(text: str) -> bytes:
    """Decode standard base64 with its padding, as Go's ``StdEncoding`` does."""
    return _decode(text, _STANDARD_ALPHABET, _STANDARD_TEXT, altchars=b"+/")


def encode_url(data: bytes) -> str:
    r"""Write base64url without padding.

    >>> encode_url(b"\n}")
    'Cn0'
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str, alphabet: frozenset[str], simple: re.Pattern[str], *, altchars: bytes) -> bytes:
    if len(text) % 4 == 0 and simple.fullmatch(text.rstrip("=")) and text.count("=") <= 2:
        return base64.b64decode(text.encode("ascii"), altchars)
    return base64.b64decode(_check(text, alphabet).encode("ascii"), altchars)


def _check(text: str, alphabet: frozenset[str]) -> str:
    """Walk the text as Go's decoder does; return it without line ends, or refuse at Go's byte."""
    data = text.encode("utf-8", "surrogatepass").decode("latin-1")  # Go counts bytes
    useful: list[str] = []
    position, end = 0, len(data)
    while position < end:
        char = data[position]
        position += 1
        if char in alphabet:
            useful.append(char)
        elif char not in "\r\n":
            if char != "=" or len(useful) % 4 < 2:
                raise _corrupt(position - 1)
            position = _skip_line_ends(data, position)
            if len(useful) % 4 == 2:
                if position == end:
                    raise _corrupt(end)
                if data[position] != "=":
                    raise _corrupt(position - 1)
                position = _skip_line_ends(data, position + 1)
            if position < end:
                raise _corrupt(position)
            return "".join(useful) + "=" * (-len(useful) % 4)
    if len(useful) % 4:
        raise _corrupt(end - len(useful) % 4)
    return "".join(useful)


def _skip_line_ends(data: str, position: int) -> int:
    while position < len(data) and data[position] in "\r\n":
        position += 1
    return position


def _corrupt(position: int) -> SignatureFormatError:
    return SignatureFormatError(f"illegal base64 data at input byte {position}", where=f"character {position}")
