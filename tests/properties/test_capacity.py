"""What is said of room is true: against every placement of small cases, and as accelerators come and go."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.capacity import words
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.nodes import Node
from deepseek_operator.capacity.packing import Batch, packs
from deepseek_operator.capacity.placing import Placement
from deepseek_operator.capacity.room import Cluster, Fit, Want, fit, free
from deepseek_operator.catalog import catalog

NAMES = "abc"
KNOWN = catalog.shipped().accelerators

rooms = st.fixed_dictionaries({name: st.integers(-1, 9) for name in NAMES})
batches = st.lists(
    st.builds(Batch, st.integers(0, 3), st.integers(0, 5), st.frozensets(st.sampled_from(NAMES))),
    max_size=3,
)


def by_force(wanted: Sequence[Batch], room: dict[str, int]) -> bool:
    """Every pod on every node that it may run on."""
    pods = [batch for batch in wanted if batch.size for _ in range(batch.pods)]
    for nodes in itertools.product(*(sorted(pod.nodes) for pod in pods)):
        used = dict.fromkeys(NAMES, 0)
        for pod, node in zip(pods, nodes, strict=True):
            used[node] += pod.size
        if all(used[name] <= max(0, room[name]) for name in NAMES):
            return True
    return False


@given(batches, rooms)
def test_pods_fit_where_some_placement_has_room_for_all(
    wanted: list[Batch], room: dict[str, int]
) -> None:
    assert packs(wanted, room) is by_force(wanted, room)


@given(batches, rooms, st.integers(0, 20))
def test_in_a_hurry_it_is_right_or_does_not_know(
    wanted: list[Batch], room: dict[str, int], steps: int
) -> None:
    assert packs(wanted, room, steps=steps) in (by_force(wanted, room), None)


@given(batches, rooms, st.fixed_dictionaries({name: st.integers(0, 4) for name in NAMES}))
def test_more_room_never_fits_less(
    wanted: list[Batch], room: dict[str, int], more: dict[str, int]
) -> None:
    larger = {name: max(0, room[name]) + more[name] for name in NAMES}

    if packs(wanted, room):
        assert packs(wanted, larger)


sizes = st.sampled_from([1, 2, 4, 8])
holders = st.lists(
    st.builds(
        Holder,
        node=st.sampled_from(NAMES),
        accelerators=sizes,
        name=st.uuids().map(str),
        revision=st.sampled_from(["old", "new"]),
        priority=st.sampled_from([-10, 0, 10]),
    ),
    max_size=6,
)
wants = st.lists(
    st.builds(
        Want,
        what=st.just(""),
        pods=st.integers(0, 3),
        size=sizes,
        placement=st.sampled_from(
            [Placement({}), Placement({"zone": "x"}), Placement({}, priority_class="serving")]
        ),
    ),
    min_size=1,
    max_size=3,
)
clusters = st.builds(
    lambda counts, there: Cluster(
        nodes=tuple(
            Node(name, {"zone": "x" if name != "c" else "y"}, accelerators=count)
            for name, count in zip(NAMES, counts, strict=True)
        ),
        holders=tuple(there),
    ),
    st.lists(st.integers(0, 16), min_size=3, max_size=3),
    holders,
)


@given(clusters, wants)
def test_room_is_promised_only_where_nobody_has_to_go(cluster: Cluster, wanted: list[Want]) -> None:
    left = free(cluster)
    open_to = {None: frozenset(NAMES), "x": frozenset("ab")}
    pods = [
        Batch(one.pods, one.size, open_to[one.placement.node_selector.get("zone")])
        for one in wanted
    ]

    answer = fit(cluster, wanted)

    assert (answer is Fit.YES) is (by_force(pods, left))


@given(clusters, wants)
def test_it_is_denied_only_where_not_even_an_empty_cluster_of_lower_priority_has_it(
    cluster: Cluster, wanted: list[Want]
) -> None:
    """Pods of a class that nobody shows may be of any priority."""
    has_class = any(one.placement.priority_class and one.accelerators for one in wanted)
    most = free(cluster, above=None if has_class else 0)
    open_to = {None: frozenset(NAMES), "x": frozenset("ab")}
    pods = [
        Batch(one.pods, one.size, open_to[one.placement.node_selector.get("zone")])
        for one in wanted
    ]

    assert (fit(cluster, wanted) is Fit.NO) is not by_force(pods, most)


@given(clusters, wants)
def test_who_leaves_makes_room_and_never_takes_it(cluster: Cluster, wanted: list[Want]) -> None:
    order = [Fit.NO, Fit.UNKNOWN, Fit.YES]
    leaving = [one for one in cluster.holders if one.revision == "old"]

    before, after = fit(cluster, wanted), fit(cluster, wanted, without=leaving)

    assert order.index(before) <= order.index(after)


@given(clusters, wants)
def test_whatever_is_missing_is_said_in_one_line(cluster: Cluster, wanted: list[Want]) -> None:
    said = words.shortage(cluster, wanted, known=KNOWN)

    assert "\n" not in said
    assert said.startswith("needs ")
