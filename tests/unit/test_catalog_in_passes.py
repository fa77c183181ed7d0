"""What a platform team adds is served without a restart, and no revision that exists becomes another one by it."""

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator import application, derivation, measured
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.build import weights as builders
from deepseek_operator.catalog import catalog as catalogs
from deepseek_operator.catalog_files import CatalogFiles
from deepseek_operator.diagnosis import diagnose
from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.observed import Observed
from deepseek_operator.queue import KeyQueue
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import Outcome
from dev.paths import REPOSITORY
from tests.unit.capacity import machines
from tests.unit.fake_api import FakeApi
from tests.unit.mounted import mount
from tests.unit.rollout.played import Pace
from tests.unit.samples import CPU_SPEC, IMAGES, NOW, Manifest, conditions, deepseek
from tests.unit.service_on_nodes import BLUE_GREEN, Machines, wanting
from tests.unit.service_on_nodes import OLD as SMALL
from tests.unit.test_canary import OLD, Service
from tests.unit.test_leading import SETTINGS
from tests.unit.test_measured import warmed
from tests.unit.test_queue import TurnedLoop
from tests.unit.test_reconcile import KEY, OBJECT, content, put_object
from tests.unit.turned import turned_loop
from tests.unit.world import World

DATA: dict[str, str | bytes] = yaml.safe_load(
    (REPOSITORY / "examples" / "platform" / "catalog.yaml").read_text()
)["data"]

OWN_MODEL: Manifest = {"model": "Support-Llama-8B", "accelerator": {"product": "NVIDIA-L40S"}}
OWN_PRODUCT: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "source": "pvc://models/7b",
    "accelerator": {"product": "ACME-X1"},
}
SLOWER = """
accelerators:
  X1:
    memoryGiB: 30
    gigabytesPerSecond: 900
    computeCapability: 8.6
    teraflops: {bf16: 100}
    labels: {gpuOperator: [ACME-X1-A], gke: [ACME-X1]}
models:
  DeepSeek-R1-Distill-Qwen-7B:
    layers: 56
    dimensions: {denseLayers: 56}
    weightsBytes: 30_000_000_000
    repository: example/other
engines:
  vllm-0.33.0: {blockTokens: 32, memoryShare: 0.5}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "catalog"
    mount(found, {})
    return found


@pytest.fixture
def files(folder: Path) -> CatalogFiles:
    return CatalogFiles(str(folder), metrics=OperatorMetrics())


async def one_pass(api: FakeApi, files: CatalogFiles) -> Outcome:
    return await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW, catalog=files.present)


async def settle(api: FakeApi, files: CatalogFiles) -> None:
    for _ in range(12):
        if not (await one_pass(api, files)).writes:
            return
        api.start_pods()
    raise AssertionError("the passes do not come to rest")


def stalled(api: FakeApi) -> Manifest:
    return conditions(api.objects[OBJECT]["status"])["Stalled"]


def revisions(api: FakeApi) -> list[dict[str, Any]]:
    return [item["data"] for item in api.of_kind("ControllerRevision").values()]


async def test_an_unknown_model_is_served_once_a_document_has_it(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_MODEL)
    await one_pass(api, files)
    assert stalled(api)["reason"] == "UnknownModel"

    mount(folder, DATA)
    assert files.look()
    await settle(api, files)

    assert stalled(api)["status"] == "False"
    [data] = revisions(api)
    assert data["source"] == "hf://example/support-llama-8b"
    assert data["sizing"]["accelerator"] == "L40S"


async def test_a_mistake_in_the_document_is_told_where_the_model_is_missed(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_MODEL)
    mount(folder, {**DATA, "models.yaml": str(DATA["models.yaml"]).replace("layers", "layer")})
    files.look()

    await one_pass(api, files)

    assert stalled(api)["reason"] == "UnknownModel"
    assert stalled(api)["message"].endswith(
        "; it may stand in a document of the platform team's catalog that was refused: models.yaml: "
        "Support-Llama-8B: layer: unknown field; did you mean layers?"
    )


async def test_an_unknown_product_is_sized_for_once_a_document_has_it(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_PRODUCT)
    await one_pass(api, files)
    assert stalled(api)["reason"] == "CannotRun"
    assert "ACME-X1 is not in the catalog" in stalled(api)["message"]

    mount(folder, DATA)
    files.look()
    await settle(api, files)

    assert stalled(api)["status"] == "False"
    [data] = revisions(api)
    assert data["sizing"]["accelerator"] == "X1"
    [engine] = api.of_kind("Deployment").values()
    selector = engine["spec"]["template"]["spec"]["nodeSelector"]
    assert selector == {"nvidia.com/gpu.product": "ACME-X1"}


async def test_where_all_nodes_have_a_product_of_ones_own_it_is_taken(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    node = machines.node("a", labels={"nvidia.com/gpu.product": "ACME-X1"})
    api.put("/api/v1/nodes/a", node)
    put_object(api, model="Support-Llama-8B", source="pvc://models/8b")
    mount(folder, DATA)
    files.look()

    await settle(api, files)

    [data] = revisions(api)
    assert data["sizing"].get("accelerator") == "X1"
    assert data["sizing"]["values"][0]["value"] == "ACME-X1"


async def test_the_volume_has_the_size_that_a_document_tells(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_MODEL)
    mount(folder, DATA)
    files.look()

    await one_pass(api, files)

    claims = api.of_kind("PersistentVolumeClaim").values()
    sizes = [claim["spec"]["resources"]["requests"]["storage"] for claim in claims]
    assert sizes == [builders.size_with_margin(16_060_000_000)]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({}, id="taken-away"),
        pytest.param({**DATA, "z.yaml": SLOWER}, id="corrected"),
        pytest.param(dict.fromkeys(DATA, "accelerators: ["), id="with-mistakes"),
    ],
)
async def test_no_revision_that_exists_becomes_another_one(
    files: CatalogFiles, folder: Path, after: dict[str, str | bytes]
) -> None:
    api = FakeApi()
    put_object(api, **OWN_PRODUCT)
    mount(folder, DATA)
    files.look()
    await settle(api, files)
    before = content(api)

    mount(folder, after)
    assert files.look()
    api.calls.clear()
    outcome = await one_pass(api, files)
    restarted = CatalogFiles(str(folder), metrics=OperatorMetrics())
    await one_pass(api, restarted)

    assert outcome.writes == 0
    assert api.writes() == []
    assert content(api) == before


async def test_the_next_revision_is_made_by_what_is_known_then(
    files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_PRODUCT)
    mount(folder, DATA)
    files.look()
    await settle(api, files)
    [old] = api.of_kind("ControllerRevision")
    mount(folder, {**DATA, "z.yaml": SLOWER})
    files.look()

    put_object(api, generation=2, **{**OWN_PRODUCT, "source": "pvc://models/other"})
    await settle(api, files)

    found = {name: item["data"] for name, item in api.of_kind("ControllerRevision").items()}
    assert len(found) == 2
    [new] = found.keys() - {old}
    selectors = {name: data["template"]["spec"]["nodeSelector"] for name, data in found.items()}
    assert selectors == {
        old: {"nvidia.com/gpu.product": "ACME-X1"},
        new: {"cloud.google.com/gke-accelerator": "ACME-X1"},
    }
    rates = {name: float(data["sizing"]["requestsPerSecond"]) for name, data in found.items()}
    assert rates[new] < rates[old] / 2


@pytest.fixture
def turned() -> Iterator[TurnedLoop]:
    with turned_loop() as loop:
        yield loop


def test_who_waits_for_a_document_has_its_pass_at_once(
    turned: TurnedLoop, files: CatalogFiles, folder: Path
) -> None:
    api = FakeApi()
    put_object(api, **OWN_MODEL)
    came: list[str] = []

    async def work() -> None:
        queue: KeyQueue[Key] = KeyQueue()
        stop = asyncio.Event()
        leading = asyncio.create_task(
            application._lead(SETTINGS, api.kube(), queue, OperatorMetrics(), files, stop=stop)
        )
        await asyncio.sleep(30)
        came.append(stalled(api)["reason"])
        mount(folder, DATA)
        assert files.look()
        files.changed.set()
        await asyncio.sleep(5)
        came.append(stalled(api)["status"])
        stop.set()
        await leading

    assert SETTINGS.resync_seconds > 60
    turned.run_until_complete(work())

    assert came == ["UnknownModel", "False"]


@pytest.mark.parametrize(
    ("alike", "ended"), [(True, "RolledBack"), (False, "Watching")], ids=["alike", "unknown"]
)
def test_models_of_ones_own_that_do_the_same_work_are_compared_by_their_times(
    *, alike: bool, ended: str
) -> None:
    entry = str(DATA["models.yaml"])
    tuned = entry.replace("models:\n", "").replace("Support-Llama-8B", "Support-2")
    added = catalogs.merged(catalogs.shipped(), f"{entry}{tuned}") if alike else catalogs.shipped()
    old = {**OLD, "model": "Support-Llama-8B"}
    service = Service(catalog=added)
    for _ in range(6):
        service.one_pass(deepseek(**old))
    new = deepseek(**{**old, "model": "Support-2", "source": "pvc://models/2"}, generation=2)
    service.until(new, "Starting")
    service.paces[service.stored["rollout"]["candidate"]] = Pace(per_output_token=0.5)

    service.until(new, "RolledBack", "Watching")

    assert service.stored["rollout"]["phase"] == ended


def test_what_is_missing_is_called_as_the_document_calls_it() -> None:
    added = catalogs.merged(catalogs.shipped(), str(DATA["products.yaml"]))
    label = {"nvidia.com/gpu.product": "ACME-X1"}
    nodes = [machines.node("a", labels=label)]
    gpu = {"kind": "GPU", "product": "ACME-X1", "count": 4}
    old = {**SMALL, "accelerator": gpu}
    service = Machines(nodes=nodes, catalog=added).served(old)

    status = service.pass_over(wanting(BLUE_GREEN, accelerator={**gpu, "count": 8}))

    said = conditions(status)["RolledOut"]["message"]
    assert said.startswith("large waits for accelerators: needs 8 x X1 in nodes of 8; 0 free")
    pod = machines.engine("new-1", of="chat", revision="new", on=None, gpus=8, nodeSelector=label)
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "none"}
    waiting = {**pod, "status": {"phase": "Pending", "conditions": [unscheduled]}}
    seen = Observed(pods=(waiting,), cluster=service.cluster(), catalog=added)
    finding = diagnose(seen, "new")
    assert finding is not None
    assert "needs 8 x X1 in nodes of 8" in finding.message


def test_a_fallback_of_ones_own_is_resolved_too() -> None:
    added = catalogs.merged(catalogs.shipped(), str(DATA["models.yaml"]))
    asked = deepseek(**CPU_SPEC, gateway={}, fallback=[OWN_MODEL])

    told = [World(catalog=known).plan(asked).status for known in (added, catalogs.shipped())]

    known, unknown = (status["fallback"][0] for status in told)
    assert known.get("source") == "hf://example/support-llama-8b"
    assert unknown["reason"] == "UnknownModel"


def test_what_was_measured_is_compared_by_what_is_known_now() -> None:
    added = catalogs.merged(catalogs.shipped(), str(DATA["products.yaml"]))
    block = ServingBlock.model_validate(OWN_PRODUCT)
    derived = derivation.derive(block, catalog=added, field="spec", rdma=False)
    sizing = {"revision": "0123456789", **derivation.frozen(derived)}
    warmups = [warmed(x1=20)]

    assert measured.entry(sizing, block, warmups, catalog=added) is not None
    assert measured.entry(sizing, block, warmups, catalog=catalogs.shipped()) is None


ROOT = REPOSITORY / "operator" / "deepseek_operator"


def test_nobody_who_decides_looks_a_fact_up_elsewhere_than_in_what_was_observed() -> None:
    own = ("catalog/", "cli/", "catalog_files.py", "observed.py")
    sources = {file: str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py")}
    found = [
        name
        for file, name in sources.items()
        if not name.startswith(own) and re.search(r"\bshipped\b|load_models", code(file))
    ]

    assert found == []


def code(file: Path) -> str:
    """The names that are used, without what is said of them."""
    return " ".join(
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    )
