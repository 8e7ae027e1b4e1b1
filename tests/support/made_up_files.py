"""Rows of the frame ``files``, made up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from support.made_up_registry import Blob, digest_of
from toolkit.ledger.frames import frame
from toolkit.ledger.lines import Row
from toolkit.records import File, Stamp


@dataclass(frozen=True)
class FileRow:
    """One member of a layer of an image; equal contents have equal names."""

    image: str
    position: int
    layer: Blob
    path: str
    content: str | None
    size: int
    type: Any = "file"

    @property
    def sha256(self) -> str | None:
        """The digest of its content, where it has one."""
        return None if self.content is None else digest_of(f"content {self.content}").partition(":")[2]


def files_of(rows: Iterable[FileRow]) -> pd.DataFrame:
    """The frame; members of a layer are numbered in the order they are given."""
    counted: dict[tuple[str, int, Blob], int] = {}
    made = []
    for seq, row in enumerate(rows):
        place = row.image, row.position, row.layer
        counted[place] = index = counted.get(place, -1) + 1
        made.append(
            Row(stamp=Stamp(pull="p", seq=seq, at=datetime(2026, 1, 1, tzinfo=UTC), image=row.image), record=_file(row, index))
        )
    return frame("files", made)


def _file(row: FileRow, index: int) -> File:
    known = {
        "position": row.position,
        "blob_digest": row.layer.digest,
        "diff_id": row.layer.diff_id,
        "index": index,
        "path": row.path,
        "name": row.path,
        "type": row.type,
        "stored": row.size,
        "size": row.size,
        "sha256": row.sha256,
        "whiteout": "none",
    }
    blanks: dict[str, Any] = {"str": "", "int": 0}
    needed = {
        field.name: blanks[str(field.type)]
        for field in dataclasses.fields(File)
        if field.default is dataclasses.MISSING and field.name not in known
    }
    return File(**known, **needed)
