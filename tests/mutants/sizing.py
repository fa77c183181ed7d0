"""Mutants of sizing: the traps of its formulas."""

from tests.mutants.patch import Mutant

_MEMORY = "tests/unit/sizing/test_memory.py"
_SHAPE = "tests/unit/sizing/test_shape.py"
_SIZE = "tests/unit/sizing/test_size.py"
_REFUSED = "tests/unit/sizing/test_refused.py"
_ROOFLINE = "tests/unit/sizing/test_roofline.py"
_QUANTIZATION = "tests/unit/sizing/test_quantization.py"
_FLEET = "tests/unit/sizing/test_fleet.py"
_CATALOG = "tests/unit/catalog/test_catalog.py"
_PROPERTIES = "tests/properties/test_sizing.py"
_PLAN = "tests/unit/cli/test_plan.py"

SIZING = (
    Mutant(
        name="latent-cache-split-by-tensor-parallelism",
        breaks="the latent cache is planned as if tensor parallelism split it, and does not fit",
        file="sizing/memory.py",
        old="    return size.latent.kv_rank + size.latent.rope_width\n",
        new="    return (size.latent.kv_rank + size.latent.rope_width) / tensor\n",
        caught_by=(
            f"{_MEMORY}::test_the_latent_is_copied_by_tensor_parallelism_and_split_by_the_pipeline",
        ),
    ),
    Mutant(
        name="latent-cache-of-every-head",
        breaks="the cache of latent attention is planned for every head",
        file="sizing/memory.py",
        old="    return size.latent.kv_rank + size.latent.rope_width\n",
        new="    return (size.latent.kv_rank + size.latent.rope_width) * size.heads\n",
        caught_by=(f"{_MEMORY}::test_bytes_of_a_token_are_as_the_engine_lays_them_out",),
    ),
    Mutant(
        name="less-than-one-key-value-head",
        breaks="with more GPUs than key-value heads each is planned with a part of a head",
        file="sizing/memory.py",
        old="max(1.0, (size.kv_heads or 0) / tensor)",
        new="(size.kv_heads or 0) / tensor",
        caught_by=(f"{_MEMORY}::test_key_value_heads_are_split_until_each_gpu_has_one",),
    ),
    Mutant(
        name="tables-are-quantised",
        breaks="embedding and head are planned in 8 bits, which no engine does",
        file="sizing/memory.py",
        old="    tables = (2 if layout.pipeline == 1 else 1) * shape.embedding * _FULL_BYTES\n",
        new="    tables = (2 if layout.pipeline == 1 else 1) * shape.embedding * scheme.linear_bytes\n",
        caught_by=(f"{_MEMORY}::test_embedding_and_head_stay_in_bf16",),
    ),
    Mutant(
        name="half-an-expert",
        breaks="experts that do not divide by the GPUs are planned in parts",
        file="sizing/memory.py",
        old="    return math.ceil(experts.routed / layout.expert_parallel) / experts.routed\n",
        new="    return 1 / layout.expert_parallel\n",
        caught_by=(f"{_MEMORY}::test_experts_that_do_not_divide_are_one_more_on_some_gpu",),
    ),
    Mutant(
        name="half-a-layer",
        breaks="a pipeline's stages are planned with a part of a layer",
        file="sizing/memory.py",
        old="    return math.ceil(setting.model.layers / setting.layout.pipeline)\n",
        new="    return setting.model.layers // setting.layout.pipeline\n",
        caught_by=(
            f"{_MEMORY}::test_the_latent_is_copied_by_tensor_parallelism_and_split_by_the_pipeline",
        ),
    ),
    Mutant(
        name="planned-over-memory",
        breaks="the logits of sequences are forgotten, and the GPU is planned over its memory",
        file="sizing/memory.py",
        old="        left = self.free - sequences * self.sequence\n",
        new="        left = self.free\n",
        caught_by=(f"{_PROPERTIES}::test_no_gpu_is_planned_over_its_memory",),
    ),
    Mutant(
        name="drafts-lost-to-memory",
        breaks="with more memory there are more sequences than drafts help, and all of them lose their drafts",
        file="sizing/size.py",
        old="        limits = batching.at_most(limits, _MTP_SEQUENCES // setting.layout.data)\n",
        new="        limits = batching.at_most(limits, 10 * _MTP_SEQUENCES)\n",
        caught_by=("tests/unit/sizing/test_size.py::test_more_memory_does_not_lose_the_drafts",),
    ),
    Mutant(
        name="shared-experts-forgotten",
        breaks="the experts that every token passes are not counted",
        file="sizing/shape.py",
        old="        shared=layers * shared * expert,\n",
        new="        shared=0 * layers * shared * expert,\n",
        caught_by=(f"{_SHAPE}::test_parameters_are_as_published",),
    ),
    Mutant(
        name="all-experts-always-read",
        breaks="a step with few tokens reads all experts",
        file="sizing/roofline.py",
        old="    touched = 1 - math.pow(costs.untouched, group)\n",
        new="    touched = 1.0 if group else 0.0\n",
        caught_by=(f"{_ROOFLINE}::test_a_small_batch_touches_a_part_of_the_experts",),
    ),
    Mutant(
        name="prompts-take-nothing-from-answers",
        breaks="the time between tokens leaves the prompts out that share the GPUs",
        file="sizing/roofline.py",
        old="        time_per_output_token=step / (1 - busy),\n",
        new="        time_per_output_token=step,\n",
        caught_by=(f"{_ROOFLINE}::test_the_replica_is_full_all_the_time",),
    ),
    Mutant(
        name="index-of-sparse-attention-is-free",
        breaks="a long context costs sparse attention nothing",
        file="sizing/roofline.py",
        old="    cache = attended * costs.cache_seconds + context * costs.index_cache_seconds\n",
        new="    cache = attended * costs.cache_seconds\n",
        caught_by=(
            f"{_ROOFLINE}::test_sparse_attention_reads_and_scores_its_index_beyond_what_it_chooses",
        ),
    ),
    Mutant(
        name="heads-do-not-divide",
        breaks="a layout is planned that no engine starts with",
        file="sizing/layouts.py",
        old="    if heads % layout.tensor == 0:\n",
        new="    if heads >= layout.tensor:\n",
        caught_by=(f"{_REFUSED}::test_what_cannot_run_is_refused_by_field_and_remedy",),
    ),
    Mutant(
        name="fp8-on-ampere",
        breaks="FP8 is planned on GPUs that do not compute in it",
        file="sizing/quantization.py",
        old="    if compute < support.minimum_compute:\n",
        new="    if compute < support.minimum_compute - 1:\n",
        caught_by=(f"{_QUANTIZATION}::test_what_cannot_run_is_refused_with_the_nearest_that_does",),
    ),
    Mutant(
        name="ones-own-source-is-replaced",
        breaks="a published checkpoint is planned in place of the user's own weights",
        file="sizing/quantization.py",
        old="    if question.overrides.own_source:\n        return None\n",
        new="",
        caught_by=(
            f"{_QUANTIZATION}::test_a_published_checkpoint_is_better_than_quantising_while_loading",
        ),
    ),
    Mutant(
        name="replicas-rounded-down",
        breaks="a load gets one replica too few",
        file="sizing/size.py",
        old="        return max(1, math.ceil(requests_per_second / planned))\n",
        new="        return max(1, math.floor(requests_per_second / planned))\n",
        caught_by=(
            f"{_FLEET}::test_a_thousand_requests_a_second_of_a_shape_need_so_many_replicas",
            f"{_PROPERTIES}::test_the_replicas_meet_the_load",
        ),
    ),
    Mutant(
        name="replicas-across-nodes",
        breaks="replicas are counted as if GPUs of several nodes could make up one",
        file="sizing/terms.py",
        old="        return nodes * (self.node_size // accelerators) + rest // accelerators\n",
        new="        return (nodes * self.node_size + rest) // accelerators\n",
        caught_by=(f"{_FLEET}::test_gpus_that_are_left_on_several_nodes_make_up_no_replica",),
    ),
    Mutant(
        name="cheapest-though-too-late",
        breaks="a layout that misses a latency target is taken before one that keeps it",
        file="sizing/size.py",
        old="        if found.missed:\n",
        new="        if not found:\n",
        caught_by=(f"{_SIZE}::test_a_target_is_kept_even_if_each_gpu_does_less_for_it",),
    ),
    Mutant(
        name="catalog-correction-ignored",
        breaks="what a platform team corrects in the catalog does not take effect",
        file="catalog/catalog.py",
        old="    return {**before, **both}\n",
        new="    return {**both, **before}\n",
        caught_by=(f"{_CATALOG}::test_a_price_of_ones_own_takes_the_place_of_the_placeholder",),
    ),
    Mutant(
        name="misspelt-spec-field-planned",
        breaks="a plan ignores a misspelt field of the object",
        file="cli/objects.py",
        old="            yield path, str(name), list(known)\n            continue\n",
        new="            continue\n",
        caught_by=(f"{_PLAN}::test_an_object_that_cannot_be_is_refused_by_field",),
    ),
    Mutant(
        name="accelerators-planned-twice",
        breaks="a fallback is planned on accelerators that the serving revision has",
        file="cli/offline.py",
        old="max(0, pool.count - taken.get(str(pool), 0))",
        new="pool.count",
        caught_by=(f"{_PLAN}::test_the_next_block_gets_what_is_left",),
    ),
    Mutant(
        name="half-a-prompt-in-a-step",
        breaks="without chunked prefill vLLM is given a longer context than a step has tokens, and does not start",
        file="sizing/size.py",
        old="    return min(longest, batched_tokens) if question.whole_prompts else longest\n",
        new="    return longest\n",
        caught_by=(f"{_SIZE}::test_without_chunks_one_step_computes_the_longest_request",),
    ),
    Mutant(
        name="a-step-below-a-prompt-is-taken",
        breaks="fewer tokens a step than a prompt has are taken though prompts are not computed in parts",
        file="sizing/batching.py",
        old="asked.max_batched_tokens < whole:",
        new="asked.max_batched_tokens < 0 * whole:",
        caught_by=(f"{_REFUSED}::test_what_does_not_fit_is_refused_with_the_arithmetic",),
    ),
    Mutant(
        name="the-first-of-two-switches-wins",
        breaks="status tells of a switch that the engine takes for its opposite",
        file="overriding.py",
        old='.replace("_", "-") for arg in reversed(args))',
        new='.replace("_", "-") for arg in args)',
        caught_by=("tests/unit/test_overriding.py::test_flags_of_vllm_are_read",),
    ),
    Mutant(
        name="drafts-that-are-set-cost-nothing",
        breaks="drafts of engine.args are neither told nor planned with",
        file="overriding.py",
        old="        mtp_tokens=_drafts_of_vllm(flags),\n",
        new="",
        caught_by=("tests/unit/test_overriding.py::test_flags_of_vllm_are_read",),
    ),
    Mutant(
        name="attention-as-it-pleases",
        breaks="accelerator.attention is taken and does nothing",
        file="overriding.py",
        old='    found = None if asked is None else asked == "Ranks"\n',
        new='    found = None if asked == "Tensor" else flag\n',
        caught_by=("tests/unit/test_overriding.py::test_the_field_says_how_gpus_attend",),
    ),
    Mutant(
        name="slices-planned-as-whole-experts",
        breaks="a replica without expert parallelism is planned and told as if it had it",
        file="sizing/layouts.py",
        old="    return question.model.experts is not None and question.overrides.expert_parallel is not False\n",
        new="    return question.model.experts is not None\n",
        caught_by=(f"{_SIZE}::test_every_value_can_be_overridden",),
    ),
    Mutant(
        name="sparse-attention-of-few-heads-is-cheap",
        breaks="tensor parallelism is planned to divide what sparse attention computes, which fills its heads up again",
        file="sizing/roofline.py",
        old=" * attention * filled_up(setting),",
        new=" * attention,",
        caught_by=(f"{_ROOFLINE}::test_sparse_attention_fills_up_the_heads_of_a_gpu",),
    ),
)
