"""Every example is an object that is admitted and that a plan can be made for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import Observed
from deepseek_operator.plan import make_plan
from dev.paths import REPOSITORY
from tests.unit.samples import IMAGES, NOW, check_against_kubernetes, conditions

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_there_are_examples() -> None:
    assert {"quickstart.yaml", "deepseek-v3.yaml", "edge-cpu.yaml"} <= {
        path.name for path in EXAMPLES
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_becomes_valid_children(path: Path) -> None:
    manifest = load(path)
    manifest["metadata"] = {
        "namespace": "team",
        "uid": "u",
        "generation": 1,
        **manifest["metadata"],
    }
    deployment = DeepSeekDeployment.model_validate(manifest)

    plan = make_plan(deployment, Observed(), stored={}, images=IMAGES, now=NOW)

    assert conditions(plan.status)["Stalled"]["status"] == "False"
    for child in plan.apply:
        # Not one of Kubernetes' own: tests/cluster has the real server say.
        if child["kind"] != "HTTPRoute":
            check_against_kubernetes(child)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_what_it_is_for(path: Path) -> None:
    assert path.read_text().startswith("# ")
