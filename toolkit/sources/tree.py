"""A folder, or a tar, as a tree of named files.

The rule of this file: it only looks and reads. No name leads out of the tree, by ``..``, by being absolute or by a link;
nothing but a regular file is opened; a tar is read forward, member by member, and nothing is ever extracted.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from toolkit import fsops
from toolkit.errors import LayerError, LimitError, NotFoundError, SourceError
from toolkit.layers.streams import decompress, sniff

Kind = Literal["file", "folder", "other"]

CHUNK: Final = 256 * 1024
"""Largest piece of a file in bytes."""
MAX_MEMBERS: Final = 200_000
"""How many members a tar may have."""
_MAX_LINKS: Final = 16
_LONGEST_HEADER: Final = 1024 * 1024
_EXPANDED: Final = 256 * 1024**3
_BROKEN_TAR: Final = (tarfile.TarError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)


class Tree(Protocol):
    """Files by name; a name is a relative path with ``/`` in it."""

    @property
    def where(self) -> str:
        """The path of the folder or the tar."""

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none when it is not there."""

    def kind(self, name: str) -> Kind | None:
        """What a name is; None when it is not there."""

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""


def parts(name: str, where: str) -> list[str]:
    """Split a name, or refuse one that leads out of its tree.

    >>> parts("./blobs//sha256", "x")
    ['blobs', 'sha256']
    """
    found = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in found or "\0" in name:
        raise _outside(name, where)
    return found


def read(tree: Tree, name: str, limit: int, what: str) -> bytes:
    """Read a whole small file.

    Raises
    ------
    NotFoundError
        It is not there.
    LimitError
        It is larger than the limit.
    """
    required_size(tree, name, what)
    data = bytearray()
    for chunk in tree.chunks(name):
        data += chunk
        if len(data) > limit:
            raise LimitError(
                f"{what} is larger than {limit} bytes",
                where=f"{tree.where}: {name}",
                expected=f"at most {limit} bytes",
                actual=f"{tree.size(name)} bytes",
                next_step="nothing of this size is expected here; the source may be hostile",
            )
    return bytes(data)


def required_size(tree: Tree, name: str, what: str) -> int:
    """The size of a file that must be there."""
    size = tree.size(name)
    if size is None:
        raise NotFoundError(
            f"{what} is not there",
            where=tree.where,
            expected=f"the file {name!r}",
            actual="no such file",
            next_step="the source is incomplete; make it again",
        )
    return size


class FolderTree:
    """A folder; links in it may lead to other places in it."""

    def __init__(self, root: Path) -> None:
        with _reading(str(root)):
            self._root = fsops.current().resolve(root)
        self._given = str(root)

    @property
    def where(self) -> str:
        """The folder's path as it was given."""
        return self._given

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none when it is not there."""
        path = self._find(folder)
        if path is None or not stat.S_ISDIR(self._mode(path)):
            return []
        with _reading(str(path)):
            return sorted(fsops.current().names(path))

    def kind(self, name: str) -> Kind | None:
        """What a name is; None when it is not there."""
        path = self._find(name)
        if path is None:
            return None
        mode = self._mode(path)
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        path = self._find(name)
        if path is None:
            return None
        self._require_file(path, name)
        with _reading(str(path)):
            return fsops.current().link_status(path).st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""
        path = self._find(name)
        if path is None:
            raise _lost(name, self.where)
        self._require_file(path, name)
        with _reading(str(path)):
            opened = fsops.open_beneath(self._root, path.relative_to(self._root).parts)
            if opened is None:
                raise _no_file(name, self.where)
            with opened as file:
                while chunk := file.read(CHUNK):
                    yield chunk

    def _find(self, name: str) -> Path | None:
        """Follow a name to what it names; nothing outside the folder is looked at further."""
        path = self._root.joinpath(*parts(name, self.where))
        try:
            real = fsops.current().resolve(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            raise SourceError(
                f"cannot follow {name!r}: {error}", where=self.where, next_step="look at the links there"
            ) from error
        if not real.is_relative_to(self._root):
            raise _outside(name, self.where)
        return real

    def _mode(self, path: Path) -> int:
        with _reading(str(path)):
            return fsops.current().link_status(path).st_mode

    def _require_file(self, path: Path, name: str) -> None:
        if not stat.S_ISREG(self._mode(path)):
            raise _no_file(name, self.where)


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of a tar: what it is, where its bytes are, where it points."""

    kind: Literal["file", "folder", "link", "hard-link", "other"]
    offset: int
    size: int
    target: str


class TarTree:
    """A tar, plain or compressed as a whole; its members are listed once, and their bytes read where they stand.

    A compressed tar is read from its beginning for every file, because nothing of it is ever written to a disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, _Member] = {}
        self._twice: set[str] = set()
        self._folders: dict[str, set[str]] = {"": set()}
        with _reading(self.where), self._opened() as file:
            self.compression = sniff(file.read(16))
        with _whole(self.where), self._open() as stream:
            self._list(stream)

    @property
    def where(self) -> str:
        """The tar's path as it was given."""
        return str(self._path)

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none when it is not there."""
        return sorted(self._folders.get("/".join(parts(folder, self.where)), ()))

    def kind(self, name: str) -> Kind | None:
        """What a name is; None when it is not there."""
        path = "/".join(parts(name, self.where))
        found = self._member(path)
        if found is None:
            return "folder" if path in self._folders else None
        return "file" if found.kind == "file" else "folder" if found.kind == "folder" else "other"

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        path = "/".join(parts(name, self.where))
        found = self._member(path)
        if found is None and path not in self._folders:
            return None
        if found is None or found.kind != "file":
            raise _no_file(name, self.where)
        return found.size

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""
        if self.size(name) is None:
            raise _lost(name, self.where)
        found = self._member("/".join(parts(name, self.where)))
        assert found is not None
        with _whole(self.where), self._open() as stream:
            stream.seek(found.offset)
            left = found.size
            while left:
                piece = stream.read(min(left, CHUNK))
                if not piece:
                    raise tarfile.ReadError(f"{name!r} ends {left} bytes early")
                left -= len(piece)
                yield piece

    def _list(self, stream: _Forward) -> None:
        archive = tarfile.open(fileobj=stream, mode="r:", encoding="utf-8")  # noqa: SIM115  # the stream is closed by its owner
        count = 0
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # what is remembered is remembered below
            count += 1
            if count > MAX_MEMBERS:
                raise LimitError(
                    f"the tar has more than {MAX_MEMBERS} members",
                    where=self.where,
                    expected=f"at most {MAX_MEMBERS}",
                    actual="more",
                    next_step="an archive of images has a few hundred; the source may be hostile",
                )
            self._add(info)
        if stream.last.strip(b"\0"):
            raise tarfile.ReadError(f"no member's header at byte {stream.tell() - len(stream.last)}")

    def _add(self, info: tarfile.TarInfo) -> None:
        path = parts(info.name, self.where)
        if not path:
            return
        name = "/".join(path)
        for depth in range(len(path)):
            folder = "/".join(path[:depth])
            self._folders.setdefault(folder, set()).add(path[depth])
        if info.isdir():
            self._folders.setdefault(name, set())
            self._members.setdefault(name, _Member("folder", 0, 0, ""))
            return
        if name in self._members:
            self._twice.add(name)
        if info.issym() or info.islnk():
            self._members[name] = _Member("link" if info.issym() else "hard-link", 0, 0, info.linkname)
        else:
            usable = info.isfile() and not info.issparse()
            self._members[name] = _Member("file" if usable else "other", info.offset_data, info.size, "")

    def _member(self, name: str) -> _Member | None:
        """Find a member by name, through links within the tar."""
        asked = name
        for _ in range(_MAX_LINKS):
            if name in self._twice:
                raise SourceError(
                    f"the name {name!r} stands twice in the tar",
                    where=self.where,
                    expected="one file of a name",
                    actual="several",
                    next_step="two programs may read two different images from it; make the archive again",
                )
            found = self._members.get(name)
            if found is None or found.kind not in ("link", "hard-link"):
                return found
            folder = name.split("/")[:-1] if found.kind == "link" else []
            name = _followed(folder, found.target, asked, self.where)
        raise SourceError(f"{asked!r} is a link that leads nowhere", where=self.where, next_step="make the archive again")

    def _opened(self) -> fsops.OpenFile:
        file = fsops.open_regular(self._path)
        if file is None:
            raise _no_file(self._path.name, self.where)
        return file

    @contextmanager
    def _open(self) -> Iterator[_Forward]:
        with _reading(self.where), self._opened() as file:
            if self.compression == "none":
                yield _Forward(file.read, file.seek)
                return
            chunks = iter(lambda: file.read(CHUNK), b"")
            pieces = decompress(chunks, budget=_EXPANDED)[1]
            yield _Forward(_Pieces(pieces).read, None)


class Below:
    """The tree under one folder of another."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self._folder = folder

    @property
    def where(self) -> str:
        """The path of the whole tree."""
        return self._tree.where

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none when it is not there."""
        return self._tree.names(self._name(folder))

    def kind(self, name: str) -> Kind | None:
        """What a name is; None when it is not there."""
        return self._tree.kind(self._name(name))

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        return self._tree.size(self._name(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""
        return self._tree.chunks(self._name(name))

    def _name(self, name: str) -> str:
        return "/".join([self._folder, *parts(name, self.where)])


class _Pieces:
    """An iterator of pieces, read by count."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Give that many bytes; fewer only at the end."""
        found = bytearray()
        while len(found) < size:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            step = self._rest[: size - len(found)]
            found += step
            self._rest = self._rest[len(step) :]
        return bytes(found)


class _Forward(io.RawIOBase):
    """What ``tarfile`` reads from: forward only, and never much at once, whatever a header says."""

    def __init__(self, read: Callable[[int], bytes], seek: Callable[[int], int] | None) -> None:
        super().__init__()
        self._read = read
        self._seek = seek
        self._position = 0
        self.last = b""

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Skip to a place ahead."""
        if whence != 0 or offset < self._position:
            raise tarfile.ReadError("a member reaches backwards")
        if self._seek is not None:
            self._position = self._seek(offset)
        while self._position < offset:
            if not self.read(min(offset - self._position, CHUNK)):
                break
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Give that many bytes; fewer only at the end."""
        if not 0 <= size <= _LONGEST_HEADER:
            raise LimitError("a tar header is larger than 1 MiB", expected=f"at most {_LONGEST_HEADER} bytes", actual=f"{size}")
        data = self._read(size)
        self._position += len(data)
        self.last = data
        return data


def open_tree(path: Path) -> FolderTree | TarTree:
    """Open what is at a path: a folder, or a file that must be a tar; a socket, a pipe or a device is not opened.

    Raises
    ------
    SourceError
        It is none of them, or cannot be read.
    """
    with _reading(str(path)):
        mode = fsops.current().status(path).st_mode
    if stat.S_ISDIR(mode):
        return FolderTree(path)
    if stat.S_ISREG(mode):
        return TarTree(path)
    raise _no_file(path.name, str(path))


def _followed(folder: list[str], target: str, asked: str, where: str) -> str:
    """The name a link leads to, in the tree's own terms."""
    if target.startswith("/"):
        raise _outside(asked, where)
    path = list(folder)
    for part in target.split("/"):
        if part == "..":
            if not path:
                raise _outside(asked, where)
            path.pop()
        elif part not in ("", "."):
            path.append(part)
    return "/".join(path)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn what the operating system refuses into a typed error."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"cannot read {where}: {error.strerror or error}",
            where=where,
            actual=type(error).__name__,
            next_step="check who may read it",
        ) from error


@contextmanager
def _whole(where: str) -> Iterator[None]:
    """Turn a tar that breaks into a typed error."""
    try:
        yield
    except LayerError as error:
        raise SourceError(f"the archive breaks: {error.message}", where=where, next_step="copy it again") from error
    except _BROKEN_TAR as error:
        raise SourceError(
            f"the tar breaks: {error}",
            where=where,
            expected="a whole tar",
            actual=type(error).__name__,
            next_step="copy it again",
        ) from error


def _outside(name: str, where: str) -> SourceError:
    return SourceError(
        f"{name!r} leads out of the source",
        where=where,
        expected="a name within it",
        actual=name,
        next_step="the source is broken or hostile; nothing outside it was read",
    )


def _no_file(name: str, where: str) -> SourceError:
    return SourceError(
        f"{name!r} is no regular file",
        where=where,
        expected="a file",
        actual="a folder, a socket, a pipe or a device",
        next_step="it is not opened; look at what is there",
    )


def _lost(name: str, where: str) -> NotFoundError:
    return NotFoundError(f"{name!r} is not there", where=where, expected="a file", actual="no such file")
