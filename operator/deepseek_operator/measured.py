"""What warm-ups measured of a revision's replicas, beside what they were sized with; and what would follow. Pure.

A warm-up decodes with known numbers of sequences at once, on the very pod. Users' own traffic tells only their mean
over time, so it corrects nothing yet (docs/decisions/0027). What is measured changes nothing by itself: limits are an engine's
from its start, and another limit is another revision, which a person asks for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from deepseek_operator import derivation
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.derivation import Derived
from deepseek_operator.errors import Stalled
from deepseek_operator.sizing import roofline
from deepseek_operator.sizing.size import LEAST_TIMES, MOST_TIMES, Sized, corrected, size
from deepseek_operator.sizing.terms import CannotRunError

Manifest = dict[str, Any]

_GROUP = re.compile(r"concurrency-([1-9][0-9]*)")
"""A warm-up's kinds of requests that decode side by side, by how many."""
PROMPT_TOKENS, ANSWER_TOKENS = 32, 32
"""Of each of their requests."""
_AS_COMPUTED = 0.1
"""Measured and computed times that differ by less are equal: a warm-up is a few rounds."""


def told(
    status: Manifest, block: ServingBlock, *, catalog: Catalog, rdma: bool = False
) -> Manifest:
    """The status with what was measured in its `sizing`, if anything was.

    `block` is what that was derived of, `catalog` what is known now, `rdma` whether nodes exchange by it.
    """
    sizing = status.get("sizing", {})
    if "values" not in sizing:
        return status
    found = entry(sizing, block, status.get("warmup", ()), catalog=catalog, rdma=rdma)
    return status if found is None else {**status, "sizing": {**sizing, "measured": found}}


def entry(
    sizing: Manifest,
    block: ServingBlock,
    warmups: Sequence[Manifest],
    *,
    catalog: Catalog,
    rdma: bool = False,
) -> Manifest | None:
    """As status has it; None where there is nothing to compare."""
    if not any(one["revision"] == sizing["revision"] for one in warmups):
        return None
    sized = _sized(sizing, block, catalog, rdma=rdma)
    if sized is None:
        return None
    by_sequences = _times(warmups, str(sizing["revision"]), most=_most(sized))
    if not by_sequences:
        return None
    sequences = max(by_sequences)
    measured, computed = median(by_sequences[sequences]), 1000 * seconds(sized, sequences)
    ratio = measured / computed
    return {
        "sequences": sequences,
        "milliseconds": round(measured),
        "computedMilliseconds": round(computed),
        "ratio": f"{ratio:.2f}",
        "message": _message(sized, ratio),
    }


def seconds(sized: Sized, sequences: int) -> float:
    """Between two tokens of a warm-up's requests, so many of them at once on the whole replica, as sizing has it."""
    setting = sized.setting
    step = roofline.decode_step(
        roofline.costs_of(setting),
        sequences / setting.layout.data,
        PROMPT_TOKENS + ANSWER_TOKENS / 2,
    )
    return step / roofline.tokens_a_step(setting)


def _sized(sizing: Manifest, block: ServingBlock, catalog: Catalog, *, rdma: bool) -> Sized | None:
    """The replica again; None where what this operator derives is another one than what was frozen."""
    frozen = _values(sizing)
    try:
        sized = _derived(frozen, block, catalog, rdma=rdma).sized
    except Stalled:
        return None
    if sized is None:
        return None
    derived = _values(derivation.frozen(derivation.Derived(sized)))
    same = ("quantization", "layout", "maxConcurrentSequences", "maxBatchedTokens")
    return sized if all(frozen.get(name) == derived[name] for name in same) else None


def _derived(
    frozen: Mapping[str, str], block: ServingBlock, catalog: Catalog, *, rdma: bool
) -> Derived:
    """On the nodes that there were when the revision was made, where the block leaves them open."""
    product = frozen.get(derivation.PRODUCT)
    if product is None:
        return derivation.derive(block, catalog=catalog, field="spec", rdma=rdma)
    sizes = [int(frozen[derivation.NODE_SIZE])]
    return derivation.derive_on(product, sizes, block, catalog=catalog, field="spec", rdma=rdma)


def _values(sizing: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in sizing["values"]}


def _most(sized: Sized) -> int:
    """So many sequences are all decoding at once: their prompts are computed in one step."""
    ranks = sized.layout.data
    return ranks * min(sized.limits.sequences, sized.setting.batched_tokens // PROMPT_TOKENS)


def _times(warmups: Sequence[Manifest], revision: str, *, most: int) -> dict[int, list[int]]:
    """Milliseconds between tokens by how many sequences there were at once, of each pod that was warmed up."""
    found: dict[int, list[int]] = {}
    for one in warmups:
        if one["revision"] != revision or "failure" in one:
            continue
        for figure in one.get("figures", ()):
            group = _GROUP.fullmatch(figure["name"])
            time = figure.get("warmNextToken")
            if group is not None and time and int(group[1]) <= most:
                found.setdefault(int(group[1]), []).append(time)
    return found


def _message(sized: Sized, ratio: float) -> str:
    if abs(ratio - 1) < _AS_COMPUTED:
        return "about as computed"
    # What it was sized with is in what was computed.
    times = round(ratio * sized.setting.decode_times, 2)
    if not LEAST_TIMES <= times <= MOST_TIMES:
        return "too far from what is computed to be sized with"
    other = _sized_with(sized, times)
    before, after = sized.limits.sequences, other.limits.sequences
    changes = [
        *([] if other.layout == sized.layout else [f"be {other.layout}, not {sized.layout}"]),
        *([] if before == after else [f"run {after} sequences at once, not {before}"]),
    ]
    pace = f"{other.pace.requests_per_second:.3g} requests/s a replica, not {sized.pace.requests_per_second:.3g}"
    missed = f"; missed then: {'; '.join(other.missed)}" if other.missed else ""
    return (
        f"sized with that it would {', '.join(changes) or 'have the same limits'}, and do {pace}: set "
        f"accelerator.decodeTimes to {times:g}, and a rollout brings it{missed}"
    )[:512]


def _sized_with(sized: Sized, times: float) -> Sized:
    """What a revision with this ratio would be; where none can be, the same replica at that pace."""
    question = sized.question
    try:
        return size(replace(question, overrides=replace(question.overrides, decode_times=times)))
    except CannotRunError:
        return corrected(sized, times)
