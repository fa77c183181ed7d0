"""Certificates: whom they name, what they are good for."""

import shutil
from pathlib import Path

import pytest

from dev import steps
from dev.cluster import pki
from dev.cluster.pki import Certificate


@pytest.mark.parametrize(
    ("certificate", "subject"),
    [
        pytest.param(Certificate("a", "user"), "/CN=user", id="user"),
        pytest.param(
            Certificate("a", "admin", "system:masters"), "/O=system:masters/CN=admin", id="group"
        ),
    ],
)
def test_a_certificate_names_its_user_and_group(certificate: Certificate, subject: str) -> None:
    assert subject == certificate.subject


def test_a_servers_certificate_is_good_for_its_addresses_and_a_clients_for_none() -> None:
    server = Certificate("a", "x", addresses=("10.0.0.1", "localhost", "1.example"))

    assert "subjectAltName=IP:10.0.0.1,DNS:localhost,DNS:1.example" in server.extensions
    assert "extendedKeyUsage=serverAuth,clientAuth" in server.extensions
    assert "extendedKeyUsage=clientAuth" in Certificate("b", "x").extensions


def test_what_is_issued_is_signed_by_its_authority_and_kept(tmp_path: Path) -> None:
    assert shutil.which("openssl"), "the cluster's certificates are made with openssl"
    folder = tmp_path / "pki"
    wanted = (
        Certificate("server", "kube", addresses=("127.0.0.1",)),
        Certificate("proxy", "front", authority="front-proxy-ca"),
    )

    pki.issue_all(folder, wanted)
    first = (folder / "server.crt").read_bytes()
    pki.issue_all(folder, wanted)

    assert first == (folder / "server.crt").read_bytes()
    for name, authority in (("server", "ca"), ("proxy", "front-proxy-ca")):
        trust: list[str | Path] = ["-CAfile", folder / f"{authority}.crt"]
        assert "OK" in steps.run(["openssl", "verify", *trust, folder / f"{name}.crt"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(folder.glob("*.new"))
