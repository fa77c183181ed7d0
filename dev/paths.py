"""Where the development tools keep things: caches by version, state by cluster."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

CACHE = Path(os.environ.get("DSO_CACHE") or "/var/cache/deepseek-operator")
"""Everything that is expensive to build and safe to delete; one directory a version."""

STATE = Path(os.environ.get("DSO_STATE") or "/var/lib/deepseek-operator")
"""What running clusters need: etcd data, certificates, kubeconfigs, logs."""


def kubeconfig(cluster: str = "dev") -> Path:
    """The administrator's kubeconfig of an embedded cluster."""
    return STATE / cluster / "kubeconfig"
