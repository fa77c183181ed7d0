"""Mutants of a platform team's catalog: what is taken of it, who decides by it, and what it must never change."""

from tests.mutants.patch import Mutant

_READING = "tests/unit/catalog/test_reading.py"
_ADDITIONS = "tests/unit/catalog/test_additions.py"
_CATALOG = "tests/unit/catalog/test_catalog.py"
_FILES = "tests/unit/test_catalog_files.py"
_PASSES = "tests/unit/test_catalog_in_passes.py"

CATALOG = (
    Mutant(
        name="any-depth-is-composed",
        breaks="some ten thousand brackets in a ConfigMap end the process, at each start anew",
        file="catalog/reading.py",
        old="MOST_DEPTH = 16\n",
        new="MOST_DEPTH = 17\n",
        caught_by=(f"{_READING}::test_more_than_plain_data_is_refused",),
    ),
    Mutant(
        name="an-alias-is-one-value",
        breaks="aliases of aliases fill the memory",
        file="catalog/reading.py",
        old="            values = sizes[str(event.anchor)] if is_alias else 1\n",
        new="            values = 1\n",
        caught_by=(
            f"{_READING}::test_values_are_counted_where_they_are_read_and_not_where_they_are_named",
        ),
    ),
    Mutant(
        name="the-last-of-two-keys",
        breaks="of a product that is there twice one entry is dropped, and nobody is told",
        file="catalog/reading.py",
        old="        opened[-1].keys.add(event.value)\n",
        new="",
        caught_by=(f"{_READING}::test_more_than_plain_data_is_refused",),
    ),
    Mutant(
        name="yes-is-a-price",
        breaks="a price of `yes` is one dollar",
        file="catalog/accelerators.py",
        old="Price = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]\n",
        new="Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]\n",
        caught_by=(f"{_CATALOG}::test_a_mistake_is_told_by_file_entry_field_and_remedy",),
    ),
    Mutant(
        name="a-product-without-bf16",
        breaks="a product without its rate in BF16 is taken, and every refusal that looks for other products crashes",
        file="catalog/accelerators.py",
        old='        if "bf16" not in given:\n',
        new="        if not given:\n",
        caught_by=(f"{_CATALOG}::test_a_mistake_is_told_by_file_entry_field_and_remedy",),
    ),
    Mutant(
        name="two-products-of-one-label",
        breaks="an entry whose label another product has is never found, and nobody is told",
        file="catalog/catalog.py",
        old='    _check_once(twice, given["accelerators"], "labels", file)\n',
        new="",
        caught_by=(f"{_CATALOG}::test_a_mistake_is_told_by_file_entry_field_and_remedy",),
    ),
    Mutant(
        name="one-mistake-for-all",
        breaks="a letter in one document takes away what another one adds",
        file="catalog/additions.py",
        old="            refused.append(error)\n",
        new="            refused.append(error)\n            found, taken = base, {}\n",
        caught_by=(
            f"{_FILES}::test_a_start_with_a_mistake_is_one_with_what_is_shipped_and_says_so",
        ),
    ),
    Mutant(
        name="a-mistake-takes-entries-away",
        breaks="an edit with a mistake takes away the entries that objects are resolved by",
        file="catalog/additions.py",
        old="            if name in last:\n",
        new="            if not last:\n",
        caught_by=(f"{_ADDITIONS}::test_a_document_with_a_new_mistake_stands_as_it_was",),
    ),
    Mutant(
        name="half-a-document",
        breaks="a document is taken but for its mistake",
        file="catalog/catalog.py",
        old="        found[name] = facts.check(kind, name, _over(before, entry), file=file, known=others)\n",
        new="        try:\n"
        "            found[name] = facts.check(kind, name, _over(before, entry), file=file)\n"
        "        except CatalogError:\n"
        "            continue\n",
        caught_by=(f"{_ADDITIONS}::test_nothing_of_a_bad_document_is_taken_and_all_of_the_others",),
    ),
    Mutant(
        name="files-of-two-generations",
        breaks="documents are read while the kubelet changes them, one old and one new",
        file="catalog_files.py",
        old="        present = link.resolve(strict=True) if link.is_symlink() else folder\n",
        new="        present = folder\n",
        caught_by=(f"{_FILES}::test_one_generation_is_read_and_never_parts_of_two",),
    ),
    Mutant(
        name="unseen-is-gone",
        breaks="a folder that cannot be looked into for a moment takes away what is known by it",
        file="catalog_files.py",
        old="                return {**self._taken, error.file: error}\n",
        new="                return {error.file: error}\n",
        caught_by=(f"{_FILES}::test_a_folder_that_is_not_there_takes_nothing_away_and_is_told",),
    ),
    Mutant(
        name="refused-in-silence",
        breaks="no metric tells of a document that is refused",
        file="catalog_files.py",
        old='        self._metrics.catalog.labels("refused").set(refused)\n',
        new="",
        caught_by=(
            f"{_FILES}::test_an_edit_with_a_mistake_changes_no_fact_and_is_told_everywhere",
        ),
    ),
    Mutant(
        name="ready-without-a-remark",
        breaks="who asks whether the operator is ready is not told that it lacks a document",
        file="probes.py",
        old='("ok", *remarks())',
        new='("ok",)',
        caught_by=(
            "tests/unit/test_probes.py::test_readiness_is_told_and_what_a_person_should_know_below_it",
        ),
    ),
    Mutant(
        name="a-name-is-missed-without-a-cause",
        breaks="whoever misses a model is not told that its document was refused",
        file="resolve.py",
        old="{may_be_refused(catalog)}",
        new="",
        caught_by=(f"{_PASSES}::test_a_mistake_in_the_document_is_told_where_the_model_is_missed",),
    ),
    Mutant(
        name="a-catalog-wakes-nobody",
        breaks="an object that waits for an entry waits for the next resync too",
        file="application.py",
        old="            now=files.changed,\n",
        new="",
        caught_by=(f"{_PASSES}::test_who_waits_for_a_document_has_its_pass_at_once",),
    ),
    Mutant(
        name="passes-without-the-documents",
        breaks="documents are followed, and passes decide by what is shipped",
        file="application.py",
        old="            catalog=files.present,\n",
        new="",
        caught_by=(f"{_PASSES}::test_who_waits_for_a_document_has_its_pass_at_once",),
    ),
    Mutant(
        name="the-catalog-is-not-observed",
        breaks="an object is observed with what is shipped",
        file="observe.py",
        old="    observed = Observed() if catalog is None else Observed(catalog=catalog)\n",
        new="    observed = Observed()\n",
        caught_by=(f"{_PASSES}::test_an_unknown_model_is_served_once_a_document_has_it",),
    ),
    Mutant(
        name="children-without-the-catalog",
        breaks="once an object has children it is decided on by what is shipped",
        file="observe.py",
        old="        observed,\n        revisions=revisions,\n",
        new="        Observed(),\n        revisions=revisions,\n",
        caught_by=(f"{_PASSES}::test_the_next_revision_is_made_by_what_is_known_then",),
    ),
    Mutant(
        name="fallbacks-by-what-is-shipped",
        breaks="a fallback of a model of one's own is unknown",
        file="fallbacks.py",
        old="field=field, observed=observed\n",
        new="field=field\n",
        caught_by=(f"{_PASSES}::test_a_fallback_of_ones_own_is_resolved_too",),
    ),
    Mutant(
        name="labels-by-what-is-shipped",
        breaks="pods look for a product of one's own by a label that its nodes do not have",
        file="resolve.py",
        old="        products=catalog.accelerators,\n",
        new="        products=Observed().catalog.accelerators,\n",
        caught_by=(f"{_PASSES}::test_the_next_revision_is_made_by_what_is_known_then",),
    ),
    Mutant(
        name="nodes-by-what-is-shipped",
        breaks="for a model of one's own no nodes are looked at",
        file="observe.py",
        old="derivation.leaves_product_open(one.spec, observed.catalog)",
        new="derivation.leaves_product_open(one.spec, Observed().catalog)",
        caught_by=(f"{_PASSES}::test_where_all_nodes_have_a_product_of_ones_own_it_is_taken",),
    ),
    Mutant(
        name="volumes-by-what-is-shipped",
        breaks="the source of a model of one's own is asked for a size that a document tells",
        file="fetching.py",
        old="scene.observed.catalog.models.get(",
        new="Observed().catalog.models.get(",
        caught_by=(f"{_PASSES}::test_the_volume_has_the_size_that_a_document_tells",),
    ),
    Mutant(
        name="comparison-by-what-is-shipped",
        breaks="two models of one's own that do the same work are taken for unlike",
        file="canary.py",
        old="        known=observed.catalog.models,\n",
        new="        known=Observed().catalog.models,\n",
        caught_by=(
            f"{_PASSES}::test_models_of_ones_own_that_do_the_same_work_are_compared_by_their_times",
        ),
    ),
    Mutant(
        name="shortage-by-what-is-shipped",
        breaks="a rollout that waits does not say for which product of one's own",
        file="beginning.py",
        old="        known = self.observed.catalog.accelerators\n",
        new="        known = Observed().catalog.accelerators\n",
        caught_by=(f"{_PASSES}::test_what_is_missing_is_called_as_the_document_calls_it",),
    ),
    Mutant(
        name="diagnosis-by-what-is-shipped",
        breaks="a pod that waits does not say for which product of one's own",
        file="pending.py",
        old="    known = observed.catalog.accelerators\n",
        new="    known = Observed().catalog.accelerators\n",
        caught_by=(f"{_PASSES}::test_what_is_missing_is_called_as_the_document_calls_it",),
    ),
    Mutant(
        name="missing-for-misspelt",
        breaks="who misspells a field is told that another one is missing",
        file="catalog/facts.py",
        old='first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")',
        new="first = error.errors()[0]",
        caught_by=(
            f"{_CATALOG}::test_a_misspelt_field_of_a_new_product_is_told_and_not_the_one_that_is_missing_for_it",
        ),
    ),
    Mutant(
        name="a-map-in-another-order",
        breaks="kubectl deepseek plans with other prices than the operator, of one ConfigMap",
        file="cli/objects.py",
        old="for key, (section, text) in sorted(texts.items())}",
        new="for key, (section, text) in reversed(sorted(texts.items()))}",
        caught_by=(
            "tests/unit/cli/test_plan_catalog.py::test_documents_are_taken_in_the_order_of_the_operator",
        ),
    ),
)
