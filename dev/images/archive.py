"""OCI archives: what an archive says about the image in it."""

import json
import tarfile
from pathlib import Path
from typing import Any

INPUTS_LABEL = "dev.deepseek.serving.inputs"
"""A hash of everything that an image was built from."""


def inputs(archive: Path) -> str:
    """The hash of the inputs that the image in an archive was built from; nothing without a whole one."""
    try:
        with tarfile.open(archive) as tar:
            found = config(tar, manifest(tar))
    except (OSError, KeyError, tarfile.TarError):
        return ""
    return str(found.get("config", {}).get("Labels", {}).get(INPUTS_LABEL, ""))


def manifest(tar: tarfile.TarFile) -> Any:
    """The manifest of an archive's first image: its configuration and layers by digest."""
    index = member(tar, "index.json")
    return member(tar, blob(index["manifests"][0]["digest"]))


def config(tar: tarfile.TarFile, of: Any) -> Any:
    """The configuration of the image with that manifest."""
    return member(tar, blob(of["config"]["digest"]))


def blob(digest: str) -> str:
    """Where the archive keeps a blob."""
    return "blobs/" + digest.replace(":", "/", 1)


def member(tar: tarfile.TarFile, name: str) -> Any:
    """The JSON document of that name; KeyError when it is not in the archive."""
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return json.load(file)
