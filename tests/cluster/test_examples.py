"""Every example is taken by the API server as it stands."""

from pathlib import Path

import pytest
import yaml

from dev.paths import REPOSITORY
from tests.cluster.objects import Cluster, Manifest

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))


def load(path: Path) -> Manifest:
    return dict(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("manifest", [pytest.param(load(one), id=one.stem) for one in EXAMPLES])
async def test_an_example_is_admitted(cluster: Cluster, manifest: Manifest) -> None:
    manifest["metadata"]["namespace"] = cluster.namespace

    stored = await cluster.apply(manifest)

    assert stored["spec"]["model"] == manifest["spec"]["model"]
