"""What the rules of the definition refuse is refused by a plan, where no API server is asked."""

from pathlib import Path

import pytest

from deepseek_operator.cli import objects
from deepseek_operator.cli.objects import InputError
from tests.cluster.test_bad_objects import BAD
from tests.unit.cli import clusters
from tests.unit.cli.test_plan import run, write
from tests.unit.samples import Manifest

V3 = "model: DeepSeek-V3, accelerator: {product: NVIDIA-H200, count: 8}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param(
            "replicas: 3, autoscaling: {max: 4}",
            "spec: replicas: autoscaling sets the number, between its min and max; remove replicas, or autoscaling",
            id="two-numbers",
        ),
        pytest.param(
            "autoscaling: {min: 0, max: 2}, gateway: {provider: None}",
            "spec: autoscaling.min: 0 needs a gateway that holds the first request",
            id="nobody-holds-requests",
        ),
        pytest.param(
            "pod: {priorityClassName: system-node-critical}",
            "spec.pod.priorityClassName: pod.priorityClassName: classes that begin with system-",
            id="a-priority",
        ),
        pytest.param(
            "pod: {env: [{name: VLLM_SERVER_DEV_MODE, value: '1'}]}",
            "spec.pod.env[0]: pod.env: VLLM_SERVER_DEV_MODE is owned by the operator; remove it",
            id="a-variable",
        ),
        pytest.param(
            "pod: {annotations: {io.kubernetes.cri-o.Devices: /dev/mem}}",
            "spec.pod.annotations: keys by which a container runtime confines a pod less",
            id="an-annotation",
        ),
    ],
)
def test_what_the_api_server_would_refuse_does_not_fit(
    fields: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, {fields}}}")

    assert run("plan", "-f", file, "--accelerators", "16xH200:8") == 1

    assert capsys.readouterr().err.startswith(f"error: {file}: {said}")


def test_a_name_that_cannot_serve_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}}}")
    Path(file).write_text(Path(file).read_text().replace("name: chat", "name: chat-gateway"))

    assert run("plan", "-f", file, "--accelerators", "16xH200:8") == 1

    assert f"{file}: metadata.name may not end in '-gateway'" in capsys.readouterr().err


async def test_an_object_without_a_name_is_judged_beside_a_cluster_too(tmp_path: Path) -> None:
    spec = {"model": "DeepSeek-V3", "replicas": 3, "autoscaling": {"max": 4}}

    with pytest.raises(InputError, match="spec: replicas: autoscaling sets the number"):
        await clusters.plan(clusters.empty(), clusters.write(tmp_path, spec, name=""))


@pytest.mark.parametrize("spec", [row.values[0] for row in BAD])
def test_whatever_the_api_server_refuses_is_refused(spec: Manifest, tmp_path: Path) -> None:
    file = clusters.write(tmp_path, spec)

    with pytest.raises(InputError):
        objects.check(objects.read(file), file)
