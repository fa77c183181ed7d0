"""What a warm-up asks, as a pure function of its spec: make_plan(spec) -> Plan.

In order: each path through the engine; prompts of growing length up to the size of a prefill chunk
and across it; growing concurrency; both mixed; one long context; last the users' system prompts,
because what came after them would push them out of the prefix cache. The first request of a kind pays
for what the engine still has to compile or allocate, so the kinds are what engines treat differently,
not what users ask most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepseek_serving.warmup import bodies
from deepseek_serving.warmup.requests import (
    CHAT,
    COMPLETIONS,
    Body,
    Check,
    Group,
    Rank,
    is_legal,
    text_bound,
)
from deepseek_serving.warmup.spec import WarmupSpec

TOUCH_ROUNDS = 4
"""A first round, one to compare with it, and two more for engines that tune themselves on the way."""

CONNECTIONS_PER_API_SERVER = 2
"""Where there are several HTTP processes, the kernel and not the plan chooses which takes a
connection; twice as many connections leave few of them out."""

PREFILL_LADDER = (16, 128, 512, 2048)
"""Tokens; a factor of four to eight between rungs meets each tile size of attention and GEMM kernels;
16 is one block of the prefix cache."""

CHUNK_MARGIN = 64
"""Tokens below and above the chunk size: one prompt just fits into a step, one just needs a second."""

PREFILL_TOKENS = 2
"""Answer to a long prompt: the first token ends the prefill, the second is one step of decoding."""

PREFILL_ROUNDS = 4
"""As for the paths: one request a round is cheap."""

DECODE_PROMPT_TOKENS = 32
"""Short, so that a round's sequences are soon all decoding; two blocks of prefix cache."""

DECODE_TOKENS = 32
"""Long enough for a round's sequences to be all under way at once, and for speculative decoding (MTP)
to propose and to reject."""

DECODE_ROUNDS = 3
"""One less than for prefill: rounds at high concurrency are most of what a warm-up costs."""

MIXED_CONCURRENCY = 16
"""Enough that prefills join steps in which others decode; more would repeat the top of the ladder."""

MIXED_PROMPT_TOKENS = 512
"""Longer than what decodes beside it, and well inside one chunk, as most users' prompts are."""

TOGETHER = 4
"""Reference requests at once: batched sums round differently, and the spread has to know."""

LONG_CHUNKS = 4
"""Chunks of the long context: the first, two between, the last. More would run the same kernels again,
at a cost that grows with the square of the length."""

LONG_MARGIN = 64
"""Tokens of the model's length that the long context leaves free: its answer, and rounding."""

SYSTEM_ROUNDS = 3
"""The first fills the prefix cache, the second must profit from it, the third may confirm."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Groups in the order in which they run, and what was left out, with the reason."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """How many are sent if no group is stable before its last round."""
        return sum(group.count * group.rounds for group in self.groups)


def make_plan(spec: WarmupSpec) -> Plan:
    """The requests that warm an engine of this kind; never more than the spec allows.

    There is always one: a pod whose engine never answered must not look warm.
    """
    wanted = (
        *touches(spec),
        *prompt_ladder(spec),
        *concurrency_ladder(spec),
        *mixed(spec),
        *explicit_shapes(spec),
        *together(spec),
        *long_context(spec),
        *system_prompts(spec),
    )
    legal = [group for group in wanted if is_legal(group, spec.model_length)]
    kept = within(legal, spec.max_requests) or (_prompt_group(spec, PREFILL_LADDER[0], rounds=1),)
    names = {group.name for group in kept}
    left_out = (
        *(f"{group.name}: longer than the model" for group in wanted if group not in legal),
        *(f"{group.name}: more than maxRequests" for group in legal if group.name not in names),
        *cut_prompts(spec),
    )
    return Plan(kept, left_out)


def within(groups: Sequence[Group], max_requests: int) -> tuple[Group, ...]:
    """The groups and rounds that fit, the more important groups first, two rounds of each before more.

    A single round cannot show that its group is warm. Of equal rank the larger group comes first: a
    large batch passes through small ones as it fills up.
    """
    rounds = {group.name: 0 for group in groups}
    left = max_requests
    wanted = [(group, number) for group in groups for number in range(1, group.rounds + 1)]
    for group, number in sorted(wanted, key=_importance):
        if rounds[group.name] == number - 1 and group.count <= left:
            rounds[group.name] = number
            left -= group.count
    return tuple(
        replace(group, rounds=rounds[group.name]) for group in groups if rounds[group.name]
    )


def _importance(wanted: tuple[Group, int]) -> tuple[int, int, int, int]:
    group, number = wanted
    return (max(number, 2), group.rank, number, -group.count)


def touches(spec: WarmupSpec) -> list[Group]:
    """Each path through the HTTP server, the sampler and the grammar compiler, one at a time.

    The first is a stream, so that the coldest request of all shows its time to first token.
    """
    connections = CONNECTIONS_PER_API_SERVER * spec.api_servers if spec.api_servers > 1 else 1
    chat, text, stream = bodies.chat(spec.model), bodies.text(spec.model), bodies.streaming()
    touch = Group(
        name="chat-stream",
        endpoint=CHAT,
        bodies=({**chat, **stream},),
        count=connections,
        rounds=TOUCH_ROUNDS,
        check=Check.TEXT,
    )
    completion = replace(touch, name="completion", endpoint=COMPLETIONS, check=Check.TOKENS)
    optional = replace(touch, essential=False)
    found = [
        touch,
        replace(touch, name="chat", bodies=(chat,)),
        replace(completion, name="completion-stream", bodies=({**text, **stream},)),
        replace(completion, bodies=(text,)),
        replace(touch, name="sampled", bodies=({**chat, **bodies.SAMPLING, **stream},)),
        replace(
            optional,
            name="log-probabilities",
            bodies=(bodies.reference(spec.model),),
            check=Check.LOG_PROBABILITIES,
        ),
    ]
    if spec.structured_output:
        found.append(replace(optional, name="structured", bodies=(bodies.structured(spec.model),)))
    if spec.thinks:
        found.append(replace(optional, name="thinking", bodies=(bodies.thinking(spec.model),)))
    return found


def prefill_lengths(spec: WarmupSpec) -> list[int]:
    """Tokens of the ladder's rungs; the last crosses the chunk size, or is the longest possible."""
    longest = spec.model_length - PREFILL_TOKENS
    across = min(spec.max_batched_tokens + CHUNK_MARGIN, longest)
    rungs = {*PREFILL_LADDER, spec.max_batched_tokens - CHUNK_MARGIN, across}
    return sorted(rung for rung in rungs if 1 <= rung <= across)


def prompt_ladder(spec: WarmupSpec) -> list[Group]:
    """Prompts of random tokens, one at a time; what users send lies between two rungs."""
    if spec.shapes:
        return []
    return [_prompt_group(spec, length, rounds=PREFILL_ROUNDS) for length in prefill_lengths(spec)]


def _prompt_group(spec: WarmupSpec, length: int, *, rounds: int) -> Group:
    return Group(
        name=f"prompt-{length}",
        endpoint=COMPLETIONS,
        bodies=(bodies.tokens(spec.model, max_tokens=PREFILL_TOKENS),),
        prompt_tokens=(length,),
        rounds=rounds,
        rank=Rank.PREFILL,
        seed=spec.seed,
    )


def concurrencies(spec: WarmupSpec) -> list[int]:
    """The user's, or powers of two up to the maximum and the maximum, for each rank.

    These are the sizes for which engines capture graphs; a batch between two is padded to the next.
    """
    top = spec.max_concurrent_sequences * spec.data_parallel
    if spec.concurrency:
        return sorted({min(wanted, top) for wanted in spec.concurrency})
    powers = {1 << power for power in range(spec.max_concurrent_sequences.bit_length())}
    return sorted({power * spec.data_parallel for power in powers} | {top})


def concurrency_ladder(spec: WarmupSpec) -> list[Group]:
    """Short prompts that decode side by side; every other one samples, so that both samplers meet."""
    rungs = concurrencies(spec)
    return [
        Group(
            name=f"concurrency-{rung}",
            endpoint=COMPLETIONS,
            bodies=_greedy_and_sampled(spec, DECODE_TOKENS),
            prompt_tokens=(DECODE_PROMPT_TOKENS,),
            count=rung,
            concurrency=rung,
            rounds=DECODE_ROUNDS,
            rank=Rank.TOP if rung == rungs[-1] else Rank.BETWEEN,
            seed=spec.seed,
        )
        for rung in rungs
    ]


def _greedy_and_sampled(spec: WarmupSpec, max_tokens: int) -> tuple[Body, ...]:
    greedy = bodies.tokens(spec.model, max_tokens=max_tokens)
    return (greedy, {**greedy, **bodies.SAMPLING})


def mixed(spec: WarmupSpec) -> list[Group]:
    """Short and longer prompts, twice as many as run at once: later prefills meet earlier decodes."""
    concurrency = min(MIXED_CONCURRENCY, spec.max_concurrent_sequences)
    if spec.shapes or concurrency < 2:
        return []
    longer = min(MIXED_PROMPT_TOKENS, spec.model_length - DECODE_TOKENS)
    return [
        Group(
            name="mixed",
            endpoint=COMPLETIONS,
            bodies=_greedy_and_sampled(spec, DECODE_TOKENS),
            prompt_tokens=(DECODE_PROMPT_TOKENS, longer),
            count=2 * concurrency,
            concurrency=concurrency,
            rounds=DECODE_ROUNDS,
            rank=Rank.EXTRA,
            seed=spec.seed,
        )
    ]


def explicit_shapes(spec: WarmupSpec) -> list[Group]:
    """What the user expects of users, instead of the ladder of prompts."""
    return [
        Group(
            name=f"shape-{shape.input_tokens}-{shape.output_tokens}-x{shape.concurrency}",
            endpoint=COMPLETIONS,
            bodies=_greedy_and_sampled(spec, shape.output_tokens),
            prompt_tokens=(shape.input_tokens,),
            count=shape.concurrency,
            concurrency=shape.concurrency,
            rounds=DECODE_ROUNDS,
            rank=Rank.PREFILL,
            seed=spec.seed,
        )
        for shape in dict.fromkeys(spec.shapes)
    ]


def together(spec: WarmupSpec) -> list[Group]:
    """The reference prompt in a batch."""
    return [
        Group(
            name="log-probabilities-together",
            endpoint=CHAT,
            bodies=(bodies.reference(spec.model),),
            count=TOGETHER,
            concurrency=TOGETHER,
            check=Check.LOG_PROBABILITIES,
            essential=False,
        )
    ]


def long_context(spec: WarmupSpec) -> list[Group]:
    """One prompt of several chunks, once; none where the ladder reached as far."""
    length = min(LONG_CHUNKS * spec.max_batched_tokens, spec.model_length - LONG_MARGIN)
    if spec.shapes or length <= prefill_lengths(spec)[-1]:
        return []
    once = _prompt_group(spec, length, rounds=1)
    return [replace(once, name="long-context", rank=Rank.EXTRA)]


def system_prompts(spec: WarmupSpec) -> list[Group]:
    """Each of the users' system prompts, on each rank: ranks have caches of their own."""
    return [
        Group(
            name=f"system-{number}",
            endpoint=CHAT,
            bodies=({**_system(spec, cut(spec, prompt)), **bodies.streaming()},),
            count=spec.data_parallel,
            concurrency=spec.data_parallel,
            rounds=SYSTEM_ROUNDS,
            rank=Rank.SYSTEM,
            essential=False,
        )
        for number, prompt in enumerate(spec.system_prompts, start=1)
    ]


def _system(spec: WarmupSpec, prompt: str) -> dict[str, Any]:
    return bodies.chat(spec.model, max_tokens=PREFILL_TOKENS, system=prompt)


def cut(spec: WarmupSpec, prompt: str) -> str:
    """As much of a system prompt's beginning as is certain to fit: the cache keeps beginnings."""
    room = spec.model_length - text_bound(_system(spec, "")) - PREFILL_TOKENS
    return prompt.encode()[: max(room, 1)].decode(errors="ignore")


def cut_prompts(spec: WarmupSpec) -> list[str]:
    """Which system prompts are warmed in part only."""
    return [
        f"system-{number}: all after its first {len(cut(spec, prompt).encode())} bytes"
        for number, prompt in enumerate(spec.system_prompts, start=1)
        if cut(spec, prompt) != prompt
    ]
