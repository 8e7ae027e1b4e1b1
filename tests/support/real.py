"""The real programs: Debian's docker-registry and skopeo, and a real public image."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.ports import free_port

REQUIRED = os.environ.get("LAYERPROOF_REQUIRE_REAL") == "1"
WHEEL = "flashvm==0.1.3"


def need(*programs: str) -> None:
    """Skip, or fail where real parts are required, when a program is not here."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        lack(f"not installed here: {', '.join(missing)}")


def lack(reason: str) -> None:
    """Skip for a reason, or fail where real parts are required."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str) -> str:
    """Run a program and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def docker_registry(folder: Path) -> Iterator[str]:
    """Run Debian's docker-registry on loopback; give its host and port."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "registry.yml"
    configuration.write_text(
        "version: 0.1\n"
        "log: {level: warn, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'store'}}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        "compatibility: {schema1: {enabled: true}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/v2/", process, folder / "registry.log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, timeout=1, trust_env=False)
            return
        time.sleep(0.1)
    pytest.fail("docker-registry did not come up")


def public_image(cache: Path) -> Path:
    """The official python:3-alpine as an OCI layout, out of a wheel of the package index."""
    layout = cache / "flashvm" / "data" / "oci"
    if not (layout / "index.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--python-version", "3.12", "--platform", "manylinux_2_39_x86_64"),
            *("--dest", str(cache), WHEEL),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            lack(f"the wheel with a real image cannot be had: {done.stderr.strip().splitlines()[-1:]}")
        with zipfile.ZipFile(next(cache.glob("flashvm-*.whl"))) as wheel:
            members = [name for name in wheel.namelist() if name.startswith("flashvm/data/oci/")]
            wheel.extractall(cache, members)
    return layout
