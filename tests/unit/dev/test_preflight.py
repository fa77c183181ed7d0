"""What is in the way on a machine: one sentence each, with the remedy; nothing when all is well."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from dev import answers, paths, preflight
from dev.cluster import layout
from dev.preflight import GIB, Disk, Facts
from tests.unit.dev.programs import fake_program, run_without_root

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
            "use a Debian or Ubuntu virtual machine on x86_64",
            id="another-system",
        ),
        pytest.param(
            {"machine": "aarch64"}, "Linux on aarch64", "virtual machine", id="another-processor"
        ),
        pytest.param({"root": False}, "need root", "with sudo -E, or as root", id="not-root"),
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
        pytest.param(
            {"go": None},
            "Go is missing",
            "install 1.21 or newer from https://go.dev/dl",
            id="no-go",
        ),
        pytest.param(
            {"go": (1, 20)},
            "Go 1.21 or newer is needed and `go version` says 1.20",
            "install a newer one from https://go.dev/dl",
            id="go-that-cannot-fetch-a-newer-one",
        ),
        pytest.param(
            {"go": (1, 24), "go_toolchain": "local"},
            "Go 1.25 is needed, `go version` says 1.24, and GOTOOLCHAIN=local",
            "export GOTOOLCHAIN=auto, or install 1.25",
            id="go-that-may-not-fetch-a-newer-one",
        ),
        pytest.param(
            {"memory_bytes": 12 * GIB - 1},
            "12 GiB of memory are needed for `demo` and this machine has 12.0",
            "use a larger one",
            id="little-memory",
        ),
        pytest.param(
            {"loop_devices": False},
            "Volumes need loop devices and there is no /dev/loop-control",
            "modprobe loop",
            id="no-loop-devices",
        ),
        pytest.param(
            {"routes": ({"dst": "10.96.0.0/20", "dev": "eth1", "protocol": "kernel"},)},
            "The network 10.96.0.0/16, which the cluster needs, is in use: 10.96.0.0/20 is on eth1",
            "or use your own cluster with CLUSTER=current",
            id="a-network-in-use",
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


@pytest.mark.parametrize("toolchain", ["auto", "go1.22.0+auto"])
def test_a_go_that_fetches_the_version_that_it_needs_is_enough(toolchain: str) -> None:
    assert findings(go=(1, 21), go_toolchain=toolchain) == []


def test_a_go_that_is_new_enough_need_not_fetch_any() -> None:
    assert findings(go=(1, 25), go_toolchain="local") == []


CURRENT: dict[str, Any] = {
    "goal": "current",
    "server": "https://api.example.com",
    "registry": "registry.example.com/team",
}


def test_a_cluster_of_ones_own_needs_a_context_and_a_registry() -> None:
    assert findings(**CURRENT) == []
    assert findings(**CURRENT, memory_bytes=0) == []


@pytest.mark.parametrize(
    ("changed", "finding", "remedy"),
    [
        pytest.param({"server": ""}, "there is none", "set KUBECONFIG, or", id="no-context"),
        pytest.param(
            {"registry": ""},
            "The nodes of https://api.example.com cannot see images",
            "REGISTRY=registry.example.com/team",
            id="no-registry",
        ),
        pytest.param(
            {"registry": "https://registry.example.com"},
            "REGISTRY=https://registry.example.com is not",
            "give host and path, without https://",
            id="an-address",
        ),
        pytest.param({"registry": "r.io/Team"}, "is not", "host and path", id="capitals"),
        pytest.param({"registry": "r.io/team/"}, "is not", "host and path", id="last-slash"),
        pytest.param({"go": None}, "Go is missing", "install 1.21", id="no-clients-and-no-go"),
        pytest.param(
            {"system": "Darwin"}, "this machine is Darwin", "virtual machine", id="darwin"
        ),
    ],
)
def test_what_is_in_the_way_of_a_cluster_of_ones_own_is_told(
    changed: dict[str, Any], finding: str, remedy: str
) -> None:
    [said] = findings(**{**CURRENT, **changed})

    assert finding in said
    assert remedy in said
    assert "CLUSTER=current" not in remedy
    assert said.endswith(".")


def test_no_remedy_leads_to_the_same_finding_again() -> None:
    for goal in ("demo", "current"):
        [said] = findings(**{**CURRENT, "goal": goal, "system": "Darwin"})
        assert "CLUSTER=current" not in said


def test_the_embedded_cluster_needs_no_registry_also_as_the_current_one() -> None:
    assert layout.NODE_ENDPOINTS.server == preflight.EMBEDDED_SERVER
    assert findings(goal="current", server=preflight.EMBEDDED_SERVER) == []


def test_clients_that_are_there_are_not_built() -> None:
    clients = WELL.programs | {"kubectl", "helm"}

    assert findings(**CURRENT, programs=clients, go=None) == []
    assert findings(programs=clients, go=None) != []
    [compiled, modules, *_] = preflight.observe_disks("current", {}, programs=clients)
    assert (compiled.needed_gib, modules.needed_gib) == (0, 0)


def test_pushing_needs_a_registry_and_no_context() -> None:
    assert findings(goal="push", registry="localhost:5000/a/b-c") == []
    [said] = findings(goal="push")
    assert "REGISTRY=registry.example.com/team" in said


def test_images_need_neither_go_nor_an_engines_memory() -> None:
    assert findings(goal="images", go=None, memory_bytes=0) == []
    assert len(findings(goal="images", root=False, disks=disks(9, free_gib=1, devices=(1,)))) == 2


def test_the_environment_needs_only_python() -> None:
    bare: dict[str, Any] = {"system": "Darwin", "root": False, "programs": frozenset(), "go": None}

    assert findings(goal="setup", **bare) == []
    assert len(findings(goal="setup", python=(3, 10), **bare)) == 1


@pytest.mark.parametrize(
    ("text", "context"),
    [
        pytest.param("kind: Config\ncurrent-context: dev\n", "dev", id="yaml"),
        pytest.param('current-context: "a b"\n', "a", id="quoted"),
        pytest.param('{"kind": "Config",\n "current-context": "dev"}', "dev", id="json"),
        pytest.param('current-context: ""\n', "", id="empty"),
        pytest.param("kind: Config\ncurrent-context:\nusers: []\n", "", id="nothing"),
        pytest.param("# current-context: dev\n", "", id="comment"),
        pytest.param("", "", id="no-file"),
    ],
)
def test_the_current_context_is_read_without_kubectl(text: str, context: str) -> None:
    assert context == answers.current_context(text)


def test_without_kubectl_the_first_kubeconfig_with_a_context_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_text("kind: Config\n")
    (tmp_path / "two").write_text("current-context: two\n")
    files = [str(tmp_path / name) for name in ("absent", "one", "two")]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(paths, "CACHE", tmp_path)

    assert answers.current_server({"KUBECONFIG": os.pathsep.join(files)}) == "two"
    assert answers.current_server({"KUBECONFIG": files[1]}) == ""


def test_kubectl_tells_the_server_of_the_current_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\n[ "$3" = --minify ] && echo https://api.example.com\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert answers.current_server({}) == "https://api.example.com"
    kubectl.write_text("#!/bin/sh\necho no context >&2\nexit 1\n")
    assert answers.current_server({}) == ""


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
    assert "move the folders with DSO_CACHE, DSO_STATE, GOCACHE and GOMODCACHE" in said


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


def test_folders_that_only_another_user_may_look_into_are_as_ones_that_are_not_there(
    tmp_path: Path,
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    places = {"HOME": f"{locked}/home", "DSO_CACHE": f"{locked}/cache", "DSO_STATE": f"{locked}/s"}

    ended = run_without_root(
        "import os\nfrom dev import answers, preflight",
        "print(repr(answers.current_server(os.environ)))\n"
        "print(*(disk.needed_gib for disk in preflight.observe_disks('demo', os.environ)))",
        **places,
    )

    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "''",
        (
            f"{preflight.GO_CACHE_GIB} {preflight.GO_MODULES_GIB}"
            f" {preflight.CACHE_GIB} {preflight.STATE_GIB}"
        ),
    ]


def test_a_user_without_a_home_is_looked_at_all_the_same() -> None:
    ended = run_without_root(
        "import os\nfrom dev import preflight", "preflight.observe_disks('demo', os.environ)"
    )

    assert (ended.stderr, ended.returncode) == ("", 0)


def test_looking_at_this_machine_changes_nothing_and_asks_for_the_four_folders() -> None:
    facts = preflight.observe("cluster")

    assert facts.python >= (3, 11)
    assert len(facts.disks) == 4
    assert facts.disks[2].path == str(paths.CACHE)


def test_the_places_of_compiled_go_packages_and_of_modules_can_be_chosen(tmp_path: Path) -> None:
    places = {"GOCACHE": str(tmp_path / "go"), "GOMODCACHE": str(tmp_path / "mod")}

    found = preflight.observe_disks("demo", places)

    assert [disk.path for disk in found[:2]] == list(places.values())
    assert {disk.device for disk in found[:2]} == {tmp_path.stat().st_dev}


def test_go_itself_tells_where_it_keeps_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"env GOCACHE": "echo /fast/compiled", "env GOMODCACHE": "echo /large/modules"}
    quoted = {f'"{words}"': shell for words, shell in answers.items()}
    fake_program(tmp_path, "go", monkeypatch, quoted)

    compiled, modules, *_ = preflight.observe_disks("demo", {})

    assert (compiled.path, modules.path) == ("/fast/compiled", "/large/modules")


def test_modules_on_a_disk_of_their_own_need_room_there() -> None:
    assert findings(disks=disks(6, 4, 20, 2, free_gib=20, devices=(1, 2, 3, 4))) == []
    [said] = findings(disks=disks(6, 4, 20, 2, free_gib=20.5, devices=(1, 3, 3, 4)))
    assert said.startswith("24 GiB of disk are needed and 20.5 are free (4 for part 1 in /1, ")
