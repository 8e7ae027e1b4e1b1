"""One visit to a registry: manifests, tags and blobs of the v2 protocol.

The rule of this file: it asks and hands over. The bytes of a manifest or blob are as received; what headers claim is
recorded and never decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from toolkit.errors import (
    GoJSONError,
    LimitError,
    NotFoundError,
    RegistryResponseError,
    UnreachableError,
)
from toolkit.go_json.decode import STRING, Slice, Struct, unmarshal
from toolkit.go_json.scan import go_quote
from toolkit.manifests.media_types import ACCEPTED, OCI_INDEX, essence, kind_of
from toolkit.manifests.raw import RawManifest
from toolkit.references import Reference, Repository, blob_url_error, manifest_url_error
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoint_visit import EndpointVisit
from toolkit.sources.endpoints import EndpointAddress
from toolkit.sources.link import next_page
from toolkit.sources.protocol import MANIFEST_LIMIT, TAG_LIST_LIMIT, BlobStream, Referrers, Resume, fallback_tag
from toolkit.sources.registry_errors import error_answer
from toolkit.sources.registry_state import RegistryState
from toolkit.sources.retries import pause
from toolkit.sources.urls import path_quoted
from toolkit.sources.wire import Answer, read_error_body

ACCEPT: Final = ", ".join(ACCEPTED)
_TAG_LIST: Final = Struct("client.tagsResponse", (("tags", Slice("[]string", STRING)),))
_MAX_PAGES: Final = 1_000
_SEED_READ: Final = 32 * 1024
_NO_API: Final = (400, 404, 405, 410, 501)
"""How registries without the referrers API answer a path they do not know."""


class RegistryConnection(EndpointVisit):
    """One visit to a registry; made by ``RegistrySource.connect``.

    Parameters
    ----------
    addresses, repository, state, credentials, as_seed
        As in ``EndpointVisit``.
    accept : str, optional
        The Accept header of manifests; every known format when absent.
    """

    def __init__(
        self,
        addresses: list[EndpointAddress],
        repository: Repository,
        state: RegistryState,
        *,
        credentials: Credentials | None,
        as_seed: bool,
        accept: str | None = None,
    ) -> None:
        super().__init__(addresses, repository, state, credentials=credentials, as_seed=as_seed)
        self._accept = accept or ACCEPT

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
        if (legacy := self._v1()) is not None:
            return legacy.manifest(reference)
        url = f"{self._base}/manifests/{path_quoted(asked)}"
        accept = None if self._as_seed else self._accept
        answer = self._get("GET", url, accept=accept, counted=True)
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
        """List every tag: all pages, in the registry's order, each once; as the registry writes them, also what is no tag.

        Notes
        -----
        Origin: distribution-spec, "Listing Tags". Docker 1.9 read one page and took a 404 for an empty list.
        """
        if (legacy := self._v1()) is not None:
            return legacy.tags()
        url = f"{self._base}/tags/list"
        found: dict[str, None] = {}
        visited: set[str] = set()
        budget = TAG_LIST_LIMIT
        while True:
            self._turn_page(url, visited)
            answer = self._get("GET", url)
            if answer.status == 404 and self._as_seed:
                answer.close()
                return []
            self._require_success(answer, f"tags of {self._repository.remote_name}")
            body = answer.read(budget, "the list of tags")
            budget -= len(body)
            found.update(dict.fromkeys(_tags_of(body, answer.url)))
            following = next_page(url, answer.headers.get("Link", ""))
            if following is None or self._as_seed:
                break
            url = following
        return list(found)

    def _turn_page(self, url: str, visited: set[str]) -> None:
        """A list has an end: no page comes twice, and there are not too many."""
        if url in visited:
            raise RegistryResponseError(
                "the list of tags leads back to a page that was read already",
                where=url,
                expected="another page, or the end",
                actual=url,
                next_step="the registry is broken or hostile",
            )
        if len(visited) >= _MAX_PAGES:
            raise LimitError(
                f"the list of tags has more than {_MAX_PAGES} pages",
                where=url,
                expected=f"at most {_MAX_PAGES} pages",
                actual="one more",
                next_step="nothing of this size is expected here; the source may be hostile",
            )
        visited.add(url)

    def blob(self, digest: str, resume: Resume | None = None) -> BlobStream:
        """Open a blob, or go on with one.

        Notes
        -----
        Origin: ``client.blobs.Stat`` and ``Open`` of Docker 1.9. As the seed, the size of a HEAD comes first and no
        byte is read beyond it; otherwise one GET does. A download goes on only where the answer says exactly that
        (RFC 9110, section 14.4) about bytes that have not changed; any other answer starts from the beginning.
        """
        problem = blob_url_error(digest)
        if problem is not None:
            raise RegistryResponseError(problem, where=self.endpoint, expected="a digest", actual=digest)
        if (legacy := self._v1()) is not None:
            return legacy.blob(digest)
        url = f"{self._base}/blobs/{path_quoted(digest)}"
        if self._as_seed:
            size = self._seed_stat(url, digest)
            return BlobStream(size, self._seed_body(url, size))
        answer, goes_on = self._blob_answer(url, resume)
        if answer.status == 404:
            read_error_body(answer)
            raise NotFoundError("unknown blob", where=answer.url, expected=digest, actual="404 Not Found")
        self._require_success(answer, f"blob {digest}", also=(206,) if goes_on else ())
        if goes_on:
            assert resume is not None
            return BlobStream(resume.announced, answer.body, resume.start, resume.validator, answer.close, answer.attempt)
        return BlobStream(
            _content_length(answer), answer.body, validator=_validator(answer), close=answer.close, attempt=answer.attempt
        )

    def _blob_answer(self, url: str, resume: Resume | None) -> tuple[Answer, bool]:
        """Ask for a blob, or its rest; tell whether the answer is exactly that rest."""
        attempt = 1 if resume is None else resume.attempt
        if attempt > 1:
            self._state.network.clock.sleep(pause(attempt - 1), self._stop)
        if resume is not None and resume.start:
            asked = {"Range": f"bytes={resume.start}-"}
            answer = self._get("GET", url, headers=asked, seconds=None, attempt=attempt)
            if answer.status == 206 and _goes_on(answer, resume):
                return answer, True
            if answer.status not in (206, 416):
                return answer, False
            answer.close()
        return self._get("GET", url, seconds=None, attempt=attempt), False

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
        if (legacy := self._v1()) is not None:
            return legacy.referrers(digest)
        answer = self._get("GET", f"{self._base}/referrers/{path_quoted(digest)}", accept=OCI_INDEX)
        if answer.status not in _NO_API:
            self._require_success(answer, f"referrers of {digest}")
        content_type = answer.headers.get("Content-Type")
        if answer.status == 200 and essence(content_type or "") == OCI_INDEX:
            more = next_page(answer.url, answer.headers.get("Link", "")) is not None
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

    def _require_success(self, answer: Answer, what: str, *, also: tuple[int, ...] = ()) -> None:
        """Take nothing but 200 for an answer; Docker 1.9 took everything below 400."""
        if answer.status == 200 or answer.status in also or (self._as_seed and 200 <= answer.status < 400):
            return
        if not 200 <= answer.status < 400:
            raise error_answer(
                answer.status, answer.reason, read_error_body(answer), url=answer.url, what=what, as_seed=self._as_seed
            )
        answer.close()
        raise RegistryResponseError(
            f"{answer.status} {answer.reason} is no answer to this request",
            where=answer.url,
            expected=f"200 OK, with {what}",
            actual=f"{answer.status} {answer.reason}",
            next_step="the registry, or something before it, is broken or hostile",
        )

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


def _validator(answer: Answer) -> str | None:
    """What tells whether a later answer is about the same bytes: a strong ETag, or the digest the registry names."""
    tag: str | None = answer.headers.get("ETag")
    digest: str | None = answer.headers.get("Docker-Content-Digest")
    return tag if tag is not None and not tag.startswith("W/") else digest


def _goes_on(answer: Answer, resume: Resume) -> bool:
    """Whether an answer is exactly the rest that was asked for."""
    rest = f"bytes {resume.start}-{resume.announced - 1}/{resume.announced}"
    left = _content_length(answer)
    return (
        answer.headers.get("Content-Range") == rest
        and left in (None, resume.announced - resume.start)
        and _validator(answer) == resume.validator
    )
