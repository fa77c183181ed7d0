"""The Debian packages that set-up installs, and what each is known by."""

import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
    # Ubuntu has it not by itself, and debootstrap takes Debian's packages unsigned then, from a mirror with TLS.
    DebianPackage("debian-archive-keyring", ("/usr/share/keyrings/debian-archive-keyring.gpg",)),
    DebianPackage("buildah", ("buildah",)),
    # What the layers of the images are packed with: a test reads them.
    DebianPackage("zstd", ("zstd",)),
    # What fetching weights is measured beside.
    DebianPackage("curl", ("curl",)),
    # Its promtool reads rules of alerts and tries them, in tests alone.
    DebianPackage("prometheus", ("promtool",), node=False),
    # What starts the ranks of an engine over several pods, which a campaign's test runs for real.
    DebianPackage("openmpi-bin", ("mpirun", "orted"), node=False),
    # What an agent that enforces NetworkPolicies calls, in a campaign's test.
    DebianPackage("ipset", ("ipset",), node=False),
    DebianPackage("iptables", ("iptables",), node=False),
    # The venv module of Debian's own Python cannot install pip without it.
    DebianPackage("python3-venv", ("module:ensurepip",), node=False),
)


def present(file: str) -> bool:
    """Whether an absolute path exists, a Python module, or a program of that name on the path."""
    if file.startswith("module:"):
        return importlib.util.find_spec(file.removeprefix("module:")) is not None
    if file.startswith("/"):
        return Path(file).exists()
    return bool(shutil.which(file, path=search_path()))


def search_path() -> str:
    """Where programs are looked for: a user may have become root without root's PATH."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def missing(names: Sequence[str] = ()) -> list[str]:
    """Of the named packages, or else of the node's, those that are not installed."""
    wanted = [one for one in DEBIAN_PACKAGES if one.name in names or (one.node and not names)]
    return [package.name for package in wanted if package.missing()]


def remedy(program: str) -> str:
    """What to do about a program that is not there."""
    if program == "go":
        return "install Go from https://go.dev/dl"
    found = [package.name for package in DEBIAN_PACKAGES if program in package.files]
    return f"apt-get install {found[0] if found else program}"
