"""What engine.args set of what would be derived, in the words of each engine."""

from pathlib import Path
from typing import Any

import pytest

from deepseek_operator import overriding
from deepseek_operator.api import rules
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.sizing import graphs
from deepseek_operator.sizing.terms import CannotRunError, Overrides

TRTLLM = "tensorrt-llm"


def read(*args: str, engine: str = TRTLLM) -> Overrides:
    block = ServingBlock.model_validate(
        {"model": "DeepSeek-V3", "engine": {"name": engine, "args": list(args)}}
    )
    return overriding.overrides_of(block)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param((), {}, id="nothing"),
        pytest.param(("--max_seq_len=4096",), {"context_tokens": 4096}, id="context"),
        pytest.param(("--free_gpu_memory_fraction=0.5",), {"memory_share": 0.5}, id="option"),
        pytest.param(("--kv_cache_free_gpu_memory_fraction=0.5",), {"memory_share": 0.5}, id="alias"),
        pytest.param(("--kv_cache_config.free_gpu_memory_fraction=0.5",), {"memory_share": 0.5}, id="key"),
        pytest.param(
            ("--kv_cache_config.free_gpu_memory_fraction=0.7", "--free_gpu_memory_fraction=0.5"),
            {"memory_share": 0.7},
            id="the-file-wins-over-the-command-line",
        ),
        pytest.param(
            ('--kv_cache_config={"dtype":"fp8","enable_block_reuse":false}',),
            {"cache_type": "fp8", "prefix_caching": False},
            id="a-map-at-once",
        ),
        pytest.param(("--kv_cache_config.dtype=auto",), {"cache_type": "bf16"}, id="as-the-weights-have-it"),
        pytest.param(("--enable_attention_dp",), {"attention_ranks": True}, id="ranks"),
        pytest.param(("--enable_attention_dp=false",), {"attention_ranks": False}, id="no-ranks"),
        pytest.param(
            ('--speculative_config={"decoding_type":"MTP","num_nextn_predict_layers":2}',),
            {"mtp_tokens": 2},
            id="drafts",
        ),
        pytest.param(("--speculative_config=null",), {"mtp_tokens": 0}, id="no-drafts"),
        pytest.param(("--cuda_graph_config.batch_sizes=[8, 1, 4]",), {"graph_sizes": (1, 4, 8)}, id="graphs"),
        pytest.param(
            ("--cuda_graph_config.max_batch_size=300",), {"graph_sizes": graphs.sizes(300)}, id="largest-graph"
        ),
        pytest.param(("--cuda_graph_config.enable_padding=false",), {}, id="no-padding"),
        pytest.param(("--moe_config.backend=TRTLLM",), {"expert_backend": "TRTLLM"}, id="experts"),
        pytest.param(("--log_level=debug", "--stream_interval=10"), {}, id="what-changes-nothing"),
    ],
)  # fmt: skip
def test_options_and_keys_of_tensorrt_llm_are_read(
    args: tuple[str, ...], expected: dict[str, Any]
) -> None:
    assert overriding.words_of(TRTLLM).unknown(args) is None
    assert read(*args) == Overrides(**expected)


@pytest.mark.parametrize(
    ("arg", "said"),
    [
        pytest.param(
            "--max_seq_len=8k", "contextTokens: '8k' is no number of tokens above 0", id="vllms-way"
        ),
        pytest.param(
            "--max_seq_len=0", "contextTokens: '0' is no number of tokens above 0", id="none"
        ),
        pytest.param(
            "--free_gpu_memory_fraction=most",
            "memoryShare: 'most' is no number; set it between 0 and 1",
            id="share",
        ),
        pytest.param(
            "--kv_cache_config.dtype=bfloat16",
            "cacheType: 'bfloat16' is not modelled; use auto or fp8",
            id="cache",
        ),
        pytest.param(
            '--speculative_config={"decoding_type":"MTP","num_nextn_predict_layers":0}',
            "mtpTokens: num_nextn_predict_layers: 0 is no number of tokens above 0; set 1, or null to draft nothing",
            id="drafts-of-nothing",
        ),
        pytest.param(
            "--cuda_graph_config.batch_sizes=8",
            "options: --cuda_graph_config.batch_sizes: expected a list, got 8",
            id="no-list",
        ),
        pytest.param(
            "--cuda_graph_config.batch_sizes=[1, true]",
            "graphs: batches to capture are numbers above 0; set some, or leave them out",
            id="a-truth-is-no-batch",
        ),
        pytest.param(
            "--cuda_graph_config.max_batch_size=0",
            "graphs: batches to capture are numbers above 0; set some, or leave them out",
            id="no-graphs",
        ),
        pytest.param(
            '--cuda_graph_config={"batch_sizes":[1,8],"max_batch_size":16}',
            "graphs: max_batch_size 16 is not the largest of batch_sizes, 8, and the engine does not start so; leave one "
            "of them out",
            id="two-largest",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_what_it_would_set(arg: str, said: str) -> None:
    with pytest.raises(CannotRunError) as raised:
        read(arg)

    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("arg", "name"),
    [
        pytest.param("--max_beam_width=2", "max_beam_width", id="option"),
        pytest.param("--moe_config.max_num_tokens=99", "moe_config.max_num_tokens", id="key"),
        pytest.param(
            '--kv_cache_config={"max_tokens":99}', "kv_cache_config.max_tokens", id="part-of-a-map"
        ),
        pytest.param("--enable_chunked_prefill=false", "enable_chunked_prefill", id="no-chunks"),
        pytest.param(
            '--speculative_config={"decoding_type":"NGram","max_draft_len":3}',
            "speculative_config",
            id="other-drafts",
        ),
        pytest.param(
            '--speculative_config={"decoding_type":"Eagle","num_nextn_predict_layers":3}',
            "speculative_config",
            id="drafts-of-another",
        ),
    ],
)
def test_what_the_arithmetic_does_not_know_is_named(arg: str, name: str) -> None:
    said = f"engine.args has --{name}, which the arithmetic does not know"

    assert overriding.words_of(TRTLLM).unknown([arg]) == said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(
            ["--kv_cache_config.dtyp=fp8"],
            "engine.args cannot be read: --kv_cache_config.dtyp: no such key; did you mean dtype?",
            id="misspelt",
        ),
        pytest.param(
            ["--moe_config={}", "--moe_config={}"],
            "engine.args cannot be read: --moe_config is given twice",
            id="contradiction",
        ),
    ],
)
def test_what_cannot_be_understood_is_told_in_its_own_words(args: list[str], said: str) -> None:
    assert overriding.words_of(TRTLLM).unknown(args) == said


@pytest.mark.parametrize(
    ("engine", "name", "field"),
    [
        ("vllm", "contextTokens", "engine.args: --max-model-len"),
        (TRTLLM, "contextTokens", "engine.args: --max_seq_len"),
        (TRTLLM, "tensor", "accelerator.count"),
        (TRTLLM, "workload", "workload"),
        ("vllm", "attentionRanks", "accelerator.attention"),
        ("vllm", "mtpTokens", "engine.args: --speculative-config"),
    ],
)
def test_a_refusal_names_the_field_as_its_engine_calls_it(
    engine: str, name: str, field: str
) -> None:
    assert overriding.field_of(name, engine) == field


def test_other_drafts_are_none_of_the_models_own() -> None:
    found = read('--speculative_config={"decoding_type":"NGram","max_draft_len":3}')

    assert found.mtp_tokens is None


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param(("--no-enable-prefix-caching",), {"prefix_caching": False}, id="no-prefixes"),
        pytest.param(("--enable_prefix_caching",), {"prefix_caching": True}, id="prefixes"),
        pytest.param(("--disable-chunked-prefill",), {"chunked_prefill": False}, id="no-chunks"),
        pytest.param(
            ("--no-enable-chunked-prefill", "--enable-chunked-prefill", "--seed=1"),
            {"chunked_prefill": True},
            id="the-last-one-wins",
        ),
        pytest.param(
            ("--gpu-memory-utilization=0.9", "--device-memory-utilization=0.5"),
            {"memory_share": 0.5},
            id="two-names-of-one",
        ),
        pytest.param(("--no-enforce-eager",), {}, id="what-is-so-anyway"),
        pytest.param(
            ('--speculative-config={"method":"mtp","num_speculative_tokens":2}',),
            {"mtp_tokens": 2},
            id="drafts",
        ),
        pytest.param(
            ('--speculative_config={"method":"deepseek_mtp","num-speculative-tokens":1}',),
            {"mtp_tokens": 1},
            id="drafts-by-an-older-name",
        ),
        pytest.param(("--speculative-config=null",), {"mtp_tokens": 0}, id="no-drafts"),
        pytest.param(("--speculative-config=None",), {"mtp_tokens": 0}, id="nor-so"),
        pytest.param(("--enable-expert-parallel",), {"expert_parallel": True}, id="experts"),
        pytest.param(("--disable_expert_parallel",), {"expert_parallel": False}, id="slices"),
        pytest.param(
            ("--enable-dbo", "--all2all-backend=deepep_low_latency"),
            {"overlapped": True},
            id="halves-of-batches",
        ),
        pytest.param(("--all2all-backend=deepep_high_throughput",), {}, id="kernels-alone"),
        pytest.param(("--enable-dbo",), {}, id="halves-without-the-kernels"),
    ],
)
def test_flags_of_vllm_are_read(args: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert overriding.words_of("vllm").unknown(args) is None
    assert read(*args, engine="vllm") == Overrides(**expected)


@pytest.mark.parametrize("name", ["enforce-eager", "optimization-level", "cpu-offload-gb"])
def test_what_the_arithmetic_does_not_know_of_vllm_is_named(name: str) -> None:
    said = f"engine.args has --{name}, which the arithmetic does not know"

    assert overriding.words_of("vllm").unknown([f"--{name.replace('-', '_')}=3"]) == said


@pytest.mark.parametrize(
    "arg",
    [
        pytest.param('--speculative-config={"method":"ngram","num_speculative_tokens":2}', id="another"),
        pytest.param('--speculative-config={"method":"mtp","num_speculative_tokens":1,"model":"x"}', id="further"),
        pytest.param("--speculative-config.method=mtp", id="in-parts"),
    ],
)  # fmt: skip
def test_drafts_of_another_kind_are_not_known(arg: str) -> None:
    said = "engine.args has --speculative-config, which the arithmetic does not know"

    assert overriding.words_of("vllm").unknown([arg]) == said
    assert read(arg, engine="vllm").mtp_tokens is None


@pytest.mark.parametrize(
    ("arg", "said"),
    [
        pytest.param("--speculative-config=mtp", "mtpTokens: 'mtp' is no map in JSON; write", id="word"),
        pytest.param("--speculative-config=[1]", "mtpTokens: '[1]' is no map in JSON; write", id="list"),
        pytest.param(
            '--speculative-config={"method":"mtp","num_speculative_tokens":0}',
            "mtpTokens: num_speculative_tokens: 0 is no number of tokens above 0; set 1, or null",
            id="none",
        ),
    ],
)  # fmt: skip
def test_drafts_that_cannot_be_read_are_refused(arg: str, said: str) -> None:
    assert overriding.words_of("vllm").unknown([arg]) is None
    with pytest.raises(CannotRunError) as raised:
        read(arg, engine="vllm")

    assert said in str(raised.value)


@pytest.mark.parametrize("engine", ["vllm", TRTLLM])
@pytest.mark.parametrize(("asked", "ranks"), [("Ranks", True), ("Tensor", False), (None, None)])
def test_the_field_says_how_gpus_attend(engine: str, asked: str | None, ranks: bool | None) -> None:
    accelerator = {} if asked is None else {"attention": asked, "product": "NVIDIA-H200"}
    block = ServingBlock.model_validate(
        {"model": "DeepSeek-V3", "engine": {"name": engine}, "accelerator": accelerator}
    )

    assert overriding.overrides_of(block).attention_ranks is ranks


def test_the_field_says_how_long_decode_takes() -> None:
    accelerator = {"decodeTimes": 1.3, "product": "NVIDIA-H200"}
    block = ServingBlock.model_validate({"model": "DeepSeek-V3", "accelerator": accelerator})

    assert overriding.overrides_of(block).decode_times == 1.3
    assert overriding.field_of("decodeTimes", "vllm") == "accelerator.decodeTimes"


@pytest.mark.parametrize("asked", ["Ranks", "Tensor"])
def test_a_flag_that_says_the_opposite_of_the_field_is_refused(asked: str) -> None:
    block = ServingBlock.model_validate(
        {
            "model": "DeepSeek-V3",
            "engine": {"name": TRTLLM, "args": ["--enable_attention_dp"]},
            "accelerator": {"attention": asked, "product": "NVIDIA-H200"},
        }
    )

    if asked == "Ranks":
        assert overriding.overrides_of(block).attention_ranks is True
        return
    with pytest.raises(CannotRunError, match=r"accelerator\.attention Tensor and the flag say"):
        overriding.overrides_of(block)


@pytest.mark.parametrize("flag", ["--enforce", "--max-model=4096", "--cpu_offload=4", "--quant=x"])
def test_the_beginning_of_a_flag_is_not_read_and_not_passed_over(flag: str) -> None:
    name = flag.removeprefix("--").partition("=")[0].replace("_", "-")

    said = f"engine.args has --{name}, which the arithmetic does not know"
    assert overriding.words_of("vllm").unknown([flag]) == said


def test_no_flag_of_vllm_is_taken_for_the_beginning_of_another() -> None:
    """But for those that the arithmetic does not know anyway, and those that are owned."""
    lines = (Path(__file__).parents[1] / "golden/vllm_flags_0.33.0.txt").read_text().split("\n")
    flags = [line for line in lines if line.startswith("--")]

    unknown = {flag for flag in flags if overriding.words_of("vllm").unknown([flag])}

    assert unknown <= {f"--{name}" for name in (*overriding._NOT_MODELLED, *rules.OWNED_FLAGS)}


def test_a_longest_request_that_nobody_knows_is_not_computed_in_one_step() -> None:
    with pytest.raises(CannotRunError, match="chunkedPrefill: --max-model-len=auto takes the"):
        read("--no-enable-chunked-prefill", "--max-model-len=auto", engine="vllm")


def test_each_engine_reads_its_own_flags_only() -> None:
    assert read("--max-model-len=8k", engine="vllm").context_tokens == 8000
    assert read("--max_seq_len=4096", engine="vllm").context_tokens is None
