"""Strong IDs: hash the configurations, chained from the base to the top.

The rule of this file: an ID depends on everything below it, so one changed byte changes every ID above.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.digests import sha256
from toolkit.errors import ImageConfigError
from toolkit.identity.image_config import Derivation, derive


def strong_id(config: bytes) -> str:
    """Hash the configuration bytes of an image.

    Parameters
    ----------
    config : bytes
        What ``image_config`` returned.

    Returns
    -------
    str
        ``sha256:<64 hex>``; the local image ID is the hex part.

    Notes
    -----
    Origin: ``image.StrongID`` of Docker 1.9.

    >>> strong_id(b"{}")[:19]
    'sha256:44136fa355b3'
    """
    return sha256(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongImage:
    """One image of a chain with its strong ID and the bytes it comes from."""

    position: int
    compatibility_id: str
    compatibility_parent: str
    layer_digest: str
    v1_compatibility: bytes
    config: bytes
    derivation: Derivation
    strong_id: str
    strong_parent: str

    @property
    def hex(self) -> str:
        """The strong ID without its algorithm: the image's ID unless another is reused."""
        return self.strong_id.partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a strong ID is made of, for one image."""

    position: int
    compatibility_id: str
    compatibility_parent: str
    layer_digest: str
    v1_compatibility: bytes


def strong_ids(links: Iterable[Link]) -> tuple[StrongImage, ...]:
    """Name every image of a chain.

    Parameters
    ----------
    links : iterable of Link
        Base first.

    Returns
    -------
    tuple of StrongImage
        Base first.

    Raises
    ------
    ImageConfigError
        At the first image whose configuration cannot be made; ``where`` tells which.

    Notes
    -----
    Origin: ``getImageInfos`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    images: list[StrongImage] = []
    parent = ""
    for link in links:
        try:
            config = derive(link.v1_compatibility, link.layer_digest, parent)
        except ImageConfigError as error:
            error.where = f"position {link.position}" + (f", {error.where}" if error.where else "")
            raise
        images.append(
            StrongImage(
                position=link.position,
                compatibility_id=link.compatibility_id,
                compatibility_parent=link.compatibility_parent,
                layer_digest=link.layer_digest,
                v1_compatibility=link.v1_compatibility,
                config=config.data,
                derivation=config.derivation,
                strong_id=strong_id(config.data),
                strong_parent=parent,
            )
        )
        parent = images[-1].strong_id
    return tuple(images)
