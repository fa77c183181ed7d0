"""The cluster of the current kubeconfig: what is asked of it, with a fake kubectl, helm and buildah."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dev import steps
from dev.cluster import layout
from dev.cluster.layout import NODE_ENDPOINTS
from dev.demo import target
from dev.images import base, catalog, store
from tests.unit.dev.programs import fake_program

REGISTRY = "registry.example.com/team"


def answering(server: str) -> dict[str, str]:
    """A kubectl whose current context is that of a server."""
    config = f'{{"clusters": [{{"cluster": {{"server": "{server}"}}}}]}}'
    return {"*config*view*": f"echo '{config}'"}


def fake_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A buildah in whose store the base and every image are, as the present sources make them."""
    monkeypatch.setattr(store, "STORE", folder / "store")
    monkeypatch.setattr(store, "LOG", folder / "images.log")
    foundation = f"{base.REFERENCE}-{base.digest()}"
    named = {f"id-of-{image.name}": image.reference for image in catalog.IMAGES}
    listed = "; ".join(f"echo {key} {name}" for key, name in {"id": foundation, **named}.items())
    tells = 'while [ "$1" != --digestfile ]; do shift; done; echo sha256:abc > "$2"'
    answers = {'*" images "*': listed, "*--digestfile*": tells}
    for image in catalog.IMAGES:
        answers[f'*" inspect "*id-of-{image.name}'] = f"echo {image.digest(foundation)}"
    fake_program(folder, "debootstrap", monkeypatch)
    return fake_program(folder, "buildah", monkeypatch, answers)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("echo current-context must exist in order to minify; exit 1", id="no-context"),
        pytest.param("echo '{\"clusters\": null}'", id="no-kubeconfig"),
        pytest.param("echo '{\"clusters\": []}'", id="no-cluster"),
    ],
)
def test_without_a_context_the_remedy_is_told_and_nothing_else_is_asked(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_program(tmp_path, "kubectl", monkeypatch, {"*config*view*": said})

    with pytest.raises(steps.StepError, match="there is none: set KUBECONFIG, or"):
        target.current(REGISTRY)

    assert len(asked()) == 1


def test_without_a_registry_the_remedy_is_told_before_the_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_program(tmp_path, "kubectl", monkeypatch, answering("https://api.example.com"))

    with pytest.raises(steps.StepError, match=r"https://api\.example\.com cannot .* REGISTRY="):
        target.current("")

    assert len(asked()) == 1


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answering("https://api.example.com") | {"version": "echo refused; exit 1"}
    fake_program(tmp_path, "kubectl", monkeypatch, answers)

    with pytest.raises(steps.StepError, match="refused"):
        target.current(REGISTRY)


def test_with_both_images_are_named_as_the_registry_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_program(tmp_path, "kubectl", monkeypatch, answering("https://api.example.com"))
    fake_store(tmp_path, monkeypatch)

    found = target.current(REGISTRY)

    assert asked()[-1] == "version"
    assert found.embedded is None
    assert found.kubectl.program("kubectl") == str(tmp_path / "kubectl")
    assert found.image("toolbox") == f"{REGISTRY}/toolbox:dev"
    values = found.values()
    assert values["podAnnotations"] == {"serving.deepseek.dev/build": "id-of-operator"}
    assert values["image"] == {"repository": f"{REGISTRY}/operator", "tag": "dev"}
    assert values["images"] == {
        "vllmCpu": f"{REGISTRY}/vllm-cpu:0.32.0",
        "toolbox": f"{REGISTRY}/toolbox:dev",
        "gateway": f"{REGISTRY}/gateway:dev",
    }


def test_an_image_for_a_cluster_elsewhere_is_built_and_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, "kubectl", monkeypatch, answering("https://api.example.com"))
    asked = fake_store(tmp_path, monkeypatch)

    target.current(REGISTRY).provide(catalog.by_name("toolbox"))

    [pushed] = [command for command in asked() if " push " in command]
    assert pushed.endswith(
        f" localhost/deepseek-operator/toolbox:dev docker://{REGISTRY}/toolbox:dev"
    )
    assert "oci-archive" not in pushed, "no archive is written for a registry"


def test_the_embedded_cluster_as_the_current_one_needs_no_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, "kubectl", monkeypatch, answering(NODE_ENDPOINTS.server))

    found = target.current("")

    assert found.embedded == layout.named("dev")
    assert found.image("operator") == "localhost/deepseek-operator/operator:dev"


def test_an_embedded_cluster_that_does_not_run_is_told_with_the_remedy_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answering(NODE_ENDPOINTS.server) | {"version*": "echo no route to host; exit 1"}
    asked = fake_program(tmp_path, "kubectl", monkeypatch, answers)

    with pytest.raises(steps.StepError) as refused:
        target.current("")

    assert "the embedded cluster does not run" in str(refused.value)
    assert "`make cluster`, or `make demo`" in str(refused.value)
    assert "no route to host" in str(refused.value)
    assert len(asked()) == 2


def test_clients_that_are_there_are_not_built_for_a_cluster_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [fake_program(tmp_path, name, monkeypatch) for name in ("kubectl", "helm", "go")]

    target.install_clients(own=True)

    assert [calls() for calls in asked] == [[], [], []]
