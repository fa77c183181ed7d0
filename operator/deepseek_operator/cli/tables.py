"""Plans and lists as people read them. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from deepseek_operator.capacity.room import Fit
from deepseek_operator.catalog.accelerators import LABELS
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli import rollout_told
from deepseek_operator.cli.columns import BOLD, GREEN, RED, aligned, painted
from deepseek_operator.sizing import reasons, size
from deepseek_operator.sizing.memory import Memory
from deepseek_operator.sizing.terms import Workload, gib

if TYPE_CHECKING:
    from deepseek_operator.cli.offline import Plan
    from deepseek_operator.cli.peaks import Peak, Planned

_WIDTH = 50
_PARTS = (
    ("#", "weights", "weights"),
    ("=", "cache", "KV cache"),
    ("a", "activations", "activations"),
    ("g", "graphs", "graphs"),
    ("b", "buffers", "buffers"),
    ("l", "sampler", "logits"),
)
"""How a part of memory is drawn, its name in Memory, and in words."""


def plan(found: "Plan", *, color: bool) -> str:
    """A plan on a screen."""
    lines = [f"{painted(found.name or 'plan', BOLD, color=color)}: {load(found.workload)}"]
    if found.changes is not None:
        lines += ["", *rollout_told.changes(found.changes, found.name, color=color)]
    for entry in found.blocks:
        lines += ["", *_block(entry, color=color)]
    total = sum(entry.fleet.per_hour for entry in found.blocks)
    if len(found.blocks) > 1:
        gpus = sum(entry.fleet.accelerators for entry in found.blocks)
        lines += ["", f"together {gpus} GPUs, ${total:,.2f} an hour"]
    if found.peak is not None:
        lines += ["", *_peak(found.peak)]
    if found.making is not None:
        lines += ["", *rollout_told.making(found.making, color=color)]
    if found.time is not None:
        lines += ["", *rollout_told.time(found.time, color=color)]
    notes = list(found.notes)
    if found.admission is not None and found.admission.not_asked:
        notes.append(f"the API server was not asked: {found.admission.not_asked}")
    said = [*(f"note: {note}" for note in notes), *(f"warning: {one}" for one in found.warnings)]
    lines += ["", *said, *_verdict(found, color=color)]
    return "\n".join(lines)


def models(known: Catalog) -> str:
    """The models, one a line."""
    head = (
        "MODEL",
        "PARAMETERS",
        "ACTIVE",
        "ATTENTION",
        "CONTEXT",
        "DTYPE",
        "WEIGHTS",
        "ALSO AS",
        "LICENCE",
    )
    rows = [
        (
            name,
            _billions(model.parameters),
            _billions(model.active_parameters),
            model.attention.replace("DeepSeek Sparse Attention", "DSA"),
            f"{model.context_tokens // 1024}K",
            model.dtype,
            f"{model.weights_bytes / 1e9:.1f} GB",
            ",".join(model.checkpoints) or "-",
            model.licence,
        )
        for name, model in known.models.items()
    ]
    return aligned([head, *rows])


def accelerators(known: Catalog) -> str:
    """The accelerators, one a line; prices are placeholders unless they were set."""
    head = (
        "ACCELERATOR",
        "MEMORY",
        "BANDWIDTH",
        "BF16",
        "FP8",
        "FP4",
        "LINK",
        "GPUS A NODE",
        "$/H",
        LABELS["gpuOperator"],
    )
    rows = [
        (
            name,
            f"{entry.memory_gib:g} GiB",
            f"{entry.gigabytes_per_second:,.0f} GB/s",
            *(_teraflops(entry.teraflops.get(number)) for number in ("bf16", "fp8", "fp4")),
            f"{entry.interconnect.kind} {entry.interconnect.gigabytes_per_second:g} GB/s",
            ",".join(map(str, entry.node_gpus)),
            f"{entry.price_per_hour:g}",
            entry.labels.gpu_operator[0],
        )
        for name, entry in known.accelerators.items()
    ]
    note = (
        "$/H is a placeholder until you set your own: --catalog FILE, or --price of plan and advise"
    )
    return f"{aligned([head, *rows])}\n\n{note}"


def _block(entry: "Planned", *, color: bool) -> list[str]:
    sized, fleet = entry.sized, entry.fleet
    question, layout, pace = sized.question, sized.layout, sized.pace
    title = f"{entry.block.field}: {question.model_name} on {question.pool.product}"
    shape = f"{fleet.replicas} x {layout} = {fleet.accelerators} GPUs"
    price = question.pool.accelerator.price_per_hour
    rows = [
        ("replicas", f"{fleet.replicas}", fleet.why),
        (
            "pace",
            f"{pace.requests_per_second:.3g} requests/s a replica",
            (
                f"estimated; {1000 * pace.time_to_first_token:.0f} ms to the first token, "
                f"{1000 * pace.time_per_output_token:.0f} ms a token"
            ),
        ),
        (
            "cost",
            f"${fleet.per_hour:,.2f} an hour",
            (
                f"at ${price:g} a GPU; ${fleet.per_million_output:,.2f} for 1M output tokens, ${fleet.per_million:,.2f} "
                f"for 1M tokens, at {fleet.utilization:.0%} utilisation"
            ),
        ),
    ]
    values = [
        (one.name, one.value + (" (set)" if one.is_set else ""), one.why)
        for one in reasons.reasons(sized)
    ]
    body = aligned([*rows, *values]).splitlines()
    return [
        f"{painted(title, BOLD, color=color)}  {shape}",
        *_memory(sized.memory),
        *(f"  {line}" for line in body),
    ]


def _peak(peak: "Peak") -> list[str]:
    """What there is, and what each way to roll it out needs of it."""
    there = ", ".join(f"{one.free} of {one.total} x {one.product} free" for one in peak.stocks)
    lines = [f"accelerators  {there}"]
    for way in peak.ways:
        name = ", ".join(way.strategies) or ("alone" if peak.is_alone else "as it is")
        said = _FITS[way.fit] + (f": {way.missing}" if way.missing else "")
        lines.append(f"  {name:<18}  {way.accelerators} GPUs at its peak  {said}")
    if peak.is_alone and not peak.begins and peak.strategy in _BESIDE:
        lines.append(
            "  beside what serves  not known without a cluster: leave --accelerators out, and it is counted"
        )
    return [*lines, *([f"  Auto would be {peak.auto}"] if peak.auto else [])]


_BESIDE: Mapping[str, str] = {
    "BlueGreen": "while BlueGreen rolls it out, what serves holds its accelerators, too",
    "Canary": "while Canary rolls it out, what serves holds its accelerators, too",
    "Auto": "where it has no room beside what serves, Auto stops that first (Replace)",
}
"""Strategies by which the new revision comes beside what serves, and what that means."""


_FITS: Mapping[Fit, str] = {
    Fit.YES: "fits",
    Fit.NO: "does not fit",
    Fit.UNKNOWN: "is not known to fit",
}


def _memory(memory: Memory) -> list[str]:
    """One GPU's memory as a row of characters, and what they stand for."""
    drawn = ""
    for sign, name, _ in _PARTS:
        end = sum(getattr(memory, part) for _, part, _ in _PARTS[: _index(name) + 1])
        drawn += sign * (round(end / memory.total * _WIDTH) - len(drawn))
    said = ", ".join(f"{sign} {words} {gib(getattr(memory, name))}" for sign, name, words in _PARTS)
    free = memory.total - memory.planned
    return [
        f"  one GPU   [{drawn.ljust(_WIDTH, '.')}] {gib(memory.planned)} of {gib(memory.total)}",
        f"            {said}, . free {gib(free)}",
    ]


def _index(name: str) -> int:
    return [part for _, part, _ in _PARTS].index(name)


def _verdict(found: "Plan", *, color: bool) -> list[str]:
    """What is not as asked, or that all is."""
    short = [_missing(entry) for entry in found.blocks if not entry.enough]
    short += [
        f"{entry.block.field}: {entry.fleet.replicas} replicas do {entry.fleet.capacity:.3g} of the "
        f"{entry.sized.question.workload.requests_per_second:g} requests/s"
        for entry in found.blocks
        if entry.fleet.is_overloaded
    ]
    if found.peak is not None and found.peak.lacks and not short:
        short.append("spec.rollout.strategy: there is no room for its peak")
    late = [text for entry in found.blocks for text in entry.sized.missed]
    refused = rollout_told.refusals(found)
    bad = [*(f"falls short: {text}" for text in (*short, *late)), *refused]
    if bad:
        return [painted(text, RED, color=color) for text in bad]
    return [painted(_fits(found), GREEN, color=color) if found.blocks else "nothing is refused"]


def _fits(found: "Plan") -> str:
    """That it does, and beside what: what serves has a part in most rollouts."""
    peak = found.peak
    strategy = ""
    if peak is not None and peak.is_alone:
        strategy = peak.strategy
    elif peak is None and found.time is not None:
        # What serves is known, and not what is free.
        strategy = found.time.way
    if strategy not in _BESIDE:
        return "fits"
    if peak is not None and peak.begins:
        return f"fits, beside nothing but {peak.begins}: what serves before a later rollout is not known"
    return f"fits, beside nothing else: {_BESIDE[strategy]}"


def _missing(entry: "Planned") -> str:
    """That there are too few accelerators, or that nodes are too small for what the operator derives."""
    pool, each = entry.sized.question.pool, entry.sized.layout.accelerators_each
    if each > pool.node_size:
        return (
            f"{entry.block.field}: each pod needs {each} x {pool.product}, which does not fit nodes of "
            f"{pool.node_size}; {_on_smaller_nodes(entry)}"
        )
    return (
        f"{entry.block.field}: needs {entry.fleet.accelerators} x {pool.product} in nodes of {pool.node_size}, and of "
        f"{entry.there} not enough are left"
    )


def _on_smaller_nodes(entry: "Planned") -> str:
    """What would do on these nodes, or what keeps the model from them and where it is held."""
    question = entry.sized.question
    node = replace(question.pool, count=question.pool.node_size)
    free = replace(question.overrides, accelerators=None, tensor=None, pipeline=None, data=None)
    alone = replace(question, pool=node, overrides=free)
    layout = size.smallest(alone)
    if layout is None:
        return size.too_small(alone).message
    return (
        f"for nodes of {node.node_size} set accelerator.count to {layout.accelerators}, as of a product that is named the "
        "largest nodes that are made are planned with"
    )


def load(workload: Workload) -> str:
    """The requests that are reckoned with, in words."""
    rate = workload.requests_per_second
    said = [
        f"{rate:g} requests/s" if rate is not None else "requests",
        f"with {workload.input_tokens} input and {workload.output_tokens} output tokens",
    ]
    limits = (
        ("to the first token", workload.time_to_first_token),
        ("a token", workload.time_per_output_token),
    )
    said += [f"within {1000 * value:g} ms {name}" for name, value in limits if value is not None]
    return ", ".join([" ".join(said[:2]), *said[2:]])


def _billions(count: int) -> str:
    return f"{count / 1e9:.3g}B"


def _teraflops(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:,.0f}"
