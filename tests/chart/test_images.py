"""Which images a release uses, and how one registry serves them all."""

import json
import re
from typing import Any

import pytest
import yaml

from dev.paths import REPOSITORY
from tests.chart import rendering

MIRROR = "registry.example.com:5000/mirror"
VARIABLES = {
    "vllm": "DSO_VLLM_IMAGE",
    "vllmCpu": "DSO_VLLM_CPU_IMAGE",
    "tensorrtLlm": "DSO_TENSORRT_LLM_IMAGE",
    "toolbox": "DSO_TOOLBOX_IMAGE",
    "gateway": "DSO_GATEWAY_IMAGE",
}
EXAMPLE = REPOSITORY / "examples" / "platform" / "air-gapped.yaml"


def images(**values: Any) -> dict[str, str]:
    """Every image of a release, by what it is for."""
    environment = rendering.environment(**values)
    [test] = rendering.of_kind("Pod", **values)
    return {
        "operator": rendering.container(**values)["image"],
        "test": test["spec"]["containers"][0]["image"],
        **{name: environment[variable] for name, variable in VARIABLES.items()},
    }


def test_each_image_is_its_makers_where_nothing_is_said() -> None:
    found = images()

    assert found["vllm"].startswith("docker.io/vllm/vllm-openai:v")
    assert found["tensorrtLlm"].startswith("nvcr.io/nvidia/tensorrt-llm/release:")
    for name in ("operator", "toolbox", "gateway"):
        assert found[name].startswith(f"ghcr.io/deepseek-operator/{name}:")
    assert found["test"] == found["toolbox"]


def test_one_registry_takes_the_place_of_all_and_nothing_else_of_a_name_changes() -> None:
    before, after = images(), images(imageRegistry=MIRROR)

    assert after == {name: f"{MIRROR}/{image.partition('/')[2]}" for name, image in before.items()}


def test_no_image_of_a_release_is_left_out() -> None:
    """Whatever looks like an image in any object: a new one has to be in the mirror, too."""
    text = json.dumps(rendering.render(imageRegistry=MIRROR, crds={"install": False}))

    assert MIRROR in text
    assert re.findall(r"(?:docker|ghcr|nvcr|quay|gcr)\.io/[^\s\"]+", text) == []


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        pytest.param("vllm/vllm-openai:v1", "vllm/vllm-openai:v1", id="no-registry"),
        pytest.param("busybox", "busybox", id="one-word"),
        pytest.param("localhost/a/b:dev", "a/b:dev", id="localhost"),
        pytest.param("host:5000/a:1", "a:1", id="port"),
        pytest.param(
            "other.example.com/a/b@sha256:" + "0" * 64, "a/b@sha256:" + "0" * 64, id="digest"
        ),
    ],
)
def test_what_counts_as_a_registry(given: str, becomes: str) -> None:
    found = images(imageRegistry=MIRROR, images={"vllm": given, "gateway": given})

    assert found["vllm"] == found["gateway"] == f"{MIRROR}/{becomes}"


def test_the_operators_digest_and_tag_stay() -> None:
    digest = "sha256:" + "1" * 64

    assert images(imageRegistry=MIRROR, image={"digest": digest})["operator"] == (
        f"{MIRROR}/deepseek-operator/operator@{digest}"
    )
    assert images(imageRegistry=MIRROR, image={"tag": "t"})["operator"].endswith("/operator:t")


def test_the_example_without_the_internet_names_one_registry_alone() -> None:
    values = yaml.safe_load(EXAMPLE.read_text())

    found = images(**values)

    assert {image.partition("/")[0] for image in found.values()} == {"registry.example.com"}
    assert "@sha256:" in found["operator"]
    assert rendering.pod_spec(**values)["imagePullSecrets"] == values["imagePullSecrets"]
