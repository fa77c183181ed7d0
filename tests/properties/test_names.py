"""No two things ever want the same name."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from deepseek_operator.api import names
from tests.properties.strategies import keys, object_names
from tests.unit.samples import CPU_SPEC, NO_GATEWAY, Manifest, deepseek
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


@given(st.dictionaries(object_names(), st.sampled_from([NO_GATEWAY, {}]), min_size=2, max_size=4))
@example({"chat": {}, "chat-gateway": NO_GATEWAY})
@example({"a" * 55: {}, "a" * 56: {}})
def test_the_children_of_objects_side_by_side_never_collide(found: dict[str, Manifest]) -> None:
    wanted = [
        (item["kind"], item["metadata"]["name"])
        for name, gateway in found.items()
        if names.is_object_name(name)
        for item in World().plan(deepseek(name, **CPU_SPEC, gateway=gateway, replicas=2)).apply
    ]

    assert len(set(wanted)) == len(wanted)
