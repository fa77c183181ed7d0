"""Condition types and reasons of a DeepSeekDeployment, and how a condition changes over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Status = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """What is said of an object; the first three are what kstatus, Helm, Argo CD and Flux read."""

    READY = "Ready"
    """Users are served: at least one pod of the serving revision answers."""
    RECONCILING = "Reconciling"
    """The operator is still working towards the spec."""
    STALLED = "Stalled"
    """A person must act; the operator cannot go on with the spec as it is."""
    ROLLED_OUT = "RolledOut"
    """The revision that the spec asks for is the one that serves, at full strength."""
    DATA_HEALTHY = "DataHealthy"
    """A run's figures can be judged; only while a candidate has requests."""
    ROLLBACK_READY = "RollbackReady"
    """The revision before is one change of weights away, at full strength; only while a run may still go back."""
    WARM = "Warm"
    """Every pod that has started has been warmed up."""
    FALLBACK_READY = "FallbackReady"
    """Every entry of the fallback is there to stand in, at full strength; only where there are any."""
    SECRETS_READY = "SecretsReady"
    """Gateways follow all of the Secrets that gateway.apiKeys and gateway.tls name; only with these."""
    WEIGHTS_READY = "WeightsReady"
    """The weights of every revision that has pods, or is to have them, are there and verified."""


class Reason(StrEnum):
    """Why a condition has its status: one word for machines, never renamed within an API version."""

    # Ready
    SERVING = "Serving"
    STARTING = "Starting"
    SCALED_TO_ZERO = "ScaledToZero"
    GATEWAY_STARTING = "GatewayStarting"
    ROUTE_PENDING = "RoutePending"
    ROUTE_NOT_ACCEPTED = "RouteNotAccepted"
    FALLBACK_SERVING = "FallbackServing"
    REPLACING = "Replacing"
    SLEEPING = "Sleeping"
    WAKING = "Waking"
    # root causes, on Ready and Reconciling
    UNSCHEDULABLE = "Unschedulable"
    INSUFFICIENT_ACCELERATORS = "InsufficientAccelerators"
    VOLUME_NOT_MOUNTED = "VolumeNotMounted"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    OUT_OF_MEMORY = "OutOfMemory"
    ENGINE_FAILED = "EngineFailed"
    PODS_REFUSED = "PodsRefused"
    ENGINE_LOADING = "EngineLoading"
    NOT_ANSWERING = "NotAnswering"
    IMAGE_PULLING = "ImagePulling"
    POD_FAILED = "PodFailed"
    POD_NOT_SET_UP = "PodNotSetUp"
    POD_ENDING = "PodEnding"
    NODE_NOT_READY = "NodeNotReady"
    # WeightsReady, and while they are not there Ready and Reconciling
    WEIGHTS_COMPLETE = "WeightsComplete"
    WEIGHTS_GIVEN = "WeightsGiven"
    WEIGHTS_PER_POD = "WeightsPerPod"
    WEIGHTS_SIZING = "WeightsSizing"
    WEIGHTS_WAITING = "WeightsWaiting"
    WEIGHTS_FETCHING = "WeightsFetching"
    WEIGHTS_FAILED = "WeightsFailed"
    WEIGHTS_UNKNOWN = "WeightsUnknown"
    # why weights could not be fetched
    UNAUTHORIZED = "Unauthorized"
    GATED_LICENCE = "GatedLicence"
    NOT_FOUND = "NotFound"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    VOLUME_FULL = "VolumeFull"
    VOLUME_READ_ONLY = "VolumeReadOnly"
    VOLUME_FAILED = "VolumeFailed"
    VOLUME_NOT_PROVISIONED = "VolumeNotProvisioned"
    NAME_RESOLUTION = "NameResolution"
    UNREACHABLE = "Unreachable"
    FETCH_STALLED = "FetchStalled"
    SERVER_ERROR = "ServerError"
    INVALID_SOURCE = "InvalidSource"
    # Warm, and while pods are cold Ready and Reconciling
    WARMED_UP = "WarmedUp"
    WARMING_UP = "WarmingUp"
    NOT_STARTED = "NotStarted"
    NOT_WARMED = "NotWarmed"
    SERVED_COLD = "ServedCold"
    WARMUP_FAILED = "WarmupFailed"
    ANSWERS_DIFFER = "AnswersDiffer"
    # FallbackReady
    STANDING_BY = "StandingBy"
    FALLBACK_STARTING = "FallbackStarting"
    SAME_REVISION = "SameRevision"
    REPLACED = "Replaced"
    # SecretsReady, and while a gateway waits for one Ready and Reconciling
    SECRETS_FOLLOWED = "SecretsFollowed"
    SECRET_NOT_FOLLOWED = "SecretNotFollowed"  # noqa: S105 - a word for machines
    UNKNOWN_CLIENT = "UnknownClient"
    CERTIFICATE_EXPIRING = "CertificateExpiring"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    # Reconciling
    ROLLING_OUT = "RollingOut"
    UP_TO_DATE = "UpToDate"
    # Stalled
    UNKNOWN_MODEL = "UnknownModel"
    INVALID_SPEC = "InvalidSpec"
    CANNOT_RUN = "CannotRun"
    LEADER_WORKER_SET_MISSING = "LeaderWorkerSetMissing"
    GATEWAY_API_MISSING = "GatewayAPIMissing"
    NAME_TAKEN = "NameTaken"
    REFUSED_BY_SERVER = "RefusedByServer"
    UNREADABLE_REVISION = "UnreadableRevision"
    NOT_STALLED = "NotStalled"
    # RolledOut
    ROLLED_OUT = "RolledOut"
    CANDIDATE_STARTING = "CandidateStarting"
    BASELINE_STARTING = "BaselineStarting"
    CANARY = "Canary"
    CANARY_HELD = "CanaryHeld"
    APPROVAL_NEEDED = "ApprovalNeeded"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    SPEC_NOT_SERVABLE = "SpecNotServable"
    # DataHealthy
    FRESH = "Fresh"
    NO_DATA = "NoData"
    SPLIT_UNVERIFIED = "SplitUnverified"
    # RollbackReady
    STABLE_AT_STRENGTH = "StableAtStrength"
    STABLE_SHORT = "StableShortOfCapacity"
    NEEDS_START = "NeedsStart"


FETCH_REASONS = frozenset(
    {
        Reason.WEIGHTS_FAILED, Reason.UNAUTHORIZED, Reason.GATED_LICENCE, Reason.NOT_FOUND,
        Reason.CHECKSUM_MISMATCH, Reason.VOLUME_FULL, Reason.VOLUME_READ_ONLY,
        Reason.VOLUME_FAILED, Reason.NAME_RESOLUTION, Reason.UNREACHABLE, Reason.FETCH_STALLED,
        Reason.SERVER_ERROR, Reason.INVALID_SOURCE,
    }
)  # fmt: skip
"""Reasons for which weights could not be fetched."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One finding about the object, without the time of its last change."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str


def merge_conditions(
    stored: Sequence[dict[str, object]],
    found: Iterable[Condition],
    *,
    generation: int,
    now: datetime,
) -> list[dict[str, object]]:
    """The conditions to store: a transition time changes only when the status does."""
    before = {condition.get("type"): condition for condition in stored}
    return [
        {
            "type": str(condition.type),
            "status": condition.status,
            "reason": str(condition.reason),
            "message": condition.message,
            "observedGeneration": generation,
            "lastTransitionTime": _transition_time(before.get(str(condition.type)), condition, now),
        }
        for condition in found
    ]


def _transition_time(
    before: dict[str, object] | None, condition: Condition, now: datetime
) -> object:
    if before is not None and before.get("status") == condition.status:
        return before.get("lastTransitionTime")
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
