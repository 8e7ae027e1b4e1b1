"""The exact bytes whose hash is a strong ID.

The rule of this room: these bytes are a function of three things (the v1Compatibility text, the layer's digest, the
parent's strong ID) and can be printed, stored and hashed by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from toolkit.digests import seed_digest_error
from toolkit.errors import GoJSONError, ImageConfigError
from toolkit.go_json import decode, encode
from toolkit.identity import image_record

Derivation = Literal["raw", "re-marshalled"]

_FIRST_RAW_VERSION: Final = "1.8.3"
_INT64_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The configuration of one image, and how it came about.

    ``derivation`` is ``raw`` when the text's own values were kept byte for byte, ``re-marshalled`` when Docker older
    than 1.8.3 made the image and the text was first read into the Image record and written back.
    """

    data: bytes
    derivation: Derivation
    source: bytes


def image_config(v1_compatibility: bytes, layer_digest: str, parent_strong_id: str | None = None) -> bytes:
    """Make the configuration bytes of an image from its schema1 history entry.

    Parameters
    ----------
    v1_compatibility : bytes
        The text of ``history[i].v1Compatibility``.
    layer_digest : str
        The digest of the layer's blob, ``fsLayers[i].blobSum``.
    parent_strong_id : str or None
        The strong ID (``sha256:<hex>``) of the next lower image; None or ``""`` for the base.

    Returns
    -------
    bytes
        The JSON text to hash.

    Raises
    ------
    ImageConfigError
        The text cannot be read, or one of the two digests is none; the message is Docker's.

    Notes
    -----
    Origin: ``image.MakeImageConfig`` of Docker 1.9.

    Examples
    --------
    >>> image_config(b'{"docker_version":"1.9.0","id":"x"}', "sha256:ab")
    b'{"docker_version":"1.9.0","layer_id":"sha256:ab"}'
    """
    return derive(v1_compatibility, layer_digest, parent_strong_id).data


def derive(v1_compatibility: bytes, layer_digest: str, parent_strong_id: str | None = None) -> ImageConfig:
    """Do the work of ``image_config`` and also say how the bytes were derived."""
    try:
        record = image_record.read(v1_compatibility)
        text = v1_compatibility
        derivation: Derivation = "raw"
        if is_older(record["docker_version"], _FIRST_RAW_VERSION):
            text = image_record.write(record)
            derivation = "re-marshalled"
        values = {
            name: encode.compact(text[node.start : node.end])
            for name, node in decode.members(text, "map[string]*json.RawMessage").items()
        }
    except GoJSONError as error:
        raise ImageConfigError(
            error.message,
            where=error.where or "v1Compatibility",
            expected=error.expected,
            actual=error.actual,
            next_step="look at the text itself: the frame `strong_ids` and `layerproof explain` show it",
        ) from error
    _require_digest(layer_digest, "invalid layerID: ")
    values["layer_id"] = encode.string(layer_digest)
    if parent_strong_id:
        _require_digest(parent_strong_id, "invalid parentID ")
        values["parent_id"] = encode.string(parent_strong_id)
    for name in ("id", "parent", "Size"):
        values.pop(name, None)
    return ImageConfig(data=encode.mapping(values), derivation=derivation, source=text)


def _require_digest(text: str, prefix: str) -> None:
    problem = seed_digest_error(text)
    if problem is not None:
        raise ImageConfigError(
            prefix + problem,
            expected="a digest, e.g. sha256:<64 hex digits>",
            actual=text,
            next_step="the manifest names a layer that cannot be addressed; ask its publisher for a valid one",
        )


def is_older(version: str, than: str) -> bool:
    """Compare two Docker versions component by component; what is not a number counts as 0.

    Notes
    -----
    Origin: ``pkg/version.Version.LessThan`` of Docker 1.9.

    >>> is_older("1.8.2", "1.8.3"), is_older("1.8.3-rc1", "1.8.3"), is_older("1.10", "1.8.3")
    (True, True, False)
    """
    left, right = version.split("."), than.split(".")
    for index in range(max(len(left), len(right))):
        a, b = (_component(parts[index]) if index < len(parts) else 0 for parts in (left, right))
        if a != b:
            return a < b
    return False


def _component(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isascii() or not digits.isdigit():
        return 0
    digits = digits.lstrip("0")
    value = int(digits or "0") if len(digits) <= 19 else _INT64_MAX + 1
    return max(-value, -_INT64_MAX - 1) if text[0] == "-" else min(value, _INT64_MAX)
