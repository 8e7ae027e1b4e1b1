"""A registry over HTTP: manifests, tags and blobs of the v2 protocol.

The rule of this file: it asks and hands over. The bytes of a manifest or blob are as received; what headers claim is
recorded and never decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import httpx

from toolkit._version import VERSION
from toolkit.errors import GoJSONError, NotFoundError, RegistryResponseError, SourceError, UnreachableError, UsageError
from toolkit.go_json.decode import STRING, Slice, Struct, unmarshal
from toolkit.go_json.scan import go_quote
from toolkit.manifests.media_types import ACCEPTED, OCI_INDEX, essence, kind_of
from toolkit.manifests.raw import RawManifest
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, Repository, blob_url_error, manifest_url_error, tag_error
from toolkit.sources.authorization import Authorizer
from toolkit.sources.challenges import parse_challenges
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoints import EndpointAddress, endpoints
from toolkit.sources.protocol import MANIFEST_LIMIT, TAG_LIST_LIMIT, BlobStream, Referrers, fallback_tag
from toolkit.sources.registry_errors import error_answer
from toolkit.sources.wire import TIMEOUT, Answer, Wire, path_quoted, read_error_body

ACCEPT: Final = ", ".join(ACCEPTED)
_VERSION_HEADER: Final = "Docker-Distribution-Api-Version"
_TAG_LIST: Final = Struct("client.tagsResponse", (("tags", Slice("[]string", STRING)),))
_MAX_PAGES: Final = 1_000
_SEED_READ: Final = 32 * 1024
_NO_API: Final = (400, 404, 405, 410, 501)
"""How registries without the referrers API answer a path they do not know."""


class RegistrySource:
    """A registry.

    Parameters
    ----------
    registry : str
        ``host[:port]`` as it stands in references.
    credentials : Credentials, optional
        Anonymous when absent; nothing is looked up anywhere.
    insecure : collection of str
        Hosts allowed plain http and unchecked certificates.
    transport : httpx.BaseTransport, optional
        What to send through instead of the network.
    """

    def __init__(
        self,
        registry: str,
        *,
        credentials: Credentials | None = None,
        insecure: Collection[str] = (),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.registry = registry
        self._credentials = credentials
        self._insecure = frozenset(insecure)
        self._transport = transport

    @property
    def name(self) -> str:
        """The registry's host and port."""
        return self.registry

    def resolve(self, text: str | None, *, seed_grammar: bool) -> Reference:
        """Read a reference; a host in it must be this one.

        Raises
        ------
        ReferenceSyntaxError
            It is no name.
        UsageError
            There is none, or it names another registry.
        """
        if text is None:
            raise UsageError(
                "a registry has no image of its own accord: a name is needed",
                where=self.registry,
                expected="NAME[:TAG] or NAME@DIGEST",
                next_step="say which image; if a file or folder was meant, there is none of that name here",
            )
        asked = Reference.parse(text, registry=self.registry, seed_grammar=seed_grammar)
        if asked.repository.registry != self.registry:
            raise UsageError(
                f"the reference names {asked.repository.registry}, the source is {self.registry}",
                expected=self.registry,
                actual=asked.repository.registry,
                next_step="leave the host out of the reference, or the source out of the call",
            )
        return asked

    def holds(self) -> list[str]:
        """Nothing: only asking tells what a registry holds."""
        return []

    def connect(self, repository: Repository, *, as_seed: bool = False, accept: str | None = None) -> RegistryConnection:
        """Start a visit.

        No byte is sent before the first question is asked; it raises the error of the last endpoint tried.
        """
        if self._transport is None:
            addresses = endpoints(self.registry, insecure=self._insecure)
        else:
            addresses = [EndpointAddress(f"http://{self.registry}", "none", must_say_version=True)]
        return RegistryConnection(
            addresses,
            repository,
            credentials=self._credentials,
            transport=self._transport,
            as_seed=as_seed,
            accept=accept,
        )

    def __repr__(self) -> str:
        return f"RegistrySource({self.registry!r})"


class RegistryConnection:
    """One visit to a registry; made by ``RegistrySource.connect``."""

    def __init__(
        self,
        addresses: list[EndpointAddress],
        repository: Repository,
        *,
        credentials: Credentials | None,
        transport: httpx.BaseTransport | None,
        as_seed: bool,
        accept: str | None = None,
    ) -> None:
        self._accept = accept or ACCEPT
        self._addresses = addresses
        self._repository = repository
        self._credentials = credentials
        self._transport = transport
        self._as_seed = as_seed
        self._records: deque[Endpoint | Request] = deque()
        self._client: httpx.Client | None = None
        self._wire: Wire
        self._authorizer: Authorizer
        self.endpoint = addresses[0].url

    def manifest(self, reference: Reference) -> RawManifest:
        """Fetch a manifest by tag or digest.

        Raises
        ------
        NotFoundError, UnauthorizedError, UnreachableError, RegistryResponseError, LimitError

        Notes
        -----
        Origin: ``client.manifests.GetByTag`` of Docker 1.9; the tag and the digest go into the same URL.
        """
        asked = reference.asked
        problem = manifest_url_error(asked)
        if problem is not None:
            raise RegistryResponseError(problem, where=self.endpoint, expected="a tag or a digest", actual=asked)
        url = f"{self._base}/manifests/{path_quoted(asked)}"
        accept = None if self._as_seed else self._accept
        answer = self._get("GET", url, accept=accept)
        if answer.status == 304:
            answer.close()
            raise NotFoundError(
                f"image manifest does not exist for tag {go_quote(asked)}", where=answer.url, actual="304 Not Modified"
            )
        self._require_success(answer, f"manifest {reference}")
        raw = RawManifest(
            body=answer.read(MANIFEST_LIMIT, "the manifest"),
            accept=accept,
            content_type=answer.headers.get("Content-Type"),
            header_digest=answer.headers.get("Docker-Content-Digest"),
        )
        converted = reference.digest is None and kind_of(raw.content_type) == "schema1" and accept not in (None, ACCEPT)
        return replace(raw, converted_from=self._original(url)) if converted else raw

    def _original(self, url: str) -> str | None:
        """What the tag names for whoever accepts everything, when that is no schema1; a claim, by one HEAD."""
        answer = self._get("HEAD", url, accept=ACCEPT)
        answer.close()
        newer = answer.status == 200 and kind_of(answer.headers.get("Content-Type")) in ("image", "index")
        return answer.headers.get("Docker-Content-Digest") if newer else None

    def tags(self) -> list[str]:
        """List every tag: all pages, in the registry's order, each once.

        Notes
        -----
        Origin: distribution-spec, "Listing Tags". Docker 1.9 read one page and took a 404 for an empty list.
        """
        url = f"{self._base}/tags/list"
        found: dict[str, None] = {}
        visited: set[str] = set()
        budget = TAG_LIST_LIMIT
        while url not in visited and len(visited) < _MAX_PAGES:
            visited.add(url)
            answer = self._get("GET", url)
            if answer.status == 404 and self._as_seed:
                answer.close()
                return []
            self._require_success(answer, f"tags of {self._repository.remote_name}")
            body = answer.read(budget, "the list of tags")
            budget -= len(body)
            found.update(dict.fromkeys(_tags_of(body, answer.url)))
            following = _next_page(url, answer.headers.get("Link", ""))
            if following is None or self._as_seed:
                break
            url = following
        return list(found) if self._as_seed else [tag for tag in found if tag_error(tag) is None]

    def blob(self, digest: str) -> BlobStream:
        """Open a blob.

        Notes
        -----
        Origin: ``client.blobs.Stat`` and ``Open`` of Docker 1.9. As the seed, the size of a HEAD comes first and no
        byte is read beyond it; otherwise one GET does.
        """
        problem = blob_url_error(digest)
        if problem is not None:
            raise RegistryResponseError(problem, where=self.endpoint, expected="a digest", actual=digest)
        url = f"{self._base}/blobs/{path_quoted(digest)}"
        if self._as_seed:
            size = self._seed_stat(url, digest)
            return BlobStream(size, self._seed_body(url, size))
        answer = self._get("GET", url)
        if answer.status == 404:
            read_error_body(answer)
            raise NotFoundError("unknown blob", where=answer.url, expected=digest, actual="404 Not Found")
        self._require_success(answer, f"blob {digest}")
        return BlobStream(_content_length(answer), answer.body)

    def referrers(self, digest: str) -> Referrers:
        """Ask what refers to a manifest: the API first, then the tag that stands for it.

        Raises
        ------
        UnauthorizedError, UnreachableError, RegistryResponseError, LimitError
            There may be an answer, and it cannot be had.

        Notes
        -----
        Origin: OCI distribution-spec 1.1, "Listing Referrers" and "Referrers Tag Schema". Of an answer in pages the first
        is kept, and the reason says so.
        """
        problem = blob_url_error(digest)
        if problem is not None:
            raise RegistryResponseError(problem, where=self.endpoint, expected="a digest", actual=digest)
        answer = self._get("GET", f"{self._base}/referrers/{path_quoted(digest)}", accept=OCI_INDEX)
        if answer.status not in (200, *_NO_API):
            self._require_success(answer, f"referrers of {digest}")
        content_type = answer.headers.get("Content-Type")
        if answer.status == 200 and essence(content_type or "") == OCI_INDEX:
            more = _next_page(answer.url, answer.headers.get("Link", "")) is not None
            body = answer.read(MANIFEST_LIMIT, "the list of referrers")
            raw = RawManifest(body=body, accept=OCI_INDEX, content_type=content_type)
            return Referrers(way="api", manifest=raw, reason="the registry has more pages than the first" if more else "")
        read_error_body(answer)
        reason = f"no referrers API: {answer.status} {answer.reason}, {content_type or 'no Content-Type'}"
        url = f"{self._base}/manifests/{path_quoted(fallback_tag(digest))}"
        answer = self._get("GET", url, accept=OCI_INDEX)
        if answer.status == 404:
            read_error_body(answer)
            return Referrers(way="none", reason=f"{reason}; no tag {fallback_tag(digest)}")
        self._require_success(answer, f"referrers of {digest}")
        raw = RawManifest(
            body=answer.read(MANIFEST_LIMIT, "the list of referrers"),
            accept=OCI_INDEX,
            content_type=answer.headers.get("Content-Type"),
            header_digest=answer.headers.get("Docker-Content-Digest"),
        )
        return Referrers(way="tag", manifest=raw, reason=reason)

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the exchanges recorded since the last call, and forget them."""
        drained: list[Endpoint | Request] = []
        while self._records:
            drained.append(self._records.popleft())
        return tuple(drained)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def _base(self) -> str:
        if self._client is None:
            self._find_endpoint()
        return f"{self.endpoint}/v2/{self._repository.remote_name}"

    def _find_endpoint(self) -> None:
        """Take the first endpoint that answers; raise the last one's error when none does."""
        for address in self._addresses:
            client = httpx.Client(
                transport=self._transport,
                verify=address.tls == "verified",
                trust_env=False,
                follow_redirects=False,
                timeout=TIMEOUT,
            )
            try:
                self._ping(address, client)
            except SourceError as error:
                client.close()
                self._records.append(_endpoint_row(address, error))
                if address is self._addresses[-1]:
                    raise
            else:
                self._client = client
                self.endpoint = address.url
                self._records.append(_endpoint_row(address, None))
                return

    def _ping(self, address: EndpointAddress, client: httpx.Client) -> None:
        """Ask an endpoint whether it speaks v2, and what it wants to know first."""
        self._wire = Wire(client, self._records, user_agent=f"layerproof/{VERSION}", as_seed=self._as_seed)
        answer = self._wire.send("GET", f"{address.url}/v2/")
        read_error_body(answer)
        if address.must_say_version and not _speaks_v2(answer.headers):
            raise RegistryResponseError(
                "endpoint does not support v2 API",
                where=answer.url,
                expected=f"{_VERSION_HEADER}: registry/2.0",
                actual=answer.headers.get(_VERSION_HEADER, f"no such header, {answer.status} {answer.reason}"),
                next_step="check that the address is a registry's",
            )
        asked = answer.headers.get_list("WWW-Authenticate") if answer.status == 401 else []
        self._authorizer = Authorizer(
            self._wire, parse_challenges(asked), self._credentials, self._repository, as_seed=self._as_seed
        )

    def _get(self, method: str, url: str, *, accept: str | None = None) -> Answer:
        answer = self._wire.send(method, url, accept=accept, authorize=self._authorizer.header)
        if answer.status == 401 and not self._as_seed and self._authorizer.forget_token():
            read_error_body(answer)
            return self._wire.send(method, url, accept=accept, authorize=self._authorizer.header)
        return answer

    def _require_success(self, answer: Answer, what: str) -> None:
        if not 200 <= answer.status < 400:
            raise error_answer(answer.status, answer.reason, read_error_body(answer), url=answer.url, what=what)

    def _seed_stat(self, url: str, digest: str) -> int:
        answer = self._get("HEAD", url)
        answer.close()
        if answer.status == 404:
            raise NotFoundError("unknown blob", where=answer.url, expected=digest, actual="404 Not Found")
        if not 200 <= answer.status < 400:
            raise error_answer(answer.status, answer.reason, b"", url=answer.url, what=f"blob {digest}")
        length = answer.headers.get("Content-Length", "")
        if not length.isascii() or not length.lstrip("+-").isdigit():
            raise RegistryResponseError(
                f"error parsing content-length: strconv.ParseInt: parsing {go_quote(length)}: invalid syntax",
                where=answer.url,
                expected="a Content-Length",
                actual=length,
            )
        return int(length)

    def _seed_body(self, url: str, size: int) -> Iterator[bytes]:
        if size <= 0:
            return
        answer = self._get("GET", url)
        if not 200 <= answer.status < 400:
            answer.close()
            raise UnreachableError(f"unexpected status resolving reader: {answer.status} {answer.reason}", where=answer.url)
        received = 0
        try:
            for chunk in answer.body:
                for start in range(0, len(chunk), _SEED_READ):
                    piece = chunk[start : start + _SEED_READ]
                    received += len(piece)
                    yield piece
                    if received >= size:
                        return
        finally:
            answer.close()


def _endpoint_row(address: EndpointAddress, error: SourceError | None) -> Endpoint:
    return Endpoint(
        url=address.url,
        version="v2",
        mirror=False,
        tls=address.tls,
        outcome="used" if error is None else "failed",
        fallback=error is not None,
        reason="" if error is None else error.message,
    )


def _speaks_v2(headers: httpx.Headers) -> bool:
    words = " ".join(headers.get_list(_VERSION_HEADER)).split()
    return any(word.partition("/")[0].lower() == "registry" and word.partition("/")[2] == "2.0" for word in words)


def _content_length(answer: Answer) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None


def _tags_of(body: bytes, url: str) -> list[str]:
    try:
        document: dict[str, Any] = unmarshal(body, _TAG_LIST)
    except GoJSONError as error:
        raise RegistryResponseError(
            error.message, where=url, expected='{"tags":[…]}', actual=body[:80].decode("utf-8", "replace")
        ) from error
    return list(document["tags"] or ())


def _next_page(url: str, link: str) -> str | None:
    """Read the URL of a Link header's next page; only within the same origin."""
    for part in link.split(","):
        target, _, parameters = part.strip().partition(";")
        if target.startswith("<") and target.endswith(">") and 'rel="next"' in parameters.replace("rel=next", 'rel="next"'):
            following = httpx.URL(url).join(target[1:-1])
            if (following.scheme, following.netloc) != (httpx.URL(url).scheme, httpx.URL(url).netloc):
                raise RegistryResponseError(
                    "the next page of tags is on another host",
                    where=url,
                    expected=str(httpx.URL(url).netloc.decode()),
                    actual=str(following.netloc.decode()),
                    next_step="the registry is broken or hostile",
                )
            return str(following)
    return None
