"""Kubeconfigs: complete in one file, and only for their owner."""

import base64
from pathlib import Path

import pytest
import yaml

from dev.cluster import kubeconfig


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    folder = tmp_path / "pki"
    folder.mkdir()
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (folder / name).write_text(f"content of {name}")
    return folder


def render(pki: Path) -> str:
    return kubeconfig.render(server="https://10.0.0.1:6443", cluster="dev", user="admin", pki=pki)


def test_a_kubeconfig_holds_its_certificates(pki: Path) -> None:
    config = yaml.safe_load(render(pki))

    context = config["contexts"][0]
    assert config["current-context"] == context["name"] == "dev"
    assert context["context"] == {"cluster": "dev", "user": "admin"}
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster["server"] == "https://10.0.0.1:6443"
    found = (
        cluster["certificate-authority-data"],
        user["client-certificate-data"],
        user["client-key-data"],
    )
    assert [base64.b64decode(text).decode() for text in found] == [
        "content of ca.crt",
        "content of admin.crt",
        "content of admin.key",
    ]


def test_only_the_owner_may_read_it_and_it_appears_whole(tmp_path: Path) -> None:
    file = tmp_path / "config" / "admin.kubeconfig"

    kubeconfig.write(file, "one")
    kubeconfig.write(file, "two")

    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
