"""Which files an engine needs, as a table of repositories."""

import pytest

from deepseek_serving.weights import choice
from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import Checksum, RemoteFile

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "model.safetensors.index.json"
BESIDE = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def listed(*paths: str) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(path, 1, Checksum("sha256", "0" * 64)) for path in paths)


def chosen(*paths: str) -> list[str]:
    return [file.path for file in choice.choose(listed(*paths))]


@pytest.mark.parametrize(
    ("needed", "others"),
    [
        pytest.param(
            (*BESIDE, *SHARDS, INDEX, "configuration_deepseek.py", "modeling_deepseek.py"),
            (
                ".gitattributes",
                "LICENSE-CODE",
                "LICENSE-MODEL",
                "README.md",
                "README_WEIGHTS.md",
                "figures/benchmark.png",
                "inference/requirements.txt",
            ),
            id="DeepSeek-V3",
        ),
        pytest.param(
            (*BESIDE, *SHARDS, INDEX),
            ("figures/benchmark.jpg", "LICENSE", "README.md", ".gitattributes"),
            id="DeepSeek-R1-Distill",
        ),
        pytest.param(
            ("config.json", "model.safetensors"),
            ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "rust_model.ot"),
            id="one-file-and-other-frameworks",
        ),
        pytest.param(
            ("config.json", *SHARDS, INDEX),
            (
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json",
            ),
            id="safetensors-over-bin-and-its-index",
        ),
        pytest.param(
            ("config.json", *SHARDS, INDEX, "tekken.json"),
            ("consolidated.safetensors", "consolidated.safetensors.index.json"),
            id="no-consolidated-duplicate",
        ),
        pytest.param(
            ("params.json", "consolidated.safetensors", "tekken.json"),
            ("README.md",),
            id="consolidated-where-it-is-all-there-is",
        ),
        pytest.param(
            ("config.json", "model.safetensors", "tokenizer.model"),
            (
                "original/consolidated.00.pth",
                "original/params.json",
                "original/tokenizer.model",
                "onnx/model.onnx",
                "onnx/config.json",
                "gguf/model-q4.gguf",
                "model-q8.gguf",
                "model.onnx",
                "openvino/openvino_model.bin",
                "metal/model.bin",
            ),
            id="no-other-formats",
        ),
        pytest.param(
            ("config.json", "pytorch_model.bin", "vocab.txt", "merges.txt"),
            ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"),
            id="bin-without-what-training-left",
        ),
        pytest.param(
            (
                "config.json",
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json",
            ),
            ("model.pt",),
            id="bin-in-shards",
        ),
        pytest.param(("config.json", "consolidated.00.pth"), ("optimizer.pt",), id="pth"),
        pytest.param(
            ("config.json", "model-q4-00001-of-00002.gguf", "model-q4-00002-of-00002.gguf"),
            ("README.md",),
            id="one-gguf-in-shards",
        ),
        pytest.param(
            ("config.json", "model.safetensors", "chat_template.jinja", "chat_template.json"),
            ("trainer_state.json", "all_results.json", "tests/check.py", ".ci/build.py"),
            id="chat-template",
        ),
        pytest.param(
            ("config.json", "hf_quant_config.json", "quantize_config.json", "model.safetensors"),
            ("recipe.yaml",),
            id="quantised",
        ),
        pytest.param(
            ("model.safetensors", "config.json", "encoding/encoding_dsv32.py", "qwen.tiktoken"),
            ("encoding/test.md", "assets/picture.svg"),
            id="code-in-folders",
        ),
        pytest.param(
            ("config.json", "model.safetensors"),
            ("fp8/model.safetensors", "fp8/config.json"),
            id="variants-in-folders-are-sources-of-their-own",
        ),
    ],
)
def test_what_the_engine_needs_is_chosen_and_nothing_else(
    needed: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assert sorted(chosen(*needed, *others)) == sorted(needed)
    assert sorted(chosen(*others, *needed)) == sorted(needed)


def test_the_order_is_the_sources() -> None:
    assert chosen("b.safetensors", "config.json", "a.safetensors") == [
        "b.safetensors",
        "config.json",
        "a.safetensors",
    ]


def test_an_archive_is_taken_whole() -> None:
    archive = RemoteFile("0123.tar", 1, Checksum("sha256", "0" * 64), archive="image")
    titled = listed("README.md", "config.json")

    assert choice.choose((archive, *titled)) == (archive, titled[1])


@pytest.mark.parametrize(
    ("paths", "reason", "words"),
    [
        pytest.param((), Reason.NOT_FOUND, "none of the source's 0 files", id="empty"),
        pytest.param(("README.md",), Reason.NOT_FOUND, "name the folder", id="no-weights"),
        pytest.param(
            ("a/model.safetensors", "b/model.safetensors"),
            Reason.NOT_FOUND,
            "there are some under a, b",
            id="only-in-folders",
        ),
        pytest.param(
            ("m-q4.gguf", "m-q8.gguf"), Reason.INVALID_SOURCE, "2 GGUF models", id="which-gguf"
        ),
    ],
)
def test_a_source_without_a_model_is_refused_with_what_to_do(
    paths: tuple[str, ...], reason: Reason, words: str
) -> None:
    with pytest.raises(Permanent, match=words) as refusal:
        choice.choose(listed(*paths))

    assert refusal.value.reason is reason


def test_weights_are_known_by_their_names() -> None:
    assert choice.hold_weights(["config.json", "model.safetensors"])
    assert not choice.hold_weights(["config.json", "onnx/model.safetensors"])
