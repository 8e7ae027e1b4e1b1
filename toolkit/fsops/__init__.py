"""Every file operation of this package.

The rule of this room: nothing else opens, looks at, writes, syncs, links, locks or removes. What is written is checked, synced
and never put over something committed; what the operating system refuses becomes a ``GraphIOError`` with the path. The calls
themselves stand in ``system``, where they can be replaced.
"""

from toolkit.fsops.claimed import ClaimedFile, is_claimed
from toolkit.fsops.files import AppendedFile, NewFile, replace, write_new, write_whole
from toolkit.fsops.folders import (
    discard,
    link_new,
    make_directory,
    make_temporary_directory,
    move_new,
    remove_tree,
    sync_directory,
)
from toolkit.fsops.locking import LockedBytes, identity
from toolkit.fsops.looking import (
    CHUNK,
    Follower,
    OpenFile,
    chunks,
    exists,
    is_directory,
    is_exposed,
    is_read_only,
    names,
    open_beneath,
    open_regular,
    read,
    size,
)
from toolkit.fsops.naming import fresh_name, owner, owner_of, token
from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System, current, under

__all__ = [
    "CHUNK",
    "AppendedFile",
    "ClaimedFile",
    "Follower",
    "LockedBytes",
    "NewFile",
    "OpenFile",
    "System",
    "chunks",
    "current",
    "discard",
    "exists",
    "fresh_name",
    "guarded",
    "identity",
    "is_claimed",
    "is_directory",
    "is_exposed",
    "is_read_only",
    "link_new",
    "make_directory",
    "make_temporary_directory",
    "move_new",
    "names",
    "open_beneath",
    "open_regular",
    "owner",
    "owner_of",
    "read",
    "remove_tree",
    "replace",
    "size",
    "sync_directory",
    "token",
    "under",
    "write_new",
    "write_whole",
]
