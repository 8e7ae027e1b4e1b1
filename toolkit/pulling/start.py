"""A pull that goes on while you do something else, and that can be stopped.

The rule of this file: it pulls in a thread of its own; what it does there is ``pull``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import Future
from os import PathLike
from typing import TYPE_CHECKING, Any

from toolkit.pulling.cancellation import Cancellation
from toolkit.pulling.pull import pull

if TYPE_CHECKING:
    from toolkit.graph.store import Graph
    from toolkit.pulling.report import Report


class PullJob:
    """A pull under way; made by ``start_pull``."""

    def __init__(self, reference: str | None, graph: Graph | str | PathLike[str], options: dict[str, Any]) -> None:
        self.reference = reference
        self._stop = Cancellation()
        self._future: Future[Report] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(reference, graph, options), name=f"layerproof-pull {reference}", daemon=True
        )
        self._thread.start()

    def _run(self, reference: str | None, graph: Graph | str | PathLike[str], options: dict[str, Any]) -> None:
        try:
            self._future.set_result(pull(reference, graph, stop=self._stop, **options))
        except BaseException as error:  # noqa: BLE001  # raised again where the result is asked for
            self._future.set_exception(error)

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Report:
        """Wait for the end; return the report, or raise what ``pull`` raises.

        Raises
        ------
        TimeoutError
            It has not ended after so many seconds; it goes on.
        InterruptedPullError
            It was cancelled.
        """
        return self._future.result(timeout)

    def cancel(self) -> None:
        """Stop it: within a second, with a row that says so; what was downloaded is kept, and the next pull goes on there."""
        self._stop.cancel()

    def __await__(self) -> Generator[Any, None, Report]:
        return asyncio.wrap_future(self._future).__await__()

    def __repr__(self) -> str:
        return f"PullJob({self.reference!r}): {self._state}"

    @property
    def _state(self) -> str:
        if not self.done:
            return "stopping" if self._stop.asked else "under way"
        error = self._future.exception()
        return repr(self._future.result().outcome).strip("'") if error is None else f"ended: {error!s}".partition("\n")[0]


def start_pull(reference: str | None, graph: Graph | str | PathLike[str], **options: Any) -> PullJob:
    """Start a pull and return at once.

    Parameters
    ----------
    reference, graph, **options
        As in ``pull``.

    Returns
    -------
    PullJob
        ``result()`` waits, ``cancel()`` stops; in a notebook ``await`` works, too.

    Examples
    --------
    >>> from toolkit.simulator.teaching import teaching_registry
    >>> from toolkit.graph.store import Graph
    >>> job = start_pull("teach/clean:1", Graph.temporary(), source=teaching_registry())
    >>> job.result().outcome
    'accepted'
    """
    return PullJob(reference, graph, options)
