"""How a row of ``holdings`` is made.

The rule of this file: both values stand in the row whenever there are both; what could not be read is unknown, never intact.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit.errors import GraphIOError
from toolkit.records import Holding, HoldingKind, HoldingOutcome

UNREAD: Final = "read"
"""What is compared when something cannot even be read."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing of a graph: what it is, what it is called, and where it lies below the root."""

    kind: HoldingKind
    name: str
    path: str

    @classmethod
    def at(cls, root: Path, path: Path, kind: HoldingKind, name: str) -> Subject:
        """A thing at a path of a graph."""
        return cls(kind, name, str(path.relative_to(root)))

    def compared(
        self, what: str, expected: str | None, actual: str | None, *, size: int | None = None, reason: str = ""
    ) -> Holding:
        """A comparison: intact when both are equal, else rotten."""
        return self.row(what, "intact" if expected == actual else "rotten", expected, actual, size=size, reason=reason)

    def unread(self, error: GraphIOError) -> Holding:
        """That it could not be read."""
        return self.row(UNREAD, "unknown", None, str(error.actual), reason=error.message)

    def row(
        self,
        what: str,
        outcome: HoldingOutcome,
        expected: str | None = None,
        actual: str | None = None,
        *,
        size: int | None = None,
        reason: str = "",
    ) -> Holding:
        """A row with everything given."""
        return Holding(
            kind=self.kind,
            subject=self.name,
            path=self.path,
            compared=what,
            expected=expected,
            actual=actual,
            outcome=outcome,
            disposition="left",
            size=size,
            reason=reason,
        )
