"""Someone presses stop in a notebook: the cell ends, the kernel lives, and the next cell goes on where it stood."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from support.slow_registry import SlowRegistry

import toolkit as tk
from toolkit.simulator.images import LayerRecipe, build_image

IMAGE = build_image("teach/slow", "1", [LayerRecipe("FROM noise", {"noise": bytes(range(256)) * 1000}), LayerRecipe("CMD sh")])
BIG, DATA = max(IMAGE.blobs.items(), key=lambda item: len(item[1]))
PATIENCE = 30.0


@pytest.fixture
def kernel() -> Iterator[Any]:
    """A real kernel, started as JupyterLab starts it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def said(client: Any, code: str) -> dict[str, Any]:
    reply: dict[str, Any] = client.execute_interactive(code, timeout=PATIENCE, output_hook=lambda _: None)["content"]
    return reply


def test_a_cell_that_is_stopped_leaves_the_kernel_and_the_download(kernel: Any, tmp_path: Path) -> None:
    manager, client = kernel
    graph = tk.Graph(tmp_path / "graph")
    with SlowRegistry(IMAGE) as registry:
        reference = f"{registry.host}/teach/slow:1"
        assert said(client, "import toolkit as tk; import toolkit.pulling.pull")["status"] == "ok"
        hold = registry.hold(BIG, len(DATA) // 2)
        message = client.execute(f"tk.pull({reference!r}, {str(graph.layout.root)!r}, progress=None)")
        assert hold.reached.wait(PATIENCE)
        while sum(path.stat().st_size for path in graph.layout.ingest.iterdir()) < hold.after:
            time.sleep(0.01)
        pressed = time.monotonic()
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=PATIENCE))["parent_header"].get("msg_id") != message:
            pass
        assert time.monotonic() - pressed < 1
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "KeyboardInterrupt")
        assert tk.Ledger.load(graph.layout.ledger).pulls["outcome"].tolist() == ["aborted"]
        hold.goes_on.set()
        again = f"assert tk.pull({reference!r}, {str(graph.layout.root)!r}).outcome == 'accepted'"
        assert said(client, again)["status"] == "ok"
        assert [asked for asked, _ in registry.ranges_of(BIG)] == [None, f"bytes={len(DATA) // 2}-"]
