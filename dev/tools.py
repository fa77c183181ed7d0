"""Install the pinned tools of the development machine: Go programs into the cache, Debian packages.

python3 -m dev.tools [NAME...] builds what is missing. Programs are cached by version; CACHE/bin holds a link to each.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import steps
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
    ),
    # Debian's etcd 3.4 cannot stream initial lists: informers of Kubernetes 1.36 and later stall for seconds on it.
    Tool("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    Tool("provisioner"),
    Tool("pause"),
    Tool("gwload"),
    Tool("coredns", "github.com/coredns/coredns"),
    Tool("kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Tool(
        "helm",
        "helm.sh/helm/v3",
        "helm.sh/helm/v3/cmd/helm",
        version_symbol="helm.sh/helm/v3/internal/version.version",
    ),
    Tool(
        "kubeconform",
        "github.com/yannh/kubeconform",
        "github.com/yannh/kubeconform/cmd/kubeconform",
    ),
)


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A Debian package and the files that show that it, or another package like it, is installed."""

    name: str
    files: tuple[str, ...]
    node: bool = True
    """Whether the cluster's node needs it."""

    def missing(self) -> bool:
        """Whether a program, file or Python module of the package is absent."""
        return not all(present(file) for file in self.files)


DEBIAN_PACKAGES = (
    DebianPackage("containerd", ("containerd", "containerd-shim-runc-v2", "ctr")),
    DebianPackage("runc", ("runc",)),
    DebianPackage("containernetworking-plugins", ("/usr/lib/cni/ptp", "/usr/lib/cni/host-local")),
    DebianPackage("nftables", ("nft",)),
    DebianPackage("conntrack", ("conntrack",)),
    DebianPackage("iproute2", ("ip",)),
    DebianPackage("e2fsprogs", ("mkfs.ext4",)),
    DebianPackage("openssl", ("openssl",)),
    DebianPackage("debootstrap", ("debootstrap",)),
    DebianPackage("buildah", ("buildah",)),
    # What fetching weights is measured beside.
    DebianPackage("curl", ("curl",)),
    # The venv module of Debian's own Python cannot install pip without it.
    DebianPackage("python3-venv", ("module:ensurepip",), node=False),
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


def present(file: str) -> bool:
    """Whether an absolute path exists, a Python module, or a program of that name on the path."""
    if file.startswith("module:"):
        return importlib.util.find_spec(file.removeprefix("module:")) is not None
    search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return Path(file).exists() if file.startswith("/") else bool(shutil.which(file, path=search))


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
    """Build the named tools, or all of them; what is built already costs nothing."""
    for tool in TOOLS:
        if not names or tool.name in names:
            if not tool.directory.exists():
                with steps.step(f"build {tool.name} {tool.version}"):
                    build(tool)
            link(tool)


def build(tool: Tool) -> None:
    """Build a tool into its folder, which appears only when it is whole."""
    BIN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=BIN) as name:
        unfinished = Path(name)
        binary = unfinished / tool.name
        steps.run(
            ["go", "build", "-trimpath", "-ldflags", link_flags(tool), "-o", binary, tool.package],
            cwd=tool.module,
            env=GO_ENVIRONMENT,
            log=CACHE / "logs" / f"{tool.name}.log",
        )
        for program in tool.programs:
            (unfinished / program).symlink_to(tool.name)
        unfinished.chmod(0o755)
        unfinished.rename(tool.directory)
        unfinished.mkdir()


def link_flags(tool: Tool) -> str:
    """No symbol tables, and the version that the program reports."""
    stamp = f" -X {tool.version_symbol}={tool.version}" if tool.version_symbol else ""
    return f"-s -w{stamp}"


def link(tool: Tool) -> None:
    """Point CACHE/bin/PROGRAM to the tool's programs, so that one folder on the PATH has them all."""
    for program in tool.programs or (tool.name,):
        target = Path(tool.directory.name) / program
        current = BIN / program
        if not current.is_symlink() or current.readlink() != target:
            unfinished = BIN / f".{program}.{os.getpid()}"
            unfinished.symlink_to(target)
            unfinished.replace(current)


def install_packages(names: Sequence[str] = ()) -> None:
    """Install the named Debian packages, or the node's, where missing; nothing is looked up when none is."""
    wanted = [one for one in DEBIAN_PACKAGES if one.name in names or (one.node and not names)]
    missing = [package.name for package in wanted if package.missing()]
    if not missing:
        return
    with steps.step(f"install Debian packages: {' '.join(missing)}"), services_not_started():
        apt = {"DEBIAN_FRONTEND": "noninteractive"}
        log = CACHE / "logs" / "apt.log"
        steps.run(["apt-get", "update", "-q"], env=apt, log=log)
        options = ["-y", "-q", "--no-install-recommends"]
        steps.run(["apt-get", "install", *options, *missing], env=apt, log=log)


@contextlib.contextmanager
def services_not_started() -> Iterator[None]:
    """Keep the packages' own services from being started: the cluster runs its own instances."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def program() -> int:
    """The command line: build the named tools, or install everything."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.tools", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of: {', '.join(t.name for t in TOOLS)}")
    parser.add_argument("--packages", action="store_true", help="only the Debian packages")
    chosen = parser.parse_args()
    if unknown := set(chosen.name) - {tool.name for tool in TOOLS}:
        parser.error(f"unknown tool: {', '.join(sorted(unknown))}")
    if not chosen.name:
        install_packages()
    if not chosen.packages:
        install(chosen.name)
    return 0


if __name__ == "__main__":
    steps.main(program)
