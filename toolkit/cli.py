"""The command: the same verbs from a shell.

The rule of this file: it reads arguments, calls the library and prints. Exit status 0 accepted, 1 a finding rejects
it, 2 usage, 3 it could not be decided. With ``--json`` standard output holds one JSON document and nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from toolkit._version import VERSION
from toolkit.cards.escaping import visible
from toolkit.errors import ToolkitError, UsageError
from toolkit.manifests.descriptor import PLATFORM
from toolkit.verification.policy import NAMES, Policy
from toolkit.verification.rules import RULES, Rule

if TYPE_CHECKING:
    from toolkit.progress.steps import ProgressSink
    from toolkit.pulling.report import Report
    from toolkit.sources.protocol import Source

_STATUS: Final = {"accepted": 0, "rejected": 1}
_REFERENCE_HELP: Final = "[HOST[:PORT]/]NAME[:TAG][@DIGEST]; none for the only image of a --source"
_PLATFORM_HELP: Final = f"what to take from an index, or all (default: {PLATFORM}, on every machine)"
_FORMATS_HELP: Final = "ask for every format, or as an old client did (default: all)"
_SOURCE_HELP: Final = (
    "where images are: host[:port], or a folder or tar: OCI layout, docker-archive, dir: image, a registry's storage, "
    "a docker root, a saved registry"
)
_EPILOG: Final = """\
examples:
  layerproof lab demo                                     see it work, offline
  layerproof pull 127.0.0.1:5000/library/busybox:1.24     pull and verify into ./graph
  layerproof inspect --json 127.0.0.1:5000/library/app    judge everything, keep nothing
  layerproof inspect --source saved.tar                   the same of files: docker save, OCI layout and others
  layerproof explain 127.0.0.1:5000/library/app --position 2

exit status: 0 accepted, 1 rejected by a finding, 2 usage, 3 cannot be decided
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ToolkitError as error:
        return _failed(error, options)
    except KeyboardInterrupt:
        print("interrupted; what was downloaded whole is kept", file=sys.stderr)
        return 3
    except BrokenPipeError:
        sys.stderr.close()
        return 0


# -- verbs -------------------------------------------------------------------------------------------------------


def _pull(options: argparse.Namespace) -> int:
    from toolkit.pulling.pull import pull

    report = pull(
        options.reference,
        options.graph,
        all_tags=options.all_tags,
        platform=options.platform,
        formats=options.formats,
        diff_ids=not options.no_diff_ids,
        **_access(options),
    )
    return _show(report, options)


def _inspect(options: argparse.Namespace) -> int:
    from toolkit.pulling.inspect import inspect

    choice = {"platform": options.platform, "formats": options.formats, "referrers": options.referrers}
    report = inspect(options.reference, graph=options.graph, **choice, **_access(options))
    return _show(report, options)


def _explain(options: argparse.Namespace) -> int:
    from toolkit.pulling.explain import explain
    from toolkit.pulling.inspect import inspect

    access = _access(options) | {"progress": None}
    explanation = explain(inspect(options.reference, graph=options.graph, **access), options.position)
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
        _print_json(document)
    else:
        print(explanation)
    return 0 if explanation.agrees else 1


def _tags(options: argparse.Namespace) -> int:
    if options.name is None:
        found = _graph_tags(options)
    else:
        from toolkit.pulling.pull import resolve

        access = _access(options)
        source, asked = resolve(
            options.name, access["source"], access["policy"], username=None, password=None, realms=(), insecure=()
        )
        with source.connect(asked.repository, as_seed=False) as connection:
            found = connection.tags()
    if options.json:
        _print_json(found)
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


def _rules(options: argparse.Namespace) -> int:
    if options.json:
        _print_json([_rule(rule) for rule in RULES.values()])
        return 0
    for rule in RULES.values():
        docker = "and Docker 1.9" if rule.seed else "not Docker 1.9"
        print(f"{rule.slug:<24} {rule.sentence}\n{'':<24} strict: {rule.strict}, {docker}; {rule.origin}")
    return 0


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.slug,
        "sentence": rule.sentence,
        "origin": rule.origin,
        "strict": rule.strict,
        "docker-1.9": rule.seed,
        "exceptable": rule.exceptable,
    }


def _serve(options: argparse.Namespace) -> int:
    from pathlib import Path

    from toolkit.simulator.server import LoopbackServer
    from toolkit.simulator.teaching import teaching_registry
    from toolkit.sources.static_registry import StaticRegistry

    registry = teaching_registry() if options.folder is None else StaticRegistry.load(Path(options.folder))
    with LoopbackServer(registry, port=options.port) as server:
        print(f"serving {registry.name} at {server.host} until interrupted (Ctrl-C); for example:", flush=True)
        for repository, tags in sorted(registry.manifests.items()):
            for tag, manifest in sorted(tags.items()):
                print(f"  {server.host}/{repository}:{tag}  {visible(manifest.about)}", flush=True)
        _wait_for_interrupt()
    return 0


def _wait_for_interrupt() -> None:
    import threading

    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)


def _save(options: argparse.Namespace) -> int:
    from pathlib import Path

    from toolkit.simulator.teaching import save_teaching

    save_teaching(Path(options.folder))
    print(f"the teaching registry is in {options.folder}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from toolkit.simulator.demo import demo

    return demo(options.graph)


def _catalogue(options: argparse.Namespace) -> int:
    from toolkit.simulator.conformance import choose

    cases = choose(options.case, options.format)
    if options.json:
        rows = [
            {"case": one.slug, "format": one.format, "kind": one.kind, "rule": one.rule, "by": one.reference, "about": one.about}
            for one in cases
        ]
        _print_json(rows)
    else:
        for one in cases:
            print(f"{one.slug:<36} {one.rule or 'valid':<24} {one.about}")
    return 0


def _conformance(options: argparse.Namespace) -> int:
    from pathlib import Path

    from toolkit import fsops
    from toolkit.simulator.clients import CLIENTS, command_of
    from toolkit.simulator.conformance import Trial, choose, conformance

    if (options.client is None) == (not options.command):
        raise UsageError("which client?", next_step=f"give a command after `--`, or --client with one of {', '.join(CLIENTS)}")
    command = options.command if options.client is None else command_of(options.client, options.python)

    def tell(trial: Trial) -> None:
        print(f"{trial.outcome:<9} {trial.case:<36} {trial.seconds:6.2f} s  {trial.said}", file=sys.stderr)

    cases = choose(options.case, options.format)
    quiet = None if options.quiet else tell
    found = conformance(command, client=options.client, cases=cases, timeout=options.timeout, tell=quiet)
    if options.html is not None:
        fsops.write_new(Path(options.html), found.to_html().encode("utf-8"), mode=0o644)
    print(found.to_json() if options.json else found)
    return 0


# -- output ------------------------------------------------------------------------------------------------------


def _show(report: Report, options: argparse.Namespace) -> int:
    if options.json:
        _print_json(report.summary())
    elif options.progress != "json":
        print(report)
    elif report.outcome != "accepted" and report.error is not None:
        from toolkit.views.progress import JsonProgress

        JsonProgress().error(report.error["message"])
    return _STATUS.get(report.outcome, 3)


def _failed(error: ToolkitError, options: argparse.Namespace) -> int:
    status = error.exit_status
    report: Report | None = error.report
    if report is not None:
        status = _STATUS.get(report.outcome, 3)
    if getattr(options, "json", False):
        nothing: dict[str, Any] = {
            "reference": getattr(options, "reference", None),
            "outcome": "undecided",
            "digest": None,
            "image_id": None,
            "checks": [],
            "layers": [],
        }
        document = nothing if report is None else report.summary()
        _print_json({**document, "error": {"code": error.code, "message": error.message}})
    elif getattr(options, "progress", None) == "json":
        from toolkit.views.progress import JsonProgress

        JsonProgress().error(error.message)
    elif report is not None and report.outcome == "rejected":
        print(report)
    print(f"layerproof: {visible(str(error), lines=True)}", file=sys.stderr)
    return status


def _print_json(document: object) -> None:
    json.dump(document, sys.stdout, ensure_ascii=True, indent=2)
    print()


# -- arguments ---------------------------------------------------------------------------------------------------


def _access(options: argparse.Namespace) -> dict[str, Any]:
    """Read what pull and inspect have in common."""
    if options.password_stdin and options.username is None:
        raise UsageError("--password-stdin goes with --username", next_step="add --username NAME")
    if options.username is not None and not options.password_stdin:
        raise UsageError("--username goes with --password-stdin", next_step="pipe the password into the command")
    policy = Policy(options.policy, options.accept, options.trust)
    return {"source": _source(options, policy), "policy": policy, "progress": _progress(options)}


def _source(options: argparse.Namespace, policy: Policy) -> Source | None:
    """Open what is asked: the source that is named, or the registry the reference names."""
    from toolkit.references import Reference
    from toolkit.sources.opening import open_registry, open_source

    named: str = getattr(options, "reference", None) or getattr(options, "name", None) or ""
    if options.source is None and not named:
        return None
    access = {
        "username": options.username,
        "password": sys.stdin.readline().rstrip("\r\n") if options.password_stdin else None,
        "realms": options.allow_realm,
        "insecure": options.insecure_host,
        "mirrors": options.mirror,
        "legacy": options.legacy_registry,
        "budget": options.budget,
        "docker_config": options.docker_config,
        "helpers": options.allow_helper,
    }
    if options.source is not None:
        return open_source(options.source, **access)
    return open_registry(Reference.parse(named, seed_grammar=policy.is_seed).repository.registry, **access)


def _progress(options: argparse.Namespace) -> ProgressSink | None:
    """Choose who hears what happens."""
    if options.progress == "json":
        from toolkit.views.progress import JsonProgress

        if options.json:
            raise UsageError(
                "--progress json and --json both write to standard output", expected="one of them", next_step="leave one out"
            )
        return JsonProgress()
    if options.quiet or options.progress == "off":
        return None
    from toolkit.views.progress import TerminalProgress

    return TerminalProgress()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="layerproof",
        description="Pull and verify container images, with every decision a row.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"layerproof {VERSION}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    pull = _verb(verbs, "pull", _pull, "pull and verify an image into a local graph")
    pull.add_argument("reference", nargs="?", help=_REFERENCE_HELP)
    pull.add_argument("--graph", default="graph", help="directory of the local graph (default: ./graph)")
    pull.add_argument("--platform", default=PLATFORM, metavar="OS/ARCH", help=_PLATFORM_HELP)
    pull.add_argument("--formats", choices=["all", "schema1"], default="all", help=_FORMATS_HELP)
    pull.add_argument(
        "--no-diff-ids", action="store_true", help="check digests and sizes only: faster, and nobody looks into the layers"
    )
    pull.add_argument("-a", "--all-tags", action="store_true", help="pull every tag of the repository")

    inspect = _verb(verbs, "inspect", _inspect, "judge an image with all its layers; register nothing")
    inspect.add_argument("reference", nargs="?", help=_REFERENCE_HELP)
    inspect.add_argument("--platform", default=PLATFORM, metavar="OS/ARCH", help=_PLATFORM_HELP)
    inspect.add_argument("--formats", choices=["all", "schema1"], default="all", help=_FORMATS_HELP)
    inspect.add_argument("--referrers", action="store_true", help="list also what refers to the image")
    inspect.add_argument("--graph", help="keep rejected bytes and the ledger in this graph")

    explain = _verb(verbs, "explain", _explain, "show the bytes an ID is the hash of, step by step")
    explain.add_argument("reference", help="[HOST[:PORT]/]NAME[:TAG][@DIGEST]")
    explain.add_argument("--position", type=int, default=-1, help="0 is the base, -1 the top (default)")
    explain.add_argument("--graph", help="plan IDs against this graph")

    tags = _verb(verbs, "tags", _tags, "list the tags of a repository, or what is set in a graph")
    tags.add_argument("name", nargs="?", help="[HOST[:PORT]/]NAME")
    tags.add_argument("--graph", help="list the references of this graph instead")

    rules = verbs.add_parser("rules", help="list every rule, with its origin and who enforces it")
    rules.add_argument("--json", action="store_true", help="print JSON")
    rules.set_defaults(run=_rules)

    lab = verbs.add_parser("lab", help="the teaching registry: see it work, serve it, save it")
    exercises = lab.add_subparsers(title="exercises", required=True, metavar="EXERCISE")
    demo = exercises.add_parser("demo", help="pull a clean and a tampered image, offline, and say what happened")
    demo.add_argument("--graph", help="directory to pull into (default: a temporary one)")
    demo.set_defaults(run=_demo)
    serve = exercises.add_parser("serve", help="serve the teaching registry on a loopback port")
    serve.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 (default: any free one)")
    serve.add_argument("--folder", help="serve a saved registry instead")
    serve.set_defaults(run=_serve)
    save = exercises.add_parser("save", help="write the teaching registry into a new folder")
    save.add_argument("folder")
    save.set_defaults(run=_save)
    catalogue = exercises.add_parser("catalogue", help="list every image of the conformance lab: valid ones and lies")
    _add_cases(catalogue)
    catalogue.set_defaults(run=_catalogue)
    trials = exercises.add_parser("conformance", help="try a client against every image of the catalogue")
    _add_cases(trials)
    trials.add_argument("--client", help="a client the lab knows, instead of a command")
    trials.add_argument("--python", default=sys.executable, metavar="PATH", help="the Python that has the client's library")
    trials.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS", help="for one image (default: 20)")
    trials.add_argument("--html", metavar="FILE", help="write every trial into a new page")
    trials.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    trials.add_argument("command", nargs="*", help="after `--`: the client, with {reference} where the image's name goes")
    trials.set_defaults(run=_conformance)
    return parser


def _count(text: str) -> int:
    """Read a number of requests."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests, from 1 on")
    return int(text)


def _add_cases(exercise: argparse.ArgumentParser) -> None:
    exercise.add_argument("--case", action="append", default=[], metavar="SLUG", help="this image only; may be repeated")
    exercise.add_argument(
        "--format", action="append", default=[], choices=("schema1", "schema2", "oci"), help="this format only; may be repeated"
    )
    exercise.add_argument("--json", action="store_true", help="print one JSON document on standard output")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    help_text: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(run=run)
    verb.add_argument("--policy", choices=NAMES, default="strict", help="who decides (default: strict)")
    verb.add_argument("--accept", action="append", default=[], metavar="RULE", help="except a rule by name; may be repeated")
    verb.add_argument(
        "--trust", action="append", default=[], metavar="KEY-ID", help="a libtrust key ID you trust; may be repeated"
    )
    verb.add_argument("--source", help=_SOURCE_HELP)
    verb.add_argument("--username", help="your name at the registry")
    verb.add_argument("--password-stdin", action="store_true", help="read your password from standard input")
    verb.add_argument(
        "--allow-realm", action="append", default=[], metavar="HOST", help="a host that may see your password for a token"
    )
    verb.add_argument(
        "--insecure-host", action="append", default=[], metavar="HOST", help="a host allowed plain http; loopback always is"
    )
    verb.add_argument(
        "--docker-config", metavar="FILE", help="take name and password from this config.json; none is read otherwise"
    )
    verb.add_argument(
        "--allow-helper", action="append", default=[], metavar="NAME", help="a credential helper that file may have run"
    )
    verb.add_argument(
        "--mirror", action="append", default=[], metavar="URL", help="a mirror of Docker Hub to ask first; may be repeated"
    )
    verb.add_argument("--legacy-registry", action="store_true", help="try the v1 protocol last; nothing it says can be verified")
    verb.add_argument("--budget", type=_count, metavar="N", help="send at most so many requests")
    verb.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    verb.add_argument(
        "--progress",
        choices=["auto", "json", "off"],
        default="auto",
        help="bars or lines on standard error, Docker 1.9's stream on standard output, or nothing (default: auto)",
    )
    verb.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    return verb


if __name__ == "__main__":
    sys.exit(main())
