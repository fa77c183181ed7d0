"""Replicas for a load, and what they cost."""

import pytest

from deepseek_operator.sizing.fleet import fleet_of
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import CannotRunError, Layout, Pool, Workload
from tests.unit.sizing.questions import CATALOG, QWEN_7B, V3, ask

LOAD = Workload(256, 128, requests_per_second=1000, time_per_output_token=0.05)


def test_a_thousand_requests_a_second_of_a_shape_need_so_many_replicas() -> None:
    sized = size(ask(QWEN_7B, "H100", 64, node=8, workload=LOAD))

    fleet = fleet_of(sized, replicas=None)

    # An estimate made elsewhere, from the published throughput of Llama-8B in MLPerf, says 9 to 13.
    assert 9 <= fleet.replicas <= 13
    assert fleet.capacity * 0.75 >= 1000
    assert (fleet.replicas - 1) * fleet.capacity / fleet.replicas * 0.75 < 1000
    assert "1000 requests/s with 256 input and 128 output tokens" in fleet.why


def test_what_there_is_is_counted_by_node() -> None:
    sized = size(ask(V3, "H200", 20, node=8, workload=LOAD))

    fleet = fleet_of(sized, replicas=None)

    assert fleet.there == 2
    assert not fleet.fits
    assert fleet.accelerators == 8 * fleet.replicas


def test_gpus_that_are_left_on_several_nodes_make_up_no_replica() -> None:
    accelerator = CATALOG.accelerators["L40S"]

    def held(count: int, node: int, size: int, nodes: int = 1) -> int:
        layout = Layout(tensor=size, pipeline=nodes, nodes=nodes)
        return Pool("L40S", accelerator, count, node).replicas(layout)

    assert held(12, 6, 4) == 2
    assert held(16, 8, 2) == 8
    assert held(20, 8, 4) == 5
    assert held(32, 8, 8, nodes=2) == 2
    assert held(24, 8, 8, nodes=2) == 1
    assert held(8, 1, 2) == 0
    assert held(0, 8, 1) == 0


def test_replicas_that_are_set_are_not_derived() -> None:
    sized = size(ask(QWEN_7B, "H100", 8, workload=LOAD))

    fleet = fleet_of(sized, replicas=3)

    assert (fleet.replicas, fleet.why) == (3, "replicas is set")
    assert fleet.utilization == pytest.approx(1000 / fleet.capacity)


def test_no_replica_costs_nothing() -> None:
    fleet = fleet_of(size(ask(QWEN_7B, "H100", 8)), replicas=0)

    assert (fleet.per_hour, fleet.capacity, fleet.per_million) == (0, 0, 0)
    assert not fleet.is_overloaded
    assert fleet_of(size(ask(QWEN_7B, "H100", 8, workload=LOAD)), replicas=0).is_overloaded


def test_more_requests_than_all_replicas_can_do_is_told() -> None:
    sized = size(ask(QWEN_7B, "H100", 8, workload=LOAD))

    assert fleet_of(sized, replicas=1).is_overloaded
    assert not fleet_of(sized, replicas=10).is_overloaded


def test_a_price_of_a_token_is_that_of_the_hours_that_make_it() -> None:
    sized = size(ask(QWEN_7B, "H100", 8, workload=LOAD))

    fleet = fleet_of(sized, replicas=2, price=3.0)

    tokens_an_hour = fleet.capacity * min(1, fleet.utilization) * 128 * 3600
    assert fleet.per_hour == 6.0
    assert fleet.per_million_output == pytest.approx(6.0 / tokens_an_hour * 1e6)
    assert fleet.per_million == pytest.approx(fleet.per_million_output / 3)


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(CannotRunError) as raised:
        fleet_of(size(ask(QWEN_7B, "H100", 8)), replicas=1, price=-2)

    assert str(raised.value) == "price: -2 a GPU and hour is negative; give 0 or more"
