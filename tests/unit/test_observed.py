"""What is read off the observed children."""

import pytest

from deepseek_operator.observed import Observed, is_at_strength, ready_replicas, revision_of
from tests.unit.samples import Manifest, deepseek
from tests.unit.world import served

LABEL = "serving.deepseek.dev/revision"


def deployment(ready: int | None, *, seen: int = 2) -> Manifest:
    counted = {} if ready is None else {"readyReplicas": ready}
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": seen, **counted}}


@pytest.mark.parametrize(
    ("observed", "ready", "strong"),
    [
        pytest.param(None, 0, False, id="none"),
        pytest.param({"metadata": {"generation": 1}}, 0, False, id="just-made"),
        pytest.param(deployment(None), 0, False, id="none-ready"),
        pytest.param(deployment(1), 1, False, id="one"),
        pytest.param(deployment(2), 2, True, id="all"),
        pytest.param(deployment(3), 3, True, id="more"),
        pytest.param(deployment(2, seen=1), 2, False, id="counted-before-the-change"),
    ],
)
def test_pods_count_as_counted_and_strength_only_as_of_now(
    observed: Manifest | None, ready: int, *, strong: bool
) -> None:
    assert ready == ready_replicas(observed)
    assert strong is is_at_strength(observed, 2)


def test_children_are_found_by_their_revision() -> None:
    observed = served(deepseek()).observed()
    key = revision_of(observed.deployments[0])

    assert key is not None
    assert observed.deployment(key) is observed.deployments[0]
    assert observed.revision(key) is observed.revisions[0]
    assert observed.deployment("other") is None
    assert len(observed.children) == 4


@pytest.mark.parametrize(
    ("service", "revision"),
    [
        pytest.param({"spec": {"selector": {LABEL: "k"}}}, "k", id="selects"),
        pytest.param({"spec": {"selector": None}}, None, id="null-selector"),
        pytest.param({"spec": {}}, None, id="no-selector"),
        pytest.param({}, None, id="no-spec"),
    ],
)
def test_the_clients_service_tells_who_serves(service: Manifest, revision: str | None) -> None:
    observed = Observed(services=({"metadata": {"name": "chat"}, **service},))

    assert revision == observed.client_service_revision("chat")
    assert observed.client_service_revision("other") is None
