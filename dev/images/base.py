"""The base of every image where there is no registry: a minimal Debian made by debootstrap."""

import hashlib
import tempfile
from pathlib import Path

from dev import packages, shared, steps
from dev.images import store
from dev.paths import CACHE

SUITE = "bookworm"
REFERENCE = f"localhost/deepseek-operator/base:{SUITE}"

PACKAGES = ("debootstrap", "debian-archive-keyring")
"""What makes it, and the keys that Debian's packages are checked with, where the suite's script looks for them."""

# In a mount namespace of its own: whatever ends this, neither /proc nor the tmpfs stays mounted, and the thousands of
# small synchronous writes of dpkg go to memory.
MAKE = f"""
mount -t tmpfs -o size=1g tmpfs "$1"
debootstrap --variant=minbase --include=ca-certificates,python3 {SUITE} "$1"
cd "$1"
echo force-unsafe-io > etc/dpkg/dpkg.cfg.d/speed
printf 'path-exclude=/usr/share/%s/*\\n' doc man locale > etc/dpkg/dpkg.cfg.d/no-documents
rm -rf usr/share/doc/* usr/share/man/* usr/share/locale/* var/cache/apt/* var/lib/apt/lists/* var/log/*
tar --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' -cf "$2" .
"""


def digest() -> str:
    """A hash of how the base is made."""
    return hashlib.sha256(MAKE.encode()).hexdigest()[:12]


def root_file_system() -> Path:
    """The tar of the base; made once, and again when the recipe changes."""
    images = CACHE / "images"
    made = images / f"base-{SUITE}-{digest()}.tar"
    if made.exists():
        return made
    packages.install(PACKAGES)
    with steps.step(f"debootstrap {SUITE}"), shared.unfinished(images) as folder:
        target, whole = folder / "root", folder / made.name
        target.mkdir()
        script = ["sh", "-ec", MAKE, "base", str(target), str(whole)]
        steps.run(["unshare", "--mount", "--propagation", "private", *script], log=store.LOG)
        whole.rename(made)
    return made


def ensure() -> str:
    """Make sure that the base image is in the store; returns its reference, which names the recipe."""
    reference = f"{REFERENCE}-{digest()}"
    if not store.image_id(reference):
        archive = root_file_system()
        with steps.step("import the base image"), tempfile.TemporaryDirectory() as directory:
            dockerfile = Path(directory) / "Dockerfile"
            dockerfile.write_text(f"FROM scratch\nADD {archive.name} /\n")
            tag = ["--format", "oci", "--tag", reference]
            store.buildah("build", *tag, "--file", dockerfile, archive.parent)
    return reference
