"""What warm-ups measured beside what a replica was sized with: told, and never followed by itself."""

from typing import Any

import pytest

from deepseek_operator import derivation, measured
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog import catalog
from deepseek_operator.engines.figures import Engine, Stretch
from deepseek_operator.sizing import roofline
from deepseek_operator.sizing.size import Sized
from deepseek_serving.warmup import plan as warmup_plan
from deepseek_serving.warmup.spec import WarmupSpec
from tests.unit.capacity import machines
from tests.unit.samples import Manifest, deepseek
from tests.unit.world import served

KEY = "0123456789"
QWEN: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "source": "pvc://qwen",
    "accelerator": {"product": "NVIDIA-L40S"},
}
V3: Manifest = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H200"}}


def sized_of(spec: Manifest) -> Sized:
    block = ServingBlock(**spec)
    found = derivation.derive(block, catalog=catalog.shipped(), field="spec", rdma=False).sized
    assert found is not None
    return found


def sizing_of(spec: Manifest) -> Manifest:
    return {"revision": KEY, **derivation.frozen(derivation.Derived(sized_of(spec)))}


def warmed(pod: str = "a", key: str = KEY, **times: int | None) -> Manifest:
    """A pod's warm-up: milliseconds between tokens by how many there were at once, as x64=70."""
    figures = [
        {"name": f"concurrency-{name[1:]}", "warmFirstToken": 9, "warmNextToken": time}
        for name, time in times.items()
    ]
    return {"pod": pod, "revision": key, "figures": figures}


def slower(spec: Manifest, sequences: int, times: float) -> int:
    """Milliseconds of so many times as long as computed."""
    return round(1000 * times * measured.seconds(sized_of(spec), sequences))


def found_of(spec: Manifest, *warmups: Manifest) -> Manifest | None:
    return measured.entry(sizing_of(spec), ServingBlock(**spec), warmups, catalog=catalog.shipped())


def test_a_warm_ups_requests_are_the_ones_that_are_computed() -> None:
    spec = WarmupSpec(
        engine="vllm", model="chat", max_concurrent_sequences=8, max_batched_tokens=99
    )
    groups = warmup_plan.concurrency_ladder(spec)

    assert [group.name for group in groups] == [f"concurrency-{n}" for n in (1, 2, 4, 8)]
    assert (measured.PROMPT_TOKENS, measured.ANSWER_TOKENS) == (
        warmup_plan.DECODE_PROMPT_TOKENS,
        warmup_plan.DECODE_TOKENS,
    )
    costs = roofline.costs_of(sized_of(V3).setting)
    # Of eight ranks each computes its part, and attends to half the answer on average.
    assert measured.seconds(sized_of(V3), 512) == roofline.decode_step(costs, 64, 48)


def test_the_most_at_once_speak_of_the_replica_and_the_median_of_its_pods() -> None:
    slow = slower(QWEN, 128, 1.5)

    found = found_of(
        QWEN,
        warmed("a", x1=900, x128=slow),
        warmed("b", x128=slow + 40),
        warmed("c", x1=1, x128=slow - 9),
        # Another revision's, one that failed, and more than are computed at once.
        warmed("d", key="abcdef0123", x128=1),
        {**warmed("e", x128=1), "failure": "Stalled: no answer"},
        warmed("f", x512=1),
    )

    assert found is not None
    assert (found["sequences"], found["milliseconds"]) == (128, slow)
    assert found["computedMilliseconds"] == slower(QWEN, 128, 1)
    assert float(found["ratio"]) == pytest.approx(1.5, abs=0.06)


@pytest.mark.parametrize(("times", "fewer"), [(1.6, True), (0.7, False)], ids=["slow", "fast"])
def test_what_a_new_revision_would_be_given_is_told_with_how_to_have_it(
    times: float, *, fewer: bool
) -> None:
    before = sized_of(QWEN).limits.sequences

    found = found_of(QWEN, warmed(x128=slower(QWEN, 128, times)))

    assert found is not None
    said = found["message"]
    after = int(said.partition("sized with that it would run ")[2].split()[0])
    assert (after < before) is fewer
    assert f"{after} sequences at once, not {before}, and do " in said
    assert ": set accelerator.decodeTimes to " in said
    assert said.endswith(", and a rollout brings it")
    # What it says is what comes of it.
    ratio = float(said.partition("decodeTimes to ")[2].partition(",")[0])
    sized = sized_of({**QWEN, "accelerator": {**QWEN["accelerator"], "decodeTimes": ratio}})
    assert sized.limits.sequences == after
    assert f"do {sized.pace.requests_per_second:.3g} requests/s" in said


def test_another_layout_that_would_follow_is_told() -> None:
    spec = {**QWEN, "batching": {"maxConcurrentSequences": 128}}

    found = found_of(spec, warmed(x128=slower(spec, 128, 3)))

    assert found is not None
    assert found["message"].startswith("sized with that it would be TP4, not 1 GPU, and do ")


def test_what_it_was_sized_with_is_in_what_was_computed() -> None:
    spec = {**QWEN, "accelerator": {**QWEN["accelerator"], "decodeTimes": 1.5}}
    as_computed, slower_yet = (
        found_of(spec, warmed(x64=slower(spec, 64, times))) for times in (1, 1.4)
    )

    assert as_computed is not None
    assert slower_yet is not None
    assert as_computed["message"] == "about as computed"
    ratio = float(slower_yet["message"].partition("decodeTimes to ")[2].partition(",")[0])
    assert ratio == pytest.approx(2.1, abs=0.06)


@pytest.mark.parametrize("times", [1.06, 0.94])
def test_a_warm_up_is_a_few_rounds_and_near_is_equal(times: float) -> None:
    found = found_of(QWEN, warmed(x128=slower(QWEN, 128, times)))

    assert found is not None
    assert found["message"] == "about as computed"


def test_what_cannot_be_is_told_and_nothing_made_of_it() -> None:
    found = found_of(QWEN, warmed(x128=slower(QWEN, 128, 30)))

    assert found is not None
    assert found["message"] == "too far from what is computed to be sized with"


def test_a_limit_that_is_set_stays_and_its_pace_is_told() -> None:
    accelerator = {**QWEN["accelerator"], "count": 1}
    spec = {**QWEN, "accelerator": accelerator, "batching": {"maxConcurrentSequences": 128}}

    found = found_of(spec, warmed(x128=slower(spec, 128, 3)))

    assert found is not None
    assert found["message"].startswith("sized with that it would have the same limits, and do ")
    assert "missed then: workload.timePerOutputToken: " in found["message"]


@pytest.mark.parametrize(
    "warmups",
    [
        pytest.param((), id="nobody-warmed-up"),
        pytest.param((warmed(key="abcdef0123", x128=70),), id="another-revision"),
        pytest.param((warmed(),), id="no-figures"),
        pytest.param((warmed(x128=None),), id="no-time-between-tokens"),
        pytest.param(({"pod": "a", "revision": KEY},), id="nothing-kept"),
    ],
)
def test_without_figures_nothing_is_told(warmups: tuple[Manifest, ...]) -> None:
    assert found_of(QWEN, *warmups) is None


def test_what_was_sized_otherwise_is_not_compared() -> None:
    sizing = sizing_of(QWEN)
    older = {
        **sizing,
        "values": [
            {**one, "value": "17"} if one["name"] == "maxConcurrentSequences" else one
            for one in sizing["values"]
        ],
    }

    assert (
        measured.entry(older, ServingBlock(**QWEN), [warmed(x128=70)], catalog=catalog.shipped())
        is None
    )


@pytest.mark.parametrize(
    "sizing", [{}, {"sizing": {"revision": KEY, "notDerived": "it is a CPU"}}], ids=["none", "cpu"]
)
def test_a_status_without_values_stays_as_it_is(sizing: Manifest) -> None:
    status = {**sizing, "warmup": [warmed(x128=70)]}

    assert measured.told(status, ServingBlock(**QWEN), catalog=catalog.shipped()) is status


def test_what_is_measured_stands_in_status_and_changes_no_pod() -> None:
    world = served(deepseek(**QWEN))
    key = world.stored["sizing"]["revision"]
    assert "measured" not in world.stored["sizing"]
    slow = slower(QWEN, 128, 1.6)
    world.stored["warmup"] = [
        {"at": "2026-03-01T12:00:00Z", "seconds": 9, "requests": 99, **warmed(key=key, x128=slow)}
    ]

    plan = world.plan(deepseek(**QWEN))

    found: dict[str, Any] = plan.status["sizing"]["measured"]
    assert (found["sequences"], found["milliseconds"]) == (128, slow)
    assert [write for write in world.writes(plan) if write != "status"] == []


def test_where_the_nodes_decided_it_is_reckoned_with_those_that_there_were() -> None:
    """Their product and their size are frozen; what the catalog has of machines is another layout."""
    block = ServingBlock(model="DeepSeek-V3")
    there = machines.cluster(
        *(machines.node(name, labels=machines.H100, gpus=4) for name in "abcd")
    )
    derived = derivation.derive(
        block, catalog=catalog.shipped(), field="spec", rdma=False, cluster=there
    )
    assert derived.sized is not None
    slow = round(1500 * measured.seconds(derived.sized, 4))

    found = measured.entry(
        {"revision": KEY, **derivation.frozen(derived)},
        block,
        [warmed(x4=slow)],
        catalog=catalog.shipped(),
    )

    assert found is not None
    assert float(found["ratio"]) == pytest.approx(1.5, abs=0.1)


def users(spec: Manifest, part: float, times: float, *, key: str = KEY, pod: str = "a") -> Engine:
    """An engine that decodes for a part of what it may, so many times as slowly as computed."""
    sized = sized_of(spec)
    sequences = part * sized.layout.data * sized.limits.running
    costs = roofline.costs_of(sized.setting)
    pace = roofline.pace(costs, sized.question.workload, round(sequences / sized.layout.data))
    step = times * pace.time_per_output_token * costs.step_tokens
    return Engine(pod, key, is_ready=True, stretch=Stretch(sequences, step))


@pytest.mark.parametrize("spec", [QWEN, V3], ids=["one-gpu", "ranks"])
def test_users_requests_tell_a_ratio_of_the_replicas_that_are_busy(spec: Manifest) -> None:
    engines = [
        users(spec, 0.9, 1.3),
        users(spec, 0.9, 1.3, pod="b"),
        users(spec, 0.9, 4.0, pod="c"),
        # Hardly anything to do, and without two pages.
        users(spec, 0.3, 9.0, pod="d"),
        Engine("e", KEY, is_ready=True),
    ]

    found = measured.live(sized_of(spec), engines)

    assert found is not None
    assert float(found["ratio"]) == pytest.approx(1.3, abs=0.02)
    assert found["milliseconds"] == pytest.approx(1.3 * found["computedMilliseconds"], rel=0.05)


def test_replicas_that_are_not_busy_tell_nothing() -> None:
    assert measured.live(sized_of(QWEN), [users(QWEN, 0.5, 2.0)]) is None


@pytest.mark.parametrize(
    ("before", "key", "times", "ratio"),
    [
        pytest.param(None, KEY, 1.3, 1.3, id="first"),
        pytest.param("1.25", KEY, 1.3, 1.25, id="about-the-same-stands"),
        pytest.param("1.80", KEY, 1.3, 1.3, id="clearly-another"),
        pytest.param("1.80", KEY, None, 1.8, id="at-rest-it-stands"),
        pytest.param("1.80", "abcdef0123", None, None, id="of-another-revision"),
    ],
)
def test_what_users_told_stands_in_status_until_it_clearly_differs(
    before: str | None, key: str, times: float | None, ratio: float | None
) -> None:
    status = {"sizing": sizing_of(QWEN), "warmup": [warmed(x128=slower(QWEN, 128, 1))]}
    stored: Manifest = {}
    if before is not None:
        stored = {"sizing": {"revision": key, "measured": {"live": {"ratio": before}}}}
    engines = [users(QWEN, 0.9, 9.0, key="abcdef0123", pod="z")]
    if times is not None:
        engines.append(users(QWEN, 0.9, times))

    found = measured.told(
        status, ServingBlock(**QWEN), catalog=catalog.shipped(), engines=engines, stored=stored
    )

    live = found["sizing"]["measured"].get("live")
    assert (live is None) == (ratio is None)
    if live is not None and ratio is not None:
        assert float(live["ratio"]) == pytest.approx(ratio, abs=0.02)
