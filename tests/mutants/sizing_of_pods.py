"""Mutants of what is derived for pods: what is frozen, what is refused, how many there are."""

from tests.mutants.patch import Mutant

_DERIVATION = "tests/unit/test_derivation.py"
_NODES = "tests/unit/test_derivation_over_nodes.py"
_REPLICAS = "tests/unit/test_replicas.py"
_PLAN = "tests/unit/test_plan_sizing.py"
_FLAGS = "tests/unit/engines/test_vllm_sized.py"
_VLLM = "tests/unit/engines/test_vllm.py"
_RULES = "tests/unit/api/test_rules_of_sizing.py"
_CPU = "tests/unit/sizing/test_cpu.py"

SIZING_OF_PODS = (
    Mutant(
        name="a-load-makes-a-revision",
        breaks="more requests a second restart every pod",
        file="derivation.py",
        old="        output_tokens=workload.output_tokens,\n",
        new="        output_tokens=workload.output_tokens,\n"
        "        requests_per_second=workload.requests_per_second,\n",
        caught_by=(f"{_DERIVATION}::test_how_many_requests_there_are_makes_no_other_replica",),
    ),
    Mutant(
        name="the-load-is-in-the-key",
        breaks="another rate of requests is another revision",
        file="rollout/revisions.py",
        old='        chosen["workload"] = block.workload.shape()\n',
        new='        chosen["workload"] = block.workload.model_dump(mode="json")\n',
        caught_by=(f"{_REPLICAS}::test_what_makes_the_same_pods_is_the_same_revision",),
    ),
    Mutant(
        name="the-shape-of-requests-is-not-in-the-key",
        breaks="other requests are expected and nothing changes",
        file="rollout/revisions.py",
        old='        chosen["workload"] = block.workload.shape()\n',
        new='        chosen.pop("workload", None)\n',
        caught_by=(f"{_REPLICAS}::test_another_shape_of_requests_is_another_revision",),
    ),
    Mutant(
        name="replicas-of-a-full-load",
        breaks="replicas are planned with all that they can do, and peaks queue",
        file="sizing/terms.py",
        old="    return max(1, math.ceil(rate / (each * TARGET_UTILIZATION)))\n",
        new="    return max(1, math.ceil(rate / each))\n",
        caught_by=(f"{_REPLICAS}::test_a_load_sets_the_number_with_its_reason_in_status",),
    ),
    Mutant(
        name="numbers-have-no-endings",
        breaks="a limit of 8k is not what the warm-up is told",
        file="numbers.py",
        old="* _SIZES[match[2]]) if",
        new=") if",
        caught_by=(
            "tests/unit/engines/test_vllm.py",
            "tests/unit/test_numbers.py::test_a_number_is_one_of_anything_or_none",
        ),
    ),
    Mutant(
        name="an-impossible-load-starts-one",
        breaks="a load that no object can serve starts one replica in the way of what serves",
        file="replicas.py",
        old="        shape = shape if had else None\n",
        new="",
        caught_by=(f"{_REPLICAS}::test_a_load_beyond_all_replicas_starts_nothing_and_says_so",),
    ),
    Mutant(
        name="an-impossible-load-scales-down",
        breaks="a load that no object can serve leaves one replica of what serves",
        file="replicas.py",
        old="        found = had or deployment.spec.replicas\n",
        new="        found = deployment.spec.replicas\n",
        caught_by=(
            f"{_REPLICAS}::test_a_load_beyond_all_replicas_leaves_what_serves_as_it_is",
            f"{_REPLICAS}::test_a_revision_that_was_made_before_sizing_keeps_its_number",
        ),
    ),
    Mutant(
        name="ones-own-weights-are-spread",
        breaks="weights of one's own, which may be smaller, are laid out over several nodes unasked",
        file="derivation.py",
        old="        pool=Pool(name, entry, count=max(node, count or 0), node_size=node),\n",
        new="        pool=Pool(name, entry, count=16 * node, node_size=node),\n",
        caught_by=(f"{_NODES}::test_weights_of_ones_own_are_not_spread_over_nodes_unasked",),
    ),
    Mutant(
        name="a-field-that-does-nothing",
        breaks="workload and quantization are taken where nothing follows from them",
        file="derivation.py",
        old='        if value not in (None, "auto"):\n',
        new='        if value == "nothing":\n',
        caught_by=(f"{_DERIVATION}::test_a_field_that_would_do_nothing_is_refused",),
    ),
    Mutant(
        name="ones-own-weights-converted",
        breaks="weights from a source of one's own are quantised unasked",
        file="sizing/quantization.py",
        old="        order = _native(question.model)\n",
        new="        order = tuple(order)\n",
        caught_by=(f"{_DERIVATION}::test_a_source_that_is_set_is_served_as_it_is",),
    ),
    Mutant(
        name="no-graphs-for-large-batches",
        breaks="batches above 512 run without CUDA graphs, which the pace is planned with",
        file="engines/vllm_sized.py",
        old="    if batch > _LARGEST_GRAPH:\n",
        new="    if batch > 10 * _LARGEST_GRAPH:\n",
        caught_by=(f"{_FLAGS}::test_batches_that_are_planned_with_have_graphs",),
    ),
    Mutant(
        name="the-users-flag-is-overruled",
        breaks="a flag that the user may give is given twice, and the operator's wins",
        file="engines/vllm_sized.py",
        old=" for flag, value in wanted.items() if flag not in given\n",
        new=" for flag, value in wanted.items()\n",
        caught_by=(f"{_FLAGS}::test_a_flag_that_is_not_owned_is_the_users",),
    ),
    Mutant(
        name="one-server-a-rank",
        breaks="each rank has a server of its own, and none knows how many requests there are",
        file="engines/vllm_sized.py",
        old='        found["--api-server-count"] = "1"\n',
        new="        pass\n",
        caught_by=(f"{_FLAGS}::test_what_is_derived_becomes_flags",),
    ),
    Mutant(
        name="sizing-lost-with-its-record",
        breaks="what was derived is forgotten when the ControllerRevision is deleted",
        file="build/children.py",
        old='        sizing=json.loads(annotations.get(names.SIZING_ANNOTATION, "null")),\n',
        new="        sizing=None,\n",
        caught_by=(f"{_PLAN}::test_what_was_frozen_decides_whatever_would_be_derived_now",),
    ),
    Mutant(
        name="two-numbers-of-replicas",
        breaks="replicas is ignored beside workload.requestsPerSecond",
        file="api/rules_of_sizing.py",
        old='        "!has(self.replicas) || self.replicas == 1",\n',
        new='        "!has(self.replicas) || self.replicas >= 0",\n',
        caught_by=(f"{_RULES}::test_what_would_do_nothing_is_refused",),
    ),
    Mutant(
        name="latent-blocks-as-of-others",
        breaks="the CPU's cache of latent attention is counted by values of heads",
        file="sizing/memory.py",
        old="    return size.latent.kv_rank + size.latent.rope_width\n",
        new="    return size.latent.kv_rank\n",
        caught_by=(f"{_CPU}::test_a_gibibyte_holds_so_many_tokens_of_a_tiny_model",),
    ),
    Mutant(
        name="cache-of-a-cpu-as-it-comes",
        breaks="what pod.env gives a CPU's cache is not counted",
        file="derivation.py",
        old=".get(cpu.CACHE_VARIABLE, cpu.CACHE_GIB)",
        new=".get(cpu.CACHE_VARIABLE + '_', cpu.CACHE_GIB)",
        caught_by=("tests/unit/test_derivation_of_cpus.py::test_what_its_cache_holds_is_told",),
    ),
    Mutant(
        name="one-limit-without-the-other",
        breaks="more sequences than the engine's own tokens of a step, and it does not start",
        file="engines/vllm.py",
        old="        tokens = max(sequences, _TOKENS_ON_GPU)\n",
        new="        tokens = None\n",
        caught_by=(f"{_VLLM}::test_one_limit_of_batching_brings_the_other_that_it_needs",),
    ),
)
