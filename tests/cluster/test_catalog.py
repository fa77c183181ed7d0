"""The operator's own process follows a platform team's documents: what they add is served without a restart."""

from pathlib import Path

import yaml

from dev.paths import REPOSITORY
from tests.cluster.objects import Cluster, condition, deepseek, wait_until
from tests.cluster.releases import Account, running_operator, wait_for_condition
from tests.unit.mounted import mount

DATA = yaml.safe_load((REPOSITORY / "examples" / "platform" / "catalog.yaml").read_text())["data"]


async def test_a_document_with_a_mistake_is_told_and_a_mended_one_is_served(
    cluster: Cluster, tmp_path: Path
) -> None:
    config, folder = tmp_path / "admin.kubeconfig", tmp_path / "catalog"
    config.write_text(cluster.plane.kubeconfig.read_text())
    account = Account(cluster.namespace, "admin", config)
    mistaken = {**DATA, "products.yaml": DATA["products.yaml"].replace("nodeGpus", "nodeGpu")}
    mount(folder, mistaken)
    accelerator = {"kind": "GPU", "product": "ACME-X1"}
    asked = deepseek("own", cluster.namespace, model="Support-Llama-8B", accelerator=accelerator)
    await cluster.apply(deepseek("before", cluster.namespace))
    await cluster.apply(asked)
    settings = {"DSO_NAMESPACES": cluster.namespace, "DSO_CATALOG_FOLDER": str(folder)}

    async with running_operator(account, **settings) as log:
        await wait_for_condition(cluster, "before", "Ready", "True")
        await wait_for_condition(cluster, "own", "Stalled", "True")
        before = await cluster.children("before")
        said = condition(await cluster.get("own"), "Stalled")["message"]
        assert "ACME-X1 is not in the catalog" in said
        assert "products.yaml: X1: nodeGpu: unknown field; did you mean nodeGpus?" in said
        assert "products.yaml: X1: nodeGpu: unknown field" in log.read_text()

        mount(folder, DATA)
        # Within ten seconds of the change, and not with the next resync in ten minutes.
        await wait_for_condition(cluster, "own", "Stalled", "False")

        async def made() -> bool:
            return any(kind == "controllerrevisions" for kind, _ in await cluster.children("own"))

        await wait_until(made, what="the revision is made")
        after = await cluster.children("before")

    sizing = (await cluster.get("own"))["status"]["sizing"]
    assert sizing["accelerator"] == "X1"
    revisions = [place for place in before if place[0] == "controllerrevisions"]
    assert [place for place in after if place[0] == "controllerrevisions"] == revisions
    for place in revisions:
        assert after[place]["data"] == before[place]["data"]
