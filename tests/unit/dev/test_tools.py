"""The pinned tools: versions from their modules, folders that change with their sources."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev import steps, tools
from dev.paths import REPOSITORY
from dev.tools import DEBIAN_PACKAGES, KUBERNETES_PROGRAMS, TOOLS, DebianPackage, Tool

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


@pytest.mark.parametrize(
    ("file", "there"),
    [
        pytest.param("sh", True, id="program"),
        pytest.param("no-such-program", False, id="no-program"),
        pytest.param("/", True, id="path"),
        pytest.param("/no/such/path", False, id="no-path"),
        pytest.param("module:json", True, id="module"),
        pytest.param("module:no_such_module", False, id="no-module"),
    ],
)
def test_what_a_package_brings_is_looked_for_as_what_it_is(file: str, *, there: bool) -> None:
    assert there is tools.present(file)


def test_a_package_is_missing_when_any_of_its_files_is() -> None:
    assert DebianPackage("x", ("sh", "no-such-program")).missing()
    assert not DebianPackage("x", ("sh", "/")).missing()


def test_every_debian_package_is_known_by_something_that_it_brings() -> None:
    assert all(package.files for package in DEBIAN_PACKAGES)
    assert len({package.name for package in DEBIAN_PACKAGES}) == len(DEBIAN_PACKAGES)
