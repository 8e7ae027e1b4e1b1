"""Explain an ID: the bytes that get hashed, step by step, recomputed.

The rule of this file: nothing is copied from a row; every step is done again, and says so if it comes out otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cards.card import Card, Table
from toolkit.cards.escaping import middle_cut, short
from toolkit.errors import UsageError
from toolkit.identity.image_config import derive
from toolkit.identity.strong_id import strong_id
from toolkit.manifests.raw import RawManifest
from toolkit.pulling.rejudge import kept_references
from toolkit.pulling.report import Report
from toolkit.records import Manifest, Reuse, StrongID
from toolkit.verification.judgement import judge_manifest
from toolkit.verification.layer_chain import LayerSlot
from toolkit.verification.policy import Policy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is done, on which bytes, with which result."""

    what: str
    input: bytes
    output: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one image of a report got its names.

    ``steps`` is a frame with one row per step (step, what, input, output); ``config`` are the bytes hashed.
    """

    reference: str
    position: int
    recorded: StrongID
    computed: tuple[Step, ...]
    config: bytes
    strong_id: str
    decisions: tuple[Reuse, ...]

    @property
    def agrees(self) -> bool:
        """Whether what was computed again is what the report says."""
        return self.strong_id == self.recorded.strong_id and self.config == self.recorded.config

    @property
    def steps(self) -> pd.DataFrame:
        """The steps as a frame."""
        import pandas as pd

        data = {
            "step": pd.Series(range(1, len(self.computed) + 1), dtype="int64"),
            "what": pd.Series([step.what for step in self.computed], dtype="str"),
            "input": pd.Series([step.input for step in self.computed], dtype="object"),
            "output": pd.Series([step.output for step in self.computed], dtype="str"),
        }
        return pd.DataFrame(data)

    def card(self) -> Card:
        """The explanation as a card."""
        rows = tuple((str(number), step.what, middle_cut(step.output, 100)) for number, step in enumerate(self.computed, start=1))
        tables = [Table("step by step, recomputed", ("", "what", "gives"), rows)]
        if self.decisions:
            considered = tuple(
                (one.kind, short(one.candidate), "found" if one.found else "not there", one.outcome, middle_cut(one.reason, 60))
                for one in self.decisions
            )
            tables.append(Table("IDs considered", ("kind", "candidate", "graph", "outcome", "reason"), considered))
        used = self.recorded.final_id or "none: nothing was registered"
        return Card(
            title=f"{self.reference}, layer {self.position}: {self.strong_id}",
            tone="good" if self.agrees else "bad",
            facts=(
                ("compatibility ID", self.recorded.compatibility_id),
                ("strong ID", self.strong_id),
                ("ID used", used),
                ("check it", f"sha256sum of the {len(self.config)} configuration bytes gives {short(self.strong_id)}…"),
            ),
            tables=tuple(tables),
        )

    def __repr__(self) -> str:
        return self.card().text()

    def _repr_html_(self) -> str:
        return self.card().html()


def explain(report: Report, position: int) -> Explanation:
    """Explain the ID of one image.

    Parameters
    ----------
    report : Report
        With a manifest that has a chain of images.
    position : int
        0 is the base; as in the frames ``layers`` and ``strong_ids``. Negative counts from the top.

    Returns
    -------
    Explanation

    Raises
    ------
    UsageError
        There is no image at that position: out of range, dropped as a duplicate, or no chain at all.
    """
    named: dict[int, StrongID] = {record.position: record for record in report.records(StrongID)}
    slots = _slots(report)
    wanted = position if position >= 0 else len(slots) + position
    if wanted not in named:
        raise UsageError(
            f"there is no image at position {position}",
            expected=f"one of {sorted(named)}" if named else "a manifest with a chain of images",
            actual=position,
            next_step=_why_not(slots, wanted) if named else _without_strong_ids(report),
        )
    recorded, slot = named[wanted], slots[wanted]
    parent = recorded.strong_parent or ""
    config = derive(slot.v1_compatibility, slot.blob_digest, parent)
    identity = strong_id(config.data)
    steps = [
        Step("take the v1Compatibility text of the manifest", slot.v1_compatibility, slot.v1_compatibility.decode("utf-8")),
        Step("is it from Docker before 1.8.3?", slot.v1_compatibility, "no: its values are kept byte for byte"),
    ]
    if config.derivation == "re-marshalled":
        text = config.source.decode("utf-8")
        steps[1] = Step(
            "it is from Docker before 1.8.3: read it into the Image record and write it back", slot.v1_compatibility, text
        )
    steps += [
        Step("take out id, parent and Size; set layer_id to the blob's digest", config.source, slot.blob_digest),
        Step("set parent_id to the strong ID of the image below", config.source, parent or "nothing: this is the base"),
        Step("write it with sorted names and no white space", config.source, config.data.decode("utf-8", "backslashreplace")),
        Step("hash these bytes with SHA-256", config.data, identity),
    ]
    return Explanation(
        reference=report.reference,
        position=wanted,
        recorded=recorded,
        computed=tuple(steps),
        config=config.data,
        strong_id=identity,
        decisions=tuple(one for one in report.records(Reuse) if one.position == wanted),
    )


def _slots(report: Report) -> dict[int, LayerSlot]:
    """Read the chain of the report's last manifest again."""
    manifests: list[Manifest] = report.records(Manifest)
    if not manifests:
        return {}
    reference = kept_references(report)[-1]
    raw = RawManifest(body=report.body(manifests[-1].body_digest))
    judgement = judge_manifest(raw, reference, Policy(report.pull.policy), judge_all=True)
    return {} if judgement.chain is None else {slot.position: slot for slot in judgement.chain.slots}


def _without_strong_ids(report: Report) -> str:
    if any(manifest.kind == "image" for manifest in report.records(Manifest)):
        return "an image of today's formats has no strong IDs: `tk.analysis.identity_ages` tells what they would have been"
    return "the frame `checks` says why there is no chain of images"


def _why_not(slots: dict[int, LayerSlot], position: int) -> str:
    slot = slots.get(position)
    if slot is not None and not slot.kept:
        return "the layer was dropped as a duplicate of the one below it; explain that one"
    return "the frame `strong_ids` lists the images"
