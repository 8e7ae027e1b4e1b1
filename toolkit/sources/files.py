"""A source that is files: one visit to it, and how what the user asks for is found in it.

The rule of this file: a name finds an image only if the source itself gives that name; what stands for two images is
refused. How each kind of place stores its images is told by the rooms beside this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

from toolkit.digests import Digest
from toolkit.errors import (
    ContentError,
    DigestSyntaxError,
    NotFoundError,
    ReferenceSyntaxError,
    SourceError,
    ToolkitError,
    UsageError,
)
from toolkit.manifests.raw import RawManifest
from toolkit.manifests.signed_payload import extract
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, Repository, tag_error
from toolkit.sources.protocol import MANIFEST_LIMIT, BlobStream, Referrers, Resume, fallback_tag
from toolkit.sources.tree import Tree, read, required_size

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Held:
    """One image a source holds: the name it gives it, empty when it gives none, and the key it finds it by."""

    name: str
    key: str


class Images(Protocol):
    """What one kind of place knows of its images."""

    tree: Tree
    kind: str

    def images(self) -> Sequence[Held]:
        """Every image, in the source's own order; one with two names stands twice."""

    def manifest(self, key: str) -> RawManifest:
        """The manifest of an image."""

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The manifest of that digest; None when there is none."""

    def blob(self, digest: Digest) -> BlobStream:
        """A blob."""

    def referrers(self, digest: str) -> Referrers:
        """What refers to a manifest, as far as documents name their subject."""


class FileSource:
    """A place of files that holds images.

    Parameters
    ----------
    images : Images
        How the place is read.
    """

    def __init__(self, images: Images) -> None:
        self.images = images

    @property
    def name(self) -> str:
        """The path of the place."""
        return self.images.tree.where

    @property
    def kind(self) -> str:
        """Which kind of place it is."""
        return self.images.kind

    def resolve(self, text: str | None, *, seed_grammar: bool) -> Reference:
        """Read what the user asks for: a name the source gives, its tag alone, a digest, or nothing for the only image.

        Raises
        ------
        UsageError
            It is no name, or leaves open which image is meant.
        NotFoundError
            Nothing is asked for and there is no image.
        """
        images = self.images.images()
        if text is None:
            return self._reference(self._only(images))
        digest = text.removeprefix("@")
        if Digest.is_exact(digest):
            return Reference.bare(digest)
        exact = [image for image in images if image.name == text]
        if exact:
            return self._reference(exact[0])
        same_tag = [image for image in images if tag_of(image.name) == text]
        if len({image.key for image in same_tag}) > 1:
            raise UsageError(
                f"several images have the tag {text!r}",
                where=self.name,
                expected="the name of one image",
                actual=", ".join(image.name for image in same_tag[:_SHOWN]),
                next_step="give the whole name",
            )
        return self._reference(same_tag[0]) if same_tag else Reference.parse(text, seed_grammar=seed_grammar)

    def holds(self) -> list[str]:
        """The names that can be asked for; the digest of an image that has no name of its own."""
        try:
            images = self.images.images()
            first = {image.name: image.key for image in reversed(images)}
            shared = {image.name for image in images if image.key != first[image.name]}
            shown = [f"@{self._digest(image)}" if image.name in {"", *shared} else image.name for image in images]
        except ToolkitError:
            return []
        return list(dict.fromkeys(shown))

    def connect(self, repository: Repository, *, as_seed: bool = False, accept: str | None = None) -> FileConnection:
        """Start a visit; there is nothing to negotiate in a place of files."""
        del as_seed, accept
        return FileConnection(self, repository)

    def next_step(self) -> str:
        """What a reader can do whose image is not here."""
        held = self.holds()
        shown = ", ".join(held[:_SHOWN]) + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
        return f"ask for one of: {shown}" if held else "the source names no image"

    def _only(self, images: Sequence[Held]) -> Held:
        if not images:
            raise NotFoundError(
                "the source holds no image", where=self.name, expected="one image", actual="none", next_step="look at its index"
            )
        if len({image.key for image in images}) > 1:
            raise UsageError(
                "the source holds several images",
                where=self.name,
                expected="the name of one",
                actual=f"{len({image.key for image in images})} images",
                next_step=self.next_step(),
            )
        return images[0]

    def _reference(self, image: Held) -> Reference:
        """Make the reference of an image: by name, by tag where the source knows no more, else by digest."""
        if image.name and tag_error(image.name) is None:
            return Reference.bare(image.name)
        try:
            return Reference.parse(image.name)
        except ReferenceSyntaxError:
            return Reference.bare(self._digest(image))

    def _digest(self, image: Held) -> str:
        return image.key if Digest.is_exact(image.key) else own_digest(self.images.manifest(image.key).body)

    def __repr__(self) -> str:
        return f"FileSource({self.name!r}, {self.kind!r})"


class FileConnection:
    """One visit to a place of files; made by ``FileSource.connect``."""

    def __init__(self, source: FileSource, repository: Repository) -> None:
        self._source = source
        self._images = source.images
        self._repository = repository
        self._told = False
        self.endpoint = source.name

    def manifest(self, reference: Reference) -> RawManifest:
        """Find a manifest by name, tag or digest.

        Raises
        ------
        NotFoundError
            The source has none of that name; the next step lists those it has.
        SourceError
            The name stands for several images, or the source is broken.
        """
        if reference.digest is not None:
            raw = self._images.by_digest(exact_digest(reference.digest, self.endpoint))
            if raw is None:
                raise self._not_found(reference)
            return raw
        images = self._images.images()
        found = [image for image in images if image.name == reference.text]
        found = found or [image for image in images if _means(image.name, reference)]
        if not found:
            raise self._not_found(reference)
        if len({image.key for image in found}) > 1:
            raise SourceError(
                f"the name {reference.text!r} stands for {len({image.key for image in found})} images",
                where=self.endpoint,
                expected="one image of that name",
                actual=", ".join(image.key for image in found[:_SHOWN]),
                next_step="ask by digest",
            )
        return self._images.manifest(found[0].key)

    def tags(self) -> list[str]:
        """List the tags of the repository this visit is about, in the source's order."""
        found: dict[str, None] = {}
        for image in self._images.images():
            tag = tag_of(image.name)
            if tag is not None and _repository_of(image.name) == self._repository.canonical.removeprefix("/"):
                found[tag] = None
        return list(found)

    def blob(self, digest: str, resume: Resume | None = None) -> BlobStream:
        """Open a blob; its bytes are as they lie there, unverified, and always all of them."""
        del resume
        return self._images.blob(exact_digest(digest, self.endpoint))

    def referrers(self, digest: str) -> Referrers:
        """Find what refers to a manifest: by the subjects documents name, then by the tag that stands for it."""
        exact_digest(digest, self.endpoint)
        found = self._images.referrers(digest)
        if found.way != "none":
            return found
        tag = fallback_tag(digest)
        keys = [image.key for image in self._images.images() if tag_of(image.name) == tag and self._is_ours(image.name)]
        return Referrers(way="tag", manifest=self._images.manifest(keys[0]), reason=found.reason) if keys else found

    def next_endpoint(self, error: ToolkitError) -> ToolkitError:
        """There is one place only."""
        return error

    def abort(self) -> None:
        """Nobody waits for a file."""

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the row of the visit, once."""
        if self._told:
            return ()
        self._told = True
        row = Endpoint(
            url=self.endpoint, version=self._images.kind, mirror=False, tls="none", outcome="used", fallback=False, reason=""
        )
        return (row,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing stays open between two questions."""

    def _is_ours(self, name: str) -> bool:
        return _repository_of(name) in ("", self._repository.canonical.removeprefix("/")) or not self._repository.remote_name

    def _not_found(self, reference: Reference) -> NotFoundError:
        return NotFoundError(
            f"the source holds no image {reference.text!r}",
            where=self.endpoint,
            expected=reference.text,
            actual="no such image",
            next_step=self._source.next_step(),
        )


def tag_of(name: str) -> str | None:
    """The tag in a name a source gives; a name that is a tag alone is its own.

    >>> tag_of("docker.io/library/busybox:1.24"), tag_of("1.24"), tag_of("")
    ('1.24', '1.24', None)
    """
    if tag_error(name) is None:
        return name
    try:
        return Reference.parse(name).tag
    except ReferenceSyntaxError:
        return None


def exact_digest(text: str, where: str) -> Digest:
    """Read a digest before it becomes a path."""
    try:
        return Digest.parse(text)
    except DigestSyntaxError as error:
        raise SourceError(
            f"{text!r} is not a digest; nothing is looked for under that name",
            where=where,
            expected=error.expected,
            actual=text,
            next_step="the document that names it is broken or hostile",
        ) from error


def read_json(tree: Tree, name: str, kind: type, what: str) -> Any:
    """Read a small JSON file that must hold an object (``dict``) or an array (``list``).

    Raises
    ------
    SourceError
        It is not there, too large, no JSON, or another kind of value.
    """
    text = read(tree, name, MANIFEST_LIMIT, what)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise malformed(tree, name, f"{what} is not JSON: {error}", "JSON", type(error).__name__) from error
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "an array"
        raise malformed(tree, name, f"{what} is not {wanted}", wanted, type(value).__name__)
    return value


def malformed(tree: Tree, name: str, message: str, expected: str, actual: object) -> SourceError:
    """Make the error for a file of the source that is not what it should be."""
    return SourceError(
        message,
        where=f"{tree.where}: {name}",
        expected=expected,
        actual=actual,
        next_step="the source is incomplete or damaged; make it again",
    )


def compact(document: dict[str, Any]) -> bytes:
    """The bytes of a document that was put together: the same on every machine.

    >>> compact({"a": [1]})
    b'{"a":[1]}'
    """
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def stream(tree: Tree, name: str, what: str) -> BlobStream:
    """Open a file of the source as a blob."""
    return BlobStream(required_size(tree, name, what), tree.chunks(name))


def own_digest(body: bytes, algorithm: str = "sha256") -> str:
    """The digest a registry would give a manifest: of what is signed, in the first format, else of all of it."""
    try:
        signed = extract(body.strip())
    except ContentError:
        return str(Digest.of(body, algorithm))
    return str(Digest.of(body if signed.problem is not None else signed.data, algorithm))


def digest_of(chunks: Iterable[bytes], algorithm: str = "sha256") -> str:
    """Compute the digest of bytes on their way."""
    found = hashlib.new(algorithm)
    for chunk in chunks:
        found.update(chunk)
    return f"{algorithm}:{found.hexdigest()}"


def _means(name: str, reference: Reference) -> bool:
    """Whether a name a source gives is what a reference asks for."""
    if not reference.repository.remote_name:
        return tag_of(name) == reference.asked
    return tag_of(name) == reference.asked and _repository_of(name) == reference.repository.canonical


def _repository_of(name: str) -> str:
    """The repository in a name that has a tag; empty when the name is that tag alone."""
    return "" if tag_error(name) is None else Reference.parse(name).repository.canonical
