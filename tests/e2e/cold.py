"""Whether users met an engine before it was warmed up: what a pod's log says beside when its gate was opened."""

import re
from datetime import UTC, datetime

from tests.e2e.line import Line, Manifest

GATE = "serving.deepseek.dev/warm"

ASKED = re.compile(r'(\S+) INFO:\s+(\S+):\d+ - "POST /v1/\S+ HTTP')
COMPILED = re.compile(r"[Cc]ompil(ing|ed|ation took)|JIT")


def condition(manifest: Manifest, kind: str) -> Manifest:
    """A condition of an object or a pod, empty before there is one."""
    found = manifest.get("status", {}).get("conditions", [])
    return next((item for item in found if item["type"] == kind), {})


def opened_at(pod: Manifest) -> datetime:
    """When the operator opened the pod's gate."""
    return datetime.fromisoformat(condition(pod, GATE)["lastTransitionTime"])


def users_requests(line: Line, pod: Manifest) -> list[datetime]:
    """When users' requests came: not the pod's own probe and not its warm-up."""
    runs = line.json("get", "pods", "--selector=serving.deepseek.dev/warmup")["items"]
    known = {"127.0.0.1", *(run["status"].get("podIP") for run in runs)}
    name = pod["metadata"]["name"]
    log = line.run("logs", name, "--container=engine", "--timestamps")
    return [
        datetime.fromisoformat(found[1].partition(".")[0].rstrip("Z")).replace(tzinfo=UTC)
        for row in log.splitlines()
        if (found := ASKED.search(row)) and found[2] not in known
    ]


def assert_no_user_met_a_cold_engine(line: Line, pods: list[Manifest]) -> int:
    """The users' requests that these pods have had, each after its pod's gate was opened and with nothing compiled since."""
    count = 0
    for pod in pods:
        asked = users_requests(line, pod)
        early = [at for at in asked if at < opened_at(pod)]
        assert early == [], f"{pod['metadata']['name']}: {early}, opened {opened_at(pod)}"
        count += len(asked)
        log = line.run("logs", pod["metadata"]["name"], "--container=engine", "--timestamps")
        first = min(asked, default=datetime.now(UTC))
        late = [row for row in log.splitlines() if COMPILED.search(row) and _time(row) > first]
        assert late == []
    return count


def _time(row: str) -> datetime:
    return datetime.fromisoformat(row.partition(".")[0].rstrip("Z")).replace(tzinfo=UTC)
