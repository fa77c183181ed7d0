"""Lines of an audit log, as the API server writes them."""

import json
from typing import Any

from deepseek_operator.api.names import DEPLOYMENT_LABEL

REVISION = "0123456789"


def line(
    verb: str, resource: str, name: str = "", *, at: int = 0, selector: str = "", sub: str = "",
    user: str = "ours", stage: str = "ResponseComplete", **more: Any,
) -> str:  # fmt: skip
    """One line; `at` in milliseconds."""
    query = f"?labelSelector={selector.replace('=', '%3D').replace('/', '%2F')}" if selector else ""
    entry = {
        "kind": "Event",
        "stage": stage,
        "requestURI": f"/some/path{query}",
        "verb": verb,
        "user": {"username": user, "groups": ["system:masters"]},
        "objectRef": {"resource": resource, "namespace": "n", "name": name, "subresource": sub},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": f"2026-03-01T12:00:00.{at:03d}000Z",
        **more,
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"


def pass_lines(name: str, *, at: int, writes: bool) -> list[str]:
    """A pass over an object: read, list its children, maybe write three things."""
    child = f"{name}-{REVISION}"
    found = [
        line("get", "deepseekdeployments", name, at=at),
        line("list", "services", at=at + 1, selector=f"a=b,{DEPLOYMENT_LABEL}={name}"),
    ]
    if writes:
        found += [
            line("create", "deployments", child, at=at + 2),
            line("patch", "deepseekdeployments", name, sub="status", at=at + 3),
            line("create", "events", f"{name}.{REVISION}", at=at + 4),
        ]
    return found
