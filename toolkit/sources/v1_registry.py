"""A registry of Docker's first protocol, which has no digests and no signatures.

The rule of this file: nothing here is verified, and everything says so. What stands in a URL or a file's name is an image
ID or the name that was asked for; a layer goes to disk on its way and is never in memory.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from toolkit import fsops
from toolkit.errors import (
    LimitError,
    NotFoundError,
    RateLimitError,
    RegistryResponseError,
    SourceError,
    ToolkitError,
    UnauthorizedError,
)
from toolkit.go_json.scan import decode_utf8, go_quote
from toolkit.manifests.raw import RawManifest
from toolkit.records import Endpoint, Request
from toolkit.references import DEFAULT_REGISTRY, Reference, Repository, image_id_error, tag_error
from toolkit.sources import legacy_chain
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoints import NO_SUPPORT
from toolkit.sources.files import Held
from toolkit.sources.legacy_chain import LONGEST_CHAIN, Link
from toolkit.sources.protocol import MANIFEST_LIMIT, TAG_LIST_LIMIT, BlobStream, Referrers, Resume
from toolkit.sources.urls import path_quoted
from toolkit.sources.wire import ANSWER_SECONDS, Answer, Wire, read_error_body

MADE_FROM: Final = "v1 protocol: unverified ancestry and descriptions, of a registry that has no manifests"
UNSIGNED: Final = "v1 protocol: unverified, nothing in it is signed"
LAYER_LIMIT: Final = 16 * 1024**3
ANCESTRY_LIMIT: Final = 256 * 1024
_TOKEN_LIMIT: Final = 8 * 1024
_MOST_ENDPOINTS: Final = 16
_HUB_INDEX: Final = "index.docker.io"
_HOSTILE: Final = "the registry is broken or hostile"


class V1Connection:
    """One visit to a registry by the v1 protocol.

    Parameters
    ----------
    base_url : str
        Scheme, host and port; nothing is sent anywhere else but where the registry itself redirects to.
    repository : Repository
    wire : Wire
        Closed, and woken, by whoever made it.
    credentials : Credentials or None
        Shown to the registry the user typed: with every request over https, else when a token is asked for.
    records : deque, optional
        Where rows about endpoints go that the registry names: the wire's own. The ones kept here are given out by ``drain``.

    Notes
    -----
    Origin: ``graph/pull_v1.go``, ``registry.Session`` and ``registry.Endpoint`` of Docker 1.9. There other hosts named by
    ``X-Docker-Endpoints`` were asked as well, cookies were kept, and nothing compared an ancestry with the descriptions.
    """

    def __init__(
        self,
        base_url: str,
        repository: Repository,
        wire: Wire,
        credentials: Credentials | None,
        *,
        records: deque[Endpoint | Request] | None = None,
    ) -> None:
        self.endpoint = base_url.rstrip("/")
        self._origin = _origin(self.endpoint)
        self._repository = repository
        self._wire = wire
        self._records: deque[Endpoint | Request] = deque() if records is None else records
        usable = credentials is not None and credentials.complete and self._is_meant(credentials)
        self._basic = credentials.basic() if usable and credentials is not None else None
        self._greeted = self._introduced = self._is_private = False
        self._token: str | None = None
        self._ignored: set[str] = set()
        self._spool = _Spool()

    def ping(self) -> None:
        """Ask whether the endpoint speaks v1; once.

        Raises
        ------
        SourceError
            It does not, or cannot be reached.

        Notes
        -----
        Origin: ``Endpoint.pingV1`` of Docker 1.9, which took any answer for a yes, and asked over https only. Docker Hub's index
        has no ping.
        """
        if self._greeted:
            return
        if self._origin[0] == "https" and self._origin[1] != _HUB_INDEX:
            answer = self._wire.send("GET", f"{self.endpoint}/v1/_ping")
            standalone = answer.headers.get("X-Docker-Registry-Standalone", "true").lower()
            read_error_body(answer)
            if answer.status not in (200, 401):
                raise _wrong(answer, "endpoint does not support v1 API", "200 OK", f"{answer.status} {answer.reason}")
            self._is_private = standalone in ("", "true", "1")
        self._greeted = True

    def manifest(self, reference: Reference) -> RawManifest:
        """Put the manifest of a tag together; its layers are fetched and hashed for it, each once.

        Raises
        ------
        NotFoundError
            There is no such tag; or it is asked for by digest, of which this protocol has none.
        SourceError
            An answer is not what the protocol says, is too large, or contradicts another.
        GraphIOError
            A layer cannot be kept until it is asked for.
        """
        if reference.digest is not None:
            raise NotFoundError(
                "Cannot pull by digest with v1 registry",
                where=self.endpoint,
                expected="a tag",
                actual=reference.digest,
                next_step="ask by tag; what comes then is unverified",
                code=NO_SUPPORT,
            )
        self.ping()
        try:
            return self._manifest(reference.asked)
        except SourceError as error:
            error.fallback = False  # as Docker 1.9: once a v1 registry has answered, no other endpoint is tried
            raise

    def tags(self) -> list[str]:
        """List the tags of the repository, in the registry's order; what is no tag is left out."""
        self.ping()
        return [tag for tag in self._tags(None) if tag_error(tag) is None]

    def blob(self, digest: str, resume: Resume | None = None) -> BlobStream:
        """Open a layer of a manifest this visit has put together: the bytes that came then."""
        del resume  # it lies here whole
        path = self._spool.paths.get(digest)
        if path is None:
            raise NotFoundError(
                "unknown blob",
                where=self.endpoint,
                expected=digest,
                actual="the v1 protocol has no digests",
                next_step="ask for the manifest first: its layers come with it",
            )
        return BlobStream(fsops.size(path), fsops.chunks(path))

    def referrers(self, digest: str) -> Referrers:
        """Nothing: there is no digest that could be referred to."""
        del digest
        return Referrers(way="none", reason="the v1 protocol has no digests")

    def next_endpoint(self, error: ToolkitError) -> ToolkitError:
        """There is one endpoint only."""
        return error

    def abort(self) -> None:
        """Nothing: whoever made the wire wakes it."""

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the rows recorded since the last call, and forget them."""
        drained: list[Endpoint | Request] = []
        while self._records:
            drained.append(self._records.popleft())
        return tuple(drained)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._spool.remove()

    # -- what the manifest is made of ----------------------------------------------------------------------------

    def _manifest(self, tag: str) -> RawManifest:
        ids = self._ancestry(self._tags(tag)[tag])
        links = self._links(ids)
        held = Held(f"{self._repository.remote_name}:{tag}", ids[0])
        raw = legacy_chain.manifest(held, links, self._blob_sum, MADE_FROM)
        return replace(raw, unsigned_because=UNSIGNED, unverified=True)

    def _tags(self, asked: str | None) -> dict[str, str]:
        """Tags to image IDs; the one that was asked for is among them, and names an image."""
        self._introduce(asked)
        name = self._repository.remote_name
        path = f"repositories/{path_quoted(name if '/' in name else f'library/{name}')}/tags"
        answer = self._get(path, "unable to get remote tags", self._not_found(asked))
        found = _object(answer, answer.read(TAG_LIST_LIMIT, "the list of tags"), "the list of tags")
        for value in found.values():
            if not isinstance(value, str):
                raise _wrong(answer, "the list of tags is not one of image IDs", "tags to image IDs", type(value).__name__)
        if asked is not None:
            if asked not in found:
                raise self._missing(answer, self._not_found(asked), "no such tag")
            self._checked_id(answer, found[asked], "the list of tags")
        return found

    def _ancestry(self, image: str) -> list[str]:
        answer = self._get(f"images/{image}/ancestry", f"trying to fetch remote history for {image}")
        ids = _array(answer, answer.read(ANCESTRY_LIMIT, "an ancestry"), "the ancestry")
        if len(ids) > LONGEST_CHAIN:
            raise LimitError(
                f"an image of more than {LONGEST_CHAIN} layers",
                where=answer.url,
                expected=f"at most {LONGEST_CHAIN}",
                actual=len(ids),
                next_step=_HOSTILE,
            )
        found = [self._checked_id(answer, one, "the ancestry") for one in ids]
        if found[:1] != [image]:
            raise _wrong(answer, f"the ancestry of {image} begins with another image", image, found[:1])
        if len(set(found)) != len(found):
            raise _wrong(answer, f"the ancestry of {image} is a circle", "each image once", f"{len(set(found))} of {len(found)}")
        return found

    def _links(self, ids: list[str]) -> list[Link]:
        """Fetch every description, top first, as the texts they are; each must name itself and the next one."""
        budget = MANIFEST_LIMIT
        links = []
        for image, parent in zip(ids, [*ids[1:], None], strict=True):
            answer = self._get(f"images/{image}/json", f"trying to fetch the description of {image}")
            data = answer.read(budget, "the descriptions of an image")
            value = _object(answer, data, f"the description of {image}")
            for member, wanted in (("id", image), ("parent", parent)):
                if (value.get(member) or None) != wanted:
                    text = f"the description of {image} and the ancestry disagree about {member!r}"
                    raise _wrong(answer, text, wanted or "none", value.get(member))
            links.append(Link(image, data.decode("utf-8"), value))
            budget -= len(json.dumps(links[-1].text))  # as much as it takes in the manifest
            if budget < 0:
                raise _too_large(answer, "the manifest that would be put together", MANIFEST_LIMIT)
        return links

    def _blob_sum(self, link: Link) -> str:
        if link.id not in self._spool.digests:
            failing = f"while fetching image layer ({link.id})"
            answer = self._get(f"images/{link.id}/layer", failing, seconds=None)
            with closing(answer):
                self._spool.take(link.id, answer)
        return self._spool.digests[link.id]

    def _checked_id(self, answer: Answer, text: object, what: str) -> str:
        if not isinstance(text, str) or image_id_error(text) is not None:
            raise _wrong(answer, f"{what} names what is no image ID", "64 lower-case hex digits", text)
        return text

    # -- questions -----------------------------------------------------------------------------------------------

    def _introduce(self, tag: str | None) -> None:
        """Ask for the repository: that gives a token, and names of hosts that are not asked."""
        if self._introduced:
            return
        self._token = None
        url = f"{self.endpoint}/v1/repositories/{path_quoted(self._repository.remote_name)}/images"
        answer = self._wire.send("GET", url, authorize=lambda _: self._basic, headers={"X-Docker-Token": "true"})
        self._require_success(answer, f"trying to pull repository {self._repository.remote_name}", self._not_found(tag))
        _array(answer, answer.read(TAG_LIST_LIMIT, "the list of images"), "the list of images")
        if _origin(answer.url) == self._origin:
            self._token = _token(answer)
            self._note_endpoints(answer.headers.get("X-Docker-Endpoints", ""))
        self._introduced = True

    def _note_endpoints(self, named: str) -> None:
        others = [one for one in dict.fromkeys(one.strip() for one in named.split(",")) if one not in ("", self._origin[1])]
        for other in [one for one in others[:_MOST_ENDPOINTS] if one not in self._ignored]:
            self._ignored.add(other)
            self._records.append(
                Endpoint(
                    url=f"{self._origin[0]}://{ascii(other)[1:-1][:80]}",
                    version="v1",
                    mirror=False,
                    tls="none",
                    outcome="failed",
                    fallback=True,
                    reason=f"named in X-Docker-Endpoints by {self._origin[1]}: another host is not asked",
                )
            )

    def _get(self, path: str, failing: str, missing: str | None = None, *, seconds: float | None = ANSWER_SECONDS) -> Answer:
        """Ask with what authorizes us; a token that was refused is asked for anew, once."""
        url = f"{self.endpoint}/v1/{path}"
        answer = self._wire.send("GET", url, authorize=self._authorization, seconds=seconds)
        if answer.status == 401 and self._token is not None:
            read_error_body(answer)
            self._introduced = False
            self._introduce(None)
            answer = self._wire.send("GET", url, authorize=self._authorization, seconds=seconds)
        self._require_success(answer, failing, missing)
        return answer

    def _authorization(self, _url: str) -> str | None:
        """The header for the registry itself; the wire shows it to no other origin."""
        if self._is_private and self._basic is not None:
            return self._basic
        return None if self._token is None else f"Token {self._token}"

    def _is_meant(self, credentials: Credentials) -> bool:
        registry, host = self._repository.registry, self._origin[1]
        return credentials.may_go_to(host, registry=registry) or (registry, host) == (DEFAULT_REGISTRY, _HUB_INDEX)

    def _not_found(self, tag: str | None) -> str:
        name = self._repository.remote_name
        return f"Error: image {name if tag is None else f'{name}:{tag}'} not found"

    def _require_success(self, answer: Answer, failing: str, missing: str | None = None) -> None:
        """Raise the error of an answer that is not 200, in Docker 1.9's words."""
        if answer.status == 200:
            return
        said = f"{answer.status} {answer.reason}".rstrip()
        body = decode_utf8(read_error_body(answer))[:200]
        if answer.status in (401, 403):
            text = "Authentication is required." if answer.status == 401 else f"Server error: 403 {failing}"
            raise UnauthorizedError(
                text, where=answer.url, actual=said, next_step="give --username and --password-stdin, or check them"
            )
        if answer.status == 404:
            raise self._missing(answer, missing or f"Server error: 404 {failing}", said)
        kind = RateLimitError if answer.status == 429 else RegistryResponseError
        raise kind(
            f"Server error: {answer.status} {failing}: {go_quote(body)}",
            where=answer.url,
            expected="200 OK",
            actual=said,
            next_step="try again later, or ask who runs the registry",
        )

    def _missing(self, answer: Answer, message: str, actual: str) -> NotFoundError:
        return NotFoundError(
            message,
            where=answer.url,
            expected=self._repository.remote_name,
            actual=actual,
            next_step="`layerproof tags NAME` lists what is there",
        )


class _Spool:
    """Layers on disk until the visit ends: image IDs to digests, digests to files."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.paths: dict[str, Path] = {}
        self._folder: Path | None = None
        self._removal: Callable[[], object] | None = None

    def take(self, image: str, answer: Answer) -> None:
        """Write a layer as it comes and hash it; what is not whole leaves no file."""
        path = self._place() / image
        meter, size = hashlib.sha256(), 0
        try:
            with fsops.NewFile(path) as file:
                for chunk in answer.body:
                    size += len(chunk)
                    if size > LAYER_LIMIT:
                        raise _too_large(answer, "a layer", LAYER_LIMIT)
                    meter.update(chunk)
                    file.write(chunk)
        except BaseException:
            fsops.discard(path)
            raise
        digest = f"sha256:{meter.hexdigest()}"
        if self.paths.setdefault(digest, path) != path:
            fsops.discard(path)  # the same bytes lie here already
        self.digests[image] = digest

    def _place(self) -> Path:
        if self._folder is None:
            with fsops.guarded(Path("a temporary folder"), "make"):
                self._folder = fsops.make_temporary_directory()
            self._removal = weakref.finalize(self, fsops.remove_tree, self._folder)  # also when nobody ends the visit
        return self._folder

    def remove(self) -> None:
        """Remove every layer."""
        if self._removal is not None:
            self._removal()
        self.digests, self.paths, self._folder, self._removal = {}, {}, None, None


def _object(answer: Answer, data: bytes, what: str) -> dict[str, Any]:
    value = _parsed(answer, data, what)
    if not isinstance(value, dict):
        raise _wrong(answer, f"{what} is not an object", "an object", type(value).__name__)
    return value


def _array(answer: Answer, data: bytes, what: str) -> list[Any]:
    value = _parsed(answer, data, what)
    if not isinstance(value, list):
        raise _wrong(answer, f"{what} is not an array", "an array", type(value).__name__)
    return value


def _parsed(answer: Answer, data: bytes, what: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong(answer, f"{what} is not JSON: {error}", "JSON", type(error).__name__) from error


def _token(answer: Answer) -> str | None:
    """The token of an answer; it is a secret, and is not quoted where it cannot be used."""
    token = ",".join(answer.headers.get_list("X-Docker-Token"))
    if len(token) > _TOKEN_LIMIT or not token.isascii() or not token.isprintable():
        raise _wrong(answer, "the token cannot be sent back", f"at most {_TOKEN_LIMIT} printable characters", "another text")
    return token or None


def _wrong(answer: Answer, message: str, expected: str, actual: object) -> RegistryResponseError:
    shown = actual if isinstance(actual, str) and actual.isascii() and actual.isprintable() else ascii(actual)
    return RegistryResponseError(message, where=answer.url, expected=expected, actual=shown[:80], next_step=_HOSTILE)


def _too_large(answer: Answer, what: str, limit: int) -> LimitError:
    return LimitError(
        f"{what} is larger than {limit} bytes",
        where=answer.url,
        expected=f"at most {limit} bytes",
        actual=f"more than {limit} bytes",
        next_step=_HOSTILE,
    )


def _origin(url: str) -> tuple[str, str]:
    """Scheme, and host with its port.

    >>> _origin("http://ada@h:5000/v1/_ping")
    ('http', 'h:5000')
    """
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]
