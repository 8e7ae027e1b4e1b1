"""Which blobs an image is made of, base first: of a report, a graph, or a source.

The rule of this file: it only names blobs that lie in a graph; who reads them verifies them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from toolkit.digests import Digest
from toolkit.errors import GoJSONError, GraphError, ImageNotFoundError, ReferenceSyntaxError, UsageError
from toolkit.graph import index
from toolkit.graph.store import Graph
from toolkit.identity.chain_id import chain_ids
from toolkit.manifests.config import read_config
from toolkit.manifests.descriptor import PLATFORM, read_object
from toolkit.manifests.document import read_document
from toolkit.manifests.media_types import kind_of
from toolkit.pulling.report import Report
from toolkit.records import Layer
from toolkit.references import Reference, image_id_error
from toolkit.reuse.stored_image import get, layer_digest
from toolkit.verification.policy import Policy

if TYPE_CHECKING:
    from toolkit.sources.opening import Openable

_REF_NAME: Final = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """One layer: the digest of its blob, and the diff ID the configuration gives it where there is one."""

    position: int
    blob_digest: str
    diff_id: str | None


@dataclass(frozen=True, slots=True)
class ImageLayers:
    """An image: what it was called, the graph its blobs lie in, and its layers, base first."""

    name: str
    graph: Graph
    layers: tuple[ImageLayer, ...]


def layers_of(
    image: Report | str,
    *,
    graph: Graph | str | PathLike[str] | None = None,
    source: Openable | None = None,
    policy: Policy | str = "strict",
    accept: Collection[str] = (),
    platform: str = PLATFORM,
    username: str | None = None,
    password: str | None = None,
    insecure: Collection[str] = (),
) -> ImageLayers:
    """Find the layers of an image.

    Parameters
    ----------
    image : Report or str
        A report whose graph has the blobs; or a reference, an image ID, or the digest of a configuration or manifest.
    graph : Graph or path, optional
        Where to look. Without it the image is pulled into a graph that goes away again.
    source : Source, str or path, optional
        Where to pull from, into ``graph`` if one is given.
    policy, accept, platform, username, password, insecure
        As in ``pull``, for what is pulled.

    Raises
    ------
    UsageError
        A report without a graph, or of several images.
    GraphError
        The graph has no such image.
    VerificationError, SourceError
        As in ``pull``.
    """
    if isinstance(image, Report):
        return _of_report(image)
    if graph is not None and source is None:
        return _of_graph(image, Graph.of(graph))
    from toolkit.pulling.pull import pull  # loaded only where something is pulled

    target = Graph.temporary() if graph is None else Graph.of(graph)
    report = pull(
        image,
        target,
        source=source,
        policy=policy,
        accept=accept,
        platform=platform,
        username=username,
        password=password,
        insecure=insecure,
    )
    return _of_report(report)


def _of_report(report: Report) -> ImageLayers:
    if report.graph is None:
        raise UsageError(
            "the report has no graph, so no layer was kept",
            where=report.reference,
            next_step="pull the image, or give its reference instead of the report",
        )
    images: dict[str, dict[int, Layer]] = {}
    for row in report.rows:
        if isinstance(row.record, Layer) and row.record.disposition != "duplicate-removed":
            images.setdefault(row.stamp.image, {})[row.record.position] = row.record
    if len(images) > 1:
        raise UsageError(
            f"the report is about {len(images)} images",
            where=report.reference,
            expected="one image",
            actual=", ".join(images),
            next_step="give the digest of one of them and the graph",
        )
    rows = [found for image in images.values() for _, found in sorted(image.items())]
    layers = tuple(ImageLayer(number, row.blob_digest, row.claimed_diff_id) for number, row in enumerate(rows))
    return ImageLayers(report.reference, report.graph, layers)


def _of_graph(name: str, graph: Graph) -> ImageLayers:
    named = _manifest_digest(name, graph) or (name if Digest.is_exact(name) else None) or _tagged(name, graph) or name
    if Digest.is_exact(named) and graph.blobs.path(named) is not None:
        return ImageLayers(name, graph, _of_document(named, graph))
    return ImageLayers(name, graph, _of_chain(named, graph))


def _manifest_digest(name: str, graph: Graph) -> str | None:
    """The manifest the graph's index has for a name, which says exactly which blobs were pulled; none for schema1."""
    for entry in index.read(graph.layout)["manifests"]:
        digest, media_type = entry.get("digest"), entry.get("mediaType")
        is_named = entry.get("annotations", {}).get(_REF_NAME) == name and Digest.is_exact(str(digest))
        if is_named and kind_of(str(media_type)) != "schema1":
            return str(digest)
    return None


def _tagged(name: str, graph: Graph) -> str | None:
    """The image a reference names; one that leaves out the registry is enough where only one repository is called so."""
    if image_id_error(name) is None:
        return None
    try:
        reference = Reference.parse(name)
    except ReferenceSyntaxError:
        return None
    local = reference.repository.local_name
    found = {
        named: references[reference.asked]
        for named, references in graph.tags.all().items()
        if reference.asked in references and (named == local or named.endswith(f"/{local}"))
    }
    if local in found:
        return found[local]
    if len(set(found.values())) > 1:
        raise _unknown(name, f"name the registry too: the graph has {', '.join(sorted(found))}")
    return next(iter(found.values()), None) or _manifest_digest(reference.local_text, graph)


def _of_document(digest: str, graph: Graph) -> tuple[ImageLayer, ...]:
    """Read the layers of a manifest; or, of a configuration, those whose chain the graph knows."""
    document = _object(digest, graph)
    if "fsLayers" in document:
        raise _unknown(digest, "the graph has this manifest of Docker 1.9's; give the ID or the tag of its image")
    if "manifests" in document:
        raise _unknown(digest, "this is an index; give the digest of one of its manifests")
    if "layers" not in document:
        return _of_config(document, graph)
    manifest = read_document(document, "image")
    diff_ids: tuple[str, ...] = ()
    if manifest.config is not None and Digest.is_exact(manifest.config.digest):
        diff_ids = read_config(_object(manifest.config.digest, graph)).diff_ids or ()
    told = [*diff_ids, *[None] * len(manifest.layers)]
    return tuple(ImageLayer(number, one.digest, told[number]) for number, one in enumerate(manifest.layers))


def _of_config(document: dict[str, Any], graph: Graph) -> tuple[ImageLayer, ...]:
    diff_ids = read_config(document).diff_ids or ()
    layers = []
    for position, (diff_id, chain_id) in enumerate(zip(diff_ids, chain_ids(diff_ids), strict=True)):
        chain = graph.chains.get(chain_id) if Digest.is_exact(chain_id) else None
        if chain is None:
            raise _unknown(chain_id, f"the graph knows no blob for layer {position}; pull the image again")
        layers.append(ImageLayer(position, chain.blob, diff_id))
    return tuple(layers)


def _of_chain(name: str, graph: Graph) -> tuple[ImageLayer, ...]:
    """Go from an image of Docker 1.9's to its base, by the parents in use."""
    digests: list[str] = []
    image = get(graph, name)
    seen = {image.id}
    digests.append(layer_digest(image.stored))
    while image.parent:
        image = get(graph, image.parent)
        if image.id in seen:
            raise _unknown(image.id, "the parents of the image go round in a circle")
        seen.add(image.id)
        digests.append(layer_digest(image.stored))
    return tuple(ImageLayer(position, digest, None) for position, digest in enumerate(reversed(digests)))


def _object(digest: str, graph: Graph) -> dict[str, Any]:
    if graph.blobs.path(digest) is None:
        raise _unknown(digest, "the graph does not have it; pull the image again")
    if not graph.blobs.is_intact(digest):
        raise _unknown(digest, "it is no longer what its name says; pull the image again")
    try:
        return read_object(b"".join(graph.blobs.chunks(digest)))
    except (GoJSONError, ValueError) as error:
        raise GraphError(
            "neither a manifest nor a configuration",
            where=digest,
            expected="a JSON object",
            actual=str(error),
            next_step="`layerproof tags --graph GRAPH` shows what is set",
        ) from error


def _unknown(name: str, next_step: str) -> ImageNotFoundError:
    return ImageNotFoundError("no image whose layers could be found", where=name, next_step=next_step)
