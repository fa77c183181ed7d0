"""What is refused without an API server: the rules of the definition, as another evaluator of CEL has them."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from deepseek_operator.api import cel, crd, schema
from deepseek_operator.api.refusals import Refusal, refusals
from tests.cluster.bad_engine import GOOD_ENGINE
from tests.cluster.bad_tenancy import GOOD_TENANCY
from tests.cluster.fuzzing import Fuzzer, examples
from tests.cluster.test_bad_objects import BAD
from tests.unit import structural
from tests.unit.api.test_rules import violations

Spec = dict[str, Any]

SEED = 20261201
SPECS = 60
DEFINITION = structural.schema_of("spec")


def refused(spec: Spec, **metadata: Any) -> list[Refusal]:
    return [*refusals({"metadata": metadata, "spec": spec})]


def specs_of(table: list[Any]) -> list[Spec]:
    return [row.values[0] for row in table]


def fitting(specs: list[Spec]) -> list[Spec]:
    """Those with which nothing else is wrong, as they would be stored."""
    stored = [schema.defaulted(DEFINITION, spec) for spec in specs]
    return [one for one in stored if not [*structural.faults(DEFINITION, one)]]


def judged(node: Any, value: Any) -> Iterator[tuple[dict[str, str], Any]]:
    """Each rule with each value that it is asked of."""
    yield from ((rule, value) for rule in node.get("x-kubernetes-validations", ()))
    if isinstance(value, dict):
        for name, one in value.items():
            yield from judged(schema.child(node, name) or {}, one)
    elif isinstance(value, list):
        for one in value:
            yield from judged(node.get("items", {}), one)


def rules_of(node: Any) -> Iterator[dict[str, str]]:
    """All that stand in a schema."""
    yield from node.get("x-kubernetes-validations", ())
    below = [
        node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)
    ]
    for one in (*node.get("properties", {}).values(), *below):
        yield from rules_of(one)


def said_of(rule: dict[str, str], value: Any) -> str:
    """What a rule says of a value that it refuses; nothing of another, or of one of which it cannot be told."""
    scope = {"self": value}
    try:
        if "oldSelf" in rule["rule"] or cel.read(rule["rule"])(scope) is True:
            return ""
        return str(rule.get("message") or cel.read(rule["messageExpression"])(scope))
    except cel.FAULTS:
        return ""


def expressions(node: Any) -> Iterator[str]:
    """All that stand in a definition, wherever they do."""
    if isinstance(node, dict):
        yield from (
            node[key] for key in ("rule", "messageExpression") if isinstance(node.get(key), str)
        )
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from expressions(one)


def test_each_expression_of_the_definition_can_be_read() -> None:
    found = {*expressions(crd.build_crd())}

    assert len(found) > 100
    assert all(cel.read(one) for one in found)


def test_each_rule_of_a_new_object_has_a_row_of_what_it_refuses() -> None:
    """A rule that no row breaks is one that the real API server was never asked about."""
    rules = {one["rule"] for one in rules_of(DEFINITION) if "oldSelf" not in one["rule"]}
    broken = set()
    rows: list[Any] = [row.values for row in BAD]
    for spec, words in rows:
        parts = [words] if isinstance(words, str) else words
        for rule, value in judged(DEFINITION, schema.defaulted(DEFINITION, spec)):
            said = said_of(rule, value)
            if any(part in said for part in parts):
                broken.add(rule["rule"])

    assert len(rules) > 100
    assert rules - broken == set()


def test_rules_say_of_specs_what_another_evaluator_says() -> None:
    bad, good = specs_of(BAD), [*examples(), *specs_of(GOOD_ENGINE), *specs_of(GOOD_TENANCY)]
    chance = random.Random(SEED)
    fuzzer = Fuzzer(good, bad, DEFINITION)
    made = [fuzzer.spec(chance) for _ in range(SPECS)]
    asked = {
        (json.dumps(rule), json.dumps(value, sort_keys=True))
        for spec in fitting([*bad, *good, *made])
        for rule, value in judged(DEFINITION, spec)
        if "oldSelf" not in rule["rule"]
    }

    broken = 0
    for rule, value in ((json.loads(one), json.loads(two)) for one, two in asked):
        expected = violations([rule], value)
        scope = {"self": value}
        assert cel.read(rule["rule"])(scope) is (expected == []), (rule, value)
        if expected and "messageExpression" in rule:
            assert cel.read(rule["messageExpression"])(scope) == expected[0]
        broken += len(expected)
    assert broken > 100


@pytest.mark.parametrize("spec", [*examples(), *specs_of(GOOD_ENGINE), *specs_of(GOOD_TENANCY)])
def test_what_can_be_served_is_taken(spec: Spec) -> None:
    assert refused(spec, name="chat") == []


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        pytest.param(
            {"replicas": 3, "autoscaling": {"max": 4}},
            "spec",
            "replicas: autoscaling sets the number",
            id="of-the-spec",
        ),
        pytest.param(
            {"pod": {"env": [{"name": "A", "value": "1"}, {"name": "HOME", "value": "/"}]}},
            "spec.pod.env[1]",
            "pod.env: HOME is owned by the operator; remove it",
            id="of-an-item",
        ),
        pytest.param(
            {"fallback": [{"model": "b", "pod": {"priorityClassName": "system-node-critical"}}]},
            "spec.fallback[0].pod.priorityClassName",
            "pod.priorityClassName: classes that begin with system-",
            id="of-a-fallback",
        ),
        pytest.param(
            {"warmup": {"enabled": False, "timeout": "5m"}, "autoscaling": None},
            "spec.warmup",
            "warmup.timeout: enabled false asks engines nothing",
            id="beside-what-is-null",
        ),
        pytest.param(
            {"pod": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}},
            "spec.pod.env[1]",
            '{"name": "A"} is there twice; remove one',
            id="twice-in-a-map",
        ),
        pytest.param(
            {"fallback": [{"model": "b", "when": ["Timeout", "Timeout"]}]},
            "spec.fallback[0].when[1]",
            '"Timeout" is there twice; remove one',
            id="twice-in-a-set",
        ),
        pytest.param(
            {"replicas": 3, "autoscaling": {"max": 4}, "cache": {"size": "much"}},
            "spec.cache.size",
            "'much' does not match ^",
            id="a-form-before-rules",
        ),
    ],
)
def test_a_refusal_names_the_place_and_has_the_rules_words(
    changes: Spec, path: str, said: str
) -> None:
    [found] = refused({"model": "a", **changes})

    assert found.path == path
    assert found.message.startswith(said)


def test_two_is_an_integer_however_it_is_written() -> None:
    assert refused({"model": "a", "replicas": 2.0}) == []
    [found] = refused({"model": "a", "replicas": 1.5})
    assert found == Refusal("spec.replicas", "1.5 is no integer")


def test_a_name_is_judged_where_there_is_one() -> None:
    [found] = refused({"model": "a"}, name="chat-gateway")

    assert found.message.startswith("metadata.name may not end in '-gateway'")
    assert refused({"model": "a"}) == refused({"model": "a"}, generateName="chat-") == []


def test_defaults_are_filled_in_as_the_tests_of_releases_do() -> None:
    for spec in examples():
        assert schema.defaulted(DEFINITION, spec) == structural.defaulted(DEFINITION, spec)
