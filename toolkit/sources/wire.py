"""HTTP exchanges: sent, followed, repeated, limited, recorded.

The rule of this file: every exchange is a row, also one that fails; nothing is decoded, nothing is read without a
limit, and an Authorization header stays with the origin it was made for.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.errors import (
    AddressError,
    DeadlineError,
    LimitError,
    RateLimitError,
    RegistryResponseError,
    SourceError,
    UnreachableError,
)
from toolkit.records import Endpoint, Request
from toolkit.references import is_loopback
from toolkit.sources.allowance import Allowance
from toolkit.sources.clock import SYSTEM_CLOCK, Clock
from toolkit.sources.exchange import (
    Asked,
    Headers,
    NotURLError,
    ProtocolError,
    ReadError,
    Reply,
    SlowError,
    Transport,
    TransportError,
    target_of,
)
from toolkit.sources.protocol import ERROR_LIMIT
from toolkit.sources.retries import AGAIN, MAX_TRIES, asked_pause, pause
from toolkit.sources.urls import origin as origin_of
from toolkit.sources.urls import redacted

MAX_REDIRECTS: Final = 5
SEED_REDIRECTS: Final = 10
ANSWER_SECONDS: Final = 60.0
"""For a whole answer that is no blob."""
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = (301, 302, 303, 307, 308)

_NOTED: Final = (
    ("content_type", "content-type"),
    ("content_length", "content-length"),
    ("content_digest", "docker-content-digest"),
    ("retry_after", "retry-after"),
    ("rate_limit", "ratelimit-limit"),
    ("rate_remaining", "ratelimit-remaining"),
)
"""Columns of ``requests``, and the headers of an answer that fill them."""

Authorize = Callable[[str], "str | None"]
"""Given a URL, return the Authorization header to send there, or None."""


@dataclass(slots=True)
class Answer:
    """The head of an answer, and its body still on the wire."""

    url: str
    status: int
    reason: str
    headers: Headers = field(repr=False)  # a token may stand in it
    body: Iterator[bytes]
    attempt: int
    _reply: Reply
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
        self._reply.close()
        self._log.finish()


class Wire:
    """One visit's exchanges with a registry.

    Parameters
    ----------
    transport : Transport
        What requests are sent through; closed by whoever made it.
    records : deque
        Where the row of every exchange goes; safe for several threads.
    user_agent : str
    as_seed : bool
        Undo a gzip coding nobody needs, follow ten redirects and repeat nothing, as Docker 1.9's HTTP client did.
    clock : Clock
    allowance : Allowance, optional
    plain : collection of str
        Hosts that may be asked over plain http; this machine's own always may.
    stop : Event, optional
        Ends the visit: nothing is asked, and nobody waits, once it is set.
    """

    def __init__(
        self,
        transport: Transport,
        records: deque[Endpoint | Request],
        *,
        user_agent: str,
        as_seed: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        allowance: Allowance | None = None,
        plain: Collection[str] = (),
        stop: threading.Event | None = None,
    ) -> None:
        self._as_seed = as_seed
        self._redirects = SEED_REDIRECTS if as_seed else MAX_REDIRECTS
        self._transport = transport
        self._agent = user_agent
        self._records = records
        self._clock = clock
        self._allowance = allowance or Allowance()
        self._plain = frozenset(plain)
        self._stop = stop or threading.Event()

    def send(
        self,
        method: str,
        url: str,
        *,
        accept: str | None = None,
        authorize: Authorize | None = None,
        follow: bool = True,
        basic: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = ANSWER_SECONDS,
        attempt: int = 1,
        counted: bool = False,
    ) -> Answer:
        """Send a request; follow its redirects, and repeat it when it is worth it.

        Parameters
        ----------
        method : str
            ``GET`` or ``HEAD``: nothing else is ever sent.
        url : str
        accept : str, optional
        authorize : callable, optional
            Makes the Authorization header for the origin of ``url``; no other origin gets one.
        follow : bool
        basic : str, optional
            An Authorization header made already.
        headers : mapping, optional
            Further headers; like the others they stay with the origin.
        seconds : float or None
            For the whole answer; None leaves it to the least rate, for blobs.
        attempt : int
            Number of the first try, for the rows.
        counted : bool
            Whether registries count such requests against a limit.

        Raises
        ------
        UnreachableError, DeadlineError
            No answer, or none in time.
        AddressError
            A redirect to where an answer has no business.
        RateLimitError
            No further request is allowed.
        RegistryResponseError
            Not HTTP/1.1, a redirect to a weaker scheme or in a circle, or a coded body.
        """
        origin, away = "", False
        for _ in range(self._redirects + 1):
            header, own = basic, headers or {}
            if away:
                header, own = None, {name: value for name, value in own.items() if name == "Range"}
            elif authorize is not None:
                header = authorize(url)
            sent = {**own} | ({} if accept is None else {"Accept": accept})
            answer = self._repeated(method, url, sent, header, seconds, attempt, counted=counted)
            location = answer.headers.get("Location")
            if not follow or answer.status not in _REDIRECTS or not location:
                return answer
            answer.close()
            origin = origin or origin_of(url)
            url = self._redirected(url, location)
            away = origin_of(url) != origin
        raise RegistryResponseError(
            f"stopped after {self._redirects} redirects",
            where=redacted(url),
            expected=f"at most {self._redirects} redirects",
            actual="more",
            next_step="see the frame `requests` for where it led",
        )

    def _repeated(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str | None,
        seconds: float | None,
        attempt: int,
        *,
        counted: bool,
    ) -> Answer:
        """Send a request again while the answer is one of those that pass."""
        for number in range(attempt, max(attempt, MAX_TRIES) + 1):
            last = self._as_seed or number >= MAX_TRIES
            try:
                answer = self._exchange(method, url, headers, authorization, seconds, number, counted=counted)
            except UnreachableError as error:
                if last or not isinstance(error.__cause__, ReadError):
                    raise
                self._clock.sleep(pause(number), self._stop)
                continue
            if answer.status not in AGAIN or self._as_seed:
                return answer
            wanted = self._pause_of(answer)
            if last:
                return answer
            read_error_body(answer)
            self._clock.sleep(pause(number) if wanted is None else wanted, self._stop)
        raise AssertionError("the last try returns or raises")

    def _pause_of(self, answer: Answer) -> float | None:
        try:
            return asked_pause(answer.headers, where=answer.url, status=answer.status)
        except RateLimitError:
            read_error_body(answer)
            raise

    def _exchange(
        self,
        method: str,
        url: str,
        own: Mapping[str, str],
        authorization: str | None,
        seconds: float | None,
        attempt: int,
        *,
        counted: bool,
    ) -> Answer:
        plain = not self._as_seed or method == "HEAD"
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity" if plain else "gzip", **own}
        if authorization is not None:
            headers["Authorization"] = authorization
        self._allowance.take(url, counted=counted and method == "GET")
        log = _Log(self._records, method, url, headers, attempt)
        try:
            raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
            reply = self._transport.exchange(Asked(method, url, target_of(url), raw, self._stop, seconds))
        except TransportError as error:
            log.finish(error=_words(error))
            raise _unreachable(url, error) from error
        except NotURLError as error:
            log.finish(error=str(error))
            raise RegistryResponseError(f"not a URL: {error}", where=redacted(url)) from error
        except SourceError as error:
            log.finish(error=error.message)
            raise
        named = reply.headers.joined
        log.head(reply.status, named)
        self._allowance.heard(named)
        coding = named.get("content-encoding", "identity").lower()
        body = _body(reply, url, log, method)
        if coding == "gzip" and self._as_seed and method != "HEAD":
            body = _gunzipped(body, url)
        elif coding != "identity":
            reply.close()
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
            status=reply.status,
            reason=reply.reason,
            headers=reply.headers,
            body=body,
            attempt=attempt,
            _reply=reply,
            _log=log,
        )

    def _redirected(self, url: str, location: str) -> str:
        from toolkit.sources.foreign import joined

        try:
            target = joined(url, location)
        except NotURLError as error:
            raise RegistryResponseError(
                f"a redirect to what is no URL: {error}", where=redacted(url), expected="a URL", actual=location[:80]
            ) from error
        was, now = urlsplit(url).scheme, urlsplit(target).scheme
        if now not in ("http", "https") or (was == "https" and now == "http"):
            raise RegistryResponseError(
                f"a redirect from {was} to {now} is not followed",
                where=redacted(url),
                expected=f"a redirect within {was}",
                actual=redacted(target),
                next_step="the registry gives the connection away; ask who runs it",
            )
        host = urlsplit(target).netloc.rpartition("@")[2]
        if now == "http" and not (
            self._as_seed or is_loopback(host) or host in self._plain or origin_of(target) == origin_of(url)
        ):
            raise AddressError(
                f"a redirect to plain http at {host} is not followed",
                where=redacted(url),
                expected="https, this machine, or a host you named insecure",
                actual=redacted(target),
                next_step=f"if you trust that network: --insecure-host {host}",
            )
        return target


class _Log:
    """The row of one exchange in the making; added when the exchange ends, however it ends."""

    def __init__(
        self, records: deque[Endpoint | Request], method: str, url: str, headers: Mapping[str, str], attempt: int
    ) -> None:
        self._records = records
        self._row: dict[str, Any] = {
            "method": method,
            "url": redacted(url),
            "accept": headers.get("Accept"),
            "range": headers.get("Range"),
            "authorized": "Authorization" in headers,
            "attempt": attempt,
        }
        self._start = time.monotonic()
        self._done = False
        self.received = 0

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Note status and headers, whose names are in lower case."""
        self._row |= {"status": status} | {column: headers.get(name) for column, name in _NOTED}

    def finish(self, *, error: str | None = None) -> None:
        """Add the row, once."""
        if not self._done:
            self._done = True
            seconds = time.monotonic() - self._start
            self._records.append(Request(**self._row, received=self.received, seconds=seconds, error=error))


def _body(reply: Reply, url: str, log: _Log, method: str) -> Iterator[bytes]:
    error: str | None = "the body was not read to its end"
    try:
        for chunk in reply.body:
            log.received += len(chunk)
            yield chunk
        if method != "HEAD" and _is_cut(reply, log.received):
            error = f"{reply.headers['Content-Length']} bytes were announced and {log.received} came"
            raise _unreachable(url, TransportError(error, called="EOFError"))
        error = None
    except TransportError as trouble:
        error = _words(trouble)
        raise _unreachable(url, trouble) from trouble
    finally:
        reply.close()
        log.finish(error=error)


def _is_cut(reply: Reply, received: int) -> bool:
    """Whether fewer bytes came than announced; our own transport notices first, a user's may not."""
    announced = reply.headers.get("Content-Length", "")
    return announced.isdecimal() and received < int(announced)


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
        if not inner.eof:
            raise RegistryResponseError("unexpected EOF", where=redacted(url), expected="the end of a gzip coding")
    except zlib.error as error:
        raise RegistryResponseError(f"gzip: {error}", where=redacted(url), expected="a gzip coding") from error


def _unreachable(url: str, error: TransportError) -> SourceError:
    """Make the error for a connection that gave no answer, half a one, or one that is not HTTP."""
    text = f"Get {redacted(url)}: {_words(error)}"
    if isinstance(error, ProtocolError):
        return RegistryResponseError(
            text,
            where=redacted(url),
            expected="an answer in HTTP/1.1",
            actual=_words(error),
            next_step="the registry, or something before it, is broken or hostile; ask who runs it",
        )
    kind = DeadlineError if isinstance(error, SlowError) else UnreachableError
    return kind(
        text,
        where=redacted(url),
        expected="an answer",
        actual=error.called,
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
    except SourceError:
        data += b""  # the status already tells; the row of the exchange has the reason
    finally:
        answer.close()
    return bytes(data[:ERROR_LIMIT])


def _words(error: TransportError) -> str:
    return str(error) or error.called
