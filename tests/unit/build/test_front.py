"""Pods whose engine has a front, a file of options, and weights under the served name."""

from typing import Any

import pytest
import yaml

from deepseek_operator.build import template
from deepseek_operator.engines import choice
from deepseek_serving.engine import classes
from tests.unit.engines.matrix import sized_request
from tests.unit.samples import Manifest, deepseek, engine_request

TRTLLM: Manifest = {"name": "tensorrt-llm"}
OWN: Manifest = {"model": "own", "source": "pvc://models/a/b", "engine": TRTLLM}


def build(served_name: str = "chat", /, **spec: Any) -> Manifest:
    """The pods of an object."""
    request = engine_request(served_name, **(spec or OWN))
    engine = choice.engine_container(request)
    return template.build_template(
        deepseek(), key="k", request=request, engine=engine, claim="kept"
    )


def containers(built: Manifest) -> dict[str, Manifest]:
    """By name."""
    found = [*built["spec"]["initContainers"], *built["spec"]["containers"]]
    return {item["name"]: item for item in found}


def test_the_front_is_a_sidecar_that_outlives_the_engine() -> None:
    built = build()
    front = containers(built)["front"]

    assert front in built["spec"]["initContainers"]
    assert front["restartPolicy"] == "Always"
    assert front["startupProbe"]["tcpSocket"] == {"port": 8000}
    assert {"--port=8000", "--engine-port=8002", "--open=/health"} <= set(front["args"])
    assert front["command"][-1] == "deepseek_serving.front"
    assert front["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_front_knows_how_many_long_requests_its_replica_was_sized_for() -> None:
    request = sized_request("DeepSeek-R1", "NVIDIA-H200", engine=TRTLLM)
    assert request.sized is not None
    engine = choice.engine_container(request)

    built = template.build_template(
        deepseek(), key="k", request=request, engine=engine, claim="kept"
    )

    most = {"name": classes.MOST_LONG_VARIABLE, "value": f"{request.sized.long.most}"}
    assert containers(built)["front"].get("env") == [most]
    assert "env" not in containers(build())["front"]


def test_vllm_takes_its_pods_requests_itself() -> None:
    built = build(**{**OWN, "engine": {}})

    assert "front" not in containers(built)
    assert not {"options"} & {volume["name"] for volume in built["spec"]["volumes"]}
    assert set(built["metadata"]["annotations"]) == {"kubectl.kubernetes.io/default-container"}


def test_the_options_are_frozen_with_the_pod() -> None:
    built = build()

    text = built["metadata"]["annotations"]["serving.deepseek.dev/engine-options"]
    [volume] = [one for one in built["spec"]["volumes"] if one["name"] == "options"]
    [item] = volume["downwardAPI"]["items"]
    mount = {"name": "options", "mountPath": "/etc/engine", "readOnly": True}
    assert yaml.safe_load(text)["return_perf_metrics"] is True
    assert item["path"] == "options.yaml"
    assert item["fieldRef"]["fieldPath"] == (
        "metadata.annotations['serving.deepseek.dev/engine-options']"
    )
    assert mount in containers(built)["engine"]["volumeMounts"]
    assert "--config=/etc/engine/options.yaml" in containers(built)["engine"]["args"]


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        pytest.param("pvc://models/a/b", {"subPath": "a/b"}, id="a-folder-of-a-claim"),
        pytest.param("pvc://models", {}, id="a-whole-claim"),
        pytest.param("hf://org/name", {"subPath": "model"}, id="fetched"),
    ],
)
def test_weights_are_mounted_under_the_served_name(source: str, folder: Manifest) -> None:
    built = build("my-chat", **{**OWN, "source": source})

    engine = containers(built)["engine"]
    mount = {"name": "weights", "mountPath": "/models/my-chat", "readOnly": True, **folder}
    assert mount in engine["volumeMounts"]
    assert engine["args"][0] == "/models/my-chat"


def compiled_key(served_name: str, /, *args: str) -> str:
    """Under which what the engine compiles is kept."""
    spec = {"model": "own", "source": "hf://org/name", "engine": {**TRTLLM, "args": list(args)}}
    [flag] = [
        str(word)
        for word in containers(build(served_name, **spec))["tools"]["command"]
        if word.startswith("--revision=")
    ]
    return flag


def test_what_is_compiled_depends_on_the_options_and_not_on_the_name() -> None:
    assert compiled_key("chat") == compiled_key("other")
    assert compiled_key("chat") != compiled_key("chat", "--kv_cache_config.dtype=fp8")
    assert compiled_key("chat") != compiled_key("chat", "--log_level=debug")
