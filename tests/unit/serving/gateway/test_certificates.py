"""What of a Secret may be shown to clients as a certificate."""

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from deepseek_serving.gateway import certificates
from deepseek_serving.gateway.certificates import Pair

KNOWN = Pair(b"known", b"key")


@pytest.fixture(scope="module")
def entries() -> dict[str, bytes]:
    issued = trustme.CA().issue_cert("chat.team.svc")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return {"tls.crt": chain, "tls.key": issued.private_key_pem.bytes(), "ca.crt": b"not read"}


def test_a_pair_that_fits_is_taken(entries: dict[str, bytes]) -> None:
    read = certificates.read(entries, KNOWN)

    assert read == Pair(entries["tls.crt"], entries["tls.key"])


def test_comments_in_any_language_do_no_harm(entries: dict[str, bytes]) -> None:
    """As `openssl x509 -text` writes them."""
    read = certificates.read(
        {**entries, "tls.crt": "Subject: Müller\n".encode() + entries["tls.crt"]}, KNOWN
    )

    assert read.trouble == ()
    certificates.secret(read)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"tls.key": b""}, "has no tls.key", id="no key"),
        pytest.param({"tls.crt": b"\n"}, "has no tls.crt", id="no certificate"),
        pytest.param({"tls.crt": b"nonsense"}, "are no pair in PEM", id="nonsense"),
        pytest.param(
            {"tls.key": trustme.CA().issue_cert("a").private_key_pem.bytes()},
            "tls.key is not the key of the certificate in tls.crt",
            id="another's key",
        ),
    ],
)
def test_what_does_not_fit_changes_nothing(
    entries: dict[str, bytes], change: dict[str, bytes], said: str
) -> None:
    read = certificates.read({**entries, **change}, KNOWN)

    assert (read.certificate, read.key) == (KNOWN.certificate, KNOWN.key)
    assert said in read.trouble[0]
    assert "PRIVATE" not in f"{read!r}{read.trouble}"


def test_a_key_with_a_password_asks_nobody_for_it(entries: dict[str, bytes]) -> None:
    key = serialization.load_pem_private_key(entries["tls.key"], None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"walnut"),
    )

    [said] = certificates.read({**entries, "tls.key": locked}, Pair()).trouble

    assert "without a password" in said
