"""What skopeo calls ``dir:``: one image's manifest and blobs in one folder, each file named by its digest.

The rule of this file: the image has no name here; it is asked for by nothing, or by digest.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.digests import Digest
from toolkit.manifests.raw import RawManifest
from toolkit.sources.files import Held, own_digest, stream
from toolkit.sources.protocol import MANIFEST_LIMIT, BlobStream, Referrers
from toolkit.sources.tree import Tree, read


class DirImage:
    """The image of a ``dir:`` folder, and the manifests of its platforms where it is an index.

    Notes
    -----
    Origin: containers-transports(5), "dir:path".
    """

    kind = "dir"

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @classmethod
    def recognises(cls, tree: Tree) -> bool:
        """Whether a tree looks like one; ``manifest.json`` is then an object, where an archive has an array.

        Such folders are also kept without the file ``version``.
        """
        if tree.kind("manifest.json") != "file":
            return False
        return tree.kind("version") == "file" or next(tree.chunks("manifest.json"), b"").lstrip()[:1] == b"{"

    def images(self) -> Sequence[Held]:
        """The one image."""
        return (Held("", "manifest.json"),)

    def manifest(self, key: str) -> RawManifest:
        """The manifest as it was received."""
        return RawManifest(body=read(self.tree, key, MANIFEST_LIMIT, "the image's manifest"))

    def by_digest(self, digest: Digest) -> RawManifest | None:
        """The image's own manifest, also by what its signatures cover, or that of one platform."""
        raw = self.manifest("manifest.json")
        if str(digest) in (str(Digest.of(raw.body, digest.algorithm)), own_digest(raw.body, digest.algorithm)):
            return raw
        name = f"{_name(self.tree, digest)}.manifest.json"
        return None if self.tree.size(name) is None else self.manifest(name)

    def blob(self, digest: Digest) -> BlobStream:
        """A blob."""
        return stream(self.tree, _name(self.tree, digest), f"the blob {digest}")

    def referrers(self, digest: str) -> Referrers:
        """Nothing: the folder holds one image."""
        del digest
        return Referrers(way="none", reason="a dir: folder holds one image and nothing that refers to it")


def _name(tree: Tree, digest: Digest) -> str:
    """The file of a digest: its hex; other algorithms than sha256 may stand before it."""
    long = f"{digest.algorithm}-{digest.hex}"
    return digest.hex if digest.algorithm == "sha256" or tree.kind(long) is None else long
