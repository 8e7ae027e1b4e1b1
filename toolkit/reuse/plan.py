"""Reuse, stop, probe: the ID of every image of a chain.

The rule of this file: every candidate that was considered is a row, in the order in which it was considered, and the
result does not depend on anything but the chain and the graph.
"""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.errors import GraphError
from toolkit.identity.strong_id import StrongImage
from toolkit.records import CandidateKind, Check, Reuse, ReuseOutcome
from toolkit.reuse.graph_check import graph_check
from toolkit.reuse.history_chain import missing_histories
from toolkit.reuse.stored_image import GraphView, StoredImage, exists
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """An image of the chain with the ID and the parent it gets in the graph."""

    image: StrongImage
    id: str
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPlan:
    """The IDs of a chain, base first, and why.

    ``histories`` are the v1Compatibility texts of legacy images that have to be written before anything else.
    """

    images: tuple[PlannedImage, ...]
    decisions: tuple[Reuse, ...]
    checks: tuple[Check, ...]
    histories: dict[str, bytes]


def next_id(image_id: str) -> str:
    """Hash an ID again: where to look when the place is taken by something else.

    Notes
    -----
    Origin: ``tryNextID`` of Docker 1.9's ``graph/pull_v2.go``: SHA-256 over the 64 hex digits.

    >>> next_id("0" * 64)[:12]
    '60e05bd1b195'
    """
    return hashlib.sha256(image_id.encode("ascii")).hexdigest()


def plan_ids(images: Sequence[StrongImage], graph: GraphView, policy: Policy, *, by_digest: bool) -> IdPlan:
    """Choose an ID for every image of a chain.

    Parameters
    ----------
    images : sequence of StrongImage
        Base first.
    graph : Mapping of str to StoredImage
        What is there already.
    policy : Policy
        Under ``docker-1.9`` a legacy image whose history cannot be followed ends the planning at once and leaves
        every parent empty (weakness W1); under ``strict`` it only ends the reuse.
    by_digest : bool
        Whether the image was asked for by digest.

    Returns
    -------
    IdPlan

    Raises
    ------
    GraphError
        Under ``docker-1.9``, parents of a legacy image that go in a circle.

    Notes
    -----
    Origin: ``attemptIDReuse`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    return _Planner(images, graph, policy, by_digest=by_digest).plan()


class _Planner:
    def __init__(self, images: Sequence[StrongImage], graph: GraphView, policy: Policy, *, by_digest: bool) -> None:
        self.images = images
        self.histories: dict[str, bytes] = {}
        self.rewritten: dict[str, StoredImage] = {}
        self.graph: GraphView = ChainMap(self.rewritten, graph)  # type: ignore[arg-type]  # only the first map is written
        self.policy = policy
        self.rows = Rows(policy, by_digest=by_digest)
        self.decisions: list[Reuse] = []
        self.ids: list[str] = []
        self.stopped = ""

    def plan(self) -> IdPlan:
        problem = self._complete_histories()
        if problem is not None and self.policy.is_seed:
            for index, image in enumerate(self.images):
                reason = f"Migration v1Compatibility generation error: {problem}"
                self._note(index, image.hex, "strong", 0, "not-considered", reason, found=exists(self.graph, image.hex))
            self.ids = [image.hex for image in self.images]
            parents = [""] * len(self.images)
        else:
            self.stopped = "" if problem is None else f"Migration v1Compatibility generation error: {problem}"
            for index in range(len(self.images)):
                self.ids.append(self._choose(index))
            parents = ["", *self.ids][: len(self.images)]
        for rule in ("graph-image-valid", "graph-image-complete"):
            if not self.rows.asked(rule):
                self.rows.skipped(rule, "graph", "no image of the chain is in the graph under its strong ID")
        return IdPlan(
            images=tuple(
                PlannedImage(image=image, id=image_id, parent=parent)
                for image, image_id, parent in zip(self.images, self.ids, parents, strict=True)
            ),
            decisions=tuple(self.decisions),
            checks=self.rows.checks,
            histories=self.histories,
        )

    def _complete_histories(self) -> str | None:
        """Make the texts that legacy images of the chain lack; return what stands in the way, in Docker's words."""
        found = False
        for image in reversed(self.images):
            if not exists(self.graph, image.compatibility_id):
                continue
            found = True
            try:
                made = missing_histories(self.graph, image.compatibility_id)
            except GraphError as error:
                if error.code == "seed-hang" and self.policy.is_seed:
                    raise
                self.rows.failed("graph-history-chain", image.compatibility_id, error.message, actual=error.message)
                return error.message
            for image_id, text in made.items():
                self.histories[image_id] = text
                self.rewritten[image_id] = replace(self.graph[image_id], v1_compatibility=text)
        if found:
            self.rows.passed("graph-history-chain", "graph", actual=len(self.histories))
        else:
            self.rows.skipped("graph-history-chain", "graph", "no image of the chain is in the graph under its legacy ID")
        return None

    def _choose(self, index: int) -> str:
        image = self.images[index]
        if exists(self.graph, image.hex):
            problem = self._check(index, image.hex)
            self._note(index, image.hex, "strong", 0, "invalid" if problem else "kept", problem or "", found=True)
            self._graph_rules(image, problem)
            if problem is None:
                return image.hex
            self.stopped = f"not using existing strongID: {problem}"
            return self._probe(index)
        if self.stopped:
            self._note(index, image.hex, "strong", 0, "free", "", found=False)
            reason = f"reuse has stopped: {self.stopped}"
            found = exists(self.graph, image.compatibility_id)
            self._note(index, image.compatibility_id, "compatibility", 0, "not-considered", reason, found=found)
            return image.hex
        problem = self._check(index, image.compatibility_id)
        found = exists(self.graph, image.compatibility_id)
        self._note(index, image.hex, "strong", 0, "free" if problem else "missing", "", found=False)
        if problem is None:
            self._note(index, image.compatibility_id, "compatibility", 0, "reused", "", found=found)
            return image.compatibility_id
        self.stopped = f"stopping ID reuse: {problem}"
        self._note(index, image.compatibility_id, "compatibility", 0, "invalid" if found else "missing", problem, found=found)
        return image.hex

    def _probe(self, index: int) -> str:
        candidate, rounds = self.images[index].hex, 0
        while True:
            candidate, rounds = next_id(candidate), rounds + 1
            if not exists(self.graph, candidate):
                self._note(index, candidate, "permuted", rounds, "free", "", found=False)
                return candidate
            problem = self._check(index, candidate)
            self._note(index, candidate, "permuted", rounds, "invalid" if problem else "kept", problem or "", found=True)
            if problem is None:
                return candidate

    def _check(self, index: int, candidate: str) -> str | None:
        return graph_check(
            self.graph,
            candidate,
            self.images[index],
            below=self.ids[index - 1] if index else "",
            parent_strong_id=self.images[index - 1].strong_id if index else "",
        )

    def _graph_rules(self, image: StrongImage, problem: str | None) -> None:
        if problem is None:
            self.rows.passed("graph-image-valid", image.hex, expected=image.strong_id, actual=image.strong_id)
        else:
            self.rows.failed("graph-image-valid", image.hex, problem, expected=image.strong_id, actual=problem)
        lacking = self._lacking(image.hex)
        if lacking:
            text = f"the image has lost its {' and '.join(lacking)}"
            self.rows.failed("graph-image-complete", image.hex, text, expected="checksum, v1Compatibility", actual=text)
        else:
            self.rows.passed("graph-image-complete", image.hex)

    def _lacking(self, image_id: str) -> list[str]:
        stored = self.graph[image_id]
        files = {"checksum": stored.checksum, "v1Compatibility": stored.v1_compatibility}
        return [name for name, data in files.items() if data is None]

    def _note(
        self, index: int, candidate: str, kind: CandidateKind, rounds: int, outcome: ReuseOutcome, reason: str, *, found: bool
    ) -> None:
        image = self.images[index]
        self.decisions.append(
            Reuse(
                position=image.position,
                strong_id=image.strong_id,
                candidate=candidate,
                kind=kind,
                round=rounds,
                found=found,
                outcome=outcome,
                reason=reason,
            )
        )
