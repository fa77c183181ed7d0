"""What warm-ups measured of a revision's replicas, beside what they were sized with; and what would follow. Pure.

A warm-up decodes with known numbers of sequences at once, on the very pod. Users' own traffic tells their mean over time,
which is told beside it while replicas are busy (docs/decisions/0027). What is measured changes nothing by itself: limits are an engine's
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
from deepseek_operator.engines.figures import Engine
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
    status: Manifest,
    block: ServingBlock,
    *,
    catalog: Catalog,
    rdma: bool = False,
    engines: Sequence[Engine] = (),
    stored: Mapping[str, Any] | None = None,
) -> Manifest:
    """The status with what was measured in its `sizing`, if anything was.

    `block` is what that was derived of, `catalog` what is known now, `rdma` whether nodes exchange by it, `engines` what
    they counted, and `stored` the status of before, which keeps what users' requests told once.
    """
    sizing = status.get("sizing", {})
    if "values" not in sizing:
        return status
    found = entry(sizing, block, status.get("warmup", ()), catalog=catalog, rdma=rdma)
    if found is None:
        return status
    key = str(sizing["revision"])
    # Most passes have no two pages of an engine to compare: then nothing is sized for them.
    own = [one for one in engines if one.revision == key and one.stretch is not None]
    sized = _sized(sizing, block, catalog, rdma=rdma) if own else None
    seen = None if sized is None else live(sized, own)
    kept = _kept(seen, stored or {}, key)
    with_live = found if kept is None else {**found, "live": kept}
    return {**status, "sizing": {**sizing, "measured": with_live}}


def live(sized: Sized, engines: Sequence[Engine]) -> Manifest | None:
    """What users' requests tell: the median of the replicas that are busy; None while none is.

    Only of a busy one is the mean over time near the number that most tokens were computed with: load that comes in bursts
    makes them differ. The requests are taken to be as the workload has them, prompts of others among the steps.
    """
    most = sized.layout.data * sized.limits.running
    busy = [
        one.stretch
        for one in engines
        if one.stretch is not None and _BUSY * most <= one.stretch.sequences <= most
    ]
    if not busy:
        return None
    sequences = round(median(one.sequences for one in busy))
    taken = median(one.step_seconds for one in busy)
    costs = roofline.costs_of(sized.setting)
    each = max(1, round(sequences / sized.layout.data))
    pace = roofline.pace(costs, sized.question.workload, each)
    computed = pace.time_per_output_token * costs.step_tokens
    return {
        "sequences": sequences,
        "milliseconds": round(1000 * taken),
        "computedMilliseconds": round(1000 * computed),
        "ratio": f"{taken / computed:.2f}",
    }


_BUSY = 0.75
"""Part of a replica's sequences that have to be decoding."""


def _kept(seen: Manifest | None, stored: Mapping[str, Any], revision: str) -> Manifest | None:
    """What was told of the revision before stands until it clearly differs: figures of seconds come and go."""
    sizing = stored.get("sizing") or {}
    before: Manifest | None = (sizing.get("measured") or {}).get("live")
    if before is None or sizing.get("revision") != revision:
        return seen
    if seen is None or abs(float(seen["ratio"]) - float(before["ratio"])) < _AS_COMPUTED:
        return before
    return seen


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
