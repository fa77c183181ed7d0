"""vLLM's command line, environment and probes."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.api import rules
from deepseek_operator.catalog import catalog as catalogs
from deepseek_operator.catalog import models
from deepseek_operator.engines import probes, vllm
from deepseek_serving.engine import classes, priority
from deepseek_serving.warmup.spec import WarmupSpec
from tests.unit.samples import IMAGES, Manifest, engine_request

FLAGS = {
    line.strip()
    for line in (Path(__file__).parents[2] / "golden/vllm_flags_0.33.0.txt").read_text().split("\n")
    if line.startswith("--")
}

V3: Manifest = {"model": "DeepSeek-V3"}
QWEN: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
TINY: Manifest = {"model": "tiny", "source": "pvc://models/tiny"}
CPU: Manifest = {"accelerator": {"kind": "CPU"}}

EVERYWHERE: list[Manifest] = [
    {"model": model, **source, **accelerator, **batching}
    for model, source, accelerator, batching in itertools.product(
        [*models.load_models(), "own-model"],
        [{"source": "pvc://claim/path"}, {"source": "hf://org/name@main"}],
        [CPU, {}, {"accelerator": {"count": 4}}],
        [{}, {"batching": {"maxConcurrentSequences": 8, "maxBatchedTokens": 64}}],
    )
]


def args(served_name: str = "chat", /, **spec: Any) -> list[str]:
    return vllm.engine_args(engine_request(served_name, **spec))


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_every_flag_is_one_that_this_vllm_knows(spec: dict[str, Any]) -> None:
    positional, *flags = args(**spec)

    assert not positional.startswith("-")
    for flag in flags:
        assert flag.partition("=")[0] in FLAGS


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_no_flag_is_given_twice(spec: dict[str, Any]) -> None:
    names = [flag.partition("=")[0] for flag in args(**spec)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_a_flag_that_the_operator_sets_is_refused_or_the_users_own_counts(
    spec: dict[str, Any],
) -> None:
    set_here = {flag.partition("=")[0] for flag in args(**spec)[1:]}
    open_flags = {flag for flag in set_here if flag.removeprefix("--") not in rules.OWNED_FLAGS}

    for flag in open_flags:
        given = f"{flag}=mine"
        found = args(**{**spec, "engine": {"args": [given]}})
        assert [given] == [item for item in found if item.partition("=")[0] == flag]


def test_experts_are_kept_together_for_who_asks_for_it() -> None:
    given = "--no-enable-expert-parallel"

    found = args(**V3, engine={"args": [given]})

    assert given in found
    assert "--enable-expert-parallel" not in found


def test_every_owned_flag_is_one_that_this_vllm_knows() -> None:
    unknown = {f"--{name}" for name in rules.OWNED_FLAGS} - FLAGS

    assert unknown == set()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(V3, {"/weights/model"}, id="what-is-fetched"),
        pytest.param(TINY, {"/weights/tiny"}, id="path-in-a-claim"),
        pytest.param({**TINY, "source": "pvc://models"}, {"/weights"}, id="whole-claim"),
        pytest.param(
            V3, {"--tensor-parallel-size=8", "--enable-expert-parallel"}, id="experts-in-parallel"
        ),
        pytest.param(
            {**QWEN, "accelerator": {"count": 2}}, {"--tensor-parallel-size=2"}, id="two-gpus"
        ),
        pytest.param(QWEN, {"--reasoning-parser=deepseek_r1"}, id="a-model-that-thinks"),
        pytest.param(
            {"model": "DeepSeek-V3.2"},
            {"--tokenizer-mode=deepseek_v32", "--reasoning-parser=deepseek_v3"},
            id="its-own-tokenizer",
        ),
        pytest.param(QWEN, {"--max-model-len=auto"}, id="context-that-fits"),
        pytest.param(
            {**QWEN, "batching": {"maxConcurrentSequences": 9, "maxBatchedTokens": 99}},
            {"--max-num-seqs=9", "--max-num-batched-tokens=99"},
            id="batching",
        ),
        pytest.param(
            QWEN,
            {"--served-model-name=chat", "--host=0.0.0.0", "--port=8000", "--shutdown-timeout=600"},
            id="always",
        ),
    ],
)
def test_the_spec_becomes_arguments(spec: dict[str, Any], expected: set[str]) -> None:
    assert expected <= set(args(**spec))


@pytest.mark.parametrize(
    ("spec", "unwanted"),
    [
        pytest.param(QWEN, "--tensor-parallel-size", id="one-gpu-is-not-parallel"),
        pytest.param({**V3, **CPU}, "--enable-expert-parallel", id="no-experts-apart-on-cpu"),
        pytest.param(
            {**QWEN, "accelerator": {"count": 2}}, "--enable-expert-parallel", id="no-experts"
        ),
        pytest.param(V3, "--reasoning-parser", id="a-model-that-does-not-think"),
        pytest.param(TINY, "--reasoning-parser", id="an-unknown-model"),
        pytest.param(QWEN, "--max-num-seqs", id="no-limit-given"),
        pytest.param({**V3, "source": "hf://a/b"}, "--revision", id="no-revision-given"),
    ],
)
def test_what_does_not_apply_is_left_out(spec: dict[str, Any], unwanted: str) -> None:
    assert not any(flag.startswith(unwanted) for flag in args(**spec))


@pytest.mark.parametrize("spelling", ["--reasoning-parser=x", "--reasoning_parser=x"])
def test_a_default_of_ours_yields_to_the_users_flag(spelling: str) -> None:
    given = args(**QWEN, engine={"args": [spelling]})

    assert spelling in given
    assert "--reasoning-parser=deepseek_r1" not in given


@pytest.mark.parametrize("spelling", ["--compilation-config={}", "--compilation-config.mode=0"])
def test_on_a_cpu_queries_are_rotated_right_unless_the_user_compiles_otherwise(
    spelling: str,
) -> None:
    assert '--compilation-config={"custom_ops":["all","-rotary_embedding"]}' in args(**TINY, **CPU)
    assert not any("rotary" in flag for flag in args(**QWEN))
    own = args(**TINY, **CPU, engine={"args": [spelling]})
    assert [flag for flag in own if flag.startswith("--compilation-config")] == [spelling]


@pytest.mark.parametrize("flag", ["--enforce-eager", "--no-enforce-eager", "--no_enforce_eager"])
def test_on_a_cpu_nothing_is_compiled_unless_the_user_says_so(flag: str) -> None:
    assert "--enforce-eager" in args(**TINY, **CPU)

    chosen = args(**TINY, **CPU, engine={"args": [flag]})

    assert [arg for arg in chosen if "eager" in arg] == [flag]


def test_what_the_operator_relies_on_stands_after_the_users_flags() -> None:
    given = args(**QWEN, engine={"args": ["--seed=7"]})

    assert given.index("--seed=7") < given.index("--port=8000")
    assert given.index("--seed=7") < given.index("--served-model-name=chat")


@pytest.mark.parametrize(
    ("spec", "image"),
    [
        pytest.param(V3, IMAGES.vllm, id="gpu"),
        pytest.param({**TINY, **CPU}, IMAGES.vllm_cpu, id="cpu"),
        pytest.param({**V3, "engine": {"image": "own:1"}}, "own:1", id="the-user's"),
    ],
)
def test_the_image_follows_the_accelerator_unless_one_is_given(
    spec: dict[str, Any], image: str
) -> None:
    assert image == vllm.engine_container(engine_request(**spec)).image


@pytest.mark.parametrize(
    ("spec", "variable", "value"),
    [
        pytest.param(TINY, "HF_HUB_OFFLINE", "1", id="weights-are-there"),
        pytest.param(V3, "HF_HUB_OFFLINE", "1", id="weights-are-fetched-for-it"),
        pytest.param(TINY, "VLLM_CPU_KVCACHE_SPACE", None, id="no-cpu-cache-on-gpu"),
        pytest.param(V3, "VLLM_NO_USAGE_STATS", "1", id="no-usage-reports"),
        pytest.param(V3, "PYTHONPATH", "/opt/deepseek", id="our-tools"),
        pytest.param(V3, "VLLM_ENGINE_READY_TIMEOUT_S", "8080", id="the-start-up-budget"),
    ],
)
def test_the_environment_fits_the_source_and_the_machine(
    spec: dict[str, Any], variable: str, value: str | None
) -> None:
    assert value == vllm.engine_container(engine_request(**spec)).env.get(variable)


def test_a_cpu_engine_is_told_how_much_memory_its_cache_may_take() -> None:
    environment = vllm.engine_container(engine_request(**TINY, **CPU)).env

    assert int(environment["VLLM_CPU_KVCACHE_SPACE"]) >= 1


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in models.load_models()])
def test_the_start_up_probe_waits_for_the_weights_to_load_from_slow_storage(name: str) -> None:
    request = engine_request(model=name)
    probe = vllm.engine_container(request).startup_probe
    model = models.load_models()[name]

    assert probe["periodSeconds"] * probe["failureThreshold"] >= model.weights_bytes / 200e6 + 600
    assert probe["periodSeconds"] * probe["failureThreshold"] >= probes.startup_seconds(request)


PRODUCTS = catalogs.shipped().accelerators
LARGEST_GIB = max(one.memory_gib for one in PRODUCTS.values())
H200_GIB = PRODUCTS["H200"].memory_gib


@pytest.mark.parametrize(
    ("accelerator", "most_bytes"),
    [
        pytest.param({"product": "H200", "count": 8}, 8 * H200_GIB * 2**30, id="by-name"),
        pytest.param({"product": "NVIDIA-H200", "count": 8}, 8 * H200_GIB * 2**30, id="by-label"),
        pytest.param({"product": "NVIDIA-L40S", "count": 1}, 150e9, id="small"),
        pytest.param({"count": 4}, 4 * LARGEST_GIB * 2**30, id="not-said"),
        pytest.param({"product": "ACME-X1"}, LARGEST_GIB * 2**30, id="not-known"),
        pytest.param({"kind": "CPU"}, 150e9, id="no-accelerator"),
    ],
)
def test_a_model_of_unknown_size_gets_time_for_all_that_its_accelerators_hold(
    accelerator: Manifest, most_bytes: float
) -> None:
    seconds = probes.startup_seconds(engine_request(**TINY, accelerator=accelerator))

    assert seconds == pytest.approx(2 * (600 + most_bytes / 200e6), abs=2)


def test_readiness_asks_for_a_completion_under_the_served_name() -> None:
    probe = vllm.engine_container(engine_request("team/chat", **V3)).readiness_probe

    command = probe["exec"]["command"]
    assert command[-4:] == [
        "--port=8000",
        "--model=team/chat",
        "--require-warm",
        "--state=/run/warmup",
    ]
    assert command[2].endswith("deepseek_serving/engine/ready.py")


def test_liveness_forgives_two_minutes_of_a_busy_engine() -> None:
    probe = vllm.engine_container(engine_request(**V3)).liveness_probe

    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120
    assert probe["httpGet"]["path"] == "/health"


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        pytest.param(QWEN, "1Gi", id="one-process"),
        pytest.param(V3, "8Gi", id="processes-that-share"),
    ],
)
def test_shared_memory_grows_with_the_processes(spec: dict[str, Any], size: str) -> None:
    assert size == vllm.engine_container(engine_request(**spec)).shared_memory


def limits(*flags: str, on_gpu: bool = True) -> Manifest:
    """What a warm-up is told of an engine with these arguments beside the least it has."""
    return vllm.warmup_limits(["/weights/m", *flags, "--served-model-name=chat"], on_gpu=on_gpu)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param([], {"maxConcurrentSequences": 256, "maxBatchedTokens": 8192}, id="none"),
        pytest.param(["--max-num-seqs=8"], {"maxConcurrentSequences": 8}, id="sequences"),
        pytest.param(["--max-num-batched-tokens=64"], {"maxBatchedTokens": 64}, id="tokens"),
        pytest.param(["--max-num-batched-tokens=8k"], {"maxBatchedTokens": 8000}, id="thousands"),
        pytest.param(["--max-num-seqs=many"], {"maxConcurrentSequences": 256}, id="no-number"),
        pytest.param(["--reasoning-parser=deepseek_r1"], {"thinks": True}, id="thinks"),
        pytest.param(["--seed=1", "--enforce-eager"], {"thinks": False}, id="others"),
        pytest.param(
            ['--override-generation-config={"a":"b=c"}', "--max-num-seqs=3"],
            {"maxConcurrentSequences": 3},
            id="a-value-with-an-equals-sign",
        ),
        pytest.param(
            ["--max-num-seqs=3", "--max-num-seqs=5"],
            {"maxConcurrentSequences": 5},
            id="the-last-one-wins-as-in-the-engine",
        ),
    ],
)
def test_a_warm_up_goes_as_far_as_the_engines_arguments_let_it(
    flags: list[str], expected: Manifest
) -> None:
    assert expected.items() <= limits(*flags).items()


def test_on_a_cpu_less_is_tried_where_no_limit_is_given() -> None:
    found = limits(on_gpu=False)

    assert (found["maxConcurrentSequences"], found["maxBatchedTokens"]) == (4, 2048)
    assert limits("--max-num-seqs=9", on_gpu=False)["maxConcurrentSequences"] == 9


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_a_warm_up_can_be_told_of_every_engine(spec: dict[str, Any]) -> None:
    flags = args("team/chat", **spec)

    found = WarmupSpec.model_validate(vllm.warmup_limits(flags, on_gpu=True))

    assert (found.engine, found.model) == ("vllm", "team/chat")
    if "batching" in spec:
        assert (found.max_concurrent_sequences, found.max_batched_tokens) == (8, 64)


@pytest.mark.parametrize("flag", ["--reasoning-parser=qwen3", "--reasoning_parser=qwen3"])
def test_a_flag_counts_in_either_spelling_that_vllm_takes(flag: str) -> None:
    assert limits(flag)["thinks"] is True


def test_readiness_waits_for_no_warm_up_that_is_off() -> None:
    request = dataclasses.replace(engine_request(**V3), warmed=False)

    command = vllm.engine_container(request).readiness_probe["exec"]["command"]

    assert command[-2:] == ["--port=8000", "--model=chat"]


@pytest.mark.parametrize(
    ("spec", "sequences", "tokens"),
    [
        pytest.param({"maxConcurrentSequences": 2048}, 2048, None, id="goes-with-any-default"),
        pytest.param({"maxConcurrentSequences": 3000}, 3000, 8192, id="more-than-some-default"),
        pytest.param({"maxConcurrentSequences": 9000}, 9000, 9000, id="more-than-most-defaults"),
        pytest.param({"maxBatchedTokens": 1024}, None, 1024, id="tokens-that-go-with-any"),
        pytest.param({"maxBatchedTokens": 1000}, 256, 1000, id="fewer-than-some-sequences"),
        pytest.param({"maxBatchedTokens": 64}, 64, 64, id="one-token-of-each"),
    ],
)
def test_one_limit_of_batching_brings_the_other_that_it_needs(
    spec: Manifest, sequences: int | None, tokens: int | None
) -> None:
    given = [arg for arg in args(**QWEN, batching=spec) if arg.startswith("--max-num-")]

    expected = {"--max-num-seqs": sequences, "--max-num-batched-tokens": tokens}
    assert given == [f"{flag}={value}" for flag, value in expected.items() if value]


def test_on_a_cpu_as_many_sequences_as_it_would_take_itself() -> None:
    assert "--max-num-seqs=128" in args(**TINY, **CPU, batching={"maxBatchedTokens": 512})


@pytest.mark.parametrize(
    ("flags", "behind"),
    [
        pytest.param([], None, id="in-the-order-of-arrival"),
        pytest.param(["--scheduling-policy=priority"], "1", id="by-priority"),
        pytest.param(["--scheduling_policy=priority"], "1", id="as-vllm-takes-it-too"),
        pytest.param(
            ["--scheduling-policy=priority", "--scheduling-policy=fcfs"],
            None,
            id="the-last-one-wins",
        ),
    ],
)
def test_long_requests_get_a_priority_where_the_engine_schedules_by_it(
    flags: list[str], behind: str | None
) -> None:
    container = vllm.engine_container(engine_request(**TINY, **CPU, engine={"args": flags}))

    assert container.env.get(priority.PRIORITY_VARIABLE) == behind
    assert classes.MOST_LONG_VARIABLE not in container.env
