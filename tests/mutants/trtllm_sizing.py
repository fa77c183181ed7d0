"""Mutants of how TensorRT-LLM is sized: what memory is kept for, what it is told, what an object may set of it."""

from tests.mutants.patch import Mutant

_SIZING = "tests/unit/sizing/test_trtllm.py"
_SIZED = "tests/unit/engines/test_trtllm_sized.py"
_OVERRIDING = "tests/unit/test_overriding.py"
_FORMS = "tests/unit/sizing/test_quantization.py"
_FRONT = "tests/unit/build/test_front.py"

TRTLLM_SIZING = (
    Mutant(
        name="experts-of-one-rank",
        breaks="memory is kept for the tokens of one rank, and experts are given those of all",
        file="sizing/memory.py",
        old="    return min(most, max(tokens, gathered_tokens(setting)))\n",
        new="    return tokens\n",
        caught_by=(f"{_SIZING}::test_experts_are_given_the_tokens_of_all_ranks_up_to_a_bound",),
    ),
    Mutant(
        name="experts-in-uneven-parts",
        breaks="experts are spread over GPUs that do not divide them, and TensorRT-LLM does not start",
        file="sizing/layouts.py",
        old="    if experts.routed % group == 0:\n",
        new="    if experts.routed >= group:\n",
        caught_by=(
            f"{_SIZING}::test_what_it_cannot_run_is_refused_with_the_reason",
            f"{_SIZING}::test_experts_that_nodes_do_not_divide_are_in_stages",
        ),
    ),
    Mutant(
        name="graphs-for-nothing",
        breaks="all CUDA graphs together are counted as one",
        file="sizing/memory.py",
        old="each * 1e6 * setting.graphs",
        new="each * 1e6",
        caught_by=(
            f"{_SIZING}::test_a_graph_of_the_largest_network_is_counted_as_its_sources_have_it",
        ),
    ),
    Mutant(
        name="one-share-for-all-models",
        breaks="models with experts are planned with memory that NVIDIA's own configurations leave free",
        file="sizing/terms.py",
        old="        return asked or experts or engine.memory_share\n",
        new="        return asked or engine.memory_share\n",
        caught_by=(f"{_SIZING}::test_a_share_goes_with_the_model",),
    ),
    Mutant(
        name="sparse-cache-in-fp8",
        breaks="sparse attention is given a cache that TensorRT-LLM is not known to have",
        file="sizing/size.py",
        old='        return "fp8" if able and question.engine.fp8_sparse_cache else "bf16"\n',
        new='        return "fp8" if able else "bf16"\n',
        caught_by=(f"{_SIZING}::test_sparse_attention_keeps_its_cache_in_full",),
    ),
    Mutant(
        name="steps-of-parts-of-blocks",
        breaks="chunks of prompts are no whole blocks, and the engine does not start",
        file="sizing/batching.py",
        old="    return setting.engine.block_tokens if has_blocks else 1\n",
        new="    return 1\n",
        caught_by=(f"{_SIZING}::test_steps_are_whole_blocks_for_latent_attention",),
    ),
    Mutant(
        name="hoppers-experts-on-blackwell",
        breaks="FP8 on Blackwell is given a backend of experts that does not compute it",
        file="catalog/engines.py",
        old="        return self.expert_backends[max(fit)] if fit else None\n",
        new="        return self.expert_backends[min(fit)] if fit else None\n",
        caught_by=(f"{_SIZING}::test_who_computes_experts_depends_on_form_and_hardware",),
    ),
    Mutant(
        name="experts-of-a-guessed-form",
        breaks="a source in four bits is given the backend of its published form, and does not start",
        file="sizing/size.py",
        old="        if asked.expert_backend is not None or quantization.is_form_open(question):\n",
        new="        if asked.expert_backend is not None:\n",
        caught_by=(
            f"{_SIZING}::test_of_a_source_of_unknown_form_nobody_says_who_computes_its_experts",
        ),
    ),
    Mutant(
        name="a-source-cannot-be-said",
        breaks="the form of one's own quantised weights cannot be told to an engine that converts nothing",
        file="sizing/quantization.py",
        old="    is_said = question.overrides.own_source and not engine.converts\n",
        new="    is_said = False\n",
        caught_by=(
            f"{_FORMS}::test_of_an_engine_that_converts_nothing_a_source_has_the_form_that_is_said",
        ),
    ),
    Mutant(
        name="the-file-undoes-the-share",
        breaks="one key of kv_cache_config that a user gives brings the engine's defaults of all others",
        file="engines/trtllm_sized.py",
        old="            found[name] = {**ours, **theirs}\n",
        new="            found[name] = {**theirs}\n",
        caught_by=(f"{_SIZED}::test_what_the_user_sets_counts",),
    ),
    Mutant(
        name="ranks-that-are-not-told",
        breaks="a layout of ranks is run as tensor parallelism, with a copy of the cache on each GPU",
        file="engines/trtllm_sized.py",
        old='        **({"enable_attention_dp": True} if sized.layout.data > 1 else {}),\n',
        new="",
        caught_by=(f"{_SIZED}::test_what_is_derived_becomes_options_and_keys",),
    ),
    Mutant(
        name="experts-without-a-bound",
        breaks="experts are given more tokens at once than memory is kept for",
        file="engines/trtllm_sized.py",
        old='        found["max_num_tokens"] = sized.expert_tokens\n',
        new="        pass\n",
        caught_by=(f"{_SIZED}::test_what_is_derived_becomes_options_and_keys",),
    ),
    Mutant(
        name="a-warm-up-of-one-rank",
        breaks="seven of eight ranks of TensorRT-LLM are cold when they take requests",
        file="engines/trtllm.py",
        old='    return int(given.get("tensor_parallel_size", "1")) if attends else 1\n',
        new="    return 1\n",
        caught_by=(f"{_SIZED}::test_a_warm_up_is_told_of_every_rank_and_of_the_length",),
    ),
    Mutant(
        name="the-command-line-wins",
        breaks="what is planned with is the option that the engine's file undoes",
        file="overriding.py",
        old='    share = cache.get("free_gpu_memory_fraction", flags.get("free_gpu_memory_fraction"))\n',
        new='    share = flags.get("free_gpu_memory_fraction", cache.get("free_gpu_memory_fraction"))\n',
        caught_by=(f"{_OVERRIDING}::test_options_and_keys_of_tensorrt_llm_are_read",),
    ),
    Mutant(
        name="unknown-keys-are-planned-with",
        breaks="a key that changes what memory or layout are is taken for one that does not",
        file="overriding.py",
        old="        | _switched_off(options)\n",
        new="",
        caught_by=(f"{_OVERRIDING}::test_what_the_arithmetic_does_not_know_is_named",),
    ),
    Mutant(
        name="the-front-counts-nothing",
        breaks="long requests take a whole replica of TensorRT-LLM",
        file="build/front.py",
        old="    if request.sized is None:\n",
        new="    if request.served_name:\n",
        caught_by=(
            f"{_FRONT}::test_the_front_knows_how_many_long_requests_its_replica_was_sized_for",
        ),
    ),
)
