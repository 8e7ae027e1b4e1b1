"""The verbs that ask a source for an image: pull, inspect, explain, tags.

The rule of this file: a verb is its arguments, one call of the library, and what is printed of its result.
"""

from __future__ import annotations

import argparse
from typing import Final

from toolkit.cards.escaping import visible
from toolkit.cli.access import Verbs, access, verb_over_source
from toolkit.cli.output import print_json, show
from toolkit.errors import UsageError
from toolkit.manifests.descriptor import PLATFORM

_REFERENCE_HELP: Final = "[HOST[:PORT]/]NAME[:TAG][@DIGEST]; none for the only image of a --source"
_PLATFORM_HELP: Final = f"what to take from an index, or all (default: {PLATFORM}, on every machine)"
_FORMATS_HELP: Final = "ask for every format, or as an old client did (default: all)"


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    pull = verb_over_source(verbs, "pull", _pull, "pull and verify an image into a local graph")
    pull.add_argument("reference", nargs="?", help=_REFERENCE_HELP)
    pull.add_argument("--graph", default="graph", help="directory of the local graph (default: ./graph)")
    pull.add_argument("--platform", default=PLATFORM, metavar="OS/ARCH", help=_PLATFORM_HELP)
    pull.add_argument("--formats", choices=["all", "schema1"], default="all", help=_FORMATS_HELP)
    pull.add_argument(
        "--no-diff-ids", action="store_true", help="check digests and sizes only: faster, and nobody looks into the layers"
    )
    pull.add_argument("-a", "--all-tags", action="store_true", help="pull every tag of the repository")

    inspect = verb_over_source(verbs, "inspect", _inspect, "judge an image with all its layers; register nothing")
    inspect.add_argument("reference", nargs="?", help=_REFERENCE_HELP)
    inspect.add_argument("--platform", default=PLATFORM, metavar="OS/ARCH", help=_PLATFORM_HELP)
    inspect.add_argument("--formats", choices=["all", "schema1"], default="all", help=_FORMATS_HELP)
    inspect.add_argument("--referrers", action="store_true", help="list also what refers to the image")
    inspect.add_argument("--graph", help="keep rejected bytes and the ledger in this graph")

    explain = verb_over_source(verbs, "explain", _explain, "show the bytes an ID is the hash of, step by step")
    explain.add_argument("reference", help="[HOST[:PORT]/]NAME[:TAG][@DIGEST]")
    explain.add_argument("--position", type=int, default=-1, help="0 is the base, -1 the top (default)")
    explain.add_argument("--graph", help="plan IDs against this graph")

    tags = verb_over_source(verbs, "tags", _tags, "list the tags of a repository, or what is set in a graph")
    tags.add_argument("name", nargs="?", help="[HOST[:PORT]/]NAME")
    tags.add_argument("--graph", help="list the references of this graph instead")


def _pull(options: argparse.Namespace) -> int:
    from toolkit.pulling.pull import pull

    report = pull(
        options.reference,
        options.graph,
        all_tags=options.all_tags,
        platform=options.platform,
        formats=options.formats,
        diff_ids=not options.no_diff_ids,
        **access(options),
    )
    return show(report, options)


def _inspect(options: argparse.Namespace) -> int:
    from toolkit.pulling.inspect import inspect

    choice = {"platform": options.platform, "formats": options.formats, "referrers": options.referrers}
    report = inspect(options.reference, graph=options.graph, **choice, **access(options))
    return show(report, options)


def _explain(options: argparse.Namespace) -> int:
    from toolkit.pulling.explain import explain
    from toolkit.pulling.inspect import inspect

    ways = access(options) | {"progress": None}
    explanation = explain(inspect(options.reference, graph=options.graph, **ways), options.position)
    if options.json:
        steps = [
            {"what": step.what, "input": step.input.decode("utf-8", "backslashreplace"), "output": step.output}
            for step in explanation.computed
        ]
        document = {
            "reference": explanation.reference,
            "position": explanation.position,
            "compatibility_id": explanation.recorded.compatibility_id,
            "strong_id": explanation.strong_id,
            "final_id": explanation.recorded.final_id,
            "config": explanation.config.decode("utf-8", "backslashreplace"),
            "steps": steps,
            "agrees": explanation.agrees,
        }
        print_json(document)
    else:
        print(explanation)
    return 0 if explanation.agrees else 1


def _tags(options: argparse.Namespace) -> int:
    if options.name is None:
        found = _graph_tags(options)
    else:
        from toolkit.pulling.pull import resolve

        ways = access(options)
        source, asked = resolve(
            options.name, ways["source"], ways["policy"], username=None, password=None, realms=(), insecure=()
        )
        with source.connect(asked.repository, as_seed=False) as connection:
            found = connection.tags()
    if options.json:
        print_json(found)
    else:
        for line in found:
            print(visible(line))
    return 0


def _graph_tags(options: argparse.Namespace) -> list[str]:
    from toolkit.graph.store import Graph

    if options.graph is None:
        raise UsageError("tags of what?", next_step="give a repository's name, or --graph GRAPH for what is set there")
    return [
        f"{name}{'@' if ':' in reference else ':'}{reference} {image_id}"
        for name, references in sorted(Graph(options.graph).tags.all().items())
        for reference, image_id in sorted(references.items())
    ]
