"""Mutants of counted accelerators: what is free, what fits, what begins, and what is said of it."""

from tests.mutants.patch import Mutant

_ROOM = "tests/unit/capacity/test_room.py"
_PACKING = "tests/unit/capacity/test_packing.py"
_PLACING = "tests/unit/capacity/test_placing.py"
_PRODUCTS = "tests/unit/capacity/test_products.py"
_DEVICES = "tests/unit/capacity/test_devices.py"
_CASES = "tests/properties/test_capacity.py"
_BEGINNING = "tests/unit/test_beginning.py"
_AUTO = "tests/unit/test_auto.py"
_PENDING = "tests/unit/test_pending.py"
_READ = "tests/unit/test_observe_nodes.py"
_CHOICE = "tests/unit/test_product_choice.py"
_GROUPS = "tests/unit/test_room_for_groups.py"
_PLANNING = "tests/unit/cli/test_planning.py"

ACCELERATORS = (
    Mutant(
        name="cordoned-nodes-count",
        breaks="accelerators of nodes that take no pods are promised",
        file="capacity/placing.py",
        old="or _closed(node, placement) or _untolerated",
        new="or _untolerated",
        caught_by=(f"{_PLACING}::test_a_closed_node_takes_only_who_says_so",),
    ),
    Mutant(
        name="taints-do-not-count",
        breaks="accelerators behind a taint are promised to pods that do not tolerate it",
        file="capacity/placing.py",
        old="    for taint in node.taints:\n",
        new="    for taint in ():\n",
        caught_by=(_PLACING,),
    ),
    Mutant(
        name="ending-pods-hold-nothing",
        breaks="accelerators are promised that a pod holds until it is gone",
        file="capacity/holders.py",
        old="    if not node or not count or",
        new='    if not node or not count or "deletionTimestamp" in metadata or',
        caught_by=(f"{_ROOM}::test_pods_that_end_hold_what_they_have_until_they_are_gone",),
    ),
    Mutant(
        name="a-slice-is-a-gpu",
        breaks="a replica is sized for a whole GPU where pods get a slice of one",
        file="capacity/nodes.py",
        old="        if _MIG_MARK in value or _PARTITION_LABEL in labels:\n            return True\n",
        new="",
        caught_by=("tests/unit/capacity/test_nodes.py",),
    ),
    Mutant(
        name="two-halves-are-a-node",
        breaks="a pod is said to fit on what two nodes have left together",
        file="capacity/packing.py",
        old="if left[node] >= batch.size]\n            if not",
        new="if left[node] >= 1]\n            if not",
        caught_by=(_PACKING, _CASES),
    ),
    Mutant(
        name="only-one-placement-is-tried",
        breaks="a rollout that would fit is held for ever",
        file="capacity/packing.py",
        old="        return _Search(left, steps).places(ordered, 0)\n",
        new="        return False\n",
        caught_by=(f"{_PACKING}::test_the_first_try_is_not_the_last", _CASES),
    ),
    Mutant(
        name="nobody-makes-way",
        breaks="a rollout whose pods would displace others is held",
        file="capacity/room.py",
        old="    return Fit.NO if yielding is None or packs(batches, yielding) is False else Fit.UNKNOWN\n",
        new="    return Fit.NO\n",
        caught_by=(f"{_ROOM}::test_pods_of_lower_priority_may_have_to_go", _CASES),
    ),
    Mutant(
        name="claims-are-counted-twice",
        breaks="a pod that asks for DRA devices by resource holds them twice",
        file="capacity/devices.py",
        old="devices.held.get(node.name, 0) - asked[node.name])",
        new="devices.held.get(node.name, 0))",
        caught_by=(f"{_DEVICES}::test_a_pod_that_asks_by_resource_and_its_claim_are_one",),
    ),
    Mutant(
        name="divided-devices-are-nothing",
        breaks="a node whose DRA driver publishes MIG slices alone is told that no driver runs",
        file="capacity/devices.py",
        old="        if _kind(device) == _SLICE:\n",
        new='        if _kind(device) == "slice":\n',
        caught_by=(
            f"{_DEVICES}::test_what_is_divided_counts_as_slices_and_not_as_a_node_without_a_driver",
        ),
    ),
    Mutant(
        name="the-first-product-is-taken",
        breaks="of several products the one of some node is taken",
        file="capacity/products.py",
        old="    return all(node.labels.get(product.label) == product.value for node in there)\n",
        new="    return any(node.labels.get(product.label) == product.value for node in there)\n",
        caught_by=(f"{_PRODUCTS}::test_otherwise_it_says_why_not_and_what_the_choices_are",),
    ),
    Mutant(
        name="sized-for-one-and-run-on-another",
        breaks="pods that were sized for the nodes' product may run on another one later",
        file="resolve.py",
        old='update={"product": derived.product}',
        new="update={}",
        caught_by=(f"{_CHOICE}::test_pods_are_tied_to_the_product_that_they_are_made_for",),
    ),
    Mutant(
        name="nodes-are-in-the-key",
        breaks="the product of the nodes makes another revision of the same object",
        file="resolve.py",
        old="    block = _with_product(block, derived)\n",
        new="    block = _with_product(block, derived)\n    key = revision_key(block, warmed=warmed)\n",
        caught_by=(f"{_CHOICE}::test_the_key_is_of_what_the_user_set_whatever_the_cluster_has",),
    ),
    Mutant(
        name="a-run-begins-without-room",
        breaks="a Canary or Replace begins whose pods find no accelerators",
        file="rollout/machine.py",
        old="    if facts.lacking:\n",
        new="    if facts.lacking and facts.paused:\n",
        caught_by=(
            f"{_BEGINNING}::test_a_rollout_that_does_not_fit_beside_what_serves_is_not_begun",
            f"{_BEGINNING}::test_a_replace_that_would_not_fit_stops_nobody",
        ),
    ),
    Mutant(
        name="pods-are-made-without-room",
        breaks="a BlueGreen makes pods that find no accelerators",
        file="wanted.py",
        old="        if key != preparation.waiting and _can_start(",
        new="        if _can_start(",
        caught_by=(
            f"{_BEGINNING}::test_a_rollout_that_does_not_fit_beside_what_serves_is_not_begun",
        ),
    ),
    Mutant(
        name="weights-come-without-room",
        breaks="weights are fetched for a revision that has no room, maybe for ever",
        file="preparation.py",
        old="        if key != waiting\n",
        new="        if key\n",
        caught_by=(f"{_BEGINNING}::test_no_weights_are_fetched_for_what_has_no_room",),
    ),
    Mutant(
        name="held-up-while-weights-come",
        breaks="a rollout that has begun is held for room that others took since",
        file="beginning.py",
        old=" and not _has_begun(stored, target)\n",
        new="\n",
        caught_by=(
            f"{_BEGINNING}::test_who_has_begun_is_not_counted_while_weights_are_on_their_way",
        ),
    ),
    Mutant(
        name="what-serves-makes-way-for-a-canary",
        breaks="a Canary counts accelerators as free that the stable revision keeps",
        file="beginning.py",
        old='self.serving) if way == "Replace" else ()',
        new="self.serving) if way else ()",
        caught_by=(
            f"{_BEGINNING}::test_a_rollout_that_does_not_fit_beside_what_serves_is_not_begun",
        ),
    ),
    Mutant(
        name="a-replace-takes-nothing",
        breaks="a Replace waits for accelerators that it would free itself",
        file="beginning.py",
        old='self.serving) if way == "Replace" else ()',
        new="self.serving) if not way else ()",
        caught_by=(f"{_BEGINNING}::test_a_replace_counts_what_it_takes_from_the_old_one",),
    ),
    Mutant(
        name="stopped-though-the-room-is-gone",
        breaks="a revision stops for one that finds no room any more",
        file="rollout/replacing.py",
        old="        return _without_room(scene) or _closing(scene, Cause.CLOSING)\n",
        new="        return _closing(scene, Cause.CLOSING)\n",
        caught_by=(f"{_BEGINNING}::test_a_replace_counts_once_more_before_anybody_stops",),
    ),
    Mutant(
        name="the-peak-without-the-fallback",
        breaks="a rollout begins with room for its pods or the fallback's",
        file="beginning.py",
        old="        return [target, *others] if others else [target]\n",
        new="        return [target]\n",
        caught_by=(f"{_BEGINNING}::test_the_peak_has_the_fallback_in_it",),
    ),
    Mutant(
        name="held-up-by-a-hopeless-fallback",
        breaks="a fallback without a node keeps every rollout from beginning",
        file="beginning.py",
        old="            if room.fit(self.cluster, [want], without=leaving) is not Fit.NO\n",
        new="",
        caught_by=(
            f"{_BEGINNING}::test_a_fallback_that_has_no_room_whatever_comes_holds_nobody_up",
        ),
    ),
    Mutant(
        name="retry-is-lost-while-there-is-no-room",
        breaks="a second try that a person asked for is forgotten",
        file="rollout/machine.py",
        old="        return anew if verb is Verb.RETRY else rollout\n",
        new="        return rollout\n",
        caught_by=(f"{_BEGINNING}::test_a_second_try_is_kept_until_there_is_room",),
    ),
    Mutant(
        name="nodes-that-come-are-not-waited-for",
        breaks="in a cluster that adds nodes for pods that wait, no pod ever waits",
        file="beginning.py",
        old="        if waits is False or (waits is None and self.cluster.grows):\n",
        new="        if waits is False:\n",
        caught_by=(
            f"{_BEGINNING}::test_nodes_that_are_added_for_pods_that_wait_are_waited_for_by_pods",
        ),
    ),
    Mutant(
        name="auto-stops-who-serves-though-both-fit",
        breaks="Auto makes an outage where there is room for both",
        file="beginning.py",
        old='        if self._fit("Canary") is not Fit.NO:\n',
        new='        if self._fit("Canary") is Fit.UNKNOWN:\n',
        caught_by=(f"{_AUTO}::test_auto_is_a_canary_where_both_fit",),
    ),
    Mutant(
        name="what-is-seen-is-always-believed",
        breaks="where accelerators are given in a way that is not seen, nothing is rolled out any more",
        file="beginning.py",
        old="    if not ready_replicas(running) or holders_of(",
        new="    if ready_replicas(running) or holders_of(",
        caught_by=(
            f"{_BEGINNING}::test_pods_that_serve_on_no_node_that_was_seen_show_that_it_cannot_be_counted",
        ),
    ),
    Mutant(
        name="nodes-are-read-in-each-pass",
        breaks="a settled object reads every node of the cluster",
        file="observe.py",
        old="    if not is_counted and not _leaves_product_open(deployment, observed, stored):\n",
        new="    if deployment.spec.replicas < 0:\n",
        caught_by=(f"{_READ}::test_in_steady_state_no_nodes_are_read", "tests/unit/test_calls.py"),
    ),
    Mutant(
        name="what-may-not-be-read-is-not-there",
        breaks="in named namespaces nothing is rolled out any more",
        file="observe_nodes.py",
        old="        return Cluster(\n            unread=",
        new="        return Cluster(\n            grows=",
        caught_by=(f"{_READ}::test_without_permission_nothing_is_known_and_it_says_so",),
    ),
    Mutant(
        name="pending-without-a-word",
        breaks="pods wait for accelerators and nobody says which and how many",
        file="diagnosis.py",
        old="    if counted is not None:\n",
        new="    if counted == said:\n",
        caught_by=(
            f"{_PENDING}::test_what_is_needed_and_free_stands_before_what_the_scheduler_says",
        ),
    ),
    Mutant(
        name="a-plan-fits-without-room",
        breaks="a plan ends with 0 though the object's strategy has no room",
        file="cli/peaks.py",
        old="        return all(way.fit is Fit.NO for way in self.ways if self._is_meant(way))\n",
        new="        return False\n",
        caught_by=(f"{_PLANNING}::test_the_exit_code_is_that_of_the_objects_own_strategy",),
    ),
    Mutant(
        name="a-worker-holds-nothing-of-its-revision",
        breaks="accelerators of a group's workers are promised once more, or not counted when it makes way",
        file="capacity/holders.py",
        old=' or labels.get(names.WORKER_LABEL, "")),\n',
        new=' or ""),\n',
        caught_by=(
            "tests/unit/capacity/test_holders.py::test_a_worker_is_of_its_revision_though_it_takes_no_requests",
            f"{_GROUPS}::test_a_group_holds_the_accelerators_of_its_workers_too",
        ),
    ),
    Mutant(
        name="a-group-needs-one-node",
        breaks="a rollout begins with room for the leaders of its groups alone",
        file="beginning.py",
        old="        pods = self.deployment.spec.replicas * self.shape.nodes\n",
        new="        pods = self.deployment.spec.replicas\n",
        caught_by=(f"{_GROUPS}::test_two_groups_need_four_whole_nodes",),
    ),
    Mutant(
        name="a-group-that-serves-needs-one-node",
        breaks="nodes that the serving revision's groups miss are given to the new one",
        file="beginning.py",
        old="            pods = max(self._least, replicas_of(running)) * nodes_of(running)\n",
        new="            pods = max(self._least, replicas_of(running))\n",
        caught_by=(
            f"{_GROUPS}::test_a_worker_that_the_serving_revision_still_misses_needs_room_too",
        ),
    ),
    Mutant(
        name="a-group-that-stands-in-needs-one-node",
        breaks="a fallback on several nodes is promised room for its leader alone",
        file="beginning.py",
        old="                pods = replicas * _nodes(self.observed, entry)\n",
        new="                pods = replicas\n",
        caught_by=(f"{_GROUPS}::test_a_fallback_on_several_nodes_is_part_of_the_peak",),
    ),
    Mutant(
        name="a-plan-for-leaders-alone",
        breaks="a plan says that a group fits where only its leader does",
        file="cli/peaks.py",
        old="        pods=planned.fleet.replicas * layout.nodes,\n",
        new="        pods=planned.fleet.replicas,\n",
        caught_by=(f"{_PLANNING}::test_a_canary_of_a_replica_on_two_nodes_needs_four",),
    ),
    Mutant(
        name="a-leader-waits-alone",
        breaks="a group's message names the node of its leader and none of its workers'",
        file="pending.py",
        old="    return max(len(waiting), asked - placed)\n",
        new="    return len(waiting) + 0 * (asked - placed)\n",
        caught_by=(
            f"{_PENDING}::test_a_group_needs_the_nodes_of_its_workers_though_these_are_not_there_yet",
        ),
    ),
    Mutant(
        name="groups-of-the-largest-machines",
        breaks="a replica is laid out on nodes of a size that the cluster does not have",
        file="derivation.py",
        old="        node_size = max(node_sizes, default=None)\n",
        new="        node_size = None\n",
        caught_by=(f"{_CHOICE}::test_a_number_of_gpus_is_one_of_the_whole_nodes_that_there_are",),
    ),
    Mutant(
        name="one-large-node-is-enough",
        breaks="a replica is laid out on more nodes of the largest size than there are",
        file="derivation.py",
        old="    return len(enough) >= sized.layout.nodes\n",
        new="    return len(enough) >= 1\n",
        caught_by=(
            f"{_CHOICE}::test_a_replica_that_no_node_holds_is_laid_out_on_nodes_that_there_are",
        ),
    ),
    Mutant(
        name="measured-on-other-nodes",
        breaks="what warm-ups measured is not told where the nodes decided the product",
        file="measured.py",
        old="    product = frozen.get(derivation.PRODUCT)\n",
        new="    product = None if frozen else frozen.get(derivation.PRODUCT)\n",
        caught_by=(
            "tests/unit/test_measured.py::test_where_the_nodes_decided_it_is_reckoned_with_those_that_there_were",
        ),
    ),
    Mutant(
        name="nobody-needs-room",
        breaks="a rollout that is scaled to 0 waits for accelerators",
        file="beginning.py",
        old='return deployment.spec.accelerator.kind == "GPU" and deployment.spec.replicas > 0\n',
        new='return deployment.spec.accelerator.kind == "GPU"\n',
        caught_by=(
            f"{_GROUPS}::test_nobody_to_be_served_needs_no_room",
            f"{_GROUPS}::test_a_rollout_that_waits_stops_waiting_when_nobody_is_to_be_served",
        ),
    ),
    Mutant(
        name="free-in-pieces",
        breaks="a message says that as many are free as are needed, and not that they are on parts of nodes",
        file="capacity/words.py",
        old="    usable = sum(count - count % want.size for count in on_nodes)\n",
        new="    usable = sum(on_nodes)\n",
        caught_by=(
            "tests/unit/capacity/test_words.py::test_it_says_what_is_free_and_what_is_out_of_reach",
        ),
    ),
)
