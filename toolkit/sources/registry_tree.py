"""A registry's storage on a disk, as Docker's and CNCF's distribution write it.

The rule of this file: what a registry would serve for a tag is read from the files it would read; nothing is repaired.
The signatures of a manifest of the first format lie apart from it, and a registry joins them when it serves it: here the
bytes that were signed are handed over, unsigned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from toolkit.digests import Digest
from toolkit.errors import LimitError
from toolkit.manifests.raw import RawManifest
from toolkit.sources.files import Held, exact_digest, stream
from toolkit.sources.protocol import MANIFEST_LIMIT, BlobStream, Referrers
from toolkit.sources.tree import Below, Tree, read

_ROOTS: Final = ("docker/registry/v2", "registry/v2", "v2")
_MOST: Final = 100_000
_DEEPEST: Final = 128
_LINK_LIMIT: Final = 1024


class RegistryTree:
    """The images of a registry's storage folder.

    Notes
    -----
    Origin: ``registry/storage/paths.go`` of distribution.
    """

    kind = "registry-tree"

    def __init__(self, tree: Tree) -> None:
        root = _root_of(tree)
        self.tree = Below(tree, root) if root else tree

    @classmethod
    def recognises(cls, tree: Tree) -> bool:
        """Whether a tree holds one, at its top or where a registry puts it."""
        return _root_of(tree) is not None

    def images(self) -> Sequence[Held]:
        """Every tag of every repository."""
        return self._held

    def manifest(self, key: str) -> RawManifest:
        """The manifest of an image, by its digest."""
        digest = exact_digest(key, self.tree.where)
        body = read(self.tree, _path(digest), MANIFEST_LIMIT, f"the manifest {key}")
        return RawManifest(body=body, unsigned_because="a registry stores a schema1 manifest without its signatures")

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The manifest of that digest, tagged or not."""
        return None if self.tree.size(_path(digest)) is None else self.manifest(str(digest))

    def blob(self, digest: Digest) -> BlobStream:
        """A blob."""
        return stream(self.tree, _path(digest), f"the blob {digest}")

    def referrers(self, digest: str) -> Referrers:
        """Nothing by subject: a registry finds referrers by a tag, or by reading every manifest."""
        del digest
        return Referrers(way="none", reason="a registry's storage lists referrers under a tag only")

    @cached_property
    def _held(self) -> tuple[Held, ...]:
        found = []
        for repository in self._repositories():
            tags = f"repositories/{repository}/_manifests/tags"
            for tag in self.tree.names(tags):
                link = f"{tags}/{tag}/current/link"
                if self.tree.kind(link) is None:
                    continue
                text = read(self.tree, link, _LINK_LIMIT, f"the link of {repository}:{tag}").decode("utf-8", "replace").strip()
                found.append(Held(f"{repository}:{tag}", str(exact_digest(text, f"{self.tree.where}: {link}"))))
        return tuple(found)

    def _repositories(self) -> Iterator[str]:
        """Every folder under ``repositories`` that has manifests; a name may have any number of parts."""
        pending = [""]
        looked_at = 0
        while pending:
            name = pending.pop()
            looked_at += 1
            if looked_at > _MOST or name.count("/") > _DEEPEST:
                raise LimitError(
                    "too many repositories, or too deep", where=self.tree.where, expected=f"at most {_MOST}", actual="more"
                )
            folder = f"repositories/{name}".removesuffix("/")
            entries = self.tree.names(folder)
            if "_manifests" in entries:
                yield name
            inner = [entry for entry in entries if not entry.startswith("_") and self.tree.kind(f"{folder}/{entry}") == "folder"]
            pending += [f"{name}/{entry}".removeprefix("/") for entry in reversed(inner)]


def _root_of(tree: Tree) -> str | None:
    """Where in a tree the storage begins; None when it is not there."""
    if tree.kind("repositories") == "folder" and tree.kind("blobs") == "folder":
        return ""
    return next((root for root in _ROOTS if tree.kind(root) == "folder"), None)


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"
