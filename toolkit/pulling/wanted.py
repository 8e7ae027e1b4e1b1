"""What is asked of a source or of the graph.

The rule of this file: a wish, and how far it goes; nothing is fetched here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some content to be fetched.

    ``size`` is where reading stops, when it is known; ``is_layer`` has it read to its end as a layer, with the diff ID
    under ``algorithm``. What is no layer, and small, is remembered whole. ``image_id`` is the image's the layer belongs
    to, where the format has one for each layer.
    """

    digest: str
    size: int | None = None
    is_layer: bool = True
    algorithm: str = "sha256"
    image_id: str = ""
