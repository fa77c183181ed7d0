"""Images in a registry: their names, how they get there, and the chart that uses them."""

import itertools
import json
import shlex
import textwrap
from pathlib import Path

import pytest

from dev import steps
from dev.images import catalog, push, store
from dev.paths import REPOSITORY
from tests.unit.dev.programs import fake_program

REGISTRY = "registry.example.com/team"
CHART = "name: deepseek-operator\nversion: 1.0.0\nappVersion: 2.3.4\n"


def test_our_own_images_carry_the_charts_app_version_and_the_engine_its_own() -> None:
    assert push.released(REGISTRY, CHART) == {
        "operator": f"{REGISTRY}/operator:2.3.4",
        "toolbox": f"{REGISTRY}/toolbox:2.3.4",
        "gateway": f"{REGISTRY}/gateway:2.3.4",
        "vllm-cpu": f"{REGISTRY}/vllm-cpu:0.32.0",
    }


@pytest.mark.parametrize("quote", ["'", '"', ""])
def test_the_app_version_may_be_quoted(quote: str) -> None:
    chart = CHART.replace("2.3.4", f"{quote}2.3.4{quote}")

    assert push.released(REGISTRY, chart)["operator"].endswith(":2.3.4")


def test_a_chart_without_app_version_is_an_error() -> None:
    with pytest.raises(steps.StepError, match="no appVersion"):
        push.released(REGISTRY, "version: 1.0.0\n")


def test_the_command_that_is_told_sets_values_that_the_chart_has() -> None:
    schema = json.loads((push.CHART / "values.schema.json").read_text())["properties"]
    names = push.released(REGISTRY, CHART)
    [_, command] = push.way_on(names).split(":\n", 1)
    words = shlex.split(command.replace("\\\n", " "))

    values = dict(
        word.split("=", 1) for before, word in itertools.pairwise(words) if before == "--set"
    )
    assert words[:4] == ["helm", "install", "deepseek-operator", "charts/deepseek-operator"]
    assert values.pop("image.repository") == f"{REGISTRY}/operator"
    assert set(values.values()) == set(names.values()) - {names["operator"]}
    for value in values:
        room, name = value.split(".")
        assert name in schema[room]["properties"]


def test_the_readme_tells_the_command_as_it_is() -> None:
    chart = (push.CHART / "Chart.yaml").read_text()
    [_, command] = push.way_on(push.released(REGISTRY, chart)).split(":\n", 1)

    assert textwrap.dedent(command) in (REPOSITORY / "README.md").read_text()


def test_a_built_image_is_pushed_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tells = 'while [ "$1" != --digestfile ]; do shift; done; echo sha256:abc > "$2"'
    asked = fake_program(tmp_path, "buildah", monkeypatch, {"*--digestfile*": tells})
    monkeypatch.setattr(store, "LOG", tmp_path / "images.log")
    monkeypatch.setattr(store, "STORE", tmp_path / "store")

    digest = push.push(catalog.by_name("toolbox"), f"{REGISTRY}/toolbox:1")

    [command] = asked()
    assert digest == "sha256:abc"
    words = command.split()
    assert words[-5:-3] == ["push", "--digestfile"]
    assert words[-2:] == [
        "localhost/deepseek-operator/toolbox:dev",
        f"docker://{REGISTRY}/toolbox:1",
    ]
    assert f"==> push {REGISTRY}/toolbox:1" in capsys.readouterr().out
