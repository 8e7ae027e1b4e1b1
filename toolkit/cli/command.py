"""The door of the command: the parser, and what becomes of an error.

The rule of this file: no verb is described here, and nothing is printed but where an error has no better place.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final

from toolkit._version import VERSION
from toolkit.cli import evidence, images, lab, rule_list
from toolkit.cli.output import failed
from toolkit.errors import ToolkitError

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
        return failed(error, options)
    except KeyboardInterrupt:
        print("interrupted; what was downloaded whole is kept", file=sys.stderr)
        return 3
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="layerproof",
        description="Pull and verify container images, with every decision a row.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"layerproof {VERSION}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    for room in (images, evidence, rule_list, lab):
        room.add(verbs)
    return parser
