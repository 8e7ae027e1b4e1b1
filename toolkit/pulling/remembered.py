"""What a ledger remembers of the references of its graph.

The rule of this file: no clock and no order between calls is asked. Every row of ``tags`` is a step from one image to another;
where all steps of a reference lead is where more steps arrive than leave. A call that did not end may have taken a step without
a row, so what it was about is allowed, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from toolkit import fsops
from toolkit.graph import index
from toolkit.graph.recovery import Remembered
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.manifests.media_types import OCI_INDEX, OCI_MANIFEST, SCHEMA1, SIGNED_SCHEMA1, essence, kind_of
from toolkit.pulling import evidence
from toolkit.records import Holding, Layer, Manifest, Pull, StrongID, Tag


@dataclass(slots=True)
class Memory:
    """What is known of one reference.

    Attributes
    ----------
    name, reference : str
        As in the file of tags.
    steps : Counter
        Image ID to how many more steps arrive at it than leave it; None for no image.
    maybe : set of str
        IDs that a call which did not end may have set.
    entries : dict
        Image ID to its entry in the OCI index.
    """

    name: str = ""
    reference: str = ""
    steps: Counter[str | None] = field(default_factory=Counter)
    maybe: set[str] = field(default_factory=set)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """Where the steps lead: one ID; none, if the reference was taken away; several, if a step has no row."""
        return [image_id for image_id, count in self.steps.items() if image_id is not None and count > 0]


@dataclass(slots=True)
class Memories:
    """What is known of every reference, by its text, and of what was purged, by digest or ID."""

    references: dict[str, Memory] = field(default_factory=dict)
    purged: dict[str, Holding] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: Ledger) -> Memories:
        """Read a ledger, one call at a time."""
        memories = cls()
        for call in ledger.pulls_in_order():
            memories._add(ledger, call)
        return memories

    def remembered(self) -> Remembered:
        """What damaged indexes are made anew of."""
        references: dict[str, dict[str, str]] = {}
        manifests = []
        for memory in self.references.values():
            for image_id in memory.ids[-1:]:
                references.setdefault(memory.name, {})[memory.reference] = image_id
                manifests += [memory.entries[image_id]] if image_id in memory.entries else []
        return Remembered(references, tuple(manifests))

    def _add(self, ledger: Ledger, call: str) -> None:
        rows = ledger.rows(call)
        outcomes = {row.record.outcome for row in rows if isinstance(row.record, Pull)}
        ended = not outcomes.isdisjoint(("accepted", "rejected"))
        asked = dict(_asked(ledger, call))
        entries: dict[str, dict[str, Any]] = {}
        for row in rows:
            record, image = row.record, row.stamp.image
            text = asked.get(image)
            if isinstance(record, Manifest) and text is not None and image not in entries:
                entries[image] = _entry(record, text)
            if isinstance(record, Tag):
                self._step(record, entries.get(image))
            elif isinstance(record, Holding) and record.disposition == "purged":
                self._purged(record, ended=ended)
            elif isinstance(record, Manifest | StrongID | Layer):
                for one in _ids(record) if "rejected" not in outcomes else ():
                    self.purged.pop(one, None)  # it was pulled again
                if text is not None and not ended:
                    self._of(text).maybe |= _ids(record)

    def _of(self, text: str) -> Memory:
        return self.references.setdefault(text, Memory())

    def _step(self, tag: Tag, entry: dict[str, Any] | None) -> None:
        memory = self._of(reference_text(tag.name, tag.reference))
        memory.name, memory.reference = tag.name, tag.reference
        memory.steps[tag.new_id] += 1
        memory.steps[tag.old_id] -= 1
        if entry is not None:
            memory.entries[tag.new_id] = entry

    def _purged(self, holding: Holding, *, ended: bool) -> None:
        if holding.kind != "reference":
            self.purged[holding.subject] = holding
            return
        memory = self._of(holding.subject)
        if ended:
            memory.steps[holding.actual] -= 1
            memory.steps[None] += 1
        elif holding.actual is not None:
            memory.maybe.add(holding.actual)


def remembering(graph: Graph) -> Callable[[], Remembered]:
    """Say how to learn what the ledger of a graph remembers, should an index be damaged: it is not read before."""

    def remember() -> Remembered:
        directory = graph.layout.ledger
        return Memories.of(Ledger.load(directory, strict=False)).remembered() if fsops.is_directory(directory) else Remembered()

    return remember


def reference_text(name: str, reference: str) -> str:
    """A reference of the file of tags as Docker 1.9 printed it.

    >>> reference_text("busybox", "1.24")
    'busybox:1.24'
    """
    return f"{name}{'@' if ':' in reference else ':'}{reference}"


def _asked(ledger: Ledger, call: str) -> Iterator[tuple[str, str]]:
    """The image a row belongs to, and what the graph calls the reference."""
    for row in ledger.evidence(call):
        if row.evidence.kind == evidence.MANIFEST and not row.evidence.content["below"]:
            yield row.stamp.image, evidence.to_reference(row.evidence.content).local_text


def _ids(record: Manifest | StrongID | Layer) -> set[str]:
    """What a pull may have put into the graph, by digest or ID."""
    if isinstance(record, Layer):
        found: set[str | None] = {record.blob_digest} if record.disposition == "downloaded" else set()
    elif isinstance(record, StrongID):
        found = {record.final_id}
    else:
        found = {record.config_digest, record.digest, record.body_digest}
    return {one for one in found if one is not None}


def _entry(manifest: Manifest, reference: str) -> dict[str, Any]:
    if manifest.kind == "schema1":
        media_type = SIGNED_SCHEMA1 if manifest.signatures else SCHEMA1
    else:
        kind = "index" if manifest.kind == "index" else "image"
        claims = [claim for claim in (manifest.media_type, manifest.content_type) if claim and kind_of(claim) == kind]
        media_type = essence(claims[0]) if claims else (OCI_INDEX if kind == "index" else OCI_MANIFEST)
    return index.entry_of(reference, media_type=media_type, digest=manifest.body_digest, size=manifest.size)
