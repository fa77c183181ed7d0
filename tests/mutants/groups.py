"""Mutants of replicas on several nodes: who is asked, who starts when, and what is made where nobody could run it."""

from tests.mutants.patch import Mutant

_GROUPS = "tests/unit/test_groups.py"
_PASSES = "tests/unit/test_groups_in_passes.py"
_PLACED = "tests/properties/test_groups.py"
_PODS = "tests/unit/build/test_grouping.py"
_COMMANDS = "tests/unit/engines/test_vllm_group.py"
_OBSERVE = "tests/unit/test_observe_groups.py"
_OBSERVED = "tests/unit/test_observed.py"
_NODES = "tests/unit/test_derivation_over_nodes.py"
_REVISIONS = "tests/unit/rollout/test_revisions.py"
_MEETING = "tests/unit/serving/test_rendezvous.py"

GROUPS = (
    Mutant(
        name="groups-without-a-service",
        breaks="groups come of a revision whose shape or Service could not be made",
        file="execute.py",
        old='        if desired["kind"] not in ENGINE_SETS or key is None',
        new='        if desired["kind"] != "Deployment" or key is None',
        caught_by=(
            f"{_PASSES}::test_no_group_comes_of_a_revision_that_lacks_its_shape_or_its_service",
        ),
    ),
    Mutant(
        name="groups-go-while-clients-come",
        breaks="groups that users may still be sent to go when the way to the next ones is refused",
        file="execute.py",
        old='for item in others if item["kind"] in ENGINE_SETS}',
        new='for item in others if item["kind"] == "Deployment"}',
        caught_by=(f"{_PASSES}::test_groups_stay_while_users_may_still_be_sent_to_them",),
    ),
    Mutant(
        name="all-groups-at-once",
        breaks="leaders take the nodes of each other's workers, and no group is ever whole",
        file="groups.py",
        old="    return max(there, min(wanted, whole + 1))\n",
        new="    return max(there, wanted + 0 * whole)\n",
        caught_by=(
            f"{_PLACED}::test_as_many_groups_are_whole_as_there_is_room_for",
            f"{_GROUPS}::test_another_group_is_asked_for_once_those_before_have_their_nodes",
        ),
    ),
    Mutant(
        name="a-leader-is-a-group",
        breaks="the next group is asked for before the workers of the one before have nodes",
        file="groups.py",
        old="    return sum(count >= shape.nodes for count in placed.values())\n",
        new="    return len(placed)\n",
        caught_by=(
            f"{_PLACED}::test_as_many_groups_are_whole_as_there_is_room_for",
            f"{_GROUPS}::test_another_group_is_asked_for_once_those_before_have_their_nodes",
        ),
    ),
    Mutant(
        name="groups-still-to-come-are-forgotten",
        breaks="a revision that is kept while its groups come keeps as many as had come",
        file="groups.py",
        old="        resting = replicas\n",
        new="        pass\n",
        caught_by=(f"{_GROUPS}::test_what_it_is_to_have_in_the_end_is_remembered",),
    ),
    Mutant(
        name="groups-of-an-unknown-kind",
        breaks="a LeaderWorkerSet is made before anybody asked whether the cluster has any",
        file="groups.py",
        old="    return shape.group is None or observed.knows_groups is True\n",
        new="    return shape.group is None or observed.knows_groups is not False\n",
        caught_by=(f"{_GROUPS}::test_a_revision_is_frozen_before_its_first_group_is_made",),
    ),
    Mutant(
        name="given-up-for-nothing",
        breaks="what serves gives way to a revision whose pods nobody makes",
        file="groups.py",
        old="    return None, Finding(\n",
        new="    return shape, Finding(\n",
        caught_by=(f"{_GROUPS}::test_what_serves_gives_way_to_nothing_that_cannot_be_made",),
    ),
    Mutant(
        name="an-installation-is-not-noticed",
        breaks="an object waits for the resync after LeaderWorkerSet was installed",
        file="groups.py",
        old="    if not observed.groups and observed.knows_groups is not False:\n",
        new="    if not observed.groups:\n",
        caught_by=(
            f"{_GROUPS}::test_a_cluster_without_groups_is_told_how_to_get_them",
            f"{_GROUPS}::test_the_next_look_is_at_the_soonest_of_all_reasons",
        ),
    ),
    Mutant(
        name="missing-groups-fail-the-pass",
        breaks="an object fails for ever in a cluster without LeaderWorkerSet",
        file="observe_children.py",
        old="        if error.code != 404:\n            raise\n        return None\n",
        new="        if error.code == 404:\n            raise\n        return None\n",
        caught_by=(f"{_OBSERVE}::test_a_cluster_without_them_is_no_error",),
    ),
    Mutant(
        name="a-lost-record-loses-its-groups",
        breaks="groups that serve are not seen once their ControllerRevision is gone",
        file="observe_groups.py",
        old='    return any(entry.get("nodes") for entry in told)\n',
        new="    return not any(True for _ in told)\n",
        caught_by=(f"{_OBSERVE}::test_they_are_read_where_there_are_to_be_some",),
    ),
    Mutant(
        name="workers-are-asked",
        breaks="users' requests are sent to pods without a server",
        file="build/grouping.py",
        old='for name, value in metadata["labels"].items() if name != names.REVISION_LABEL\n',
        new='for name, value in metadata["labels"].items() if name\n',
        caught_by=(f"{_PODS}::test_only_the_leader_is_asked",),
    ),
    Mutant(
        name="workers-are-warmed-up",
        breaks="a group waits for a warm-up of pods that answer nobody",
        file="build/grouping.py",
        old='        **{field: value for field, value in spec.items() if field != "readinessGates"},\n',
        new="        **spec,\n",
        caught_by=(f"{_PODS}::test_only_the_leader_is_shut_until_it_is_warm",),
    ),
    Mutant(
        name="workers-go-first",
        breaks="answers that run break off when a group is let go",
        file="build/grouping.py",
        old='{"seconds": PRESTOP_SECONDS + GROUP_DRAIN_SECONDS}',
        new='{"seconds": PRESTOP_SECONDS}',
        caught_by=(f"{_PODS}::test_a_worker_goes_after_the_last_answer_of_its_leader",),
    ),
    Mutant(
        name="engines-begin-alone",
        breaks="a leader gives up after ten minutes while its worker waits for a node",
        file="build/grouping.py",
        old='        "initContainers": [*spec["initContainers"], _rendezvous(request)],\n',
        new='        "initContainers": [*spec["initContainers"], *([] if request else [])],\n',
        caught_by=(
            f"{_PODS}::test_only_the_leader_is_shut_until_it_is_warm",
            f"{_PODS}::test_no_engine_begins_before_all_pods_are_there",
        ),
    ),
    Mutant(
        name="all-gpus-in-each-pod",
        breaks="each pod of a group asks for the GPUs of all of it, and no node has so many",
        file="build/template.py",
        old="str(request.accelerators_each)",
        new="str(request.accelerators)",
        caught_by=(f"{_PODS}::test_each_node_has_a_part_of_the_gpus",),
    ),
    Mutant(
        name="a-group-outlives-a-part-of-it",
        breaks="a worker that failed comes back to a leader that waits for the one before",
        file="build/children.py",
        old='"RecreateGroupOnPodRestart"',
        new='"None"',
        caught_by=(f"{_PODS}::test_the_set_says_everything_that_its_webhook_would",),
    ),
    Mutant(
        name="workers-wait-for-a-leader-that-waits-for-them",
        breaks="workers are made once their leader is ready, which it is with them alone",
        file="build/children.py",
        old='"LeaderCreated"',
        new='"LeaderReady"',
        caught_by=(f"{_PODS}::test_the_set_says_everything_that_its_webhook_would",),
    ),
    Mutant(
        name="leaders-have-no-name",
        breaks="a leader that is not ready is not found, as our Service has the name of the set's own",
        file="build/children.py",
        old='"UniquePerReplica"',
        new='"Shared"',
        caught_by=(f"{_PODS}::test_the_services_that_the_set_makes_have_other_names_than_ours",),
    ),
    Mutant(
        name="a-worker-counts-servers",
        breaks="vLLM refuses to start a worker: --headless has no API server",
        file="engines/vllm_group.py",
        old=' if arg.partition("=")[0].replace("_", "-") != _SERVER_FLAG]',
        new=" if arg != _SERVER_FLAG]",
        caught_by=(f"{_COMMANDS}::test_a_worker_has_no_server_to_count",),
    ),
    Mutant(
        name="drafts-beside-stages",
        breaks="vLLM refuses to start: its module that drafts knows no pipeline",
        file="sizing/size.py",
        old="    return can and has_module and layout.pipeline == 1 and",
        new="    return can and has_module and layout.pipeline >= 1 and",
        caught_by=(f"{_NODES}::test_stages_draft_nothing",),
    ),
    Mutant(
        name="experts-over-tcp",
        breaks="every token's state goes through TCP twice a layer",
        file="sizing/layouts.py",
        old="    if expert and (nodes == 1 or question.rdma):\n",
        new="    if expert:\n",
        caught_by=(
            f"{_NODES}::test_a_replica_is_on_several_nodes_where_it_has_to_be",
            "tests/unit/sizing/test_layout_of_a_size.py::test_the_layout",
        ),
    ),
    Mutant(
        name="rdma-is-not-asked-for",
        breaks="ranks are laid out for RDMA that their pods do not get",
        file="build/grouping.py",
        old='    limits = {network.rdma_resource: str(network.rdma_count), **resources["limits"]}\n',
        new='    limits = {**resources["limits"]}\n',
        caught_by=(f"{_PODS}::test_rdma_is_asked_for_where_the_platform_has_it",),
    ),
    Mutant(
        name="a-leader-for-an-older-operator",
        breaks="an operator that knows no workers starts the leader alone",
        file="rollout/revisions.py",
        old="SHAPE_FORMAT if self.group is None else GROUP_FORMAT,\n",
        new="SHAPE_FORMAT,\n",
        caught_by=(
            f"{_REVISIONS}::test_only_workers_make_a_record_that_an_operator_of_before_cannot_read",
        ),
    ),
    Mutant(
        name="weights-on-one-node",
        breaks="the only replica's volume cannot be mounted on its second node",
        file="build/weights.py",
        old="    several = most > 1 or shape.group is not None\n",
        new="    several = most > 1\n",
        caught_by=(f"{_GROUPS}::test_weights_are_on_a_volume_that_nodes_can_share",),
    ),
    Mutant(
        name="copies-for-groups",
        breaks="each attempt to fetch a copy makes the group anew, and the copy with it",
        file="fetching.py",
        old="    is_grouped = scene.shape.group is not None\n",
        new="    is_grouped = False\n",
        caught_by=(
            f"{_GROUPS}::test_where_nodes_cannot_share_one_no_pod_has_a_copy_and_a_person_is_told",
        ),
    ),
    Mutant(
        name="causes-of-workers-unseen",
        breaks="nothing says that a worker finds no node",
        file="diagnosis.py",
        old="    pods = (*observed.pods_of(key), *observed.workers_of(key))\n",
        new="    pods = observed.pods_of(key)\n",
        caught_by=(f"{_GROUPS}::test_a_root_cause_may_be_a_workers",),
    ),
    Mutant(
        name="workers-hold-nothing",
        breaks="the next model starts while workers of the one before hold their accelerators",
        file="replaced.py",
        old="if key in (revision_of(pod), worker_of(pod))]",
        new="if key == revision_of(pod)]",
        caught_by=(f"{_GROUPS}::test_pods_on_their_way_out_hold_accelerators_whichever_they_are",),
    ),
    Mutant(
        name="older-controllers-count-nothing",
        breaks="with LeaderWorkerSet before 0.9 no group ever serves",
        file="observed.py",
        old="    unsaid = generation if status and is_group(engine_set) else 0\n",
        new="    unsaid = 0\n",
        caught_by=(f"{_OBSERVED}::test_groups_are_counted_as_their_controller_tells",),
    ),
    Mutant(
        name="who-went-is-there",
        breaks="engines begin though a pod that had come so far is gone",
        file="serving/deepseek_serving/engine/rendezvous.py",
        old="            if one in readable:\n",
        new="            if one not in watched:\n",
        caught_by=(f"{_MEETING}::test_one_that_went_is_waited_for_again",),
    ),
)
