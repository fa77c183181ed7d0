"""The table `published | ours | ratio`."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.sizing.published import LEFT_OUT, THROUGHPUT, Throughput
from bench.sizing.published_memory import FITS, MEMORY, Fit, Memory
from deepseek_operator.catalog import catalog
from deepseek_operator.sizing import memory, quantization, roofline
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import (
    GIB,
    CannotRunError,
    Overrides,
    Pool,
    Question,
    Setting,
    Workload,
)

MEMORY_WITHIN = 1.1
THROUGHPUT_WITHIN = 2.0

_PUBLISHED_TOKENS = 8192
"""Tokens of a step, where the source tells none."""
_DECODE_BATCH = 256
"""Sequences of a GPU that only decodes, as LMSYS ran it."""
_MANY = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One published figure beside ours."""

    source: str
    what: str
    published: float
    ours: float
    within: float
    """The ratio that is fine, as a factor either way."""
    missed: str

    @property
    def ratio(self) -> float:
        """Ours over what is published."""
        return self.ours / self.published

    @property
    def is_met(self) -> bool:
        """Whether ours is near enough."""
        return 1 / self.within <= self.ratio <= self.within


def lines() -> list[Line]:
    """Every row that states model, hardware and lengths."""
    return [*(_memory(row) for row in MEMORY), *(_throughput(row) for row in THROUGHPUT)]


def fits() -> Iterator[tuple[Fit, bool]]:
    """Whether models fit, as published and by us."""
    for row in FITS:
        question = _question(row.model, row.product, row.count, row.form, "vllm-0.33.0")
        try:
            size(question)
        except CannotRunError:
            yield row, False
        else:
            yield row, True


def table() -> str:
    """Everything as Markdown."""
    head = "| source | figure | published | ours | ratio | within |\n| --- | --- | --- | --- | --- | --- |"
    found = lines()
    rows = [
        f"| {line.source} | {line.what} | {_figure(line.published)} | {_figure(line.ours)} | {line.ratio:.2f} | "
        f"{_verdict(line)} |"
        for line in found
    ]
    answers = [
        f"| {row.source} | {row.model} in {row.form} fits {row.count} x {row.product} | {_yes(row.fits)} | {_yes(ours)} | "
        f"| {_yes(row.fits == ours)} |"
        for row, ours in fits()
    ]
    missed = [f"* {line.what} ({line.source}): {line.missed}." for line in found if line.missed]
    left_out = [f"* {row}: {why}." for row, why in LEFT_OUT]
    return "\n".join(
        [
            head,
            *answers,
            *rows,
            "",
            "Missed:",
            "",
            *missed,
            "",
            "Not asked, as they state no model, hardware or lengths:",
            "",
            *left_out,
        ]
    )


def _memory(row: Memory) -> Line:
    ours = _bytes_or_tokens(row, _setting(row, "vllm-0.33.0"))
    of = "" if row.kind == "tokens" else ", bytes"
    what = f"{row.model} in {row.form}, {row.what}{of}"
    return Line(row.source, what, row.published, ours, MEMORY_WITHIN, row.missed)


def _bytes_or_tokens(row: Memory, setting: Setting) -> float:
    match row.kind:
        case "cache":
            return memory.memory_of(memory.room_of(setting), _DECODE_BATCH).cache
        case "token":
            return memory.cache_bytes_per_token(setting)
        case "tokens":
            return memory.tokens_of(setting, row.gib * GIB)
        case "weights":
            return memory.weights_bytes(setting)
        case "checkpoint":
            return memory.checkpoint_bytes(setting)


def _throughput(row: Throughput) -> Line:
    setting = _setting(row, row.engine)
    workload = Workload(row.input_tokens, row.output_tokens)
    costs = roofline.costs_of(setting)
    gpus = row.layout.tensor * row.layout.pipeline
    if row.counted == "prompt":
        ours = row.input_tokens / roofline.prefill_seconds(costs, row.input_tokens) / gpus
    elif row.counted == "decode":
        ours = _DECODE_BATCH / roofline.decode_step(costs, _DECODE_BATCH, workload.context) / gpus
    elif row.counted == "user":
        ours = workload.output_tokens * roofline.pace(costs, workload, 1).requests_per_second
    else:
        ours = _served(row, setting, workload)
    limit = f", at most {row.milliseconds:.0f} ms a token" if row.milliseconds else ""
    at_once = f", {row.concurrency} at once" if row.concurrency else ""
    drafts = f", {row.drafts} drafted" if row.drafts else ""
    of = "tokens/s a user" if row.counted == "user" else f"{row.counted} tokens/s a GPU"
    what = (
        f"{row.model} in {row.form}, {row.layout.accelerators} x {row.product} ({row.layout}), "
        f"{row.input_tokens}/{row.output_tokens}{at_once}{drafts}{limit}, {of}"
    )
    return Line(row.source, what, row.published, ours, THROUGHPUT_WITHIN, row.missed)


def _served(row: Throughput, setting: Setting, workload: Workload) -> float:
    """Tokens a second of a GPU that computes prompts and answers."""
    costs = roofline.costs_of(setting)
    batch = min(memory.concurrency(setting, workload.tokens), _MANY)
    if row.concurrency is not None:
        batch = min(batch, row.concurrency // row.layout.data)
    if row.milliseconds is not None:
        late = row.milliseconds / 1000
        while batch > 1 and roofline.pace(costs, workload, batch).time_per_output_token > late:
            batch -= 1
    rate = roofline.pace(costs, workload, batch).requests_per_second
    tokens = workload.tokens if row.counted == "total" else workload.output_tokens
    return rate * tokens / row.layout.accelerators


def _question(model: str, product: str, count: int, form: str, engine: str) -> Question:
    known = catalog.shipped()
    return Question(
        model_name=model,
        model=known.models[model],
        engine=known.engines[engine],
        pool=Pool(product, known.accelerators[product], count, count),
        workload=Workload(),
        overrides=Overrides(quantization=form),
    )


def _setting(row: Memory | Throughput, engine: str) -> Setting:
    # TensorRT-LLM's own checkpoints of Llama are not in the catalog; the form is what counts here.
    count = row.layout.accelerators
    question = _question(row.model, row.product, count, row.form, "vllm-0.33.0")
    (scheme,) = quantization.choices(question)
    known = catalog.shipped()
    return Setting(
        model=question.model,
        accelerator=question.pool.accelerator,
        engine=known.engines[engine],
        scheme=scheme,
        layout=row.layout,
        cache_type=row.cache,
        memory_share=known.engines[engine].memory_share,
        batched_tokens=_PUBLISHED_TOKENS,
        mtp_tokens=row.drafts if isinstance(row, Throughput) else 0,
        overlapped=isinstance(row, Throughput) and row.overlapped,
    )


def _figure(value: float) -> str:
    return f"{value:.3g}" if value >= 1e9 else f"{value:,.0f}"


def _verdict(line: Line) -> str:
    bound = "10 %" if line.within == MEMORY_WITHIN else "2x"
    return f"{bound}: {_yes(line.is_met)}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
