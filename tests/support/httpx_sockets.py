"""The package's own transport behind httpx's door: a test asks and is refused in httpx's words.

The rule of this file: it translates, as ``toolkit.sources.foreign`` does in the other direction; it adds nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx

from toolkit.sources.exchange import Asked, Reply, TransportError, target_of
from toolkit.sources.foreign import DEADLINE, STOP
from toolkit.sources.sockets import SocketTransport


class HttpxSockets(SocketTransport, httpx.BaseTransport):
    """``SocketTransport`` as an httpx transport; a deadline and an event to stop at are extensions of a request."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of the answer (``httpx.BaseTransport``)."""
        url = str(request.url)
        headers = [pair for pair in request.headers.raw if pair[0].lower() != b"host"]
        seconds: float | None = request.extensions.get(DEADLINE)
        stop = request.extensions.get(STOP) or threading.Event()
        try:
            reply = self.exchange(Asked(request.method, url, target_of(url), headers, stop, seconds))
        except TransportError as error:
            raise _named(error) from error
        answer: dict[str, Any] = {"extensions": {"reason_phrase": reply.reason.encode()}, "stream": _Stream(reply)}
        pairs = [(name, value) for name in reply.headers for value in reply.headers.get_list(name)]
        return httpx.Response(reply.status, headers=pairs, **answer)


class _Stream(httpx.SyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._reply.body
        except TransportError as error:
            raise _named(error) from error

    def close(self) -> None:
        self._reply.close()


def _named(error: TransportError) -> httpx.TransportError:
    kind: type[httpx.TransportError] = getattr(httpx, error.called)
    return kind(str(error))
