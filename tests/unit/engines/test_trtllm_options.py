"""Entries of engine.args for TensorRT-LLM: which go where, and which its version does not take."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.api import rules, trtllm_rules
from deepseek_operator.engines import trtllm_options
from deepseek_operator.engines.trtllm_options import OptionError

KNOWN = trtllm_options.known()
GOLDEN = Path(__file__).parents[2] / "golden/trtllm_options_1.2.1.txt"


def read_from_the_sources() -> dict[str, set[str]]:
    """Names by the heading they stand below."""
    found: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in GOLDEN.read_text().splitlines()[1:]:
        if line.startswith("# "):
            names = found.setdefault(line.removeprefix("# "), set())
        elif line:
            names.add(line.removeprefix("--"))
    return found


def test_options_and_keys_are_those_of_the_engine() -> None:
    """The fake engine parses with the operator's own data: this is what holds that to the real one's names."""
    names = read_from_the_sources()

    assert set(KNOWN.options) == names["options"]
    assert set(KNOWN.aliases) == names["second spellings"]
    assert set(KNOWN.keys) == names["keys of the options file, top level"]
    assert f"tensorrt-llm {KNOWN.version}" == GOLDEN.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("entry", "arguments", "options"),
    [
        pytest.param("--log_level=debug", ["--log_level=debug"], {}, id="option"),
        pytest.param("--trust_remote_code", ["--trust_remote_code"], {}, id="flag"),
        pytest.param("--trust_remote_code=true", [], {"trust_remote_code": True}, id="flag-value"),
        pytest.param("--enable_chunked_prefill=false", [], {"enable_chunked_prefill": False}, id="off"),
        pytest.param("--max_seq_len=4096", ["--max_seq_len=4096"], {}, id="option-and-key"),
        pytest.param("--stream_interval=10", [], {"stream_interval": 10}, id="key"),
        pytest.param("--enable_attention_dp", [], {"enable_attention_dp": True}, id="key-alone"),
        pytest.param("--kv_cache_config.dtype=fp8", [], {"kv_cache_config": {"dtype": "fp8"}}, id="part"),
        pytest.param(
            '--speculative_config={"decoding_type": "MTP", "num_nextn_predict_layers": 1}',
            [],
            {"speculative_config": {"decoding_type": "MTP", "num_nextn_predict_layers": 1}},
            id="json",
        ),
        pytest.param("--attn_backend=TRTLLM=x", [], {"attn_backend": "TRTLLM=x"}, id="two-equals-signs"),
        pytest.param("--unheard_of=1", ["--unheard_of=1"], {}, id="unknown"),
        pytest.param("--ep_size=2", ["--ep_size=2"], {}, id="alias"),
    ],
)  # fmt: skip
def test_an_entry_is_an_argument_or_a_key_of_the_file(
    entry: str, arguments: list[str], options: dict[str, Any]
) -> None:
    assert trtllm_options.split([entry]) == (arguments, options)


def test_parts_of_one_key_come_together() -> None:
    entries = ["--kv_cache_config.dtype=fp8", "--kv_cache_config.free_gpu_memory_fraction=0.8"]

    _, options = trtllm_options.split(entries)

    assert options == {"kv_cache_config": {"dtype": "fp8", "free_gpu_memory_fraction": 0.8}}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        pytest.param(
            ["--kv_cache_config={}", "--kv_cache_config={}"],
            "--kv_cache_config is given twice",
            id="twice",
        ),
        pytest.param(
            ["--attn_backend=x", "--attn_backend.y=z"],
            "--attn_backend has a value, so it has no parts",
            id="a-value-and-parts",
        ),
    ],
)
def test_entries_that_contradict_each_other_are_refused(entries: list[str], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        trtllm_options.split(entries)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"kv_cache_cfg": {}}, "no such key; did you mean kv_cache_config?", id="key"),
        pytest.param(
            {"kv_cache_config": {"dtyp": "fp8"}},
            "--kv_cache_config.dtyp: no such key; did you mean dtype?",
            id="part",
        ),
        pytest.param({"wholly": 1}, "--wholly: no such key", id="nothing-like-it"),
        pytest.param(
            {"stream_interval": "ten"},
            '--stream_interval: expected an integer, got "ten"',
            id="type",
        ),
        pytest.param(
            {"stream_interval": True},
            "--stream_interval: expected an integer, got true",
            id="a-truth-is-no-number",
        ),
        pytest.param(
            {"enable_autotuner": 1}, "--enable_autotuner: expected a boolean, got 1", id="boolean"
        ),
        pytest.param(
            {"kv_cache_config": "fp8"},
            "--kv_cache_config: expected keys below it, such as "
            "--kv_cache_config.copy_on_partial_reuse",
            id="no-parts",
        ),
    ],
)
def test_what_the_engine_would_refuse_of_the_file_is_named(
    options: dict[str, Any], said: str
) -> None:
    found = trtllm_options.problems(options)

    assert [said in one for one in found] == [True]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        pytest.param("--log_levle=debug", "--log_levle: no such option or key; did you mean log_level?", id="typo"),
        pytest.param("--log_level", "--log_level: give its value, as --log_level=value", id="no-value"),
        pytest.param("--kv_cache_confg.dtype=fp8", "--kv_cache_confg.dtype: no such option or key", id="key"),
        pytest.param("--served_model_name=x", "--served_model_name: no such option or key", id="of-later-versions"),
    ],
)  # fmt: skip
def test_an_argument_that_the_command_line_does_not_have_is_named(argument: str, said: str) -> None:
    [found] = trtllm_options.unknown([argument])

    assert found.startswith(said)


def test_what_the_version_has_is_fine() -> None:
    assert trtllm_options.unknown(["--trust_remote_code", "--tp_size=2", "--log_level=info"]) == []
    assert trtllm_options.problems({"batch_wait_timeout_ms": 2, "moe_config": {"backend": "CUTLASS"}}) == []  # fmt: skip


def test_every_owned_flag_is_one_that_this_version_knows() -> None:
    names = {*KNOWN.options, *KNOWN.aliases, *KNOWN.keys}

    assert set(trtllm_rules.OWNED_FLAGS) <= names


def test_all_spellings_of_an_owned_flag_are_owned() -> None:
    """Also those that vLLM shares: rules.OWNED_FLAGS refuses them whatever the engine is."""
    common = {flag.replace("-", "_") for flag in rules.OWNED_FLAGS}
    owned = {*trtllm_rules.OWNED_FLAGS, *common}

    for alias, option in KNOWN.aliases.items():
        assert (alias in owned) == (option in owned)


def test_every_type_of_the_data_is_one_that_is_checked() -> None:
    def leaves(keys: Any) -> list[str]:
        return (
            [keys] if isinstance(keys, str) else [x for key in keys.values() for x in leaves(key)]
        )

    assert set(leaves(dict(KNOWN.keys))) <= set(trtllm_options._TYPES)
    assert set(KNOWN.options.values()) == {"flag", "value"}
    assert set(KNOWN.aliases.values()) <= set(KNOWN.options)


@given(
    st.dictionaries(
        st.sampled_from(["attn_backend", "stream_interval", "enable_autotuner", "load_format"]),
        st.one_of(st.booleans(), st.integers(), st.text(max_size=20)),
    )
)
def test_the_file_says_what_it_is_made_from(options: dict[str, Any]) -> None:
    assert yaml.safe_load(trtllm_options.render(options)) == options


def test_a_value_may_be_nested_as_deep_as_any_that_the_engine_takes() -> None:
    value = "[" * 16 + "]" * 16

    _, options = trtllm_options.split([f"--cuda_graph_config={value}"])

    assert options == {"cuda_graph_config": json.loads(value)}
    with pytest.raises(OptionError, match="--cuda_graph_config: lists and maps"):
        trtllm_options.split([f"--cuda_graph_config=[{value}]"])
