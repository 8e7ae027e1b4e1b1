"""A report: everything one call decided, as frames, a card and evidence.

The rule of this file: it shows rows; it computes nothing that is not in them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger.frames import frame
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import Row
from toolkit.records import TABLES, Check, Descriptor, Holding, Layer, Manifest, Pull, Record, Reuse, Signature, StrongID

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.cards.card import Card
    from toolkit.graph.store import Graph


class Report:
    """What one call did and why.

    Attributes
    ----------
    pulls, endpoints, requests, manifests, descriptors, signatures, checks, layers, strong_ids, reuse, tags : pandas.DataFrame
        Fresh frames of the call's rows; see ``data/README.md`` for every column.
    mismatches : pandas.DataFrame
        The rows of ``checks`` that failed.
    outcome : str
        accepted, rejected, undecided or aborted.
    """

    def __init__(self, ledger: Ledger, call: str, *, bodies: dict[str, bytes] | None = None, graph: Graph | None = None) -> None:
        self.ledger = ledger
        self.call = call
        self.bodies = bodies or {}
        self.graph = graph

    # -- facts ---------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[Row]:
        """The call's rows, in order."""
        return self.ledger.rows(self.call)

    def records(self, *kinds: type[Record]) -> list[Any]:
        """The call's records of some tables, in order."""
        return [row.record for row in self.rows if isinstance(row.record, kinds)]

    @property
    def pull(self) -> Pull:
        """The row of the call itself."""
        found: list[Pull] = self.records(Pull)
        if not found:
            raise LedgerError("the call has not ended", where=self.call, next_step="its other rows are there already")
        return found[-1]

    @property
    def has_ended(self) -> bool:
        """Whether there is a row of the call itself: a call that runs, or was killed, has none."""
        return bool(self.records(Pull))

    @property
    def outcome(self) -> str:
        """How the call ended."""
        return self.pull.outcome

    @property
    def reference(self) -> str:
        """What was asked."""
        return self.pull.reference

    @property
    def digest(self) -> str | None:
        """The manifest's own digest."""
        return self.pull.digest

    @property
    def image_id(self) -> str | None:
        """The ID of the top image."""
        return self.pull.image_id

    @property
    def newer(self) -> bool | None:
        """Whether the graph now holds something it did not."""
        return self.pull.newer

    @property
    def error(self) -> dict[str, str] | None:
        """Code and message of what kept the image out; None when it was accepted."""
        pull = self.pull
        return None if pull.error_code is None else {"code": pull.error_code, "message": pull.error_text or ""}

    @property
    def ledger_head(self) -> str | None:
        """The hash of the ledger's last line when the call ended: noted elsewhere, it vouches for every row up to there.

        None for a ledger in memory.
        """
        return self.ledger.head_of(self.call)

    @property
    def findings(self) -> list[Check]:
        """Failed checks, in order."""
        return [check for check in self.records(Check) if check.outcome == "failed"]

    def body(self, digest: str | None = None) -> bytes:
        """The body of a manifest of this call, by its ``body_digest``; without one, of the last manifest.

        Raises
        ------
        LedgerError
            The body was not kept.
        """
        manifests: list[Manifest] = self.records(Manifest)
        wanted = digest or (manifests[-1].body_digest if manifests else "")
        return self.bodies[wanted] if wanted in self.bodies else self.evidence(wanted)

    def evidence(self, digest: str) -> bytes:
        """Read kept bytes, accepted or rejected, by the digest in a column ``evidence``."""
        path = self.graph.blobs.evidence(digest) if self.graph is not None and digest else None
        if path is None:
            raise LedgerError(
                f"no bytes are kept under {digest!r}",
                where=self.call,
                expected="a digest from a column `evidence`",
                actual=digest,
                next_step="pull, or inspect with graph=, to keep what is received",
            )
        return b"".join(fsops.chunks(path))

    # -- frames --------------------------------------------------------------------------------------------------

    def frame(self, table: str) -> pd.DataFrame:
        """The frame of one table."""
        return frame(table, self.rows)

    @property
    def mismatches(self) -> pd.DataFrame:
        """Failed checks: rule, both sides, whether it refuses."""
        checks = self.frame("checks")
        return checks[checks["outcome"] == "failed"].reset_index(drop=True)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLES:
            return self.frame(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *TABLES})

    # -- to read -------------------------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """The report as plain JSON: what ``layerproof inspect --json`` prints."""
        pull = self.pull
        return {
            "reference": pull.reference,
            "outcome": pull.outcome,
            "digest": pull.digest,
            "image_id": pull.image_id,
            "policy": pull.policy,
            "status": pull.status,
            "newer": pull.newer,
            "checks": _plain(self.records(Check)),
            "layers": _plain(self.records(Layer)),
            "strong_ids": _plain(self.records(StrongID)),
            "reuse": _plain(self.records(Reuse)),
            "manifests": _plain(self.records(Manifest)),
            "descriptors": _plain(self.records(Descriptor)),
            "signatures": _plain(self.records(Signature)),
            "holdings": _plain(self.records(Holding)),
            "error": self.error,
            "ledger_head": self.ledger_head,
        }

    def to_json(self) -> str:
        """The report as a JSON text: what ``summary`` says.

        Returns
        -------
        str
            ASCII only, so that no reader is misled by what it cannot see.
        """
        return json.dumps(self.summary(), indent=2)

    def to_html(self) -> str:
        """The report as one page that needs nothing else: findings first, IDs, layers, and how to repeat each check by hand.

        Returns
        -------
        str
            HTML without any request or script; the commands in it are for the folder of the graph.
        """
        from toolkit.cases.page import page

        return page(self)

    def card(self) -> Card:
        """The report as a card."""
        from toolkit.pulling.report_card import card_of

        return card_of(self)

    def __repr__(self) -> str:
        return self.card().text()

    def _repr_html_(self) -> str:
        return self.card().html()


def _plain(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [
        {
            name: value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
            for name, value in _values(record)
        }
        for record in records
    ]


def _values(record: Record) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in dataclasses.fields(record)]
