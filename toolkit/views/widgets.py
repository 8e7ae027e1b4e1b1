"""Transfers in a notebook.

The rule of this file: one HTML widget whose value changes; threads may call it; nothing is printed, so that a stored
notebook stays the same.
"""

from __future__ import annotations

import threading
import time
from typing import Final

import ipywidgets

from toolkit.cards.escaping import to_html
from toolkit.pulling.transfer import Progress
from toolkit.views.progress import human

_PAUSE: Final = 0.1


class PullProgress:
    """A bar for each layer; give it as ``progress=`` and display it first.

    Attributes
    ----------
    widget : ipywidgets.HTML
        What is displayed.
    """

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML("waiting for layers")
        self._guard = threading.Lock()
        self._states: dict[str, Progress] = {}
        self._last = 0.0

    def __call__(self, step: Progress) -> None:
        """Take one step of a transfer."""
        with self._guard:
            self._states[step.digest] = step
            ended = step.action in ("complete", "failed")
            if ended or time.monotonic() - self._last > _PAUSE:
                self._last = time.monotonic()
                self.widget.value = "".join(_row(one) for one in self._states.values())

    def __repr__(self) -> str:
        done = sum(step.action == "complete" for step in self._states.values())
        return f"{done} of {len(self._states)} layers complete"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)  # type: ignore[no-untyped-call]  # IPython publishes no type here


def _row(step: Progress) -> str:
    name = to_html(step.digest.partition(":")[2][:12])
    total = step.total or max(step.current, 1)
    sizes = f"{human(step.current)} of {human(step.total)}" if step.total else human(step.current)
    return (
        '<div style="font-family:var(--jp-code-font-family, monospace)">'
        f'<progress aria-label="layer {name}" max="{total}" value="{step.current}"></progress> '
        f"{name} {step.action} {sizes}</div>"
    )
