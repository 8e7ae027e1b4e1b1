"""Images to measure with: a large one, small ones, and a registry's worth of manifests.

The rule of this file: a seed and a scale say everything. The tars are the same on every machine; the blobs are the same
where zlib is. Nothing large is held: a layer is made, compressed, hashed and sent piece by piece.
"""

from __future__ import annotations

import hashlib
import math
import random
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.push import Push

from toolkit.manifests.media_types import SIGNED_SCHEMA1
from toolkit.simulator.images import LayerRecipe, build_image
from toolkit.simulator.modern import OCI, SCHEMA2, ModernLayer, make_config, make_image, make_layer

SEED: Final = 19
LARGE: Final = "bench/large"
SMALL: Final = "bench/small"
SMALL_TAGS: Final = 21
REPOSITORIES: Final = 300
FORMATS: Final = ("schema2", "oci", "schema1")
"""The three tags of every repository of the corpus."""

_MB: Final = 10**6
_BLOCK: Final = 512
_TIME: Final = 1_700_000_000
_POOL: Final = 4 * _MB
_LARGEST_FILE: Final = 12 * _MB
_THREADS: Final = 2

Mix = Mapping[str, float]

_SYSTEM: Final[Mix] = {"text": 0.27, "program": 0.66, "noise": 0.07}
_SOURCES: Final[Mix] = {"text": 0.98, "noise": 0.02}
_PACKAGES: Final[Mix] = {"text": 0.46, "program": 0.50, "noise": 0.04}
_NOISE: Final[Mix] = {"noise": 1.0}

PLAN: Final[tuple[tuple[str, int, Mix, int], ...]] = (
    ("base", 130, _SYSTEM, 2),
    ("toolchain", 240, _SYSTEM, 1),
    ("sources", 210, _SOURCES, 4),
    ("packages", 243, _PACKAGES, 3),
    ("more-packages", 160, _PACKAGES, 1),
    ("model", 45, _NOISE, 1),
    ("media", 45, _NOISE, 1),
    ("documents", 130, _SOURCES, 5),
    ("application", 80, _PACKAGES, 4),
    ("data", 90, _SYSTEM, 1),
    ("settings", 12, _SOURCES, 6),
    ("last", 3, _SOURCES, 6),
)
"""The layers of the large image, base first: a name, megabytes of tar, what is in them, the level of gzip."""


# -- bytes -------------------------------------------------------------------------------------------------------


def _chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311  # the same again is what is wanted


class Material:
    """What files are cut from: text that compresses a little over fourfold, programs nearly threefold, and noise."""

    def __init__(self, seed: int) -> None:
        chance = _chance(seed)
        letters = b"etaoinshrdlucmfwypvbgkqjxz"
        self._text = _pool(chance, letters, words=3_000, phrases=(2_000, 6), fresh=0.5, joint=b" ", end=b"\n")
        self._program = _pool(chance, bytes(range(256)), words=2_000, phrases=(3_000, 5), fresh=0.7, joint=b"", end=b"\x48\x8b")

    def cut(self, kind: str, size: int, chance: random.Random) -> Iterator[bytes]:
        """Give ``size`` bytes of one kind, in pieces."""
        pool = self._text if kind == "text" else self._program
        while size > 0:
            piece = min(size, _MB)
            if kind == "noise":
                yield chance.randbytes(piece)
            else:
                start = chance.randrange(len(pool) - piece)
                yield pool[start : start + piece]
            size -= piece


def _pool(
    chance: random.Random, letters: bytes, *, words: int, phrases: tuple[int, int], fresh: float, joint: bytes, end: bytes
) -> bytes:
    """Make lines of words: some fresh, the others out of a stock of phrases, a few of them often and many seldom."""
    vocabulary = [bytes(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(words)]
    row = chance.choices(vocabulary, [1 / (rank + 3) for rank in range(words)], k=_POOL // 6)
    count, length = phrases
    stock = [joint.join(row[start : start + length]) for start in range(0, length * count, length)]
    lines, made, position = [], 0, length * count
    while made < _POOL:
        if chance.random() < fresh:
            line = joint.join(row[position : position + 4])
            position = (position + 4) % (len(row) - 4)
        else:
            line = stock[int(chance.paretovariate(0.6)) % count]
        lines.append(line)
        made += len(line) + len(end)
    return end.join(lines)


def tar_pieces(material: Material, name: str, size: int, mix: Mix, seed: int) -> Iterator[bytes]:
    """Give a tar of about ``size`` bytes: many small files, a few large ones, in folders of forty."""
    chance = _chance(f"{seed}/{name}")
    written = number = 0
    while written < size - 4 * _BLOCK:
        if number % 40 == 0:
            yield _header(f"opt/{name}/{number // 40:04d}", tarfile.DIRTYPE, 0)
            written += _BLOCK
        kind = chance.choices(list(mix), list(mix.values()))[0]
        length = min(int(math.exp(chance.gauss(8.6, 1.8))), _LARGEST_FILE, size - written - 3 * _BLOCK)
        yield _header(f"opt/{name}/{number // 40:04d}/{kind}-{number:06d}", tarfile.REGTYPE, length)
        yield from material.cut(kind, length, chance)
        yield bytes(-length % _BLOCK)
        written += _BLOCK + length + -length % _BLOCK
        number += 1
    yield bytes(2 * _BLOCK)


def _header(path: str, kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo(path)
    member.type, member.size, member.mtime, member.mode = kind, size, _TIME, 0o755
    return member.tobuf(tarfile.USTAR_FORMAT)


@dataclass(slots=True)
class Packed:
    """A layer on its way to a registry: what its tar and its blob came to, once all of it was sent."""

    diff: Any = field(default_factory=hashlib.sha256)
    blob: Any = field(default_factory=hashlib.sha256)
    tar_size: int = 0
    size: int = 0

    def pieces(self, tar: Iterator[bytes], level: int) -> Iterator[bytes]:
        """Give the gzip of a tar, counting and hashing both."""
        gzip = zlib.compressobj(level, zlib.DEFLATED, 31)
        for piece in tar:
            self.diff.update(piece)
            self.tar_size += len(piece)
            yield from self._counted(gzip.compress(piece))
        yield from self._counted(gzip.flush())

    def _counted(self, data: bytes) -> Iterator[bytes]:
        if data:
            self.blob.update(data)
            self.size += len(data)
            yield data

    @property
    def digest(self) -> str:
        """The blob's digest."""
        return f"sha256:{self.blob.hexdigest()}"

    @property
    def diff_id(self) -> str:
        """The tar's digest."""
        return f"sha256:{self.diff.hexdigest()}"


# -- images ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LargeImage:
    """The large image as it lies in the registry."""

    reference: str
    blobs: tuple[str, ...]
    compressed: int
    tar: int


def push_large(push: Push, scale: float, *, seed: int = SEED) -> LargeImage:
    """Make the large image and put it into a registry: about 500 MB at a scale of 1."""
    material = Material(seed)

    def put(entry: tuple[str, int, Mix, int]) -> Packed:
        name, size, mix, level = entry
        packed = Packed()
        tar = tar_pieces(material, name, max(int(size * _MB * scale), 20_000), mix, seed)
        push.stream(LARGE, packed.pieces(tar, level), lambda: packed.digest)
        return packed

    with ThreadPoolExecutor(_THREADS) as pool:
        largest_first = sorted(PLAN, key=lambda entry: -entry[1])
        done = dict(zip([entry[0] for entry in largest_first], pool.map(put, largest_first), strict=True))
    layers = [done[entry[0]] for entry in PLAN]
    config = make_config([], rootfs={"type": "layers", "diff_ids": [one.diff_id for one in layers]}, history=_steps(len(layers)))
    image = make_image(OCI, [], config)
    kind = OCI.layer_type("gzip")
    rows = [{"mediaType": kind, "digest": one.digest, "size": one.size} for one in layers]
    image = image.changed(layers=rows)
    for digest, data in image.blobs.items():
        push.blob(LARGE, digest, data)
    push.manifest(LARGE, "1", image.body, OCI.manifest)
    blobs = (image.manifest["config"]["digest"], *(one.digest for one in layers))
    return LargeImage(f"{LARGE}:1", blobs, sum(one.size for one in layers), sum(one.tar_size for one in layers))


def push_small(push: Push, *, seed: int = SEED) -> list[str]:
    """Put small images into a registry, one for each tag: five layers of a few kilobytes."""
    references = []
    for tag in range(SMALL_TAGS):
        chance = _chance(f"{seed}/small/{tag}")
        layers = [make_layer(OCI, {f"etc/{tag}/{number}": chance.randbytes(1_500)}) for number in range(5)]
        image = make_image(OCI, layers)
        for digest, data in image.blobs.items():
            push.blob(SMALL, digest, data)
        push.manifest(SMALL, str(tag), image.body, OCI.manifest)
        references.append(f"{SMALL}:{tag}")
    return references


def push_corpus(push: Push, scale: float, *, seed: int = SEED) -> list[str]:
    """Put many repositories into a registry, each with a schema2, an OCI and a signed schema1 image; return the references."""
    recipes = [LayerRecipe(f"RUN step {number}", {f"srv/{number}": b"%d\n" % number * 40}) for number in range(12)]
    layers = {dialect.name: [make_layer(dialect, recipe.files) for recipe in recipes] for dialect in (SCHEMA2, OCI)}
    origin = "bench/layers"
    for row, layer in zip(make_image(OCI, layers["oci"]).manifest["layers"], layers["oci"], strict=True):
        push.blob(origin, row["digest"], layer.blob)
    names = [f"corpus/{number:03d}" for number in range(max(int(REPOSITORIES * scale), 4))]

    def put(name: str) -> None:
        chance = _chance(f"{seed}/{name}")
        depth = chance.randint(3, 12)
        for row in make_image(OCI, layers["oci"][:depth]).manifest["layers"]:
            push.mount(name, row["digest"], origin)
        for dialect in (SCHEMA2, OCI):
            image = make_image(dialect, layers[dialect.name][:depth], _config(layers[dialect.name][:depth], chance))
            named = image.manifest["config"]["digest"]
            push.blob(name, named, image.blobs[named])
            push.manifest(name, dialect.name, image.body, dialect.manifest)
        push.manifest(name, "schema1", build_image(name, "schema1", recipes[:depth]).body, SIGNED_SCHEMA1)

    with ThreadPoolExecutor(_THREADS * 2) as pool:
        list(pool.map(put, names))
    return [f"{name}:{tag}" for name in names for tag in FORMATS]


def _config(layers: Sequence[ModernLayer], chance: random.Random) -> dict[str, Any]:
    settings = {
        "Env": [f"NAME_{number}={chance.randbytes(12).hex()}" for number in range(8)],
        "Labels": {f"org.example.{number}": chance.randbytes(8).hex() for number in range(6)},
        "Cmd": ["/bin/sh", "-c", "run"],
    }
    return make_config(layers, config=settings, history=_steps(len(layers)))


def _steps(count: int) -> list[dict[str, Any]]:
    words = "apt-get update && apt-get install --yes --no-install-recommends"
    return [{"created": "2024-02-29T01:02:03Z", "created_by": f"/bin/sh -c {words} part-{number}"} for number in range(count)]
