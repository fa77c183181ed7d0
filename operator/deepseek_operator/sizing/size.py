"""From a question to one replica: form of the weights, layout, limits, memory and pace, each with its reason."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deepseek_operator.sizing import (
    batching,
    graphs,
    layouts,
    memory,
    quantization,
    remedies,
    roofline,
)
from deepseek_operator.sizing.batching import Limits, LongRequests
from deepseek_operator.sizing.memory import Memory
from deepseek_operator.sizing.roofline import Pace
from deepseek_operator.sizing.terms import (
    CacheType,
    CannotRunError,
    Layout,
    OtherProductError,
    Question,
    Scheme,
    Setting,
    TooManySequencesError,
    replicas_for,
)

LEAST_CACHE_TOKENS = 20_000
"""A replica with less room than this is not worth its weights, unless the number of its GPUs is set."""
LEAST_TIMES, MOST_TIMES = 0.1, 10.0
"""A step of decode takes so many times as long as computed, measured: beyond that something else was measured."""
WINDOW_SHARE = 4
"""Requests of the longest kind that have to fit side by side, where the length is not set."""
_FP8_CACHE_TOKENS = 7000
"""Context from which on an FP8 cache pays (vLLM's blog on it: break-even on H100)."""
MTP_SEQUENCES = 256
"""Concurrency up to which speculative decoding helps (vLLM's blog of 2026-02-13)."""


_WORTH_MORE = 1.25
"""How much more each GPU has to do in a larger replica: small ones are easier to place and to lose."""


@dataclass(frozen=True, slots=True)
class Sized:
    """One replica, decided; memory is of one GPU, limits are of one rank of data parallelism."""

    question: Question
    setting: Setting
    limits: Limits
    context_tokens: int
    cache_tokens: int
    """Of one rank."""
    full_context: int
    """Requests of `context_tokens` that the replica holds at once."""
    memory: Memory
    pace: Pace
    missed: tuple[str, ...]
    """Latency targets that it does not keep, in words; empty when it keeps all."""

    @property
    def layout(self) -> Layout:
        """How the replica is spread."""
        return self.setting.layout

    @property
    def graph_sizes(self) -> tuple[int, ...]:
        """Batches to capture CUDA graphs of, where the engine is told them."""
        asked, engine = self.question.overrides.graph_sizes, self.question.engine
        return asked or graphs.sizes(min(self.limits.sequences, engine.largest_graph))

    @property
    def expert_backend(self) -> str | None:
        """Who computes the experts, where the engine is told it."""
        question, asked = self.question, self.question.overrides
        if asked.expert_backend is not None or quantization.is_form_open(question):
            return asked.expert_backend
        support = quantization.support(question, self.setting.scheme.name)
        return support.expert_backend(question.pool.accelerator.compute_capability)

    @property
    def expert_tokens(self) -> int:
        """Tokens that a GPU's experts are given at once, at most."""
        return memory.expert_tokens(self.setting)

    @property
    def bounds_experts(self) -> bool:
        """Whether that has to be said: else it would be more than memory is kept for."""
        return (
            max(self.setting.batched_tokens, memory.gathered_tokens(self.setting))
            > self.expert_tokens
        )

    @property
    def long(self) -> LongRequests:
        """How many long requests the replica has room for beside short ones."""
        return batching.long_requests(
            roofline.costs_of(self.setting),
            self.question.workload,
            self.pace,
            sequences=self.limits.sequences,
            cache_tokens=self.cache_tokens,
            context=self.context_tokens,
        )

    @property
    def rate(self) -> str:
        """Requests a second of one replica, as a revision keeps it for the number of replicas."""
        return f"{self.pace.requests_per_second:.6g}"

    def replicas_for(self, requests_per_second: float) -> int:
        """How many of it a rate of such requests needs."""
        return replicas_for(requests_per_second, float(self.rate))


def size(question: Question) -> Sized:
    """The best replica there is; CannotRunError where none can run, with the arithmetic and the remedy."""
    try:
        return _best(question)
    except TooManySequencesError as error:
        raise error.naming(remedies.most_sequences(question, _runs)) from None


def _runs(question: Question) -> bool:
    with contextlib.suppress(CannotRunError):
        return bool(_best(question))
    return False


def _best(question: Question) -> Sized:
    try:
        _check(question)
        schemes = quantization.choices(question)
    except OtherProductError as error:
        others = remedies.on_one_node(question, smallest)
        raise error.naming(others) if others else error from None
    for scheme in schemes:
        found = _of_scheme(question, scheme)
        if found is not None:
            return found
    raise too_small(question)


def too_small(question: Question) -> CannotRunError:
    """The refusal of a model that does not fit on the accelerators it may have, with what would do."""
    return remedies.too_small(
        question, needed=_needed(question), smallest=smallest, longest=longest
    )


def every(question: Question) -> Iterator[Sized]:
    """Every replica that holds the model: of each form of the weights, best first, every layout, fewest GPUs first.

    CannotRunError for what no layout can change.
    """
    _check(question)
    for scheme in quantization.choices(question):
        for group in layouts.candidates(question):
            tried = (_of_layout(question, scheme, layout) for layout in group)
            yield from (sized for sized in tried if sized is not None)


def _check(question: Question) -> None:
    """What no layout can change."""
    reason = quantization.engine_refusal(question)
    if reason is not None:
        raise OtherProductError("accelerator.product", f"{reason}; use another product")
    model, asked = question.model, question.overrides
    if asked.context_tokens and asked.context_tokens > model.context_tokens:
        raise CannotRunError(
            "contextTokens",
            f"{asked.context_tokens} is beyond the {model.context_tokens} tokens that {question.model_name} was made "
            f"for; set at most {model.context_tokens}",
        )
    longest = asked.context_tokens or model.context_tokens
    if question.workload.tokens > longest:
        raise CannotRunError(
            "workload",
            f"inputTokens {question.workload.input_tokens} + outputTokens {question.workload.output_tokens} = "
            f"{question.workload.tokens} are more than the context of {longest} tokens; lower them",
        )
    if asked.memory_share is not None and not 0 < asked.memory_share < 1:
        raise CannotRunError(
            "memoryShare",
            f"{asked.memory_share} is not a share; set it between 0 and 1, such as 0.9",
        )
    if asked.decode_times is not None and not LEAST_TIMES <= asked.decode_times <= MOST_TIMES:
        raise CannotRunError(
            "decodeTimes",
            f"{asked.decode_times:g} is no correction that can be; set it between {LEAST_TIMES} and {MOST_TIMES:g}",
        )
    if asked.expert_parallel and model.experts is None:
        raise CannotRunError(
            "expertParallel",
            f"{question.model_name} has no experts, and {question.engine.name} does not start so; leave it out",
        )
    remedies.check_speculation(question)


def corrected(sized: Sized, decode_times: float) -> Sized:
    """The same replica, with the limits and the pace that follow where decode takes so many times as long."""
    found = _sized(sized.question, replace(sized.setting, decode_times=decode_times))
    return found or sized


def _of_scheme(question: Question, scheme: Scheme) -> Sized | None:
    """The replica that does most for its GPUs within the targets; several nodes only where one does not do.

    Where no layout keeps the targets it is the fastest one, and None where none holds the model.
    """
    best: Sized | None = None
    late: list[Sized] = []
    for group in layouts.candidates(question):
        found = _best_of(question, scheme, group)
        if found is None:
            continue
        if best is not None and found.layout.nodes > 1:
            break
        if found.missed:
            late.append(found)
        elif best is None or _is_worth_more(found, best):
            best = found
    return best or min(late, key=_lateness, default=None)


def _best_of(question: Question, scheme: Scheme, group: Sequence[Layout]) -> Sized | None:
    """The best of layouts with equally many GPUs that hold the model."""
    tried = [_of_layout(question, scheme, layout) for layout in group]
    return max((sized for sized in tried if sized is not None), key=_worth, default=None)


def _lateness(sized: Sized) -> tuple[int, float]:
    return (len(sized.missed), sized.pace.time_per_output_token)


def _is_worth_more(larger: Sized, smaller: Sized) -> bool:
    """Whether a replica with more GPUs pays: clearly more from each, whatever the load, which is in no revision."""
    return _yield(larger) > _WORTH_MORE * _yield(smaller)


def _yield(sized: Sized) -> float:
    """Requests a second of one GPU."""
    return sized.pace.requests_per_second / sized.layout.accelerators


def smallest(question: Question) -> Layout | None:
    """The layout with fewest GPUs that holds the model whatever the targets, or None where none does."""
    if quantization.engine_refusal(question) is not None:
        return None
    try:
        schemes = quantization.choices(question)
    except CannotRunError:
        return None
    held = (
        layout
        for scheme in schemes
        for group in layouts.candidates(question)
        for layout in group
        if _held(question, scheme, layout) is not None
    )
    return next(held, None)


def longest(question: Question) -> tuple[int, Layout] | None:
    """The longest context that these accelerators hold, in place of the one that is set; None where none is."""
    asked, least = question.overrides, question.workload.tokens
    if asked.context_tokens is None or question.whole_prompts:
        return None
    short = replace(question, overrides=replace(asked, context_tokens=least))
    rooms = (
        (memory.room_of(sized.setting).cache_tokens(asked.max_sequences or 1), sized.layout)
        for scheme in quantization.choices(short)
        for group in layouts.candidates(short)
        for layout in group
        if (sized := _held(short, scheme, layout)) is not None
    )
    return max(rooms, key=lambda room: room[0], default=None)


def _held(question: Question, scheme: Scheme, layout: Layout) -> Sized | None:
    with contextlib.suppress(CannotRunError):
        return _of_layout(question, scheme, layout)
    return None


def _of_layout(question: Question, scheme: Scheme, layout: Layout) -> Sized | None:
    """The replica of this layout, or None where it does not fit."""
    asked = question.overrides
    base = Setting(
        model=question.model,
        accelerator=question.pool.accelerator,
        engine=question.engine,
        scheme=scheme,
        layout=layout,
        cache_type=cache_type(question),
        memory_share=question.memory_share,
        batched_tokens=0,
        mtp_tokens=asked.mtp_tokens or 0,
        graphs=len(question.graph_sizes or ()),
        decode_times=asked.decode_times or 1.0,
        overlapped=asked.overlapped,
    )
    plain = _sized(question, batching.with_batched_tokens(question, base))
    if plain is None or asked.mtp_tokens is not None or not may_speculate(question, base):
        return plain
    drafting = _sized(question, replace(plain.setting, mtp_tokens=1))
    return drafting if drafting and _worth(drafting) > _worth(plain) else plain


def _worth(sized: Sized) -> tuple[int, float]:
    return (-len(sized.missed), sized.pace.requests_per_second)


def has_drafts(question: Question, setting: Setting) -> bool:
    """Whether the weights surely have the module that drafts: tools that quantise leave it out of a checkpoint."""
    return setting.scheme.checkpoint is None and not question.overrides.own_source


def may_speculate(question: Question, setting: Setting) -> bool:
    """Whether drafting tokens may help: a model that can, on whole layers, and ranks of few sequences in all."""
    can = question.model.architecture in question.engine.mtp and has_drafts(question, setting)
    layout, has_module = setting.layout, question.model.dimensions.mtp_layers > 0
    few = least_sequences(question, layout) <= MTP_SEQUENCES
    return can and has_module and layout.pipeline == 1 and few


def least_sequences(question: Question, layout: Layout) -> int:
    """How many sequences the replica lets run at once at least: a number that is set holds for each rank."""
    return layout.data * (question.overrides.max_sequences or 1)


def _sized(question: Question, setting: Setting) -> Sized | None:
    room = memory.room_of(setting)
    if room.cache_tokens(1) < _needed(question):
        return None
    costs = roofline.costs_of(setting)
    limits = batching.limits(question, room, costs)
    if setting.mtp_tokens and question.overrides.mtp_tokens is None:
        limits = batching.at_most(limits, MTP_SEQUENCES // setting.layout.data)
    tokens = room.cache_tokens(limits.sequences)
    context = _context(question, tokens, setting.batched_tokens)
    pace = roofline.pace(costs, question.workload, limits.running)
    return Sized(
        question=question,
        setting=setting,
        limits=limits,
        context_tokens=context,
        cache_tokens=tokens,
        full_context=room.concurrency(context) * setting.layout.data,
        memory=memory.memory_of(room, limits.sequences),
        pace=pace,
        missed=batching.missed(pace, question.workload),
    )


def _needed(question: Question) -> int:
    """Tokens that the cache has to hold at least."""
    asked = question.overrides
    needed = max(asked.context_tokens or 0, question.workload.tokens)
    fixed = asked.accelerators or asked.tensor or asked.pipeline or asked.data
    return needed if fixed or asked.context_tokens else max(needed, LEAST_CACHE_TOKENS)


def _context(question: Question, cache_tokens: int, batched_tokens: int) -> int:
    """The longest request: what is set, or what leaves room for several of them, and one step computes if it has to."""
    asked = question.overrides.context_tokens
    if asked is not None:
        return asked
    whole = 1024 * math.floor(cache_tokens / WINDOW_SHARE / 1024)
    longest = min(question.model.context_tokens, max(whole, question.workload.tokens))
    return min(longest, batched_tokens) if question.whole_prompts else longest


def cache_type(question: Question) -> CacheType:
    """The cache's number format: what is set, or FP8 where it pays."""
    asked = question.overrides.cache_type
    able = question.pool.accelerator.compute_capability >= question.engine.fp8_cache_minimum_compute
    if asked == "fp8" and not able:
        raise CannotRunError(
            "cacheType",
            f"fp8 needs compute capability {question.engine.fp8_cache_minimum_compute:g} and "
            f"{question.pool.product} has {question.pool.accelerator.compute_capability:g}; leave it out",
        )
    if asked is not None:
        return asked
    long = question.workload.tokens >= _FP8_CACHE_TOKENS
    if question.model.dimensions.indexer is not None:
        return "fp8" if able and question.engine.fp8_sparse_cache else "bf16"
    return "fp8" if able and long else "bf16"
