"""What the operating system refuses.

The rule of this file: an ``OSError`` leaves this room only as a ``GraphIOError`` that names the path and the next step.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.errors import GraphIOError

_ADVICE: Final = {
    errno.ENOSPC: "free some space, then pull again: what was downloaded is kept",
    errno.EDQUOT: "your quota is used up; free some space, then pull again",
    errno.EROFS: "the file system is read-only: use another graph, or `layerproof inspect`, which writes nothing",
    errno.EACCES: "check who owns the graph",
    errno.EPERM: "check who owns the graph",
    errno.ENOTDIR: "the path of the graph leads through a file; choose another",
    errno.EIO: "the disk fails: copy the graph to another one, then `layerproof verify` there",
    errno.EMFILE: "this process has too many files open; close some, or raise the limit (`ulimit -n`)",
    errno.ENFILE: "this machine has too many files open; end what opens them",
}


@contextlib.contextmanager
def guarded(path: Path, verb: str) -> Iterator[None]:
    """Turn what the operating system refuses into a typed error that names the path."""
    try:
        yield
    except OSError as error:
        raise GraphIOError(
            f"cannot {verb} {path}: {error.strerror or error}",
            where=str(path),
            actual=errno.errorcode.get(error.errno or 0, "unknown"),
            next_step=_ADVICE.get(error.errno or 0, "look at the file system"),
        ) from error
