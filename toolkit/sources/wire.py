"""HTTP exchanges: sent, followed, limited, recorded.

The rule of this file: every exchange is a row, also one that fails; nothing is decoded, nothing is read without a
limit, and an Authorization header stays with the origin it was made for.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx

from toolkit.errors import LimitError, RegistryResponseError, UnreachableError
from toolkit.records import Endpoint, Request
from toolkit.sources.protocol import ERROR_LIMIT

MAX_REDIRECTS: Final = 5
SEED_REDIRECTS: Final = 10
_PIECE: Final = 64 * 1024
_SHOWN_QUERY: Final = {"scope", "service", "digest", "n", "last", "mount", "from", "account"}
_REDIRECTS: Final = (301, 302, 303, 307, 308)
TIMEOUT: Final = httpx.Timeout(connect=30.0, read=60.0, write=30.0, pool=30.0)

Authorize = Callable[[str], "str | None"]
"""Given a URL, return the Authorization header to send there, or None."""


@dataclass(slots=True)
class Answer:
    """The head of an answer, and its body still on the wire."""

    url: str
    status: int
    reason: str
    headers: httpx.Headers
    body: Iterator[bytes]
    _response: httpx.Response
    _log: _Log

    def read(self, limit: int, what: str) -> bytes:
        """Read the whole body, at most ``limit`` bytes; more is an error, never a cut."""
        data = bytearray()
        try:
            for chunk in self.body:
                data += chunk
                if len(data) > limit:
                    raise LimitError(
                        f"{what} is larger than {limit} bytes",
                        where=self.url,
                        expected=f"at most {limit} bytes",
                        actual=f"more than {limit} bytes",
                        next_step="nothing of this size is expected here; the source may be hostile",
                    )
        finally:
            self.close()
        return bytes(data)

    def close(self) -> None:
        """Give the connection back; the row of the exchange is added, read or not."""
        self._response.close()
        self._log.finish()


class Wire:
    """One visit's exchanges with a registry.

    Parameters
    ----------
    client : httpx.Client
    records : deque
        Where the row of every exchange goes; safe for several threads.
    user_agent : str
    as_seed : bool
        Undo a gzip coding nobody needs, and follow ten redirects, as Docker 1.9's HTTP client did.
    """

    def __init__(
        self, client: httpx.Client, records: deque[Endpoint | Request], *, user_agent: str, as_seed: bool = False
    ) -> None:
        self._as_seed = as_seed
        self._redirects = SEED_REDIRECTS if as_seed else MAX_REDIRECTS
        self._client = client
        self._agent = user_agent
        self._records = records

    def send(
        self,
        method: str,
        url: str,
        *,
        accept: str | None = None,
        authorize: Authorize | None = None,
        follow: bool = True,
        basic: str | None = None,
    ) -> Answer:
        """Send a request and follow its redirects.

        Raises
        ------
        UnreachableError
            No answer.
        RegistryResponseError
            A redirect to a weaker scheme or in a circle, or a coded body.
        """
        origin = _origin(url)
        for _ in range(self._redirects + 1):
            header = basic
            if authorize is not None and _origin(url) == origin:
                header = authorize(url)
            answer = self._exchange(method, url, accept, header)
            location = answer.headers.get("Location")
            if not follow or answer.status not in _REDIRECTS or not location:
                return answer
            answer.close()
            url = _redirected(url, location)
        raise RegistryResponseError(
            f"stopped after {self._redirects} redirects",
            where=redacted(url),
            expected=f"at most {self._redirects} redirects",
            actual="more",
            next_step="see the frame `requests` for where it led",
        )

    def _exchange(self, method: str, url: str, accept: str | None, authorization: str | None) -> Answer:
        plain = not self._as_seed or method == "HEAD"
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity" if plain else "gzip"}
        if accept is not None:
            headers["Accept"] = accept
        if authorization is not None:
            headers["Authorization"] = authorization
        request = httpx.Request(method, url, headers=headers)
        log = _Log(self._records, request)
        try:
            response = self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            log.finish(error=_words(error))
            raise unreachable(url, error) from error
        except httpx.InvalidURL as error:
            log.finish(error=str(error))
            raise RegistryResponseError(f"not a URL: {error}", where=redacted(url)) from error
        log.head(response)
        coding = response.headers.get("Content-Encoding", "identity").lower()
        body = _body(response, url, log)
        if coding == "gzip" and self._as_seed and method != "HEAD":
            body = _gunzipped(body, url)
        elif coding != "identity":
            response.close()
            log.finish(error=f"Content-Encoding: {coding}")
            raise RegistryResponseError(
                f"the answer is coded as {coding!r}, which was not asked for",
                where=redacted(url),
                expected="Content-Encoding: identity",
                actual=coding,
                next_step="digests are taken over the bytes themselves; ask who runs the registry",
            )
        return Answer(
            url=redacted(url),
            status=response.status_code,
            reason=response.reason_phrase,
            headers=response.headers,
            body=body,
            _response=response,
            _log=log,
        )


class _Log:
    """The row of one exchange in the making; added when the exchange ends, however it ends."""

    def __init__(self, records: deque[Endpoint | Request], request: httpx.Request) -> None:
        self._records = records
        self._row: dict[str, Any] = {
            "method": request.method,
            "url": redacted(str(request.url)),
            "accept": request.headers.get("Accept"),
            "authorized": "Authorization" in request.headers,
            "attempt": 1,
        }
        self._start = time.monotonic()
        self._done = False
        self.received = 0

    def head(self, response: httpx.Response) -> None:
        """Note status and headers."""
        self._row |= {
            "status": response.status_code,
            "content_type": response.headers.get("Content-Type"),
            "content_length": response.headers.get("Content-Length"),
            "content_digest": response.headers.get("Docker-Content-Digest"),
        }

    def finish(self, *, error: str | None = None) -> None:
        """Add the row, once."""
        if not self._done:
            self._done = True
            seconds = time.monotonic() - self._start
            self._records.append(Request(**self._row, received=self.received, seconds=seconds, error=error))


def _body(response: httpx.Response, url: str, log: _Log) -> Iterator[bytes]:
    error: str | None = "the body was not read to its end"
    try:
        # A transport of the user's may hand over an answer that was read already, as httpx.MockTransport does.
        for chunk in iter([response.content]) if response.is_stream_consumed else response.iter_raw():
            log.received += len(chunk)
            yield chunk
        if _is_cut(response, log.received):
            error = f"{response.headers['Content-Length']} bytes were announced and {log.received} came"
            raise unreachable(url, EOFError(error))
        error = None
    except httpx.HTTPError as trouble:
        error = _words(trouble)
        raise unreachable(url, trouble) from trouble
    finally:
        response.close()
        log.finish(error=error)


def _is_cut(response: httpx.Response, received: int) -> bool:
    """Whether fewer bytes came than announced; over a socket h11 notices first, a user's transport may not."""
    announced = response.headers.get("Content-Length", "")
    return announced.isdecimal() and received < int(announced) and response.request.method != "HEAD"


def _gunzipped(body: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Undo a gzip content coding, as Go's transport did unasked."""
    inner = zlib.decompressobj(wbits=31)
    try:
        for chunk in body:
            pending = chunk
            while pending:
                yield inner.decompress(pending, _PIECE)
                pending = inner.unconsumed_tail
        yield inner.flush()
    except zlib.error as error:
        raise RegistryResponseError(f"gzip: {error}", where=redacted(url), expected="a gzip coding") from error


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Make the error for a connection that gave no, or half an, answer."""
    return UnreachableError(
        f"Get {redacted(url)}: {_words(error)}",
        where=redacted(url),
        expected="an answer",
        actual=type(error).__name__,
        next_step="check the address and that the registry runs; then try again",
    )


def read_error_body(answer: Answer) -> bytes:
    """Read the body of an error answer, cut at its limit: it is shown, not trusted."""
    data = bytearray()
    try:
        for chunk in answer.body:
            data += chunk
            if len(data) > ERROR_LIMIT:
                break
    except UnreachableError:
        data += b""  # the status already tells; the row of the exchange has the reason
    finally:
        answer.close()
    return bytes(data[:ERROR_LIMIT])


def redacted(url: str) -> str:
    """Hide user, password and unknown query values of a URL.

    >>> redacted("http://u:p@h/x?n=1&sig=abc")
    'http://h/x?n=1&sig=REDACTED'
    """
    parts = urlsplit(url)
    query = urlencode(
        [(name, value if name in _SHOWN_QUERY else "REDACTED") for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def path_quoted(text: str) -> str:
    """Quote a piece of a URL's path as Go does.

    >>> path_quoted("a b")
    'a%20b'
    """
    return quote(text, safe="/:@&=+$,-_.!~*'();")


def _redirected(url: str, location: str) -> str:
    target = str(httpx.URL(url).join(location))
    was, now = urlsplit(url).scheme, urlsplit(target).scheme
    if now not in ("http", "https") or (was == "https" and now == "http"):
        raise RegistryResponseError(
            f"a redirect from {was} to {now} is not followed",
            where=redacted(url),
            expected=f"a redirect within {was}",
            actual=redacted(target),
            next_step="the registry gives the connection away; ask who runs it",
        )
    return target


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
