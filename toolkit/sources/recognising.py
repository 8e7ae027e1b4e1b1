"""What is at a path.

The rule of this file: what is there is looked at once and named; what is not known says what would be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from toolkit.errors import SourceError
from toolkit.sources.dir_image import DirImage
from toolkit.sources.docker_archive import DockerArchive
from toolkit.sources.docker_root import DockerRoot
from toolkit.sources.files import FileSource
from toolkit.sources.oci_layout import OciLayout
from toolkit.sources.protocol import Source
from toolkit.sources.registry import RegistrySource
from toolkit.sources.registry_tree import RegistryTree
from toolkit.sources.static_registry import DESCRIPTION, StaticRegistry
from toolkit.sources.tree import Below, FolderTree, TarTree, Tree, open_tree

_KINDS: Final = (OciLayout, DirImage, DockerArchive, RegistryTree, DockerRoot)
"""What files are tried as, in this order: a hybrid archive is a layout first, a ``dir:`` is told by its version."""
EXPECTED: Final = (
    f"a saved registry ({DESCRIPTION}), an OCI layout (oci-layout, index.json), a dir: image (version, manifest.json), "
    "a docker-archive (manifest.json, or repositories), a registry's storage (docker/registry/v2), "
    "or a docker root (image/DRIVER, or graph); all but the first also as a tar"
)
_SHOWN: Final = 8


def open_path(path: Path) -> Source:
    """Name what is at a path: by what stands in a folder or a tar, never by how it is called.

    Raises
    ------
    SourceError
        Nothing there is known to hold images, or it cannot be read.
    """
    tree = open_tree(path)
    if isinstance(tree, FolderTree) and tree.kind(DESCRIPTION) == "file":
        registry = StaticRegistry.load(path)
        return RegistrySource(registry.name, transport=registry)
    return _recognised(tree, path)


def _recognised(tree: Tree, path: Path) -> Source:
    top = tree.names("")
    within = [Below(tree, top[0])] if isinstance(tree, TarTree) and len(top) == 1 and tree.kind(top[0]) == "folder" else []
    for candidate in (tree, *within):
        for kind in _KINDS:
            if kind.recognises(candidate):
                return FileSource(kind(candidate))
    raise SourceError(
        f"nothing in {path} is known to hold images",
        where=str(path),
        expected=EXPECTED,
        actual=", ".join(top[:_SHOWN]) or "nothing",
        next_step="give host[:port] of a registry, or one of these",
    )
