"""From a block to a shape, or to the reason why there is none."""

import pytest

from deepseek_operator.api.conditions import Reason
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.errors import Stalled
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape, revision_key
from tests.unit.samples import CPU_SPEC, IMAGES, Manifest, deepseek


def resolve(spec: Manifest, *, images: EngineImages = IMAGES) -> Shape:
    deployment = deepseek(**spec)
    return resolve_shape(deployment, deployment.spec, images=images)


@pytest.mark.parametrize(
    ("spec", "source", "image"),
    [
        pytest.param(
            {"model": "DeepSeek-V3"}, "hf://deepseek-ai/DeepSeek-V3", IMAGES.vllm, id="by-name"
        ),
        pytest.param(CPU_SPEC, "pvc://models/tiny", IMAGES.vllm_cpu, id="own-model-on-cpu"),
        pytest.param(
            {"model": "DeepSeek-V3", "source": "pvc://v3", "engine": {"image": "own:1"}},
            "pvc://v3",
            "own:1",
            id="own-copy-and-image",
        ),
    ],
)
def test_a_shape_says_what_was_decided(spec: Manifest, source: str, image: str) -> None:
    shape = resolve(spec)

    assert (spec["model"], source, image) == (shape.model, shape.source, shape.image)
    assert image == shape.template["spec"]["containers"][0]["image"]
    assert revision_key(deepseek(**spec).spec) == shape.key


@pytest.mark.parametrize(("drain", "seconds"), [(None, 600), ("1h30m", 5400)])
def test_an_engine_has_as_long_for_running_answers_as_a_gateway(
    drain: str | None, seconds: int
) -> None:
    shape = resolve({**CPU_SPEC, "gateway": {"drainTimeout": drain}})

    spec = shape.template["spec"]
    assert f"--shutdown-timeout={seconds}" in spec["containers"][0]["args"]
    assert spec["terminationGracePeriodSeconds"] > seconds


def test_an_unknown_model_without_source_stalls_with_three_names() -> None:
    with pytest.raises(Stalled) as stalled:
        resolve({"model": "DeepSeek-R1-Distil-Qwen-7B"})

    assert stalled.value.reason == Reason.UNKNOWN_MODEL
    assert "spec.model: DeepSeek-R1-Distil-Qwen-7B is not in the catalog" in stalled.value.message
    assert "(nearest: DeepSeek-R1-Distill-Qwen-7B, " in stalled.value.message
    assert stalled.value.message.partition("nearest")[2].count(",") == 2


def test_a_source_that_no_rule_refused_stalls_with_its_field() -> None:
    with pytest.raises(Stalled, match=r"spec\.source: .* none of pvc://") as stalled:
        resolve({"model": "m", "source": "ftp://bucket"})

    assert stalled.value.reason == Reason.INVALID_SPEC


TRTLLM: Manifest = {"model": "own", "source": "pvc://models/own"}


def test_what_an_engine_does_not_take_stalls_with_its_field() -> None:
    engine = {"name": "tensorrt-llm", "args": ["--kv_cache_config.dtyp=fp8"]}

    with pytest.raises(Stalled) as stalled:
        resolve({**TRTLLM, "engine": engine})

    assert stalled.value.reason == Reason.INVALID_SPEC
    assert stalled.value.message.startswith(
        "spec.engine.args: --kv_cache_config.dtyp: no such key; did you mean dtype? (TensorRT-LLM"
    )


@pytest.mark.parametrize(
    "value", ["[" * 1900, "[" * 400 + "]" * 400, '{"a":' * 300 + "1" + "}" * 300]
)
@pytest.mark.parametrize("image", [None, "own:1"])
def test_a_value_that_is_nested_without_end_stalls(value: str, image: str | None) -> None:
    entry = f"--cuda_graph_config.batch_sizes={value}"
    engine = {"name": "tensorrt-llm", "args": [entry], **({"image": image} if image else {})}

    with pytest.raises(Stalled, match="have at most 16 levels") as stalled:
        resolve({**TRTLLM, "engine": engine})

    assert stalled.value.reason == Reason.INVALID_SPEC


def test_a_number_without_end_stalls() -> None:
    spec = {
        "model": "DeepSeek-R1-Distill-Qwen-7B",
        "accelerator": {"product": "NVIDIA-H200"},
        "engine": {"args": [f"--max-model-len={400 * '9'}"]},
    }

    with pytest.raises(Stalled, match="is no number of tokens above 0") as stalled:
        resolve(spec)

    assert stalled.value.reason == Reason.CANNOT_RUN


def test_the_engine_is_the_one_that_is_named() -> None:
    shape = resolve({**TRTLLM, "engine": {"name": "tensorrt-llm"}})

    [engine] = shape.template["spec"]["containers"]
    assert engine["command"] == ["trtllm-serve", "serve"]
    assert shape.image == IMAGES.tensorrt_llm
