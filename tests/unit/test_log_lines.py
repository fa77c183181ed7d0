"""The line of a log that says why, from logs as vLLM really writes them."""

import pytest

from deepseek_operator.log_lines import telling_line
from tests.unit.test_diagnosis import VLLM_OUT_OF_MEMORY

TRUNCATED = """\
(EngineCore pid=41) ERROR 03-01 12:00:09 [core.py:1104] EngineCore failed to start.
(EngineCore pid=41) ERROR 03-01 12:00:09 [core.py:1104] Traceback (most recent call last):
(EngineCore pid=41) ERROR 03-01 12:00:09 [core.py:1104]     with safe_open(st_file, framework="pt") as f:
(EngineCore pid=41) ERROR 03-01 12:00:09 [core.py:1104] safetensors._safetensors_rust.SafetensorError: \
Error while deserializing header: incomplete metadata, file not fully covered
(EngineCore pid=41) Process EngineCore:
(EngineCore pid=41) Traceback (most recent call last):
(EngineCore pid=41)   File "weight_utils.py", line 1, in safetensors_weights_iterator
(EngineCore pid=41) safetensors._safetensors_rust.SafetensorError: Error while deserializing header: \
incomplete metadata, file not fully covered
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""
"""The error's text is that of safetensors 0.8.0 for a file cut in half."""
ANOTHER_ARCHITECTURE = """\
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1)     s.__pydantic_validator__.validate_python(ArgsKwargs(args, kwargs), self_instance=s)
(APIServer pid=1) pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
(APIServer pid=1)   Value error, Model architectures ['NoSuchForCausalLM'] are not supported for now. \
Supported architectures: dict_keys(['AfmoeForCausalLM', 'ApertusForCausalLM']) \
[type=value_error, input_value=ArgsKwargs((), {}), input_type=ArgsKwargs]
(APIServer pid=1)     For further information visit https://errors.pydantic.dev/2/v/value_error
"""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("\n \n", "", id="blank"),
        pytest.param("hello\nworld\n", "world", id="last-line"),
        pytest.param("ERROR: disk full\nbye\n", "ERROR: disk full", id="error-line"),
        pytest.param("ValueError: a\nKeyError: b\n", "KeyError: b", id="last-exception"),
        pytest.param("x\n  json.JSONDecodeError: bad\ny", "json.JSONDecodeError: bad", id="dotted"),
        pytest.param(
            VLLM_OUT_OF_MEMORY,
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.",
            id="cause-and-not-its-echo",
        ),
        pytest.param(
            "(APIServer pid=1) pydantic_core._pydantic_core.ValidationError: 1 validation error for"
            " ModelConfig\n(APIServer pid=1)   Value error, User-specified max_model_len (999) is"
            " greater than the derived max_model_len (64) [type=value_error, input_value=1]\n"
            "(APIServer pid=1)     For further information visit https://errors.pydantic.dev/2/v/x",
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig: "
            "User-specified max_model_len (999) is greater than the derived max_model_len (64)",
            id="pydantic-says-it-in-the-next-line",
        ),
        pytest.param(
            TRUNCATED,
            "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: "
            "incomplete metadata, file not fully covered",
            id="truncated-weights",
        ),
        pytest.param(
            ANOTHER_ARCHITECTURE,
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig: "
            "Model architectures ['NoSuchForCausalLM'] are not supported for now. Supported "
            "architectures: dict_keys(['AfmoeForCausalLM', 'ApertusForCausalLM'])",
            id="another-architecture",
        ),
        pytest.param(
            "ValidationError: 1 validation error for ModelConfig",
            "ValidationError: 1 validation error for ModelConfig",
            id="pydantic-was-cut-off",
        ),
        pytest.param(
            "RuntimeError: Engine core initialization failed. See root cause above.",
            "RuntimeError: Engine core initialization failed. See root cause above.",
            id="only-the-echo",
        ),
        pytest.param("Error: a\nINFO: no errors\n", "Error: a", id="error-in-passing"),
    ],
)
def test_the_telling_line_is_the_last_exception_or_error(log: str, line: str) -> None:
    assert line == telling_line(log)


@pytest.mark.parametrize(
    "log",
    [
        "OSError: 401 for token hf_abcdefghijklmnop",
        "error: key sk-abcdefghijklmnop refused",
        "header Authorization: Bearer abcdefghijkl.mnop",
    ],
)
def test_a_secret_in_a_log_is_not_repeated(log: str) -> None:
    assert "abcdefgh" not in telling_line(log)
    assert "***" in telling_line(log)
