"""The verb that needs neither a cluster nor an object: advise."""

import argparse
import math
import sys

from deepseek_operator.advice import advise
from deepseek_operator.advice.advise import Advice
from deepseek_operator.advice.tasks import Task
from deepseek_operator.advice.wishes import Wish
from deepseek_operator.catalog import accelerators, catalog, engines
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.cli import advice_told, documents, objects, offline, questions
from deepseek_operator.cli.objects import InputError
from deepseek_operator.sizing.terms import ASSUMED, Workload

REFUSED = 1
"""Exit code where what is given cannot be used."""


def run(options: argparse.Namespace) -> int:
    """Advice, printed; errors in one sentence."""
    try:
        found, notes = make_advice(options, objects.read_catalog(options.catalog))
    except (InputError, CatalogError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    if options.output == "table":
        print(advice_told.table(found, notes, color=offline.wants_color()))
    else:
        print(documents.render(advice_told.document(found, notes), options.output))
    return found.ending


def make_advice(options: argparse.Namespace, known: Catalog) -> tuple[Advice, tuple[str, ...]]:
    """What the command line asks, answered, and what is to be known of it."""
    priced = questions.prices(options.price, known)
    engine = engines.newest("vllm", known.engines)
    if engine is None:
        raise InputError("the catalog has no version of vllm; add one with --catalog")
    load = questions.load(options, ASSUMED)
    wish = Wish(
        task=Task(options.task),
        workload=load,
        context_tokens=_context(options.context_tokens, load),
        pools=tuple(questions.pools(options.accelerators, priced)),
        budget=_budget(options.budget),
        rdma=options.rdma,
    )
    found = advise.advise(wish, priced, engine)
    return found, (*found.notes, *_placeholders(options, known, wish))


def _context(given: int | None, load: Workload) -> int:
    """Tokens of the longest request."""
    if given is None:
        return advise.least_context(load)
    if given < load.tokens:
        raise InputError(
            f"--context-tokens: {given} are less than the {load.tokens} of an average request (--input-tokens "
            f"{load.input_tokens} + --output-tokens {load.output_tokens}); raise it, or lower these"
        )
    return given


def _budget(given: float | None) -> float | None:
    if given is not None and not 0 <= given < math.inf:
        raise InputError(f"--budget: {given:g} is no amount; give US dollars an hour, such as 60")
    return given


def _placeholders(options: argparse.Namespace, known: Catalog, wish: Wish) -> tuple[str, ...]:
    """Prices that nobody has set."""
    given = {
        accelerators.product_name(text.partition("=")[0], known.accelerators)
        for text in options.price
    }
    shipped = catalog.shipped().accelerators
    open_ones = [
        name
        for name in dict.fromkeys(pool.product for pool in wish.pools)
        if name not in given
        and name in shipped
        and shipped[name].price_per_hour == known.accelerators[name].price_per_hour
    ]
    if not open_ones:
        return ()
    said = ", ".join(f"{name}=${shipped[name].price_per_hour:g}" for name in open_ones)
    return (f"prices are the catalog's placeholders ({said} an hour): set yours with --price",)
