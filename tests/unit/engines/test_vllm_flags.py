"""Flags that vLLM does not take are refused before a pod is made: by name, and with what may be meant."""

from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.api import rules
from deepseek_operator.engines import vllm, vllm_flags
from deepseek_operator.engines.contract import EngineContainer, UnusableError
from tests.unit.samples import engine_request

KNOWN = vllm_flags.known()
GOLDEN = Path(__file__).parents[2] / "golden/vllm_flags_0.33.0.txt"
FLAGS = {line.strip() for line in GOLDEN.read_text().split("\n") if line.startswith("--")}

DENSE, EXPERTS = "DeepSeek-R1-Distill-Qwen-7B", "DeepSeek-V3"


def built(*flags: str, model: str = EXPERTS, **more: Any) -> EngineContainer:
    engine = {"args": list(flags), **more}
    return vllm.engine_container(engine_request("chat", model=model, engine=engine))


def test_the_flags_are_those_of_the_version_that_is_run() -> None:
    assert {f"--{name}" for name in KNOWN.spellings} == FLAGS
    assert GOLDEN.name == f"vllm_flags_{KNOWN.version}.txt"
    assert KNOWN.experts_only <= KNOWN.spellings
    assert set(KNOWN.replaced.values()) <= KNOWN.spellings
    assert not set(KNOWN.replaced) & KNOWN.spellings


def test_no_flag_is_a_switch_and_has_a_value() -> None:
    assert not KNOWN.switches & KNOWN.others


def test_flags_that_the_operator_owns_are_flags() -> None:
    assert set(rules.OWNED_FLAGS) <= KNOWN.spellings


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        pytest.param(
            "--no-such-flag=2", "--no-such-flag: no such flag; leave it out", id="unknown"
        ),
        pytest.param("--swap-space=2", "--swap-space: no such flag", id="removed"),
        pytest.param("--swap_space=2", "--swap-space: no such flag", id="underscores"),
        pytest.param("--max-model-lenn=4096", "did you mean --max-model-len", id="misspelt"),
        pytest.param(
            "--enable-reasoning",
            "--enable-reasoning: no such flag any more; use --reasoning-parser",
            id="replaced",
        ),
        pytest.param("--speculative-confg.method=mtp", "mean --speculative-config", id="part"),
        pytest.param("--no-max-model-len", "--no-max-model-len: no such flag", id="no-switch"),
        pytest.param(
            "--enable-l",
            "--enable-l: the beginning of 6 flags (--enable-layerwise-nvtx-tracing, --enable-log-deltas …); give one of "
            "them in full",
            id="beginning-of-several",
        ),
    ],
)
def test_what_this_version_does_not_take_is_refused_unless_the_image_is_the_users_own(
    flag: str, said: str
) -> None:
    with pytest.raises(UnusableError) as raised:
        built(flag)

    assert f"{raised.value}".startswith("engine.args: --")
    assert said in f"{raised.value}"
    assert f"{raised.value}".endswith(
        f"(vLLM {KNOWN.version}; for an image of another version set engine.image)"
    )
    assert flag in built(flag, image="own:2").args


@pytest.mark.parametrize(
    "flag",
    [
        "--seed=1",
        "--max_model_len=4096",
        "--no-enable-prefix-caching",
        "--disable-prefix-caching",
        "--compilation-config.cudagraph_mode=NONE",
        "--compilation_config.pass_config.enable_noop=true",
        "--enforce",
        "--max-model=4096",
    ],
)
def test_flags_are_taken_as_the_engine_reads_them(flag: str) -> None:
    """With underscores, by their parts, undone, and by the beginning of one."""
    assert flag in built(flag).args


@pytest.mark.parametrize(
    "flag",
    [
        "--enable-dbo",
        "--enable_dbo",
        "--all2all-backend=pplx",
        "--enable-eplb",
        "--eplb-config.num_redundant_experts=32",
        "--enable-expert",
        "--data-parallel-external-lb",
    ],
)
def test_flags_for_experts_are_refused_of_a_model_without_them(flag: str) -> None:
    said = f"{DENSE} has no experts, and the flag is for models that have some; leave it out"
    with pytest.raises(UnusableError, match=said):
        built(flag, model=DENSE)

    with pytest.raises(UnusableError, match=said):
        built(flag, model=DENSE, image="own:2")
    assert flag in built(flag).args


def test_what_switches_experts_off_is_no_flag_for_experts() -> None:
    assert "--no-enable-expert-parallel" in built("--no-enable-expert-parallel", model=DENSE).args


def test_of_a_model_that_nobody_knows_nothing_is_known_of_experts() -> None:
    engine = {"args": ["--enable-dbo"]}
    request = engine_request("chat", model="mine", source="pvc://models/mine", engine=engine)

    assert "--enable-dbo" in vllm.engine_container(request).args
