"""Three small images, one of each format, on a scripted registry; and every place in a visit where it can lie.

The rule of this file: everything it serves is honest. A place says which answer is to be changed, which visit asks for
it, and nothing about what must come of it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import toolkit as tk
from support.hostile_server import Close, Script, Scripted, Send, plain
from toolkit.digests import sha256
from toolkit.errors import UnreachableError
from toolkit.manifests.media_types import OCI_INDEX, SIGNED_SCHEMA1
from toolkit.references import resolve_repository
from toolkit.simulator.images import LayerRecipe, build_image
from toolkit.simulator.modern import DIALECTS, LINUX, OCI, descriptor, encode, make_artifact, make_image, make_index, make_layer
from toolkit.sources.credentials import Credentials
from toolkit.sources.network import Network
from toolkit.sources.protocol import fallback_tag
from toolkit.sources.registry import RegistrySource

Format = Literal["schema1", "schema2", "oci"]
FORMATS: Final[tuple[Format, ...]] = ("schema1", "schema2", "oci")
MODERN: Final[tuple[Format, ...]] = ("schema2", "oci")

USERNAME: Final = "ada"
PASSWORD: Final = "canary-password-4c1e"
TOKEN: Final = "canary-token-d07b"
SIGNATURE: Final = "canary-signature-93aa"
CREDENTIALS: Final = Credentials(USERNAME, PASSWORD)
CANARIES: Final = (PASSWORD, TOKEN, SIGNATURE, CREDENTIALS.basic().partition(" ")[2])

REPOSITORY: Final = "lab/x"
VERSION: Final[dict[str, Any]] = {"Docker_Distribution_Api_Version": "registry/2.0"}
PING: Final = plain(
    b"{}",
    status=401,
    words="Unauthorized",
    Content_Type="application/json",
    WWW_Authenticate='Bearer realm="http://{here}/token",service="here"',
    **VERSION,
)
TOKEN_ANSWER: Final = plain(json.dumps({"token": TOKEN, "expires_in": 3600}).encode(), Content_Type="application/json")
TAGS: Final = ("1", "2", "3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image as a registry has it: names of its parts, and every answer about it."""

    format: Format
    digest: str
    layers: tuple[str, ...]
    config: str
    child: str
    script: Mapping[tuple[str, str], Sequence[Scripted]]

    def path(self, what: str) -> str:
        """A path in the repository."""
        return f"/v2/{REPOSITORY}/{what}"


def document(body: bytes, media_type: str) -> Scripted:
    """A manifest or index as an answer."""
    return plain(body, Content_Type=media_type, Docker_Content_Digest=sha256(body), **VERSION)


def blob(data: bytes, digest: str) -> Scripted:
    """A blob as an answer; its digest is its validator too."""
    return plain(data, Content_Type="application/octet-stream", Docker_Content_Digest=digest, ETag=f'"{digest}"', **VERSION)


def continuation(whole: Scripted, start: int) -> Scripted:
    """The rest of a blob, as the answer to ``Range: bytes=START-``."""
    data = whole.content
    ranged = whole.having("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    return ranged.saying(data[start:]).status(206, "Partial Content")


def cut(whole: Scripted, at: int) -> Scripted:
    """The first bytes of an answer, then the end of the connection."""
    return Scripted(line=whole.line, headers=whole.headers, body=(Send(whole.content[:at]), Close()))


def _schema1() -> Image:
    recipes = [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("ADD b", {"b": b"2"})]
    image = build_image(REPOSITORY, "1", recipes)
    layers = tuple(one["blobSum"] for one in image.document["fsLayers"][::-1])
    shown = document(image.body, SIGNED_SCHEMA1).having("Docker-Content-Digest", image.digest)
    script = {("GET", f"/v2/{REPOSITORY}/manifests/{name}"): [shown] for name in ("1", image.digest)}
    return _image("schema1", image.digest, layers, "", "", {**script, **_blobs(image.blobs)})


def _modern(name: Literal["schema2", "oci"]) -> Image:
    dialect = DIALECTS[name]
    image = make_image(dialect, [make_layer(dialect, {"a": b"1"}), make_layer(dialect, {"b": b"2"})])
    index = make_index(dialect, [image.descriptor(platform=LINUX)], [image.stored()])
    root = sha256(image.body)
    signature = make_artifact(b"signed\n", "text/plain", artifact_type="application/x-lab", subject=image.descriptor())
    listed = encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor(signature.documents["1"].body, OCI.manifest, artifactType="application/x-lab")],
        }
    )
    bodies = {"1": (image.body, dialect.manifest), root: (image.body, dialect.manifest)}
    bodies |= {"index": (index.documents["1"].body, dialect.index), fallback_tag(root): (listed, OCI_INDEX)}
    script = {("GET", f"/v2/{REPOSITORY}/manifests/{key}"): [document(*one)] for key, one in bodies.items()}
    script["GET", f"/v2/{REPOSITORY}/referrers/{root}"] = [document(listed, OCI_INDEX)]
    config: str = image.manifest["config"]["digest"]
    return _image(name, root, (image.layer(0), image.layer(1)), config, root, {**script, **_blobs(image.blobs)})


def _blobs(blobs: Mapping[str, bytes]) -> dict[tuple[str, str], Sequence[Scripted]]:
    return {("GET", f"/v2/{REPOSITORY}/blobs/{digest}"): [blob(data, digest)] for digest, data in blobs.items()}


def _image(
    form: Format,
    digest: str,
    layers: tuple[str, ...],
    config: str,
    child: str,
    script: Mapping[tuple[str, str], Sequence[Scripted]],
) -> Image:
    tags = f"/v2/{REPOSITORY}/tags/list"
    pages = [encode({"name": REPOSITORY, "tags": list(some)}) for some in (TAGS[:2], TAGS[2:])]
    first = plain(pages[0], Content_Type="application/json", Link=f'<{tags}?n=2&last=2>; rel="next"', **VERSION)
    common: dict[tuple[str, str], Sequence[Scripted]] = {
        ("GET", "/v2/"): [PING],
        ("GET", "/token"): [TOKEN_ANSWER],
        ("GET", tags): [first],
        ("GET", f"{tags}?n=2&last=2"): [plain(pages[1], Content_Type="application/json", **VERSION)],
    }
    return Image(format=form, digest=digest, layers=layers, config=config, child=child, script={**common, **script})


IMAGES: Final[dict[Format, Image]] = {"schema1": _schema1(), "schema2": _modern("schema2"), "oci": _modern("oci")}


@dataclass(frozen=True, slots=True)
class Listing:
    """The tags of a repository, or why there are none; and the rows of the visit."""

    tags: list[str]
    error: tk.ToolkitError | None
    rows: tuple[Any, ...]


Outcome = tk.Report | tk.ToolkitError | Listing
Visit = Callable[[RegistrySource, tk.Graph, Image], Outcome]


def pull_tag(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Pull by tag; one worker, so that the requests come in one order and time has one owner."""
    return tk.pull(f"{source.name}/{REPOSITORY}:1", graph, source=source, workers=1)


def pull_digest(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Pull by digest."""
    return tk.pull(f"{source.name}/{REPOSITORY}@{image.digest}", graph, source=source, workers=1)


def pull_index(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Pull an index by tag."""
    return tk.pull(f"{source.name}/{REPOSITORY}:index", graph, source=source, workers=1)


def pull_as_old_client(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Pull, accepting schema1 only: what the tag's own document is, a HEAD is asked."""
    return tk.pull(f"{source.name}/{REPOSITORY}:1", graph, source=source, formats="schema1", workers=1)


def pull_as_seed(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Pull by tag as Docker 1.9 did."""
    return tk.pull(f"{source.name}/{REPOSITORY}:1", graph, source=source, policy="docker-1.9", workers=1)


def inspect_referrers(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """Inspect an image, and ask what refers to it."""
    return tk.inspect(f"{source.name}/{REPOSITORY}:1", graph=graph, source=source, referrers=True, workers=1)


def list_tags(source: RegistrySource, graph: tk.Graph, image: Image) -> Outcome:
    """List the tags."""
    with source.connect(resolve_repository(f"{source.name}/{REPOSITORY}")) as connection:
        try:
            return Listing(connection.tags(), None, connection.drain())
        except tk.ToolkitError as error:
            return Listing([], error, connection.drain())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One answer in a visit.

    Parameters
    ----------
    name : str
    path : callable
        Given an image, the path (with its query) of the answer that is to be changed.
    visit : callable
        Who asks for it.
    formats : tuple of Format
    method : str
    on_cdn : bool
        The answer is the other server's, to which the registry redirects.
    instead : callable, optional
        Given an image, further honest answers that the visit needs.
    resumed : bool
        The answer is a continuation: before it, the whole is cut in its middle.
    """

    name: str
    path: Callable[[Image], str]
    visit: Visit = pull_tag
    formats: tuple[Format, ...] = FORMATS
    method: str = "GET"
    on_cdn: bool = False
    instead: Callable[[Image], Script] = lambda image: {}
    resumed: bool = False

    def honest(self, image: Image) -> Scripted:
        """The answer before anybody changed it."""
        if self.on_cdn:
            return image.script["GET", image.path(f"blobs/{image.layers[1]}")][0]
        whole = image.script["GET", self.path(image)][0]
        return continuation(whole, len(whole.content) // 2) if self.resumed else whole

    def scripts(self, image: Image, changed: Scripted) -> tuple[Script, Script]:
        """What the registry and the other server play, with this answer changed."""
        whole = {**image.script, **self.instead(image)}
        key = (self.method, self.path(image))
        if self.on_cdn:
            return whole, {key: [changed]}
        if self.resumed:
            first = image.script[key][0]
            return {**whole, key: [cut(first, len(first.content) // 2), changed]}, {}
        return {**whole, key: [changed]}, {}


def _to_cdn(image: Image) -> Script:
    where = plain(status=307, words="Temporary Redirect", Location=f"http://{{cdn}}/layer?X-Sig={SIGNATURE}", **VERSION)
    return {("GET", image.path(f"blobs/{image.layers[1]}")): [where]}


def _no_referrers_api(image: Image) -> Script:
    return {("GET", image.path(f"referrers/{image.digest}")): [plain(b"404 page not found\n", status=404, words="Not Found")]}


PLACES: Final = (
    Place(name="ping", path=lambda image: "/v2/"),
    Place(name="token", path=lambda image: "/token"),
    Place(name="tags page 1", path=lambda image: image.path("tags/list"), visit=list_tags),
    Place(name="tags page 2", path=lambda image: image.path("tags/list?n=2&last=2"), visit=list_tags),
    Place(name="manifest by tag", path=lambda image: image.path("manifests/1")),
    Place(name="manifest by digest", path=lambda image: image.path(f"manifests/{image.digest}"), visit=pull_digest),
    Place(name="child manifest", path=lambda image: image.path(f"manifests/{image.child}"), visit=pull_index, formats=MODERN),
    Place(name="config", path=lambda image: image.path(f"blobs/{image.config}"), formats=MODERN),
    Place(name="first layer", path=lambda image: image.path(f"blobs/{image.layers[0]}")),
    Place(name="second layer", path=lambda image: image.path(f"blobs/{image.layers[1]}")),
    Place(name="layer elsewhere", path=lambda image: "/layer", on_cdn=True, instead=_to_cdn),
    Place(name="layer continued", path=lambda image: image.path(f"blobs/{image.layers[0]}"), resumed=True),
    Place(name="referrers", path=lambda image: image.path(f"referrers/{image.digest}"), visit=inspect_referrers, formats=MODERN),
    Place(
        name="referrers tag",
        path=lambda image: image.path(f"manifests/{fallback_tag(image.digest)}"),
        visit=inspect_referrers,
        formats=MODERN,
        instead=_no_referrers_api,
    ),
    Place(
        name="original of a schema1",
        path=lambda image: image.path("manifests/1"),
        visit=pull_as_old_client,
        formats=("schema1",),
        method="HEAD",
    ),
)


def network(clock: Any, **members: Any) -> Network:
    """A network in which names lead where a test says, and time is the test's own."""
    return Network(clock=clock, resolver=resolver, **members)


def resolver(host: str, port: int) -> list[str]:
    """A name service that knows two names, one of them of a place that is nobody's business; and addresses as they are."""
    known = {"metadata.example": ["169.254.169.254"], "both.example": ["93.184.215.14", "10.0.0.1"]}
    if host in known:
        return known[host]
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError as error:
        raise UnreachableError(f"no address is known for {host}", where=host) from error
