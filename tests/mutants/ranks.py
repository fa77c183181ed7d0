"""Mutants of ranks over several pods: who may start what, who is waited for, and how all of it ends."""

from tests.mutants.patch import Mutant

_ROOM = "serving/deepseek_serving/ranks"
_DAEMON = "tests/unit/serving/ranks/test_daemon.py"
_PROGRAMS = "tests/unit/serving/ranks/test_programs.py"
_RANK = "tests/unit/serving/ranks/test_rank.py"
_LINES = "tests/unit/serving/ranks/test_lines.py"
_COMMANDS = "tests/unit/engines/test_trtllm_group.py"
_PODS = "tests/unit/build/test_grouping.py"

RANKS = (
    Mutant(
        name="any-parameter",
        breaks="whoever is taken for a leader names a program that the workers run",
        file=f"{_ROOM}/daemon.py",
        old="    form = _FORMS.get(name)\n",
        new='    form = _FORMS.get(name, ".*")\n',
        caught_by=(f"{_DAEMON}::test_everything_else_is_refused_by_its_name",),
    ),
    Mutant(
        name="any-value",
        breaks="a parameter's value is whatever the leader says: a file, a path, another part",
        file=f"{_ROOM}/daemon.py",
        old="not re.fullmatch(form, value):\n",
        new="not re.match(form, value):\n",
        caught_by=(f"{_DAEMON}::test_everything_else_is_refused_by_its_name",),
    ),
    Mutant(
        name="unchecked-arguments",
        breaks="a worker runs its daemon with whatever it was handed",
        file=f"{_ROOM}/follow.py",
        old="            checked = daemon.without_loopback(daemon.checked(arguments))\n",
        new="            checked = daemon.without_loopback([str(one) for one in arguments])\n",
        caught_by=(f"{_PROGRAMS}::test_arguments_that_are_not_the_daemons_start_nothing",),
    ),
    Mutant(
        name="quotation-marks-for-nobody",
        breaks="the daemon gets values in quotation marks, which no shell takes off, and does not start",
        file=f"{_ROOM}/daemon.py",
        old="    return len(word) > 1 and word[0] == word[-1] == '\"'\n",
        new="    return len(word) > 9999\n",
        caught_by=(
            f"{_DAEMON}::test_only_the_daemons_own_arguments_are_taken_of_what_mpirun_would_have_a_shell_do",
        ),
    ),
    Mutant(
        name="a-worker-calls-itself",
        breaks="a worker's daemon asks a program of its own host whether it is the leader",
        file=f"{_ROOM}/daemon.py",
        old='        far = [host for host in hosts.split(",") if not _LOOPBACK.fullmatch(host)]\n',
        new='        far = hosts.split(",")\n',
        caught_by=(f"{_DAEMON}::test_a_leader_is_not_called_at_the_workers_own_loopback",),
    ),
    Mutant(
        name="ranks-begin-without-all",
        breaks="mpirun is started while a pod still fetches its image, and fails",
        file=f"{_ROOM}/lead.py",
        old="        while self.group.missing and not self.is_told_to_stop:\n",
        new="        while len(self.group.missing) > 1 and not self.is_told_to_stop:\n",
        caught_by=(
            f"{_PROGRAMS}::test_who_is_told_to_stop_while_it_waits_goes_at_once",
            f"{_PROGRAMS}::test_a_worker_that_calls_again_before_the_start_is_the_one_that_counts",
        ),
    ),
    Mutant(
        name="for-ever-without-a-word",
        breaks="a leader waits for a worker that never comes, and nobody is told which",
        file=f"{_ROOM}/lead.py",
        old="            if now >= until:\n",
        new="            if until == math.inf:\n",
        caught_by=(f"{_PROGRAMS}::test_a_leader_waits_for_all_and_then_says_who_did_not_come",),
    ),
    Mutant(
        name="stopped-with-the-ranks",
        breaks="answers that run break off when a pod is told to stop: mpirun ends all ranks at once",
        file=f"{_ROOM}/lead.py",
        old="        if server is not None:\n",
        new="        if server is not None and self.mpirun is None:\n",
        caught_by=(
            f"{_PROGRAMS}::test_who_is_told_to_stop_finishes_its_answers_and_ends_well",
        ),
    ),
    Mutant(
        name="ended-well-by-itself",
        breaks="a server that ended is told as a pod that did what it had to",
        file=f"{_ROOM}/lead.py",
        old="            return found or 1\n",
        new="            return found\n",
        caught_by=(f"{_PROGRAMS}::test_a_server_that_ends_by_itself_never_ends_well",),
    ),
    Mutant(
        name="a-worker-outlives-its-leader",
        breaks="a worker whose leader died holds its GPUs for a group that is made anew without it",
        file=f"{_ROOM}/follow.py",
        old="            if is_there and not _is_there(leader):\n",
        new="            if is_there and _is_there(leader) is None:\n",
        caught_by=(f"{_PROGRAMS}::test_a_leader_that_dies_ends_its_workers",),
    ),
    Mutant(
        name="anybody-is-a-worker",
        breaks="a stranger on the leader's port is one of the group",
        file=f"{_ROOM}/group.py",
        old="        if not isinstance(index, int) or index not in self._wanted:\n",
        new="        if not isinstance(index, int):\n",
        caught_by=(f"{_PROGRAMS}::test_who_is_none_of_the_group_is_not_heard",),
    ),
    Mutant(
        name="a-late-worker-takes-the-place",
        breaks="a worker that was started again takes the place of one whose ranks run",
        file=f"{_ROOM}/group.py",
        old="        elif self._is_closed:\n",
        new="        elif self._is_closed and index not in self._workers:\n",
        caught_by=(f"{_PROGRAMS}::test_a_worker_that_is_started_again_is_turned_away",),
    ),
    Mutant(
        name="words-of-a-shell",
        breaks="the server's arguments are taken apart at each space, as the engine's launcher does it",
        file=f"{_ROOM}/served.py",
        old="        process = subprocess.Popen(command)\n",
        new='        process = subprocess.Popen(" ".join(command).split())\n',
        caught_by=(
            f"{_PROGRAMS}::test_the_ranks_of_all_pods_are_started_and_the_server_gets_its_words_whole",
        ),
    ),
    Mutant(
        name="a-line-without-an-end",
        breaks="a stranger fills the leader's memory",
        file=f"{_ROOM}/lines.py",
        old="        if len(self._read) > MOST_BYTES:\n",
        new="        if len(self._read) < 0:\n",
        caught_by=(f"{_LINES}::test_a_line_without_an_end_ends_it",),
    ),
    Mutant(
        name="the-leaders-interface",
        breaks="ranks of other pods call over an interface that only the leader has",
        file=f"{_ROOM}/rank.py",
        old="for name, value in environment.items() if name != INTERFACES_OF_DAEMONS}\n",
        new="for name, value in environment.items() if name}\n",
        caught_by=(f"{_RANK}::test_a_rank_calls_others_over_its_own_pods_interface",),
    ),
    Mutant(
        name="ranks-of-the-whole-replica",
        breaks="each pod has as many ranks as the replica has GPUs, and the engine does not start",
        file="engines/trtllm_group.py",
        old='        f"--ranks={request.accelerators_each}",\n',
        new='        f"--ranks={request.accelerators}",\n',
        caught_by=(f"{_COMMANDS}::test_there_are_as_many_ranks_as_the_engine_is_told_of",),
    ),
    Mutant(
        name="every-pod-leads",
        breaks="each pod of a group waits for the others to call it",
        file="build/grouping.py",
        old='        **({"command": list(engine.worker_command)} if engine.worker_command else {}),\n',
        new="",
        caught_by=(
            f"{_PODS}::test_ranks_of_tensorrt_llm_are_started_by_the_leader_behind_its_front",
        ),
    ),
    Mutant(
        name="figures-of-the-first-word",
        breaks="a replica on several nodes is asked for no figures: every run is held",
        file="engines/choice.py",
        old='for item in spec.get("containers", []) for word in item.get("command", []))\n',
        new='for item in spec.get("containers", []) for word in item.get("command", [])[:1])\n',
        caught_by=(
            f"{_COMMANDS}::test_its_figures_are_asked_for_and_its_warm_up_reads_its_limits",
        ),
    ),
)  # fmt: skip
