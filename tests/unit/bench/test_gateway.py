"""The figures of the gateway's bench, from given measurements, and that it runs."""

import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bench.gateway import __main__ as program
from bench.gateway import lasting, loading, machine, measured, ours, report, rounds
from bench.gateway.contenders import BARE, DIRECT, OURS, Contender
from bench.gateway.fake_api import FakeApi
from bench.gateway.loading import Load, Seen, Spread
from bench.gateway.machine import NotAvailableError
from bench.gateway.measured import (
    FULL,
    PLAIN,
    SCENES,
    STREAMS,
    Changes,
    Memory,
    Run,
    Runs,
    Sustained,
)
from bench.gateway.ours import NEW, OLD
from bench.gateway.report import Findings
from deepseek_serving.gateway import document
from dev import tools

QUICK = Spread(1.0, 2.0, 3.0)
LOAD = Load(1000, 1000, 64_000, {}, 1.0, QUICK, QUICK, QUICK)


def run(cpu_seconds: float, **changes: Any) -> Run:
    return Run(replace(LOAD, **changes), cpu_seconds, 50.0, 0.0)


def later(by: float) -> Spread:
    return Spread(QUICK.p50 + by, QUICK.p99 + 2 * by, QUICK.most)


def test_a_request_costs_its_part_of_the_proxys_time() -> None:
    assert run(0.25).per_request == pytest.approx(0.25)
    assert run(0.64).per_thousand_chunks == pytest.approx(10.0)


def test_streams_are_told_by_chunk() -> None:
    assert measured.cost(STREAMS)(run(0.64)) == pytest.approx(10.0)
    assert measured.cost(PLAIN)(run(0.64)) == pytest.approx(0.64)


def test_proxies_are_compared_within_rounds() -> None:
    runs = {"a": [run(1.0), run(4.0)], "b": [run(0.5), run(2.0)]}

    found = measured.beside(runs, "a", "b", PLAIN)

    assert found is not None
    assert (found.low, found.middle, found.high) == pytest.approx((2.0, 2.0, 2.0))


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param({"a": [run(1.0)]}, id="not-there"),
        pytest.param({"a": [run(1.0)], "b": [run(1.0, served=0)]}, id="served-nothing"),
    ],
)
def test_there_is_no_ratio_to_what_there_is_not(runs: Runs) -> None:
    assert measured.beside(runs, "a", "b", PLAIN) is None


def test_what_a_proxy_adds_is_told_against_the_load_alone() -> None:
    runs = {"proxy": [run(1, took=later(0.5)), run(1, took=later(1.5))], "none": [run(0)] * 2}

    found = measured.added(
        runs, "proxy", "none", lambda one: (one.load.took.p50, one.load.took.p99)
    )

    assert found == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize(
    ("served", "scene", "overloaded"),
    [
        pytest.param(1000, PLAIN, False, id="all"),
        pytest.param(980, PLAIN, True, id="fell-behind"),
        pytest.param(980, FULL, False, id="nothing-was-offered"),
    ],
)
def test_who_falls_behind_is_overloaded(
    served: int, scene: measured.Scene, *, overloaded: bool
) -> None:
    assert measured.is_overloaded(run(1.0, served=served), scene) is overloaded


def test_a_rate_is_what_was_served_of_what_was_offered() -> None:
    assert run(1.0, served=500, seconds=7.0).rate(1000.0) == 500.0
    assert run(1.0, seconds=2.0).rate(0.0) == 500.0


def test_memory_is_told_by_its_growth_and_its_slope() -> None:
    memory = Memory((1_000_000, 2_000_000, 3_000_000), (100.0, 101.0, 102.0), 0)

    assert memory.growth == pytest.approx(1.02)
    assert memory.kib_per_million == pytest.approx(1024.0)


@pytest.mark.parametrize(
    ("left", "milliseconds"),
    [pytest.param(OLD, 7.0, id="two-pods"), pytest.param(NEW, 0.0, id="none-since")],
)
def test_a_change_has_its_effect_with_the_last_request_to_the_revision_that_is_left(
    left: str, milliseconds: float
) -> None:
    seen = {1: Seen(5, 103_000_000), 2: Seen(5, 107_000_000), 3: Seen(5, 99_000_000)}

    assert lasting.effect_ms(seen, (1, 2, 3), left, began=100_000_000) == milliseconds


def test_time_of_interrupts_belongs_to_nobody() -> None:
    stat = "cpu  100 20 30 4000 50 600 700 80 0 0\ncpu0 1 1 1 1\n"

    assert machine.busy_seconds(stat, ticks_per_second=100) == pytest.approx(1.5)


def test_a_process_that_is_gone_uses_nothing() -> None:
    assert machine.usage([2**22 + 1]).cpu_seconds == 0


def test_what_cannot_be_had_is_told_and_not_left_out() -> None:
    def missing() -> Contender:
        raise NotAvailableError("no such package")

    found, why = rounds.available({"absent": missing, "direct": program.MAKERS["direct"]})

    assert [one.name for one in found] == [DIRECT]
    assert why == {"absent": "not available: no such package"}
    assert "| absent | not available: no such package |" in report.scene_table(PLAIN, {}, why)


def findings(
    *, cpu: float = 1.0, failed: int = 0, grown: float = 100.0, effect: float = 5.0
) -> Findings:
    runs = {DIRECT: [run(0.0)], BARE: [run(1.0)] * 2, OURS: [run(cpu)] * 2}
    runs[DIRECT] = [run(0.0)] * 2
    lost = replace(LOAD, failed={"cut": failed} if failed else {})
    return Findings(
        scenes={scene.name: runs for scene in SCENES},
        versions={BARE: "1.40.0"},
        missing={},
        changes=Changes((effect, 2.0), (8.0, 9.0), lost, LOAD),
        sustained=Sustained(lost, 0.3),
        memory=Memory((1000, 2000), (100.0, grown), failed),
    )


def test_all_goals_may_be_met() -> None:
    text = report.report(findings(cpu=1.2), rounds=2)

    assert "| bare Envoy | 1.20 (1.20 to 1.20): yes |" in text
    assert "**no**" not in text
    assert "| LiteLLM proxy | not measured |" in text


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        pytest.param({"cpu": 1.3}, "| bare Envoy | 1.30 (1.30 to 1.30): **no** |", id="cpu"),
        pytest.param({"failed": 1}, "1 of 1,000; 0.30 cores used | 0 | **no** |", id="failed"),
        pytest.param(
            {"failed": 1}, "requests and streams lost | 1 of 2,000 | 0 | **no** |", id="lost"
        ),
        pytest.param({"grown": 106.0}, "1.060 (100.0 to 106.0 MiB;", id="grown"),
        pytest.param({"effect": 1200.0}, "| 601 / 1,200 | < 1,000 | **no** |", id="late"),
    ],
)
def test_a_goal_that_is_missed_says_so(changes: dict[str, Any], row: str) -> None:
    text = report.report(findings(**changes), rounds=2)

    assert row in text
    assert "**no**" in text


def test_a_proxy_that_fell_behind_has_no_latency() -> None:
    runs = {DIRECT: [run(0.0)], "slow": [run(5.0, served=100, failed={"unfinished": 900})]}

    table = report.scene_table(PLAIN, runs, {})

    assert "| slow | 50 |  | overloaded |  | 100 | 900 unfinished | 50 |" in table


def test_a_proxy_that_served_nothing_has_neither_latency_nor_cost() -> None:
    runs = {DIRECT: [run(0.0)], BARE: [run(1.0)], "dead": [run(5.0, served=0, chunks=0)]}

    table = report.scene_table(STREAMS, runs, {})

    assert "| dead | never |  | nothing served |" in table


def test_noise_is_told() -> None:
    noisy = replace(run(1.0), foreign_cores=0.5)

    text = report.noise({"plain": {"a": [run(1.0), noisy, noisy]}})

    assert text.startswith(
        "CPU of others during a run, cores: 0.50 at the median, 0.50 at most; 2 of 3"
    )


def test_the_gateway_is_told_what_an_operator_tells_in_mid_rollout() -> None:
    told = document.parse(json.dumps(ours.document({OLD: 90, NEW: 10})))

    assert [(route.revision, route.weight, route.then) for route in told.routes] == [
        (OLD, 90, ()), (NEW, 10, (OLD,)),
    ]  # fmt: skip
    assert told.replicas == {OLD: 2, NEW: 1}


def test_each_document_has_a_version_of_its_own() -> None:
    assert ours.document({OLD: 100})["version"] != ours.document({NEW: 100})["version"]


async def test_the_fake_api_lists_and_then_tells_each_change() -> None:
    api = FakeApi([ours.slice_of(OLD, "old-0", 8000)], {"version": "a"})
    with api.served() as url:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/apis/discovery.k8s.io/v1/x/endpointslices") as listed:
                slices = await listed.json()
            async with session.get(f"{url}/api/v1/x/configmaps") as listed:
                maps = await listed.json()
            version = maps["metadata"]["resourceVersion"]
            query = {"watch": "true", "resourceVersion": version}
            async with session.get(f"{url}/api/v1/x/configmaps", params=query) as watched:
                api.tell({"version": "b"})
                event = json.loads(await watched.content.readline())

    assert [item["metadata"]["name"] for item in slices["items"]] == ["old-0"]
    assert maps["items"][0]["data"] == {"gateway.json": '{"version": "a"}'}
    assert event["type"] == "MODIFIED"
    assert event["object"]["data"] == {"gateway.json": '{"version": "b"}'}


def test_quick_is_one_round() -> None:
    assert program.parse(["--quick"]).rounds == 1
    assert program.parse(["--rounds=7"]).rounds == 7


def test_what_is_chosen_is_among_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.parse(["--only=bare,ours", "--scenes=full"]).only == ["bare", "ours"]
    with pytest.raises(SystemExit):
        program.parse(["--only=bare,hers"])
    assert "hers is none of them" in capsys.readouterr().err


def test_it_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    tools.install([loading.PROGRAM])
    arguments = ["--only=direct,bare,ours", "--scenes=plain", "--rounds=1", "--seconds=0.1"]

    assert (
        program.main([*arguments, "--noise=9", "--changes=2", "--hold=0.1", "--requests=50"]) == 0
    )

    out = capsys.readouterr().out
    assert out.count(f"| {OURS} |") == 1
    assert "2 changes of all weight: requests and streams lost |" in out
