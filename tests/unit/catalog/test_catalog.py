"""Accelerators and engines agree with themselves; an addition with a mistake is refused by file, entry and field."""

import pytest
import yaml

from deepseek_operator.catalog import accelerators, catalog, engines
from deepseek_operator.catalog.accelerators import Accelerator
from deepseek_operator.catalog.facts import CatalogError

SHIPPED = catalog.shipped()
PRODUCTS = [pytest.param(name, entry, id=name) for name, entry in SHIPPED.accelerators.items()]

COMPLETE = """
accelerators:
  X1:
    architecture: Hopper
    computeCapability: 9.0
    memoryGiB: 200
    gigabytesPerSecond: 5000
    teraflops: {bf16: 1000, fp8: 2000}
    interconnect: {kind: NVLink, gigabytesPerSecond: 450}
    networkGigabytesPerSecond: 50
    nodeGpus: [8]
    pricePerHour: 3
    labels: {gpuOperator: [ACME-X1]}
    sources: [ours]
"""


@pytest.mark.parametrize(("name", "entry"), PRODUCTS)
def test_narrower_formats_are_computed_faster(name: str, entry: Accelerator) -> None:
    rates = entry.teraflops

    assert "bf16" in rates, name
    assert rates.get("fp8", rates["bf16"] * 2) >= 1.9 * rates["bf16"]
    assert rates.get("fp4", 2 * rates.get("fp8", 0)) >= 1.9 * rates.get("fp8", 0)
    assert ("fp8" in rates) is (entry.compute_capability >= 8.9)
    assert ("fp4" in rates) is (entry.compute_capability >= 10)


@pytest.mark.parametrize(("name", "entry"), PRODUCTS)
def test_links_between_gpus_are_faster_than_the_network_and_slower_than_memory(
    name: str, entry: Accelerator
) -> None:
    link = entry.interconnect

    assert entry.network_gigabytes_per_second < link.gigabytes_per_second, name
    assert link.gigabytes_per_second < entry.gigabytes_per_second
    assert (link.kind == "PCIe") is (link.gigabytes_per_second <= 64)


def test_no_two_products_have_a_label_value_in_common() -> None:
    values = [
        (value.lower(), name)
        for name, entry in SHIPPED.accelerators.items()
        for value in (
            *entry.labels.gpu_operator,
            *entry.labels.gke,
            *entry.labels.eks,
            *entry.labels.aks,
        )
    ]

    assert len(set(values)) == len({value for value, _ in values})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("H200", "H200", id="short"),
        pytest.param("h200", "H200", id="case"),
        pytest.param("NVIDIA-H100-80GB-HBM3", "H100", id="gpu-operator"),
        pytest.param("nvidia-h100-80gb", "H100", id="gke"),
        pytest.param("l40s", "L40S", id="eks"),
        pytest.param("Standard_ND96isr_H200_v5", "H200", id="aks"),
        pytest.param("H9000", None, id="unknown"),
    ],
)
def test_a_product_is_found_by_every_name_it_has(text: str, name: str | None) -> None:
    assert accelerators.product_name(text, SHIPPED.accelerators) == name


def test_a_machine_has_as_many_gpus_as_its_type_says() -> None:
    """Azure has machines of several sizes with a product, and the label names the size."""
    a100, h100 = (SHIPPED.accelerators[name] for name in ("A100-80GB-PCIe", "H100-NVL"))

    found = [a100.gpus_of(f"Standard_NC{cores}ads_A100_v4") for cores in (24, 48, 96)]
    assert found == [1, 2, 4]
    assert h100.gpus_of("Standard_NC80adis_H100_v5") == 2
    assert h100.gpus_of("NVIDIA-H100-NVL") == max(h100.node_gpus) == 8
    assert all(
        gpus in entry.node_gpus
        for entry in SHIPPED.accelerators.values()
        for gpus in entry.labels.aks.values()
    )


def test_documents_that_name_types_of_machines_alone_are_taken() -> None:
    found = catalog.merged(SHIPPED, "accelerators: {A10: {labels: {aks: [Standard_X]}}}")

    entry = found.accelerators["A10"]
    assert accelerators.product_name("Standard_X", found.accelerators) == "A10"
    assert entry.gpus_of("Standard_X") == max(entry.node_gpus)


def test_the_newest_version_of_an_engine_is_taken() -> None:
    older = catalog.merged(
        SHIPPED, "engines: {vllm-0.9.1: " + _flow("vllm-0.33.0", version="0.9.1") + "}"
    )

    found = engines.newest("vllm", older.engines)

    assert found is not None
    assert found.version == "0.33.0"
    assert engines.newest("other", older.engines) is None


def _flow(name: str, **changed: str) -> str:
    entry = SHIPPED.engines[name].model_dump(mode="json", by_alias=True)
    return str({**entry, **changed}).replace("True", "true").replace("None", "null")


def _engine_without(form: str) -> str:
    """A document with an engine that does not load a form."""
    entry = SHIPPED.engines["vllm-0.33.0"].model_dump(mode="json", by_alias=True, exclude_none=True)
    entry["quantizations"].pop(form)
    return yaml.safe_dump({"engines": {"ours": {**entry, "version": "99.0"}}})


def test_a_price_of_ones_own_takes_the_place_of_the_placeholder() -> None:
    found = catalog.merged(SHIPPED, "accelerators: {H200: {pricePerHour: 1.25}}")

    assert found.accelerators["H200"].price_per_hour == 1.25
    assert found.accelerators["H200"].labels == SHIPPED.accelerators["H200"].labels
    assert found.accelerators["H100"] == SHIPPED.accelerators["H100"]
    assert SHIPPED.accelerators["H200"].price_per_hour != 1.25


def test_a_field_within_a_field_is_replaced_alone() -> None:
    found = catalog.merged(SHIPPED, "accelerators: {H200: {labels: {gke: [ours]}}}")

    assert found.accelerators["H200"].labels.gke == ("ours",)
    assert found.accelerators["H200"].labels.gpu_operator == ("NVIDIA-H200",)


def test_a_new_product_needs_every_field() -> None:
    assert catalog.merged(SHIPPED, COMPLETE).accelerators["X1"].memory_gib == 200
    with pytest.raises(CatalogError) as raised:
        catalog.merged(SHIPPED, COMPLETE.replace("    memoryGiB: 200\n", ""), file="team.yaml")
    assert str(raised.value) == "team.yaml: X1: memoryGiB: missing; every entry needs it"


def test_a_misspelt_field_of_a_new_product_is_told_and_not_the_one_that_is_missing_for_it() -> None:
    with pytest.raises(CatalogError) as raised:
        catalog.merged(SHIPPED, COMPLETE.replace("memoryGiB", "memoryGb"), file="team.yaml")

    assert str(raised.value) == ("team.yaml: X1: memoryGb: unknown field; did you mean memoryGiB?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "accelerators: {H200: {pricePerHour: -1}}",
            "extra: H200: pricePerHour: input should be greater than or equal to 0, got -1",
            id="negative-price",
        ),
        pytest.param(
            "accelerators: {H200: {pricePerHours: 1}}",
            "extra: H200: pricePerHours: unknown field; did you mean pricePerHour?",
            id="misspelt-field",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {dimensions: {hiden: 3}}}",
            "extra: DeepSeek-V3: dimensions.hiden: unknown field; did you mean hidden?",
            id="misspelt-within",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {experts: {actve: 3}}}",
            "extra: DeepSeek-V3: experts.actve: unknown field; did you mean active?",
            id="misspelt-within-optional",
        ),
        pytest.param(
            "acelerators: {}",
            "extra: acelerators: unknown section; did you mean accelerators?",
            id="misspelt-section",
        ),
        pytest.param(
            "models: [1]", "extra: models: expected a map of entries by name", id="list-of-models"
        ),
        pytest.param(
            "models: {DeepSeek-V3: 7}", "extra: DeepSeek-V3: expected a map of fields", id="number"
        ),
        pytest.param(
            "7", "extra: expected a map with models, accelerators or engines", id="no-map"
        ),
        pytest.param(
            "models: {DeepSeek-V3: {dimensions: {kvHeads: 8, headWidth: 128}}}",
            "extra: DeepSeek-V3: dimensions: set either latent, or kvHeads and headWidth",
            id="two-kinds-of-attention",
        ),
        pytest.param(
            "models: {DeepSeek-R1-Distill-Qwen-7B: {experts: {routed: 8, shared: 1, active: 2}}}",
            "extra: DeepSeek-R1-Distill-Qwen-7B: experts and dimensions.expertWidth belong together",
            id="experts-without-width",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {experts: {active: 300}}}",
            "extra: DeepSeek-V3: experts: active 300 is above routed 256; correct one of them, got {",
            id="more-experts-than-there-are",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {dimensions: {denseLayers: 61}}}",
            "extra: DeepSeek-V3: dimensions.denseLayers 61 leaves none of the 61 layers to experts; correct",
            id="no-layer-with-experts",
        ),
        pytest.param(
            "models: {DeepSeek-R1-Distill-Qwen-7B: {dimensions: {denseLayers: 3}}}",
            "extra: DeepSeek-R1-Distill-Qwen-7B: dimensions.denseLayers is 3 of 28 layers, and without experts it is all",
            id="layers-with-nothing",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {activeParameters: 700000000000}}",
            "extra: DeepSeek-V3: activeParameters 700000000000 is above parameters 671000000000; correct one of them",
            id="more-active-than-there-is",
        ),
        pytest.param(
            _engine_without("fp8"),
            "extra: ours: quantizations: fp8 missing, in which models are published; add them, got {",
            id="an-engine-without-a-published-form",
        ),
        pytest.param("models: {a: [}", "extra: line 1: ", id="no-yaml"),
        pytest.param(
            "accelerators: {H200: {pricePerHour: yes}}",
            "extra: H200: pricePerHour: input should be a valid number, got True",
            id="a-word-that-YAML-takes-for-true",
        ),
        pytest.param(
            "accelerators: {H200: {memoryGiB: '141'}}",
            "extra: H200: memoryGiB: input should be a valid number, got '141'",
            id="a-number-in-quotes",
        ),
        pytest.param(
            "accelerators: {H200: {pricePerHour: .inf}}",
            "extra: H200: pricePerHour: input should be a finite number, got inf",
            id="no-end",
        ),
        pytest.param(
            "accelerators: {H200: {memoryGiB: .nan}}",
            "extra: H200: memoryGiB: input should be a finite number, got nan",
            id="no-number",
        ),
        pytest.param(
            COMPLETE.replace("bf16: 1000, ", ""),
            "extra: X1: teraflops: bf16 is missing, in which every GPU of the catalog computes; add its rate, got {'fp8': 2000",
            id="no-rate-in-BF16",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {layers: 61.0}}",
            "extra: DeepSeek-V3: layers: input should be a valid integer, got 61.0",
            id="a-fraction-for-a-count",
        ),
        pytest.param(
            "models: {DeepSeek-V3: {repository: DeepSeek-V3}}",
            "extra: DeepSeek-V3: repository: string should match pattern",
            id="no-repository",
        ),
        pytest.param(
            "engines: {vllm-0.33.0: {version: 0.34}}",
            "extra: vllm-0.33.0: version: input should be a valid string, got 0.34",
            id="a-version-without-quotes",
        ),
        pytest.param(
            "accelerators: {h200: {pricePerHour: 2}}",
            "extra: h200: architecture: missing; every entry needs it; or did you mean H200?",
            id="a-name-in-other-letters",
        ),
        pytest.param(
            "models: {DeepSeek-V4: {layers: 61}}",
            "extra: DeepSeek-V4: repository: missing; every entry needs it; or did you mean DeepSeek-V3?",
            id="nearly-a-name",
        ),
        pytest.param(
            COMPLETE.replace("ACME-X1", "nvidia-h200"),
            "extra: X1: labels: nvidia-h200 means H200 already; correct the entry H200, or give this one a value",
            id="a-label-of-another-product",
        ),
        pytest.param(
            "accelerators: {A10: {labels: {eks: [H200]}}}",
            "extra: A10: labels: h200 means H200 already; correct the entry H200, or give this one a value",
            id="a-label-that-is-another's-name",
        ),
        pytest.param(
            "engines: {ours: " + _flow("vllm-0.33.0") + "}",
            "extra: ours: version: vllm 0.33.0 means vllm-0.33.0 already; correct the entry vllm-0.33.0, or",
            id="a-version-twice",
        ),
        pytest.param(
            "accelerators: {H200: {sources: " + "x" * 9999 + "}}",
            "extra: H200: sources: input should be a valid tuple, got 'xxxxxxxxxxxx...xxxxxxxxxxxxx'",
            id="not-all-of-a-long-mistake",
        ),
    ],
)
def test_a_mistake_is_told_by_file_entry_field_and_remedy(text: str, said: str) -> None:
    with pytest.raises(CatalogError) as raised:
        catalog.merged(SHIPPED, text, file="extra")

    assert str(raised.value).startswith(said)
