"""The steps of a call, as they are told to whoever listens.

The rule of this file: a step is a value. Who shows it, and how, is the listener's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["waiting", "joined", "downloading", "verifying", "complete", "failed", "extracting", "registered"]
"""What is happening to a blob: joined is waiting for somebody else who fetches it; registered ends a layer of a pull."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a transfer: what is happening to which blob, in bytes.

    ``image_id`` is the image's the layer belongs to, where the format has one for each layer.
    """

    digest: str
    action: Action
    current: int
    total: int | None
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence about the whole call; ``about`` is the tag or digest it is about, or empty."""

    text: str
    about: str = ""


Step = Progress | Message


def entry_of(step: Step) -> dict[str, Any]:
    """Write a step as plain JSON, for another process."""
    if isinstance(step, Message):
        return {"text": step.text, "about": step.about}
    return {
        "digest": step.digest,
        "action": step.action,
        "current": step.current,
        "total": step.total,
        "image_id": step.image_id,
    }


def step_of(entry: dict[str, Any]) -> Step:
    """Read what ``entry_of`` wrote.

    >>> step_of(entry_of(Message("hello", "1")))
    Message(text='hello', about='1')
    """
    return Message(**entry) if "text" in entry else Progress(**entry)


ProgressSink = Callable[[Step], None]
"""Hears every step; may be called from several threads."""
