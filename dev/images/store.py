"""Buildah with a store of its own, so that no other image or container of the machine is touched."""

from collections.abc import Sequence
from pathlib import Path

from dev import shared, steps
from dev.paths import CACHE

STORE = CACHE / "buildah"
RUN_ROOT = Path("/run/deepseek-operator-buildah")
LOG = CACHE / "logs" / "images.log"
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def buildah(command: str, *arguments: str | Path) -> str:
    """Run one buildah command and return what it prints."""
    driver = "overlay" if overlay_is_known() else "vfs"
    store: list[str | Path] = ["--root", STORE, "--runroot", RUN_ROOT, "--storage-driver", driver]
    # What it unpacks and compresses would go to /var/tmp: preflight looks at the disk of the store.
    with shared.unfinished(STORE.parent) as work:
        environment = {"TMPDIR": str(work)}
        return steps.run(["buildah", *store, command, *arguments], env=environment, log=LOG)


def overlay_is_known() -> bool:
    """Whether the kernel can stack layers; the vfs driver copies each of them instead."""
    return "\toverlay\n" in Path("/proc/filesystems").read_text()


def isolation() -> list[str]:
    """Options of steps that run in a container: no runtime needed, the machine's own network."""
    options = ["--isolation", "chroot"]
    if HOST_CERTIFICATES.exists():
        # What the machine trusts, an installer inside must trust; it is not kept in the image.
        options += ["--volume", f"{HOST_CERTIFICATES}:{HOST_CERTIFICATES}:ro"]
    return options


def image_id(reference: str) -> str:
    """The identity of an image in the store, or nothing."""
    names = buildah("images", "--no-trunc", "--format", "{{.ID}} {{.Name}}:{{.Tag}}")
    return next((line.split()[0] for line in names.splitlines() if reference in line.split()), "")


def label(reference: str, name: str) -> str:
    """A label of an image in the store; nothing when the image is not there."""
    identity = image_id(reference)
    if not identity:
        return ""
    form = f'{{{{index .OCIv1.Config.Labels "{name}"}}}}'
    return buildah("inspect", "--type", "image", "--format", form, identity).strip()


def run_in(reference: str, name: str, options: Sequence[str], command: Sequence[str]) -> str:
    """Run a command as root in a container of an image; a container that a killed run left goes first."""
    remove_container(name)
    buildah("from", "--name", name, "--pull-never", reference)
    try:
        return buildah(
            "run", "--user", "0:0", "--isolation", "chroot", *options, name, "--", *command
        )
    finally:
        remove_container(name)


def remove_container(name: str) -> None:
    """Remove a container if it is there."""
    if name in buildah("containers", "--format", "{{.ContainerName}}").split():
        buildah("rm", name)
