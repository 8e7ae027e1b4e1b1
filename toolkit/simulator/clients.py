"""Clients the conformance lab knows by name.

The rule of this file: a client is one entry of a table, used as its own documentation shows; to add one is to add an
entry. Nothing here is imported: the programs run in a Python of their own (``{python}``).
"""

from __future__ import annotations

from typing import Final

from toolkit.errors import UsageError

_ORAS: Final = """
from oras.client import OrasClient
OrasClient(insecure=True).pull(target="{reference}", outdir="{out}")
"""
_DXF: Final = """
from dxf import DXF
repository = DXF("{host}", "{repository}", insecure=True)
for digest in repository.get_alias("{key}", platform="linux/amd64"):
    for chunk in repository.pull_blob(digest):
        pass
"""
_AIOREGISTRY: Final = """
import asyncio
from aioregistry import AsyncRegistryClient, RegistryBlobRef, RegistryManifestRef, parse_image_name
registry = parse_image_name("{reference}").registry
async def pull(client, key):
    ref = RegistryManifestRef(registry=registry, repo="{repository}".split("/"), ref=key)
    manifest = await client.manifest_download(ref)
    for child in getattr(manifest, "manifests", []):
        platform = child.platform
        if platform is None or (platform.os, platform.architecture) == ("linux", "amd64"):
            return await pull(client, child.digest)
    for digest in manifest.get_blob_dependencies():
        blob = RegistryBlobRef(registry=registry, repo=ref.repo, ref=digest)
        _, chunks = await client.ref_content_stream(blob)
        async for chunk in chunks:
            pass
async def main():
    async with AsyncRegistryClient() as client:
        await pull(client, "{key}")
asyncio.run(main())
"""
_CONTAINERIMAGE: Final = """
from image.containerimage import ContainerImage
ContainerImage("{reference}").download("{out}", auth={"auths": {}}, http=True)
"""
_CRPY: Final = """
from crpy.cmd import main
main("pull", "http://{reference}", "{out}/image.tar", "--no-cache")
"""

CLIENTS: Final[dict[str, tuple[str, ...]]] = {
    "layerproof": ("{python}", "-m", "toolkit", "inspect", "-q", "{reference}"),
    "skopeo-copy": ("skopeo", "copy", "--quiet", "--src-tls-verify=false", "docker://{reference}", "dir:{out}"),
    "skopeo-inspect": ("skopeo", "inspect", "--tls-verify=false", "docker://{reference}"),
    "oras": ("{python}", "-c", _ORAS),
    "python-dxf": ("{python}", "-c", _DXF),
    "aioregistry": ("{python}", "-c", _AIOREGISTRY),
    "containerimage-py": ("{python}", "-c", _CONTAINERIMAGE),
    "crpy": ("{python}", "-c", _CRPY),
}
"""Command templates by name; the placeholders are those of ``conformance``, and ``{python}``."""


def command_of(client: str, python: str) -> list[str]:
    """The command of a client.

    Parameters
    ----------
    client : str
        A name of ``CLIENTS``.
    python : str
        The Python that has the client's library.

    Raises
    ------
    UsageError
        There is no client of that name.

    Examples
    --------
    >>> command_of("layerproof", "python3")[:3]
    ['python3', '-m', 'toolkit']
    """
    if client not in CLIENTS:
        raise UsageError(
            f"the lab knows no client {client!r}",
            where=client,
            expected=", ".join(CLIENTS),
            next_step="give its command after `--` instead",
        )
    return [part.replace("{python}", python) for part in CLIENTS[client]]
