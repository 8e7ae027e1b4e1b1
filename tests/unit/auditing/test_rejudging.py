"""A whole ledger judged again, and where another policy would have decided differently."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.auditing.differences import KEYS, differences
from toolkit.auditing.rejudging import Rejudged
from toolkit.records import TABLES
from toolkit.simulator import teaching_registry
from toolkit.sources.protocol import Source


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tk.Graph:
    """A graph into which the whole teaching registry was pulled, lies included, under both policies."""
    graph = tk.Graph(tmp_path_factory.mktemp("everything") / "graph")
    registry = teaching_registry()
    for repository, tags in registry.manifests.items():
        for tag in tags:
            for policy in ("strict", "docker-1.9"):
                with contextlib.suppress(tk.ToolkitError):
                    tk.pull(f"{repository}:{tag}", graph, source=registry, policy=policy)
            tk.inspect(f"{repository}:{tag}", graph=graph, source=registry)
    return graph


def test_the_same_policy_decides_the_same(everything: tk.Graph) -> None:
    again = tk.rejudge(everything)
    assert again.skipped == {}
    assert again.differences.empty
    assert len(again.after.pulls_in_order()) == len(again.before.pulls_in_order()) > 50
    assert "every decision is the same" in repr(again)


def test_the_frames_of_decisions_are_equal(everything: tk.Graph) -> None:
    again = tk.rejudge(everything)
    for table in KEYS:
        first, second = (one.frame(table).drop(columns=["seq", "at"]) for one in (again.before, again.after))
        assert (
            first.sort_values(["pull", "image"], kind="stable")
            .reset_index(drop=True)
            .equals(second.sort_values(["pull", "image"], kind="stable").reset_index(drop=True))
        ), table


def test_what_docker_would_have_said(everything: tk.Graph) -> None:
    again = tk.rejudge(everything, policy="docker-1.9")
    changed = again.differences
    outcomes = changed[(changed["table"] == "pulls") & (changed["column"] == "outcome")]
    assert set(outcomes["before"]) == {"rejected"}
    assert set(outcomes["after"]) == {"accepted"}
    assert "teach/tampered:layer-dropped" in set(outcomes["image"])
    assert "values of" in repr(again)


def test_a_row_only_one_side_has_is_a_difference(everything: tk.Graph) -> None:
    again = tk.rejudge(everything)
    nothing = differences(again.before, tk.Ledger())
    assert set(nothing["column"]) == {"(row)"}
    assert nothing["after"].isna().all()
    assert differences(tk.Ledger(), again.before)["before"].isna().all()


def test_every_table_of_decisions_has_its_key() -> None:
    for table, names in KEYS.items():
        assert set(names) <= set(TABLES[table].__dataclass_fields__)


def test_a_call_whose_evidence_is_gone_is_named(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    (graph.layout.root / "blobs" / "sha256" / report.manifests["evidence"].iloc[0][7:]).unlink()
    again = tk.rejudge(graph)
    assert list(again.skipped) == [report.call]
    assert "no bytes are kept" in again.skipped[report.call]
    assert again.differences.empty
    assert "1 could not be judged again" in repr(again)


def test_a_call_that_was_stopped_is_named(graph: tk.Graph, teaching: Source) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tk.pull("teach/clean:1", graph, source=teaching, progress=stop)
    assert list(tk.rejudge(graph).skipped.values()) == ["it was stopped before it could decide"]


@pytest.mark.parametrize("given", ["graph", "path", "ledger", "loaded"])
def test_what_is_judged_again_may_be_given_in_any_form(graph: tk.Graph, teaching: Source, given: str) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    forms: dict[str, tk.Graph | tk.Ledger | Path] = {
        "graph": graph,
        "path": graph.layout.root,
        "ledger": tk.Ledger.load(graph.layout.ledger),
    }
    again = tk.rejudge(forms[given]) if given in forms else tk.rejudge(tk.Ledger.load(graph.layout.ledger), graph=graph)
    assert isinstance(again, Rejudged)
    assert again.differences.empty
    assert not again.skipped


def test_one_report_gives_one_report(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    assert tk.rejudge(report).image_id == report.image_id
    loaded = tk.Report(tk.Ledger.load(graph.layout.ledger), report.call)
    assert tk.rejudge(loaded, graph=graph).image_id == report.image_id


def test_a_ledger_that_is_in_no_graph_needs_to_be_told_where_the_evidence_is(graph: tk.Graph, teaching: Source) -> None:
    ledger = tk.Ledger()
    tk.pull("teach/clean:1", graph, source=teaching, ledger=ledger)
    assert next(iter(tk.rejudge(ledger).skipped.values())).startswith("no bytes are kept")
    assert tk.rejudge(ledger, graph=graph).differences.empty
