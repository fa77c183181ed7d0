"""The certificate that clients are shown: what of a Secret may be shown, and Envoy's side of it."""

import base64
import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deepseek_serving.gateway.parts import TYPE, Config, from_agent

CERTIFICATE_FILE, KEY_FILE = "tls.crt", "tls.key"
"""Entries of a Secret of type kubernetes.io/tls."""
NAME = "clients"
"""Of Envoy's secret."""
TLS_PORT = 8443


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with those above it, and its private key; prints neither."""

    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    trouble: tuple[str, ...] = ()
    """Why the Secret is not followed."""

    @property
    def is_there(self) -> bool:
        """Whether there is one to show."""
        return bool(self.certificate)


def read(entries: Mapping[str, bytes], known: Pair) -> Pair:
    """The pair of a Secret; the one of before where it has none that fits."""
    wrong = _wrong(entries)
    if wrong is not None:
        return Pair(known.certificate, known.key, (wrong,))
    return Pair(entries[CERTIFICATE_FILE], entries[KEY_FILE])


def _wrong(entries: Mapping[str, bytes]) -> str | None:
    for name in (CERTIFICATE_FILE, KEY_FILE):
        if not entries.get(name, b"").strip():
            return f"it is not there or has no {name}: make one of type kubernetes.io/tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with _in_memory(entries[CERTIFICATE_FILE]) as chain, _in_memory(entries[KEY_FILE]) as key:
            # With no password: a key that needs one would be asked for on a terminal.
            context.load_cert_chain(chain, key, password="")
    except (ssl.SSLError, ValueError) as error:
        return _said(error)
    return None


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A file that is on no disk: Python reads pairs from files alone."""
    number = os.memfd_create("pair")
    file = Path(f"/proc/self/fd/{number}")
    try:
        file.write_bytes(content)
        yield str(file)
    finally:
        os.close(number)


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None) or type(error).__name__
    if reason == "KEY_VALUES_MISMATCH":
        return f"{KEY_FILE} is not the key of the certificate in {CERTIFICATE_FILE}"
    return f"{CERTIFICATE_FILE} and {KEY_FILE} are no pair in PEM without a password ({reason})"


def socket() -> Config:
    """How a listener speaks TLS: 1.2 or newer, with HTTP/2 for who can."""
    secret = {
        "name": NAME,
        # Without a certificate Envoy does not listen.
        "sds_config": {**from_agent(), "initial_fetch_timeout": "0s"},
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificate_sds_secret_configs": [secret],
            },
        },
    }


def secret(pair: Pair) -> Config:
    """What Envoy is to show; new connections see it, old ones stay."""
    return {
        "name": NAME,
        "tls_certificate": {
            "certificate_chain": {"inline_bytes": base64.b64encode(pair.certificate).decode()},
            "private_key": {"inline_bytes": base64.b64encode(pair.key).decode()},
        },
    }
