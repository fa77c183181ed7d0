"""kubectl deepseek plan, models and accelerators, from the command line to what is printed."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import offline
from deepseek_operator.rollout.commands import Verb
from dev.paths import REPOSITORY
from tests.conftest import Golden

EXAMPLES = REPOSITORY / "examples"

SHORT = ("--input-tokens", "256", "--output-tokens", "128", "--time-per-output-token", "50ms")


def run(*words: str) -> int:
    return offline.run(cli.parse(words))


def write(folder: Path, spec: str, *, kind: str = "DeepSeekDeployment") -> str:
    file = folder / "chat.yaml"
    api = "serving.deepseek.dev/v1alpha1"
    file.write_text(f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: chat}}\nspec: {spec}\n")
    return str(file)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_a_plan_on_a_screen(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(EXAMPLES / "fallback.yaml")
    there = ("--accelerators", "24xH200:8", "--accelerators", "8xL40S:4")

    assert run("plan", "-f", file, *there, "--requests-per-second", "40") == 0

    golden("plan.txt", capsys.readouterr().out)


def test_the_models_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[1].startswith("DeepSeek-V3 ")
    assert "671B" in lines[1]


def test_the_accelerators_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("accelerators") == 0

    said = capsys.readouterr().out
    assert "NVIDIA-H200" in said
    assert "$/H is a placeholder until you set your own" in said


@pytest.mark.parametrize("kind", ["models", "accelerators"])
def test_lists_as_data_can_be_read_back_as_a_catalog(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kind, "-o", "yaml") == 0
    text = capsys.readouterr().out
    file = tmp_path / "catalog.yaml"
    file.write_text(text)

    assert run(kind, "-o", "yaml", "--catalog", str(file)) == 0
    assert capsys.readouterr().out == text


def test_a_plan_as_data_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(EXAMPLES / "quickstart.yaml")

    assert run("plan", "-f", file, "--accelerators", "8xH100:8", *SHORT, "-o", "json") == 0

    plan = document(capsys)
    (block,) = plan["blocks"]
    assert plan["fits"] is True
    assert plan["workload"] == {
        "inputTokens": 256,
        "outputTokens": 128,
        "timePerOutputToken": 0.05,
    }
    assert block["layout"]["accelerators"] == 1
    assert block["memoryOfOneGPU"]["total"] > block["memoryOfOneGPU"]["weights"] > 8e9
    assert {value["name"] for value in block["values"]} >= {"quantization", "maxBatchedTokens"}
    assert all(value["why"] for value in block["values"])
    assert block["fleet"]["perHour"] == 3.0


def test_yaml_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("plan", "-f", str(EXAMPLES / "deepseek-v3.yaml"), "--accelerators", "16xH200:8")

    run(*words, "-o", "yaml")
    as_yaml = yaml.safe_load(capsys.readouterr().out)
    run(*words, "-o", "json")

    assert as_yaml == document(capsys)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_can_be_asked_about(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pools = ("64xH200:8", "32xH100:8", "16xL40S:4")

    code = run("plan", "-f", str(file), *(f"--accelerators={pool}" for pool in pools))

    said = capsys.readouterr()
    assert code == 0 or "not in the catalog" in said.err or "CPU is not planned" in said.err


def test_a_load_derives_the_replicas_and_ends_with_3_where_they_do_not_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("plan", "-f", str(EXAMPLES / "quickstart.yaml"), *SHORT, "-o", "json")
    load = ("--requests-per-second", "1000")

    assert run(*words, *load, "--accelerators", "64xH100:8") == 0
    enough = document(capsys)["blocks"][0]
    assert run(*words, *load, "--accelerators", "8xH100:8") == 3
    few = document(capsys)["blocks"][0]

    assert enough["fleet"]["replicas"] == few["fleet"]["replicas"] > 8
    assert (enough["enoughAccelerators"], few["enoughAccelerators"]) == (True, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("--accelerators", "8xH200:8"),
            "falls short: spec: needs 16 x H200 in nodes of 8, and of 8 not enough are left",
            id="too-few-nodes",
        ),
        pytest.param(
            ("--accelerators", "16xH200:8", "--time-per-output-token", "1ms"),
            "falls short: workload.timePerOutputToken: ",
            id="too-slow",
        ),
        pytest.param(
            ("--accelerators", "16xH200:8", "--requests-per-second", "900"),
            "falls short: spec: 2 replicas do ",
            id="too-few-replicas",
        ),
    ],
)
def test_what_falls_short_ends_with_3_and_says_why(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "-f", str(EXAMPLES / "deepseek-v3.yaml"), *words) == 3

    assert said in capsys.readouterr().out


def test_the_next_block_gets_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(EXAMPLES / "fallback.yaml")

    code = run("plan", "-f", file, "--accelerators", "16xH200:8", "--accelerators", "4xL40S:4")

    said = capsys.readouterr().out
    assert code == 3
    assert "falls short: spec.fallback[0]: needs 8 x H200 in nodes of 8" in said
    assert "falls short: spec:" not in said


SPECS = [
    pytest.param(
        "{model: DeepSeek-V9}",
        "spec.model: DeepSeek-V9 is not in the catalog (nearest: DeepSeek-V3, DeepSeek-V3.1, DeepSeek-V3.2); "
        "add it with --catalog",
        id="unknown-model",
    ),
    pytest.param(
        "{model: DeepSeek-V3, acelerator: {count: 8}}",
        "spec.acelerator: unknown field; did you mean accelerator?",
        id="misspelt-field",
    ),
    pytest.param(
        "{model: DeepSeek-V3, fallback: [{model: DeepSeek-R1, batching: {maxTokens: 1}}]}",
        "spec.fallback[0].batching.maxTokens: unknown field; did you mean maxBatchedTokens?",
        id="misspelt-in-a-list",
    ),
    pytest.param(
        "{model: DeepSeek-V3, replicas: -1}",
        "spec.replicas: input should be greater than or equal to 0",
        id="out-of-bounds",
    ),
    pytest.param(
        "{model: DeepSeek-V3, accelerator: {product: NVIDIA-H2000}}",
        "spec.accelerator.product: NVIDIA-H2000 is not in the catalog (nearest: H200, ",
        id="unknown-product",
    ),
    pytest.param(
        "{model: DeepSeek-V3, accelerator: {product: NVIDIA-L4}}",
        "spec.accelerator.product: NVIDIA-L4 is not among --accelerators 8xH200:8; add it there, or leave product out",
        id="a-product-that-is-not-there",
    ),
    pytest.param(
        "{model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {count: 8}}",
        "spec.accelerator.count: 8 does not divide the 28 attention heads",
        id="count-does-not-divide-the-heads",
    ),
    pytest.param(
        "{model: DeepSeek-V3, quantization: nvfp4}",
        "spec.quantization: nvfp4 needs compute capability 10 or newer",
        id="quantisation",
    ),
    pytest.param(
        "{model: DeepSeek-V3, workload: {timeToFirstToken: fast}}",
        "spec.workload.timeToFirstToken: string should match pattern",
        id="no-time",
    ),
    pytest.param(
        "{model: DeepSeek-V3, engine: {args: [--max-model-len=200000]}}",
        "spec.engine.args: --max-model-len: 200000 is beyond the 163840 tokens",
        id="context-in-the-engines-flags",
    ),
    pytest.param(
        "{model: DeepSeek-V3, accelerator: {kind: CPU}}",
        "spec.accelerator.kind: CPU is not planned for",
        id="cpu",
    ),
    pytest.param(
        "{model: DeepSeek-V3, fallback: [{model: DeepSeek-R1, accelerator: {product: NVIDIA-H200}, workload: "
        "{inputTokens: 200000}}]}",
        "spec.fallback[0].workload: inputTokens 200000 + outputTokens 256 = 200256 are more than the context",
        id="requests-of-a-fallback",
    ),
    pytest.param("[]", "spec: missing; it needs at least model", id="no-spec"),
]


@pytest.mark.parametrize(("spec", "said"), SPECS)
def test_an_object_that_cannot_be_is_refused_by_field(
    spec: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("plan", "-f", write(tmp_path, spec), "--accelerators", "8xH200:8")

    found = capsys.readouterr()
    assert (code, found.out) == (1, "")
    assert said in found.err
    assert found.err.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--accelerators", "H200"), "--accelerators: H200: write COUNTxPRODUCT:GPUS_OF_A_NODE"),
        (("--accelerators", "8xH9:8"), "--accelerators: H9 is not in the catalog (nearest: "),
        (("--accelerators", "4xH200:8"), "a node of 8 is more than the 4 there are"),
        (("--accelerators", "8xH200:8", "--price", "H200=-1"), "--price: H200=-1: a price is 0 or"),
        (("--accelerators", "8xH200:8", "--price", "H200"), "--price: H200: write PRODUCT=DOLLARS"),
        (
            ("--accelerators", "8xH200:8", "--set", "tensr=8"),
            "tensr is unknown; did you mean tensor",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "maxConcurrentSequences=5"),
            "--set: maxConcurrentSequences is no derived value that can be set here; set batching.maxConcurrent",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "colour=red"),
            "--set: colour is unknown; use one of tensor, pipeline, data, contextTokens, ",
        ),
        (("--accelerators", "8xH200:8", "--set", "tensor"), "--set: tensor: write tensor=VALUE"),
        (
            ("--accelerators", "8xH200:8", "--time-per-output-token", "0.0s"),
            "--time-per-output-token: 0.0s: write it as 800ms or 1.5s",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "tensor=x"),
            "--set: tensor: 'x' is no whole number",
        ),
        (("--accelerators", "8xH200:8", "--set", "tensor=-8"), "--set: tensor: -8 is negative"),
        (
            ("--accelerators", "8xH200:8", "--set", "tensor=0"),
            "--set: tensor: 0 is no number above 0",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "contextTokens=0"),
            "--set: contextTokens: 0 is no number above 0",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "mtpTokens=1000"),
            "--set mtpTokens: 1000 tokens are drafted a step, of which hardly one beyond the first 8 is kept; set at most 8",
        ),
        (
            ("--accelerators", "8xH200:8", "--set", "contextTokens=200000"),
            "--set contextTokens: 200000 is beyond the 163840 tokens",
        ),
        (
            ("--accelerators", "8xH200:8", "--input-tokens", "200000"),
            "--input-tokens, --output-tokens: inputTokens 200000 + outputTokens 256 = 200256 are more than",
        ),
        (("--accelerators", "8xH200:8", "--set", "cacheType=int4"), "int4 is unknown; use bf16 or"),
        (("--accelerators", "8xH200:8", "--input-tokens", "0"), "--input-tokens: 0 is not above 0"),
        (("--accelerators", "8xH200:8", "--time-to-first-token", "9"), "write it as 800ms or 1.5s"),
        (("--accelerators", "1xL4:1"), "spec.accelerator: DeepSeek-V3 in fp8 on 1 x L4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_that_cannot_be_is_refused_by_option(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "-f", write(tmp_path, "{model: DeepSeek-V3}"), *words) == 1

    assert said in capsys.readouterr().err


def test_a_file_that_is_no_deployment_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no.yaml")
    other = write(tmp_path, "{}", kind="Deployment")

    for file, said in (
        (missing, "No such file or directory"),
        (other, "0 objects of kind DeepSeekDeployment"),
    ):
        assert run("plan", "-f", file, "--accelerators", "8xH200:8") == 1
        assert said in capsys.readouterr().err


def test_what_is_set_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "{model: DeepSeek-V3, engine: {args: [--gpu_memory_utilization=0.85, --max-model-len=auto]}}"
    words = ("plan", "-f", write(tmp_path, spec), "--accelerators", "8xH200:8", "-o", "json")

    assert run(*words, "--set", "tensor=8", "--set", "contextTokens=32768") == 0

    values = {value["name"]: value for value in document(capsys)["blocks"][0]["values"]}
    assert values["layout"]["value"] == "TP8 with EP8"
    assert values["contextTokens"]["value"] == "32768"
    assert values["memoryShare"]["value"] == "0.85"
    assert all(values[name]["set"] for name in ("layout", "contextTokens", "memoryShare"))


def test_what_was_measured_is_reckoned_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-R1-Distill-Qwen-7B}")
    found = []

    for more in ((), ("--set", "decodeTimes=1.5")):
        assert run("plan", "-f", file, "--accelerators", "1xL40S:1", "-o", "json", *more) == 0
        found.append({one["name"]: one for one in document(capsys)["blocks"][0]["values"]})

    before, after = (int(values["maxConcurrentSequences"]["value"]) for values in found)
    assert after < before
    assert found[1]["decodeTimes"]["set"]


@pytest.mark.parametrize(
    "flag", ["--free_gpu_memory_fraction=0.8", "--kv_cache_config.free_gpu_memory_fraction=0.8"]
)
def test_what_is_set_for_tensorrt_llm_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    engine = f"{{name: tensorrt-llm, args: [{flag}, --max_seq_len=32768]}}"
    file = write(tmp_path, f"{{model: DeepSeek-V3, engine: {engine}}}")

    assert run("plan", "-f", file, "--accelerators", "8xH200:8", "-o", "json") == 0

    block = document(capsys)["blocks"][0]
    values = {value["name"]: value for value in block["values"]}
    assert block["engine"] == "tensorrt-llm 1.2.1"
    assert (values["memoryShare"]["value"], values["contextTokens"]["value"]) == ("0.8", "32768")


def test_colour_is_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("plan", "-f", str(EXAMPLES / "quickstart.yaml"), "--accelerators", "1xH100:1")

    run(*words)
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run(*words)
    assert "\x1b" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    run(*words)
    assert "\x1b" not in capsys.readouterr().out


def test_the_verbs_that_help_names_are_those_of_rollouts() -> None:
    assert set(cli.HELP) == set(map(str, Verb))
