"""Tags and digest references: names to image IDs.

The rule of this file: the file is Docker 1.9's ``repositories`` file to the byte, read again before every operation;
what Docker refused is refused with its words; a reference is written after all it can reach.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from toolkit import fsops
from toolkit.digests import seed_digest_error
from toolkit.errors import GraphError, TagError
from toolkit.go_json import encode
from toolkit.graph.layout import EMPTY_REPOSITORIES, Layout
from toolkit.graph.settling import settle
from toolkit.references import DEFAULT_TAG, tag_error


class TagStore:
    """The references of a graph.

    Parameters
    ----------
    layout : Layout
    holds : callable
        Tells whether the graph has an image of an ID.
    """

    def __init__(self, layout: Layout, holds: Callable[[str], bool]) -> None:
        self._layout = layout
        self._holds = holds

    def all(self) -> dict[str, dict[str, str]]:
        """Local repository name to tag or digest to image ID."""
        text = fsops.read(self._layout.repositories) or EMPTY_REPOSITORIES
        try:
            document: Any = json.loads(text)
            return {
                str(name): {str(reference): str(image_id) for reference, image_id in references.items()}
                for name, references in (document["Repositories"] or {}).items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise GraphError(
                "the file of tags cannot be read",
                where=str(self._layout.repositories),
                expected='{"Repositories":{NAME:{TAG:ID}}}',
                actual=str(error),
                next_step="mend the file, or move it away: tags are set again by the next pull",
            ) from error

    def get(self, name: str, reference: str) -> str | None:
        """The image a tag or digest names; None when it is not set."""
        return self.all().get(name, {}).get(reference)

    def set(self, name: str, reference: str, image_id: str, *, force: bool = True) -> str | None:
        """Set a tag, or a digest if there is a colon; return the image it named before.

        Raises
        ------
        TagError
            With Docker's words: no such image, a bad name, a digest or (without ``force``) a tag set to another image.

        Notes
        -----
        Origin: ``TagStore.Tag`` and ``TagStore.SetDigest`` of Docker 1.9.
        """
        if ":" in reference:
            self._require_name(name)
            return self._set_digest(name, reference, image_id)
        reference = reference or DEFAULT_TAG
        if not self._holds(image_id):
            raise _refused(f"could not find image: no such id: {image_id}", f"{name}:{reference}")
        self._require_name(name)
        problem = tag_error(reference)
        if problem is not None:
            raise _refused(problem, name)
        old = self.get(name, reference)
        if old is not None and not force:
            raise _refused(
                f"Conflict: Tag {name}:{reference} is already set to image {old[:12]}, if you want to replace it, "
                "please use -f option",
                name,
            )
        self._write(name, reference, image_id)
        return old

    def references(self, image_id: str) -> list[str]:
        """Every reference of an image, sorted: ``name:tag`` and ``name@digest``."""
        return sorted(
            f"{name}{'@' if ':' in reference else ':'}{reference}"
            for name, references in self.all().items()
            for reference, named in references.items()
            if named == image_id
        )

    def _set_digest(self, name: str, digest: str, image_id: str) -> str | None:
        problem = seed_digest_error(digest)
        if problem is not None:
            raise _refused(problem, f"{name}@{digest}")
        old = self.get(name, digest)
        if old is not None and old != image_id:
            raise _refused(f"Conflict: Digest {digest} is already set to image {old}", name)
        self._write(name, digest, image_id)
        return old

    def _require_name(self, name: str) -> None:
        if not name:
            raise _refused("Repository name can't be empty", "tags")
        if name == "scratch":
            raise _refused("'scratch' is a reserved name", "tags")

    def _write(self, name: str, reference: str, image_id: str) -> None:
        references = self.all()
        if references.get(name, {}).get(reference) != image_id:
            references.setdefault(name, {})[reference] = image_id
            self.write(references)

    def write(self, references: Mapping[str, Mapping[str, str]]) -> None:
        """Make the file anew, of these references; nobody is asked whether they lead anywhere."""
        settle(self._layout)
        fsops.replace(self._layout.repositories, encoded(references))


def encoded(references: Mapping[str, Mapping[str, str]]) -> bytes:
    """The file of tags, as Docker 1.9 wrote it.

    >>> encoded({"busybox": {"1": "ab"}})
    b'{"Repositories":{"busybox":{"1":"ab"}}}'
    """
    return encode.struct(
        [
            (
                "Repositories",
                encode.mapping(
                    {
                        repository: encode.mapping({key: encode.string(value) for key, value in named.items()})
                        for repository, named in references.items()
                    }
                ),
            )
        ]
    )


def _refused(message: str, where: str) -> TagError:
    return TagError(message, where=where, next_step="`layerproof tags --graph GRAPH` shows what is set")
