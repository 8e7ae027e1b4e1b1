"""Arguments of every verb that asks a source: who decides, where images are, who may see what.

The rule of this file: an option is declared here and read here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from toolkit.errors import UsageError
from toolkit.verification.policy import NAMES, Policy

if TYPE_CHECKING:
    from toolkit.progress.steps import ProgressSink
    from toolkit.sources.protocol import Source

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # argparse gives it no public name
_SOURCE_HELP: Final = (
    "where images are: host[:port], or a folder or tar: OCI layout, docker-archive, dir: image, a registry's storage, "
    "a docker root, a saved registry"
)


def verb_over_source(
    verbs: Verbs,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help_text: str,
) -> argparse.ArgumentParser:
    """Add a verb with everything that is asked of those who ask a source."""
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


def access(options: argparse.Namespace) -> dict[str, Any]:
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


def _count(text: str) -> int:
    """Read a number of requests."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests, from 1 on")
    return int(text)
