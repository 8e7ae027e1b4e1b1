"""An operating system under which the process is killed at a certain operation, without a real process to kill.

The rule of this file: from that operation on nothing succeeds, not even cleaning up, as for a process that is gone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from toolkit import fsops

CHANGING: Final = (
    "write truncate sync set_mode make_directory remove_directory remove link rename open start_write_back".split()  # noqa: SIM905
)
"""Operations that may leave a trace."""


class Killed(BaseException):
    """The process is gone."""


class Mortal(fsops.System):
    """Dies at the n-th changing operation; 0 never dies and counts."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.count = 0
        self._at = at
        for name in CHANGING:
            setattr(self, name, functools.partial(self._counted, getattr(self, name)))

    def _counted(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.count += 1
        if self._at and self.count >= self._at:
            raise Killed
        return call(*arguments, **options)


@contextmanager
def dying(at: int) -> Iterator[Mortal]:
    """Work under a system that dies; whoever works there is gone then."""
    system = Mortal(at)
    with fsops.under(system):
        try:
            yield system
        except Killed:
            return
