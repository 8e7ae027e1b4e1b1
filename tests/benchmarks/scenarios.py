"""What is measured: for each scenario who takes part, what each does, and the goals.

The rule of this file: data only. The goals are those of the performance notes of this project: "first" is what a first good
version reaches, "goal" is where it is going.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import Command, Contestant
from benchmarks.stage import Stage
from support.ports import free_port

HERE: Final = Path(__file__).parent
OURS: Final = "layerproof pull"
QUICK: Final = "layerproof pull --no-diff-ids"
_SCRIPT: Final = Path(sys.executable).with_name("layerproof")
_LAYERPROOF: Final = (str(_SCRIPT),) if _SCRIPT.is_file() else (sys.executable, "-m", "toolkit")
_PULL: Final = (*_LAYERPROOF, "pull")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure should be at most: beside a peer a ratio, alone seconds or MiB; ``rate`` turns seconds into a rate."""

    figure: str
    own: str
    peer: str | None = None
    first: float | None = None
    goal: float | None = None
    rate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Some programs that do the same job, as far as they do."""

    key: str
    title: str
    does: str
    contestants: tuple[Contestant, ...]
    goals: tuple[Goal, ...] = ()
    compare: tuple[tuple[str, str], ...] = ()
    """Pairs whose ratios are shown: one of ours, a peer."""


def scenarios(stage: Stage, peers: Path | None) -> tuple[Scenario, ...]:
    """Every scenario over a running registry; ``peers`` is the environment of the Python peers."""
    return (_large(stage), _survey(stage, peers), _again(stage), _small(stage), _start(stage))


def _pulled(reference: str, *options: str) -> Command:
    return lambda place: (*_PULL, reference, "--graph", str(place / "graph"), "-q", *options)


def _copied(reference: str, target: str) -> Command:
    form = "{}:{}/image:1" if target == "oci" else "{}:{}/image"
    return lambda place: (
        *("skopeo", "copy", "--quiet", "--src-tls-verify=false"),
        f"docker://{reference}",
        form.format(target, place),
    )


def _quick(reference: str, *, does: str, keeps: bool = False) -> Contestant:
    """Ours without diff IDs; absent where the command has no such option."""
    known = "--no-diff-ids" in subprocess.run([*_PULL, "--help"], capture_output=True, text=True, check=False).stdout
    needs = "" if known else "layerproof pull --no-diff-ids"
    return Contestant(name=QUICK, command=_pulled(reference, "--no-diff-ids"), does=does, ours=True, keeps=keeps, needs=needs)


def _each(own: Sequence[str], peers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((one, peer) for one in own for peer in peers)


def _large(stage: Stage) -> Scenario:
    reference = f"{stage.host}/{stage.large.reference}"
    url = f"http://{stage.host}/v2/{stage.large.reference.partition(':')[0]}/blobs"
    oci, folder, curl = "skopeo copy to oci:", "skopeo copy to dir:", "curl"

    def fetched(place: Path) -> list[str]:
        files = [part for digest in stage.large.blobs for part in ("-o", f"{place}/{digest[7:]}", f"{url}/{digest}")]
        return ["curl", "--fail", "--silent", "--show-error", *files]

    return Scenario(
        key="large",
        title=f"A large image: {stage.large.compressed / 1e6:.0f} MB in {len(stage.large.blobs) - 1} layers, "
        f"{stage.large.tar / 1e6:.0f} MB of tar",
        does=(
            "Not the same work. `layerproof pull` checks every digest and size, inflates every layer to recompute its diff ID and"
            " to look into its tar, keeps a row of every decision, and syncs everything to disk. With `--no-diff-ids` it checks"
            " every digest and size, and decompresses nothing. skopeo checks every blob's digest (1.9.3 of Debian hashes without"
            " SHA-NI, at about a quarter of OpenSSL's speed, so most of a win over it in CPU is that), recomputes no diff ID,"
            " keeps no record, and fetches six blobs at once to `oci:`; it syncs each blob, not the manifest or the folders."
            " curl is one process that fetches the blobs one after the other and checks and syncs nothing: it says what moving"
            " the bytes costs."
        ),
        contestants=(
            Contestant(name=OURS, command=_pulled(reference), does="digests, sizes, diff IDs, rows, fsync", ours=True),
            _quick(reference, does="digests, sizes, rows, fsync"),
            Contestant(name=oci, command=_copied(reference, "oci"), does="digests, fsync of blobs", needs="skopeo"),
            Contestant(name=folder, command=_copied(reference, "dir"), does="digests, fsync of blobs", needs="skopeo"),
            Contestant(name=curl, command=fetched, does="nothing is checked", needs="curl"),
        ),
        compare=_each((OURS, QUICK), (oci, folder, curl)),
        goals=(
            *(
                goal
                for own in (OURS, QUICK)
                for goal in (
                    Goal(figure="wall", own=own, peer=oci, first=0.70, goal=0.55),
                    Goal(figure="wall", own=own, peer=folder, goal=0.35),
                    Goal(figure="CPU", own=own, peer=oci, first=0.60, goal=0.42),
                    Goal(figure="CPU", own=own, peer=curl, goal=3.0),
                    Goal(figure="memory", own=own, first=60, goal=28),
                )
            ),
        ),
    )


def _survey(stage: Stage, peers: Path | None) -> Scenario:
    own, dxf, oras, loop = "layerproof, survey.py", "python-dxf", "oras-py", "skopeo inspect --raw loop"
    python = str((peers or Path("no-peers")) / "bin" / "python")
    script = 'while read -r name; do skopeo inspect --raw --tls-verify=false "docker://$1/$name" >/dev/null || exit 1; done <"$2"'

    def looped(program: str, name: str) -> Command:
        return lambda _: (program, "-P", str(HERE / name), stage.host, str(stage.corpus))

    return Scenario(
        key="survey",
        title=f"A survey of {stage.count} tags: the manifest and configuration of each",
        does=(
            "A third each of the tags are schema2, OCI and signed schema1. Ours, with four threads, checks every manifest's"
            " digest and the signature of every schema1 manifest, judges each document by all rules that can be asked of it"
            " alone, fetches every configuration and checks its digest, and keeps a row for each. python-dxf compares the"
            " digests of schema2 and OCI manifests and of configurations, in one loop; it does not know schema1. oras-py"
            " checks nothing here. skopeo is a process for each tag, fetches no configuration, and checks nothing by tag."
        ),
        contestants=(
            Contestant(name=own, command=looped(sys.executable, "survey.py"), does="digests, signatures, rules, rows", ours=True),
            Contestant(name=dxf, command=looped(python, "survey_dxf.py"), does="digests, but none of schema1", needs=python),
            Contestant(name=oras, command=looped(python, "survey_oras.py"), does="nothing is checked", needs=python),
            Contestant(
                name=loop,
                command=lambda _: ("sh", "-c", script, "sh", stage.host, str(stage.corpus)),
                does="no configurations; nothing is checked",
                needs="skopeo",
            ),
        ),
        compare=_each((own,), (dxf, oras, loop)),
        goals=(
            Goal(figure="wall", own=own, peer=dxf, first=0.6, goal=0.35),
            Goal(figure="CPU", own=own, peer=loop, goal=0.05),
            Goal(figure="wall", own=own, goal=1250, rate=stage.count),
            Goal(figure="memory", own=own, first=80, goal=36),
        ),
    )


def _again(stage: Stage) -> Scenario:
    reference, peer = f"{stage.host}/{stage.large.reference}", "skopeo copy to oci:"
    return Scenario(
        key="again",
        title="The same large image again, into the same place",
        does=(
            "Ours reads every blob of the graph again and compares it with its name before it relies on it, and recomputes the"
            " diff IDs (with `--no-diff-ids` it does not). skopeo asks only whether a file of that name is there, and reads none."
        ),
        contestants=(
            Contestant(name=OURS, command=_pulled(reference), does="reads every blob again", ours=True, keeps=True),
            _quick(reference, does="reads every blob again", keeps=True),
            Contestant(name=peer, command=_copied(reference, "oci"), does="looks for files", keeps=True, needs="skopeo"),
        ),
        compare=_each((OURS, QUICK), (peer,)),
    )


def _small(stage: Stage) -> Scenario:
    references = [f"{stage.host}/{name}" for name in stage.small]
    warm, peer = "layerproof, in a warm process", "skopeo copy to oci:"
    return Scenario(
        key="small",
        title="A small image: five layers of a few kilobytes",
        does=(
            "The warm process has pulled once; then it pulls twenty other tags, each into a new graph, and its figures are the"
            " median of those. skopeo is a whole process, and syncs its blobs only. A whole process of ours is lost to it:"
            " Python starts more slowly than a program in Go."
        ),
        contestants=(
            Contestant(name=OURS, command=_pulled(references[0]), does="a whole process", ours=True),
            Contestant(
                name=warm,
                command=lambda place: (sys.executable, "-P", str(HERE / "warm.py"), str(place), *references),
                does="one pull in a process that runs",
                ours=True,
                printed=True,
            ),
            Contestant(name=peer, command=_copied(references[0], "oci"), does="a whole process", needs="skopeo"),
        ),
        compare=_each((OURS, warm), (peer,)),
        goals=(Goal(figure="wall", own=warm, first=0.05, goal=0.02),),
    )


def _start(stage: Stage) -> Scenario:
    bare, door, version, ready = "python -c pass", "import toolkit", "layerproof --version", "layerproof pull at a closed port"
    closed, peer = f"127.0.0.1:{free_port()}/{stage.small[0]}", "skopeo --version"
    run: Callable[..., Command] = lambda *parts: lambda _: parts  # noqa: E731  # shorter than four functions
    return Scenario(
        key="start",
        title="Start-up",
        does=(
            "A pull at a port where nobody listens ends when the first connection is refused: it shows how long the command"
            " needs until it is ready to pull. Printing a version loads much less."
        ),
        contestants=(
            Contestant(name=bare, command=run(sys.executable, "-c", "pass"), does="Python alone"),
            Contestant(name=door, command=run(sys.executable, "-c", "import toolkit"), does="the library's door", ours=True),
            Contestant(name=version, command=run(*_LAYERPROOF, "--version"), ours=True),
            Contestant(name=ready, command=_pulled(closed), does="ready to pull", ours=True, statuses=(3,)),
            Contestant(name=peer, command=run("skopeo", "--version"), needs="skopeo"),
        ),
        compare=_each((door, version, ready), (peer,)),
        goals=(
            Goal(figure="wall", own=door, first=0.1, goal=0.03),
            Goal(figure="wall", own=ready, first=0.4, goal=0.15),
        ),
    )
