"""The pinned tools: versions from their modules, folders that change with their sources."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev import steps, tools
from dev.cluster.daemons import wait_until
from dev.paths import REPOSITORY
from dev.tools import KUBERNETES_PROGRAMS, TOOLS, Tool

GO_MOD = """\
module example

require (
\tk8s.io/api v0.1.0 // indirect
\tk8s.io/api/other v9.9.9
)

require k8s.io/kubernetes v1.35.4
"""


@pytest.mark.parametrize(
    ("module", "version"),
    [
        pytest.param("k8s.io/kubernetes", "v1.35.4", id="on-a-line-of-its-own"),
        pytest.param("k8s.io/api", "v0.1.0", id="in-a-block"),
        pytest.param("k8s.io/api/other", "v9.9.9", id="a-name-that-another-begins-with"),
        pytest.param("", "local", id="our-own"),
    ],
)
def test_the_version_is_the_one_that_the_module_requires(module: str, version: str) -> None:
    assert version == tools.required_version(GO_MOD, module)


@pytest.mark.parametrize("module", ["k8s.io/kubernete", "io/api", "other"])
def test_a_module_that_is_not_required_is_an_error(module: str) -> None:
    with pytest.raises(steps.StepError, match=f"go.mod does not require {module}"):
        tools.required_version(GO_MOD, module)


def module(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_the_digest_changes_with_every_source(tmp_path: Path) -> None:
    first = tools.digest(module(tmp_path / "m", main_go="a", go_mod="b", go_sum="c"))

    changed = {
        tools.digest(module(tmp_path / "m", **{name: "x"}))
        for name in ("main_go", "go_mod", "go_sum", "new_go")
    }

    assert len({first, *changed}) == 5


def test_the_digest_does_not_depend_on_what_is_no_source(tmp_path: Path) -> None:
    folder = module(tmp_path / "m", main_go="a")
    before = tools.digest(folder)
    module(folder, notes_md="b")

    assert before == tools.digest(folder)


def test_the_digest_tells_a_files_name_from_its_content(tmp_path: Path) -> None:
    one = module(tmp_path / "one", a_go="xb.gox")
    other = module(tmp_path / "other", a_go="x", b_go="x")

    assert tools.digest(one) != tools.digest(other)


@pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS])
def test_every_tool_is_pinned_and_lies_under_its_version_and_sources(tool: Tool) -> None:
    assert tool.module.is_dir()
    assert tool.version == "local" or tool.version.startswith("v")
    name = rf"{tool.name}-{re.escape(tool.version)}-[0-9a-f]{{8}}"
    assert re.fullmatch(name, tool.directory.name)


@pytest.mark.parametrize(
    ("program", "tool"),
    [("kubectl", "kubernetes"), ("kubelet", "kubernetes"), ("helm", "helm"), ("etcd", "etcd")],
)
def test_a_program_has_the_tool_that_provides_it(program: str, tool: str) -> None:
    assert tool == tools.provider(program).name


def test_a_tool_of_several_programs_is_none_itself() -> None:
    with pytest.raises(steps.StepError, match="no tool provides kubernetes"):
        tools.provider("kubernetes")


def test_what_long_tests_alone_need_is_built_only_when_it_is_named() -> None:
    assert not {"envoy-gateway", "kube-router", "lws"} & {tool.name for tool in tools.chosen([])}
    assert [tool.name for tool in tools.chosen(["envoy-gateway"])] == ["envoy-gateway"]
    assert {"kubernetes", "etcd", "kwok", "helm"} <= {tool.name for tool in tools.chosen([])}


def test_a_program_has_one_tool() -> None:
    programs = [program for tool in TOOLS for program in (tool.programs or (tool.name,))]

    assert len(set(programs)) == len(programs)
    assert set(KUBERNETES_PROGRAMS) <= set(programs)


def test_the_remedy_of_a_program_that_is_not_built_is_to_build_its_tool(tmp_path: Path) -> None:
    code = "from dev import steps, tools; steps.main(lambda: tools.path('kubectl'))"
    environment = {"PATH": os.defpath, "DSO_CACHE": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr == ("error: kubectl is not built: run `python3 -m dev.tools kubernetes`\n")


def test_a_program_reports_the_version_that_it_was_built_as() -> None:
    assert tools.link_flags(tools.provider("helm")) == (
        f"-s -w -X helm.sh/helm/v3/internal/version.version={tools.version('helm')}"
    )
    assert tools.link_flags(tools.provider("etcd")) == "-s -w"


FAKE_GO = """\
#!/bin/sh
# A fake go: `go build ... -o FILE .` writes FILE, slowly enough for another one to begin meanwhile.
echo built >> "$COUNT"
[ "$TMPDIR" = "$GOTMPDIR" ] && [ -d "$TMPDIR" ] && touch "$TMPDIR/object" && echo "$TMPDIR" > "$COUNT.work"
while [ "$1" != -o ]; do shift; done
echo half > "$2"
sleep 0.3
echo whole > "$2"
"""


def building(tmp_path: Path) -> "subprocess.Popen[str]":
    """`python -m dev.tools pause` with a cache of its own and a fake go."""
    programs = tmp_path / "programs"
    if not programs.exists():
        programs.mkdir()
        (programs / "go").write_text(FAKE_GO)
        (programs / "go").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.defpath}",
        "DSO_CACHE": str(tmp_path / "cache"),
        "COUNT": str(tmp_path / "count"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "dev.tools", "pause"],
        cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_set_ups_at_once_build_a_tool_once(tmp_path: Path) -> None:
    both = [building(tmp_path), building(tmp_path)]
    said = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert (tmp_path / "count").read_text().splitlines() == ["built"]
    assert (tmp_path / "cache" / "bin" / "pause").read_text() == "whole\n"
    assert list((tmp_path / "cache" / "bin").glob(".building-*/")) == []


def test_what_the_compiler_is_at_lies_on_the_disk_that_is_looked_at_and_goes(
    tmp_path: Path,
) -> None:
    process = building(tmp_path)
    said = process.communicate()

    assert process.returncode == 0, said
    work = Path((tmp_path / "count.work").read_text().strip())
    assert work.is_relative_to(tmp_path / "cache")
    assert not work.exists()


def test_a_killed_build_is_swept_by_the_next_and_built_anew(tmp_path: Path) -> None:
    binaries = tmp_path / "cache" / "bin"
    killed = building(tmp_path)
    assert wait_until(lambda: any(binaries.glob(".building-*/made/pause")), 20)
    killed.kill()
    killed.communicate()
    [left] = binaries.glob(".building-*/")
    (binaries / ".pause.new").symlink_to("left")

    again = building(tmp_path)
    said = again.communicate()

    assert again.returncode == 0, said
    assert not left.exists()
    assert (binaries / "pause").read_text() == "whole\n"
    assert not (binaries / ".pause.new").is_symlink()


def test_without_go_the_remedy_is_told_in_one_sentence(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "DSO_CACHE": str(tmp_path / "cache")}

    ended = subprocess.run(
        [sys.executable, "-m", "dev.tools", "pause"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr == "error: go is missing: install Go from https://go.dev/dl\n"
