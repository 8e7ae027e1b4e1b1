"""Indexing what is inside the layers of the large image, beside the programs that list or unpack them.

The rule of this file: the image lies on the disk before anything is measured. Ours decompresses every layer, walks its tar, and
hashes the blob, the tar and every file; what the others do less of is said beside their names.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.images import PLAN, SEED, Material, Mix, Packed, tar_pieces
from benchmarks.measure import Command, Contestant, in_turn
from benchmarks.scenarios import Goal, Scenario
from benchmarks.tables import scenario_tables

import toolkit as tk
from toolkit.digests import sha256
from toolkit.simulator.modern import OCI, make_config, make_image

NAME: Final = "bench/large:1"
OURS: Final = "layerproof, index"
FRAME: Final = "layerproof, index and frame"
BSDTAR: Final = "bsdtar -tvf"
_MB: Final = 10**6
_INDEX: Final = "import sys; from toolkit.survey.image_files import files; print(files(sys.argv[1], graph=sys.argv[2]).{})"


@dataclass(frozen=True, slots=True)
class LargeLayout:
    """The large image in a graph, which is an OCI layout too: where it lies, its layers' blobs, base first, and their sizes."""

    root: Path
    blobs: tuple[str, ...]
    compressed: int
    tar: int

    @property
    def paths(self) -> list[str]:
        """Where the layers' blobs lie."""
        return [str(self.root / "blobs" / "sha256" / digest.partition(":")[2]) for digest in self.blobs]


def large_layout(folder: Path, scale: float, tell: Callable[[str], None]) -> LargeLayout:
    """Make the large image in a folder, or find it there: the same layers as the one in the benchmark's registry."""
    note, root = folder / "layers.json", folder / "graph"
    if not note.is_file():
        tell("making the large image on the disk")
        layers = _layers(folder / "layout", scale)
        tk.pull(NAME, root, source=folder / "layout")
        found = {"blobs": [one.digest for one in layers], "size": sum(one.size for one in layers)}
        note.write_text(json.dumps({"scale": scale, "tar": sum(one.tar_size for one in layers), **found}))
    kept = json.loads(note.read_text())
    if kept["scale"] != scale:
        raise RuntimeError(f"{folder} holds the image at a scale of {kept['scale']}: remove it, or name another")
    return LargeLayout(root, tuple(kept["blobs"]), kept["size"], kept["tar"])


def _layers(layout: Path, scale: float) -> list[Packed]:
    """Write the layers, a configuration and a manifest as an OCI layout."""
    material = Material(SEED)
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(entry: tuple[str, int, Mix, int]) -> Packed:
        name, size, mix, level = entry
        packed = Packed()
        with (blobs / name).open("wb") as file:
            for piece in packed.pieces(tar_pieces(material, name, max(int(size * _MB * scale), 20_000), mix, SEED), level):
                file.write(piece)
        (blobs / name).rename(blobs / packed.digest.partition(":")[2])
        return packed

    with ThreadPoolExecutor(2) as pool:
        layers = list(pool.map(put, PLAN))
    history = [{"created_by": name} for name, *_ in PLAN]
    config = make_config([], rootfs={"type": "layers", "diff_ids": [one.diff_id for one in layers]}, history=history)
    kind = OCI.layer_type("gzip")
    rows = [{"mediaType": kind, "digest": one.digest, "size": one.size} for one in layers]
    image = make_image(OCI, [], config).changed(layers=rows)
    for data in (*image.blobs.values(), image.body):
        (blobs / sha256(data).partition(":")[2]).write_bytes(data)
    named = image.descriptor(annotations={"org.opencontainers.image.ref.name": NAME})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return layers


def layer_scenario(large: LargeLayout) -> Scenario:
    """The scenario over an image on the disk: row 4 of the performance notes."""
    listing = {
        BSDTAR: ("bsdtar", "for blob in {blobs}; do bsdtar -tvf $blob >/dev/null || exit; done"),
        "tar -tzf": ("tar", "for blob in {blobs}; do tar -tzf $blob >/dev/null || exit; done"),
    }
    blobs = " ".join(large.paths)
    others = tuple(
        Contestant(
            name=name,
            command=_fixed("sh", "-c", shell.format(blobs=blobs)),
            does="lists names and sizes of one layer after the other; hashes nothing",
            needs=program,
        )
        for name, (program, shell) in listing.items()
    )
    umoci = Contestant(
        name="umoci unpack",
        command=lambda place: ("umoci", "unpack", "--rootless", "--image", f"{large.root}:{NAME}", str(place / "bundle")),
        does="checks blobs and diff IDs, and writes every file to the disk",
        needs="umoci",
    )
    own = tuple(
        Contestant(
            name=name,
            command=_fixed(sys.executable, "-c", _INDEX.format(asked), NAME, str(large.root)),
            does=f"blob, tar and every file hashed; every header kept{what}",
            ours=True,
        )
        for name, asked, what in ((OURS, "count", ""), (FRAME, "members.shape", ", and made a DataFrame of"))
    )
    return Scenario(
        key="layers",
        title=f"Inside the layers: {len(large.blobs)} layers, {large.compressed / 1e6:.0f} MB, {large.tar / 1e6:.0f} MB of tar",
        does="Not the same work: `bsdtar` and `tar` list names and hash nothing, `umoci unpack` writes everything to the disk.",
        contestants=(*own, *others, umoci),
        goals=(
            Goal(figure="wall", own=OURS, peer=BSDTAR, first=0.75, goal=0.58),
            Goal(figure="wall", own=OURS, peer="tar -tzf", goal=0.28),
            Goal(figure="wall", own=OURS, peer="umoci unpack", goal=0.14),
            Goal(figure="memory", own=OURS, first=100, goal=56),
        ),
        compare=tuple((OURS, peer) for peer in (BSDTAR, "tar -tzf", "umoci unpack")),
    )


def _fixed(*command: str) -> Command:
    return lambda place: command


def main() -> None:
    """Run the scenario alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, help="where the image is made, or found")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="layers-") as folder:
        store = Path(folder) if options.store is None else options.store
        scenario = layer_scenario(large_layout(store, options.scale, _tell))
        measured = in_turn(scenario.contestants, Path(folder), options.pairs, _tell)
        _tell(scenario_tables(scenario, measured))
        _tell("".join(f"absent: {name}\n" for name in measured.absent))


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
