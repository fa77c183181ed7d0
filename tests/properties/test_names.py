"""No two things ever want the same name."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from deepseek_operator.api import names
from deepseek_operator.build import quality, warmup
from deepseek_operator.engines.contract import Policies
from deepseek_operator.observed import Monitoring
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.run import Run
from tests.properties.strategies import keys, object_names
from tests.unit.samples import CPU_SPEC, IMAGES, NO_GATEWAY, Manifest, deepseek
from tests.unit.world import World

pytestmark = pytest.mark.campaign(has_short_form=True)

CUT = "a" * 41
LONG = "a" * 62 + "b"


@given(object_names(), keys(), object_names(), keys())
@example(LONG, "0" * 10, CUT + "-" + names.digest(LONG)[:9] + "g", "0" * 10)
@example("a" * 63, "0" * 10, "a" * 62 + "b", "0" * 10)
@example("a" * 52, "0" * 10, "a" * 53, "0" * 10)
def test_two_revisions_share_a_name_only_if_they_are_the_same(
    one: str, one_key: str, other: str, other_key: str
) -> None:
    assume((one, one_key) != (other, other_key))

    assert names.revision_child(one, one_key) != names.revision_child(other, other_key)


@given(object_names(), keys(), object_names())
def test_a_revisions_name_is_never_an_objects(one: str, key: str, other: str) -> None:
    child = names.revision_child(one, key)

    assert child != other
    assert not names.is_object_name(child)


@given(object_names(), keys())
def test_a_revisions_name_is_a_label_of_at_most_63_characters(name: str, key: str) -> None:
    child = names.revision_child(name, key)

    assert len(child) <= 63
    assert child.replace("-", "a").isalnum()
    assert child == child.lower()
    assert child[0].isalpha()
    assert child.endswith(f"-{key}")


@given(object_names())
def test_an_objects_name_with_a_digest_of_its_own_is_refused(name: str) -> None:
    assert not names.is_object_name(f"{name[:50]}-{names.digest(name)}")


ALONE: Manifest = {**CPU_SPEC, "gateway": NO_GATEWAY, "replicas": 2}
BEHIND: Manifest = {**CPU_SPEC, "gateway": {}, "replicas": 2}
ROUTED: Manifest = {
    **CPU_SPEC, "gateway": {"provider": "GatewayAPI", "parentRef": {"name": "g"}}, "replicas": 2,
}  # fmt: skip
IN_GROUPS: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://models/v3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3", "count": 16},
    "gateway": {},
}

PARENT: Manifest = {
    "metadata": {"name": "g"},
    "status": {"conditions": [{"type": "Programmed", "status": "True"}]},
}


def wanted_of(name: str, spec: Manifest) -> list[tuple[str, str]]:
    """Kind and name of all that an object comes to have of its own, Jobs included.

    What fetches weights is not among it: objects of one source share it, and its names are by the source.
    """
    deployment = deepseek(name, **spec)
    images = replace(IMAGES, policies=Policies("deepseek-system"))
    world = World(images=images, monitoring=Monitoring(), parent=PARENT)
    children = world.settle(deployment).apply
    shape = resolve_shape(deployment, deployment.spec, images=images)
    run = cast("Run", SimpleNamespace(name=f"1-{shape.key}", exam=None))
    jobs = [quality.exam_name(deployment, run)]
    for number in (1, 2):
        pod = {"metadata": {"name": f"{name}-{number}", "uid": f"{name}/{number}"}}
        jobs.append(warmup.warmup_name(pod, "containerd://x"))
    return [
        *((item["kind"], item["metadata"]["name"]) for item in children),
        *(("Job", job) for job in jobs),
    ]


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        pytest.param(ALONE, "NetworkPolicy", id="policies"),
        pytest.param(ALONE, "PodMonitor", id="monitors"),
        pytest.param(BEHIND, "RoleBinding", id="gateway"),
        pytest.param(ROUTED, "HTTPRoute", id="route"),
        pytest.param(IN_GROUPS, "LeaderWorkerSet", id="groups"),
    ],
)
def test_what_is_looked_at_for_collisions_has_every_kind(spec: Manifest, kind: str) -> None:
    assert kind in {found for found, _ in wanted_of("chat", spec)}


@given(
    st.dictionaries(
        object_names(), st.sampled_from([ALONE, BEHIND, ROUTED, IN_GROUPS]), min_size=2, max_size=4
    )
)
@example({"chat": BEHIND, "chat-gateway": ALONE})
@example({"chat": IN_GROUPS, "chat-engines": ROUTED})
@example({"a" * 55: BEHIND, "a" * 56: BEHIND})
@example({"a" * 40: IN_GROUPS, "a" * 41: IN_GROUPS})
def test_the_children_of_objects_side_by_side_never_collide(found: dict[str, Manifest]) -> None:
    wanted = [
        place
        for name, spec in found.items()
        if names.is_object_name(name)
        for place in wanted_of(name, spec)
    ]

    assert len(set(wanted)) == len(wanted)
