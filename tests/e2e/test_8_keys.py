"""Keys and a certificate from Secrets that a real kubelet mounts: exchanged under load, and users notice nothing."""

import base64
import datetime as dt
import json
import ssl
import urllib.error
from collections.abc import Iterator, Mapping

import pytest
import trustme

from dev.demo.load import stream
from tests.e2e.crowd import Crowd
from tests.e2e.line import START_SECONDS, Line, deepseek, wait_until

pytestmark = pytest.mark.campaign

NAME = "locked"
KEYS, TLS = "locked-keys", "locked-tls"
ALICE, BOB, NEW = "alice-key-0123456789", "bob-key-0123456789", "alice-key-of-tomorrow"

SYNC_SECONDS = 180.0
"""The kubelet mounts a changed Secret within its period of a minute and what it keeps of it, or later when busy."""


def secret(name: str, entries: Mapping[str, bytes], kind: str = "Opaque") -> dict[str, object]:
    data = {entry: base64.b64encode(content).decode() for entry, content in entries.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": kind,
        "data": data,
    }


def apply_keys(line: Line, **keys: str) -> None:
    line.run(
        "apply",
        "--filename=-",
        stdin=json.dumps(secret(KEYS, {name: key.encode() for name, key in keys.items()})),
    )


def apply_pair(line: Line, authority: trustme.CA, *, days: int = 300) -> None:
    """A new certificate for the address of the clients' Service."""
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    issued = authority.issue_cert(address(line), f"{NAME}.svc", not_after=end)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    entries = {"tls.crt": chain, "tls.key": issued.private_key_pem.bytes()}
    line.run("apply", "--filename=-", stdin=json.dumps(secret(TLS, entries, "kubernetes.io/tls")))


def address(line: Line) -> str:
    return str(line.json("get", "service", NAME)["spec"]["clusterIP"])


def condition(line: Line) -> tuple[str, str, str]:
    """Status, reason and message of SecretsReady."""
    conditions = line.get(NAME)["status"]["conditions"]
    found = [item for item in conditions if item["type"] == "SecretsReady"]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")


def status_of(url: str, key: str, trust: ssl.SSLContext | None = None) -> int:
    """What a client with this key is answered."""
    try:
        stream(url, NAME, headers={"Authorization": f"Bearer {key}"}, trust=trust, max_tokens=1)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.fixture(scope="module")
def locked(line: Line) -> Iterator[Line]:
    """An object that serves whoever comes."""
    line.apply(deepseek(NAME))
    line.ready(NAME, seconds=START_SECONDS)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        line.run("delete", "secret", KEYS, TLS, "--ignore-not-found")


def test_a_secret_that_is_not_there_stops_nobody_and_is_named(locked: Line) -> None:
    gateway = {"replicas": 1, "apiKeys": {"secretName": KEYS}}
    with Crowd(locked.url(NAME), NAME, headers={"Authorization": f"Bearer {ALICE}"}) as crowd:
        crowd.wait_for_more()
        locked.apply(deepseek(NAME, gateway=gateway))
        wait_until(
            lambda: condition(locked)[1] == "SecretNotFollowed",
            what="the object names the Secret",
            seconds=SYNC_SECONDS,
        )
        assert f"gateway.apiKeys.secretName: Secret {KEYS}" in condition(locked)[2]
        crowd.wait_for_more()
        apply_keys(locked, alice=ALICE, bob=BOB)
        wait_until(
            lambda: condition(locked)[0] == "True",
            what="the Secret is followed",
            seconds=SYNC_SECONDS,
        )
        locked.ready(NAME, seconds=SYNC_SECONDS)
        crowd.wait_for_more()

    assert crowd.failures == []
    assert status_of(locked.url(NAME), "wrong-key-0123456789") == 401


def test_a_key_is_exchanged_under_load(locked: Line) -> None:
    url = locked.url(NAME)
    with Crowd(url, NAME, headers={"Authorization": f"Bearer {BOB}"}) as crowd:
        apply_keys(locked, alice=f"{NEW}\n{ALICE}", bob=BOB)
        wait_until(lambda: status_of(url, NEW) == 200, what="the new key", seconds=SYNC_SECONDS)
        assert status_of(url, ALICE) == 200
        apply_keys(locked, alice=NEW, bob=BOB)
        wait_until(
            lambda: status_of(url, ALICE) == 401, what="the old key goes", seconds=SYNC_SECONDS
        )
        crowd.wait_for_more()

    assert crowd.failures == []
    [pod] = locked.json("get", "pods", f"--selector=serving.deepseek.dev/gateway={NAME}")["items"]
    logs = locked.run("logs", pod["metadata"]["name"], "--all-containers")
    everything = logs + json.dumps(locked.json("get", "configmaps,deepseekdeployments"))
    for key in (ALICE, BOB, NEW):
        assert key not in everything


def test_a_certificate_is_renewed_under_load_and_told_of_in_time(locked: Line) -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    apply_pair(locked, authority, days=7)
    gateway = {
        "replicas": 1,
        "apiKeys": {"secretName": KEYS},
        "tls": {"secretName": TLS, "only": True},
    }
    locked.apply(deepseek(NAME, gateway=gateway))
    wait_until(
        lambda: condition(locked)[1] == "CertificateExpiring",
        what="the object says when the certificate ends",
        seconds=SYNC_SECONDS,
    )
    url = f"https://{address(locked)}"
    wait_until(
        lambda: len(locked.json("get", "service", NAME)["spec"]["ports"]) == 1,
        what="port 80 is closed",
        seconds=SYNC_SECONDS,
    )
    with Crowd(url, NAME, headers={"Authorization": f"Bearer {BOB}"}, trust=trust) as crowd:
        crowd.wait_for_more()
        apply_pair(locked, authority)
        wait_until(
            lambda: condition(locked)[1] == "SecretsFollowed",
            what="the new certificate is shown",
            seconds=SYNC_SECONDS,
        )
        crowd.wait_for_more()

    assert crowd.failures == []
    assert locked.get(NAME)["status"]["url"].startswith("https://")
