"""Whole pulls of the model's scenarios: their registry, their graph, and what is said, made comparable.

The rule of this file: of a stream only what no two runs have in common is taken out: the order of lines of different
layers, how often the same line is said in a row, and in how many reads a blob came.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import toolkit as tk
from support.places import oracle
from support.scripted_server import Route, ScriptedServer
from toolkit.progress.steps import ProgressSink, Step
from toolkit.sources.static_registry import Answer
from toolkit.views.progress import JsonProgress

BLOBS: dict[str, bytes] = {name: base64.b64decode(text) for name, text in (oracle("blobs_b64.json") or {}).items()}
MESSAGES = ""
"""Where lines stand that are about no layer."""

Told = dict[str, list[str]]
"""Lines by layer, and the messages."""


def route(data: dict[str, Any]) -> Route:
    """An answer of the model's scripted registry."""
    return Route(
        path=data["path"],
        method=data.get("method"),
        status=data.get("status", 200),
        headers=data.get("headers", {}),
        body=BLOBS.get(data.get("body", ""), b""),
        no_length=data.get("no_length", False),
        if_authorization=data.get("if_authorization"),
    )


def prepare(graph: tk.Graph, action: dict[str, Any]) -> None:
    """Do to a graph what was done to the model's before a pull."""
    if action["op"] == "register":
        graph.register_legacy(action["json"].encode(), layer=BLOBS[action["layer"]])
    elif action["op"] == "graph_delete":
        for path in sorted(graph.layout.image(action["id"]).iterdir()):
            path.unlink()
        graph.layout.image(action["id"]).rmdir()
    else:
        path = graph.layout.images / Path(action["path"]).relative_to("graph")
        if action["op"] == "write":
            path.write_text(action["content"])
            path.chmod(0o600)
        else:
            path.unlink()


def pull_step(step: dict[str, Any], host: str, graph: tk.Graph, progress: ProgressSink | None = None) -> str:
    """Run the pull of one step of a scenario; return the error's text, empty for none.

    Where the model had its v1 endpoints on, so have we.
    """
    asked = step["pull"]
    name, auth = asked["image"].replace("{HOST}", host), asked.get("auth", {})
    access = {"username": auth.get("username"), "password": auth.get("password")}
    text = name if not asked["tag"] else f"{name}{'@' if ':' in asked['tag'] else ':'}{asked['tag']}"
    source = tk.open_source(host, legacy=step.get("v2only") is False, **access)
    try:
        tk.pull(text, graph, source=source, policy="docker-1.9", all_tags=not asked["tag"], progress=progress)
    except tk.ToolkitError as error:
        return error.message
    return ""


def by_layer(lines: Iterable[str]) -> Told:
    """Lines by layer, equal ones in a row once; an error line goes to the messages."""
    found: Told = {MESSAGES: []}
    for line in lines:
        document = json.loads(line)
        detail = document.get("progressDetail")
        if document.get("status") != "Downloading" or detail.get("current") == detail.get("total"):
            found.setdefault(MESSAGES if detail is None else document["id"], []).append(line)
    return {about: [line for line, _ in groupby(said)] for about, said in found.items()}


def words(told: Told) -> Told:
    """The same for people: how each line begins, and how far a layer is."""
    return {about: [_word(line) for line in said] for about, said in told.items()}


def _word(line: str) -> str:
    document = json.loads(line)
    current = document.get("progressDetail", {}).get("current")
    text: str = document.get("status") or f"error: {document['error']}"
    return text if current is None else f"{text} {current}"


class Recorded:
    """A listener that keeps the lines Docker 1.9 would have sent.

    Parameters
    ----------
    host : str
        The registry's, which is REGISTRY_HOST in what is kept.
    first : callable, optional
        Called once, with the first step.
    """

    def __init__(self, host: str, first: Callable[[], None] | None = None) -> None:
        self._host = host
        self._buffer = io.StringIO(newline="")
        self._json = JsonProgress(self._buffer)
        self._first = first

    def __call__(self, step: Step) -> None:
        """Take a step."""
        self._json(step)
        if self._first is not None:
            self._first()
            self._first = None

    def error(self, text: str) -> None:
        """Take the error that ended the pull."""
        self._json.error(text)

    @property
    def lines(self) -> list[str]:
        """Every line, or object, in the order it was written."""
        text, decoder, found = self._buffer.getvalue(), json.JSONDecoder(), []
        while text:
            _, end = decoder.raw_decode(text)
            end += 2 if text[end : end + 2] == "\r\n" else 0
            found.append(text[:end].replace(self._host, "REGISTRY_HOST"))
            text = text[end:]
        return found


class GatedServer(ScriptedServer):
    """A scripted registry of which one path is answered only when the gate is open."""

    def __init__(self, path: str, *, method: str = "GET") -> None:
        super().__init__()
        self._path = path
        self._method = method
        self.reached = threading.Event()
        self.gate = threading.Event()

    def gets(self) -> dict[str, int]:
        """How often each blob's bytes were asked for."""
        found: dict[str, int] = {}
        for one in list(self.seen):
            if one.method == "GET" and "/blobs/" in one.target:
                name = one.target.rpartition("/")[2]
                found[name] = found.get(name, 0) + 1
        return found

    def _answer(self, method: str, target: str, headers: Any) -> Answer:
        if method == self._method and target == self._path:
            self.reached.set()
            assert self.gate.wait(30), "nobody opened the gate"
        return super()._answer(method, target, headers)


class Pull(threading.Thread):
    """A pull in a thread of its own, and what became of it."""

    def __init__(self, reference: str, graph: tk.Graph, host: str, *, policy: tk.Policy | str, sink: Any = None) -> None:
        super().__init__()
        self._reference = reference
        self._graph = graph
        self._policy = policy
        self.heard = threading.Event()
        self.recorded = Recorded(host, self.heard.set)
        self._sink = sink or self.recorded
        self.report: tk.Report | None = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Pull."""
        try:
            self.report = tk.pull(self._reference, self._graph, policy=self._policy, progress=self._sink)
        except tk.ToolkitError as error:
            self.error = error
            self.report = error.report
            if self._sink is self.recorded:
                self.recorded.error(error.message)

    def done(self, seconds: float = 20.0) -> Pull:
        """Wait for its end."""
        self.join(seconds)
        assert not self.is_alive(), f"{self._reference} does not end"
        return self

    @property
    def message(self) -> str:
        """The error's text; empty for none."""
        return "" if self.error is None else getattr(self.error, "message", str(self.error))

    @property
    def told(self) -> Told:
        """What it said, by layer."""
        return by_layer(self.recorded.lines)
