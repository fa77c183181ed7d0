"""What is in the way on a machine: one sentence each, with the remedy; nothing when all is well."""

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dev import paths, preflight
from dev.preflight import GIB, Disk, Facts

WELL = Facts(
    goal="demo",
    system="Linux",
    machine="x86_64",
    root=True,
    python=(3, 11),
    programs=frozenset({"git", "make", "apt-get"}),
    go=(1, 25),
    go_needed=(1, 25),
    memory_bytes=12 * GIB,
    disks=(
        Disk("programs", "/cache", device=1, free_bytes=20 * GIB, needed_gib=20),
        Disk("data", "/state", device=2, free_bytes=2 * GIB, needed_gib=2),
    ),
)


def findings(**changed: Any) -> list[str]:
    return preflight.findings(dataclasses.replace(WELL, **changed))


def test_nothing_is_said_of_a_machine_that_has_just_enough() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("changed", "finding", "remedy"),
    [
        pytest.param(
            {"system": "Darwin", "machine": "arm64"},
            "this machine is Darwin on arm64",
            "use a Debian or Ubuntu virtual machine, or CLUSTER=current",
            id="another-system",
        ),
        pytest.param(
            {"machine": "aarch64"}, "Linux on aarch64", "CLUSTER=current", id="another-processor"
        ),
        pytest.param({"root": False}, "needs root", "with sudo -E, or as root", id="not-root"),
        pytest.param(
            {"python": (3, 9)},
            "Python 3.11 or newer is needed and python3 is 3.9",
            "install a newer one",
            id="old-python",
        ),
        pytest.param(
            {"programs": frozenset({"make", "apt-get"})},
            "git is missing",
            "apt-get install git",
            id="no-git",
        ),
        pytest.param(
            {"programs": frozenset({"git", "make"})},
            "apt-get is missing",
            "use Debian or Ubuntu",
            id="no-apt",
        ),
        pytest.param({"go": None}, "there is none on the PATH", "install it", id="no-go"),
        pytest.param(
            {"go": (1, 9)},
            "Go 1.25 or newer is needed and `go version` says 1.9",
            "update it",
            id="old-go",
        ),
        pytest.param(
            {"memory_bytes": 12 * GIB - 1},
            "12 GIB of memory".replace("GIB", "GiB"),
            "this machine has 12.0",
            id="little-memory",
        ),
    ],
)
def test_what_is_in_the_way_is_one_sentence_with_its_remedy(
    changed: dict[str, Any], finding: str, remedy: str
) -> None:
    [said] = findings(**changed)

    assert finding in said
    assert remedy in said
    assert said.endswith(".")


def test_everything_in_the_way_is_told_at_once() -> None:
    said = findings(root=False, python=(3, 9), programs=frozenset(), go=None, memory_bytes=0)

    assert len(said) == 7


def test_the_programs_that_set_up_the_cluster_need_less_than_the_demo() -> None:
    assert findings(goal="cluster", memory_bytes=3 * GIB) == []
    assert findings(goal="test", memory_bytes=3 * GIB) != []


def disks(*needed: int, free_gib: float, devices: tuple[int, ...]) -> tuple[Disk, ...]:
    return tuple(
        Disk(f"part {number}", f"/{number}", device, int(free_gib * GIB), gib)
        for number, (gib, device) in enumerate(zip(needed, devices, strict=True))
    )


def test_folders_on_one_file_system_share_its_room() -> None:
    shared = disks(9, 20, 2, free_gib=30.5, devices=(1, 1, 1))

    [said] = findings(disks=shared)

    assert said.startswith("31 GiB of disk are needed and 30.5 are free (9 for part 0 in /0, ")
    assert "move the folders with DSO_CACHE, DSO_STATE and GOCACHE" in said


def test_folders_on_file_systems_of_their_own_do_not_share_room() -> None:
    assert findings(disks=disks(9, 20, 2, free_gib=20, devices=(1, 2, 3))) == []


def test_each_file_system_that_is_too_small_is_named() -> None:
    assert len(findings(disks=disks(9, 20, 2, free_gib=8, devices=(1, 2, 3)))) == 2


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("go version go1.25.3 linux/amd64\n", (1, 25), id="of-the-program"),
        pytest.param("module x\n\ngo 1.24.0\n", (1, 24), id="of-a-module"),
        pytest.param("no version here", None, id="none"),
        pytest.param("", None, id="no-output"),
    ],
)
def test_a_go_version_is_read_from_what_go_writes(
    text: str, version: tuple[int, int] | None
) -> None:
    assert version == preflight.parse_go(text)


def test_the_go_that_is_needed_is_the_newest_that_a_module_asks_for(tmp_path: Path) -> None:
    for name, version in (("a", "1.9.7"), ("b", "1.25.0"), ("c", "1.24.9")):
        (tmp_path / name).mkdir()
        text = f"module go1.99\n\ngo {version}\n\nrequire x v1.0.0\n"
        (tmp_path / name / "go.mod").write_text(text)

    assert preflight.newest_go(tmp_path) == (1, 25)


def test_a_folder_that_is_not_there_yet_is_measured_where_it_will_be(tmp_path: Path) -> None:
    assert preflight.nearest(tmp_path / "a" / "b") == tmp_path
    assert preflight.nearest(tmp_path) == tmp_path


def test_looking_at_this_machine_changes_nothing_and_asks_for_the_three_folders() -> None:
    facts = preflight.observe("cluster")

    assert facts.python >= (3, 11)
    assert len(facts.disks) == 3
    assert facts.disks[1].path == str(paths.CACHE)


def test_the_place_of_compiled_go_packages_can_be_chosen(tmp_path: Path) -> None:
    found = preflight.observe_disks("demo", {"GOCACHE": str(tmp_path / "go")})

    assert found[0].path == str(tmp_path / "go")
    assert found[0].device == tmp_path.stat().st_dev


@pytest.mark.parametrize("file", [Path(preflight.__file__), Path(paths.__file__)])
def test_a_python_that_is_too_old_for_all_else_can_read_the_check(file: Path) -> None:
    source = file.read_text()

    assert ast.parse(source, feature_version=(3, 7))
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]
