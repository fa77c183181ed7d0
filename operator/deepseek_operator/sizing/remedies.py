"""Refusals in full: what is missing, in figures, and what would do. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from deepseek_operator.sizing import batching, layouts, memory, quantization
from deepseek_operator.sizing.terms import (
    GIB,
    CannotRunError,
    Layout,
    Overrides,
    Pool,
    Question,
    Setting,
    gib,
)

MANY_NODES = 16
"""Nodes to look at for what would do."""
MOST_DRAFTS = 8
"""Tokens that one step may draft: of each 4 in 5 are kept, and only if those before are, which leaves one in six of the eighth."""
_NAMED = 2
"""Other products that a refusal names."""


Smallest = Callable[[Question], Layout | None]
"""The layout with fewest GPUs that holds a model, whatever the targets, or None."""
Longest = Callable[[Question], tuple[int, Layout] | None]
"""The longest context that the accelerators hold, where one is set, and the layout that holds it."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """What a model needs on one GPU of the widest layout that the accelerators allow, in its smallest form; bytes."""

    setting: Setting
    weights: float
    rest: float
    """Activations, graphs and buffers."""
    cache: float
    """Of one request of the longest kind, or of the least that is worth it."""
    tokens: int
    """That it holds."""

    @property
    def needed(self) -> float:
        """All of it."""
        return self.weights + self.rest + self.cache

    @property
    def usable(self) -> float:
        """What may be used of the GPU: a share of it, or all of it but a share of what weights and the rest leave."""
        total, share = self.setting.accelerator.memory_gib * GIB, self.setting.memory_share
        if self.setting.engine.memory_of == "all":
            return total * share
        return total - max(0.0, total - self.weights - self.rest) * (1 - share)


def too_small(
    question: Question, *, needed: int, smallest: Smallest, longest: Longest
) -> CannotRunError:
    """The refusal of a model that does not fit on the accelerators it may have; `needed` tokens the cache has to hold."""
    found = shortage(question)
    if found is not None and found.needed <= found.usable:
        # One request would fit, and that is not enough.
        found = shortage(question, needed=needed)
    if found is None:
        return CannotRunError("accelerator", "there are none; give at least one")
    return CannotRunError(
        "accelerator", f"{_needs(question, found)} {_remedy(question, smallest, longest)}"
    )


def shortage(question: Question, *, needed: int = 0) -> Shortage | None:
    """What does not fit, or None where there are no accelerators at all; the cache holds `needed` tokens, or one request."""
    scheme = min(quantization.choices(question), key=lambda found: found.expert_bytes)
    layout = _widest(question)
    if layout is None:
        return None
    setting = Setting(
        model=question.model,
        accelerator=question.pool.accelerator,
        engine=question.engine,
        scheme=scheme,
        layout=layout,
        cache_type="bf16",
        memory_share=question.memory_share,
        graphs=len(question.graph_sizes or ()),
        batched_tokens=question.overrides.max_batched_tokens or batching.LEAST_BATCHED,
    )
    tokens = max(question.overrides.context_tokens or 0, question.workload.tokens, needed)
    return Shortage(
        setting=setting,
        weights=memory.weights_bytes(setting),
        rest=sum(memory.fixed_bytes(setting)),
        cache=tokens * memory.cache_bytes_per_token(setting),
        tokens=tokens,
    )


def _needs(question: Question, found: Shortage) -> str:
    """The arithmetic of one GPU."""
    layout, setting = found.setting.layout, found.setting
    asked = max(question.overrides.context_tokens or 0, question.workload.tokens)
    what = f"the cache of one request of {found.tokens} tokens"
    if found.tokens > asked:
        what = f"a cache of {found.tokens} tokens, the least that is worth the weights unless accelerator.count is set,"
    return (
        f"{question.model_name} in {setting.scheme.name} on {layout.accelerators} x {question.pool.product} ({layout}) "
        f"needs {gib(found.weights)} for weights, {gib(found.rest)} for activations, graphs and buffers and "
        f"{gib(found.cache)} for {what} on each GPU = {gib(found.needed)}, of which {_usable(found)} may be used."
    )


def _usable(found: Shortage) -> str:
    """What may be used of one GPU, as it is reckoned."""
    total, share = found.setting.accelerator.memory_gib * GIB, found.setting.memory_share
    if found.setting.engine.memory_of == "all":
        return f"{share:g} x {gib(total)} = {gib(found.usable)}"
    left = max(0.0, total - found.weights - found.rest)
    return f"{gib(total)} - {1 - share:.2g} x the {gib(left)} that weights and the rest leave = {gib(found.usable)}"


def _remedy(question: Question, smallest: Smallest, longest: Longest) -> str:
    """How many of the same product would do, which others do on one node, and how long requests may be as it is."""
    layout = enough(question, smallest)
    said = "no number of them holds it"
    if layout is not None:
        said = f"{placed(layout, question.pool.product)} would do"
    others = on_one_node(question, smallest)
    ways = [f"{said}; {others}" if others else said]
    room = longest(question)
    if room is not None:
        tokens, held_by = room
        ways.append(
            f"a context of at most {tokens} tokens on {held_by.accelerators} x {question.pool.product}"
        )
    return f"Remedy: {'; or '.join([*ways, 'a smaller model'])}."


def on_one_node(question: Question, smallest: Smallest) -> str:
    """Other products of which one node holds the model, as a sentence; empty without any."""
    others = enough_of_others(question, smallest)
    return f"one node holds it with {' or '.join(others)}" if others else ""


def enough(question: Question, smallest: Smallest) -> Layout | None:
    """The layout on fewest of the same product, on one node or on several; None where no number holds the model."""
    pool = question.pool
    node = max(pool.node_size, *pool.accelerator.node_gpus)
    one = replace(pool, count=node, node_size=node)
    places = (one, replace(one, count=node * MANY_NODES))
    asked = (replace(question, pool=place, overrides=_freed(question)) for place in places)
    return next((layout for layout in map(smallest, asked) if layout is not None), None)


def placed(layout: Layout, product: str) -> str:
    """As people write it: 16 x H100 on 2 nodes of 8."""
    each = layout.accelerators // layout.nodes
    where = f"on {layout.nodes} nodes of {each}" if layout.nodes > 1 else "on one node"
    return f"{layout.accelerators} x {product} {where}"


def enough_of_others(question: Question, smallest: Smallest) -> list[str]:
    """Other products of which one node holds the model, fewest dollars an hour first."""
    found: list[tuple[float, str]] = []
    for product, accelerator in question.products.items():
        node = max(accelerator.node_gpus)
        pool = Pool(product, accelerator, count=node, node_size=node)
        layout = smallest(replace(question, pool=pool, overrides=_freed(question)))
        if product != question.pool.product and layout is not None:
            count = layout.accelerators
            found.append((count * accelerator.price_per_hour, f"{count} x {product}"))
    return [name for _, name in sorted(found)[:_NAMED]]


def most_sequences(question: Question, runs: Callable[[Question], bool]) -> int | None:
    """How many sequences run below so many as are set, each number with a step of its own; None where not even one does."""

    def do_run(sequences: int) -> bool:
        return runs(
            replace(question, overrides=replace(question.overrides, max_sequences=sequences))
        )

    low, high = 0, question.overrides.max_sequences or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if do_run(middle) else (low, middle)
    return low or None


def _freed(question: Question) -> Overrides:
    """What is set, without the layout."""
    return replace(question.overrides, accelerators=None, tensor=None, pipeline=None, data=None)


def _widest(question: Question) -> Layout | None:
    """The layout with most GPUs that is tried, of which tensor parallelism needs least on each."""
    groups = list(layouts.candidates(question))
    return groups[-1][0] if groups else None


def check_speculation(question: Question) -> None:
    """Refuse drafts of a model or an engine that has none."""
    drafts = question.overrides.mtp_tokens
    if not drafts:
        return
    if question.model.dimensions.mtp_layers == 0:
        raise CannotRunError(
            "mtpTokens",
            f"{question.model_name} has no multi-token prediction module, so nothing drafts; leave it out",
        )
    if drafts > MOST_DRAFTS:
        raise CannotRunError(
            "mtpTokens",
            f"{drafts} tokens are drafted a step, of which hardly one beyond the first {MOST_DRAFTS} is kept; set at most "
            f"{MOST_DRAFTS}",
        )
    if question.model.architecture not in question.engine.mtp:
        raise CannotRunError(
            "mtpTokens",
            f"{question.engine.name} {question.engine.version} does not use the module of "
            f"{question.model.architecture}; leave it out",
        )
