"""Whether pods of several sizes fit on nodes at once."""

import pytest

from deepseek_operator.capacity.packing import Batch, packs


def batch(pods: int, size: int, nodes: str) -> Batch:
    return Batch(pods, size, frozenset(nodes))


@pytest.mark.parametrize(
    ("free", "batches", "fits"),
    [
        pytest.param({"a": 8}, [batch(1, 8, "a")], True, id="exactly"),
        pytest.param({"a": 4, "b": 4}, [batch(1, 8, "ab")], False, id="in-two-halves"),
        pytest.param({"a": 8, "b": 8}, [batch(2, 8, "ab")], True, id="one-a-node"),
        pytest.param({"a": 8, "b": 8}, [batch(2, 8, "a")], False, id="only-one-is-open"),
        pytest.param({"a": 7}, [batch(3, 2, "a")], True, id="with-a-rest"),
        pytest.param({"a": 7}, [batch(4, 2, "a")], False, id="one-too-many"),
        pytest.param({"a": 8}, [batch(1, 8, "a"), batch(1, 1, "a")], False, id="no-room-beside"),
        pytest.param(
            {"a": 4, "b": 8}, [batch(1, 4, "ab"), batch(1, 8, "ab")], True, id="larger-first"
        ),
        pytest.param(
            {"a": 8, "b": 8}, [batch(1, 8, "ab"), batch(1, 8, "a")], True, id="who-has-no-choice"
        ),
        pytest.param(
            {"a": 6, "b": 5}, [batch(2, 3, "ab"), batch(1, 5, "ab")], True, id="by-searching"
        ),
        pytest.param(
            {"a": 6, "b": 5}, [batch(3, 3, "ab"), batch(1, 2, "ab")], True, id="a-rest-of-two"
        ),
        pytest.param(
            {"a": 6, "b": 5}, [batch(3, 3, "ab"), batch(1, 3, "ab")], False, id="none-of-three"
        ),
        pytest.param({}, [batch(1, 1, "a")], False, id="a-node-that-is-not-known"),
        pytest.param({"a": -3}, [batch(1, 1, "a")], False, id="less-than-nothing"),
        pytest.param({"a": 0}, [batch(0, 8, "a"), batch(4, 0, "a")], True, id="nothing-wanted"),
        pytest.param(
            {"a": 8, "b": 3}, [batch(1, 8, "a"), batch(4, 1, "b")], False, id="one-part-does-not"
        ),
    ],
)
def test_every_pod_is_wholly_on_one_node(
    free: dict[str, int], batches: list[Batch], *, fits: bool
) -> None:
    assert packs(batches, free) is fits


def test_the_first_try_is_not_the_last() -> None:
    """Least left over first is a 3 on the node of 4, and then no second 2 finds room."""
    assert packs([batch(2, 3, "ab"), batch(2, 2, "ab")], {"a": 4, "b": 6}) is True


def test_a_thousand_pods_of_one_kind_are_counted() -> None:
    free = {f"n{number}": 8 for number in range(125)}
    nodes = frozenset(free)

    assert packs([Batch(1000, 1, nodes)], free) is True
    assert packs([Batch(1001, 1, nodes)], free) is False


def test_hundreds_of_pods_of_sizes_that_divide_each_other_are_decided() -> None:
    free = {f"n{number}": 8 for number in range(50)}
    nodes = frozenset(free)
    wanted = [Batch(20, 8, nodes), Batch(40, 4, nodes), Batch(39, 2, nodes)]

    assert packs([*wanted, Batch(2, 1, nodes)], free) is True
    assert packs([*wanted, Batch(3, 1, nodes)], free) is False


def test_what_takes_too_long_to_find_out_is_not_known() -> None:
    free = dict.fromkeys("abcdef", 7)
    wanted = [batch(6, 5, "abcdef"), batch(4, 2, "abcdef"), batch(1, 4, "a")]

    assert packs(wanted, free) is False
    assert packs(wanted, free, steps=3) is None


def test_more_pods_than_can_be_searched_are_not_known() -> None:
    free = {f"n{number}": 8 for number in range(150)}
    nodes = frozenset(free)

    assert packs([Batch(150, 5, nodes), Batch(150, 2, nodes)], free) is True
    assert packs([Batch(150, 5, nodes), Batch(151, 2, nodes)], free) is None
