"""What a worker runs for its leader: Open MPI's daemon, with arguments such as mpirun of 4.1 gives it, and no others."""

import re

import pytest

from deepseek_serving.ranks import daemon

URI = "1976303616.0;tcp://127.0.0.1,10.77.0.1:38215"
GIVEN = {
    "orte_leave_session_attached": "1",
    "ess": "env",
    "ess_base_jobid": "1976303616",
    "ess_base_vpid": "1",
    "ess_base_num_procs": "2",
    "orte_node_regex": "chat-[1:0],worker-[1:1]@0(2)",
    "orte_hnp_uri": URI,
    "plm": "rsh",
}
"""As mpirun of Open MPI 4.1.4 gave them."""


def arguments(**changed: str | None) -> list[str]:
    given = {**GIVEN, **changed}
    return [
        word for name, value in given.items() if value is not None for word in ("-mca", name, value)
    ]


PREFIXED = (
    "   OPAL_PREFIX=/opt/hpcx/ompi ; export OPAL_PREFIX; PATH=/opt/hpcx/ompi/bin:$PATH ; export PATH ; "
    "LD_LIBRARY_PATH=/opt/hpcx/ompi/lib:${LD_LIBRARY_PATH:-} ; export LD_LIBRARY_PATH ;   "
)
QUOTED = [word if word[0] == "-" or word in GIVEN else f'"{word}"' for word in arguments()]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([" orted", *QUOTED], id="plain"),
        pytest.param(
            ["(", "test", "!", "-r", "./.profile", "||", ".", "./.profile;", " orted", *QUOTED, ")"],
            id="a-shell-that-reads-a-profile",
        ),
        pytest.param(
            [
                f"{PREFIXED}/opt/hpcx/ompi/bin/orted",
                *QUOTED,
            ],
            id="an-installation-with-a-prefix",
        ),
    ],
)  # fmt: skip
def test_only_the_daemons_own_arguments_are_taken_of_what_mpirun_would_have_a_shell_do(
    command: list[str],
) -> None:
    assert daemon.arguments_for(command) == arguments()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([" prted", *QUOTED], id="open-mpi-5"),
        pytest.param(["sh", "-c", "date"], id="something-else"),
        pytest.param([], id="nothing"),
    ],
)
def test_another_daemon_is_none(command: list[str]) -> None:
    with pytest.raises(daemon.RefusedError, match="another daemon than orted"):
        daemon.arguments_for(command)


def test_what_mpirun_gives_is_taken() -> None:
    assert daemon.checked(arguments()) == arguments()
    more = arguments(pmix="^s1,s2,cray,isolated", routed="radix", oob_tcp_keepalive_time="30")
    assert daemon.checked(more) == more


REFUSED = [
    pytest.param([], "0 arguments are none of orted", id="nothing"),
    pytest.param(arguments()[:-1], "arguments are none of orted", id="cut-off"),
    pytest.param([*arguments(), "-mca", "ess", 1], "arguments are none of orted", id="a-number"),
    pytest.param(["-mca", "ess", "env"] * 64, "arguments are none of orted", id="too-many"),
    pytest.param(
        [*arguments(), "--daemonize", "ess", "env"], "'--daemonize' is no argument", id="a-flag"
    ),
    pytest.param(arguments(plm_rsh_agent="/tmp/x"), "'plm_rsh_agent' is no parameter", id="agent"),
    pytest.param(
        arguments(orte_launch_agent="/tmp/x"), "'orte_launch_agent' is no parameter", id="program"
    ),
    pytest.param(
        arguments(orte_fork_agent="/tmp/x"), "'orte_fork_agent' is no parameter", id="wrapper"
    ),
    pytest.param(
        arguments(mca_base_component_path="/tmp"),
        "'mca_base_component_path' is no parameter",
        id="libraries",
    ),
    pytest.param(
        arguments(mca_base_param_files="/tmp/x"),
        "'mca_base_param_files' is no parameter",
        id="a-file-of-parameters",
    ),
    pytest.param(arguments(plm="slurm"), "plm cannot be 'slurm'", id="another-launcher"),
    pytest.param(arguments(ess="tool"), "ess cannot be 'tool'", id="another-role"),
    pytest.param(
        arguments(orte_hnp_uri="file:/tmp/uri"), "orte_hnp_uri cannot be", id="a-file-for-a-uri"
    ),
    pytest.param(
        arguments(orte_hnp_uri=f"{URI};$(date)"), "orte_hnp_uri cannot be", id="a-shells-words"
    ),
    pytest.param(arguments(ess_base_vpid="1\n"), "ess_base_vpid cannot be", id="a-second-line"),
    pytest.param(
        arguments(orte_node_regex="a" * 8193), "orte_node_regex cannot be", id="endless"
    ),
    pytest.param(arguments(pmix="../x"), "pmix cannot be '../x'", id="a-path-for-a-name"),
    pytest.param(arguments(orte_hnp_uri=None), "orte_hnp_uri is not given once", id="no-leader"),
    pytest.param(
        [*arguments(), "-mca", "ess_base_vpid", "2"], "ess_base_vpid is not given once", id="twice"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_everything_else_is_refused_by_its_name(given: list[object], said: str) -> None:
    with pytest.raises(daemon.RefusedError, match=re.escape(said)):
        daemon.checked(given)


@pytest.mark.parametrize(
    ("uri", "called"),
    [
        pytest.param(URI, "1976303616.0;tcp://10.77.0.1:38215", id="one-of-two"),
        pytest.param("1.0;tcp://127.0.0.1:7", "1.0;tcp://127.0.0.1:7", id="no-other"),
        pytest.param(
            "1.0;tcp://127.0.0.1:7;tcp6://[fd00::1]:8", "1.0;tcp6://[fd00::1]:8", id="of-another-family"
        ),
    ],
)  # fmt: skip
def test_a_leader_is_not_called_at_the_workers_own_loopback(uri: str, called: str) -> None:
    found = daemon.without_loopback(arguments(orte_hnp_uri=uri))

    assert found == arguments(orte_hnp_uri=called)
