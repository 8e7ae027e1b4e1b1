"""What only httpx knows: transports of the user's, URLs that are not plain, certificates.

The rule of this file: the only one of this room's own work that loads httpx; everything behind it speaks ``exchange``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import httpx

from toolkit.sources.exchange import (
    Asked,
    Headers,
    NotURLError,
    ProtocolError,
    ReadError,
    Reply,
    SlowError,
    Target,
    TransportError,
)

if TYPE_CHECKING:
    import ssl

DEADLINE: Final = "deadline"
"""The extension of a request that bounds the whole answer, in seconds."""
STOP: Final = "stop"
"""The extension with the event that ends everything of one visit."""


class ForeignTransport:
    """A transport of httpx, as ours are asked.

    Parameters
    ----------
    transport : httpx.BaseTransport
        It may hand over an answer that was read already, as ``httpx.MockTransport`` does.
    """

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def exchange(self, asked: Asked) -> Reply:
        """Send a request and read the head of the answer."""
        extensions: dict[str, object] = {STOP: asked.stop}
        if asked.seconds is not None:
            extensions[DEADLINE] = asked.seconds
        request = httpx.Request(asked.method, asked.url, headers=list(asked.headers), extensions=extensions)
        try:
            response = self._transport.handle_request(request)
        except httpx.HTTPError as error:
            raise _named(error) from error
        response.request = request
        return Reply(
            response.status_code, response.reason_phrase, Headers(response.headers.raw), _pieces(response), response.close
        )

    def close(self) -> None:
        """Leave it open: whoever made it closes it."""


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    try:
        if response.is_stream_consumed:
            yield response.content
        else:
            yield from response.iter_raw()
    except httpx.HTTPError as error:
        raise _named(error) from error


def _named(error: httpx.HTTPError) -> TransportError:
    kind = TransportError
    if isinstance(error, httpx.ReadError):
        kind = ReadError
    elif isinstance(error, httpx.TimeoutException):
        kind = SlowError
    elif isinstance(error, httpx.ProtocolError | httpx.UnsupportedProtocol):
        kind = ProtocolError
    called = type(error).__name__
    return kind(str(error) or called, called=called)


def read_url(url: str) -> Target:
    """Take any URL apart; ``exchange.target_of`` is the way to it.

    Raises
    ------
    NotURLError
    """
    try:
        read = httpx.URL(url)
        host = read.host
    except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host's name in a coding that is none
        raise NotURLError(str(error)) from error
    port = read.port or (443 if read.scheme == "https" else 80)
    return Target(read.scheme, host, port, read.netloc.decode("ascii"), read.raw_path.decode("ascii"))


def joined(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises
    ------
    NotURLError

    >>> joined("http://h/a/b", "../c")
    'http://h/c'
    """
    try:
        return str(httpx.URL(url).join(location))
    except httpx.InvalidURL as error:
        raise NotURLError(str(error)) from error


def checking_context() -> ssl.SSLContext:
    """Make what a TLS connection is checked against: the certificates that come with httpx."""
    return httpx.create_ssl_context(verify=True, trust_env=False)
