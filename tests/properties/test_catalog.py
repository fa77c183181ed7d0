"""Whatever a document holds, it is taken or refused by file and remedy: nothing else, and never in part."""

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deepseek_operator.catalog import additions, catalog
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
