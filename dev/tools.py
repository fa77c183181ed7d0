"""Install the pinned tools of the development machine: Go programs into the cache, Debian packages.

python3 -m dev.tools [NAME...] builds what is missing. Programs are cached by version; CACHE/bin holds a link to each.
"""

import argparse
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import packages, shared, steps
from dev.paths import CACHE, REPOSITORY

MODULES = REPOSITORY / "dev" / "go"
BIN = CACHE / "bin"

GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-buildvcs=false",
    "GOWORK": "off",
    # The compiler collects its garbage a fifth of its time; four times the heap makes that little, in 2 GB a process.
    "GOGC": "400",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A Go program: the module under dev/go that pins it, and what to build in that module."""

    name: str
    pinned: str = ""
    """The module whose version is the tool's version; a tool without one is our own."""
    package: str = "."
    programs: tuple[str, ...] = ()
    """Names that the binary is called by; its own name where there are none."""
    version_symbol: str = ""
    """The Go variable that holds the version that the program reports."""
    inlines: bool = False
    """Whether it works so much that inlined functions are worth a fifth more of compiling."""
    on_demand: bool = False
    """Whether it is built only when it is named: for long tests alone, and large, or for a check of its own."""

    @property
    def module(self) -> Path:
        """The folder of the module that builds the tool."""
        return MODULES / self.name

    @property
    def version(self) -> str:
        """The pinned version, as the module requires it."""
        return required_version((self.module / "go.mod").read_text(), self.pinned)

    @property
    def directory(self) -> Path:
        """Where the built tool lies: a name that changes whenever its sources do."""
        return BIN / f"{self.name}-{self.version}-{digest(self.module)[:8]}"


KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)

TOOLS = (
    Tool(
        "kubernetes",
        "k8s.io/kubernetes",
        programs=KUBERNETES_PROGRAMS,
        version_symbol="k8s.io/component-base/version.gitVersion",
        inlines=True,
    ),
    # Debian's etcd 3.4 cannot stream initial lists: informers of Kubernetes 1.36 and later stall for seconds on it.
    Tool("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", inlines=True),
    Tool("provisioner"),
    Tool("pause"),
    Tool("gwload", inlines=True),
    Tool("coredns", "github.com/coredns/coredns"),
    Tool("kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Tool(
        "helm",
        "helm.sh/helm/v3",
        "helm.sh/helm/v3/cmd/helm",
        version_symbol="helm.sh/helm/v3/internal/version.version",
    ),
    Tool(
        "envoy-gateway",
        "github.com/envoyproxy/gateway",
        "github.com/envoyproxy/gateway/cmd/envoy-gateway",
        on_demand=True,
    ),
    Tool("lws", "sigs.k8s.io/lws", "sigs.k8s.io/lws/cmd", on_demand=True),
    Tool(
        "actionlint",
        "github.com/rhysd/actionlint",
        "github.com/rhysd/actionlint/cmd/actionlint",
        on_demand=True,
    ),
    Tool(
        "kube-router",
        "github.com/cloudnativelabs/kube-router/v2",
        "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        on_demand=True,
    ),
)


def required_version(go_mod: str, module: str) -> str:
    """The version of `module` in the text of a go.mod; `local` where no module is named."""
    if not module:
        return "local"
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise steps.StepError(f"go.mod does not require {module}")
    return match[1]


def digest(module: Path) -> str:
    """A hash of everything in a module folder that the built program depends on."""
    total = hashlib.sha256()
    for file in sorted(module.iterdir()):
        if file.suffix in {".go", ".mod", ".sum"}:
            total.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


def provider(program: str) -> Tool:
    """The tool that provides a program."""
    for tool in TOOLS:
        if program in (tool.programs or (tool.name,)):
            return tool
    raise steps.StepError(f"no tool provides {program}")


def path(program: str) -> Path:
    """The built program of that name; StepError with the remedy when it has not been built."""
    tool = provider(program)
    built = tool.directory / program
    if not built.exists():
        raise steps.StepError(f"{program} is not built: run `python3 -m dev.tools {tool.name}`")
    return built


def version(program: str) -> str:
    """The pinned version of a program."""
    return provider(program).version


def install(names: Sequence[str] = ()) -> None:
    """Build the named tools, or all that are not for a few tests alone; what is built already costs nothing."""
    for tool in chosen(names):
        if not (tool.directory.exists() and linked(tool)):
            with shared.alone(BIN / tool.name):
                if not tool.directory.exists():
                    with steps.step(f"build {tool.name} {tool.version}"):
                        build(tool)
                link(tool)


def chosen(names: Sequence[str]) -> list[Tool]:
    """The named tools; without a name those that more than a few tests need."""
    return [tool for tool in TOOLS if (tool.name in names if names else not tool.on_demand)]


def build(tool: Tool) -> None:
    """Build a tool into its folder, which appears only when it is whole."""
    with shared.unfinished(BIN) as folder:
        made, work = folder / "made", folder / "work"
        made.mkdir()
        work.mkdir()
        steps.run(
            [
                *("go", "build", "-trimpath", f"-gcflags=all={compile_flags(tool)}"),
                *("-ldflags", link_flags(tool)),
                *("-o", made / tool.name, tool.package),
            ],
            cwd=tool.module,
            # Up to 1.3 GiB for Kubernetes, which /tmp may not have: preflight looks at the cache's disk.
            env={**GO_ENVIRONMENT, "GOTMPDIR": str(work), "TMPDIR": str(work)},
            log=CACHE / "logs" / f"{tool.name}.log",
        )
        for program in tool.programs:
            (made / program).symlink_to(tool.name)
        made.rename(tool.directory)


def compile_flags(tool: Tool) -> str:
    """Nobody debugs them, and without debugging information the compiler has a tenth less to do."""
    return "-dwarf=false" if tool.inlines else "-dwarf=false -l"


def link_flags(tool: Tool) -> str:
    """No symbol tables, and the version that the program reports."""
    stamp = f" -X {tool.version_symbol}={tool.version}" if tool.version_symbol else ""
    return f"-s -w{stamp}"


def link(tool: Tool) -> None:
    """Point CACHE/bin/PROGRAM to the tool's programs, so that one folder on the PATH has them all."""
    for program, target in links(tool).items():
        unfinished = BIN / f".{program}.new"
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(target)
        unfinished.replace(BIN / program)


def linked(tool: Tool) -> bool:
    """Whether every program of a tool is the one of its present version."""
    return all(
        (BIN / program).is_symlink() and (BIN / program).readlink() == target
        for program, target in links(tool).items()
    )


def links(tool: Tool) -> dict[str, Path]:
    """By program, what its link in CACHE/bin points to."""
    names = tool.programs or (tool.name,)
    return {program: Path(tool.directory.name) / program for program in names}


def program() -> int:
    """The command line: build the named tools, or install everything."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.tools", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of: {', '.join(t.name for t in TOOLS)}")
    parser.add_argument("--packages", action="store_true", help="only the Debian packages")
    chosen = parser.parse_args()
    if unknown := set(chosen.name) - {tool.name for tool in TOOLS}:
        parser.error(f"unknown tool: {', '.join(sorted(unknown))}")
    if not chosen.name:
        packages.install()
    if not chosen.packages:
        install(chosen.name)
    return 0


if __name__ == "__main__":
    steps.main(program)
