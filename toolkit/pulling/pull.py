"""Pull an image, from one endpoint after the other.

The rule of this file: it opens the call and asks for the manifest; what becomes of it is told in ``pull_schema1`` and
``pull_document``, which are loaded when they are needed.
"""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike
from typing import Final

from toolkit.errors import InterruptedPullError, SourceError, UsageError, VerificationError
from toolkit.graph.store import Graph
from toolkit.graph.turns import Turn
from toolkit.ledger.ledger import Ledger
from toolkit.manifests.descriptor import PLATFORM
from toolkit.manifests.raw import RawManifest
from toolkit.progress.steps import Message, ProgressSink
from toolkit.pulling import evidence
from toolkit.pulling.cancellation import Cancellation
from toolkit.pulling.choices import accepted_types
from toolkit.pulling.job import Job
from toolkit.pulling.listening import listening
from toolkit.pulling.remembered import remembering
from toolkit.pulling.report import Report
from toolkit.pulling.session import session
from toolkit.pulling.transfer import WORKERS
from toolkit.references import Reference, tag_error
from toolkit.sources.opening import Openable, open_registry, open_source
from toolkit.sources.protocol import Source
from toolkit.verification.policy import Policy

_SHOWN: Final = 80


def pull(
    reference: str | None,
    graph: Graph | str | PathLike[str],
    *,
    source: Openable | None = None,
    policy: Policy | str = "strict",
    accept: Collection[str] = (),
    all_tags: bool = False,
    platform: str = PLATFORM,
    formats: str = "all",
    ledger: Ledger | None = None,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
    progress: ProgressSink | None = None,
    workers: int = WORKERS,
    diff_ids: bool = True,
    stop: Cancellation | None = None,
) -> Report:
    """Pull and verify an image into a local graph.

    Parameters
    ----------
    reference : str or None
        ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]``; None for the only image of a ``source`` of files.
    graph : Graph or path
        Where images live; made when it is not there.
    source : Source, str or path, optional
        Where to pull from; the registry the reference names when absent.
    policy : Policy or str
        ``strict`` or ``docker-1.9``.
    accept : collection of str
        Rules excepted by name.
    platform : str
        ``os/architecture[/variant]`` to take from an index, or ``all``; never this machine's own, so that the same
        call means the same everywhere.
    formats : str
        ``all``, or ``schema1`` to ask as an old client did: a registry may then make a schema1 manifest of a newer image,
        which the column ``converted_from`` of ``manifests`` tells.
    all_tags : bool
        Pull every tag of the repository; the reference must not name one.
    ledger : Ledger, optional
        Where rows go; ``GRAPH/ledger`` when absent.
    username, password, realms, insecure
        As in ``open_source``.
    progress : callable, optional
        Told of every step of a transfer, from several threads.
    workers : int
        How many layers are fetched at once.
    diff_ids : bool
        Whether today's layers are decompressed to recompute their diff IDs. Without it every digest and size is still
        checked, and the rows of the rules about what is inside say that nobody looked.
    stop : Cancellation, optional
        With it another thread can end the pull; ``start_pull`` is the way to use it.

    Returns
    -------
    Report
        Every frame of the call.

    Raises
    ------
    VerificationError
        A rule refuses; ``.report`` holds all frames.
    SourceError
        The source cannot be reached, or does not have it.
    GraphError
        The graph cannot take it.
    InterruptedPullError
        Somebody stopped it.

    Notes
    -----
    Origin: ``v2Puller.pullV2Repository`` and ``pullV2Tag`` of Docker 1.9's ``graph/pull_v2.go``.
    """
    rules = Policy(Policy.of(policy).name, {*Policy.of(policy).accept, *accept}, Policy.of(policy).trusted_keys)
    where, asked = resolve(reference, source, rules, username=username, password=password, realms=realms, insecure=insecure)
    if all_tags and (asked.digest is not None or asked.text.endswith(f":{asked.tag}")):
        raise UsageError("tag can't be used with --all-tags/-a", actual=reference, next_step="leave the tag out")
    stop = Cancellation() if stop is None else stop
    target = Graph.of(graph)
    name = asked.text if reference is None else reference
    with session("pull", name, where.name, rules, Ledger.of(ledger), target):
        target.require_ours()  # where nothing may be written no row is, either: it is in the report of the error
    book = ledger if ledger is not None else Ledger(target.layout.ledger)
    with (
        listening(progress) as tell,
        session("pull", name, where.name, rules, book, target) as scope,
        where.connect(asked.repository, as_seed=rules.is_seed, accept=accepted_types(formats)) as connection,
        stop.waking(connection.abort),
    ):
        scope.platform = platform
        scope.call.note(*target.prepare(remembering(target)))
        job = Job(scope, connection, target, rules, tell, workers, diff_ids=diff_ids, stop=stop)
        work = asked.repository.local_name if all_tags else asked.local_text
        try:
            with target.turns.take(f"pull {work}", job.hear, stopped=lambda: stop.asked) as turn:
                if turn.waited is not None:
                    job.joined(turn.waited, work)
                _pull(job, asked, turn, all_tags=all_tags)
        except InterruptedError as error:
            raise InterruptedPullError("the pull was stopped while another one of the same was waited for", where=work) from error
        finally:
            scope.focus(scope.reference)
            scope.call.note(*connection.drain())
        scope.finish("accepted")
        return scope.report


def resolve(
    reference: str | None,
    source: Openable | None,
    policy: Policy,
    *,
    username: str | None,
    password: str | None,
    realms: Collection[str],
    insecure: Collection[str],
) -> tuple[Source, Reference]:
    """Find the source a reference is asked of, and let the source read the reference.

    Without a source the registry is the one the reference names; without a reference the source must hold one image.
    """
    if source is not None:
        where = open_source(source, username=username, password=password, realms=realms, insecure=insecure)
    elif reference is not None:
        named = Reference.parse(reference, seed_grammar=policy.is_seed).repository.registry
        where = open_registry(named, username=username, password=password, realms=realms, insecure=insecure)
    else:
        raise UsageError("neither a reference nor a source is given", expected="one of them", next_step="name an image")
    return where, where.resolve(reference, seed_grammar=policy.is_seed)


def _pull(job: Job, asked: Reference, turn: Turn, *, all_tags: bool) -> None:
    """Pull from one endpoint after the other, until one gives all of it or an error that ends the pull."""
    job.turn = turn
    while True:
        try:
            _pull_from(job, asked, all_tags=all_tags)
        except (SourceError, VerificationError) as error:
            job.stop.check(job.scope.reference)  # whoever was woken may say anything
            reported = job.connection.next_endpoint(error)
            if reported is error:
                raise
            if reported is not None:
                raise reported from error
        else:
            return


def _pull_from(job: Job, asked: Reference, *, all_tags: bool) -> None:
    """Pull one image, or every tag in the registry's order; the first failure ends it."""
    wanted, odd = [asked], list[str]()
    if all_tags:
        tags = job.connection.tags()
        odd = [] if job.policy.is_seed else [tag for tag in tags if tag_error(tag) is not None]
        wanted = [asked.with_tag(tag) for tag in tags if tag not in odd]
    newer = False
    for reference in wanted:
        job.stop.check(reference.text)
        job.scope.call.image = reference.text
        newer = _image(job, reference) or newer
    job.scope.newer = newer
    named = asked.repository.local_name if all_tags else asked.local_text
    job.scope.status = f"{'Downloaded newer image' if newer else 'Image is up to date'} for {named}"
    if odd:
        job.scope.status += f"; {len(odd)} left out, for what they are called is no tag: {ascii(odd[0])[:_SHOWN]}"
    job.tell(Message(f"Status: {job.scope.status}"))


def _image(job: Job, reference: Reference) -> bool:
    """Pull one image; return whether the graph now holds something it did not."""
    raw = _manifest(job, reference)
    if not job.policy.is_seed:
        from toolkit.verification.document import Way, document_kind

        if document_kind(raw, Way()) != "schema1":
            from toolkit.pulling.pull_document import DocumentPull

            return DocumentPull(job).run(raw, reference)
    from toolkit.pulling.pull_schema1 import Schema1Pull

    return Schema1Pull(job).run(raw, reference)


def _manifest(job: Job, reference: Reference) -> RawManifest:
    raw = job.connection.manifest(reference)
    job.scope.bodies[raw.body_digest] = raw.body
    job.note(*job.connection.drain(), evidence.of_manifest(raw, reference, seed_grammar=job.policy.is_seed))
    return raw
