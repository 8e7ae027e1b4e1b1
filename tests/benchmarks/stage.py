"""The registry a benchmark asks, and what it holds.

The rule of this file: what was made once for a scale is used again where the caller keeps it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images import SEED, LargeImage, push_corpus, push_large, push_small
from benchmarks.push import Push
from benchmarks.registry import benchmark_registry


@dataclass(frozen=True, slots=True)
class Stage:
    """A running registry: its host and port, the images in it, and a file that names those of the corpus."""

    host: str
    large: LargeImage
    small: list[str]
    corpus: Path
    count: int


@contextlib.contextmanager
def stage(folder: Path, scale: float, tell: Callable[[str], None]) -> Iterator[Stage]:
    """Run a registry over a folder, filling it when it is empty or was made for another scale."""
    note, corpus = folder / "stage.json", folder / "corpus.txt"
    wanted = {"scale": scale, "seed": SEED, "form": 1}
    kept = json.loads(note.read_text()) if note.is_file() else {}
    if kept and kept["wanted"] != wanted:
        raise RuntimeError(f"{folder} holds the images of {kept['wanted']}: remove it, or name another with --store")
    with benchmark_registry(folder) as host:
        if not kept:
            with Push(host) as push:
                tell("making the large image")
                large = push_large(push, scale)
                tell("making the small images and the corpus")
                small, names = push_small(push), push_corpus(push, scale)
            corpus.write_text("\n".join(names) + "\n")
            kept = {"wanted": wanted, "large": dataclasses.asdict(large), "small": small, "count": len(names)}
            note.write_text(json.dumps(kept))
        found = LargeImage(**kept["large"] | {"blobs": tuple(kept["large"]["blobs"])})
        yield Stage(host, found, kept["small"], corpus, kept["count"])
