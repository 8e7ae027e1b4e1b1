"""What a stranger reads first.

The rule of this file: it must be understood, and everything in it done, without this package.
"""

from __future__ import annotations

from typing import Final

from toolkit._version import VERSION

_TEXT: Final = """\
What this is
============
Evidence about container images, and every decision a verification took on it: {calls} calls, made by layerproof {version}.
It is a BagIt bag (RFC 8493). You can check it with what every Linux, macOS or BSD has.

Is it whole, and as it was written?
===================================
In the folder that holds manifest-sha256.txt:

    sha256sum -c manifest-sha256.txt          every file, one line each
    sha256sum -c tagmanifest-sha256.txt       the lists themselves

Who can change files can also change both lists. Compare the digest of the zip with the one its exporter gave you some other way:

    sha256sum CASE.zip                        or: openssl dgst -sha256 CASE.zip

What is in it (below data/)
===========================
    report.html      the whole story on one page: findings first, both sides, and the commands that show each one
    report.json      the same for machines
    evidence/        bytes as they were received, accepted or refused; each file's name is its digest
    absent.csv       bytes that decisions rest on and that are not here, with the reason
    ledger/          every decision as it was noted, one JSON object a line, in order
    frames/          the same decisions as tables, made from ledger/: parquet/ loses nothing, csv/ opens everywhere
A table that has no rows has no file. In the CSV files, text that a spreadsheet would compute has an apostrophe in front, and
characters that cannot be seen are written as \\x.. or \\u....; the last column, csv_escaped, names the columns where that was
done.

By hand (in data/)
==================
The name of every piece of evidence is the digest of its bytes:

    sha256sum evidence/sha256/*

What was refused, and why:

    jq 'select(.table == "checks" and .outcome == "failed") | {{rule, subject, expected, actual}}' ledger/*.jsonl

How every call ended:

    jq -r 'select(.table == "pulls") | [.reference, .policy, .outcome, .digest] | @tsv' ledger/*.jsonl

Everything else (IDs, chains, layers without their compression): the commands in report.html, each with what it must print.

With layerproof
===============
    layerproof check CASE.zip                 reads every byte, and makes every table and page again from ledger/ and evidence/

And, if no layer was left out, takes every decision again from the evidence (in data/):

    mkdir again && cp -r evidence again/blobs && cp -r ledger again/ledger
    layerproof rejudge --graph again

What this does not show
=======================
That the evidence came from where the ledger says, at the time it says: that rests on whoever made the case. The digest of the
zip, kept somewhere else or signed, is what ties it to them.
"""


def text(calls: int) -> bytes:
    """Write ``README.txt``."""
    return _TEXT.format(calls=calls, version=VERSION).encode("ascii")
