"""Every notebook in a real browser: JupyterLab runs it, nothing fails, nothing leaves the machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Route, sync_playwright
from support.places import PROJECT
from support.ports import free_port
from support.real import need

pytestmark = pytest.mark.browser

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS: Final = {
    "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # else cells off the screen are not in the page
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
SHOTS: Final = PROJECT / ".cache" / "screenshots"
NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
LOCAL: Final = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on loopback, over a copy of notebooks and data."""
    need("chromium")
    home = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data"):
        shutil.copytree(PROJECT / name, home / "work" / name)
    (home / "config" / "labconfig").mkdir(parents=True)
    (home / "config" / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    port = free_port()
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "spaces"}
    environment = {**os.environ, **{name: str(home / folder) for name, folder in places.items()}}
    environment |= {"JUPYTER_RUNTIME_DIR": str(home / "run"), "IPYTHONDIR": str(home / "ipython")}
    command = [
        *(sys.executable, "-m", "jupyterlab", f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root"),
        *("--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True"),
        "--LabApp.expose_app_in_browser=True",
    ]
    with (home / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home / "work", env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/api/status", process, home / "lab.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, timeout=2, trust_env=False)
            return
        time.sleep(0.2)
    pytest.fail("JupyterLab did not come up")


class Watched:
    """A page, what it asked of others, and what its console said."""

    def __init__(self, context: BrowserContext) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        context.route("**/*", self._gate)
        self.page: Page = context.pages[0] if context.pages else context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def _gate(self, route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Debian's Chromium with a new profile."""
    need("chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1280, "height": 1000}
        )
        try:
            yield Watched(context)
        finally:
            context.close()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_the_browser(notebook: Path, lab: str, watched: Watched) -> None:
    name = f"notebooks/{notebook.name}"
    session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    httpx.post(f"{lab}/api/sessions", json=session, timeout=60, trust_env=False).raise_for_status()
    page = watched.page
    page.goto(f"{lab}/lab/workspaces/{notebook.stem}/tree/{name}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
    page.wait_for_function(
        "() => { const k = document.querySelector('.jp-KernelName'); return k && !/No Kernel/.test(k.textContent)"
        " && document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]') }",
        timeout=120_000,
    )
    page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{notebook.stem}.png")
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator(".jp-RenderedImage img").count() == _stored(notebook, "image/png")
    assert page.locator(".jp-OutputArea-output table").count() >= _stored(notebook, "text/html")
    assert watched.outside == []
    assert [text for text in watched.errors if "favicon" not in text] == []


def _stored(notebook: Path, kind: str) -> int:
    document: dict[str, Any] = json.loads(notebook.read_text())
    return sum(kind in output.get("data", {}) for cell in document["cells"] for output in cell.get("outputs", []))
