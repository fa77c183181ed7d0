"""What a model, a product and an engine become, as a checked-in file each that a person can read."""

import pytest

from deepseek_operator.catalog import catalog
from tests import conftest
from tests.conftest import GOLDEN, Golden
from tests.unit.build import sized
from tests.unit.build.sized import PAIRS, Pair
from tests.unit.samples import check_against_kubernetes

ENGINES = ("vllm", "tensorrt-llm")
EACH = [pytest.param(pair, id=str(pair)) for pair in PAIRS]


@pytest.mark.parametrize("pair", EACH)
def test_a_pair_is_as_its_golden_file_shows(pair: Pair, golden: Golden) -> None:
    golden(pair.file, sized.text_of(pair))


@pytest.mark.parametrize("pair", EACH)
def test_every_child_is_one_that_kubernetes_knows(pair: Pair) -> None:
    for manifest in sized.children(pair):
        # Not one of Kubernetes' own: the templates in it are checked in test_grouping.py.
        if manifest["kind"] != "LeaderWorkerSet":
            check_against_kubernetes(manifest)


def test_there_are_pairs_of_every_model_with_each_engine_and_on_several_nodes() -> None:
    of_each = [{one.model for one in PAIRS if one.engine == engine} for engine in ENGINES]

    assert len(set(PAIRS)) == len(PAIRS) >= 50
    assert of_each == [set(catalog.shipped().models)] * 2
    assert [str(pair) for pair in PAIRS if sized.has_group(pair)] == [
        "vllm/DeepSeek-V3.NVIDIA-H100-80GB-HBM3",
        "tensorrt-llm/DeepSeek-V3.NVIDIA-H100-80GB-HBM3",
        "tensorrt-llm/DeepSeek-V3.2.NVIDIA-H100-80GB-HBM3",
        "tensorrt-llm/DeepSeek-R1.NVIDIA-H100-80GB-HBM3",
    ]


def test_no_file_is_of_a_pair_that_is_gone() -> None:
    there = {str(path.relative_to(GOLDEN)) for path in (GOLDEN / sized.FOLDER).rglob("*.yaml")}

    assert there == {pair.file for pair in PAIRS}


def test_a_golden_file_that_differs_is_told_line_by_line() -> None:
    told = conftest.difference("pairs/a.yaml", "args:\n- --one\n", "args:\n- --two\n")

    assert told.splitlines() == [
        "tests/golden/pairs/a.yaml differs:",
        "--- tests/golden/pairs/a.yaml",
        "+++ what the code produces",
        "@@ -1,2 +1,2 @@",
        " args:",
        "-- --one",
        "+- --two",
        "If that is meant: `make golden`, and review the diff.",
    ]


def test_of_a_long_difference_the_beginning_is_told() -> None:
    told = conftest.difference("a.txt", "", "\n".join(map(str, range(999))))

    assert told.startswith("tests/golden/a.txt is not there:\n")
    assert told.splitlines()[-2] == "... and 922 lines more"
