"""The conformance lab: any client against the catalogue, over a real loopback connection.

The rule of this file: a client is judged by its exit status alone, for that is what a script sees. What it says is
kept beside the outcome and decides nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final, Literal

from toolkit import fsops
from toolkit.cards.card import Card, Table
from toolkit.cards.escaping import visible
from toolkit.errors import UsageError
from toolkit.simulator.catalogue import CASES, FORMATS, Case, serve
from toolkit.simulator.modern import TAG, Stored
from toolkit.simulator.programs import Ran, run
from toolkit.simulator.server import LoopbackServer

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["caught", "missed", "accepted", "refused", "error"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("caught", "missed", "accepted", "refused", "error")
PLACEHOLDERS: Final = ("{reference}", "{host}", "{repository}", "{tag}", "{digest}", "{key}", "{out}")
TIMEOUT: Final = 20.0
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One client and one case.

    ``outcome`` is ``caught`` or ``missed`` for a tampered image (exit status 0 is a miss), ``accepted`` or ``refused``
    for a valid one, ``error`` when the client came to no end or was killed.
    """

    client: str
    case: str
    format: str
    kind: str
    rule: str | None
    outcome: Outcome
    exit_status: int | None
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Conformance:
    """Every trial, as rows, JSON, a page and a text."""

    trials: tuple[Trial, ...]

    def frame(self) -> pd.DataFrame:
        """One row for each trial."""
        import pandas as pd

        return pd.DataFrame([asdict(trial) for trial in self.trials], columns=[column.name for column in fields(Trial)])

    def to_json(self) -> str:
        """The trials as a JSON list, ASCII only."""
        return json.dumps([asdict(trial) for trial in self.trials], indent=2)

    def to_html(self) -> str:
        """A page of its own."""
        head = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Client conformance</title></head>'
        return f"{head}<body>{self.card(every=True).html()}</body></html>\n"

    def card(self, *, every: bool = False) -> Card:
        """The matrix, then what was missed, refused and not ended; with ``every`` all trials."""
        odd = [trial for trial in self.trials if every or trial.outcome not in ("caught", "accepted")]
        rows = tuple(
            (trial.client, trial.case, trial.rule or "", trial.outcome, _status(trial.exit_status), trial.said) for trial in odd
        )
        columns = ("client", "case", "rule", "outcome", "exit", "said")
        caption = "every trial" if every else "missed, refused, or not ended"
        bad = any(trial.outcome not in ("caught", "accepted") for trial in self.trials)
        return Card(
            title=f"conformance: {len(self.trials)} trials",
            tone="bad" if bad else "good",
            tables=(
                Table("by client and format", ("client", "format", *OUTCOMES), self._matrix()),
                *((Table(caption, columns, rows),) if rows else ()),
            ),
            footer=self._remark(),
        )

    def __str__(self) -> str:
        return self.card().text()

    def unread(self) -> list[tuple[str, str]]:
        """Clients and formats of which no valid image was accepted: what they caught there proves nothing."""
        seen = dict.fromkeys((trial.client, trial.format) for trial in self.trials if trial.kind == "valid")
        return [one for one in seen if not self._counts(*one)["accepted"]]

    def _matrix(self) -> tuple[tuple[str, ...], ...]:
        pairs = dict.fromkeys((trial.client, trial.format) for trial in self.trials)
        return tuple((*pair, *(str(self._counts(*pair)[outcome]) for outcome in OUTCOMES)) for pair in pairs)

    def _counts(self, client: str, form: str) -> Counter[str]:
        return Counter(trial.outcome for trial in self.trials if (trial.client, trial.format) == (client, form))

    def _remark(self) -> str:
        unread = ", ".join(f"{client}: {form}" for client, form in self.unread())
        return f"no valid image was accepted, so that what was caught proves nothing: {unread}" if unread else ""


def conformance(
    command: Sequence[str],
    *,
    client: str | None = None,
    cases: Iterable[Case] | None = None,
    timeout: float = TIMEOUT,
    tell: Callable[[Trial], None] | None = None,
) -> Conformance:
    """Run a client against cases.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; ``{reference}``, ``{host}``, ``{repository}``, ``{tag}``, ``{digest}``,
        ``{key}`` (the tag or the digest, as the case asks) and ``{out}`` (a fresh folder, removed afterwards) are
        replaced.
    client : str, optional
        What to call it; the program's name when absent.
    cases : iterable of Case, optional
        The whole catalogue when absent.
    timeout : float
        Seconds for one case.
    tell : callable, optional
        Told every trial as it ends.

    Returns
    -------
    Conformance

    Raises
    ------
    UsageError
        There is no command, it names no image, or there is no such program.

    Examples
    --------
    >>> found = conformance(["true", "{reference}"], cases=[CASES["oci-layer-byte"]])
    >>> found.trials[0].outcome
    'missed'
    """
    if not command or not any(name in part for part in command for name in PLACEHOLDERS[:-1]):
        raise UsageError(
            "the command does not say where an image's name goes",
            expected=f"one of {' '.join(PLACEHOLDERS)}",
            actual=" ".join(command),
            next_step="for example: layerproof lab conformance -- skopeo inspect --tls-verify=false docker://{reference}",
        )
    chosen = list(CASES.values() if cases is None else cases)
    trials = []
    with LoopbackServer(serve(chosen).answer) as server:
        for case in chosen:
            trial = _try(command, client or command[0].rpartition("/")[2], case, server.host, timeout)
            trials.append(trial)
            if tell is not None:
                tell(trial)
    return Conformance(tuple(trials))


def choose(slugs: Sequence[str] = (), formats: Sequence[str] = ()) -> list[Case]:
    """Choose cases of the catalogue by slug and by format; all of them when nothing is said.

    Raises
    ------
    UsageError
        There is no case of that name.
    """
    for slug in slugs:
        if slug not in CASES:
            raise UsageError(f"there is no case {slug!r}", where=slug, next_step="`layerproof lab catalogue` lists them")
    formats = formats or FORMATS
    return [case for case in CASES.values() if case.format in formats and (not slugs or case.slug in slugs)]


def _try(command: Sequence[str], client: str, case: Case, host: str, timeout: float) -> Trial:
    out = fsops.make_temporary_directory()
    try:
        ran = run(filled(command, case, case.build(), host, str(out)), timeout=timeout)
    finally:
        fsops.remove_tree(out)
    return Trial(
        client=client,
        case=case.slug,
        format=case.format,
        kind=case.kind,
        rule=case.rule,
        outcome=_outcome(case, ran.status),
        exit_status=ran.status,
        seconds=round(ran.seconds, 3),
        said=_said(ran),
    )


def filled(command: Sequence[str], case: Case, stored: Stored, host: str, out: str) -> list[str]:
    """Put a case into a command.

    >>> case = CASES["oci-gzipped"]
    >>> filled(["show", "{reference}"], case, case.build(), "127.0.0.1:5000", "")
    ['show', '127.0.0.1:5000/lab/oci-gzipped:1']
    """
    values = (
        f"{host}/{case.asked(stored)}",
        host,
        case.repository,
        TAG,
        stored.root,
        TAG if case.reference == "tag" else stored.root,
        out,
    )
    parts = list(command)
    for name, value in zip(PLACEHOLDERS, values, strict=True):  # no str.format: a program's text may hold braces
        parts = [part.replace(name, value) for part in parts]
    return parts


def _outcome(case: Case, status: int | None) -> Outcome:
    if status is None or status < 0:
        return "error"
    if case.kind == "valid":
        return "accepted" if status == 0 else "refused"
    return "missed" if status == 0 else "caught"


def _said(ran: Ran) -> str:
    """The last line of what was said about an error, or else of what was printed."""
    for text in (ran.err, ran.out):
        lines = text.decode("utf-8", "replace").strip().splitlines()
        if lines:
            return visible(lines[-1].strip()[:_LONGEST])
    return ""


def _status(status: int | None) -> str:
    return "none" if status is None else str(status)
