"""Every image directory of Docker 1.9's own kind, compared with what its files must say.

The rule of this file: the hash of ``json`` is the image's strong ID and vouches for the layer and the parent; what it does not
vouch for is computed anew from the layer, or compared with the manifest it came from. An ID from before strong IDs vouches for
nothing, and its rows say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from toolkit import fsops
from toolkit.auditing.holding import Subject
from toolkit.auditing.known import Known
from toolkit.auditing.subset import Subset
from toolkit.auditing.tar_data import tar_data_row
from toolkit.digests import Digest, sha256
from toolkit.errors import GoJSONError, GraphIOError, ImageConfigError
from toolkit.graph.images import TAR_DATA, parent_file
from toolkit.graph.store import Graph
from toolkit.identity import image_record
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import strong_id
from toolkit.records import Holding, HoldingOutcome
from toolkit.references import image_id_error
from toolkit.reuse.plan import next_id
from toolkit.reuse.stored_image import StoredImage

_ROUNDS: Final = 64
"""How often an ID is hashed again before it counts as nobody's."""
_DEEPEST: Final = 256
"""Images below one another; Docker stopped at 127."""
_OURS: Final = frozenset({"json", "layersize", "checksum", "v1Compatibility", "parent", TAR_DATA})
_OLD: Final = "the ID is from before strong IDs: nothing in it tells what the bytes must be"

_At = Callable[[str], Subject]
"""A file of an image, by its name."""


def image_rows(graph: Graph, part: Subset, known: Known) -> Iterator[tuple[str, list[Holding]]]:
    """Compare the files of every image with each other, with its layer and with its manifest.

    Yields
    ------
    tuple of str and list of Holding
        An image's ID and its rows, compared by ``strong-id``, ``checksum``, ``blob``, ``layersize``, ``config``, ``history``,
        ``parent``, ``tar-data`` and ``files``.
    """
    strong = _StrongIDs(graph)
    for name in fsops.names(graph.layout.images):
        if image_id_error(name) is not None:
            path = graph.layout.images / name
            if part.takes_name(name):
                subject = Subject.at(graph.layout.root, path, "image", name)
                yield (
                    name,
                    [subject.row("name", "unknown", "64 hex digits", name, reason="it stands among the images and is none")],
                )
        elif part.takes(name):
            yield name, list(_image(graph, name, known, strong))


OF_THE_FILES: Final = frozenset({"strong-id", "checksum", "layersize", "config", "history", "parent", "tar-data"})
"""Comparisons of an image's own files; what else its rows are about lies elsewhere."""


def image_is_rotten(graph: Graph, image_id: str, known: Known) -> bool:
    """Whether a file of an image is not what it must be, looked at now."""
    rows = _image(graph, image_id, known, _StrongIDs(graph))
    return any(row.outcome == "rotten" and row.compared in OF_THE_FILES for row in rows)


def _image(graph: Graph, image_id: str, known: Known, strong: _StrongIDs) -> Iterator[Holding]:
    directory = graph.layout.image(image_id)
    root = graph.layout.root

    def at(name: str) -> Subject:
        return Subject.at(root, directory / name, "image", image_id)

    try:
        stored = graph.images.read(image_id)
        names = fsops.names(directory)
    except GraphIOError as error:
        yield Subject.at(root, directory, "image", image_id).unread(error)
        return
    if stored is None or stored.json is None:
        yield at("json").row("strong-id", "absent", image_id, None, reason="an image is nothing without its json")
        return
    is_strong = _is_named_by(stored.json, image_id)
    record = _record(stored.json)
    if not is_strong and (record is None or record.get("id") != image_id):
        yield at("json").row("strong-id", "rotten", image_id, strong_id(stored.json).partition(":")[2], size=len(stored.json))
        return
    if is_strong:
        yield at("json").row("strong-id", "intact", image_id, strong_id(stored.json).partition(":")[2], size=len(stored.json))
    else:
        yield at("json").row("strong-id", "unknown", None, None, size=len(stored.json), reason=_OLD)
    record = record or {}
    yield from _layer(at, stored, record, graph, known, is_strong=is_strong)
    yield from _history(at, stored, record, known, is_strong=is_strong)
    yield from _parent(at, stored, record, strong, is_strong=is_strong)
    if TAR_DATA in names:
        yield tar_data_row(
            graph, at(TAR_DATA), directory / TAR_DATA, _readable_layer(stored, record, graph, known, is_strong=is_strong)
        )
    for name in names:
        if name not in _OURS:
            yield at(name).row(
                "files", "unknown", "a file of an image", name, reason="no version of Docker wrote a file of this name"
            )


def _layer(
    at: _At, stored: StoredImage, record: dict[str, object], graph: Graph, known: Known, *, is_strong: bool
) -> Iterator[Holding]:
    checksum = None if stored.checksum is None else stored.checksum.decode("utf-8", "backslashreplace")
    claimed = str(record.get("layer_id")) if is_strong else checksum
    if checksum is None:
        outcome: HoldingOutcome = "absent" if is_strong else "unknown"
        yield at("checksum").row("checksum", outcome, claimed, None, reason="" if is_strong else _OLD)
        checksum = claimed
    elif is_strong:
        yield at("checksum").compared("checksum", claimed, checksum)
    if checksum is None or not Digest.is_exact(checksum):
        return
    if graph.blobs.path(checksum) is None:
        reason = "" if is_strong else "Docker 1.9 kept no blobs; this layer never was among ours, or is lost"
        yield at("checksum").row("blob", "absent" if is_strong else "unknown", checksum, None, reason=reason)
    else:
        yield at("checksum").row("blob", "rotten" if checksum in known.bad else "intact", checksum, checksum)
    yield from _size(at, stored, checksum, graph, known, is_strong=is_strong)


def _readable_layer(stored: StoredImage, record: dict[str, object], graph: Graph, known: Known, *, is_strong: bool) -> str | None:
    """The digest of an image's layer, if that is here and what its name says."""
    digest = str(record.get("layer_id")) if is_strong else (stored.checksum or b"").decode("utf-8", "backslashreplace")
    return digest if known.is_right(graph, digest) else None


def _size(at: _At, stored: StoredImage, checksum: str, graph: Graph, known: Known, *, is_strong: bool) -> Iterator[Holding]:
    size = None if stored.layersize is None else stored.layersize.decode("utf-8", "backslashreplace")
    measured = known.measured(graph, checksum)
    if measured is None or measured.layer_size is None:
        if size is not None:
            yield at("layersize").row(
                "layersize", "unknown", None, size, reason="the layer it is the size of cannot be read here"
            )
    elif size is None:
        outcome: HoldingOutcome = "absent" if is_strong else "unknown"
        yield at("layersize").row("layersize", outcome, str(measured.layer_size), None)
    else:
        yield at("layersize").compared("layersize", str(measured.layer_size), size)


def _history(at: _At, stored: StoredImage, record: dict[str, object], known: Known, *, is_strong: bool) -> Iterator[Holding]:
    """The text an image was made of: it must give its ``json``, and stand in a manifest to the byte."""
    text = stored.v1_compatibility
    if text is None:
        outcome: HoldingOutcome = "absent" if is_strong else "unknown"
        yield at("v1Compatibility").row("config", outcome, None, None, reason="" if is_strong else _OLD)
        return
    if is_strong and stored.json is not None:
        made = _config(text, str(record.get("layer_id")), record.get("parent_id"))
        yield at("v1Compatibility").compared(
            "config",
            strong_id(stored.json),
            made if made.startswith("sha256:") else None,
            reason="" if made.startswith("sha256:") else made,
        )
    own = sha256(text)
    checksum = (stored.checksum or b"").decode("utf-8", "backslashreplace")
    manifests = known.histories.get(str(record.get("layer_id")) if is_strong else checksum, {})
    if own in manifests:
        yield at("v1Compatibility").row("history", "intact", own, own, size=len(text))
    elif is_strong and len(manifests) == 1:
        ((expected, manifest),) = manifests.items()
        yield at("v1Compatibility").row(
            "history", "rotten", expected, own, size=len(text), reason=f"it stands in manifest {manifest}"
        )
    elif is_strong and manifests:
        reason = f"none of the texts that stand with this layer in {len(set(manifests.values()))} manifests is like this"
        yield at("v1Compatibility").row("history", "rotten", " or ".join(sorted(manifests)), own, size=len(text), reason=reason)
    else:
        reason = "no manifest here tells of this layer: the members `id` and `parent` of the text cannot be compared"
        yield at("v1Compatibility").row("history", "unknown", None, own, size=len(text), reason=reason)


def _parent(at: _At, stored: StoredImage, record: dict[str, object], strong: _StrongIDs, *, is_strong: bool) -> Iterator[Holding]:
    given = None if stored.parent is None else stored.parent.decode("utf-8", "backslashreplace")
    claimed = record.get("parent_id") if is_strong else None
    parent = given or (str(claimed).partition(":")[2] if claimed else "" if is_strong else str(record.get("parent") or ""))
    if is_strong and stored.json is not None:
        wanted = parent_file(stored.json, parent)
        if (wanted is None) != (stored.parent is None) and given != "":
            expected = None if wanted is None else wanted.decode("ascii")
            yield at("parent").row(
                "parent", "rotten", expected, given, reason="the file says what the json says already, or is lost"
            )
            return
    if not parent:
        return
    found = strong.of(parent) if image_id_error(parent) is None else None
    name = "json" if stored.parent is None else "parent"
    if found is None:
        yield at(name).row(
            "parent", "absent", str(claimed) if claimed else parent, None, reason=f"its parent {parent} is not here, or not whole"
        )
    elif claimed:
        yield at(name).compared("parent", str(claimed), found, reason=f"the parent in use is {parent}")
    else:
        yield at(name).row("parent", "intact", parent, parent)


class _StrongIDs:
    """The strong ID of each image, however it is called."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._found: dict[str, str | None] = {}

    def of(self, image_id: str, depth: int = 0) -> str | None:
        """The strong ID; for an image from before strong IDs without a history, its own; None when there is no such image."""
        if image_id not in self._found:
            self._found[image_id] = None  # its own ancestor has none
            self._found[image_id] = self._computed(image_id, depth)
        return self._found[image_id]

    def _computed(self, image_id: str, depth: int) -> str | None:
        try:
            stored = self._graph.images.read(image_id)
        except GraphIOError:
            return None
        if stored is None or stored.json is None or depth > _DEEPEST:
            return None
        if _is_named_by(stored.json, image_id):
            return strong_id(stored.json)
        record = _record(stored.json)
        if record is None or record.get("id") != image_id:
            return None
        if stored.v1_compatibility is None or stored.checksum is None:
            return f"sha256:{image_id}"
        parent = (stored.parent or b"").decode("utf-8", "backslashreplace") or str(record.get("parent") or "")
        below = self.of(parent, depth + 1) if parent and image_id_error(parent) is None else None
        return _config(stored.v1_compatibility, stored.checksum.decode("utf-8", "backslashreplace"), below)


def _is_named_by(config: bytes, image_id: str) -> bool:
    """Whether an ID is the hash of the configuration, or that hash hashed again."""
    candidate = strong_id(config).partition(":")[2]
    if candidate == image_id:
        return True
    record = _record(config)
    if record is None or record.get("id"):
        return False
    for _ in range(_ROUNDS):
        candidate = next_id(candidate)
        if candidate == image_id:
            return True
    return False


def _config(text: bytes, layer: str, parent: object) -> str:
    """The strong ID a text gives; Docker's words when it gives none."""
    try:
        return strong_id(image_config(text, layer, str(parent) if parent else None))
    except ImageConfigError as error:
        return error.message


def _record(text: bytes) -> dict[str, object] | None:
    try:
        return image_record.read_first(text)
    except GoJSONError:
        return None
