"""Mutants of what is built: the children of an object and their pods."""

from tests.mutants.patch import Mutant

_BUDGETS = "tests/unit/test_budgets.py"
_PLAN = "tests/unit/test_plan.py"
_CHILDREN = "tests/unit/build/test_children.py"
_NAMES = "tests/properties/test_names.py"
_METADATA = "tests/unit/build/test_metadata.py"
_TEMPLATE = "tests/unit/build/test_template.py"
_VLLM = "tests/unit/engines/test_vllm.py"
_VLLM_FLAGS = "tests/unit/engines/test_vllm_flags.py"

CHILDREN = (
    Mutant(
        name="flags-are-not-checked",
        breaks="a flag that vLLM does not have is found by an engine that does not start, not by the operator",
        file="engines/vllm.py",
        old="    if wrong and request.block.engine.image is None:\n",
        new="    if wrong and request.block.engine.image is not None:\n",
        caught_by=(
            f"{_VLLM_FLAGS}::test_what_this_version_does_not_take_is_refused_unless_the_image_is_the_users_own",
        ),
    ),
    Mutant(
        name="flags-of-experts-without-experts",
        breaks="a model without experts is started with flags that are for models that have some",
        file="engines/vllm.py",
        old="    if of_experts and request.model is not None and request.model.experts is None:\n",
        new="    if of_experts and request.model is not None and request.model.experts is not None:\n",
        caught_by=(f"{_VLLM_FLAGS}::test_flags_for_experts_are_refused_of_a_model_without_them",),
    ),
    Mutant(
        name="killed-while-it-loads",
        breaks="a large model that the catalog does not have is killed while it loads, for ever",
        file="engines/probes.py",
        old="size = max(_UNKNOWN_WEIGHTS_BYTES, _most_bytes(request))",
        new="size = float(_UNKNOWN_WEIGHTS_BYTES)",
        caught_by=(
            f"{_VLLM}::test_a_model_of_unknown_size_gets_time_for_all_that_its_accelerators_hold",
        ),
    ),
    Mutant(
        name="skip-a-child",
        breaks="the headless Service of a revision is not made",
        file="wanted.py",
        old="            desired.append(children.build_revision_service(deployment, shape))\n",
        new="            continue\n",
        caught_by=(
            f"{_PLAN}::test_the_first_pass_makes_everything",
            f"{_PLAN}::test_a_deleted_child_comes_back",
        ),
    ),
    Mutant(
        name="first-keeps-its-pods",
        breaks="a first revision that never served and the next hold accelerators for one at the same time",
        file="wanted.py",
        old="    makes_way = bool(passage.unasked(observed, roles))\n",
        new="    makes_way = False\n",
        caught_by=(f"{_PLAN}::test_what_never_served_gives_its_room_before_the_next_takes_any",),
    ),
    Mutant(
        name="drop-owner-reference",
        breaks="children stay when their object is deleted",
        file="build/metadata.py",
        old='        "ownerReferences": [\n'
        "            {\n"
        '                "apiVersion": names.API_VERSION,\n'
        '                "kind": names.KIND,\n'
        '                "name": deployment.metadata.name,\n'
        '                "uid": deployment.metadata.uid,\n'
        '                "controller": True,\n'
        '                "blockOwnerDeletion": True,\n'
        "            }\n"
        "        ],\n",
        new='        "ownerReferences": [],\n',
        caught_by=(f"{_METADATA}::test_a_child_is_controlled_by_its_object_and_goes_with_it",),
    ),
    Mutant(
        name="drop-controller-flag",
        breaks="the object owns its children and is not their controller: two may claim one child",
        file="build/metadata.py",
        old='                "controller": True,\n',
        new='                "controller": False,\n',
        caught_by=(f"{_METADATA}::test_a_child_is_controlled_by_its_object_and_goes_with_it",),
    ),
    Mutant(
        name="selector-not-by-revision",
        breaks="Services and Deployments select the pods of every revision of the object",
        file="build/metadata.py",
        old="return {**object_selector(deployment), names.REVISION_LABEL: key}",
        new="return object_selector(deployment)",
        caught_by=(f"{_METADATA}::test_selectors_use_no_label_that_users_may_set",),
    ),
    Mutant(
        name="client-service-selects-the-target",
        breaks="users are sent to the revision that is only starting",
        file="wanted.py",
        old="serving_key=roles.routed",
        new="serving_key=roles.target",
        caught_by=(
            f"{_PLAN}::test_the_next_revision_starts_beside_the_one_that_serves",
            f"{_PLAN}::test_one_pod_short_of_full_strength_changes_nothing",
        ),
    ),
    Mutant(
        name="budget-at-one-replica",
        breaks="a PodDisruptionBudget stands for a single replica",
        file="build/children.py",
        old="    if replicas <= 1:\n",
        new="    if replicas < 1:\n",
        caught_by=(
            f"{_CHILDREN}::test_a_budget_is_for_more_than_one_replica",
            f"{_BUDGETS}::test_a_budget_leaves_with_the_second_replica",
        ),
    ),
    Mutant(
        name="one-budget-for-all-revisions",
        breaks="a candidate that never gets ready keeps pods that serve from leaving a node that is drained",
        file="build/children.py",
        old="        selector=revision_selector(deployment, key),\n        key=key,\n",
        new="        selector={names.DEPLOYMENT_LABEL: deployment.metadata.name},\n        key=key,\n",
        caught_by=(
            f"{_CHILDREN}::test_a_budget_lets_one_pod_of_the_revision_go_at_a_time",
            f"{_BUDGETS}::test_pods_that_do_not_start_keep_none_that_serves_from_leaving",
        ),
    ),
    Mutant(
        name="unhealthy-pods-cannot-leave",
        breaks="a drain waits for a pod that does not start",
        file="build/metadata.py",
        old='            "unhealthyPodEvictionPolicy": "AlwaysAllow",\n',
        new="",
        caught_by=(
            f"{_CHILDREN}::test_a_budget_lets_one_pod_of_the_revision_go_at_a_time",
            f"{_BUDGETS}::test_pods_that_do_not_start_keep_none_that_serves_from_leaving",
        ),
    ),
    Mutant(
        name="rolls-with-surge",
        breaks="a repaired Deployment asks for one replica's accelerators more than there are",
        file="build/children.py",
        old='"rollingUpdate": {"maxSurge": 0',
        new='"rollingUpdate": {"maxSurge": 1',
        caught_by=(f"{_CHILDREN}::test_a_deployment_never_needs_an_accelerator_more_than_it_has",),
    ),
    Mutant(
        name="no-start-up-probe",
        breaks="the liveness probe kills an engine that is still loading",
        file="build/template.py",
        old='        "startupProbe": engine.startup_probe,\n',
        new="",
        caught_by=(f"{_CHILDREN}::test_children_are_as_the_golden_file_shows",),
    ),
    Mutant(
        name="start-up-budget-too-short",
        breaks="a large model is killed while its weights load from slow storage",
        file="engines/probes.py",
        old="return 2 * loading.loading_seconds(size)",
        new="return loading.loading_seconds(size)",
        caught_by=(
            f"{_VLLM}::test_the_start_up_probe_waits_for_the_weights_to_load_from_slow_storage",
        ),
    ),
    Mutant(
        name="liveness-kills-a-busy-engine",
        breaks="an engine that is late to answer for half a minute is killed",
        file="engines/probes.py",
        old='        "failureThreshold": 8,\n',
        new='        "failureThreshold": 2,\n',
        caught_by=(f"{_VLLM}::test_liveness_forgives_two_minutes_of_a_busy_engine",),
    ),
    Mutant(
        name="ready-by-health-alone",
        breaks="a pod is ready before it has answered a completion",
        file="engines/vllm.py",
        old="        readiness_probe=probes.readiness_probe(request),\n",
        new='        readiness_probe={**probes.readiness_probe(request), "exec": {"command": ["true"]}},\n',
        caught_by=(f"{_VLLM}::test_readiness_asks_for_a_completion_under_the_served_name",),
    ),
    Mutant(
        name="drop-pre-stop",
        breaks="the engine is told to stop while the Services still send it users",
        file="build/template.py",
        old='        "lifecycle": {"preStop": {"sleep": {"seconds": PRESTOP_SECONDS}}},\n',
        new="",
        caught_by=(f"{_CHILDREN}::test_children_are_as_the_golden_file_shows",),
    ),
    Mutant(
        name="killed-while-draining",
        breaks="the pod is killed before its engine may finish the requests it has",
        file="build/template.py",
        old="PRESTOP_SECONDS + request.drain_seconds + _KILL_MARGIN_SECONDS",
        new="request.drain_seconds",
        caught_by=(f"{_TEMPLATE}::test_a_pod_drains_before_it_is_killed",),
    ),
    Mutant(
        name="token-in-the-pod",
        breaks="engine pods carry a token for the Kubernetes API",
        file="build/template.py",
        old='"automountServiceAccountToken": False',
        new='"automountServiceAccountToken": True',
        caught_by=(f"{_TEMPLATE}::test_no_container_may_more_than_it_must",),
    ),
    Mutant(
        name="users-flags-win",
        breaks="a user's flag replaces one that the operator relies on",
        file="engines/vllm.py",
        old="        *request.block.engine.args,\n"
        "        *_model_args(request),\n"
        "        *_shape_args(request),\n"
        "        *(_cpu_args(request) if request.on_cpu else []),\n"
        '        f"--served-model-name={request.served_name}",\n'
        '        "--host=0.0.0.0",\n'
        '        f"--port={PORT}",\n',
        new="        *_model_args(request),\n"
        "        *_parallel_args(request),\n"
        "        *(_cpu_args(request) if request.on_cpu else []),\n"
        "        *_batching_args(request),\n"
        '        f"--served-model-name={request.served_name}",\n'
        '        "--host=0.0.0.0",\n'
        '        f"--port={PORT}",\n'
        "        *request.block.engine.args,\n",
        caught_by=(f"{_VLLM}::test_what_the_operator_relies_on_stands_after_the_users_flags",),
    ),
    Mutant(
        name="named-like-a-gateway",
        breaks="an object takes the name of another one's gateway, and both want its children",
        file="api/names.py",
        old=" or name.endswith(GATEWAY_SUFFIX)\n",
        new="\n",
        caught_by=(f"{_NAMES}::test_the_children_of_objects_side_by_side_never_collide",),
    ),
)
