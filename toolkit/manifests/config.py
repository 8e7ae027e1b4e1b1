"""An image's configuration as Docker and OCI write it today: diff IDs, history, platform.

The rule of this file: only what identities and rules rest on is read; everything else stays bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.manifests.descriptor import Fields, Platform, Problem, read_platform


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of the build: the command, and whether it left no layer."""

    created_by: str | None
    empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The configuration of one image; ``history`` is None when there is none."""

    platform: Platform
    rootfs_type: str | None
    diff_ids: tuple[str, ...] | None
    history: tuple[HistoryEntry, ...] | None
    problems: tuple[Problem, ...]

    @property
    def steps(self) -> list[str | None]:
        """The commands of the steps that left a layer, base first."""
        return [] if self.history is None else [entry.created_by for entry in self.history if not entry.empty]


def read_config(value: dict[str, Any]) -> Config:
    """Read a configuration.

    Notes
    -----
    Origin: OCI image-spec, config.md.
    """
    fields = Fields(value, "")
    rootfs = fields.nested("rootfs", required=True)
    history = tuple(HistoryEntry(one.text("created_by"), one.value.get("empty_layer") is True) for one in fields.each("history"))
    return Config(
        platform=read_platform(fields),
        rootfs_type=None if rootfs is None else rootfs.text("type", required=True),
        diff_ids=None if rootfs is None else rootfs.texts("diff_ids", required=True),
        history=history if value.get("history") else None,
        problems=tuple(fields.problems),
    )
