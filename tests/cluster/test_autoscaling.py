"""An object with autoscaling on a real control plane: it grows and shrinks by what engines tell, and by nobody else."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.errors import Waiting
from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import revision_of
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.telemetry.gateways import is_ready
from tests.cluster.objects import IMAGES, JSON_MERGE, Cluster, Manifest, Refused, deepseek

ELASTIC = {"autoscaling": {"max": 3, "scaleDownDelay": "1m"}}


@dataclass
class Passes:
    """Passes 15 seconds apart by their clock, over engines whose caches are all used alike."""

    kube: Kube
    cluster: Cluster
    use: float = 0.0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def ask(self, pods: Sequence[Manifest]) -> tuple[Engine, ...]:
        figures = EngineFigures(finished={"stop": 9}, running=1.0, waiting=0.0, cache_use=self.use)
        return tuple(
            Engine(pod["metadata"]["name"], revision_of(pod) or "", is_ready(pod), figures=figures)
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
        )

    async def until(self, replicas: int) -> Manifest:
        """The object's status, once so many are asked for and answer."""
        deadline = time.monotonic() + 60
        key = Key(self.cluster.namespace, "chat")
        while True:
            self.now += timedelta(seconds=15)
            try:
                await reconcile(self.kube, key, images=IMAGES, now=self.now, ask_engines=self.ask)
            except Waiting:
                continue
            status: Manifest = (await self.cluster.get("chat"))["status"]
            serving = status.get("serving", {})
            if (serving.get("replicas"), serving.get("readyReplicas")) == (replicas, replicas):
                return status
            if time.monotonic() > deadline:
                raise AssertionError(f"not {replicas}: {status}")
            # Pods start by the clock on the wall.
            await asyncio.sleep(0.2)


async def test_it_grows_and_shrinks_by_what_engines_tell(kube: Kube, cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, **ELASTIC))
    passes = Passes(kube, cluster)
    status = await passes.until(1)
    assert status["autoscaling"][0]["reason"] == "Started"

    passes.use = 0.95
    status = await passes.until(3)
    assert status["autoscaling"][0]["reason"] == "Use"
    spec = (await cluster.get("chat"))["spec"]
    assert spec["replicas"] == 1, "what is decided is never written into the spec"
    scale = await cluster.send("GET", cluster.path("chat") + "/scale")
    assert scale["status"]["replicas"] == 3

    passes.use = 0.1
    status = await passes.until(1)
    assert status["autoscaling"][0]["reason"] == "Spare"
    events = await cluster.list("api/v1", "events")
    told = [one["reason"] for one in events if one["reason"].startswith("Scaled")]
    assert {"ScaledStarted", "ScaledUse", "ScaledSpare"} <= set(told)


async def test_another_autoscaler_is_refused_beside_it(cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, **ELASTIC))

    with pytest.raises(Refused, match="replicas: autoscaling sets the number"):
        await cluster.send(
            "PATCH",
            cluster.path("chat") + "/scale",
            {"spec": {"replicas": 2}},
            content=JSON_MERGE,
        )
