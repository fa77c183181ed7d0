"""Pods that hold accelerators, counted as the scheduler counts them."""

from typing import Any

import pytest

from deepseek_operator.capacity.holders import accelerators_of, holder_of
from tests.unit.capacity.machines import GPU, engine, pod
from tests.unit.samples import Manifest


def asking(count: int, **more: Any) -> Manifest:
    return {"name": "c", "resources": {"limits": {GPU: str(count)}}, **more}


ALWAYS = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("containers", "inits", "count"),
    [
        pytest.param([asking(2), asking(1)], [], 3, id="together"),
        pytest.param([{"name": "c"}], [], 0, id="none"),
        pytest.param(
            [{"name": "c", "resources": {"requests": {GPU: 4}}}], [], 4, id="request-alone"
        ),
        pytest.param([asking(2)], [asking(8), asking(4)], 8, id="the-largest-before"),
        pytest.param([asking(2)], [asking(1)], 2, id="smaller-before"),
        pytest.param([asking(2)], [asking(1, **ALWAYS)], 3, id="beside"),
        pytest.param([asking(2)], [asking(1, **ALWAYS), asking(4)], 5, id="before-and-beside"),
        pytest.param([asking(2)], [asking(4), asking(1, **ALWAYS)], 4, id="beside-later"),
    ],
)
def test_containers_that_run_at_once_are_counted_together(
    containers: list[Manifest], inits: list[Manifest], count: int
) -> None:
    assert accelerators_of({"containers": containers, "initContainers": inits}) == count


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(pod(on=None), id="no-node"),
        pytest.param(pod(gpus=0), id="no-accelerators"),
        pytest.param(pod(phase="Succeeded"), id="succeeded"),
        pytest.param(pod(phase="Failed"), id="failed"),
    ],
)
def test_who_has_none_holds_none(manifest: Manifest) -> None:
    assert holder_of(manifest) is None


def test_a_holder_is_known_by_owner_priority_and_whether_it_goes() -> None:
    manifest = engine("e", of="chat", revision="abc", priority=7, priorityClassName="serving")
    manifest["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    found = holder_of(manifest)

    assert found is not None
    assert (found.namespace, found.owner, found.revision) == ("team", "chat", "abc")
    assert (found.priority, found.priority_class, found.is_ending) == (7, "serving", True)


def test_a_worker_is_of_its_revision_though_it_takes_no_requests() -> None:
    found = holder_of(engine("e-0-1", of="chat", revision="abc", worker=True))

    assert found is not None
    assert (found.owner, found.revision, found.accelerators) == ("chat", "abc", 8)


def test_two_pods_that_differ_in_nothing_but_their_name_are_two() -> None:
    assert holder_of(pod("a")) != holder_of(pod("b"))
