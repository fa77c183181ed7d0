"""Mutants of advice: figures that nobody published, and models that do not come up to what is asked."""

from tests.mutants.patch import Mutant

_ADVISE = "tests/unit/advice/test_advise.py"
_RANKING = "tests/unit/advice/test_ranking.py"
_REFUSALS = "tests/unit/advice/test_refusals.py"
_BENCHMARKS = "tests/unit/catalog/test_benchmarks.py"
_CLI = "tests/unit/cli/test_advise.py"
_COMPLETION = "tests/unit/cli/test_completion.py"
_PROPERTIES = "tests/properties/test_advice.py"

ADVICE = (
    Mutant(
        name="figure-under-the-source-of-another",
        breaks="a figure of one's own without a source is told under the source of the one it replaces",
        file="catalog/catalog.py",
        old='    return {**before, **after} if name == "benchmarks" else _over(before, after)\n',
        new="    return _over(before, after)\n",
        caught_by=(
            f"{_BENCHMARKS}::test_a_figure_with_a_mistake_is_refused_by_file_entry_and_field",
        ),
    ),
    Mutant(
        name="figures-of-two-benchmarks-compared",
        breaks="a model is placed by comparing its figure of one benchmark with another's of another",
        file="advice/ranking.py",
        old="        theirs = other.figures.get(by)\n",
        new="        theirs = next(iter(other.figures.values()), None)\n",
        caught_by=(
            f"{_RANKING}::test_a_model_without_the_first_figure_stands_before_the_first_that_it_beats_at_the_next",
        ),
    ),
    Mutant(
        name="unknown-is-best",
        breaks="a model of which nothing is known stands before those of which something is",
        file="advice/ranking.py",
        old="    return (*order, *(_place(models, task, name, by=None) for name in unknown))\n",
        new="    return (*(_place(models, task, name, by=None) for name in unknown), *order)\n",
        caught_by=(
            f"{_RANKING}::test_one_of_which_nothing_is_known_stands_last_larger_ones_first",
        ),
    ),
    Mutant(
        name="order-of-the-catalog-decides",
        breaks="of models with equal figures the one that stands first in the catalog is advised first",
        file="advice/ranking.py",
        old="    newest = sorted(sorted(having), key=lambda name: models[name].released, reverse=True)\n",
        new="    newest = having\n",
        caught_by=(
            f"{_RANKING}::test_of_equal_figures_the_newer_model_comes_first_and_then_the_name",
            f"{_RANKING}::test_the_order_does_not_depend_on_that_of_the_catalog",
        ),
    ),
    Mutant(
        name="advised-beyond-the-budget",
        breaks="a model is advised that costs more than may be spent",
        file="advice/wishes.py",
        old="    return wish.budget is None or way.fleet.per_hour <= wish.budget\n",
        new="    return True\n",
        caught_by=(
            f"{_REFUSALS}::test_the_price_that_is_said_to_do_does_and_a_cent_less_does_not",
        ),
    ),
    Mutant(
        name="advised-though-too-late",
        breaks="a model is advised that keeps no latency target",
        file="advice/wishes.py",
        old="    return not way.sized.missed\n",
        new="    return True\n",
        caught_by=(
            f"{_ADVISE}::test_a_target_is_kept_by_a_dearer_one_where_a_cheaper_one_does_not",
            f"{_PROPERTIES}::test_every_model_is_told_of_once_and_keeps_what_is_asked",
        ),
    ),
    Mutant(
        name="advised-without-accelerators",
        breaks="a model is advised whose replicas need more accelerators than there are",
        file="advice/wishes.py",
        old="    return way.fleet.fits\n",
        new="    return True\n",
        caught_by=(f"{_REFUSALS}::test_the_rate_that_is_said_to_be_held_is",),
    ),
    Mutant(
        name="only-the-first-form-is-tried",
        breaks="a longer context brings a model, as its better form no longer fits and a smaller one is tried at last",
        file="advice/wishes.py",
        old="        return list(size.every(asked))\n",
        new="        return [size.size(asked)]\n",
        caught_by=(f"{_ADVISE}::test_a_better_form_that_is_late_gives_way_to_one_that_is_not",),
    ),
    Mutant(
        name="a-spec-that-leaves-attention-open",
        breaks="an object is advised that gets another layout than the one that was advised",
        file="cli/advice_told.py",
        old="            **_attention(sized),\n",
        new="",
        caught_by=("tests/unit/cli/test_advise.py::test_the_spec_gets_the_layout_that_is_advised",),
    ),
    Mutant(
        name="several-nodes-though-one-does",
        breaks="a replica on several nodes is advised where one node does",
        file="advice/wishes.py",
        old="            way.sized.layout.nodes > 1,\n",
        new="",
        caught_by=(
            f"{_ADVISE}::test_a_smaller_form_on_one_node_comes_before_a_better_one_on_several",
        ),
    ),
    Mutant(
        name="forms-ranked-by-what-fits",
        breaks="the only form that fits on a small product is as good as the best one of a large product",
        file="advice/wishes.py",
        old="    return (loss, 0 if loss else runs.index(form))\n",
        new="    return (0, 0 if loss else runs.index(form))\n",
        caught_by=(
            f"{_ADVISE}::test_the_last_resort_of_small_accelerators_is_no_match_for_what_others_hold_in_a_better_form",
            f"{_PROPERTIES}::test_more_accelerators_never_take_a_model_away_nor_its_form",
        ),
    ),
    Mutant(
        name="dearest-way-taken",
        breaks="a model is served on the dearest of the accelerators that do",
        file="advice/wishes.py",
        old="            way.fleet.per_hour,\n",
        new="            -way.fleet.per_hour,\n",
        caught_by=(f"{_ADVISE}::test_the_cheapest_of_what_comes_up_to_it_is_taken",),
    ),
    Mutant(
        name="other-form-not-warned-of",
        breaks="figures of the published weights are told as those of a quantised form",
        file="advice/advise.py",
        old='    other = scheme.name not in ("none", model.dtype) and bool(place.figures)\n',
        new="    other = False\n",
        caught_by=(f"{_ADVISE}::test_a_form_that_is_not_the_published_one_is_warned_of",),
    ),
    Mutant(
        name="none-as-asked-is-none-at-all",
        breaks="a script cannot tell a budget that is too low from accelerators that run nothing",
        file="advice/advise.py",
        old="        runs = any(refused.runs for refused in self.refused)\n",
        new="        runs = False\n",
        caught_by=(f"{_ADVISE}::test_how_it_ends", f"{_CLI}::test_exit_codes"),
    ),
    Mutant(
        name="longest-request-of-no-cache",
        breaks="a context is said to fit that no cache holds",
        file="advice/refusals.py",
        old="    return min(way.sized.question.model.context_tokens, memory.cache_tokens(way.sized.setting, 1))\n",
        new="    return way.sized.question.model.context_tokens\n",
        caught_by=(f"{_REFUSALS}::test_a_refusal_names_the_arithmetic_and_the_nearest_that_can",),
    ),
    Mutant(
        name="placeholders-told-as-prices",
        breaks="placeholders of the catalog are told as if somebody had set them",
        file="cli/advising.py",
        old="    if not open_ones:\n",
        new="    if open_ones:\n",
        caught_by=(f"{_CLI}::test_prices_that_nobody_has_set_are_noted",),
    ),
    Mutant(
        name="a-flag-takes-the-next-word",
        breaks="a shell takes the word after a flag for its value",
        file="cli/completion.py",
        old="        elif option is not None and option.nargs == 0:\n",
        new="        elif option is not None and option.nargs == 1:\n",
        caught_by=(f"{_COMPLETION}::test_a_flag_has_no_value_that_comes_next",),
    ),
)
