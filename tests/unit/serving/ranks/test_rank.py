"""What a rank is told of its own pod before it becomes the engine's program."""

import subprocess
import sys

import pytest

from deepseek_serving.ranks import rank
from tests.unit.serving.ranks.programs import SERVING

OWN = {rank.ADDRESS_VARIABLE: "127.0.0.1"}


@pytest.mark.parametrize(
    ("environment", "interface"),
    [
        pytest.param(OWN, "lo", id="by-its-address"),
        pytest.param({rank.ADDRESS_VARIABLE: "192.0.2.1"}, None, id="of-no-interface"),
        pytest.param({rank.ADDRESS_VARIABLE: "fd00::1"}, None, id="ipv6"),
        pytest.param({}, None, id="not-told"),
    ],
)
def test_the_interface_is_the_one_with_the_pods_address(
    environment: dict[str, str], interface: str | None
) -> None:
    assert rank.own_interface(environment) == interface


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {rank.INTERFACES_OF_RANKS: "lo"}, id="its-own"),
        pytest.param(
            {rank.INTERFACES_OF_DAEMONS: "eth7"}, {rank.INTERFACES_OF_RANKS: "lo"}, id="not-the-leaders"
        ),
        pytest.param(
            {rank.INTERFACES_OF_RANKS: "ib0"}, {rank.INTERFACES_OF_RANKS: "ib0"}, id="the-platforms"
        ),
        pytest.param(
            {"OMPI_MCA_btl_tcp_if_exclude": "ib0"}, {"OMPI_MCA_btl_tcp_if_exclude": "ib0"}, id="all-but"
        ),
    ],
)  # fmt: skip
def test_a_rank_calls_others_over_its_own_pods_interface(
    given: dict[str, str], expected: dict[str, str]
) -> None:
    assert rank.of_rank({**OWN, **given}) == {**OWN, **expected}


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("true", 0)])
def test_it_becomes_the_program(program: str, code: int) -> None:
    command = [sys.executable, "-m", rank.__name__, program]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{SERVING}", **OWN}

    ended = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)

    assert ended.returncode == code
    assert (program in ended.stderr) is bool(code)
