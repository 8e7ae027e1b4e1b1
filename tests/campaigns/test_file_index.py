"""Ten million files: from a checksum to the images that have it, as brute force finds them, while somebody waits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ROWS = 10_000_000
MEASURE = """
import json, resource, sys, time
import numpy as np
import pandas as pd
from toolkit.analysis import FileIndex

ROWS, CONTENTS, IMAGES, PIECE = int(sys.argv[1]), int(sys.argv[2]), 10_000, 250_000
random = np.random.default_rng(20261124)
pool = random.integers(0, 256, (CONTENTS, 32), dtype=np.uint8)
names = np.array([f"registry/repository-{number // 10}:{number % 10}" for number in range(IMAGES)], dtype=object)
asked = np.concatenate([[0], random.integers(0, CONTENTS, 200)])
brute = {int(content): np.zeros(IMAGES, dtype=np.int64) for content in asked}
rows_of = {int(content): [] for content in asked}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


def pieces():
    for start in range(0, ROWS, PIECE):
        content = random.integers(0, CONTENTS, PIECE)
        content[::10] = 0  # one content, like the empty file, stands everywhere
        image = np.sort(random.integers(0, IMAGES, PIECE))
        for one, counts in brute.items():
            mine = np.flatnonzero(content == one)
            counts += np.bincount(image[mine], minlength=IMAGES)
            rows_of[one].append(mine + start)
        text = pool[content].tobytes().hex()
        digests = pd.Series([text[at : at + 64] for at in range(0, len(text), 64)], dtype="str")
        made["bytes"] += int(digests.str.len().sum())
        yield pd.DataFrame({"image": pd.Series(names[image], dtype="str"), "sha256": digests})


made = {"bytes": 0}
found = {"rows": ROWS, "peak before, MiB": peak()}
started = time.perf_counter()
index = FileIndex(pieces())
found["build with making the rows, s"] = round(time.perf_counter() - started, 1)
found["peak after, MiB"] = peak()
found["index, MiB"] = index.nbytes // 2**20
found["contents"] = index.contents
found["text of the digests alone, MiB"] = made["bytes"] // 2**20
times, wrong = [], 0
for content, counts in brute.items():
    digest = pool[content].tobytes().hex()
    started = time.perf_counter()
    answer = index.find(digest)
    times.append(time.perf_counter() - started)
    expected = {names[code]: int(counts[code]) for code in np.flatnonzero(counts)}
    wrong += dict(zip(answer["image"], answer["files"], strict=True)) != expected
    wrong += not np.array_equal(index.places(digest), np.concatenate(rows_of[content]))
never = "0" * 64
started = time.perf_counter()
wrong += len(index.find(never))
times.append(time.perf_counter() - started)
found |= {"asked": len(times), "wrong": int(wrong), "slowest, ms": round(max(times) * 1e3, 1)}
found["middle, ms"] = round(sorted(times)[len(times) // 2] * 1e3, 2)
print(json.dumps(found))
"""


@pytest.mark.parametrize("contents", [10_000, 3_000_000, 30_000_000], ids=["many copies", "some copies", "hardly any copies"])
def test_ten_million_files_answer_as_brute_force_does(contents: int) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, str(ROWS), str(contents)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    assert found["wrong"] == 0
    assert found["index, MiB"] <= ROWS * 52 // 2**20
    assert found["peak after, MiB"] - found["peak before, MiB"] <= ROWS * 112 // 2**20
