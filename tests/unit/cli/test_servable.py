"""What the operator stalls is not planned, in whichever block it stands and whatever is asked of the plan."""

from pathlib import Path

import pytest

from tests.unit.cli.test_plan import EXAMPLES, run, write

R1 = "model: DeepSeek-R1, accelerator: {product: NVIDIA-H200}"
TYPO = "engine: {name: tensorrt-llm, args: [--log_levle=debug]}"
SAID = "engine.args: --log_levle: no such option or key; did you mean log_level?"
THERE = ("--accelerators=32xH200:8", "--accelerators=16xA100-80GB:8")
AT_ONCE = "; to begin with DeepSeek-R1 at once set spec.rollout.skipInitial: true"


def first(block: str) -> str:
    return f"{{{R1}, rollout: {{strategy: Canary, from: {{{block}}}}}}}"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param(f"{{{R1}, {TYPO}}}", f"spec.{SAID}", id="spec"),
        pytest.param(
            f"{{{R1}, fallback: [{{{R1}, {TYPO}}}]}}", f"spec.fallback[0].{SAID}", id="fallback"
        ),
        pytest.param(first(f"{R1}, {TYPO}"), f"spec.rollout.from.{SAID}", id="baseline"),
        pytest.param(
            first("model: DeepSeek-V3, accelerator: {product: NVIDIA-A100-SXM4-80GB, count: 8}"),
            "spec.rollout.from.accelerator: no form of DeepSeek-V3 runs on A100-80GB",
            id="a-baseline-that-does-not-run",
        ),
        pytest.param(
            first("model: DeepSeek-V3, accelerator: {product: NVIDIA-H101}"),
            "spec.rollout.from.accelerator.product: NVIDIA-H101 is not in the catalog",
            id="a-baseline-on-what-nobody-knows",
        ),
        pytest.param(
            first("model: DeepSeek-V3, accelerator: {product: NVIDIA-L4}"),
            f"add it there, or leave product out{AT_ONCE}\n",
            id="a-baseline-on-what-is-not-there",
        ),
    ],
)
@pytest.mark.parametrize("more", [(), ("--children",)], ids=["alone", "with-children"])
def test_what_the_operator_stalls_is_refused_with_its_field(
    more: tuple[str, ...],
    spec: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("plan", "-f", write(tmp_path, spec), *THERE, *more) == 1

    found = capsys.readouterr()
    assert found.out == ""
    assert said in found.err


def test_an_example_whose_baseline_has_no_accelerators_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = str(EXAMPLES / "first-canary.yaml")

    assert run("plan", "-f", file, "--accelerators", "32xH200:8") == 1

    assert "spec.rollout.from.accelerator.product: NVIDIA-L40S" in capsys.readouterr().err


def test_a_baseline_that_is_skipped_is_not_looked_at(tmp_path: Path) -> None:
    spec = first("model: DeepSeek-V3, accelerator: {product: NVIDIA-L4}")
    spec = spec.replace("strategy: Canary", "strategy: Canary, skipInitial: true")

    assert run("plan", "-f", write(tmp_path, spec), *THERE) == 0
