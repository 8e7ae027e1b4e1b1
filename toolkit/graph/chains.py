"""Chain IDs of layers that were registered: which blob holds the content a chain ID names.

The rule of this file: an index, made anew from manifests and configurations if it is lost; one small file for each
chain ID, so that processes do not meet. What it says is verified before it is believed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.graph.layout import Layout


@dataclass(frozen=True, slots=True)
class Chain:
    """What lies under a chain ID: the top layer's diff ID, and the digest of a blob that decompresses to it."""

    diff_id: str
    blob: str


class ChainIndex:
    """The chains of a graph."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def get(self, chain_id: str) -> Chain | None:
        """What a chain ID names; None when nothing is known, or the entry cannot be read."""
        text = fsops.read(self._layout.chain(Digest.parse(chain_id)))
        try:
            entry = json.loads(text or b"null")
            return Chain(str(entry["diff_id"]), str(Digest.parse(entry["blob"])))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def add(self, chain_id: str, diff_id: str, blob: str) -> bool:
        """Note a chain; False when it was known with that blob already."""
        chain = Chain(diff_id, blob)
        if self.get(chain_id) == chain:
            return False
        path = self._layout.chain(Digest.parse(chain_id))
        fsops.make_directory(path.parent)
        text = json.dumps({"diff_id": diff_id, "blob": blob}, separators=(",", ":"))
        fsops.replace(path, text.encode("ascii"), mode=0o644, durable=False)
        return True
