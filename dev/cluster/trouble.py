"""Why pods of the cluster itself do not become ready, as its API tells."""

from typing import Any

from dev.cluster import client

NAMESPACE = "kube-system"
MOST_EVENTS = 3

Manifest = dict[str, Any]


def told(connection: client.Client) -> list[str]:
    """What is known of pods that are not ready; nothing where the API server does not answer."""
    try:
        pods = connection.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        events = connection.get(f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
    except (OSError, client.Refused):
        return []
    return words(pods, events)


def words(pods: list[Manifest], events: list[Manifest]) -> list[str]:
    """A line for each pod that is not ready, and the last warnings."""
    lines = [_state(pod) for pod in pods if not _is_ready(pod)]
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: event.get("lastTimestamp") or "")
    return lines + [
        f"{event['involvedObject']['name']}: {event['reason']}: {event['message']}"
        for event in warnings[-MOST_EVENTS:]
    ]


def _is_ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _state(pod: Manifest) -> str:
    status = pod.get("status", {})
    said = [f"{pod['metadata']['name']}: {status.get('phase', 'not yet seen')}"]
    for container in status.get("containerStatuses", []):
        for state in (container.get("state", {}), container.get("lastState", {})):
            for kind, found in state.items():
                # One that runs and is not ready says no more than that.
                detail = found.get("message") or found.get("reason") or ""
                said.append(f"{container['name']} {kind} {detail}".rstrip())
        said.append(f"{container.get('restartCount', 0)} restarts")
    return ", ".join(said)
