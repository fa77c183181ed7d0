"""Names, labels and the owner of children."""

from deepseek_operator.build import metadata
from tests.unit.samples import deepseek


def test_a_child_is_controlled_by_its_object_and_goes_with_it() -> None:
    owners = metadata.child_metadata(deepseek(), name="x")["ownerReferences"]

    assert owners == [
        {
            "apiVersion": "serving.deepseek.dev/v1alpha1",
            "kind": "DeepSeekDeployment",
            "name": "chat",
            "uid": "uid-of-chat",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_only_what_belongs_to_one_revision_carries_its_key() -> None:
    label = "serving.deepseek.dev/revision"

    assert label not in metadata.child_metadata(deepseek(), name="x")["labels"]
    assert metadata.child_metadata(deepseek(), name="x", key="k")["labels"][label] == "k"


def test_selectors_use_no_label_that_users_may_set() -> None:
    selector = metadata.revision_selector(deepseek(), "k")

    assert (selector) == {
        "serving.deepseek.dev/deployment": "chat",
        "serving.deepseek.dev/revision": "k",
    }
    assert metadata.object_selector(deepseek()).items() <= selector.items()


def test_the_labels_of_two_objects_select_different_pods() -> None:
    one, other = deepseek("one"), deepseek("other")

    assert not metadata.object_selector(one).items() <= metadata.object_labels(other).items()
