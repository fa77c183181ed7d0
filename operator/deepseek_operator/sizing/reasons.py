"""Every value that was derived, with one sentence why; and which of them a person has set. Pure."""

from dataclasses import dataclass

from deepseek_operator.sizing import batching, memory, roofline
from deepseek_operator.sizing.size import (
    MTP_SEQUENCES,
    WINDOW_SHARE,
    Sized,
    has_drafts,
    least_sequences,
)
from deepseek_operator.sizing.terms import Layout, gib


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a replica."""

    name: str
    value: str
    why: str
    is_set: bool = False
    """Whether a person has set it."""


def reasons(sized: Sized) -> tuple[Reason, ...]:
    """All of them, in the order in which they were decided."""
    return (
        _quantization(sized),
        _layout(sized),
        _cache(sized),
        _context(sized),
        _sequences(sized),
        _batched(sized),
        _long(sized),
        _memory_share(sized),
        _chunks(sized),
        _prefixes(sized),
        _speculation(sized),
        *_graphs(sized),
        *_experts(sized),
        *_decode_times(sized),
    )


def pace(sized: Sized) -> Reason:
    """How much one replica is worth, by the roofline."""
    found, workload = sized.pace, sized.question.workload
    return Reason(
        "requestsPerSecond",
        f"{found.requests_per_second:.3g}",
        f"estimated of one replica, of requests with {workload.input_tokens} input and {workload.output_tokens} output "
        f"tokens; {1000 * found.time_to_first_token:.0f} ms to the first token, "
        f"{1000 * found.time_per_output_token:.0f} ms a token",
    )


def _quantization(sized: Sized) -> Reason:
    scheme = sized.setting.scheme
    source = f", from {scheme.checkpoint}" if scheme.checkpoint else ""
    online = f", made while it loads ({scheme.flag})" if scheme.flag else ""
    return Reason(
        "quantization",
        scheme.name,
        f"{scheme.why}{source}{online}",
        sized.question.overrides.quantization != "auto",
    )


def _layout(sized: Sized) -> Reason:
    question, layout = sized.question, sized.layout
    asked = question.overrides
    held = f"{gib(sized.memory.weights)} of weights on each of {layout.accelerators} GPUs{_over(sized)}"
    if layout.data > 1:
        why = f"{held}; {_ranks(layout)}"
    elif layout.pipeline > 1:
        why = (
            f"{held}; the layers are in {layout.pipeline} parts, one after another{_stages(sized)}"
        )
    elif layout.tensor > 1:
        why = f"{held}; each layer is split, so all GPUs work on every token{_filled_up(sized)}"
    else:
        why = f"{gib(sized.memory.weights)} of weights fit on one GPU"
    sizes = (asked.accelerators, asked.tensor, asked.pipeline, asked.data)
    ways = (asked.attention_ranks, asked.expert_parallel)
    is_set = any(sizes) or ways != (None, None)
    return Reason("layout", str(layout), why, is_set)


def _ranks(layout: Layout) -> str:
    """Who attends for whom, and where the experts are."""
    if layout.tensor == 1:
        who = "each GPU attends for requests of its own, as the latent cache would be copied to all by tensor parallelism"
    else:
        who = (
            f"each rank of {layout.tensor} GPUs attends for requests of its own, so that the latent cache is copied to "
            "these alone"
        )
    where = "all of them" if layout.pipeline == 1 else f"those of each of {layout.pipeline} stages"
    return f"{who}, and the experts are spread over {where}"


def _filled_up(sized: Sized) -> str:
    """That a GPU's heads are too few for sparse attention."""
    times = roofline.filled_up(sized.setting)
    heads = sized.question.model.dimensions.heads // sized.layout.tensor
    return (
        f"; sparse attention computes the {heads} heads of a GPU as {times * heads:.0f}"
        if times > 1
        else ""
    )


def _over(sized: Sized) -> str:
    """Over how many nodes, and why over several."""
    nodes, asked = sized.layout.nodes, sized.question.overrides
    if nodes == 1:
        return ""
    is_set = asked.accelerators or asked.tensor or asked.pipeline or asked.data
    return f", over {nodes} nodes as {'is set' if is_set else 'one does not hold it'}"


def _stages(sized: Sized) -> str:
    """Why nodes have parts of the layers and not of the experts."""
    if sized.layout.nodes == 1:
        return ""
    few = ", so that little is exchanged between nodes"
    is_slow = sized.question.model.experts is not None and not sized.question.rdma
    return f"{few}: no RDMA is set up for them" if is_slow else few


def _cache(sized: Sized) -> Reason:
    setting, dimensions = sized.setting, sized.question.model.dimensions
    each = memory.cache_bytes_per_token(setting)
    kind = (
        f"latent of {memory.cached_values(dimensions):,.0f} values a layer"
        if dimensions.latent
        else f"{dimensions.kv_heads} key-value heads"
    )
    ranks = f" on each of {setting.layout.data} ranks" if setting.layout.data > 1 else ""
    return Reason(
        "cacheType",
        setting.cache_type,
        f"{each:,.0f} bytes a token and GPU ({kind}); {gib(sized.memory.cache)} hold {sized.cache_tokens:,} tokens{ranks}",
        sized.question.overrides.cache_type is not None,
    )


def _context(sized: Sized) -> Reason:
    model, context = sized.question.model, sized.context_tokens
    asked = sized.question.overrides.context_tokens
    room = f"{sized.full_context} such requests fit at once"
    if asked is not None:
        why = f"is set; {room}"
    elif context == model.context_tokens:
        why = f"all that the model was made for; {room}"
    elif sized.question.whole_prompts and context == sized.setting.batched_tokens:
        why = f"as much as one step computes, as prompts are not computed in parts; {room}"
    elif WINDOW_SHARE * context > sized.cache_tokens:
        why = (
            f"as long as requests are expected to become, more than a quarter of the cache; {room}"
        )
    else:
        why = f"a quarter of the cache, so that several long requests fit; {room}"
    return Reason("contextTokens", f"{context}", why, asked is not None)


def _sequences(sized: Sized) -> Reason:
    limits, pace, workload = sized.limits, sized.pace, sized.question.workload
    ranks = sized.layout.data
    scope = f"on each of {ranks} ranks, " if ranks > 1 else ""
    is_set = sized.question.overrides.max_sequences is not None
    by = "is set" if is_set else f"kept from more by {limits.by}"
    holds = f"the cache holds {limits.fits} of {workload.tokens} tokens"
    speed = f"{1000 * pace.time_per_output_token:.0f} ms a token with {pace.sequences} at once"
    return Reason(
        "maxConcurrentSequences", f"{limits.sequences}", f"{scope}{by}; {holds}, {speed}", is_set
    )


def _batched(sized: Sized) -> Reason:
    asked, tokens = sized.question.overrides, sized.setting.batched_tokens
    whole = sized.question.whole_prompts
    if asked.max_batched_tokens is not None:
        why = "is set"
    elif whole and tokens == whole:
        why = "one step computes all of the longest request, as prompts are not computed in parts"
    elif (asked.max_sequences or 0) > batching.batched_tokens(sized.question, sized.setting):
        why = "a step computes a token of each running sequence, and maxConcurrentSequences is set to so many"
    else:
        why = _pause(sized)
    return Reason("maxBatchedTokens", f"{tokens}", why, asked.max_batched_tokens is not None)


def _pause(sized: Sized) -> str:
    """How long a step with a chunk of prompts may take, how long it takes, and which bound keeps it from that."""
    question, setting = sized.question, sized.setting
    target = question.workload.time_per_output_token
    takes = f"{1000 * setting.batched_tokens * roofline.token_seconds(setting):.0f} ms"
    may = f"{1000 * batching.pause_seconds(question):.0f} ms"
    of = "" if target is None else f", five times the {1000 * target:.0f} ms between tokens"
    held = batching.tokens_of_a_pause(question, setting)
    least, most = batching.LEAST_BATCHED, batching.MOST_BATCHED
    if held < least:
        return f"not below {least}, which makes prompts slow: such a step takes {takes}, more than the {may} aimed at{of}"
    if held > most:
        return f"not above {most}: such a step takes {takes}, within the {may} that it may{of}"
    return f"a step with a chunk of prompts takes {takes}, and may about {may}{of}"


def _long(sized: Sized) -> Reason:
    long = sized.long
    return Reason(
        "longRequests",
        f"{long.most}",
        f"so many with prompts of {long.tokens} tokens take half of the replica's {long.by}; counted only with "
        "gateway.longRequests",
    )


def _memory_share(sized: Sized) -> Reason:
    engine, share = sized.question.engine, sized.setting.memory_share
    scope = (
        "a GPU's memory" if engine.memory_of == "all" else "what is free once weights are loaded"
    )
    left = gib(sized.memory.total - sized.memory.planned)
    asked = sized.question.overrides.memory_share is not None
    origin = f"{engine.name} {engine.version}'s own default"
    if asked:
        origin = "is set"
    elif share != engine.memory_share:
        origin = "what NVIDIA's own configurations of such models take"
    return Reason("memoryShare", f"{share:g}", f"{origin}, of {scope}; {left} stay free", asked)


def _chunks(sized: Sized) -> Reason:
    asked = sized.question.overrides.chunked_prefill
    why = "a long prompt is computed in parts between the tokens of other answers, so it stops none of them"
    if asked is False:
        why = "is set; one step computes all of a prompt, and other answers wait for it"
    return Reason(
        "chunkedPrefill", "off" if asked is False else "on", why, is_set=asked is not None
    )


def _prefixes(sized: Sized) -> Reason:
    asked = sized.question.overrides.prefix_caching
    why = "a prompt that begins like an earlier one is not computed again; it costs nothing where none does"
    return Reason(
        "prefixCaching",
        "off" if asked is False else "on",
        why if asked is None else "is set",
        asked is not None,
    )


def _graphs(sized: Sized) -> tuple[Reason, ...]:
    """Only of an engine that is told which batches to capture."""
    captured, each = sized.graph_sizes, sized.question.engine.graph_layer_megabytes
    if each is None:
        return ()
    asked = sized.question.overrides.graph_sizes is not None
    kept = f"{gib(sized.memory.graphs)} are kept for them"
    why = f"is set; {kept}" if asked else f"a batch in between is filled up to the next; {kept}"
    return (Reason("graphs", f"{len(captured)} up to {captured[-1]}", why, asked),)


def _experts(sized: Sized) -> tuple[Reason, ...]:
    """Only of an engine that is told who computes them."""
    engine, backend = sized.question.engine, sized.expert_backend
    if engine.expert_tokens is None or sized.question.model.experts is None:
        return ()
    if backend is None:
        why = "which one computes them depends on the form of the source, and quantization does not say it"
        return (Reason("expertBackend", "default", why),)
    asked = sized.question.overrides.expert_backend is not None
    form, product = sized.setting.scheme.name, sized.question.pool.product
    why = (
        "is set"
        if asked
        else f"{engine.name} {engine.version} computes {form} with it on {product}"
    )
    gathered = memory.gathered_tokens(sized.setting)
    said = f"; of the {gathered} tokens that all ranks bring together it takes {sized.expert_tokens} at once"
    bound = said if gathered and sized.bounds_experts else ""
    return (Reason("expertBackend", backend, f"{why}{bound}", asked),)


def _decode_times(sized: Sized) -> tuple[Reason, ...]:
    """Only where it is set: nothing is derived of it."""
    times = sized.question.overrides.decode_times
    if times is None:
        return ()
    why = "is set: a step of decode takes so many times as long as the roofline has it"
    return (Reason("decodeTimes", f"{times:g}", why, is_set=True),)


def _speculation(sized: Sized) -> Reason:
    question, tokens = sized.question, sized.setting.mtp_tokens
    asked = question.overrides.mtp_tokens is not None
    if asked:
        why = "is set"
    elif tokens:
        why = f"{sized.pace.sequences} sequences at once leave room to compute a drafted token, of which 4 in 5 are kept"
    elif question.model.dimensions.mtp_layers == 0:
        why = f"{question.model_name} has no module that drafts"
    elif sized.layout.pipeline > 1:
        why = "the module that drafts cannot run beside the stages of a pipeline"
    elif not has_drafts(question, sized.setting):
        why = "whether the weights that are served have the module that drafts is not known"
    elif (least := least_sequences(question, sized.layout)) > MTP_SEQUENCES:
        why = f"drafts help up to {MTP_SEQUENCES} sequences at once, and {least} may run as maxConcurrentSequences is set"
    else:
        why = f"with {sized.pace.sequences} sequences at once drafts cost more than they save"
    return Reason("mtpTokens", f"{tokens}", why, asked)
