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
from toolkit.progress.order import is_fetched, is_late
from toolkit.progress.steps import Message, Progress, Step
from toolkit.views.progress import human, last_action, sentence

_PAUSE: Final = 0.1
_STYLE: Final = "font-family:var(--jp-code-font-family, monospace)"


class PullProgress:
    """A bar for each layer of one call; give it as ``progress=`` and display it first.

    Attributes
    ----------
    widget : ipywidgets.HTML
        What is displayed: the last sentence that was said, and the layers.
    """

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML("waiting for layers")
        self._guard = threading.Lock()
        self._states: dict[str, Progress] = {}
        self._said = ""
        self._last = 0.0

    def __call__(self, step: Step) -> None:
        """Take one step of a call."""
        with self._guard:
            if isinstance(step, Message):
                self._said = f'<div style="{_STYLE}">{to_html(sentence(step))}</div>'
                self._show()
            elif not is_late(last_action(self._states, step), step.action):
                self._states[step.digest] = step
                ended = step.action in ("complete", "failed", "registered")
                if ended or time.monotonic() - self._last > _PAUSE:
                    self._show()

    def __repr__(self) -> str:
        with self._guard:
            done = sum(is_fetched(step.action) for step in self._states.values())
            return f"{done} of {len(self._states)} layers complete"

    def _show(self) -> None:
        self._last = time.monotonic()
        self.widget.value = self._said + "".join(_row(one) for one in self._states.values())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)  # type: ignore[no-untyped-call]  # IPython publishes no type here


def _row(step: Progress) -> str:
    name = to_html(step.digest.partition(":")[2][:12])
    total = step.total or max(step.current, 1)
    sizes = f"{human(step.current)} of {human(step.total)}" if step.total else human(step.current)
    if step.action in ("waiting", "joined"):
        sizes = ""
    return (
        f'<div style="{_STYLE}">'
        f'<progress aria-label="layer {name}" max="{total}" value="{step.current}"></progress> '
        f"{name} {to_html(step.action)} {sizes}</div>"
    )
