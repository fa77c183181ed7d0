"""LeaderWorkerSet on the embedded cluster: its kinds, and its real controller beside the cluster with its webhooks."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trustme
import yaml

from dev import leader_worker_set, steps, tools
from dev.cluster.layout import HOST_ADDRESS, free_ports
from tests.cluster.leader_worker_sets import registration, settings
from tests.e2e.line import Line, wait_until

_KINDS = ("mutating", "validating")


@contextlib.contextmanager
def leader_worker_sets(line: Line) -> Iterator[None]:
    """While it lasts the cluster has them. Their webhooks stop every pod where they do not answer, so these go first."""
    tools.install(["lws"])
    leader_worker_set.fetch()
    place = line.target.embedded
    assert place is not None, "the API server of another cluster does not reach this machine"
    for file in leader_worker_set.definitions():
        line.run("apply", "--server-side", f"--filename={file}")
    webhook, health = free_ports(2)
    with (
        tempfile.TemporaryDirectory() as name,
        _program(Path(name), place.kubeconfig, webhook, health) as trusted,
    ):
        try:
            for kind in _KINDS:
                body = registration(kind, port=webhook, trusted=trusted, host=HOST_ADDRESS)
                line.run("apply", "--filename=-", stdin=json.dumps(body))
            yield
        finally:
            for kind in _KINDS:
                with contextlib.suppress(steps.StepError):
                    line.run("delete", f"{kind}webhookconfiguration", "lws", "--ignore-not-found")


@contextlib.contextmanager
def _program(folder: Path, kubeconfig: Path, webhook: int, health: int) -> Iterator[bytes]:
    """The controller; what its webhooks are trusted by."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST_ADDRESS)
    (folder / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "tls.key").write_bytes(issued.private_key_pem.bytes())
    configuration, log = folder / "lws.yaml", folder / "lws.log"
    configuration.write_text(yaml.safe_dump(settings(folder, webhook, health, host=HOST_ADDRESS)))
    with log.open("wb") as output:
        program = subprocess.Popen(
            [str(tools.path("lws")), f"--config={configuration}"],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(
            lambda: _answers(webhook), what=f"the webhooks of {log.read_text()}", seconds=120
        )
        yield authority.cert_pem.bytes()
    finally:
        program.terminate()
        program.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST_ADDRESS, port), timeout=1):
        return True
    return False
