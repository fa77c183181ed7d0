"""What a name and a product become, as a checked-in file that a person can read."""

import pytest
import yaml

from tests.conftest import Golden
from tests.unit.build import sized
from tests.unit.samples import Manifest, check_against_kubernetes


def test_pods_of_models_on_accelerators_are_as_the_golden_file_shows(golden: Golden) -> None:
    found = {
        f"{model} on {product}": sized.summary(model, product) for model, product in sized.PAIRS
    }

    assert len(found) >= 30
    golden("sized.yaml", yaml.safe_dump(found, sort_keys=False, width=120))


@pytest.mark.parametrize(
    "manifest", [pytest.param(built, id=name) for name, built in sized.deployments()]
)
def test_each_is_a_deployment_that_kubernetes_knows(manifest: Manifest) -> None:
    check_against_kubernetes(manifest)
