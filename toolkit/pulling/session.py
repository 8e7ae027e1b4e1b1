"""One call from its first row to its last: whatever happens, there is a row that says so.

The rule of this file: it opens the scope in which the other files of this room note rows, turns how the work ended
into the row of the call, and hands the report to whoever waits, inside the error if there is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from toolkit._version import VERSION
from toolkit.errors import GraphError, InterruptedPullError, LedgerError, RefusingRow, ToolkitError, VerificationError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Call, Ledger
from toolkit.pulling.report import Report
from toolkit.records import Pull, PullOutcome, Verb
from toolkit.verification.policy import Policy


@dataclass(slots=True)
class Session:
    """The scope of one call, and what is known of its result so far."""

    verb: Verb
    reference: str
    source: str
    policy: Policy
    call: Call
    graph: Graph | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    digest: str | None = None
    image_id: str | None = None
    newer: bool | None = None
    status: str | None = None
    platform: str | None = None

    def focus(self, reference: str) -> None:
        """Say which image the rows that come next belong to."""
        self.call.image = reference

    @property
    def report(self) -> Report:
        """The report of the call."""
        return Report(self.call.ledger, self.call.name, bodies=self.bodies, graph=self.graph)

    def finish(self, outcome: PullOutcome, error: ToolkitError | None = None) -> None:
        """Note the row of the call and make everything durable."""
        self.call.image = self.reference
        self.call.note(
            Pull(
                verb=self.verb,
                reference=self.reference,
                source=self.source,
                policy=self.policy.name,
                platform=self.platform,
                accepted_rules=" ".join(sorted(self.policy.accept)),
                outcome=outcome,
                error_code=None if error is None else error.code,
                error_text=None if error is None else error.message,
                status=self.status if outcome == "accepted" else None,
                digest=self.digest,
                image_id=self.image_id,
                newer=self.newer if outcome == "accepted" else None,
                tool_version=VERSION,
            )
        )
        self.call.sync()


@contextlib.contextmanager
def session(verb: Verb, reference: str, source: str, policy: Policy, ledger: Ledger, graph: Graph | None) -> Iterator[Session]:
    """Run one call: its row is noted when the work ends, fails or is interrupted."""
    scope = Session(verb, reference, source, policy, ledger.open_call(), graph)
    scope.call.image = reference
    try:
        yield scope
    except ToolkitError as error:
        with _telling(error):
            scope.finish(outcome_of(error), error)
        error.report = scope.report
        raise
    except BaseException as error:
        with _telling(error):
            scope.finish("aborted")
        raise


@contextlib.contextmanager
def _telling(error: BaseException) -> Iterator[None]:
    """Let an error go on although its rows could not be written: they are in its report, and it says so."""
    try:
        yield
    except (GraphError, LedgerError) as second:
        error.add_note(f"the rows of this call are in the report only: {second.message}")


def outcome_of(error: ToolkitError) -> PullOutcome:
    """Tell how a call ended that ended with an error."""
    if isinstance(error, InterruptedPullError):
        return "aborted"
    if isinstance(error, VerificationError) and error.check is not None:
        return refused(error.check)
    return "rejected" if error.exit_status == 1 else "undecided"


def refused(check: RefusingRow) -> PullOutcome:
    """Tell how a call ends that a row refuses."""
    return "undecided" if check.undecided else "rejected"
