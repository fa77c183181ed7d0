"""TensorRT-LLM's command line, options file, environment and probes."""

import itertools
from typing import Any

import pytest
import yaml

from deepseek_operator.api import rules, trtllm_rules
from deepseek_operator.catalog import models
from deepseek_operator.engines import choice, trtllm, trtllm_options
from deepseek_operator.engines.contract import EngineContainer, UnusableError
from deepseek_serving.warmup.spec import WarmupSpec
from tests.faketrtllm import serve
from tests.unit.samples import IMAGES, Manifest, engine_request

V3: Manifest = {"model": "DeepSeek-V3"}
R1: Manifest = {"model": "DeepSeek-R1"}
QWEN: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
OWN: Manifest = {"model": "own", "source": "pvc://models/own"}

EVERYWHERE: list[Manifest] = [
    {"model": model, **source, **accelerator, **batching}
    for model, source, accelerator, batching in itertools.product(
        [*models.load_models(), "own-model"],
        [{"source": "pvc://claim/path"}, {"source": "hf://org/name@main"}],
        [{}, {"accelerator": {"count": 4}}],
        [{}, {"batching": {"maxConcurrentSequences": 8, "maxBatchedTokens": 64}}],
    )
]


def built(served_name: str = "chat", /, *flags: str, **spec: Any) -> EngineContainer:
    engine = {"name": "tensorrt-llm", "args": list(flags), **spec.pop("engine", {})}
    return choice.engine_container(engine_request(served_name, engine=engine, **spec))


def args(*flags: str, **spec: Any) -> list[str]:
    return built("chat", *flags, **spec).args


def options(*flags: str, **spec: Any) -> Manifest:
    found: Manifest = yaml.safe_load(built("chat", *flags, **spec).options)
    return found


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_the_fake_of_this_version_takes_every_command_line_and_file(
    spec: dict[str, Any], tmp_path: Any
) -> None:
    container = built(**spec)
    file = tmp_path / "options.yaml"
    file.write_text(container.options)
    told = [f"--config={file}" if "--config=" in arg else arg for arg in container.args]

    try:
        asked = serve.parse([*container.command[1:], *told])
    except serve.UsageError as error:
        raise AssertionError(f"it does not start: {error}") from error

    assert container.command == ["trtllm-serve", "serve"]
    assert asked.options == yaml.safe_load(container.options)


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_no_option_is_given_twice(spec: dict[str, Any]) -> None:
    names = [flag.partition("=")[0].removeprefix("--") for flag in args(**spec)]
    known = trtllm_options.known()
    spelt = [known.aliases.get(name, name) for name in (*names, *options(**spec))]

    assert len(spelt) == len(set(spelt))


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_an_option_that_the_operator_sets_is_refused_or_the_users_own_counts(
    spec: dict[str, Any],
) -> None:
    owned = {*trtllm_rules.OWNED_FLAGS, *(flag.replace("-", "_") for flag in rules.OWNED_FLAGS)}
    set_here = {flag.partition("=")[0].removeprefix("--") for flag in args(**spec)[1:]}

    for name in set_here - owned:
        found = args(f"--{name}=mine", **spec)
        assert [f"--{name}=mine"] == [flag for flag in found if flag.startswith(f"--{name}=")]
    for name in set(options(**spec)) - owned:
        told = options(f"--{name}=null", **{**spec, "engine": {"image": "own:1"}})
        assert told[name] is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(V3, {"--tensor_parallel_size=8", "--moe_expert_parallel_size=8"}, id="experts"),
        pytest.param({**QWEN, "accelerator": {"count": 2}}, {"--tensor_parallel_size=2"}, id="two-gpus"),
        pytest.param(R1, {"--reasoning_parser=deepseek-r1"}, id="a-model-that-thinks"),
        pytest.param({"model": "DeepSeek-V3.2"}, {"--custom_tokenizer=deepseek_v32"}, id="its-own-tokenizer"),
        pytest.param(QWEN, {"--max_batch_size=256", "--max_num_tokens=8192"}, id="limits-of-ours"),
        pytest.param(
            {**QWEN, "batching": {"maxConcurrentSequences": 9, "maxBatchedTokens": 99}},
            {"--max_batch_size=9", "--max_num_tokens=99"},
            id="limits-given",
        ),
        pytest.param(
            QWEN,
            {"/models/chat", "--host=127.0.0.1", "--port=8002", "--config=/etc/engine/options.yaml"},
            id="always",
        ),
    ],
)  # fmt: skip
def test_the_spec_becomes_arguments(spec: dict[str, Any], expected: set[str]) -> None:
    assert expected <= set(args(**spec))


@pytest.mark.parametrize(
    ("spec", "unwanted"),
    [
        pytest.param(QWEN, "--tensor_parallel_size", id="one-gpu-is-not-parallel"),
        pytest.param({**QWEN, "accelerator": {"count": 2}}, "--moe", id="no-experts"),
        pytest.param(V3, "--reasoning_parser", id="a-model-that-does-not-think"),
        pytest.param({"model": "DeepSeek-V3.1"}, "--reasoning_parser", id="a-parser-it-has-not"),
        pytest.param(OWN, "--custom_tokenizer", id="an-unknown-model"),
        pytest.param(OWN, "--served", id="no-such-option"),
    ],
)
def test_what_does_not_apply_is_left_out(spec: dict[str, Any], unwanted: str) -> None:
    assert not any(flag.startswith(unwanted) for flag in args(**spec))


def test_it_serves_under_the_last_part_of_the_path() -> None:
    assert serve.parse(args(**OWN)[:1]).model.rpartition("/")[2] == "chat"
    assert built("my.model-2", **OWN).model_path == "/models/my.model-2"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param([], {"cuda_graph_config": {"enable_padding": True, "max_batch_size": 256}}, id="graphs"),
        pytest.param([], {"return_perf_metrics": True}, id="figures"),
        pytest.param([], {"enable_chunked_prefill": True}, id="long-prompts"),
        pytest.param(
            ["--cuda_graph_config.batch_sizes=[1, 2, 4]"],
            {"cuda_graph_config": {"batch_sizes": [1, 2, 4]}},
            id="graphs-of-the-users-own",
        ),
        pytest.param(["--enable_chunked_prefill=false"], {"enable_chunked_prefill": False}, id="off"),
        pytest.param(["--kv_cache_config.dtype=fp8"], {"kv_cache_config": {"dtype": "fp8"}}, id="cache"),
    ],
)  # fmt: skip
def test_the_file_has_the_users_keys_and_what_the_operator_relies_on(
    flags: list[str], expected: Manifest
) -> None:
    assert expected.items() <= options(*flags, **QWEN).items()


def test_no_graph_is_captured_for_more_sequences_than_it_is_worth() -> None:
    many = {**QWEN, "batching": {"maxConcurrentSequences": 4096, "maxBatchedTokens": 8192}}

    assert options(**many)["cuda_graph_config"]["max_batch_size"] == 1024


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        pytest.param("--log_levle=debug", "did you mean log_level", id="option"),
        pytest.param("--kv_cache_config.dtyp=fp8", "did you mean dtype", id="key"),
        pytest.param("--stream_interval=ten", "expected an integer", id="type"),
    ],
)
def test_what_this_version_does_not_take_is_refused_unless_the_image_is_the_users_own(
    flag: str, said: str
) -> None:
    with pytest.raises(UnusableError, match=rf"^engine\.args: .*{said}.*1\.2\.1.*engine\.image"):
        built("chat", flag, **QWEN)

    assert built("chat", flag, engine={"image": "own:2"}, **QWEN).image == "own:2"


def test_a_contradiction_is_refused_whatever_the_image_is() -> None:
    with pytest.raises(UnusableError, match=r"^engine\.args: --moe_config is given twice"):
        built("chat", "--moe_config={}", "--moe_config={}", engine={"image": "own:2"}, **QWEN)


def test_the_image_is_nvidias_that_the_platform_team_chose() -> None:
    assert built(**QWEN).image == IMAGES.tensorrt_llm


def test_the_engine_is_reached_through_its_pods_front_only() -> None:
    container = built(**QWEN)

    assert container.engine_port == 8002
    assert "/v1/chat/completions" in container.open_paths
    assert not {"/metrics", "/update_weights", "/release_memory"} & set(container.open_paths)
    assert not any("/update_weights".startswith(path) for path in container.open_paths)


def test_probes_go_where_requests_go() -> None:
    container = built("team", **QWEN)

    assert container.startup_probe["httpGet"] == container.liveness_probe["httpGet"]
    assert container.startup_probe["httpGet"]["path"] == "/health"
    assert {"--port=8000", "--model=team"} <= set(container.readiness_probe["exec"]["command"])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HF_HUB_OFFLINE", "1"),
        ("USER", "engine"),
        ("TLLM_AUTOTUNER_CACHE_PATH", "/cache/compiled/autotuner/tactics.json"),
        ("TRTLLM_DG_CACHE_DIR", "/cache/compiled/deep_gemm"),
    ],
)
def test_the_environment(variable: str, value: str) -> None:
    assert built(**QWEN).env[variable] == value


@pytest.mark.parametrize(
    ("spec", "size"), [pytest.param(QWEN, "1Gi", id="one"), pytest.param(V3, "8Gi", id="many")]
)
def test_shared_memory_grows_with_the_processes(spec: dict[str, Any], size: str) -> None:
    assert built(**spec).shared_memory == size


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_a_warm_up_can_be_told_of_every_engine(spec: dict[str, Any]) -> None:
    container = built(**spec)
    frozen = {"command": container.command, "args": container.args}

    found = WarmupSpec.model_validate(choice.warmup_limits(frozen, on_gpu=True))

    assert (found.engine, found.model) == ("tensorrt-llm", "chat")
    limits = (8, 64) if "batching" in spec else (256, 8192)
    assert (found.max_concurrent_sequences, found.max_batched_tokens) == limits


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param([], {"thinks": True}, id="thinks"),
        pytest.param(["--max_seq_len=4096"], {"maxModelLength": 4096}, id="length"),
        pytest.param(["--max_seq_len=long"], {"thinks": True}, id="no-length"),
    ],
)
def test_a_warm_up_goes_by_the_frozen_arguments(flags: list[str], expected: Manifest) -> None:
    found = trtllm.warmup_limits(args(*flags, **R1))

    assert expected.items() <= found.items()
    assert ("maxModelLength" in found) == ("maxModelLength" in expected)


@pytest.mark.parametrize(
    ("batching", "sequences", "tokens"),
    [
        ({"maxConcurrentSequences": 9000}, 9000, 9000),
        ({"maxConcurrentSequences": 64}, 64, 8192),
        ({"maxBatchedTokens": 100}, 100, 100),
        ({"maxBatchedTokens": 4096}, 256, 4096),
    ],
)
def test_one_limit_of_batching_brings_the_other_that_it_needs(
    batching: Manifest, sequences: int, tokens: int
) -> None:
    found = args(**QWEN, batching=batching)

    assert f"--max_batch_size={sequences}" in found
    assert f"--max_num_tokens={tokens}" in found
