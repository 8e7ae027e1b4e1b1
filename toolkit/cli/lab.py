"""The exercises of the lab: the teaching registry, and the catalogue of lies.

The rule of this file: the lab is the only part of the command that knows the simulator.
"""

from __future__ import annotations

import argparse
import sys

from toolkit.cards.escaping import visible
from toolkit.cli.access import Verbs
from toolkit.cli.output import print_json
from toolkit.errors import UsageError


def add(verbs: Verbs) -> None:
    """Add the verb with its exercises."""
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


def _add_cases(exercise: argparse.ArgumentParser) -> None:
    exercise.add_argument("--case", action="append", default=[], metavar="SLUG", help="this image only; may be repeated")
    exercise.add_argument(
        "--format", action="append", default=[], choices=("schema1", "schema2", "oci"), help="this format only; may be repeated"
    )
    exercise.add_argument("--json", action="store_true", help="print one JSON document on standard output")


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
        print_json(rows)
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
