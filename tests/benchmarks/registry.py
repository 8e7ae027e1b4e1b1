"""Debian's docker-registry, as a benchmark runs it: with GOGC=1000, a cache of descriptors and no access log."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from support.ports import free_port


@contextlib.contextmanager
def benchmark_registry(folder: Path) -> Iterator[str]:
    """Run the registry on loopback over the storage in a folder; give its host and port."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration, log = folder / "registry.yml", folder / "registry.log"
    configuration.write_text(
        "version: 0.1\n"
        "log: {level: warn, accesslog: {disabled: true}}\n"
        "storage:\n"
        "  cache: {blobdescriptor: inmemory}\n"
        f"  filesystem: {{rootdirectory: {folder / 'store'}, maxthreads: 100}}\n"
        "  delete: {enabled: true}\n"
        "  maintenance: {uploadpurging: {enabled: false}}\n"
        f"http: {{addr: '127.0.0.1:{port}', headers: {{X-Content-Type-Options: [nosniff]}}}}\n"
        "compatibility: {schema1: {enabled: true}}\n"
        "validation: {disabled: true}\n"
    )
    with log.open("wb") as output:
        command = ["docker-registry", "serve", str(configuration)]
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"GOGC": "1000"})
        try:
            _wait(f"http://127.0.0.1:{port}/v2/", process, log)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"docker-registry ended: {log.read_text()}")
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, timeout=1, trust_env=False)
            return
        time.sleep(0.1)
    raise RuntimeError("docker-registry did not come up")
