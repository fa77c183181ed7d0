"""Whatever a document holds, it is taken or refused by file and remedy: nothing else, and never in part."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deepseek_operator.catalog import additions, catalog
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import CannotRunError, Pool, Question
from tests.examples import as_many_as

SHIPPED = catalog.shipped()

_NAMES = st.sampled_from(
    ["models", "accelerators", "engines", "H200", "DeepSeek-V3", "vllm-0.33.0", "X1", "labels", "gke", "nodeGpus",
     "pricePerHour", "teraflops", "bf16", "dimensions", "layers", "experts", "benchmarks", "version", "sources"]
)  # fmt: skip
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.dates()
    | st.binary(max_size=8)
    | st.text(max_size=12)
)
_KEYS = _NAMES | st.text(max_size=8) | st.integers() | st.none() | st.booleans()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_PARTS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_ENTRIES = st.dictionaries(
    _NAMES, st.dictionaries(_NAMES, _PARTS | _VALUES, max_size=3), max_size=2
)
_DOCUMENTS = (
    st.text(max_size=200)
    | st.text("[]{}&*a:-? !<>|#%@\n\"'0x", max_size=60)
    | _VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True))
    | st.dictionaries(_NAMES, _ENTRIES, max_size=3).map(yaml.safe_dump)
)


@settings(max_examples=as_many_as(400))
@given(_DOCUMENTS, _DOCUMENTS)
def test_a_document_is_taken_whole_or_refused_by_its_name(first: str, second: str) -> None:
    documents = {"a.yaml": first, "b.yaml": second}

    found = additions.add(SHIPPED, documents, last={})

    refused = {error.file for error in found.refused}
    assert refused | set(found.taken) == set(documents)
    assert not refused & set(found.taken)
    assert all(error.remedy for error in found.refused)
    assert len(found.catalog.refused) == len(found.refused)
    assert all(len(said) < 700 for said in found.catalog.refused)
    if refused == set(documents):
        assert additions.difference(SHIPPED, found.catalog) == ""


@settings(max_examples=as_many_as(200))
@given(_DOCUMENTS)
def test_what_comes_after_a_good_document_changes_nothing_by_a_mistake(text: str) -> None:
    good = {"a.yaml": "accelerators: {H200: {pricePerHour: 1.5}}"}
    before = additions.add(SHIPPED, good, last={})

    after = additions.add(SHIPPED, {"a.yaml": text}, last=before.taken)

    if after.refused:
        assert additions.difference(before.catalog, after.catalog) == ""
        assert after.taken == before.taken
    else:
        assert after.taken == {"a.yaml": text}


_OURS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "models": {"DeepSeek-V3": {}, "DeepSeek-V3.2": {}, "DeepSeek-R1-Distill-Qwen-7B": {}},
    "accelerators": {"H200": {"labels": {"gpuOperator": ["OURS"]}}, "B200": {"labels": {"gpuOperator": ["OURS"]}}},
    "engines": {"vllm-0.33.0": {"version": "99.0"}, "tensorrt-llm-1.2": {"version": "99.0"}},
}  # fmt: skip
"""Of each section the entries that are taken as a pattern, and what has to be another one in a second such entry."""
_AMOUNTS = st.sampled_from([0, 1, 2, 3, 7, 24, 100, 256, 300, 4096, 10**6, 10**12]) | st.sampled_from(
    [0.001, 0.5, 1.0, 7.0, 9.0, 10.0, 90.0, 1e6, 1e12]
)  # fmt: skip


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of everything in a map that is no text, down through maps."""
    for name, inner in value.items():
        if not isinstance(inner, str):
            yield (*path, name)
        if isinstance(inner, dict):
            yield from _paths(inner, (*path, name))


@st.composite
def _entry(draw: st.DrawFn, section: str) -> Mapping[str, Any]:
    """A whole entry: a shipped one of which a few values are others, or are not there."""
    name, ours = draw(st.sampled_from(sorted(_OURS[section].items())))
    shipped = getattr(SHIPPED, section)[name].model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    entry: dict[str, Any] = copy.deepcopy({**shipped, **ours})
    for *above, last in draw(st.lists(st.sampled_from(sorted(_paths(entry))), max_size=2)):
        within = entry
        for step in above:
            inner = within.get(step)
            within = inner if isinstance(inner, dict) else {}
        if draw(st.booleans()):
            within.pop(last, None)
        else:
            within[last] = draw(_AMOUNTS)
    return entry


@settings(max_examples=as_many_as(200))
@given(_entry("models"), _entry("accelerators"), _entry("engines"), st.integers(1, 4))
def test_what_is_taken_can_be_sized_or_is_refused_by_field(
    model: Mapping[str, Any], product: Mapping[str, Any], engine: Mapping[str, Any], nodes: int
) -> None:
    documents = {
        "models.yaml": yaml.safe_dump({"models": {"M": model}}),
        "accelerators.yaml": yaml.safe_dump({"accelerators": {"P": product}}),
        "engines.yaml": yaml.safe_dump({"engines": {"E": engine}}),
    }

    found = additions.add(SHIPPED, documents, last={}).catalog

    name = "M" if "M" in found.models else "DeepSeek-V3"
    engine_name = "E" if "E" in found.engines else "vllm-0.33.0"
    # A refusal looks at all products for one that would do.
    for place in {"P", "L4"} & set(found.accelerators):
        question = _question(found, name, engine_name, place, nodes=nodes)
        answer = _answer(question)
        assert isinstance(answer, Sized | CannotRunError)
        if isinstance(answer, Sized):
            assert 0 < answer.memory.weights < answer.memory.total


def _question(known: Catalog, model: str, engine: str, product: str, *, nodes: int) -> Question:
    accelerator = known.accelerators[product]
    node = max(accelerator.node_gpus)
    return Question(
        model_name=model,
        model=known.models[model],
        engine=known.engines[engine],
        pool=Pool(product, accelerator, count=node * nodes, node_size=node),
        products=known.accelerators,
        rdma=True,
    )


def _answer(question: Question) -> Sized | Exception:
    """What sizing says; whatever else it ends with is told as what it is."""
    try:
        return size(question)
    except Exception as error:  # noqa: BLE001 - that it ends with nothing but a refusal is what is asked
        return error
