"""Limits of dynamic batching that keep the latency targets and the memory."""

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from deepseek_operator.sizing import memory, roofline
from deepseek_operator.sizing.memory import Room
from deepseek_operator.sizing.roofline import Costs, Pace
from deepseek_operator.sizing.terms import (
    ASSUMED,
    CannotRunError,
    Question,
    Setting,
    TooManySequencesError,
    Workload,
    gib,
)

LEAST_BATCHED, MOST_BATCHED = 2048, 16_384
"""Tokens of a step: less makes prompts slow, more makes the tokens between long (vLLM's optimisation guide)."""
_STALL_SECONDS = 0.25
"""How long a step with a chunk of prompts may be, where no target says it: a pause that readers hardly notice."""
_STALL_OF_TARGET = 5.0
"""And where one does: so many times the target, as one step in many is such a one."""

LADDER: tuple[int, ...] = (1, 2, 4, *range(8, 256, 8), *range(256, 1025, 16))
"""Batches that vLLM 0.33 captures CUDA graphs of (config/vllm.py), up to the largest that is worth one."""


_LONG_SHARE = 0.5
"""Of a replica's cache, time and sequences, what long requests may have together: short ones find the other half."""
_LONG_TIMES = 8
"""A long prompt is planned with as so many times the expected one: long is from four times on, and some are longer."""


@dataclass(frozen=True, slots=True)
class LongRequests:
    """How many long requests a replica has room for beside short ones."""

    most: int
    tokens: int
    """Of a prompt that is planned with."""
    by: str
    """What keeps it from being more, in words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one rank of data parallelism."""

    sequences: int
    by: str
    """What keeps it from being more, in words."""
    fits: int
    """How many requests of the workload's size the KV cache holds."""

    @property
    def running(self) -> int:
        """How many run at once: what is more than the cache holds waits."""
        return max(1, min(self.sequences, self.fits))


def batched_tokens(question: Question, setting: Setting) -> int:
    """Tokens that one step computes: as many as fit into the longest pause between tokens, within bounds."""
    return max(LEAST_BATCHED, min(MOST_BATCHED, tokens_of_a_pause(question, setting)))


def tokens_of_a_pause(question: Question, setting: Setting) -> int:
    """Tokens that are computed in the longest pause between tokens."""
    return 256 * round(pause_seconds(question) / roofline.token_seconds(setting) / 256)


def pause_seconds(question: Question) -> float:
    """How long a step with a chunk of prompts may keep other answers waiting."""
    target = question.workload.time_per_output_token
    return _STALL_SECONDS if target is None else target * _STALL_OF_TARGET


def limits(question: Question, room: Room, costs: Costs) -> Limits:
    """The largest batch within memory and targets, or the user's own limit."""
    setting = room.setting
    workload, asked = question.workload, question.overrides.max_sequences
    fits = room.concurrency(workload.tokens)
    if asked is not None:
        _refuse(question, room, asked=asked)
        # Logits of all that may run are kept, however few have room in the cache.
        held = room.cache_tokens(asked) // memory.blocks_tokens(setting, workload.tokens)
        return Limits(asked, "batching.maxConcurrentSequences", fits=min(fits, held))
    graph = min(largest_graph(question), setting.batched_tokens)
    context = question.overrides.context_tokens or 0
    beside = room.beside(context)
    most = max(1, min(fits, graph, beside))
    within = _largest(lambda batch: _keeps_targets(costs, workload, batch), most)
    if within == 0:
        return Limits(1, "the latency targets", fits=fits)
    if within < _rung(most):
        return Limits(within, "the latency targets", fits=fits)
    if beside < min(fits, graph):
        return Limits(within, f"one request of {context} tokens, which the cache holds", fits=fits)
    return Limits(within, "the KV cache" if fits <= graph else "the largest CUDA graph", fits=fits)


def at_most(found: Limits, most: int) -> Limits:
    """The limits where drafts help so many sequences alone: without the bound more memory would lose the drafts."""
    if found.running <= most:
        return found
    few = max((rung for rung in LADDER if rung <= most), default=1)
    return replace(found, sequences=few, by="the drafts, which help few requests at once")


def largest_graph(question: Question) -> int:
    """The largest batch of which a CUDA graph is captured."""
    asked = question.overrides.graph_sizes
    return max(asked) if asked else question.engine.largest_graph


def _keeps_targets(costs: Costs, workload: Workload, sequences: int) -> bool:
    pace = roofline.pace(costs, workload, sequences)
    between, first = workload.time_per_output_token, workload.time_to_first_token
    return not (
        (between is not None and pace.time_per_output_token > between)
        or (first is not None and pace.time_to_first_token > first)
    )


def missed(pace: Pace, workload: Workload) -> tuple[str, ...]:
    """The targets that a pace breaks, with the figures."""
    pairs = (
        ("timePerOutputToken", workload.time_per_output_token, pace.time_per_output_token),
        ("timeToFirstToken", workload.time_to_first_token, pace.time_to_first_token),
    )
    return tuple(
        f"workload.{name}: {_milliseconds(found, beside=target)} with {pace.sequences} at once, and "
        f"{_milliseconds(target, beside=found)} are {_wanted(name, target)}"
        for name, target, found in pairs
        if target is not None and found > target
    )


def _milliseconds(seconds: float, *, beside: float) -> str:
    """With as many digits as it takes to tell two times from each other, up to what anybody measures."""
    texts = ((f"{1000 * one:.{digits}f}" for one in (seconds, beside)) for digits in range(4))
    return next((one for one, other in texts if one != other), f"{1000 * seconds:g}") + " ms"


def _wanted(name: str, target: float) -> str:
    """Nobody may have asked for the one that is assumed."""
    assumed = name == "timePerOutputToken" and target == ASSUMED.time_per_output_token
    return "asked for, or assumed where nothing is set" if assumed else "asked for"


def long_requests(
    costs: Costs,
    workload: Workload,
    pace: Pace,
    *,
    sequences: int,
    cache_tokens: int,
    context: int,
) -> LongRequests:
    """As many as take half of a replica, by whatever is used up first; one at least.

    Sequences and tokens of the cache are of one rank, `context` is the longest request. Of the time a request takes
    what its prompt needs: while it is answered it shares steps with all others.
    """
    layout = costs.setting.layout
    tokens = max(1, min(context - workload.output_tokens, _LONG_TIMES * workload.input_tokens))
    prompt = roofline.prefill_seconds(costs, tokens)
    whole = prompt + workload.output_tokens * pace.time_per_output_token
    shares = {
        "cache": layout.data * cache_tokens / (tokens + workload.output_tokens),
        "time": layout.data * layout.pipeline * whole / prompt,
        "sequences": layout.data * sequences,
    }
    by = min(shares, key=lambda name: shares[name])
    return LongRequests(max(1, math.floor(_LONG_SHARE * shares[by])), tokens, by)


def _refuse(question: Question, room: Room, *, asked: int) -> None:
    """An own limit may be more than the cache holds, as engines queue, but has to leave room for one request."""
    setting = room.setting
    if setting.batched_tokens < asked:
        raise CannotRunError(
            "batching.maxBatchedTokens",
            f"{setting.batched_tokens} is below maxConcurrentSequences {asked}, and a step computes a token of each "
            f"running sequence; set at least {asked}",
        )
    tokens = max(question.workload.tokens, question.overrides.context_tokens or 0)
    if room.cache_tokens(asked) < tokens:
        raise TooManySequencesError(
            "batching.maxConcurrentSequences",
            f"{asked} sequences need {gib(asked * room.sequence)} for their logits, which leaves no room for one request of "
            f"{tokens} tokens in the {gib(room.free)} that are free beside a step of {setting.batched_tokens} tokens",
        )


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest rung of the ladder up to `most` for which something holds that holds for all smaller ones."""
    low, high = 0, bisect.bisect(LADDER, most)
    while low < high:
        middle = (low + high) // 2
        if holds(LADDER[middle]):
            low = middle + 1
        else:
            high = middle
    return LADDER[low - 1] if low else 0


def _rung(most: int) -> int:
    return LADDER[bisect.bisect(LADDER, most) - 1]


def with_batched_tokens(question: Question, setting: Setting) -> Setting:
    """The setting with the user's limit of tokens a step, or the derived one: at least one a sequence."""
    asked, whole = question.overrides, question.whole_prompts
    derived = max(batched_tokens(question, setting), asked.max_sequences or 0, whole)
    if asked.max_batched_tokens is not None and asked.max_batched_tokens < whole:
        raise CannotRunError(
            "batching.maxBatchedTokens",
            f"{asked.max_batched_tokens} tokens of a step are fewer than the {whole} of the longest request, and without "
            f"chunked prefill one step computes all of a prompt; set at least {whole}, or leave chunked prefill on",
        )
    block = _block_of_chunks(setting)
    if asked.max_batched_tokens is not None and asked.max_batched_tokens % block:
        raise CannotRunError(
            "batching.maxBatchedTokens",
            f"{asked.max_batched_tokens} tokens of a step are no whole blocks of {block}, which prompts in chunks have to "
            f"be for latent attention; set {_whole(asked.max_batched_tokens, block)}",
        )
    return replace(setting, batched_tokens=asked.max_batched_tokens or _whole(derived, block))


def _block_of_chunks(setting: Setting) -> int:
    """What the tokens of a step have to be a multiple of."""
    has_blocks = setting.engine.chunks_of_blocks and setting.model.dimensions.latent is not None
    return setting.engine.block_tokens if has_blocks else 1


def _whole(tokens: int, block: int) -> int:
    return block * math.ceil(tokens / block)
