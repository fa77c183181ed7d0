"""The command lines that the real parser is asked about are all that there are."""

import pytest

from tests.unit.engines import lines

LINES = lines.lines()
GIVEN = {arg.partition("=")[0] for line in LINES for arg in line[1:]}


@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("--node-rank", id="groups"),
        pytest.param("--headless", id="workers"),
        pytest.param("--data-parallel-size", id="ranks"),
        pytest.param("--pipeline-parallel-size", id="stages"),
        pytest.param("--quantization", id="forms"),
        pytest.param("--speculative-config", id="drafts"),
        pytest.param("--compilation-config", id="cpu"),
    ],
)
def test_flags_of_every_kind_of_pod_are_among_them(flag: str) -> None:
    assert flag in GIVEN


def test_ranks_over_nodes_are_there_as_leader_and_as_worker() -> None:
    ranks = [line for line in LINES if {"--nnodes=2", "--data-parallel-size=16"} <= set(line)]

    assert {"--headless" in line for line in ranks} == {True, False}


def test_what_nothing_is_sized_for_is_there_with_and_without_limits() -> None:
    unsized = [line for line in LINES if not any(arg.startswith("--max-model-len") for arg in line)]

    assert {any("--max-num-seqs" in arg for arg in line) for line in unsized} == {True, False}


def test_variables_are_in_place_as_in_a_pod() -> None:
    assert [arg for line in LINES for arg in line if "$(" in arg] == []


def test_a_line_is_asked_about_once() -> None:
    assert len({tuple(line) for line in LINES}) == len(LINES) >= 150
