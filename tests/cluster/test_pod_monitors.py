"""PodMonitors on a real API server with the real kind of Prometheus Operator, which comes while objects are served."""

import functools

from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import Monitoring
from deepseek_operator.reconcile import Key
from tests.cluster.objects import JSON_MERGE, Cluster, deepseek
from tests.cluster.passes import one_pass, settle
from tests.cluster.pod_monitors import MONITORS, kinds, monitor

ASKED = Monitoring({"release": "prometheus"})


async def test_a_cluster_that_learns_of_them_gets_them_and_keeps_them(
    cluster: Cluster, kube: Kube
) -> None:
    key = Key(cluster.namespace, "chat")
    look = functools.partial(one_pass, kube, key, monitoring=ASKED)
    await cluster.apply(deepseek("chat", cluster.namespace))
    await settle(kube, cluster, "chat")
    # Without the kind nothing is asked for, and nothing is wrong.
    assert (await look()).writes == 0

    served = MONITORS.format(cluster.namespace)
    async with kinds(cluster):
        assert (await look()).writes == 1
        made = await monitor(cluster)
        assert made is not None
        assert made["metadata"]["labels"]["release"] == "prometheus"
        assert made["metadata"]["ownerReferences"][0]["kind"] == "DeepSeekDeployment"
        # What the server adds to what is applied is no difference: a pass at rest writes nothing.
        assert (await look()).writes == 0

        edited = {"spec": {"podMetricsEndpoints": [{"port": "theirs"}], "selector": {}}}
        await cluster.send("PATCH", f"{served}/chat", edited, content=JSON_MERGE)
        await look()
        assert (await look()).writes == 0
        repaired = await monitor(cluster)
        assert repaired is not None
        assert repaired["spec"] == made["spec"]

        await cluster.send("DELETE", f"{served}/chat")
        assert (await look()).writes == 1
        again = await monitor(cluster)
        assert again is not None
        assert again["spec"] == made["spec"]
    assert (await look()).writes == 0
