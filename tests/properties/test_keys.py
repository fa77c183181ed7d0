"""The revision key is a function of what the user set, and of nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.strategies import Spec, key_of, specs

pytestmark = pytest.mark.campaign(has_short_form=True)

DEFAULTS: Spec = {"engine": {"name": "vllm"}, "accelerator": {"kind": "GPU"}, "replicas": 1}


def shuffled(value: Any) -> Any:
    """The same value with every map in the other order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def spelt_out(spec: Spec) -> Spec:
    """The same spec with every default written and every quantity as text."""
    filled = dict(spec)
    for name, default in DEFAULTS.items():
        if isinstance(default, dict):
            filled[name] = {**default, **spec.get(name, {})}
        else:
            filled.setdefault(name, default)
    pod = dict(spec.get("pod", {}))
    if "resources" in pod:
        pod["resources"] = {
            section: {name: str(amount) for name, amount in amounts.items()}
            for section, amounts in pod["resources"].items()
        }
    return {**filled, "batching": spec.get("batching", {}), "pod": {"tolerations": [], **pod}}


@given(specs(), st.integers(0, 1000))
def test_replicas_never_make_a_revision(spec: Spec, replicas: int) -> None:
    assert key_of(spec) == key_of({**spec, "replicas": replicas})


@given(specs())
def test_order_and_defaults_and_spelling_make_no_revision(spec: Spec) -> None:
    assert key_of(spec) == key_of(shuffled(spec))
    assert key_of(spec) == key_of(spelt_out(spec))
    assert key_of(spec) == key_of({**spec, "servedName": "other"})


@given(specs(), st.sampled_from(["model", "source"]))
def test_another_model_or_source_is_another_revision(spec: Spec, field: str) -> None:
    other = {"model": "another-one", "source": "hf://another/one"}[field]

    assert key_of(spec) != key_of({**spec, field: other})


@given(specs())
def test_a_key_is_ten_hexadecimal_digits(spec: Spec) -> None:
    key = key_of(spec)

    assert len(key) == 10
    assert int(key, 16) >= 0
