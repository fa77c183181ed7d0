"""The status of an object: what serves, what is asked for, and the conditions, from what was observed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deepseek_operator import rest
from deepseek_operator.access import Access
from deepseek_operator.api.conditions import Condition, ConditionType, Reason, merge_conditions
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.metadata import revision_selector
from deepseek_operator.build.rollout_conditions import (
    not_rolled_out,
    rollout_conditions,
    run_said,
)
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, is_at_strength, ready_replicas
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import ENDED
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
    """Of the revisions with a role, and of the target; as far as they are known."""
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
    """The last run, as status has it; None before the first, and for other strategies."""
    outage: str | None = None
    """Why requests may find nobody while one revision replaces another, and since when."""
    fallback: tuple[Standby, ...] = ()
    """In the order in which they are asked."""
    sizing: Manifest | None = None
    """What was derived of the target; None where it is not known."""
    waiting: Finding | None = None
    """What the rollout of the target lacks to begin."""


def build_status(given: StatusInput, *, stored: Manifest, now: datetime) -> Manifest:
    """The complete status to store."""
    generation = given.deployment.metadata.generation
    routed = given.roles.routed
    warmups = records(given.warmth, stored.get("warmup", []), now=now)
    selector = revision_selector(given.deployment, routed)
    present = given.observed.engine_set(routed) or {}
    status: Manifest = {
        "observedGeneration": generation,
        "url": _url(given),
        "servedName": given.deployment.served_name,
        "replicas": int(present.get("status", {}).get("replicas", 0)),
        "selector": ",".join(f"{label}={value}" for label, value in sorted(selector.items())),
        "conditions": merge_conditions(
            stored.get("conditions", []),
            _conditions(given, warmups),
            generation=generation,
            now=now,
        ),
    }
    known = {"rollout": given.rollout, "sizing": given.sizing}
    status |= {field: value for field, value in known.items() if value is not None}
    if given.fallback:
        status["fallback"] = [one.entry() for one in given.fallback]
    if given.gateway is not None and given.gateway.route is not None:
        status["route"] = given.gateway.route
    elif given.gateway is not None:
        status["gateway"] = {
            "replicas": given.gateway.wanted,
            "readyReplicas": given.gateway.ready,
            "version": given.gateway.version,
        }
    if given.observed.routes and "route" not in status:
        # Until it is gone: the next pass has to look for it.
        status["route"] = {"name": given.deployment.metadata.name, "accepted": False}
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


def _url(given: StatusInput) -> str:
    if given.gateway is not None and given.gateway.url is not None:
        return given.gateway.url
    metadata = given.deployment.metadata
    scheme = "http" if given.deployment.spec.gateway.tls is None else "https"
    return f"{scheme}://{metadata.name}.{metadata.namespace}.svc/v1"


def _revision_entry(
    given: StatusInput, key: str | None, stored: Manifest | None
) -> dict[str, Any] | None:
    if key is None:
        return None
    shape = given.shapes.get(key)
    if shape is not None:
        described = shape.described()
    elif stored and stored.get("revision") == key:
        described = stored
    else:
        return None
    return {
        **described,
        "revision": key,
        "replicas": given.roles.replicas.get(key, 0),
        "readyReplicas": ready_replicas(given.observed.engine_set(key)),
    }


def _conditions(given: StatusInput, warmups: list[Manifest]) -> list[Condition]:
    return [
        _ready(given),
        *_spec_progress(given),
        _rolled_out(given),
        *rollout_conditions(given.rollout, given.roles, given.observed),
        _weights_ready(given),
        _warm(given, warmups),
        *ready_condition(given.fallback),
        *(given.gateway.conditions if given.gateway else ()),
    ]


def _spec_progress(given: StatusInput) -> list[Condition]:
    """Of the whole spec: first what serves, then who stands in for it."""
    converged, stalled = _converged(given), given.stalled
    missing = [one for one in given.fallback if one.missing is not None]
    if converged and stalled is None:
        stalled = next((one.missing for one in missing if one.needs_a_person), None)
    cause = _any_cause(given) or first_missing(given.fallback)
    on_their_way = [one for one in missing if one.is_on_its_way]
    converged = converged or _rests(given)
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
    if any(key in given.shapes for key in given.roles.kept):
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
    return given.waiting or given.candidate_cause or given.cause or _gateway_cause(given)


def _gateway_cause(given: StatusInput) -> Finding | None:
    return given.gateway.finding if given.gateway else None


def _converged(given: StatusInput) -> bool:
    key = given.roles.target
    wanted = given.roles.replicas.get(key)
    return (
        given.roles.serving in (key, None)
        and wanted is not None
        and is_at_strength(given.observed.engine_set(key), wanted)
        and (given.gateway is None or given.gateway.at_strength)
    )


def _rests(given: StatusInput) -> bool:
    """Whether another revision than the spec's serves nobody, until somebody is to be served."""
    is_decided = given.rollout is None or given.rollout["phase"] in (*ENDED, "Idle")
    is_wish = given.deployment.spec.serves_nobody and given.roles.serving is not None
    return is_wish and is_decided and not any(given.roles.replicas.values())


def _ready(given: StatusInput) -> Condition:
    key = given.roles.routed
    ready, wanted = ready_replicas(given.observed.engine_set(key)), given.roles.replicas.get(key, 0)
    model = _model(given, key)
    shut = _gateway_cause(given) if given.gateway and given.gateway.is_shut else None
    is_asleep = rest.sleeps(given.deployment, given.roles)
    if (ready or is_asleep) and shut is not None:
        message = f"{ready} of {wanted} replicas of {model} answer, but no gateway: {shut.message}"
        return Condition(ConditionType.READY, "False", shut.reason, message)
    if is_asleep:
        message = rest.said(given.deployment, model, _standing_in(given))
        return Condition(ConditionType.READY, "True", Reason.SLEEPING, message + _trouble(given))
    if ready and not given.roles.shut:
        message = f"{ready} of {wanted} replicas of {model} answer"
        return Condition(ConditionType.READY, "True", Reason.SERVING, message + _trouble(given))
    is_wish = given.deployment.spec.serves_nobody and key in given.roles.replicas
    if is_wish and wanted == 0 and given.outage is None:
        message = "spec.replicas is 0: nobody is served"
        return Condition(ConditionType.READY, "False", Reason.SCALED_TO_ZERO, message)
    standing_in = _standing_in(given)
    if standing_in is not None:
        message = f"{standing_in.model} answers in place of {model}" + _trouble(given)
        return Condition(ConditionType.READY, "True", Reason.FALLBACK_SERVING, message)
    reason, message = rest.waking(given.deployment, given.roles, *_nobody(given, model))
    return Condition(ConditionType.READY, "False", reason, message)


def _nobody(given: StatusInput, model: str) -> tuple[Reason, str]:
    """Why no pod answers."""
    if given.outage is not None:
        return Reason.REPLACING, given.outage + _beside(given)
    problem = given.stalled or given.cause
    if problem is None and not given.roles.replicas.get(given.roles.routed):
        # It is to have no pods: who comes to serve is the one that the spec asks for.
        problem, model = given.candidate_cause, given.deployment.spec.model
    if problem is not None:
        message = problem.message
        if given.roles.first is not None and given.stalled is None:
            message = f"{model} comes first (rollout.from): {message}"
        return problem.reason, message
    comes_first = ", which comes first (rollout.from)," if given.roles.first else ""
    return Reason.STARTING, f"no replica of {model}{comes_first} answers yet"


def _beside(given: StatusInput) -> str:
    """What keeps the pods that are to serve next from it."""
    if given.stalled is not None:
        return f"; {given.stalled.message}"
    cause = given.candidate_cause if given.roles.shut else given.cause
    return f"; {cause.message}" if cause else ""


def _model(given: StatusInput, key: str) -> str:
    if key in given.shapes:
        return given.shapes[key].model
    asked = given.deployment.spec
    if key == given.roles.first and asked.rollout.from_ is not None:
        return asked.rollout.from_.model
    return asked.model


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
        if given.waiting is not None:
            return f"; {given.waiting.message}"
        if given.rollout is not None:
            return (
                f"; {run_said(given.rollout, given.deployment.spec.model, given.candidate_cause)}"
            )
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


def _held(given: StatusInput) -> Finding | None:
    """Why the target neither serves nor is on its way to it."""
    stalled = given.stalled
    if stalled is not None and stalled.reason is Reason.ROLLED_BACK:
        return stalled
    if given.roles.serving == given.roles.target:
        return None
    if stalled is not None:
        return Finding(Reason.SPEC_NOT_SERVABLE, stalled.message)
    return given.waiting


def _rolled_out(given: StatusInput) -> Condition:
    model, key = given.deployment.spec.model, given.roles.target
    held = _held(given)
    if held is not None:
        return Condition(ConditionType.ROLLED_OUT, "False", held.reason, held.message)
    if _converged(given):
        return Condition(
            ConditionType.ROLLED_OUT, "True", Reason.ROLLED_OUT, f"revision {key} ({model}) serves"
        )
    if _rests(given):
        message = f"revision {key} ({model}) is rolled out once spec.replicas is above 0"
        return Condition(ConditionType.ROLLED_OUT, "False", Reason.SCALED_TO_ZERO, message)
    if given.rollout is not None and given.roles.serving != key:
        return not_rolled_out(given.rollout, model, given.candidate_cause)
    cause = _any_cause(given)
    if given.roles.first is not None:
        said = (
            f"{_model(given, given.roles.first)} comes to serve first (rollout.from), then {model}"
        )
        message = f"{said}: {cause.message}" if cause else said
        return Condition(ConditionType.ROLLED_OUT, "False", Reason.BASELINE_STARTING, message)
    reason = cause.reason if cause else Reason.CANDIDATE_STARTING
    message = cause.message if cause else f"revision {key} ({model}) is starting"
    return Condition(ConditionType.ROLLED_OUT, "False", reason, message)
