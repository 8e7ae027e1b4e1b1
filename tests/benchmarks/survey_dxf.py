"""The same survey with python-dxf, as its users write it: one session, one loop.

It compares the digest of schema2 and OCI manifests with the registry's header, and a configuration's with its name; it does
not know schema1, whose manifests are fetched and not checked.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main(host: str, references: str) -> None:
    """Fetch the manifest and configuration of everything the file of references names."""
    dxf = importlib.import_module("dxf")
    fetched = 0
    with dxf.DXFBase(host, insecure=True) as base:
        for line in Path(references).read_text().split():
            name, _, tag = line.partition(":")
            repository = dxf.DXF.from_base(base, name)
            if tag == "schema1":
                json.loads(repository.get_manifest_and_response(tag)[0])
            else:
                manifest = json.loads(repository.get_manifest(tag))
                b"".join(repository.pull_blob(manifest["config"]["digest"]))
            fetched += 1
    sys.stdout.write(f"{fetched} manifests\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
