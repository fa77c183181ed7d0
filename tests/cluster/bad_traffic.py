"""Objects whose gateway, rollout or fallback the API server refuses, and the words that it uses."""

import pytest

from tests.cluster.bad_fields import quality, rollout, route
from tests.cluster.objects import GOOD, spec

BAD_TRAFFIC = [
    pytest.param(spec(gateway={"provider": "Istio"}), ("spec.gateway.provider", 'Unsupported value: "Istio": supported values: "Embedded", "GatewayAPI", "None"'), id="gateway of others"),
    pytest.param(spec(gateway={"stickyHeader": "X-User"}), ("spec.gateway.stickyHeader", "should match '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'"), id="header in capitals"),
    pytest.param(spec(gateway={"replicas": 0}), ("spec.gateway.replicas", "should be greater than or equal to 1"), id="a gateway of nobody"),
    pytest.param(spec(gateway={"timeouts": {"firstToken": "soon"}}), ("spec.gateway.timeouts.firstToken", "should match '"), id="time-out in words"),
    pytest.param(
        spec(gateway={"resources": {"limits": {"memory": "128Mi"}}}),
        "gateway.resources: a limit of at least 256Mi",
        id="a gateway without memory",
    ),
    pytest.param(
        spec(gateway={"longRequests": {"maxRequestsPerReplica": 1024}}),
        "gateway.longRequests.maxRequestsPerReplica: not below gateway.maxRequestsPerReplica (1024",
        id="as many long requests as there may be of all",
    ),
    pytest.param(
        spec(gateway={"maxRequestBytes": 2048, "longRequests": {"fromBytes": 4096}}),
        "gateway.longRequests.fromBytes: above gateway.maxRequestBytes (4194304",
        id="long requests that are too long",
    ),
    pytest.param(
        spec(gateway={"longRequests": {"fromBytes": 7}}),
        ("spec.gateway.longRequests.fromBytes", "should be greater than or equal to 1024"),
        id="long requests of a few bytes",
    ),
    pytest.param(
        spec(gateway={"provider": "GatewayAPI"}), "gateway.parentRef: provider GatewayAPI needs the name of a Gateway", id="a route to nowhere"
    ),
    pytest.param(
        spec(gateway={"provider": "GatewayAPI", "parentRef": {}}), "spec.gateway.parentRef.name: Required value", id="a gateway without a name"
    ),
    pytest.param(
        spec(gateway={"provider": "GatewayAPI", "parentRef": {"name": "Edge!"}}), ("spec.gateway.parentRef.name", "should match '"), id="no name of a gateway"
    ),
    pytest.param(
        spec(gateway={"parentRef": {"name": "edge"}}), "gateway.parentRef: only provider GatewayAPI has it", id="a gateway beside our own"
    ),
    pytest.param(
        spec(gateway={"provider": "None", "hostnames": ["a.example.com"]}), "gateway.hostnames: only provider GatewayAPI has it", id="a host name of nobody"
    ),
    pytest.param(route(hostnames=["https://a.example.com"]), ("spec.gateway.hostnames[0]", "should match '"), id="a url for a host name"),
    pytest.param(route(hostnames=["a.example.com", "a.example.com"]), "duplicate entries for key", id="a host name twice"),
    pytest.param(
        {**route(), "rollout": {"strategy": "Replace"}},
        "rollout.strategy: Replace has to know when running answers have ended",
        id="a replace behind a route",
    ),
    pytest.param(
        {**route(), "rollout": {"strategy": "Canary", "mirror": {"percent": 5}}},
        "rollout.mirror: provider GatewayAPI makes no copies that are bounded",
        id="copies of a route",
    ),
    pytest.param(
        {**route(), "fallback": [GOOD]}, "fallback: provider GatewayAPI has no gateway that could send requests on", id="fallback of a route"
    ),
    pytest.param(spec(gateway={"apiKeys": {}}), "gateway.apiKeys.secretName", id="keys of no Secret"),
    pytest.param(
        spec(gateway={"apiKeys": {"secretName": "Keys"}}), "gateway.apiKeys.secretName", id="no name of a Secret"
    ),
    pytest.param(
        spec(gateway={"apiKeys": {"secretName": "keys", "requestsPerMinute": 0}}),
        "gateway.apiKeys.requestsPerMinute",
        id="no request a minute",
    ),
    pytest.param(
        spec(gateway={"apiKeys": {"secretName": "keys", "limits": [{"client": "a b", "requestsPerMinute": 1}]}}),
        "gateway.apiKeys.limits[0].client",
        id="a client that no Secret can have",
    ),
    pytest.param(
        spec(
            gateway={
                "apiKeys": {
                    "secretName": "keys",
                    "limits": [{"client": "a", "requestsPerMinute": 1}, {"client": "a", "requestsPerMinute": 2}],
                }
            }
        ),
        'duplicate entries for key [client="a"]',
        id="two limits of one client",
    ),
    pytest.param(spec(gateway={"tls": {"only": True}}), "gateway.tls.secretName", id="tls without a certificate"),
    pytest.param(
        spec(gateway={"accessLog": "Some"}), 'supported values: "All", "Failures", "Off"', id="log of some"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary"}, gateway={"provider": "None"}),
        "Canary needs a gateway to split the traffic",
        id="canary without a gateway",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 96}]}), ("spec.rollout.steps[0].weight", "should be less than or equal to 95"), id="nothing to compare with"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 50}, {"weight": 5}]}),
        "weights have to grow",
        id="steps down",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 5}, {"weight": 5}]}),
        "no two steps have the same weight",
        id="the same step twice",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"timeToFirstToken": {"limit": "1h"}}}),
        ("spec.rollout.analysis.timeToFirstToken.limit", "should match '^([1-9][0-9]{0,5}ms|[1-9][0-9]{0,3}s)$'"),
        id="first token in hours",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"timePerOutputToken": {"limit": "81s"}}}),
        "rollout.analysis.timePerOutputToken.limit: at most 80s",
        id="longer than engines tell apart",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"truncated": {"maxPercent": 46}}}),
        ("spec.rollout.analysis.truncated.maxPercent", "should be less than or equal to 45"),
        id="twice as many are nearly all",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"empty": {}}}), "spec.rollout.analysis.empty.maxPercent: Required value", id="a limit without a limit"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"relative": "Sometimes"}}), 'Unsupported value: "Sometimes": supported values: "Auto", "Always", "Never"', id="no such comparison"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "mirror": {}}), "spec.rollout.mirror.percent: Required value", id="copies of nothing"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "mirror": {"percent": 0}}), ("spec.rollout.mirror.percent", "should be greater than or equal to 1"), id="no percent of copies"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "mirror": {"percent": 5, "maxConcurrent": 129}}), ("spec.rollout.mirror.maxConcurrent", "should be less than or equal to 128"), id="too many copies at once"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "mirror": {"percent": 5, "minDuration": "31m"}}), "rollout.mirror.minDuration: above maxDuration", id="copies for longer than for long"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "mirror": {"percent": 5, "maxDuration": "25h"}}), "rollout.mirror.maxDuration: at most 24h", id="copies for days"
    ),
    pytest.param(
        spec(rollout={"skipInitial": True}), "without rollout.from there is nothing to skip", id="nothing to skip"
    ),
    pytest.param(spec(rollout={"from": {"replicas": 1}}), "spec.rollout.from.model: Required value", id="from nothing"),
    pytest.param(spec(rollout={"from": {**GOOD, "replicas": 0}}), "spec.rollout.from.replicas", id="from nobody"),
    pytest.param(
        spec(rollout={"from": {**GOOD, "from": GOOD}}), "spec.rollout.from.from: field not", id="from what is from"
    ),
    pytest.param(
        spec(rollout={"from": {**GOOD, "engine": {"args": ["--port=1"]}}}), "--port is owned", id="a baseline's port"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"quality": {}}}),
        "rollout.analysis.quality: give prompts, webhook, or both",
        id="quality of nothing",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"quality": {"prompts": {}}}}),
        "rollout.analysis.quality.prompts.name: Required value",
        id="prompts without a name",
    ),
    pytest.param(
        spec(
            rollout={
                "strategy": "Canary",
                "analysis": {"quality": {"webhook": {"url": "http://judge.example"}}},
            }
        ),
        "rollout.analysis.quality.webhook.url: write https://",
        id="a judge by plain http",
    ),
    pytest.param(
        spec(
            rollout={
                "strategy": "Canary",
                "analysis": {
                    "quality": {"prompts": {"name": "p"}, "minPassingPercent": 101}
                },
            }
        ),
        "rollout.analysis.quality.minPassingPercent",
        id="more than all prompts",
    ),
    pytest.param(
        rollout("Canary", analysis={"timeToFirstToken": {"limit": "2561s"}}),
        "rollout.analysis.timeToFirstToken.limit: at most 2560s",
        id="a first token later than engines tell apart",
    ),
    pytest.param(
        quality("Canary", prompts={"name": "p"}, timeout="121m"),
        "rollout.analysis.quality.timeout: at most 2h",
        id="an exam of hours",
    ),
    pytest.param(
        quality("Canary", webhook={"url": "https://judge.example", "timeout": "301s"}),
        "rollout.analysis.quality.webhook.timeout: at most 5m",
        id="a judge that takes its time",
    ),
    pytest.param(spec(rollout={"strategy": "Blue"}), 'Unsupported value: "Blue": supported values: "BlueGreen", "Canary", "Replace", "Auto"', id="no such strategy"),
    pytest.param(
        spec(rollout={"strategy": "Auto"}, gateway={"provider": "None"}),
        "Auto chooses between Canary and Replace",
        id="auto without a gateway",
    ),
    pytest.param(
        spec(rollout={"strategy": "Auto", "waitForAccelerators": False}),
        "without waiting Auto is always a Canary",
        id="auto that waits for nothing",
    ),
    pytest.param(
        spec(accelerator={"kind": "CPU"}, rollout={"waitForAccelerators": True}),
        "rollout.waitForAccelerators: kind CPU has none to wait for",
        id="waits for accelerators of a CPU",
    ),
    pytest.param(
        spec(fallback=[GOOD], gateway={"provider": "None"}),
        "fallback: provider None has no gateway that could send requests on",
        id="fallback without a gateway",
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "when": ["Timeout"]}, GOOD]),
        "fallback: every entry has to have the same when",
        id="fallbacks for different reasons",
    ),
    pytest.param(spec(fallback=[{**GOOD, "when": ["Slow"]}]), 'Unsupported value: "Slow": supported values: "Unavailable", "Overloaded", "Timeout"', id="no such reason"),
    pytest.param(spec(fallback=[{**GOOD, "when": []}]), ("spec.fallback[0].when", "should have at least 1 items"), id="fallback for no reason"),
    pytest.param(
        spec(fallback=[{**GOOD, "when": ["Timeout", "Timeout"]}]), "duplicate entries for key", id="the same reason twice"
    ),
    pytest.param(spec(fallback=[GOOD] * 5), "must have at most 4 items", id="five fallbacks"),
    pytest.param(spec(fallback=[{**GOOD, "replicas": 0}]), ("spec.fallback[0].replicas", "should be greater than or equal to 1"), id="a fallback of nobody"),
    pytest.param(spec(fallback=[{"replicas": 1}]), "spec.fallback[0].model: Required value", id="fallback without a model"),
    pytest.param(
        spec(fallback=[{**GOOD, "gateway": {}}]), "spec.fallback[0].gateway: field not", id="a fallback's own gateway"
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "engine": {"args": ["--port=1"]}}]), "--port is owned", id="a fallback's port"
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "accelerator": {"kind": "CPU", "count": 1}}]), "set kind: GPU", id="a fallback's count of cpus"
    ),
    pytest.param(
        spec(fallback=[{"model": "m", "source": "pvc://m", "cache": {"size": "1Gi"}}]),
        "pvc:// is a volume of yours",
        id="a fallback's cache of one's own claim",
    ),
]  # fmt: skip
