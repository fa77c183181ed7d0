"""What programs and files of this machine say; nothing where they are not there."""

# Read by dev.preflight, which runs on Pythons that are too old for all else.
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from dev import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


def there(path: Path) -> bool:
    """Whether a file or folder is there for this user: what lies below a folder of somebody else's is not."""
    # Path.exists() raises PermissionError where os.path says no.
    return os.path.exists(path)  # noqa: PTH110


def home() -> Path:
    """The user's home; the present folder where neither HOME nor the system tells of one."""
    try:
        return Path.home()
    except RuntimeError:
        return Path()


def said(program: str, *words: str) -> str:
    """What a program prints; nothing where it is not there or fails."""
    try:
        # At the root no go.mod is near, which Go would otherwise follow.
        result = subprocess.run(
            [program, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            cwd="/",
        )
    except OSError:
        return ""
    return "" if result.returncode else result.stdout.decode().strip()


def current_server(environment: Mapping[str, str]) -> str:
    """The API server that kubectl speaks to, or the context's name without a kubectl; empty without a context."""
    chosen = environment.get("KUBECONFIG") or str(home() / ".kube" / "config")
    files = [Path(name) for name in chosen.split(os.pathsep) if name]
    built = paths.CACHE / "bin" / "kubectl"
    kubectl = shutil.which("kubectl") or (str(built) if there(built) else "")
    if kubectl:
        form = "--output=jsonpath={.clusters[0].cluster.server}"
        return said(kubectl, "config", "view", "--minify", form)
    return next(filter(None, (current_context(text(file)) for file in files)), "")


def current_context(kubeconfig: str) -> str:
    """The current context's name in the text of a kubeconfig, YAML or JSON; empty where it has none."""
    match = re.search(
        r"""^[\s{]*["']?current-context["']?:[ \t]*["']?([^\s"',}]+)""", kubeconfig, re.MULTILINE
    )
    return match[1] if match else ""


def text(file: Path) -> str:
    """A file's text; nothing where it cannot be read."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
