"""A million rows on a disk become frames in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from toolkit.ledger.ledger import Ledger
from toolkit.records import Check, Reuse, Tag

ROWS = 1_000_000
CALLS = 10
MEASURE = """
import json, resource, sys, time
import pandas, pyarrow
from toolkit.ledger.ledger import Ledger
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
found = {"peak before, MiB": peak()}
start = time.perf_counter()
ledger = Ledger.load(sys.argv[1])
found["load, s"] = round(time.perf_counter() - start, 1)
found["peak after load, MiB"] = peak()
rows, own = 0, 0
for table in ("tags", "reuse", "checks"):
    start = time.perf_counter()
    frame = ledger.frame(table)
    rows += len(frame)
    own += int(frame.memory_usage(deep=True).sum())
    found[f"{table}, rows"] = len(frame)
    found[f"{table}, s"] = round(time.perf_counter() - start, 1)
    found[f"peak after {table}, MiB"] = peak()
found["rows"] = rows
found["frames, MiB"] = own // 2**20
print(json.dumps(found))
"""


def test_a_million_rows_load_in_memory_that_is_that_of_their_frames(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    start = time.perf_counter()
    for number in range(CALLS):
        call = ledger.open_call()
        call.image = "library/busybox:1.24"
        for index in range(0, ROWS // CALLS, 100):
            call.note(*(_row(number, index + one) for one in range(100)))
        call.end()
    sys.stdout.write(f"written: {time.perf_counter() - start:.0f} s\n")
    done = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True)
    sys.stdout.write(done.stdout)
    found = json.loads(done.stdout)
    assert found["rows"] == ROWS
    assert found["peak after load, MiB"] - found["peak before, MiB"] < 64
    assert found["peak after checks, MiB"] - found["peak before, MiB"] < 3 * found["frames, MiB"] + 64


def _row(call: int, index: int) -> Check | Reuse | Tag:
    digest = f"sha256:{call:032x}{index:032x}"
    if index % 10 == 0:
        return Tag(name="library/busybox", reference=str(index), kind="tag", old_id=None, new_id=digest[7:], newer=True)
    if index % 5 == 0:
        return Reuse(
            position=index % 20, strong_id=digest, candidate=digest[7:], kind="strong", round=0, found=False, outcome="free"
        )
    return Check(
        rule="layer-digest",
        subject=digest,
        outcome="passed",
        enforced=True,
        excepted=False,
        expected=digest,
        actual=digest,
    )
