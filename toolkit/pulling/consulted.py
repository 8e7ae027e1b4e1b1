"""A graph to look at that remembers what it was asked.

The rule of this file: a Mapping, nothing more; the answers given are evidence, for the graph will have changed by the
time somebody wants to know why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toolkit.reuse.stored_image import GraphView, StoredImage


class ConsultedGraph(Mapping[str, StoredImage]):
    """A view of a graph; ``consulted`` holds every answer, None for an image that was not there."""

    def __init__(self, graph: GraphView) -> None:
        self._graph = graph
        self.consulted: dict[str, StoredImage | None] = {}

    def __getitem__(self, image_id: str) -> StoredImage:
        if image_id not in self.consulted:
            self.consulted[image_id] = self._graph.get(image_id)
        stored = self.consulted[image_id]
        if stored is None:
            raise KeyError(image_id)
        return stored

    def __contains__(self, image_id: object) -> bool:
        try:
            self[str(image_id)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        """Every ID: a prefix was asked for, so everything counts."""
        for image_id in self._graph:
            _ = image_id in self
            yield image_id

    def __len__(self) -> int:
        return len(self._graph)
