"""A figure with the words that say the same.

The rule of this file: a picture is shown as PNG where pictures are shown, and as words everywhere else; the bytes of
the PNG do not depend on the day.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI: Final = 110


class Picture:
    """A figure and its words.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    words : str
        One sentence with the numbers of the figure in it.
    """

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure = figure
        self.words = words

    def png(self) -> bytes:
        """Draw the figure."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
        return buffer.getvalue()

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        del include, exclude  # both halves always: which one is shown is the front end's choice
        return {"image/png": self.png(), "text/plain": self.words}, {"image/png": {"alt": self.words}}
