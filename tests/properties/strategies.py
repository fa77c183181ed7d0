"""Names, specs and clusters for the properties below."""

import string
from typing import Any

from hypothesis import strategies as st

from deepseek_operator.api import names
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog import models
from deepseek_operator.rollout.revisions import revision_key

Spec = dict[str, Any]

_HEXADECIMAL = "0123456789abcdef"
_INNER = string.ascii_lowercase + string.digits + "-"


def _names_like(prefix: str) -> st.SearchStrategy[str]:
    return st.text(_INNER, max_size=63).map(lambda text: (prefix + text)[:63].rstrip("-") or "a")


def object_names() -> st.SearchStrategy[str]:
    """Names that an object may have: long ones, odd ones, and those that look like children's."""
    endings = st.text(_HEXADECIMAL, min_size=8, max_size=12).map(lambda text: f"-{text}")
    return st.one_of(
        st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
        # One long prefix, so that names differ only where they are cut.
        _names_like("a" * 40),
        _names_like("a" * 51),
        st.builds(
            lambda text, end: (text[:50].rstrip("-") or "a") + end, _names_like("a"), endings
        ),
    ).filter(names.is_object_name)


def keys() -> st.SearchStrategy[str]:
    """Revision keys."""
    return st.text(_HEXADECIMAL, min_size=10, max_size=10)


_words = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
_quantities = st.one_of(st.integers(1, 64), st.sampled_from(["1", "500m", "2Gi", "1e3", "0.5"]))
_label_maps = st.dictionaries(_words, _words, max_size=3)
_resources = st.fixed_dictionaries(
    {},
    optional={
        "requests": st.dictionaries(st.sampled_from(["cpu", "memory"]), _quantities, max_size=2),
        "limits": st.dictionaries(st.sampled_from(["cpu", "memory"]), _quantities, max_size=2),
    },
)
_variable: st.SearchStrategy[Spec] = st.one_of(
    st.fixed_dictionaries({"name": _words.map(lambda w: f"X_{w}"), "value": _words}),
    st.fixed_dictionaries(
        {
            "name": _words.map(lambda w: f"Y_{w}"),
            "valueFrom": st.fixed_dictionaries(
                {"secretKeyRef": st.fixed_dictionaries({"name": _words, "key": _words})}
            ),
        }
    ),
)
_variables = st.lists(_variable, max_size=3, unique_by=lambda variable: str(variable["name"]))
_pull_secrets = st.lists(
    st.fixed_dictionaries({"name": _words}), max_size=2, unique_by=lambda item: item["name"]
)
_spread: st.SearchStrategy[Spec] = st.fixed_dictionaries(
    {
        "maxSkew": st.integers(1, 3),
        "topologyKey": _words,
        "whenUnsatisfiable": st.just("ScheduleAnyway"),
    }
)
_spreads = st.lists(_spread, max_size=2, unique_by=lambda item: str(item["topologyKey"]))
_tolerations = st.lists(
    st.fixed_dictionaries(
        {"key": _words},
        optional={
            "operator": st.sampled_from(["Exists", "Equal"]),
            "effect": st.sampled_from(["NoSchedule", "NoExecute"]),
            "tolerationSeconds": st.integers(0, 600),
        },
    ),
    max_size=2,
)
_pods = st.fixed_dictionaries(
    {},
    optional={
        "labels": _label_maps,
        "annotations": _label_maps,
        "nodeSelector": _label_maps,
        "tolerations": _tolerations,
        "resources": _resources,
        "env": _variables,
        "imagePullSecrets": _pull_secrets,
        "priorityClassName": _words,
        "serviceAccountName": _words,
        "topologySpreadConstraints": _spreads,
    },
)
_sources = st.sampled_from(
    [
        "pvc://models",
        "pvc://models/a/b",
        "hf://org/name",
        "hf://org/name@v1.0",
        "hf://o/n@refs/1",
        "s3://bucket/a",
        "oci://registry.example/a:1",
    ]
)
_engines = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("vllm"),
        "image": st.sampled_from(["registry.example/a:1", "registry.example/b:2"]),
        "args": st.lists(_words.map(lambda word: f"--x-{word}=1"), max_size=3),
    },
)
_accelerators = st.one_of(
    st.just({"kind": "CPU"}),
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.just("GPU"),
            "count": st.sampled_from([1, 2, 4, 8]),
            "product": st.sampled_from(["NVIDIA-H200", "NVIDIA-L4"]),
        },
    ),
)


def specs() -> st.SearchStrategy[Spec]:
    """Specs that the API server admits and the operator can serve."""
    optional: dict[str, st.SearchStrategy[Any]] = {
        "engine": _engines,
        "accelerator": _accelerators,
        "batching": st.fixed_dictionaries(
            {},
            optional={
                "maxConcurrentSequences": st.integers(1, 64),
                "maxBatchedTokens": st.integers(64, 8192),
            },
        ),
        "pod": _pods,
        "replicas": st.integers(0, 5),
        "servedName": _words,
    }
    known = st.sampled_from(sorted(models.load_models()))
    return st.one_of(
        st.fixed_dictionaries({"model": known}, optional={**optional, "source": _sources}),
        st.fixed_dictionaries({"model": _words, "source": _sources}, optional=optional),
    )


def key_of(spec: Spec) -> str:
    """The revision key of a spec."""
    return revision_key(ServingBlock.model_validate(spec))
