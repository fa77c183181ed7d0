"""A Kubernetes API server in memory, in the place of the official client's transport.

It speaks what the operator's client uses: create, get, list with selectors and pages, server-side
apply with uid and resourceVersion, JSON patch of fields, delete with a uid or a version, logs. The tests on a
real API server (tests/cluster) hold it to the truth.
"""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.kube.client import Kube
from tests.unit import structural, world
from tests.unit.samples import Manifest

Fault = Callable[["Call"], str | None]
"""What goes wrong with a call: "before" (refused connection), "after" (answer lost), "409", "500"; or it raises an Answer."""

_OWNED = ("metadata", "spec", "data", "revision")


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def writes(self) -> bool:
        """Whether it could change something; events tell, they decide nothing."""
        return self.method != "GET" and not self.is_dry and "/events" not in self.path

    @property
    def is_dry(self) -> bool:
        """Whether what comes of it is answered and not stored."""
        return self.query.get("dryRun") == "All"


class Answer(Exception):  # noqa: N818 - an answer
    """An answer that is not success."""

    def __init__(self, code: int, reason: str, message: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason, self.message = code, reason, message


def _check_status(status: Manifest) -> None:
    """The real one refuses what does not fit its schema, and drops what is not in it."""
    found = [*structural.faults(structural.schema_of("status"), status, "status")]
    if found:
        raise Answer(422, "Invalid", "; ".join(found))


@dataclass
class FakeApi:
    """Objects by path; `fault` decides which calls go wrong."""

    objects: dict[str, Manifest] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    fault: Fault = lambda _call: None
    page_size: int = 500
    version: int = 0

    def kube(self) -> Kube:
        """The operator's client on this server."""
        transport = SimpleNamespace(
            configuration=SimpleNamespace(host="https://api.example"),
            rest_client=SimpleNamespace(request=self._request),
            update_params_for_auth=_no_auth,
        )
        return Kube(transport)  # type: ignore[arg-type, unused-ignore]

    def put(self, path: str, manifest: Manifest) -> Manifest:
        """Store an object as somebody else made it."""
        stored: Manifest = _copy(manifest)
        self.version += 1
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("uid", f"uid-{self.version}")
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = str(self.version)
        self.objects[path] = stored
        return stored

    def of_kind(self, kind: str) -> dict[str, Manifest]:
        """Objects of a kind by name."""
        return {
            item["metadata"]["name"]: item
            for item in self.objects.values()
            if item.get("kind") == kind
        }

    def start_pods(self) -> None:
        """Every Deployment's pods become ready."""
        for path, item in list(self.objects.items()):
            if item.get("kind") == "Deployment":
                wanted = item["spec"]["replicas"]
                generation = item["metadata"]["generation"]
                status = {
                    "observedGeneration": generation, "replicas": wanted, "readyReplicas": wanted,
                }  # fmt: skip
                if item.get("status") != status:
                    self.put(path, {**item, "status": status})

    def writes(self) -> list[str]:
        """Calls that could change something, as method and path."""
        return [f"{call.method} {call.path}" for call in self.calls if call.writes]

    async def _request(
        self, method: str, url: str, _headers: Any, body: Any, *, _request_timeout: Any
    ) -> Any:
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        read = json.loads(body) if isinstance(body, str) else _copy(body)
        call = Call(len(self.calls), method, parts.path, query, read)
        self.calls.append(call)
        try:
            fault = self.fault(call)
        except Answer as refusal:
            return _response(refusal.code, {"reason": refusal.reason, "message": refusal.message})
        if fault == "before":
            raise TimeoutError("no connection")
        if fault is not None and fault.isdigit():
            return _response(int(fault), {"reason": "Injected", "message": "injected"})
        try:
            answer = _response(200, self._answer(call))
        except Answer as refusal:
            answer = _response(refusal.code, {"reason": refusal.reason, "message": refusal.message})
        if fault == "after":
            raise TimeoutError("the answer was lost")
        return answer

    def _answer(self, call: Call) -> Any:
        if call.method == "GET":
            return self._get(call)
        if call.method == "POST":
            return self._create(call)
        if call.method == "DELETE":
            return self._delete(call)
        if isinstance(call.body, list):
            return self._json_patch(call)
        return self._apply(call)

    def _get(self, call: Call) -> Any:
        if call.path.endswith("/log"):
            name = call.path.split("/")[-2]
            if name not in self.logs:
                raise Answer(400, "BadRequest", "previous terminated container not found")
            return self.logs[name]
        if "limit" in call.query:
            return self._list(call)
        if call.path not in self.objects:
            raise Answer(404, "NotFound", f"{call.path} not found")
        return self.objects[call.path]

    def _list(self, call: Call) -> Manifest:
        prefix, _, plural = call.path.rpartition("/")
        found = [
            item
            for path, item in sorted(self.objects.items())
            if path.startswith(prefix)
            and path.split("/")[-2] == plural
            and _selected(item, call.query)
        ]
        start = int(call.query.get("continue", "0"))
        end = start + self.page_size
        following = {"continue": str(end)} if end < len(found) else {}
        # As the real one: items of a list come without their type.
        items = [
            {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
            for item in found[start:end]
        ]
        return {"metadata": following, "items": items}

    def _create(self, call: Call) -> Manifest:
        path = f"{call.path}/{call.body['metadata']['name']}"
        if path in self.objects:
            raise Answer(409, "AlreadyExists", f"{path} already exists")
        created = _copy(call.body)
        entry = {"manager": call.query["fieldManager"], "operation": "Update"}
        created["metadata"]["managedFields"] = [{**entry, "applied": _copy(call.body)}]
        return created if call.is_dry else self.put(path, created)

    def _apply(self, call: Call) -> Manifest:
        path, _, sub = call.path.partition("/status")
        present = self.objects.get(path)
        metadata = call.body["metadata"]
        if present is None:
            if "uid" in metadata:
                raise Answer(409, "Conflict", "no object with that uid exists")
            raise Answer(404, "NotFound", f"{path} not found")
        for known in ("uid", "resourceVersion"):
            if known in metadata and metadata[known] != present["metadata"][known]:
                raise Answer(409, "Conflict", f"{known} differs")
        changed = _copy(present)
        if sub or call.path.endswith("/status"):
            status = _copy(call.body["status"])
            is_pod = present.get("kind") == "Pod"
            if present.get("kind") == names.KIND:
                _check_status(status)
            changed["status"] = _joined(present["status"], status) if is_pod else status
        else:
            _merge_applied(changed, call.body, manager=call.query["fieldManager"])
        if changed == present:
            return present
        owned_before = {key: present.get(key) for key in ("spec", "data")}
        if owned_before != {key: changed.get(key) for key in ("spec", "data")}:
            changed["metadata"]["generation"] += 1
        return self.put(path, changed)

    def _json_patch(self, call: Call) -> Manifest:
        if call.path not in self.objects:
            raise Answer(404, "NotFound", f"{call.path} not found")
        patched = _copy(self.objects[call.path])
        world.patch(patched, call.body)
        before = self.objects[call.path]["metadata"]["resourceVersion"]
        if before != patched["metadata"]["resourceVersion"]:
            raise Answer(409, "Conflict", "resourceVersion differs")
        return patched if call.is_dry else self.put(call.path, patched)

    def _delete(self, call: Call) -> Manifest:
        present = self.objects.get(call.path)
        if present is None:
            raise Answer(404, "NotFound", f"{call.path} not found")
        for known, wanted in call.body.get("preconditions", {}).items():
            if wanted != present["metadata"][known]:
                raise Answer(409, "Conflict", f"the {known} in the precondition differs")
        return self.objects.pop(call.path)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _joined(present: Manifest, applied: Manifest) -> Manifest:
    """A pod's status is several managers': of its conditions each owns those it applies."""
    ours = {item["type"] for item in applied["conditions"]}
    others = [item for item in present.get("conditions", []) if item["type"] not in ours]
    return {**present, "conditions": [*others, *applied["conditions"]]}


async def _no_auth(*_: Any) -> None:
    """No credentials are needed here."""


def _response(code: int, body: Any) -> Any:
    async def read() -> bytes:
        return body.encode() if isinstance(body, str) else json.dumps(body).encode()

    return SimpleNamespace(status=code, read=read)


def _selected(item: Manifest, query: dict[str, str]) -> bool:
    labels = item["metadata"].get("labels", {})
    for pair in filter(None, query.get("labelSelector", "").split(",")):
        key, equals, value = pair.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    for pair in filter(None, query.get("fieldSelector", "").split(",")):
        key, _, value = pair.partition("=")
        found: Any = item
        for part in key.removesuffix("!").split("."):
            found = found.get(part) or {}
        if ((found or "") == value) is key.endswith("!"):
            return False
    return True


def _merge_applied(present: Manifest, body: Manifest, *, manager: str) -> None:
    """Set what is applied, and remove what this manager applied before and no longer does."""
    entries = present["metadata"].setdefault("managedFields", [])
    own = next(
        (item for item in entries if (item["manager"], item["operation"]) == (manager, "Apply")),
        None,
    )
    if own is None:
        own = {"manager": manager, "operation": "Apply", "applied": {}}
        entries.append(own)
    for part in _OWNED:
        before, after = own["applied"].get(part), body.get(part)
        if after is not None:
            present[part] = _merged(part, present.get(part), before, after)
    own["applied"] = _copy({key: body[key] for key in _OWNED if key in body})


_KEYS = {
    "initContainers": "name",
    "containers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
}
"""Of lists that are merged, element by element, and by which field of the elements."""


def _merged(name: str, present: Any, before: Any, after: Any) -> Any:
    if name in _KEYS and isinstance(after, list) and isinstance(present, list):
        return _merged_list(_KEYS[name], present, before or [], after)
    # Selectors are atomic maps: replaced as a whole.
    if not isinstance(after, dict) or not isinstance(present, dict) or name.endswith("elector"):
        return _copy(after)
    dropped = set(before or {}) - set(after) if isinstance(before, dict) else set()
    kept = {key: value for key, value in present.items() if key not in dropped}
    for key, value in after.items():
        earlier = before.get(key) if isinstance(before, dict) else None
        kept[key] = _merged(key, kept.get(key), earlier, value)
    return kept


def _merged_list(key: str, present: Any, before: Any, after: Any) -> Any:
    """What others added stays."""
    known, earlier = ({one[key]: one for one in many} for many in (present, before))
    ours = [_merged("", known.get(one[key]), earlier.get(one[key]), one) for one in after]
    names_of_ours = {one[key] for one in (*before, *after)}
    return [*ours, *(one for one in present if one[key] not in names_of_ours)]
