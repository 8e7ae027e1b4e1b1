"""Survey a registry with this library: every manifest judged, every configuration's digest checked, a row for each.

Of a manifest its digest is checked, its document, and every signature of a schema1 manifest; of a configuration its digest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import toolkit as tk
from toolkit.digests import hash_matches
from toolkit.ledger.ledger import Call
from toolkit.records import Manifest
from toolkit.references import Reference
from toolkit.sources.protocol import Connection, Source
from toolkit.verification.document import Way, document_kind, verify_document
from toolkit.verification.manifest import verify_manifest
from toolkit.verification.policy import Policy

THREADS = 4


def main() -> None:
    """Survey what the file of references names; print how many there are and how many were refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("references", type=Path, help="a file, one NAME:TAG a line, those of a repository together")
    parser.add_argument("--threads", type=int, default=THREADS)
    options = parser.parse_args()
    names = options.references.read_text().split()
    ledger = tk.Ledger()
    refused = survey(options.host, names, ledger, threads=options.threads)
    sys.stdout.write(f"{len(ledger.rows())} manifests, {refused} refused\n")


def survey(host: str, names: Sequence[str], ledger: tk.Ledger, *, threads: int = THREADS) -> int:
    """Judge every manifest; note its row; return how many were refused."""
    source = tk.open_source(host)
    references = [Reference.parse(f"{host}/{name}") for name in names]
    groups = [list(group) for _, group in groupby(references, key=lambda one: one.repository)]
    policy, call = Policy.of("strict"), ledger.open_call()
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda group: _repository(source, group, policy, call), groups))


def _repository(source: Source, references: Sequence[Reference], policy: Policy, call: Call) -> int:
    refused = 0
    with source.connect(references[0].repository, as_seed=False) as connection:
        for reference in references:
            record, sound = _judged(connection, reference, policy)
            call.note(record)
            refused += not sound
    return refused


def _judged(connection: Connection, reference: Reference, policy: Policy) -> tuple[Manifest, bool]:
    raw = connection.manifest(reference)
    if document_kind(raw, Way()) == "schema1":
        manifest = verify_manifest(raw, reference, policy)
        return manifest.record, manifest.refusal is None
    document = verify_document(raw, reference, policy, Way())
    config = document.record.config_digest
    sound = config is None or hash_matches(config, b"".join(connection.blob(config).chunks))
    return document.record, sound and document.refusal is None


if __name__ == "__main__":
    main()
