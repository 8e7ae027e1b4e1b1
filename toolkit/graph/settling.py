"""What a reference reaches is on the disk before the reference is.

The rule of this file: it syncs names only; every file was synced before it got its name. Who made a name may have been killed
before its directory was synced, so nobody relies on having made it.
"""

from __future__ import annotations

from toolkit import fsops
from toolkit.graph.layout import Layout


def settle(layout: Layout) -> None:
    """Make the names of every blob and image durable, whoever made them.

    Parameters
    ----------
    layout : Layout
        The graph's.

    Raises
    ------
    GraphIOError
        The disk says no: then nothing may refer to them.

    Notes
    -----
    Origin: contract 28, "references appear only after everything they reach is durable".
    """
    blobs = layout.root / "blobs"
    for folder in (layout.images, *(blobs / algorithm for algorithm in fsops.names(blobs))):
        if fsops.is_directory(folder):
            fsops.sync_directory(folder)
