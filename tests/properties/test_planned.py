"""A plan is of what the operator makes: whatever the object, the accelerators and the load."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.catalog import catalog
from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import making, offline, peaks, questions
from deepseek_operator.cli.objects import InputError
from deepseek_operator.cli.offline import Plan
from deepseek_operator.engines.contract import Network
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Observed
from deepseek_operator.replicas import counted
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.sizing import reasons
from tests.properties.test_derivation import blocks, workloads
from tests.unit.samples import IMAGES, NOW, Manifest, deepseek

pytestmark = pytest.mark.campaign(has_short_form=True)

CATALOG = catalog.shipped()

rates = st.none() | st.floats(0.01, 20_000)


@st.composite
def objects(draw: st.DrawFn) -> Manifest:
    """A spec with a product or without one, for a load, a number of replicas, or neither."""
    drawn: dict[str, Any] = draw(blocks)
    accelerator = {**drawn.pop("accelerator", {}), "product": drawn.pop("product")}
    if draw(st.booleans()):
        del accelerator["product"]
    spec: Manifest = {**drawn, "accelerator": accelerator}
    rate = draw(rates)
    if rate is not None:
        spec["workload"] = {
            **draw(workloads),
            **spec.get("workload", {}),
            "requestsPerSecond": rate,
        }
    else:
        spec["replicas"] = draw(st.integers(1, 3))
    return spec


@st.composite
def nodes(draw: st.DrawFn, spec: Manifest) -> list[str]:
    """Accelerators of one product: the one that is asked for, on one or two sizes of nodes."""
    named = spec["accelerator"].get("product")
    product = draw(st.sampled_from(sorted(CATALOG.accelerators)))
    if named is not None:
        product = next(
            name
            for name, entry in CATALOG.accelerators.items()
            if named in entry.labels.gpu_operator
        )
    sizes = draw(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=2, unique=True))
    return [f"{size * draw(st.integers(1, 6))}x{product}:{size}" for size in sizes]


def plan(
    spec: Manifest, there: list[str], *, rdma: bool
) -> tuple[Plan | None, DeepSeekDeployment, Observed]:
    """What is planned, None where nothing is, and what the operator sees."""
    deployment = deepseek(**spec)
    words = [f"--accelerators={pool}" for pool in there] + ["--rdma"] * rdma
    options = cli.parse(["plan", "-f", "-", *words])
    pools = questions.pools(options.accelerators, CATALOG)
    observed = Observed(cluster=peaks.cluster_of(pools), catalog=CATALOG)
    try:
        found = offline.plan_on(pools, options, CATALOG, name="chat", spec=deployment.spec)
    except InputError:
        return None, deployment, observed
    return found, deployment, observed


def resolved(deployment: DeepSeekDeployment, observed: Observed, *, rdma: bool) -> Shape | None:
    """What the operator derives; None where that is nothing."""
    images = replace(IMAGES, network=Network(rdma_resource="rdma/hca" if rdma else ""))
    try:
        shape = resolve_shape(deployment, deployment.spec, images=images, observed=observed)
    except Stalled:
        return None
    return None if shape.sizing is None or "notDerived" in shape.sizing else shape


@given(st.data(), objects(), st.booleans())
def test_form_layout_limits_and_replicas_are_what_the_operator_derives(
    data: st.DataObject, spec: Manifest, rdma: bool
) -> None:
    found, deployment, observed = plan(spec, data.draw(nodes(spec)), rdma=rdma)
    shape = resolved(deployment, observed, rdma=rdma)

    if shape is None:
        assert found is None
        return
    asking, _, trouble = counted(deployment, shape, observed, key=shape.key)
    if trouble is not None:
        assert found is None
        return
    assert found is not None
    (block,) = found.blocks
    frozen = {one["name"]: one["value"] for one in (shape.sizing or {})["values"]}
    planned = {one.name: one.value for one in reasons.reasons(block.sized)}
    assert planned == {name: value for name, value in frozen.items() if name in planned}
    assert (shape.sizing or {})["requestsPerSecond"] == block.sized.rate
    assert list(block.sized.missed) == (shape.sizing or {}).get("missed", [])
    assert block.fleet.replicas == asking.spec.replicas


@given(st.data(), objects(), st.booleans())
def test_gpus_of_a_plan_are_those_of_its_children(
    data: st.DataObject, spec: Manifest, rdma: bool
) -> None:
    found, deployment, observed = plan(spec, data.draw(nodes(spec)), rdma=rdma)
    if found is None:
        return

    made = making.making(deployment, observed, stored={}, now=NOW, rdma=rdma)

    assert not made.stalled
    gpus = sum(child.accelerators or 0 for child in made.children)
    assert gpus == sum(block.fleet.accelerators for block in found.blocks)


@given(st.data(), objects(), st.integers(1, 5))
def test_a_pool_in_two_of_the_same_nodes_changes_nothing(
    data: st.DataObject, spec: Manifest, part: int
) -> None:
    there = data.draw(nodes(spec))
    count, product, size = re.split("[x:]", there[0])
    first = min(part * int(size), int(count) - int(size))
    assume(first > 0)
    parts = [f"{gpus}x{product}:{size}" for gpus in (first, int(count) - first)]

    whole, _, _ = plan(spec, there, rdma=False)
    split, _, _ = plan(spec, [*parts, *there[1:]], rdma=False)

    assert whole == split


@given(st.data(), objects())
def test_what_fits_one_pool_fits_beside_another(data: st.DataObject, spec: Manifest) -> None:
    """Of a product that is named, whose replica no node changes."""
    assume("product" in spec["accelerator"])
    there = data.draw(nodes(spec))

    one, _, _ = plan(spec, there[:1], rdma=False)
    both, _, _ = plan(spec, there, rdma=False)

    if one is not None and one.blocks[0].enough:
        assert both is not None
        assert both.blocks[0].enough
