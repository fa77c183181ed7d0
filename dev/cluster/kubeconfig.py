"""Kubeconfig files with their certificates inside, so that each can be copied anywhere."""

import base64
from pathlib import Path

from dev.cluster import files


def render(*, server: str, cluster: str, user: str, pki: Path) -> str:
    """The text of a kubeconfig for a user whose certificate is in the folder `pki`."""
    return f"""\
apiVersion: v1
kind: Config
current-context: {cluster}
clusters:
  - name: {cluster}
    cluster:
      server: {server}
      certificate-authority-data: {encoded(pki / "ca.crt")}
contexts:
  - name: {cluster}
    context:
      cluster: {cluster}
      user: {user}
users:
  - name: {user}
    user:
      client-certificate-data: {encoded(pki / f"{user}.crt")}
      client-key-data: {encoded(pki / f"{user}.key")}
"""


def write(file: Path, text: str) -> None:
    """Write a kubeconfig that only its owner may read, whole or not at all."""
    files.write(file, text, mode=0o600)


def encoded(file: Path) -> str:
    """A file's content as kubeconfigs hold it."""
    return base64.b64encode(file.read_bytes()).decode()
