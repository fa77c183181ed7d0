"""A record of which one field says something else: it is refused, or gone on with, and no promise is broken.

Random histories damage records too (test_machine.py); here it is every phase, and whole passes.
"""

from copy import deepcopy
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.rollout import soundness
from deepseek_operator.rollout.run import Phase
from tests.examples import as_many_as
from tests.properties import damage, promises, test_product, test_replace_product
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service

pytestmark = pytest.mark.campaign(has_short_form=True)

PASSES = 20


@settings(max_examples=as_many_as(250))
@given(
    place=st.sampled_from(test_product.PLACES),
    fault=st.sampled_from(sorted(test_product.FAULTS)),
    data=st.data(),
)
def test_a_canary_goes_on_from_no_record_that_breaks_a_promise(
    place: tuple[Phase, int], fault: str, data: st.DataObject
) -> None:
    reached = test_product.reached(*place)
    found = damage.gone_on(data, reached)
    if found is None:
        return
    field, stage = found
    test_product.FAULTS[fault](stage)

    for _ in range(PASSES):
        before, facts, after = damage.next_pass(stage)

        promises.check(before, facts, after, is_examined=not damage.is_of_quality(field))
        assert soundness.flaw(after, now=stage.now) is None


@settings(max_examples=as_many_as(150))
@given(
    phase=st.sampled_from(test_replace_product.PHASES),
    fault=st.sampled_from(sorted(test_replace_product.FAULTS)),
    data=st.data(),
)
def test_a_replace_goes_on_from_no_record_that_no_pass_goes_on_from(
    phase: Phase, fault: str, data: st.DataObject
) -> None:
    reached = test_replace_product.reached(phase)
    found = damage.gone_on(data, reached)
    if found is None:
        return
    _, stage = found
    test_replace_product.FAULTS[fault](stage)

    for _ in range(PASSES):
        stage.one_pass()

        assert stage.weight() in (0, 100)
        assert soundness.flaw(stage.rollout, now=stage.now) is None


@pytest.mark.parametrize("place", test_product.PLACES)
def test_every_phase_of_a_canary_is_read_again(place: tuple[Phase, int]) -> None:
    stage = test_product.reached(*place)

    damage.check_kept(stage.rollout, now=stage.now)


@pytest.mark.parametrize("phase", test_replace_product.PHASES)
def test_every_phase_of_a_replace_is_read_again(phase: Phase) -> None:
    stage = test_replace_product.reached(phase)

    damage.check_kept(stage.rollout, now=stage.now)


SCENES = ("Starting", "Shifting", "Analyzing", "Held", "Promoting", "Watching", "RollingBack")


@cache
def served(phase: str) -> Service:
    """A service whose run has come so far."""
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    new = wanting(paused=False)
    service.until(new, "Analyzing" if phase in ("Held", "RollingBack") else phase)
    if phase == "Analyzing":
        service.one_pass(new)
    if phase == "Held":
        service.one_pass(wanting(paused=True))
    if phase == "RollingBack":
        service.bad = {service.stored["rollout"]["candidate"]: 0.9}
        service.until(new, phase)
    assert service.stored["rollout"]["phase"] == phase
    return service


def wanting(*, paused: bool) -> DeepSeekDeployment:
    """The new revision."""
    rollout: Manifest = {**CANARY, "paused": paused}
    return deepseek(**{**NEW, "rollout": rollout}, generation=2)


@settings(max_examples=as_many_as(40))
@given(phase=st.sampled_from(SCENES), fails=st.booleans(), data=st.data())
def test_whatever_a_record_says_each_pass_can_be_carried_out_and_users_are_served(
    phase: str, *, fails: bool, data: st.DataObject
) -> None:
    """Also where the candidate fails then: there is somebody to go back to."""
    service = deepcopy(served(phase))
    kept = service.stored["rollout"]
    _, text = data.draw(damage.damaged(kept["record"]))
    service.stored = {**service.stored, "rollout": {**kept, "record": text}}
    service.bad = {kept["candidate"]: 0.9 if fails else 0.0}

    for _ in range(8):
        status = service.one_pass(wanting(paused=False))

        DeepSeekDeploymentStatus.model_validate(status)
        pods = service.replicas
        assert sum(service.weights.values()) == 100
        assert all(weight > 0 and pods.get(key) for key, weight in service.weights.items())
