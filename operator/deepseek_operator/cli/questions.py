"""From an object and a command line to what is planned: blocks, their loads, and accelerators. Pure."""

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import derivation
from deepseek_operator.api.autoscaling import Autoscaling
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.catalog import accelerators, facts
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli.objects import InputError, seconds_of
from deepseek_operator.rollout.revisions import revision_key
from deepseek_operator.sizing.terms import Pool, Workload

_POOL = re.compile(r"([1-9][0-9]*)x([^:]+):([1-9][0-9]*)")
MOST_ACCELERATORS = 100_000
"""Beyond what any cluster has, and few enough to place pods on."""
_MOST = {"input_tokens": 10_000_000, "output_tokens": 10_000_000, "requests_per_second": 1_000_000}
"""What the definition allows of `workload`."""
_LATENCY = re.compile(r"(?=[0-9.]*[1-9])[0-9]+(\.[0-9]+)?(ms|s)")


@dataclass(frozen=True, slots=True)
class Block:
    """One serving block of an object, where it stands, and how many replicas it sets."""

    field: str
    serving: ServingBlock
    replicas: int | None
    workload: Workload
    scaled: Autoscaling | None = None
    """Where the operator sets the number between two."""


def blocks(spec: DeepSeekDeploymentSpec, options: argparse.Namespace) -> list[Block]:
    """Every block that has pods; a load derives the replicas unless they are set."""
    load = workload_of(spec, options)
    asked = spec.autoscaling
    # What it may come to need, not what it begins with.
    most = _replicas(spec, load) if asked is None else asked.max
    found = [Block("spec", spec, most, load, asked)]
    for index, entry in enumerate(spec.fallback):
        # The load on the command line is that of who serves: who stands in has pods as its entry says.
        own = None if entry.workload is None else entry.workload.requests_per_second
        load = replace(workload_of(entry, options), requests_per_second=own)
        block = entry.inheriting_from(spec)
        found.append(Block(f"spec.fallback[{index}]", block, _replicas(entry, load), load))
    return found


def baseline(spec: DeepSeekDeploymentSpec, options: argparse.Namespace) -> Block | None:
    """What the first rollout begins with; None where that is the spec itself."""
    entry = spec.rollout.from_
    if entry is None or spec.rollout.skip_initial:
        return None
    block, warmed = entry.inheriting_from(spec), spec.warmup.enabled
    if revision_key(block, warmed=warmed) == revision_key(spec, warmed=warmed):
        return None
    own = None if entry.workload is None else entry.workload.requests_per_second
    load = replace(workload_of(entry, options), requests_per_second=own)
    return Block("spec.rollout.from", block, _replicas(entry, load), load)


def _replicas(block: ServingBlock, workload: Workload) -> int | None:
    """As the operator reads an object: the default, 1, is the same as nothing said."""
    derives = workload.requests_per_second is not None and block.replicas == 1
    return block.replicas if "replicas" in block.model_fields_set and not derives else None


def pools(texts: Sequence[str], catalog: Catalog) -> list[Pool]:
    """What --accelerators says there is; equal nodes are added up."""
    found: dict[tuple[str, int], Pool] = {}
    for text in texts:
        match = _POOL.fullmatch(text)
        if match is None:
            raise InputError(
                f"--accelerators: {text}: write COUNTxPRODUCT:GPUS_OF_A_NODE, such as 16xH200:8"
            )
        count, product, node = int(match[1]), match[2], int(match[3])
        name = _product(product, catalog, "--accelerators")
        if node > count:
            raise InputError(
                f"--accelerators: {text}: a node of {node} is more than the {count} there are; "
                f"write {count}x{product}:{count}"
            )
        _add(found, Pool(name, catalog.accelerators[name], count, node))
        if sum(pool.count for pool in found.values()) > MOST_ACCELERATORS:
            raise InputError(
                f"--accelerators: {text}: more than the {MOST_ACCELERATORS} GPUs that a plan is made with; give those that "
                "the object may use"
            )
    return list(found.values())


def _add(found: dict[tuple[str, int], Pool], pool: Pool) -> None:
    """To those of equal nodes; the node that a pool does not fill is one, of two such the second is on its own."""
    place = pool.product, pool.node_size
    before = found.get(place)
    if before is None:
        found[place] = pool
        return
    rest = pool.count % pool.node_size if before.count % pool.node_size else 0
    found[place] = replace(before, count=before.count + pool.count - rest)
    if rest:
        _add(found, replace(pool, count=rest, node_size=rest))


def workload_of(block: ServingBlock, options: argparse.Namespace) -> Workload:
    """What the command line says, else the block, else what is assumed of a chat."""
    rate = None if block.workload is None else block.workload.requests_per_second
    return load(options, replace(derivation.load_of(block.workload), requests_per_second=rate))


def load(options: argparse.Namespace, given: Workload) -> Workload:
    """What the command line says, else what is given."""
    found = Workload(
        input_tokens=_said(options.input_tokens, given.input_tokens),
        output_tokens=_said(options.output_tokens, given.output_tokens),
        requests_per_second=_said(options.requests_per_second, given.requests_per_second),
        time_to_first_token=_latency(options, "time_to_first_token", given.time_to_first_token),
        time_per_output_token=_latency(
            options, "time_per_output_token", given.time_per_output_token
        ),
    )
    for name, most in _MOST.items():
        value = getattr(found, name)
        option = f"--{name.replace('_', '-')}"
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{option}: {value} is not above 0, or no number")
        if value is not None and value > most:
            raise InputError(
                f"{option}: {value:g} is more than an object may have, {most}; lower it"
            )
    return found


def prices(texts: Sequence[str], catalog: Catalog) -> Catalog:
    """The catalog with the prices of --price."""
    found = dict(catalog.accelerators)
    for text in texts:
        product, _, price = text.partition("=")
        name = _product(product, catalog, "--price")
        try:
            dollars = float(price)
        except ValueError:
            raise InputError(f"--price: {text}: write PRODUCT=DOLLARS, such as H200=3.5") from None
        if not 0 <= dollars < math.inf:
            raise InputError(f"--price: {text}: a price is 0 or more")
        found[name] = found[name].model_copy(update={"price_per_hour": dollars})
    return replace(catalog, accelerators=found)


def idle_prices(texts: Sequence[str], pools: Sequence[Pool], catalog: Catalog) -> list[str]:
    """That a price of --price is of no product that there is."""
    there = dict.fromkeys(pool.product for pool in pools)
    return [
        f"--price: {text}: changes nothing, as only {', '.join(there)} is planned with"
        for text in texts
        if accelerators.product_name(text.partition("=")[0], catalog.accelerators) not in there
    ]


def pools_for(
    block: Block, known: Sequence[Pool], catalog: Catalog, *, is_read: bool = False
) -> list[Pool]:
    """The pools that a block may use, of those that were named or, with `is_read`, that nodes have."""
    asked = block.serving.accelerator.product
    if asked is None:
        return list(known)
    name = _product(asked, catalog, f"{block.field}.accelerator.product")
    found = [pool for pool in known if pool.product == name]
    if not found:
        there = ", ".join(map(str, known))
        said = f" is not among --accelerators {there}; add it there, or leave product out"
        if is_read:
            said = (
                f": no node has it (there are {there}); say what there is to be by --accelerators"
            )
        raise InputError(f"{block.field}.accelerator.product: {asked}{said}")
    return found


def _product(text: str, catalog: Catalog, where: str) -> str:
    name = accelerators.product_name(text, catalog.accelerators)
    if name is None:
        near = ", ".join(facts.nearest(text, catalog.accelerators))
        raise InputError(
            f"{where}: {text} is not in the catalog (nearest: {near}); add it with --catalog"
        )
    return name


def _said(first: Any, second: Any) -> Any:
    return second if first is None else first


def _latency(options: argparse.Namespace, name: str, given: float | None) -> float | None:
    text = getattr(options, name)
    if text is None:
        return given
    if not _LATENCY.fullmatch(text):
        raise InputError(f"--{name.replace('_', '-')}: {text}: write it as 800ms or 1.5s")
    return seconds_of(text)
