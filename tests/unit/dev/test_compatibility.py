"""What may not be changed in the definition once a release has it; each change is named with its field."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepseek_operator.api import crd
from dev import compatibility, releases, steps
from dev.compatibility import Allowed, Break
from dev.paths import REPOSITORY

Schema = dict[str, Any]
Change = Callable[[Schema], Any]
"""What is done to the schema of the object."""

RELEASES = releases.all_releases()


def at(schema: Schema, path: str) -> Schema:
    """The schema of a field, as a break names it."""
    for name in re.findall(r"\[\]|\{\}|[^.\[{]+", path):
        key = {"[]": "items", "{}": "additionalProperties"}.get(name)
        schema = schema[key] if key else schema["properties"][name]
    return schema


def changed(change: Change) -> list[Break]:
    """What is found when the definition of today is changed like that."""
    before = crd.build_crd()
    after = copy.deepcopy(before)
    change(after["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    return compatibility.breaks(before, after)


def put(path: str, **keys: Any) -> Change:
    """Set these keys of a field's schema."""
    return lambda schema: at(schema, path).update(keys)


def take(path: str, key: str) -> Change:
    """Remove this key of a field's schema."""
    return lambda schema: at(schema, path).pop(key)


def rule(path: str, text: str) -> Change:
    """Add a rule to a field."""
    return lambda schema: (
        at(schema, path)
        .setdefault("x-kubernetes-validations", [])
        .append({"rule": text, "message": "no"})
    )


@pytest.mark.parametrize("release", RELEASES, ids=lambda one: one.version)
def test_objects_and_clients_of_every_release_go_on(release: releases.Release) -> None:
    found = compatibility.breaks(compatibility.released(release.version), crd.build_crd())
    allowed = [one for one in compatibility.allowances() if one.release == release.version]

    assert [*compatibility.judged(found, allowed)] == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda one: one.version)
def test_the_definition_that_is_compared_with_is_the_releases_own(
    release: releases.Release,
) -> None:
    kept = (compatibility.STORED / release.version / "crd.yaml").read_bytes()

    assert kept == releases.file_of(release, "crds/deepseekdeployments.yaml")


def test_every_reason_is_one() -> None:
    known = {release.version for release in RELEASES}
    for one in compatibility.allowances():
        assert one.release in known
        assert len(one.reason) > 40
        assert len(one.text) > 10


@pytest.mark.parametrize(
    ("change", "path", "what"),
    [
        pytest.param(
            lambda schema: at(schema, "spec.gateway")["properties"].pop("pinning"),
            "spec.gateway.pinning", "is gone", id="a-field-is-removed",
        ),
        pytest.param(
            lambda schema: at(schema, "status.rollout")["properties"].pop("record"),
            "status.rollout.record", "is gone", id="a-field-of-the-status-is-removed",
        ),
        pytest.param(
            lambda schema: at(schema, "spec.rollout.steps[]")["properties"].pop("pause"),
            "spec.rollout.steps[].pause", "is gone", id="a-field-of-an-item-is-removed",
        ),
        pytest.param(
            put("spec.rollout.strategy", enum=["BlueGreen", "Canary", "Replace"]),
            "spec.rollout.strategy", "enum has Auto no more", id="an-enum-is-narrower",
        ),
        pytest.param(
            put("spec.servedName", enum=["chat"]),
            "spec.servedName", "enum is new", id="an-enum-is-new",
        ),
        pytest.param(
            put("spec.replicas", maximum=999),
            "spec.replicas", "maximum was 1000, is 999", id="a-maximum-is-lower",
        ),
        pytest.param(
            put("spec.replicas", minimum=1),
            "spec.replicas", "minimum was 0, is 1", id="a-minimum-is-higher",
        ),
        pytest.param(
            put("spec.replicas", exclusiveMinimum=True),
            "spec.replicas", "minimum was 0, is 0 (excluded)", id="a-minimum-is-excluded",
        ),
        pytest.param(
            put("status.replicas", minimum=0),
            "status.replicas", "minimum was None, is 0", id="a-bound-is-new",
        ),
        pytest.param(
            put("spec.fallback", maxItems=3),
            "spec.fallback", "maxItems was 4, is 3", id="a-list-is-shorter",
        ),
        pytest.param(
            put("spec.fallback", minItems=1),
            "spec.fallback", "minItems was 0, is 1", id="a-list-may-not-be-empty",
        ),
        pytest.param(
            put("spec.model", maxLength=95),
            "spec.model", "maxLength was 96, is 95", id="a-text-is-shorter",
        ),
        pytest.param(
            put("spec.model", pattern="^[a-z]+$"),
            "spec.model", "pattern was", id="another-pattern",
        ),
        pytest.param(
            put("spec", required=["model", "source"]),
            "spec", "source is required", id="a-field-is-required",
        ),
        pytest.param(
            put("spec.rollout.strategy", default="Canary"),
            "spec.rollout.strategy", "default was BlueGreen, is Canary", id="another-default",
        ),
        pytest.param(
            take("spec.rollout.strategy", "default"),
            "spec.rollout.strategy", "default was BlueGreen, is None", id="no-default-any-more",
        ),
        pytest.param(
            put("spec.servedName", default="chat"),
            "spec.servedName", "default was None, is chat", id="a-default-for-an-old-field",
        ),
        pytest.param(
            put("spec.replicas", type="string"),
            "spec.replicas", "type was integer, is string", id="another-type",
        ),
        pytest.param(
            put("spec.pod.env", **{"x-kubernetes-list-type": "atomic"}),
            "spec.pod.env", "x-kubernetes-list-type was map, is atomic", id="another-way-to-merge",
        ),
        pytest.param(
            rule("spec.gateway", "!has(self.pinning)"),
            "spec.gateway", "rule is new: !has(self.pinning)", id="a-new-rule-on-old-fields",
        ),
        pytest.param(
            rule("spec", "!has(self.autoscaling) || self.replicas < 4"),
            "spec", "rule is new", id="a-new-rule-that-only-begins-with-a-field-that-was-there",
        ),
    ],
)  # fmt: skip
def test_what_breaks_is_told_with_its_field(change: Change, path: str, what: str) -> None:
    found = [str(one) for one in changed(change)]

    assert found
    # A serving block stands in three places of the spec, in one schema.
    assert any(one.startswith(f"v1alpha1: {path}: {what}") for one in found), found


def _grown(schema: Schema) -> None:
    spec = at(schema, "spec")
    spec["properties"]["new"] = {"type": "string", "default": "x", "enum": ["x"]}
    spec["required"] = [*spec["required"], "new"]
    spec["x-kubernetes-validations"].append({"rule": "!has(self.new) || (self.new == 'x')"})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _schema: None, id="nothing"),
        pytest.param(_grown, id="a-new-field-with-a-default-and-a-rule-of-its-own"),
        pytest.param(put("spec.replicas", maximum=2000), id="a-wider-bound"),
        pytest.param(take("spec.replicas", "maximum"), id="a-bound-less"),
        pytest.param(
            put("spec.rollout.strategy", enum=["BlueGreen", "Canary", "Replace", "Auto", "Shadow"]),
            id="one-more-value",
        ),
        pytest.param(take("spec", "required"), id="nothing-required"),
        pytest.param(take("spec.gateway", "x-kubernetes-validations"), id="a-rule-less"),
        pytest.param(put("spec.model", description="Another."), id="another-description"),
        pytest.param(take("spec.model", "pattern"), id="a-pattern-less"),
    ],
)
def test_what_only_grows_breaks_nothing(change: Change) -> None:
    assert changed(change) == []


@pytest.mark.parametrize(
    ("text", "is_new"),
    [
        pytest.param("!has(self.new) || self.old > 1", False, id="asks-where-it-is-set"),
        pytest.param(
            "!has(self.new) || self.old > 1 ? true : false", True, id="a-choice-takes-it-in"
        ),
        pytest.param(
            "!has(self.new) || (self.old > 1 ? true : false)", False, id="a-choice-inside"
        ),
        pytest.param("!has(self.newer) || self.old > 1", True, id="of-another-field"),
        pytest.param("has(self.new) || self.old > 1", True, id="asks-where-it-is-not-set"),
        pytest.param("(self.old ? 1 : 2) > 1 || !has(self.new)", False, id="in-another-order"),
        pytest.param(
            "self.old > 1 && (self.a || !has(self.new) || self.b)", True, id="not-the-outermost"
        ),
        pytest.param("!has(self.new) && self.a || self.old > 1", True, id="a-condition-of-it"),
        pytest.param("self.old != ' || !has(self.new) || '", True, id="in-a-text"),
    ],
)
def test_a_rule_that_asks_of_new_fields_alone_is_none_on_old_ones(
    text: str, *, is_new: bool
) -> None:
    def change(schema: Schema) -> None:
        spec = at(schema, "spec")
        spec["properties"]["new"] = {"type": "string"}
        rule("spec", text)(schema)

    assert bool(changed(change)) is is_new


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param(lambda spec: spec["versions"][0].update(name="v1"), "v1alpha1: is served no more", id="renamed"),
        pytest.param(
            lambda spec: spec["versions"][0].update(served=False), "v1alpha1: is served no more", id="not-served"
        ),
        pytest.param(lambda spec: spec.update(scope="Cluster"), "scope: was Namespaced, is Cluster", id="scope"),
        pytest.param(lambda spec: spec["names"].update(plural="models"), "names.plural: was", id="plural"),
        pytest.param(lambda spec: spec["names"].update(shortNames=["ds"]), "names.shortNames: dsd is gone", id="short"),
        pytest.param(
            lambda spec: spec["versions"][0]["subresources"].pop("scale"),
            "v1alpha1: subresources.scale: is gone", id="scale",
        ),
    ],
)  # fmt: skip
def test_what_clients_ask_for_stays(change: Change, what: str) -> None:
    before = crd.build_crd()
    after = copy.deepcopy(before)
    change(after["spec"])

    assert str(compatibility.breaks(before, after)[0]).startswith(what)


def test_what_is_meant_needs_a_reason_that_is_still_needed() -> None:
    broken = Break("v1alpha1: spec.rollout.from.pod.labels", "rule is new: a && b")
    meant = Allowed("0.1.0", "pod.labels", "a && b", "because")

    assert [*compatibility.judged([broken], [meant])] == []
    assert [*compatibility.judged([broken], [])] == [str(broken)]
    [said] = compatibility.judged([], [meant])
    assert said.startswith("pod.labels: allowed for 'a && b', and it breaks nothing")
    elsewhere = Break("v1alpha1: spec.pod.annotations", "rule is new: a && b")
    assert str(elsewhere) in [*compatibility.judged([broken, elsewhere], [meant])]


def test_versions_without_a_conversion_have_the_same_fields() -> None:
    same = crd.build_crd(served=("v1alpha1", "v1beta1"), stored="v1beta1")
    less = copy.deepcopy(same)
    at(less["spec"]["versions"][1]["schema"]["openAPIV3Schema"], "spec.gateway")["properties"].pop(
        "pinning"
    )

    assert compatibility.differing(same) == []
    assert [str(one) for one in compatibility.differing(less)] == [
        "v1alpha1 as v1beta1: spec.gateway.pinning: is gone"
    ]


def test_the_check_is_one_of_make_check() -> None:
    [recipe] = re.findall(
        r"^check:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(), re.MULTILINE
    )

    assert "-m dev.compatibility" in recipe


def test_it_fails_with_every_field_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for release in RELEASES:
        older = compatibility.released(release.version)
        at(older["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "spec")["properties"][
            "gone"
        ] = {"type": "string"}
        (tmp_path / release.version).mkdir()
        (tmp_path / release.version / "crd.yaml").write_text(yaml.safe_dump(older))
    monkeypatch.setattr(compatibility, "STORED", tmp_path)
    monkeypatch.setattr("sys.argv", ["compatibility"])

    with pytest.raises(steps.StepError, match=r"release 0\.1\.0: v1alpha1: spec\.gone: is gone"):
        compatibility.program()
