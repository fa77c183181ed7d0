"""What a file changes of the object in the cluster: its spec, the revision that it asks for, what is derived. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import durations, long_requests
from deepseek_operator.api.traffic import GatewayTimeouts
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.api.warmup import DEFAULT_TIMEOUT
from deepseek_operator.api.workload import Workload
from deepseek_operator.build import gateway
from deepseek_operator.rollout.revisions import KEY_FIELDS, revision_key, target_key

Manifest = Mapping[str, Any]

REVISION = "makes a revision"
"""What a change does that engines have to be started anew for."""
HIDDEN = "(not shown)"
"""In place of values of environment variables: some are secrets, wherever they should be."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the spec; None: not set, and without a default."""

    field: str
    before: Any
    after: Any
    effect: str
    """What becomes of it; REVISION where engines are started anew."""


@dataclass(frozen=True, slots=True)
class Value:
    """One derived value; empty: there was none, or is none any more."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Which revisions there are."""

    target: str
    """That the file asks for."""
    is_there: bool = False
    """Whether the cluster has the object."""
    desired: str | None = None
    """That the object in the cluster asks for; None where its spec cannot be read."""
    serving: str | None = None
    is_frozen: bool = False
    """Whether the target was made before."""
    is_rolled_back: bool = False
    """Whether the desired revision was tried, and is not tried again by itself."""

    @property
    def is_new(self) -> bool:
        """Whether pods of another revision start than of one that is there or on its way."""
        return self.target not in (self.serving, self.desired)

    def said(self, name: str, strategy: str) -> str:
        """What becomes of the revisions, in a sentence."""
        serving, target = self.serving, self.target
        if not self.is_there:
            return f"new object: revision {target} is made, and serves from its first ready pod"
        if target in (serving, self.desired):
            return self._said_of_known(name)
        if serving is None:
            return f"nothing serves yet: revision {target} comes in place of {self.desired}"
        what = f"new revision {target}"
        if self.is_frozen:
            what = f"revision {target} was there before: as it was frozen then it"
        return f"{what} takes over from {serving}, strategy {strategy}"

    def _said_of_known(self, name: str) -> str:
        serving, target = self.serving, self.target
        if serving == target == self.desired:
            return f"revision {target} serves: no new revision, no engine restarts"
        if serving == target:
            return f"revision {target} serves, and stays: what is on its way to {self.desired} is given up"
        if self.is_rolled_back:
            return (
                f"revision {target} was rolled back, and {serving} serves: no new revision; another try: "
                f"kubectl deepseek retry {name}"
            )
        there = "nothing serves yet" if serving is None else f"{serving} still serves"
        return f"revision {target} is on its way already, and {there}: no new revision"


@dataclass(frozen=True, slots=True)
class Changes:
    """All that a file changes."""

    namespace: str
    standing: Standing
    said: str
    """What becomes of the revisions."""
    spec: tuple[Change, ...] = ()
    sizing: tuple[Value, ...] = ()
    notes: tuple[str, ...] = ()
    """What is not known, and why."""


def of_specs(
    before: DeepSeekDeploymentSpec, after: DeepSeekDeploymentSpec, *, name: str
) -> tuple[Change, ...]:
    """By field, sorted; what is left out and its default are equal, and so are 1m and 60s."""
    old, new = _fields(before, name), _fields(after, name)
    return tuple(
        Change(
            f"spec.{field}",
            _shown(field, old.get(field)),
            _shown(field, new.get(field)),
            effect_of(field, before, after),
        )
        for field in sorted({*old, *new})
        if _plain(field, old.get(field)) != _plain(field, new.get(field))
    )


def of_sizings(before: Manifest, after: Manifest) -> tuple[Value, ...]:
    """In the order in which they are decided, as ControllerRevisions keep them."""
    old, new = _values(before), _values(after)
    return tuple(
        Value(name, old.get(name, ""), new.get(name, ""))
        for name in {**old, **new}
        if old.get(name, "") != new.get(name, "")
    )


def effect_of(field: str, before: DeepSeekDeploymentSpec, after: DeepSeekDeploymentSpec) -> str:
    """What the change of a field does."""
    is_of_revision = field.partition(".")[0] in KEY_FIELDS and field != "workload.requestsPerSecond"
    if is_of_revision or field == "warmup.enabled":
        same = target_key(before) == target_key(after)
        return "is the same to engines" if same else REVISION
    if field.startswith("fallback["):
        return _effect_of_fallback(field, before, after)
    return next(
        text
        for start, text in _EFFECTS
        if field == start or field.startswith((f"{start}.", f"{start}["))
    )


def _effect_of_fallback(
    field: str, before: DeepSeekDeploymentSpec, after: DeepSeekDeploymentSpec
) -> str:
    if field.endswith("].when"):
        return _TAKEN_UP
    if field.endswith("].replicas"):
        return _COUNTED
    place = int(field[len("fallback[") :].partition("]")[0])
    keys = [
        revision_key(spec.fallback[place].inheriting_from(spec), warmed=spec.warmup.enabled)
        for spec in (before, after)
        if place < len(spec.fallback)
    ]
    if len(keys) == 1:
        return (
            "its pods go" if place < len(before.fallback) else "its pods are started and warmed up"
        )
    if keys[0] == keys[1]:
        return "is the same to engines"
    return "its new revision is warmed up beside the one before, which then goes; no Canary"


_COUNTED = "pods are added or let go; those that stay do not restart"
_TAKEN_UP = "gateways take it up as they run"
_REPLACED = "gateway pods are replaced, one more at a time, and drain"
_NEXT_RUN = "read when the next run begins; one that is under way keeps its own"

_EFFECTS: Sequence[tuple[str, str]] = (
    ("replicas", _COUNTED),
    ("workload.requestsPerSecond", "derives the number of replicas; those that stay do not restart"),
    ("autoscaling", "between these numbers pods are added or let go as engines tell; those that stay do not restart"),
    ("servedName", "immutable: clients send it"),
    ("cache.retain", "is written on the volume that is there"),
    ("cache.size", "the volume is asked for it, and its class has to allow that"),
    ("cache", "for volumes and fetches to come; a volume that is there stays as it is"),
    ("warmup", "the next engine that starts is warmed up so; those that are warm stay"),
    ("gateway.provider", "clients are led another way once that is ready"),
    ("gateway.replicas", "gateway pods are added, or drain and go"),
    ("gateway.drainTimeout", f"{_REPLACED}; engine pods of revisions to come have as long"),
    ("gateway.resources", _REPLACED),
    ("gateway.tls", _REPLACED),
    ("gateway.apiKeys.secretName", _REPLACED),
    ("gateway.parentRef", "the HTTPRoute is changed"),
    ("gateway.hostnames", "the HTTPRoute is changed"),
    ("gateway", _TAKEN_UP),
    ("rollout.from", "immutable: it says where the first rollout begins"),
    ("rollout.skipInitial", "without effect once something serves"),
    ("rollout.paused", "at once: a run under way is held, or goes on"),
    ("rollout.autoPromote", "at once, of a run under way too"),
    ("rollout", _NEXT_RUN),
)  # fmt: skip
"""By the beginning of a field, the first that fits: what its change does where it makes no revision."""

_timeouts = GatewayTimeouts()

_DEFAULTS: Mapping[str, Any] = {
    "gateway.replicas": gateway.DEFAULT_REPLICAS,
    "gateway.maxRequestsPerReplica": long_requests.DEFAULT_MOST_REQUESTS,
    "gateway.maxRequestBytes": long_requests.DEFAULT_MOST_BYTES,
    "gateway.accessLog": "All",
    "gateway.tracing": "Enabled",
    "gateway.pinning": False,
    "gateway.drainTimeout": "10m",
    "gateway.timeouts.firstToken": _timeouts.first_token,
    "gateway.timeouts.betweenTokens": _timeouts.between_tokens,
    "gateway.timeouts.response": _timeouts.response,
    "rollout.paused": False,
    "rollout.autoPromote": True,
    "rollout.skipInitial": False,
    "rollout.maxDuration": "24h",
    "rollout.rollbackWindow": "2h",
    "rollout.drainTimeout": "15m",
    "warmup.timeout": DEFAULT_TIMEOUT,
    "warmup.onFailure": "Fail",
}
"""Of fields that the types leave empty where the operator has a default."""


def _fields(spec: DeepSeekDeploymentSpec, name: str) -> dict[str, Any]:
    """Every field that is set or has a default, by its path."""
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    dumped.setdefault("workload", Workload().model_dump(by_alias=True, exclude_none=True))
    return {**_DEFAULTS, "servedName": name, **dict(_leaves(dumped, ""))}


_SAYS_MUCH = frozenset({"gateway.longRequests"})
"""Objects that say something by being there, though they are empty."""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if path in _SAYS_MUCH:
        yield path, {}
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        names = [item.get("name") for item in value]
        # What has a name is the same wherever it stands.
        is_named = None not in names and len(set(names)) == len(names)
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{names[number] if is_named else number}]")
    elif value != []:
        yield path, value


_LATENCY = re.compile(r"([0-9.]+)(ms|s)")
_DURATION = re.compile(r"(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s)?")
_NOT_TIMES = re.compile(r"(^|\.)(pod|args)\b")


def _plain(field: str, value: Any) -> Any:
    """The same for what means the same: a number and its text, 60s and 1m."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return f"{value:.15g}"
    if not isinstance(value, str) or _NOT_TIMES.search(field):
        return value
    if match := _LATENCY.fullmatch(value):
        return f"{float(match[1]) / (1000 if match[2] == 'ms' else 1):.15g} s"
    return f"{durations.seconds_of(value)} s" if _DURATION.fullmatch(value) else value


_SECRET = re.compile(r"(^|\.)env\[[^\]]*\]\.value$")


def _shown(field: str, value: Any) -> Any:
    return HIDDEN if value is not None and _SECRET.search(field) else value


def _values(sizing: Manifest) -> dict[str, str]:
    known = {
        name: str(sizing[name])
        for name in ("accelerator", "engine", "notDerived")
        if sizing.get(name)
    }
    return known | {str(one["name"]): str(one["value"]) for one in sizing.get("values", ())}
