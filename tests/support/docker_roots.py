"""A daemon's folder of before Docker 1.10, made of a graph of ours: its images are Docker 1.9's own files.

The rule of this file: what a driver would have unpacked is unpacked here by Python's own reader of tars.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import toolkit as tk
from support.trees import as_json, write
from toolkit.layers.streams import decompress

PLACES = {"aufs": "aufs/diff/{}", "overlay": "overlay/{}/root", "upper": "overlay/{}/upper", "vfs": "vfs/dir/{}"}


def root_of(graph: tk.Graph, folder: Path, layers: Mapping[str, bytes], *, driver: str = "aufs", top: str = "") -> Path:
    """Make the folder.

    Parameters
    ----------
    graph : Graph
    folder : path
    layers : mapping of str to bytes
        The blob of each image, by ID.
    driver : str
        Where the files are unpacked to: a key of ``PLACES``.
    top : str
        The image that has a name, ``library/app:1``.
    """
    shutil.copytree(graph.layout.images, folder / "graph")
    write(folder, {f"repositories-{driver}": as_json({"Repositories": {"library/app": {"1": top}} if top else {}})})
    for image_id, blob in layers.items():
        unpack(blob, folder / PLACES[driver].format(image_id))
    return folder


def unpack(blob: bytes, place: Path) -> None:
    """Unpack a layer as a driver does."""
    place.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(b"".join(decompress([blob])[1]))) as archive:
        archive.extractall(place, filter="data")
