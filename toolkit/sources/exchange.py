"""One exchange over HTTP: what is asked, what is replied, and what goes wrong between.

The rule of this file: it names only what HTTP says, and nothing of who carries it. Our own transport speaks it, and
``foreign`` translates a transport of httpx; so httpx is loaded where somebody uses it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

RawHeaders = Sequence[tuple[bytes, bytes]]

_LONGEST: Final = 2048
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PLAIN_URL: Final = re.compile(
    rf"(https?)://((?:{_OCTET}(?:\.{_OCTET}){{3}}|(?!xn--)[a-z][a-z0-9.-]*+)(?::([1-9][0-9]{{0,4}}))?)"
    r"((?:/(?!\.)(?:[A-Za-z0-9_~!$&'()*+,;=:@.-]++|%[0-9A-Fa-f]{2})*+)++(?:\?[A-Za-z0-9_~!$&()*+,;=:@/.%?-]++)?)",
    re.ASCII,
)
"""A URL that no reader writes in another way: nothing in it is quoted, folded or left out."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class NotURLError(ValueError):
    """A text that is no URL."""


class TransportError(Exception):
    """No whole answer came.

    Parameters
    ----------
    words : str
    called : str, optional
        What kind of trouble it is, in httpx's words.
    """

    def __init__(self, words: str, *, called: str = "TransportError") -> None:
        super().__init__(words)
        self.called = called


class ReadError(TransportError):
    """The connection broke while an answer was awaited or read: worth another try."""


class SlowError(TransportError):
    """It took too long."""


class ProtocolError(TransportError):
    """It was not HTTP/1.1."""


class Target(NamedTuple):
    """A URL, taken apart: ``netloc`` is what stands in the header Host, ``path`` has the query with it."""

    scheme: str
    host: str
    port: int
    netloc: str
    path: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request without a body; ``headers`` are all but Host, ``seconds`` bounds the whole answer."""

    method: str
    url: str
    target: Target
    headers: RawHeaders = field(repr=False)  # a token may stand in it
    stop: threading.Event
    seconds: float | None


class Headers(Mapping[str, str]):
    """The headers of an answer, by name in any case; of several of one name the values are joined by commas.

    >>> Headers([(b"Link", b"a"), (b"link", b"b")])["LINK"]
    'a, b'
    """

    __slots__ = ("_pairs", "joined")

    def __init__(self, raw: RawHeaders) -> None:
        coding = _coding(b"".join(value for _, value in raw))
        self._pairs = [(name.decode(coding).lower(), value.decode(coding)) for name, value in raw]
        self.joined: dict[str, str] = {}
        """Values by name in lower case."""
        for name, value in self._pairs:
            self.joined[name] = f"{self.joined[name]}, {value}" if name in self.joined else value

    def get_list(self, name: str) -> list[str]:
        """Every value of a name."""
        lowered = name.lower()
        return [value for one, value in self._pairs if one == lowered]

    def __getitem__(self, name: str) -> str:
        return self.joined[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.joined)

    def __len__(self) -> int:
        return len(self.joined)


def _coding(values: bytes) -> str:
    """How headers are coded: UTF-8 where they may be, else Latin-1, which any bytes may be."""
    if values.isascii():
        return "ascii"
    try:
        values.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer, and its body still on the wire; a piece of it may be gone when the next one is there."""

    status: int
    reason: str
    headers: Headers = field(repr=False)
    body: Iterator[bytes]
    close: Callable[[], None]


class Transport(Protocol):
    """Carries requests."""

    def exchange(self, asked: Asked) -> Reply:
        """Send a request and read the head of the answer.

        Raises
        ------
        TransportError, SourceError
        """

    def close(self) -> None:
        """Close what is open and unused."""


def target_of(url: str) -> Target:
    """Take a URL apart.

    Parameters
    ----------
    url : str
        Absolute, http or https.

    Returns
    -------
    Target

    Raises
    ------
    NotURLError

    Notes
    -----
    Origin: WHATWG URL, as httpx reads it. A plain one is read here; httpx is asked about every other, so that both are read
    alike, which a property test proves.

    >>> target_of("http://h:5000/v2/?n=1")
    Target(scheme='http', host='h', port=5000, netloc='h:5000', path='/v2/?n=1')
    """
    match = _PLAIN_URL.fullmatch(url) if len(url) <= _LONGEST else None
    if match is not None:
        scheme, netloc, digits, path = match.groups()
        port = int(digits) if digits else _DEFAULT_PORTS[scheme]
        if not digits or port != _DEFAULT_PORTS[scheme]:
            return Target(scheme, netloc.partition(":")[0], port, netloc, path)
    from toolkit.sources.foreign import read_url

    return read_url(url)
