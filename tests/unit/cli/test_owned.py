"""What is refused of engine.args without an API server, beside the rules that the server has."""

import pytest

from deepseek_operator.api import rules, trtllm_rules
from deepseek_operator.api.serving import Engine
from deepseek_operator.cli import owned
from tests.unit.api.test_rules import violations

_BOTH = [f"--{flag}" for flag in rules.OWNED_FLAGS]
_OF_TRTLLM = [f"--{flag}" for flag in trtllm_rules.OWNED_FLAGS]
_TAKEN = [
    "--seed=7", "--max-model-len=8k", "--max_seq_len=4096", "--model-impl=x",
    "--kv_cache_config.dtype=fp8", '--override-generation-config={"a":\n1}',
    "--compilation-config.mode=3",
]  # fmt: skip
_NO_FLAGS = ["-tp=2", "seed=7", "--", "--=2", "--a b"]


@pytest.mark.parametrize("engine", ["vllm", "tensorrt-llm"])
@pytest.mark.parametrize("arg", [*_BOTH, *_OF_TRTLLM, *_TAKEN, *_NO_FLAGS])
@pytest.mark.parametrize("form", ["{}", "{}=x"])
def test_a_plan_refuses_what_the_rules_refuse(engine: str, arg: str, form: str) -> None:
    for given in {form.format(arg), form.format("--" + arg[2:].replace("-", "_"))}:
        asked = Engine.model_construct(name=engine, args=[given])  # type: ignore[arg-type]
        refused = violations(rules.ENGINE_ARG, given) + violations(
            trtllm_rules.ENGINE, {"name": engine, "args": [given]}
        )

        assert (owned.refusal(asked) is not None) == bool(refused), given


@pytest.mark.parametrize("flag", rules.OWNED_FLAGS)
def test_each_owned_flag_has_what_to_use_in_its_place(flag: str) -> None:
    """Also one that is the beginning of another: `--data-parallel-size`."""
    asked = Engine.model_validate({"args": [f"--{flag}=1"]})

    assert owned.refusal(asked) == f"--{flag} is owned by the operator: {rules.OWNED_FLAGS[flag]}"
