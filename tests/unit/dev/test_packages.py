"""Installing Debian packages with a fake apt-get and dpkg, on a machine whose root is a folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev import packages
from dev.cluster.daemons import wait_until
from dev.paths import REPOSITORY

FAKE = """\
#!/bin/sh
# A fake apt-get or dpkg: writes down what it was asked, and whether services would have been started.
{ [ -x "$DPKG_ROOT/usr/sbin/policy-rc.d" ] && echo "no services: ${0##*/} $*" || echo "${0##*/} $*"; } >> "$RAN"
case "$*" in *install*) [ -n "$WAIT" ] && while [ -e "$WAIT" ]; do /bin/sleep 0.05; done;; esac
[ -z "$FAIL" ]
"""


def installing(package: str) -> str:
    """Python that installs a package; none by that name has nothing that could be missing."""
    return f"from dev import packages, steps; steps.main(lambda: packages.install([{package!r}]))"


class Machine:
    """A folder as the root of a machine without buildah."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ran = root / "ran"
        self.policy = root / "usr" / "sbin" / "policy-rc.d"
        self.journal = root / "var" / "lib" / "dpkg" / "updates"
        for folder in (self.policy.parent, self.journal, root / "run", root / "programs"):
            folder.mkdir(parents=True)
        for name in ("apt-get", "dpkg"):
            (root / "programs" / name).write_text(FAKE)
            (root / "programs" / name).chmod(0o755)

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """Start Python on the machine; by default to install buildah."""
        environment = {
            # No buildah there.
            "PATH": str(self.root / "programs"),
            "DPKG_ROOT": str(self.root),
            "DSO_CACHE": str(self.root / "cache"),
            "RAN": str(self.ran),
            **more,
        }
        return subprocess.Popen(
            [sys.executable, *(words or ("-c", installing("buildah")))],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, **more: str) -> tuple[int, str]:
        """Run Python on the machine; exit code and output."""
        process = self.start(*words, **more)
        output, _ = process.communicate()
        return process.returncode, output

    def commands(self) -> list[str]:
        """What was run."""
        return self.ran.read_text().splitlines() if self.ran.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


INSTALLED = [
    "no services: apt-get update -q",
    f"no services: apt-get install {' '.join(packages.OPTIONS)} buildah",
]
REPAIRED = "no services: dpkg --configure -a"


def test_what_is_missing_is_installed_and_no_service_of_it_started(machine: Machine) -> None:
    assert machine.run()[0] == 0

    assert machine.commands() == INSTALLED
    assert not machine.policy.exists()


def test_nothing_is_run_when_nothing_is_missing(machine: Machine) -> None:
    assert machine.run("-c", installing("")) == (0, "")

    assert machine.commands() == []


def test_a_failed_installation_leaves_no_policy(machine: Machine) -> None:
    code, said = machine.run(FAIL="yes")

    assert code == 1
    assert "error: `apt-get update -q` ended with exit code 1" in said
    assert not machine.policy.exists()


def test_a_policy_of_the_users_stays_as_it_is(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 101\n")

    assert machine.run()[0] == 0

    assert machine.policy.read_text() == "#!/bin/sh\nexit 101\n"


def test_the_policy_that_a_killed_set_up_left_goes_also_when_nothing_is_missing(
    machine: Machine,
) -> None:
    machine.policy.write_text(packages.POLICY_TEXT)
    machine.policy.chmod(0o755)

    assert machine.run("-c", installing(""))[0] == 0

    assert machine.commands() == [REPAIRED]
    assert not machine.policy.exists()


def test_an_installation_that_anybody_left_half_done_is_finished_first(machine: Machine) -> None:
    (machine.journal / "0001").write_text("Package: x\n")

    assert machine.run()[0] == 0

    assert [REPAIRED, *INSTALLED] == machine.commands()
    assert not machine.policy.exists()


def test_dpkgs_own_scratch_file_is_no_interrupted_installation(machine: Machine) -> None:
    (machine.journal / "tmp.i").write_text("")

    assert machine.run()[0] == 0

    assert machine.commands() == INSTALLED


def test_killed_while_apt_works_the_next_one_waits_for_apt_and_clears_up(
    machine: Machine, tmp_path: Path
) -> None:
    working = tmp_path / "working"
    working.touch()
    killed = machine.start(WAIT=str(working))
    try:
        assert wait_until(lambda: len(machine.commands()) == 2, 20)
        killed.kill()
        killed.communicate()
        after = machine.start()
        assert after.stdout is not None
        said = after.stdout.readline()
        before = machine.commands()
    finally:
        working.unlink()
    after.communicate()

    assert "waiting for another set-up" in said
    assert len(before) == 2, "nothing runs beside an apt that still works"
    assert machine.commands()[2:] == [REPAIRED, *INSTALLED]
    assert not machine.policy.exists()


@pytest.mark.parametrize("module", ["dev.images", "dev.models"])
def test_what_builds_images_installs_what_that_needs(module: str, machine: Machine) -> None:
    code, said = machine.run("-m", module, FAIL="yes")

    assert code == 1
    assert re.search("==> install Debian packages: .*buildah", said)
    assert "Traceback" not in said
    assert machine.commands() == INSTALLED[:1]


def test_a_package_is_installed_by_its_name(machine: Machine) -> None:
    assert machine.run("-m", "dev.packages", "buildah")[0] == 0
    assert machine.commands() == INSTALLED

    code, said = machine.run("-m", "dev.packages", "lsof")
    assert code == 2
    assert "invalid choice: 'lsof'" in said


def test_two_set_ups_at_once_install_one_after_the_other(machine: Machine) -> None:
    both = [machine.start(), machine.start()]
    for process in both:
        process.communicate()

    assert [process.returncode for process in both] == [0, 0]
    assert machine.commands() == [*INSTALLED, *INSTALLED], "the fake one installs nothing"


def test_without_the_right_to_install_the_remedy_is_told(machine: Machine) -> None:
    (machine.root / "run").rmdir()

    code, said = machine.run()

    assert (code, machine.commands()) == (1, [])
    assert said == (
        "error: Debian packages are missing: run this as root, or apt-get install buildah\n"
    )


def test_the_policy_tells_invoke_rc_d_to_start_nothing(tmp_path: Path) -> None:
    file = tmp_path / "policy-rc.d"
    file.write_text(packages.POLICY_TEXT)
    file.chmod(0o755)

    assert subprocess.run([file], check=False).returncode == 101
    assert packages.ours(file)
