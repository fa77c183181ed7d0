"""A platform team's documents over the shipped catalog: each whole or not at all, and none at the cost of another."""

import pytest

from deepseek_operator.catalog import additions, catalog
from deepseek_operator.catalog.additions import Added
from deepseek_operator.catalog.facts import CatalogError
from tests.unit.catalog.test_catalog import COMPLETE

SHIPPED = catalog.shipped()

PRICE = "accelerators: {H200: {pricePerHour: 1.5}}"
OTHER_PRICE = "accelerators: {L4: {pricePerHour: 0.5}}"
TYPO = "accelerators: {L4: {pricePerHour: 0.4}, H200: {pricePerHuor: 1.5}}"
OVER_X1 = "accelerators: {X1: {pricePerHour: 9}}"


def added(last: dict[str, str] | None = None, /, **documents: str | CatalogError) -> Added:
    named = {name.replace("_", "."): text for name, text in documents.items()}
    return additions.add(SHIPPED, named, last=last or {})


def test_without_documents_it_is_what_is_shipped() -> None:
    assert added() == Added(SHIPPED)
    assert added(empty_yaml="", sections_yaml="models:\naccelerators:\n").catalog == SHIPPED


def test_every_document_is_taken() -> None:
    found = added(a_yaml=PRICE, b_yaml=OTHER_PRICE, gpus_yaml=COMPLETE)

    assert found.refused == ()
    assert found.catalog.accelerators["H200"].price_per_hour == 1.5
    assert found.catalog.accelerators["L4"].price_per_hour == 0.5
    assert found.catalog.accelerators["X1"].memory_gib == 200
    assert found.catalog.models == SHIPPED.models


def test_nothing_of_a_bad_document_is_taken_and_all_of_the_others() -> None:
    found = added(a_yaml=PRICE, bad_yaml=TYPO, z_yaml=COMPLETE)

    assert list(map(str, found.refused)) == [
        "bad.yaml: H200: pricePerHuor: unknown field; did you mean pricePerHour?"
    ]
    assert found.catalog.refused == tuple(map(str, found.refused))
    assert found.catalog.accelerators["H200"].price_per_hour == 1.5
    assert found.catalog.accelerators["L4"] == SHIPPED.accelerators["L4"]
    assert "X1" in found.catalog.accelerators
    assert sorted(found.taken) == ["a.yaml", "z.yaml"]


def test_a_document_with_a_new_mistake_stands_as_it_was() -> None:
    before = added(a_yaml=PRICE, gpus_yaml=COMPLETE)

    found = added(dict(before.taken), a_yaml=TYPO, gpus_yaml=COMPLETE)
    again = added(dict(found.taken), a_yaml=TYPO.replace("Huor", "hour"), gpus_yaml=COMPLETE)

    for one in (found, again):
        assert one.catalog.accelerators == before.catalog.accelerators
        assert one.taken == before.taken
        assert [error.file for error in one.refused] == ["a.yaml"]


def test_a_document_that_is_mended_is_taken() -> None:
    before = added({"a.yaml": PRICE}, a_yaml=TYPO)

    found = added(dict(before.taken), a_yaml=OTHER_PRICE)

    assert found.refused == ()
    assert found.catalog.refused == ()
    assert found.catalog.accelerators["H200"] == SHIPPED.accelerators["H200"]
    assert found.catalog.accelerators["L4"].price_per_hour == 0.5


def test_a_document_that_is_taken_away_is_gone() -> None:
    before = added(a_yaml=PRICE, b_yaml=OTHER_PRICE)

    found = added(dict(before.taken), b_yaml=OTHER_PRICE)

    assert found.catalog.accelerators["H200"] == SHIPPED.accelerators["H200"]
    assert found.taken == {"b.yaml": OTHER_PRICE}


def test_what_cannot_be_read_stands_as_it_was_too() -> None:
    error = CatalogError("a.yaml", "", "", "not text")

    found = added({"a.yaml": PRICE}, a_yaml=error)

    assert found.catalog.accelerators["H200"].price_per_hour == 1.5
    assert found.refused == (error,)


def test_a_later_name_goes_over_an_earlier_one() -> None:
    found = added(b_yaml="accelerators: {H200: {pricePerHour: 2}}", a_yaml=PRICE)

    assert found.catalog.accelerators["H200"].price_per_hour == 2


def test_what_stood_upon_another_document_goes_with_it_and_says_so() -> None:
    before = added(a_yaml=COMPLETE, b_yaml=OVER_X1)
    assert before.catalog.accelerators["X1"].price_per_hour == 9

    found = added(dict(before.taken), b_yaml=OVER_X1)

    assert "X1" not in found.catalog.accelerators
    assert [error.entry for error in found.refused] == ["X1"]
    assert found.taken == {}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(PRICE, "accelerators changed: H200", id="one-that-is-shipped"),
        pytest.param(COMPLETE, "accelerators added: X1", id="one-more"),
        pytest.param(
            f"{COMPLETE}  L4: {{pricePerHour: 3}}\nengines: {{vllm-0.33.0: {{blockTokens: 8}}}}",
            "accelerators added: X1; accelerators changed: L4; engines changed: vllm-0.33.0",
            id="both",
        ),
    ],
)
def test_what_a_document_changes_is_told(document: str, said: str) -> None:
    found = added(a_yaml=document).catalog

    assert additions.difference(SHIPPED, found) == said
    back = said.replace("added", "removed").split("; ")
    assert sorted(additions.difference(found, SHIPPED).split("; ")) == sorted(back)


def test_a_document_as_large_as_a_config_map_is_taken() -> None:
    entry = COMPLETE.replace("accelerators:\n", "").replace("[ours]", f"[{'x' * 5000}]")
    entries = (entry.replace("X1", f"X{number}") for number in range(190))
    text = f"accelerators:{''.join(entries)}"
    assert 2**20 * 0.9 < len(text) < 2**20

    found = added(a_yaml=text)

    assert found.refused == ()
    assert len(found.catalog.accelerators) == len(SHIPPED.accelerators) + 190
