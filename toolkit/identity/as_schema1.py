"""The ages of image identity: what a schema2 or OCI image would have been called, had it been served as schema1.

The rule of this file: the texts are those a Docker distribution 2.x registry writes when an old client asks for a newer
image, byte for byte; what such a registry cannot convert is refused, and never completed by a guess.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from toolkit.digests import Digest, sha256
from toolkit.errors import GoJSONError, ImageConfigError
from toolkit.go_json import decode, encode
from toolkit.go_json.decode import BOOL, STRING, Custom, Pointer, Slice, Struct
from toolkit.go_json.scan import decode_utf8
from toolkit.identity import go_time
from toolkit.identity.chain_id import chain_ids
from toolkit.identity.strong_id import Link, StrongImage, strong_ids

EMPTY_LAYER: Final = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
"""The gzip-compressed tar without files that schema1 needs where an instruction changed nothing."""

_LONG_FRACTION: Final = re.compile(rb"[.,]([0-9]{1,9})[0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema1Entry:
    """One history entry of the schema1 manifest that a registry would make.

    ``v1_id`` and ``parent`` are what the entry calls itself and the entry below (``""`` below the base); the parent of a
    Windows base is a name made from its base layer. ``empty`` entries have the digest ``EMPTY_LAYER``.
    """

    position: int
    layer_digest: str
    v1_id: str
    parent: str
    v1_compatibility: bytes
    empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAges:
    """What one step of an image was called: in Docker up to 1.8, in Docker 1.9, and since Docker 1.10.

    An empty step has no layer of its own today, so its ``diff_id`` and ``chain_id`` are None.
    """

    position: int
    layer_digest: str
    empty: bool
    v1_id: str
    strong_id: str
    diff_id: str | None
    chain_id: str | None


def schema1_entries(config: bytes, layer_digests: Sequence[str]) -> tuple[Schema1Entry, ...]:
    r"""Make the history entries under which a registry would serve an image to an old client.

    Parameters
    ----------
    config : bytes
        The image's config, exactly as its descriptor's digest names it.
    layer_digests : sequence of str
        The digests of the layers of the image's manifest, base first.

    Returns
    -------
    tuple of Schema1Entry
        Base first, one for each history entry of the config.

    Raises
    ------
    ImageConfigError
        The config cannot be read, or its history or its diff IDs do not fit the layers.
    DigestSyntaxError
        A layer's digest is none.

    Notes
    -----
    Origin: the config builder of ``manifest/schema1`` of Docker distribution 2.8.2, as Debian builds it (Go 1.19). One
    deliberate difference: with fewer history entries than layers that registry leaves the layers above out without a
    word. This would be another image; it is refused here.

    Examples
    --------
    >>> config = b'{"os":"linux","rootfs":{"diff_ids":["sha256:aa"]},"history":[{"created_by":"a && b"}, {"empty_layer":true}]}'
    >>> base, top = schema1_entries(config, ["sha256:" + "1" * 64])
    >>> base.v1_compatibility[73:]
    b'"created":"0001-01-01T00:00:00Z","container_config":{"Cmd":["a \\u0026\\u0026 b"]}}'
    >>> top.empty, top.parent == base.v1_id
    (True, True)
    """
    return _entries(config, _read(config), layer_digests)


def strong_ids_as_schema1(config: bytes, layer_digests: Sequence[str]) -> tuple[StrongImage, ...]:
    """Name every image of the chain as Docker 1.9 would have named it after a pull as schema1.

    Parameters
    ----------
    config : bytes
        The image's config, exactly as its descriptor's digest names it.
    layer_digests : sequence of str
        The digests of the layers of the image's manifest, base first.

    Returns
    -------
    tuple of StrongImage
        Base first; the last one's ``hex`` is the ID that ``docker images`` would have shown.

    Raises
    ------
    ImageConfigError
        As ``schema1_entries``, or Docker 1.9 could not read the entry that ``where`` tells.
    DigestSyntaxError
        A layer's digest is none.

    Notes
    -----
    The names say nothing about a verdict: Docker 1.9 refuses, for one, a base that names a parent (a Windows base, or a
    config of one entry that brings its own ``parent``). ``toolkit.judge`` tells.

    >>> config = b'{"rootfs":{"diff_ids":["sha256:aa"]},"history":[{}]}'
    >>> [image.strong_id[:19] for image in strong_ids_as_schema1(config, ["sha256:" + "1" * 64])]
    ['sha256:bc0bcad18270']
    """
    return _strong(schema1_entries(config, layer_digests))


def v1_chain(config: bytes, layer_digests: Sequence[str]) -> tuple[IdentityAges, ...]:
    """Put the three ages of image identity side by side, for each step of an image.

    Parameters
    ----------
    config : bytes
        The image's config, exactly as its descriptor's digest names it.
    layer_digests : sequence of str
        The digests of the layers of the image's manifest, base first.

    Returns
    -------
    tuple of IdentityAges
        Base first, one for each history entry; ``pandas.DataFrame(v1_chain(…))`` shows them as a table.

    Raises
    ------
    ImageConfigError
        As ``strong_ids_as_schema1``.
    DigestSyntaxError
        A layer's digest is none.

    Examples
    --------
    >>> config = b'{"rootfs":{"diff_ids":["sha256:aa"]},"history":[{"empty_layer":true}, {}]}'
    >>> [(row.empty, row.chain_id) for row in v1_chain(config, ["sha256:" + "1" * 64])]
    [(True, None), (False, 'sha256:aa')]
    """
    image = _read(config)
    entries = _entries(config, image, layer_digests)
    diff_ids: list[str] = image["rootfs"]["diff_ids"] or []
    today = iter(zip(diff_ids, chain_ids(diff_ids), strict=True))
    rows: list[IdentityAges] = []
    for entry, strong in zip(entries, _strong(entries), strict=True):
        diff_id, chain_id = (None, None) if entry.empty else next(today)
        rows.append(
            IdentityAges(
                position=entry.position,
                layer_digest=entry.layer_digest,
                empty=entry.empty,
                v1_id=entry.v1_id,
                strong_id=strong.strong_id,
                diff_id=diff_id,
                chain_id=chain_id,
            )
        )
    return tuple(rows)


def _created(raw: bytes) -> go_time.GoTime:
    """Read a time as the registry's Go does; Docker 1.9's own, older Go is what ``go_time`` knows.

    The newer one takes ``null`` for no time and a comma for the point, cuts the digits after the ninth, and refuses the
    31st of February instead of calling it the 3rd of March.
    """
    if raw == b"null":
        return go_time.GoTime()
    time = go_time.parse(_LONG_FRACTION.sub(rb".\1", raw))
    if raw[9:11] != b"%02d" % time.day:
        raise GoJSONError(f'parsing time "{decode_utf8(raw)}": day out of range', actual=decode_utf8(raw))
    return time


_ROOTFS: Final = Struct(
    "schema1.imageRootFS",
    (("type", STRING), ("diff_ids", Slice("[]schema1.diffID", STRING)), ("base_layer", STRING)),
)
_EVENT: Final = Struct(
    "schema1.imageHistory",
    (
        ("created", Custom(_created, go_time.GoTime())),
        ("author", STRING),
        ("created_by", STRING),
        ("comment", STRING),
        ("empty_layer", BOOL),
    ),
)
_CONFIG: Final = Struct(
    "schema1.imageConfig",
    (("rootfs", Pointer(_ROOTFS)), ("history", Slice("[]schema1.imageHistory", _EVENT)), ("architecture", STRING)),
)


def _read(config: bytes) -> dict[str, Any]:
    try:
        image: dict[str, Any] = decode.unmarshal(config, _CONFIG)
    except GoJSONError as error:
        raise ImageConfigError(
            error.message,
            where=error.where or "config",
            expected=error.expected,
            actual=error.actual,
            next_step="a registry cannot convert this image either; ask its publisher for a config of the OCI image-spec",
        ) from error
    return image


def _entries(config: bytes, image: Mapping[str, Any], layer_digests: Sequence[str]) -> tuple[Schema1Entry, ...]:
    _require_fit(image, layer_digests)
    events: list[dict[str, Any]] = image["history"]
    digests = iter(layer_digests)
    entries: list[Schema1Entry] = []
    parent = ""
    for position, event in enumerate(events):
        empty: bool = event["empty_layer"]
        layer_digest = EMPTY_LAYER if empty else next(digests)
        top = position == len(events) - 1
        named = f"{Digest.parse(layer_digest).hex} {parent}".encode()
        v1_id = sha256(named + b" " + config if top else named).partition(":")[2]
        if position == 0 and not top:
            parent = _below_the_base(image["rootfs"]["base_layer"])  # after the ID was made: so does the registry
        text = _top_text(config, v1_id, parent, empty=empty) if top else _text(event, v1_id, parent)
        entries.append(
            Schema1Entry(
                position=position,
                layer_digest=layer_digest,
                v1_id=v1_id,
                parent=parent,
                v1_compatibility=text,
                empty=empty,
            )
        )
        parent = v1_id
    return tuple(entries)


def _require_fit(image: Mapping[str, Any], layer_digests: Sequence[str]) -> None:
    """Refuse an image whose config does not tell, for each of its layers, which step made it."""
    events: list[dict[str, Any]] = image["history"] or []
    if not events:
        raise _no_fit("the config has no history", "history", "at least one entry", "none")
    if image["rootfs"] is None:
        raise _no_fit("the config has no rootfs", "rootfs", "the diff ID of each layer", "none")
    diff_ids: list[str] = image["rootfs"]["diff_ids"] or []
    if len(diff_ids) != len(layer_digests):
        raise _no_fit(
            "the config has another number of diff IDs than the manifest has layers",
            "rootfs.diff_ids",
            len(layer_digests),
            len(diff_ids),
        )
    filled = sum(not event["empty_layer"] for event in events)
    if filled > len(layer_digests):
        raise _no_fit("the history tells of more layers than there are", "history", len(layer_digests), filled)
    if filled < len(layer_digests):
        raise _no_fit(
            "the history tells of fewer layers than there are, and a registry would serve the image without the ones above",
            "history",
            len(layer_digests),
            filled,
        )


def _no_fit(message: str, where: str, expected: object, actual: object) -> ImageConfigError:
    return ImageConfigError(
        message,
        where=where,
        expected=expected,
        actual=actual,
        next_step="this image has no schema1 names; its chain IDs need no history: `toolkit.chain_ids(diff_ids)`",
    )


def _below_the_base(base_layer: str) -> str:
    """Name what lies below a Windows image: its base layer was never part of a registry."""
    return hashlib.sha384(base_layer.encode()).hexdigest()[:64] if base_layer else ""


def _text(event: Mapping[str, Any], v1_id: str, parent: str) -> bytes:
    """Write an entry below the top: enough to look like an image of its own, too little to run it."""
    fields = [("id", encode.string(v1_id))]
    fields += [(name, encode.string(text)) for name, text in (("parent", parent), ("comment", event["comment"])) if text]
    fields.append(("created", event["created"].marshal()))
    fields.append(("container_config", encode.struct([("Cmd", encode.array([encode.string(event["created_by"])]))])))
    if event["author"]:
        fields.append(("author", encode.string(event["author"])))
    if event["empty_layer"]:
        fields.append(("throwaway", b"true"))
    return encode.struct(fields)


def _top_text(config: bytes, v1_id: str, parent: str, *, empty: bool) -> bytes:
    """Make the config over: what schema1 does not know goes, whatever else it says stays as it was written.

    Notes
    -----
    Origin: ``schema1.MakeV1ConfigFromConfig``. A name in other capitals stays too: ``History`` was read, yet is not taken
    out. The manifest carries the text in a JSON string, so bytes that are not UTF-8 reach nobody as they were.
    """
    values = {
        name: encode.compact(config[node.start : node.end])
        for name, node in decode.members(config, "map[string]*json.RawMessage").items()
        if name not in ("rootfs", "history")
    }
    values["id"] = encode.string(v1_id)
    if parent:
        values["parent"] = encode.string(parent)
    if empty:
        values["throwaway"] = b"true"
    return decode_utf8(encode.mapping(values)).encode()


def _strong(entries: Sequence[Schema1Entry]) -> tuple[StrongImage, ...]:
    return strong_ids(
        Link(
            position=entry.position,
            compatibility_id=entry.v1_id,
            compatibility_parent=entry.parent,
            layer_digest=entry.layer_digest,
            v1_compatibility=entry.v1_compatibility,
        )
        for entry in entries
    )
