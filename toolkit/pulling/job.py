"""What one pull works with, whatever the format of its image.

The rule of this file: it hands out and tells; what is done with it stands in ``pull_schema1`` and ``pull_document``.
"""

from __future__ import annotations

from toolkit.graph.store import Graph
from toolkit.graph.turns import Entry, Turn, Waited
from toolkit.progress.steps import Message, Progress, ProgressSink, Step, entry_of, step_of
from toolkit.pulling.cancellation import Cancellation
from toolkit.pulling.session import Session
from toolkit.pulling.transfer import Transfer
from toolkit.records import Join
from toolkit.references import Reference
from toolkit.sources.protocol import Connection
from toolkit.verification.policy import Policy


class Job:
    """The scope of a pull, its source and its graph.

    Parameters
    ----------
    scope : Session
    connection : Connection
    graph : Graph
    policy : Policy
    tell : callable or None
        Hears every step.
    workers : int
    diff_ids : bool
        Whether today's layers are looked into.
    stop : Cancellation
        Whether, meanwhile, somebody wants it to end.
    """

    def __init__(
        self,
        scope: Session,
        connection: Connection,
        graph: Graph,
        policy: Policy,
        tell: ProgressSink | None,
        workers: int,
        *,
        diff_ids: bool,
        stop: Cancellation,
    ) -> None:
        self.scope = scope
        self.note = scope.call.note
        self.connection = connection
        self.graph = graph
        self.policy = policy
        self.workers = workers
        self.diff_ids = diff_ids
        self.stop = stop
        self._listener = tell
        self.turn: Turn | None = None
        self._told: dict[tuple[str, str], int] = {}

    def transfer(self, *, measures: bool) -> Transfer:
        """Make the transfer of one image; ``measures`` says whether layers are looked into."""
        return Transfer(
            self.connection,
            self.graph,
            keep="all",
            as_seed=self.policy.is_seed,
            measures=measures,
            progress=self.tell,
            workers=self.workers,
            stop=self.stop,
        )

    def joined(self, waited: Waited, work: str) -> None:
        """Note that somebody else pulled the same; what they left is verified like anything that was there before."""
        self.note(Join(kind="pull", subject=work, owner=waited.owner, waited=waited.seconds, outcome="found"))

    def hear(self, entry: Entry) -> None:
        """Pass on what the one we wait for tells."""
        if self._listener is not None:
            self._listener(step_of(entry))

    def tell(self, step: Step) -> None:
        """Tell whoever listens here, and whoever waits for us elsewhere."""
        if self._listener is not None:
            self._listener(step)
        if self.turn is not None and self._is_due(step):
            self.turn.tell(entry_of(step))

    def _is_due(self, step: Step) -> bool:
        """Whether those who wait elsewhere are told: of the many steps of a reading, some and the last."""
        if not isinstance(step, Progress) or step.action not in ("downloading", "verifying"):
            return True
        key, size = (step.digest, step.action), step.total or 0
        last = self._told.get(key)
        if last is not None and step.current - last < max(size // 100, 1) and step.current != size:
            return False
        self._told[key] = step.current
        return True

    def begin(self, reference: Reference) -> None:
        """Say what is pulled."""
        self.tell(Message(f"Pulling from {reference.repository.remote_name}", reference.asked))
