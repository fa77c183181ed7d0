"""Where facts of accelerators are from: each kind of fact names its source."""

import pytest

from deepseek_operator.catalog import catalog
from deepseek_operator.catalog.accelerators import Accelerator

KNOWN = catalog.shipped().accelerators
EACH = [pytest.param(entry, id=name) for name, entry in KNOWN.items()]
LABELLED = {"gke": "labels of GKE: ", "eks": "labels of EKS: ", "aks": "labels of AKS: "}


@pytest.mark.parametrize("entry", EACH)
@pytest.mark.parametrize("fact", ["memory: ", "network: ", "labels of the GPU operator: "])
def test_memory_network_and_the_common_label_name_their_source(
    entry: Accelerator, fact: str
) -> None:
    assert sum(source.startswith(fact) for source in entry.sources) == 1


@pytest.mark.parametrize("entry", EACH)
def test_a_providers_label_names_its_source_and_none_is_named_for_nothing(
    entry: Accelerator,
) -> None:
    labels = entry.labels.model_dump()
    named = {
        provider
        for provider, start in LABELLED.items()
        if any(source.startswith(start) for source in entry.sources)
    }

    assert named == {provider for provider in LABELLED if labels[provider]}


@pytest.mark.parametrize("entry", EACH)
def test_the_data_sheet_comes_first(entry: Accelerator) -> None:
    assert "data sheet" in entry.sources[0]
