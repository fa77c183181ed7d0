"""Workers around reconcile(): what each end of a pass leads to; and the resync."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from deepseek_operator.controller import Controller, resync
from deepseek_operator.errors import Conflict, Waiting
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.queue import KeyQueue
from deepseek_operator.reconcile import Key
from deepseek_operator.report import Outcome
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest
from tests.unit.test_queue import TurnedLoop
from tests.unit.turned import turned_loop

ONE, OTHER = Key("team", "one"), Key("team", "other")
UNCHANGED = Outcome("unchanged", writes=0, generation=1, requeue_seconds=None)
CHANGED = Outcome("changed", writes=2, generation=1, requeue_seconds=None)
REFUSED = ApiError(500, "InternalError", "the server is broken")
SILENT = UnreachableError("GET /: no connection")
BROKEN = RuntimeError("nobody thought of this")


@pytest.fixture
def turned() -> Iterator[TurnedLoop]:
    with turned_loop() as made:
        yield made


@dataclass
class Passes:
    """A reconcile that ends as the test says, pass after pass; at last nothing is left to do."""

    loop: TurnedLoop
    ends: list[Outcome | Exception]
    queue: KeyQueue[Key] = field(default_factory=lambda: KeyQueue(jitter=lambda: 1.0))
    metrics: OperatorMetrics = field(default_factory=OperatorMetrics)
    seen: list[tuple[float, Key]] = field(default_factory=list)
    followed: list[tuple[Key, tuple[str, ...]]] = field(default_factory=list)
    seconds: float = 0.0
    """How long a pass takes."""

    async def reconcile(self, key: Key, _now: datetime) -> Outcome:
        self.seen.append((self.loop.time(), key))
        await asyncio.sleep(self.seconds)
        end = self.ends.pop(0) if self.ends else UNCHANGED
        if isinstance(end, Exception):
            raise end
        return end

    def work(self, *keys: Key, workers: int = 1, seconds: float = 1000.0) -> None:
        """Ask for passes over the keys, and let workers work for so long."""
        controller = Controller(
            queue=self.queue,
            reconcile=self.reconcile,
            metrics=self.metrics,
            follow=lambda key, addresses: self.followed.append((key, addresses)),
        )

        async def for_a_while() -> None:
            for key in keys:
                self.queue.add(key)
            await _for_a_while([controller.work] * workers, seconds=seconds)

        self.loop.run_until_complete(for_a_while())

    def times(self, key: Key = ONE) -> list[float]:
        return [at for at, seen in self.seen if seen == key]

    def count(self, result: str) -> float | None:
        name = "deepseek_operator_reconcile_passes_total"
        return self.metrics.registry.get_sample_value(name, {"result": result})


async def _for_a_while(parts: list[Callable[[], Awaitable[None]]], *, seconds: float) -> None:
    tasks = [asyncio.ensure_future(part()) for part in parts]
    await asyncio.sleep(seconds)
    ended = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert not ended, "a part ended by itself"


@pytest.mark.parametrize(
    ("end", "result", "times"),
    [
        pytest.param(UNCHANGED, "unchanged", [0], id="nothing-to-do"),
        pytest.param(CHANGED, "changed", [0], id="done"),
        pytest.param(
            Outcome("changed", 1, 1, requeue_seconds=10.0), "changed", [0, 10], id="again"
        ),
        pytest.param(Outcome("recorded", 1, 1, requeue_seconds=0.0), "recorded", [0, 0], id="on"),
        pytest.param(Conflict("was first"), "conflict", [0, 0.5], id="conflict"),
        pytest.param(Waiting("not yet", after_seconds=7), "conflict", [0, 7], id="waiting"),
        pytest.param(REFUSED, "failed", [0, 0.5], id="refused"),
        pytest.param(SILENT, "failed", [0, 0.5], id="no-answer"),
        pytest.param(BROKEN, "failed", [0, 0.5], id="not-thought-of"),
    ],
)
def test_how_a_pass_ends_says_when_the_next_one_comes(
    turned: TurnedLoop, end: Outcome | Exception, result: str, times: list[float]
) -> None:
    passes = Passes(turned, [end])

    passes.work(ONE)

    assert times == passes.times()
    assert passes.count(result) == 1


@pytest.mark.parametrize("error", [Conflict("was first"), REFUSED, SILENT, BROKEN])
def test_what_goes_wrong_again_and_again_is_tried_ever_less_often(
    turned: TurnedLoop, error: Exception
) -> None:
    passes = Passes(turned, [error] * 4)

    passes.work(ONE)

    assert passes.times() == [0, 0.5, 1.5, 3.5, 7.5]


def test_where_a_request_wakes_it_is_told_after_each_pass(turned: TurnedLoop) -> None:
    asleep = Outcome("recorded", 1, 1, requeue_seconds=15.0, asleep_at=("10.0.0.1",))
    passes = Passes(turned, [asleep, REFUSED, UNCHANGED])

    passes.work(ONE)

    # One that fails says nothing of it.
    assert passes.followed == [(ONE, ("10.0.0.1",)), (ONE, ())]


def test_what_a_pass_leaves_of_a_run_is_told(turned: TurnedLoop) -> None:
    told = {"phase": "Held", "reason": "NoData", "weight": 5}
    run = {"run": "1-new", "stable": "old", "candidate": "new", **told}
    passes = Passes(turned, [Outcome("recorded", 1, 1, None, {"rollout": run}, 0.8)])

    passes.work(ONE)

    one = {"namespace": "team", "name": "one"}
    value = passes.metrics.registry.get_sample_value
    assert (
        value("deepseek_operator_rollout_phase", {**one, "phase": "Held", "reason": "NoData"}) == 1
    )
    assert value("deepseek_operator_first_token_target_seconds", one) == 0.8


def test_what_a_pass_decided_of_replicas_is_told(turned: TurnedLoop) -> None:
    bounds = {"min": 1, "max": 8}
    scaled = {"revision": "new", "replicas": 3, "needed": "2.41", "reason": "Use", **bounds}
    passes = Passes(turned, [Outcome("recorded", 1, 1, None, {"autoscaling": [scaled]})])

    passes.work(ONE)

    labels = {"namespace": "team", "name": "one", "revision": "new"}
    name = "deepseek_operator_autoscaling_replicas"
    assert passes.metrics.registry.get_sample_value(name, labels) == 3


def test_a_pass_that_succeeds_starts_the_back_off_anew(turned: TurnedLoop) -> None:
    again = Outcome("changed", 1, 1, requeue_seconds=10.0)
    passes = Passes(turned, [REFUSED, REFUSED, again, REFUSED])

    passes.work(ONE)

    assert passes.times() == [0, 0.5, 1.5, 11.5, 12]


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
def test_one_objects_trouble_does_not_stop_the_others(turned: TurnedLoop, error: Exception) -> None:
    passes = Passes(turned, [error])

    passes.work(ONE, OTHER)

    assert passes.times(OTHER) == [0]


def test_a_slow_pass_holds_up_no_other_object_while_there_are_workers(turned: TurnedLoop) -> None:
    passes = Passes(turned, [], seconds=100)

    passes.work(ONE, OTHER, workers=2)

    assert (passes.times(ONE), passes.times(OTHER)) == ([0], [0])


def test_an_object_is_in_one_workers_hands_at_a_time(turned: TurnedLoop) -> None:
    passes = Passes(turned, [], seconds=100)
    turned.call_later(1, passes.queue.add, ONE)

    passes.work(ONE, workers=2)

    assert passes.times() == [0, 100]


@pytest.mark.parametrize(
    ("end", "level", "traced"),
    [
        pytest.param(UNCHANGED, logging.DEBUG, False, id="nothing-to-do"),
        pytest.param(CHANGED, logging.INFO, False, id="done"),
        pytest.param(REFUSED, logging.ERROR, False, id="refused"),
        pytest.param(BROKEN, logging.ERROR, True, id="not-thought-of"),
    ],
)
def test_the_log_names_the_object_and_traces_only_what_nobody_thought_of(
    turned: TurnedLoop,
    caplog: pytest.LogCaptureFixture,
    end: Outcome | Exception,
    level: int,
    *,
    traced: bool,
) -> None:
    caplog.set_level(logging.DEBUG, logger="deepseek_operator.controller")

    Passes(turned, [end]).work(ONE, seconds=0.1)

    [record] = caplog.records
    assert record.levelno == level
    assert vars(record)["key"] == "team/one"
    assert traced is bool(record.exc_info)


def put(api: FakeApi, namespace: str, name: str) -> None:
    path = f"/apis/serving.deepseek.dev/v1alpha1/namespaces/{namespace}/deepseekdeployments"
    made: Manifest = {"kind": "DeepSeekDeployment"}
    api.put(f"{path}/{name}", {**made, "metadata": {"name": name, "namespace": namespace}})


@dataclass
class Resyncs:
    """A resync every 100 s, and when which keys came of it."""

    loop: TurnedLoop
    api: FakeApi
    namespaces: tuple[str, ...] = ("team",)
    came: list[tuple[float, str]] = field(default_factory=list)
    known: tuple[Key, ...] = ()

    def work(self, *, seconds: float, jitter: float = 0.5) -> list[tuple[float, str]]:
        queue: KeyQueue[Key] = KeyQueue()

        async def heal() -> None:
            await resync(
                self.api.kube(), queue, namespaces=self.namespaces, period_seconds=100,
                known=lambda: self.known, jitter=lambda: jitter,
            )  # fmt: skip

        async def note() -> None:
            while (key := await queue.take()) is not None:
                self.came.append((self.loop.time(), str(key)))
                queue.done(key)

        self.loop.run_until_complete(_for_a_while([heal, note], seconds=seconds))
        return self.came


def test_every_object_gets_a_pass_at_the_start_and_then_each_period(turned: TurnedLoop) -> None:
    api = FakeApi(page_size=1)
    put(api, "team", "one")
    put(api, "team", "other")

    came = Resyncs(turned, api).work(seconds=150)

    assert came == [(0, "team/one"), (0, "team/other"), (100, "team/one"), (100, "team/other")]


@pytest.mark.parametrize(
    ("namespaces", "names"),
    [
        pytest.param((), ["a/x", "b/x", "c/x"], id="whole-cluster"),
        pytest.param(("a", "c"), ["a/x", "c/x"], id="some"),
    ],
)
def test_the_resync_looks_where_the_operator_watches(
    turned: TurnedLoop, namespaces: tuple[str, ...], names: list[str]
) -> None:
    api = FakeApi()
    for namespace in "abc":
        put(api, namespace, "x")

    came = Resyncs(turned, api, namespaces).work(seconds=10)

    assert names == [name for _, name in came]


@pytest.mark.parametrize("fault", ["before", "500"])
def test_a_list_that_fails_is_asked_for_again_soon(turned: TurnedLoop, fault: str) -> None:
    api = FakeApi(fault=lambda call: fault if call.number < 2 else None)
    put(api, "team", "one")

    came = Resyncs(turned, api).work(seconds=20)

    assert came == [(10, "team/one")]


def test_an_object_that_is_known_and_not_there_any_more_gets_a_pass_too(turned: TurnedLoop) -> None:
    """The watch may have missed that it was deleted."""
    api = FakeApi()
    put(api, "team", "one")

    came = Resyncs(turned, api, known=(ONE, OTHER)).work(seconds=50)

    assert sorted(came) == [(0, "team/one"), (0, "team/other")]


@pytest.mark.parametrize("fault", ["before", "500"])
def test_a_list_that_fails_says_of_no_object_that_it_is_gone(
    turned: TurnedLoop, fault: str
) -> None:
    api = FakeApi(fault=lambda _call: fault)

    assert Resyncs(turned, api, known=(ONE,)).work(seconds=50) == []


@pytest.mark.parametrize(("jitter", "at"), [(0.0, 90), (1.0, 110)])
def test_resyncs_of_many_operators_spread(turned: TurnedLoop, jitter: float, at: float) -> None:
    api = FakeApi()
    put(api, "team", "one")

    came = Resyncs(turned, api).work(seconds=150, jitter=jitter)

    assert [time for time, _ in came] == [0, pytest.approx(at)]
