"""The status of an object: what serves, what is asked for, and the conditions, from what was observed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deepseek_operator.access import Access
from deepseek_operator.api.conditions import Condition, ConditionType, Reason, merge_conditions
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.metadata import revision_selector
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, is_at_strength, ready_replicas
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.switch import Roles
from deepseek_operator.standby import Standby, first_missing, ready_condition
from deepseek_operator.warmth import Warmth, records
from deepseek_operator.weights import Phase, Weights


@dataclass(frozen=True, slots=True)
class StatusInput:
    """What the status of a pass speaks of."""

    deployment: DeepSeekDeployment
    observed: Observed
    roles: Roles
    shapes: dict[str, Shape]
    weights: tuple[Weights, ...]
    """Of the revisions whose weights are fetched."""
    warmth: tuple[Warmth, ...]
    """Of the revisions with pods."""
    cause: Finding | None
    """Why the serving revision (or the first one) does not serve; None when it does."""
    candidate_cause: Finding | None
    """Why the target revision does not start beside the serving one."""
    stalled: Finding | None
    gateway: Access | None
    """None where the object has no gateway of its own."""
    rollout: Manifest | None = None
    """The last Canary, as status has it; None before the first, and for other strategies."""
    fallback: tuple[Standby, ...] = ()
    """In the order in which they are asked."""


def build_status(given: StatusInput, *, stored: Manifest, now: datetime) -> Manifest:
    """The complete status to store."""
    name, namespace = given.deployment.metadata.name, given.deployment.metadata.namespace
    generation = given.deployment.metadata.generation
    routed = given.roles.routed
    warmups = records(given.warmth, stored.get("warmup", []), now=now)
    selector = revision_selector(given.deployment, routed)
    status: Manifest = {
        "observedGeneration": generation,
        "url": f"http://{name}.{namespace}.svc/v1",
        "servedName": given.deployment.served_name,
        "replicas": _existing(given.observed, routed),
        "selector": ",".join(f"{label}={value}" for label, value in sorted(selector.items())),
        "conditions": merge_conditions(
            stored.get("conditions", []),
            _conditions(given, warmups),
            generation=generation,
            now=now,
        ),
    }
    if given.rollout is not None:
        status["rollout"] = given.rollout
    if given.fallback:
        status["fallback"] = [one.entry() for one in given.fallback]
    if given.gateway is not None:
        status["gateway"] = {
            "replicas": given.gateway.wanted,
            "readyReplicas": given.gateway.ready,
            "version": given.gateway.version,
        }
    if given.weights:
        by_claim = {weights.claim: weights.entry() for weights in given.weights}
        status["weights"] = list(by_claim.values())
    if warmups:
        status["warmup"] = warmups
    serving = given.roles.target if given.roles.takes_over else given.roles.serving
    for field, key in (("serving", serving), ("desired", given.roles.target)):
        entry = _revision_entry(given, key, stored.get(field))
        if entry is not None:
            status[field] = entry
    return status


def stalled_conditions(
    stored: Manifest, stalled: Finding, *, generation: int, now: datetime
) -> Manifest:
    """The stored status with nothing changed but what stalls it: the spec could not be read."""
    touched = (ConditionType.STALLED, ConditionType.RECONCILING)
    others = [item for item in stored.get("conditions", []) if item["type"] not in touched]
    merged = merge_conditions(
        stored.get("conditions", []),
        _progress(stalled, converged=False, cause=None),
        generation=generation,
        now=now,
    )
    return {**stored, "observedGeneration": generation, "conditions": [*others, *merged]}


def _existing(observed: Observed, key: str) -> int:
    deployment = observed.deployment(key) or {}
    return int(deployment.get("status", {}).get("replicas", 0))


def _revision_entry(
    given: StatusInput, key: str | None, stored: Manifest | None
) -> dict[str, Any] | None:
    if key is None:
        return None
    shape = given.shapes.get(key)
    if shape is not None:
        described = {"model": shape.model, "source": shape.source, "image": shape.image}
    elif stored and stored.get("revision") == key:
        described = stored
    else:
        return None
    return {
        **described,
        "revision": key,
        "replicas": given.roles.replicas.get(key, 0),
        "readyReplicas": ready_replicas(given.observed.deployment(key)),
    }


def _conditions(given: StatusInput, warmups: list[Manifest]) -> list[Condition]:
    return [
        _ready(given),
        *_spec_progress(given),
        _rolled_out(given),
        _weights_ready(given),
        _warm(given, warmups),
        *ready_condition(given.fallback),
    ]


def _spec_progress(given: StatusInput) -> list[Condition]:
    """Of the whole spec: first what serves, then who stands in for it."""
    converged, stalled = _converged(given), given.stalled
    missing = [one for one in given.fallback if one.missing is not None]
    if converged and stalled is None:
        stalled = next((one.missing for one in missing if one.needs_a_person), None)
    cause = _any_cause(given) or first_missing(given.fallback)
    on_their_way = [one for one in missing if one.is_on_its_way]
    return _progress(stalled, converged=converged and not on_their_way, cause=cause)


def _weights_ready(given: StatusInput) -> Condition:
    """Of every revision that has pods or is to have them."""
    for weights in given.weights:
        missing = weights.missing
        if missing is not None:
            return Condition(ConditionType.WEIGHTS_READY, "False", missing.reason, missing.message)
    copied = [weights for weights in given.weights if weights.phase is Phase.PER_POD]
    if copied:
        name = given.deployment.spec.cache.storage_class_name
        message = (
            f"{f'StorageClass {name}' if name else 'the default StorageClass'} has no volumes that "
            f"nodes can share (ReadWriteMany): each pod fetches a copy of {copied[0].source}"
        )
        return Condition(ConditionType.WEIGHTS_READY, "True", Reason.WEIGHTS_PER_POD, message)
    if given.weights:
        said = ", ".join(sorted({weights.claim for weights in given.weights}))
        message = f"all weights are there and verified: PersistentVolumeClaim {said}"
        return Condition(ConditionType.WEIGHTS_READY, "True", Reason.WEIGHTS_COMPLETE, message)
    if given.shapes:
        message = "the weights are in a volume of the user's own"
        return Condition(ConditionType.WEIGHTS_READY, "True", Reason.WEIGHTS_GIVEN, message)
    message = "the revision cannot be resolved, so its weights are not known"
    return Condition(ConditionType.WEIGHTS_READY, "Unknown", Reason.WEIGHTS_UNKNOWN, message)


def _warm(given: StatusInput, warmups: list[Manifest]) -> Condition:
    """Whether every pod that has started has been warmed up; the first that has not says why."""
    for warmth in given.warmth:
        for pod in warmth.pods:
            if pod.finding is not None:
                return Condition(
                    ConditionType.WARM, "False", pod.finding.reason, pod.finding.message
                )
    if not given.warmth:
        return Condition(ConditionType.WARM, "Unknown", Reason.NOT_STARTED, "no pod has started")
    if not all(warmth.is_locked for warmth in given.warmth):
        message = "spec.warmup.enabled is false: pods are served cold"
        return Condition(ConditionType.WARM, "False", Reason.NOT_WARMED, message)
    if not all(warmth.at_strength for warmth in given.warmth):
        message = "pods are starting"
        return Condition(ConditionType.WARM, "Unknown", Reason.NOT_STARTED, message)
    forgiven = [entry for entry in warmups if "failure" in entry]
    if forgiven:
        message = (
            f"pod {forgiven[0]['pod']} serves though its warm-up failed: {forgiven[0]['failure']}"
        )
        return Condition(ConditionType.WARM, "False", Reason.SERVED_COLD, message)
    return Condition(ConditionType.WARM, "True", Reason.WARMED_UP, "every pod was warmed up")


def _any_cause(given: StatusInput) -> Finding | None:
    return given.candidate_cause or given.cause or _gateway_cause(given)


def _gateway_cause(given: StatusInput) -> Finding | None:
    return given.gateway.finding if given.gateway else None


def _converged(given: StatusInput) -> bool:
    key = given.roles.target
    wanted = given.roles.replicas.get(key)
    return (
        given.roles.serving in (key, None)
        and wanted is not None
        and is_at_strength(given.observed.deployment(key), wanted)
        and (given.gateway is None or given.gateway.at_strength)
    )


def _ready(given: StatusInput) -> Condition:
    key = given.roles.routed
    ready, wanted = ready_replicas(given.observed.deployment(key)), given.roles.replicas.get(key, 0)
    model = given.shapes[key].model if key in given.shapes else given.deployment.spec.model
    shut = _gateway_cause(given) if given.gateway and given.gateway.is_shut else None
    if ready and shut is not None:
        message = f"{ready} of {wanted} replicas of {model} answer, but no gateway: {shut.message}"
        return Condition(ConditionType.READY, "False", shut.reason, message)
    if ready:
        message = f"{ready} of {wanted} replicas of {model} answer"
        return Condition(ConditionType.READY, "True", Reason.SERVING, message + _trouble(given))
    if key in given.roles.replicas and wanted == 0:
        message = "spec.replicas is 0: nobody is served"
        return Condition(ConditionType.READY, "False", Reason.SCALED_TO_ZERO, message)
    standing_in = _standing_in(given)
    if standing_in is not None:
        message = f"{standing_in.model} answers in place of {model}" + _trouble(given)
        return Condition(ConditionType.READY, "True", Reason.FALLBACK_SERVING, message)
    problem = given.stalled or given.cause
    if problem is not None:
        return Condition(ConditionType.READY, "False", problem.reason, problem.message)
    message = f"no replica of {model} answers yet"
    return Condition(ConditionType.READY, "False", Reason.STARTING, message)


def _standing_in(given: StatusInput) -> Standby | None:
    """Who answers while no pod of the serving revision does."""
    gateway, roles = given.gateway, given.roles
    if gateway is None or not gateway.ready or not gateway.leads:
        return None
    if roles.when and "Unavailable" not in roles.when:
        return None
    asked = roles.then.get(roles.routed, ())
    return next((one for one in given.fallback if one.key in asked and one.ready), None)


def _trouble(given: StatusInput) -> str:
    """What is wrong beside what serves, so that one line tells the whole story."""
    if given.stalled is not None:
        return f"; the spec is not: {given.stalled.message}"
    if given.roles.serving not in (None, given.roles.target):
        if given.rollout is not None:
            return f"; {_canary_said(given, given.rollout)}"
        said = given.candidate_cause
        return f"; {given.deployment.spec.model} is starting" + (
            f": {said.message}" if said else ""
        )
    cause = given.cause or _gateway_cause(given) or first_missing(given.fallback)
    return f"; {cause.message}" if cause else ""


def _progress(
    stalled: Finding | None, *, converged: bool, cause: Finding | None
) -> list[Condition]:
    if stalled is not None:
        return [
            Condition(ConditionType.RECONCILING, "False", stalled.reason, "stalled"),
            Condition(ConditionType.STALLED, "True", stalled.reason, stalled.message),
        ]
    if converged:
        working = Condition(
            ConditionType.RECONCILING, "False", Reason.UP_TO_DATE, "the cluster is as the spec asks"
        )
    else:
        reason, message = Reason.ROLLING_OUT, "pods are starting"
        if cause is not None:
            reason, message = cause.reason, cause.message
        working = Condition(ConditionType.RECONCILING, "True", reason, message)
    return [working, Condition(ConditionType.STALLED, "False", Reason.NOT_STALLED, "")]


_PHASES = {
    "Held": Reason.CANARY_HELD,
    "AwaitingApproval": Reason.APPROVAL_NEEDED,
    "RollingBack": Reason.ROLLING_BACK,
    "Draining": Reason.ROLLING_BACK,
    "RolledBack": Reason.ROLLED_BACK,
}


def _canary_said(given: StatusInput, rollout: Manifest) -> str:
    """On one line: where it is, and why."""
    model = given.deployment.spec.model
    if "run" not in rollout:
        return str(rollout["message"])
    place = f"step {rollout['step']} of {rollout['steps']}, {rollout['weight']} %"
    if rollout["phase"] in ("RollingBack", "Draining", "RolledBack"):
        return f"{model} was rolled back ({rollout['reason']}): {rollout['message']}"
    cause = given.candidate_cause
    if rollout["phase"] == "Starting" and cause is not None:
        return f"{model} is starting: {cause.message}"
    return f"{model} is a Canary ({rollout['phase']}, {place}): {rollout['message']}"


def _canary_out(given: StatusInput, rollout: Manifest) -> Condition:
    """Of a Canary that is not promoted."""
    cause = given.candidate_cause
    reason = _PHASES.get(rollout["phase"], Reason.CANARY)
    if rollout["phase"] == "Starting":
        reason = cause.reason if cause else Reason.CANDIDATE_STARTING
    return Condition(ConditionType.ROLLED_OUT, "False", reason, _canary_said(given, rollout))


def _rolled_out(given: StatusInput) -> Condition:
    model, key = given.deployment.spec.model, given.roles.target
    is_back = given.stalled is not None and given.stalled.reason is Reason.ROLLED_BACK
    if given.stalled is not None and is_back:
        return Condition(
            ConditionType.ROLLED_OUT, "False", Reason.ROLLED_BACK, given.stalled.message
        )
    if given.stalled is not None and given.roles.serving != key:
        return Condition(
            ConditionType.ROLLED_OUT, "False", Reason.SPEC_NOT_SERVABLE, given.stalled.message
        )
    if _converged(given):
        return Condition(
            ConditionType.ROLLED_OUT, "True", Reason.ROLLED_OUT, f"revision {key} ({model}) serves"
        )
    if given.rollout is not None and given.roles.serving != key:
        return _canary_out(given, given.rollout)
    cause = _any_cause(given)
    reason = cause.reason if cause else Reason.CANDIDATE_STARTING
    message = cause.message if cause else f"revision {key} ({model}) is starting"
    return Condition(ConditionType.ROLLED_OUT, "False", reason, message)
