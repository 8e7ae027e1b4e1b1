"""Directories, and the names in them.

The rule of this file: a name counts when its directory is synced; nothing is moved or linked over something that is there,
except an index over its own former self.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import current


def make_directory(path: Path) -> None:
    """Make a directory and what leads to it, for the owner only; when this returns, its name is durable.

    Notes
    -----
    From the top down: the name of a directory is synced before anything is made inside it. So of a path that is there already
    only the last name can be missing on the disk (another process has just made it, or was killed before it could sync);
    that one is synced too, once for each process.
    """
    with guarded(path, "make"):
        missing, there = _split(path)
        _keep_name(there)
        for folder in missing:
            with contextlib.suppress(FileExistsError):  # another process was quicker, and may not have synced it yet
                current().make_directory(folder, 0o700)
            _keep_name(folder, is_ours=True)


def _split(path: Path) -> tuple[list[Path], Path]:
    """The directories that must be made, in order, and the one that is there already and leads to them."""
    missing, at = list[Path](), path
    while True:
        try:
            current().link_status(at)
        except FileNotFoundError:
            if at == at.parent:
                raise
            missing.insert(0, at)
            at = at.parent
        else:
            return missing, at


def _keep_name(path: Path, *, is_ours: bool = False) -> None:
    """Sync the name of a directory into its parent, unless this process knows that this was done."""
    system = current()
    status = system.status(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    key = (str(path), status.st_dev, status.st_ino)
    if key in system.durable:
        return
    try:
        sync_descriptor_of(path.parent)
    except PermissionError:
        if is_ours:
            raise
        return  # who may not even read the parent has made no directory in it
    system.durable.add(key)


def sync_descriptor_of(folder: Path) -> None:
    """Open a directory, sync it, close it; raise what the system raises."""
    system = current()
    descriptor = system.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        system.sync(descriptor)
    finally:
        system.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    with guarded(path, "sync"):
        sync_descriptor_of(path)


def link_new(source: Path, target: Path) -> bool:
    """Give a file a second name that must be free; False when it is taken. Either way the name is durable then.

    Notes
    -----
    Who took it may have been killed before the directory was synced, so it is synced also for a name that is taken.
    """
    with guarded(target, "link"):
        try:
            current().link(source, target)
            new = True
        except FileExistsError:
            new = False
    sync_directory(target.parent)
    return new


def move_new(source: Path, target: Path) -> None:
    """Rename a directory, or a file, to a name that must be free."""
    system = current()
    with guarded(target, "move to"):
        try:
            system.link_status(target)
        except FileNotFoundError:
            system.rename(source, target)
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    sync_directory(target.parent)


def discard(path: Path) -> None:
    """Remove a file or directory of ours that was never committed."""
    system = current()
    with guarded(path, "remove"):
        try:
            if stat.S_ISDIR(system.link_status(path).st_mode):
                for name in system.names(path):
                    system.remove(path / name)
                system.remove_directory(path)
            else:
                system.remove(path)
        except FileNotFoundError:
            return


def make_temporary_directory() -> Path:
    """Make a directory of our own that goes away again."""
    return current().make_temporary_directory()


def remove_tree(path: Path) -> None:
    """Remove a directory made by ``make_temporary_directory``, with everything in it."""
    current().remove_tree(path)
