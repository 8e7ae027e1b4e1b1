"""The catalogue of cases: every image there is to serve, valid or with one fault, over the three formats.

The rule of this file: a case is data. It says what is asked, what is served and, when it is tampered with, the one
rule that must tell; who reads it decides for himself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from toolkit.digests import sha256
from toolkit.simulator.images import layer_blob, stored_gzip
from toolkit.simulator.modern import DIALECTS, SCHEMA2, TAG, Dialect, ModernImage, Stored, make_image, make_layer, publish
from toolkit.simulator.modern_faults import FAULTS, Reference
from toolkit.simulator.modern_images import VALID
from toolkit.simulator.schema1_images import SCHEMA1
from toolkit.simulator.scripted import ScriptedRegistry, routes_of
from toolkit.sources.static_registry import Answer

Format = Literal["schema1", "schema2", "oci"]
FORMATS: Final[tuple[Format, ...]] = ("schema1", "schema2", "oci")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One image to be served.

    Parameters
    ----------
    slug : str
        Its name; it is served as the repository ``lab/<slug>``.
    about : str
        One sentence.
    format : str
        schema1, schema2 or oci.
    kind : str
        ``valid``, or ``tampered``.
    rules : frozenset of str
        The rules that must fail: one, but for combined cases; none for a valid image.
    reference : str
        Whether it is asked for by ``tag`` or by ``digest``.
    build : callable
        Makes what is served.
    """

    slug: str
    about: str
    format: Format
    kind: Literal["valid", "tampered"]
    rules: frozenset[str]
    reference: Reference
    build: Callable[[], Stored]

    @property
    def rule(self) -> str | None:
        """The one rule meant for it; None for a valid image, or when there are several."""
        return next(iter(self.rules)) if len(self.rules) == 1 else None

    @property
    def repository(self) -> str:
        """Where it is served."""
        return f"lab/{self.slug}"

    def asked(self, stored: Stored) -> str:
        """What stands behind the host in a reference to it."""
        return f"{self.repository}:{TAG}" if self.reference == "tag" else f"{self.repository}@{stored.root}"


def serve(cases: Iterable[Case]) -> ScriptedRegistry:
    """Make one registry of cases: an httpx transport, and answers for a ``LoopbackServer``.

    >>> serve([CASES["oci-gzipped"]]).answer("HEAD", "/v2/lab/oci-gzipped/manifests/1").status
    200
    """
    routes: dict[str, Answer] = {}
    for case in cases:
        routes |= routes_of(case.repository, case.build())
    return ScriptedRegistry(routes)


def _cases() -> Iterator[Case]:
    for old in SCHEMA1:
        slug = f"schema1-{old.name}"
        yield _case("schema1", slug, old.about, old.rule, old.by, partial(old.make, f"lab/{slug}"))
    for dialect in DIALECTS.values():
        for fault in FAULTS:
            if dialect in fault.dialects:
                yield _modern(dialect, fault.make, fault.rule, fault.by)
        for valid in VALID:
            if dialect in valid.dialects:
                yield _modern(dialect, valid.make, None, valid.by)


def _modern(dialect: Dialect, make: Callable[[Dialect], Stored], rule: str | None, by: Reference) -> Case:
    slug = f"{dialect.name}-{make.__name__.replace('_', '-')}"
    return _case(dialect.name, slug, make.__doc__ or "", rule, by, partial(make, dialect))


def _case(form: Format, slug: str, about: str, rule: str | None, by: Reference, build: Callable[[], Stored]) -> Case:
    return Case(
        slug=slug,
        about=about,
        format=form,
        kind="valid" if rule is None else "tampered",
        rules=frozenset(() if rule is None else (rule,)),
        reference=by,
        build=build,
    )


CASES: Final = {case.slug: case for case in _cases()}
"""Every case by slug."""


# -- several faults at once --------------------------------------------------------------------------------------

_COUNT: Final = 6


def combined(seed: int) -> Case:
    """Make an image with several faults that do not hide one another, chosen by a seed.

    Parameters
    ----------
    seed : int
        The same seed makes the same image.

    Returns
    -------
    Case
        Its ``rules`` are those that must fail; whoever stops at the first finding sees one of them.

    Examples
    --------
    >>> sorted(combined(1).rules) == sorted(combined(1).rules), combined(1).rule
    (True, None)
    """
    choose = random.Random(seed)  # noqa: S311  # reproducible, and no secret
    dialect = choose.choice(list(DIALECTS.values()))
    possible = [rule for rule in _ON_LAYERS if rule != "layer-compression" or dialect is not SCHEMA2]
    on_layers = choose.sample(possible, choose.randint(1, 4))
    places = choose.sample(range(_COUNT), len(on_layers))
    on_image = choose.sample(list(_ON_IMAGE), choose.randint(1, 3))
    return Case(
        slug=f"{dialect.name}-combined-{seed}",
        about=f"{len(on_layers) + len(on_image)} faults at once.",
        format=dialect.name,
        kind="tampered",
        rules=frozenset((*on_layers, *on_image)),
        reference="tag",
        build=partial(_combine, dialect, dict(zip(on_layers, places, strict=True)), tuple(on_image)),
    )


def _combine(dialect: Dialect, on_layers: dict[str, int], on_image: tuple[str, ...]) -> Stored:
    """First what is published wrongly, then what is served wrongly: the digests in between are true."""
    image = make_image(dialect, [make_layer(dialect, _files(position)) for position in range(_COUNT)])
    for rule, position in on_layers.items():
        image = _ON_LAYERS[rule](image, position)
    for rule in on_image:
        image = _ON_IMAGE[rule](image)
    body = image.body.replace(b"{", b'{"x":1,"x":2,', 1) if "json-unambiguous" in on_image else image.body
    stored = publish(body, dialect.manifest, image.blobs)
    if "header-digest" in on_image:
        stored = stored.serving_root(headers={"Docker-Content-Digest": sha256(b"another")})
    for rule, position in on_layers.items():
        digest = image.layer(position)
        served = _SERVED[rule](image.blobs[digest]) if rule in _SERVED else image.blobs[digest]
        stored = stored.with_blob(digest, served)
    return stored


def _files(position: int) -> dict[str, bytes]:
    return {f"etc/{position}": b"hello\n"}


def _as_published(image: ModernImage, position: int = 0) -> ModernImage:
    del position  # the fault comes when it is served
    return image


def _other_diff_id(image: ModernImage, position: int) -> ModernImage:
    diff_ids = list(image.config["rootfs"]["diff_ids"])
    diff_ids[position] = sha256(b"no layer")
    return image.configured(rootfs={"type": "layers", "diff_ids": diff_ids})


def _other_size(image: ModernImage, position: int) -> ModernImage:
    return image.described(position, size=image.manifest["layers"][position]["size"] - 1)


def _other_compression(image: ModernImage, position: int) -> ModernImage:
    return image.described(position, mediaType=image.dialect.layer_type("none"))


def _cut(image: ModernImage, position: int) -> ModernImage:
    return image.with_layer(position, image.blobs[image.layer(position)][:-600])


def _trailing(image: ModernImage, position: int) -> ModernImage:
    tar = layer_blob(_files(position), gzip=False) + b"hidden".ljust(512, b"\0")
    return image.with_layer(position, stored_gzip(tar), tar)


_ON_LAYERS: Final[dict[str, Callable[[ModernImage, int], ModernImage]]] = {
    "diff-id": _other_diff_id,
    "descriptor-size": _other_size,
    "layer-compression": _other_compression,
    "layer-readable": _cut,
    "layer-nothing-trailing": _trailing,
    "blob-digest": _as_published,
    "blob-present": _as_published,
}
_SERVED: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "blob-digest": lambda body: body.replace(b"hello", b"jello"),
    "blob-present": lambda _: None,
}
_ON_IMAGE: Final[dict[str, Callable[[ModernImage], ModernImage]]] = {
    "history-aligned": lambda image: image.configured(history=image.config["history"][1:]),
    "schema-version": lambda image: image.changed(schemaVersion=3),
    "descriptor-data": lambda image: image.described("config", data="*"),
    "json-unambiguous": _as_published,
    "header-digest": _as_published,
}
