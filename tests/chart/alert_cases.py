"""For each alert the series that cause it, and series that nobody is to be called for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """Series over time, one value a minute as promtool writes them, and who is called at the end."""

    why: str
    at: str
    """When it is asked whether the alert fires."""
    series: dict[str, str]
    fires: dict[str, str] | None = None
    """The labels of the one alert that fires; None: none does."""
    value: str = ""
    """As the alert's summary writes its value."""


_O = 'namespace="team", name="chat"'
_OP = 'namespace="deepseek-system", job="deepseek-operator-metrics", pod="operator-1"'
CHAT = {"namespace": "team", "name": "chat"}
OPERATOR = {"namespace": "deepseek-system", "job": "deepseek-operator-metrics"}


def _condition(kind: str, reason: str) -> str:
    return f'deepseek_operator_condition{{{_O}, type="{kind}", reason="{reason}"}}'


def _phase(phase: str, reason: str) -> str:
    return f'deepseek_operator_rollout_phase{{{_O}, phase="{phase}", reason="{reason}"}}'


def _replicas(role: str, state: str) -> str:
    return f'deepseek_operator_replicas{{{_O}, role="{role}", state="{state}"}}'


def _requests(code: int = 200) -> str:
    return f'deepseek_gateway_requests_total{{{_O}, pod="g", revision="old", served_by="old", code="{code}"}}'


def _errors(cause: str) -> str:
    return f'deepseek_gateway_errors_total{{{_O}, pod="g", revision="old", cause="{cause}"}}'


def _bucket(engine: str, edge: str) -> str:
    return (
        f'{engine}time_to_first_token_seconds_bucket{{{_O}, pod="e", revision="old", le="{edge}"}}'
    )


def _expiry(days: float) -> tuple[str, str]:
    name = f'deepseek_gateway_certificate_expiry_timestamp_seconds{{{_O}, pod="g"}}'
    return name, f"{int(days * 86400)}x120"


_SERVED = (
    f'deepseek_operator_revision_info{{{_O}, revision="old", role="stable", model="DeepSeek-V3"}}'
)
_TARGET = f"deepseek_operator_first_token_target_seconds{{{_O}}}"
_STARTED = f'process_start_time_seconds{{{_O}, pod="e", revision="old"}}'
_LEADER = f"deepseek_operator_leader{{{_OP}}}"
_OLDEST = f"deepseek_operator_queue_oldest_seconds{{{_OP}}}"
_ALARM = f'deepseek_operator_rollout_alarm_ratio{{{_O}, metric="errors"}}'
_FALLBACKS = (
    f'deepseek_gateway_fallbacks_total{{{_O}, pod="g", from="old", to="r1", reason="Overloaded"}}'
)
_FAILED = f'deepseek_operator_reconcile_passes_total{{{_OP}, result="failed"}}'
_REFUSED = f'deepseek_operator_catalog_documents{{{_OP}, state="refused"}}'
_MOST = f'deepseek_operator_autoscaling_bound_replicas{{{_O}, revision="old", bound="max"}}'
_DECIDED = f'deepseek_operator_autoscaling_replicas{{{_O}, revision="old"}}'
_NEEDED = f'deepseek_operator_autoscaling_needed_replicas{{{_O}, revision="old"}}'
_CURRENT = f'deepseek_gateway_config_current{{{_O}, pod="g"}}'

CASES: dict[str, tuple[Case, ...]] = {
    "DeepSeekNotServing": (
        Case("pods end", "6m", {_condition("Ready", "EngineFailed"): "0x10", _SERVED: "1x10"}, CHAT),
        Case("it sleeps", "6m", {_condition("Ready", "Sleeping"): "1x10", _SERVED: "1x10"}),
        Case("it wakes", "6m", {_condition("Ready", "Waking"): "0x10", _SERVED: "1x10"}),
        Case("it does not wake", "6m", {_condition("Ready", "Unschedulable"): "0x10", _SERVED: "1x10"}, CHAT),
        Case(
            "the cause changes meanwhile",
            "6m",
            {
                _condition("Ready", "EngineFailed"): "0x2 _x10",
                _condition("Ready", "EngineLoading"): "_x3 0x10",
                _SERVED: "1x10",
            },
            CHAT,
        ),
        Case("it comes back in time", "7m", {_condition("Ready", "EngineFailed"): "0x3 _x10", _condition("Ready", "Serving"): "_x4 1x10", _SERVED: "1x10"}),
        Case("a new one starts", "60m", {_condition("Ready", "WeightsFetching"): "0x60"}),
        Case("nobody is to be served", "60m", {_condition("Ready", "ScaledToZero"): "0x60", _SERVED: "1x60"}),
        Case("one replaces the other", "30m", {_condition("Ready", "Replacing"): "0x60", _SERVED: "1x60"}),
    ),
    "DeepSeekNotReadyForLong": (
        Case("a new one does not come up", "121m", {_condition("Ready", "EngineLoading"): "0x130"}, CHAT),
        Case("a Replace does not end", "121m", {_condition("Ready", "Replacing"): "0x130"}, CHAT),
        Case("it takes an hour", "121m", {_condition("Ready", "EngineLoading"): "0x60 _x130", _condition("Ready", "Serving"): "_x60 1x70"}),
        Case("nobody is to be served", "200m", {_condition("Ready", "ScaledToZero"): "0x200"}),
    ),
    "DeepSeekStalled": (
        Case("a model that is not known", "11m", {_condition("Stalled", "UnknownModel"): "1x20"}, CHAT),
        Case("it was corrected", "11m", {_condition("Stalled", "UnknownModel"): "1x5 _x20", _condition("Stalled", "NotStalled"): "_x6 0x20"}),
        Case("a rollback", "11m", {_condition("Stalled", "RolledBack"): "1x20"}),
    ),
    "DeepSeekReplicasShort": (
        Case("one engine is missing", "31m", {_replicas("stable", "ready"): "1x40", _replicas("stable", "wanted"): "2x40"}, {**CHAT, "role": "stable"}, "1"),
        Case("one gateway is missing", "31m", {_replicas("gateway", "ready"): "1x40", _replicas("gateway", "wanted"): "2x40"}, {**CHAT, "role": "gateway"}, "1"),
        Case("a pod is made anew", "31m", {_replicas("stable", "ready"): "1x20 2x20", _replicas("stable", "wanted"): "2x40"}),
        Case("a candidate starts", "31m", {_replicas("candidate", "ready"): "0x40", _replicas("candidate", "wanted"): "2x40"}),
    ),
    "DeepSeekFallbackNotReady": (
        Case("its pods find no node", "31m", {_condition("FallbackReady", "Unschedulable"): "0x40"}, CHAT),
        Case("it stands by", "31m", {_condition("FallbackReady", "StandingBy"): "1x40"}),
    ),
    "DeepSeekWeightsNotFetched": (
        Case("the source is silent", "6m", {_condition("WeightsReady", "FetchStalled"): "0x10"}, CHAT),
        Case("the volume is full", "6m", {_condition("WeightsReady", "VolumeFull"): "0x10"}, CHAT),
        Case("they come slowly", "60m", {_condition("WeightsReady", "WeightsFetching"): "0x60"}),
        Case("they are there", "6m", {_condition("WeightsReady", "WeightsComplete"): "1x10"}),
    ),
    "DeepSeekPodsCold": (
        Case("again and again", "31m", {_condition("Warm", "WarmupFailed"): "0x10 _x30", _condition("Warm", "WarmingUp"): "_x11 0x30"}, CHAT),
        Case("one warm-up", "31m", {_condition("Warm", "WarmingUp"): "0x10 _x30", _condition("Warm", "WarmedUp"): "_x11 1x30"}),
        Case("nobody asked for one", "60m", {_condition("Warm", "NotWarmed"): "0x60"}),
    ),
    "DeepSeekEngineRestarts": (
        Case("vLLM, twice", "40m", {_STARTED: "100x10 900x10 1700x30"}, {**CHAT, "pod": "e"}, "2"),
        Case(
            "TensorRT-LLM, twice",
            "40m",
            {f'trtllm_request_success_total{{{_O}, pod="e", revision="old", finished_reason="stop"}}': "5+5x10 0+5x10 0+5x30"},
            {**CHAT, "pod": "e"},
            "2",
        ),
        Case("once", "40m", {_STARTED: "100x10 900x40"}),
        Case("twice in a day", "300m", {_STARTED: "100x100 900x150 1700x60"}),
        Case("the operator, which is no engine", "40m", {f"process_start_time_seconds{{{_OP}}}": "100x10 900x10 1700x30"}),
    ),
    "DeepSeekRolloutRolledBack": (
        Case("it was worse", "1m", {_phase("RolledBack", "EvidenceBad"): "1x5"}, {**CHAT, "reason": "EvidenceBad"}),
        Case("a person took it back", "1m", {_phase("RolledBack", "Aborted"): "1x5"}),
        Case("it succeeded", "1m", {_phase("Succeeded", "RollbackWindowClosed"): "1x5"}),
    ),
    "DeepSeekRolloutHeld": (
        Case("no figures", "16m", {_phase("Held", "NoData"): "1x20"}, {**CHAT, "reason": "NoData"}),
        Case("for ten minutes", "16m", {_phase("Held", "NoData"): "1x10 _x20", _phase("Analyzing", "Comparing"): "_x11 1x20"}),
        Case("a person paused it", "16m", {_phase("Held", "Paused"): "1x20"}),
    ),
    "DeepSeekRolloutWaitsForPerson": (
        Case("an approval", "241m", {_phase("AwaitingApproval", "ApprovalNeeded"): "1x300"}, CHAT),
        Case("paused", "241m", {_phase("Held", "Paused"): "1x300"}, CHAT),
        Case("for an hour", "241m", {_phase("AwaitingApproval", "ApprovalNeeded"): "1x60 _x300"}),
        Case("held for another reason", "241m", {_phase("Held", "NoData"): "1x300"}),
    ),
    "DeepSeekCandidateNearAlarm": (
        Case("half way", "5m", {_ALARM: "0+0.1x10"}, {**CHAT, "metric": "errors"}),
        Case("a third", "5m", {_ALARM: "0.3x10"}),
    ),
    "DeepSeekRequestsFail": (
        Case("a tenth is cut", "11m", {_requests(): "0+54x20", _requests(500): "0+6x20", _errors("cut"): "0+6x20"}, CHAT, "10%"),
        Case("two causes together", "11m", {_requests(): "0+60x20", _errors("timeout"): "0+3x20", _errors("unreachable"): "0+3x20"}, CHAT, "10%"),
        Case("one in thirty", "11m", {_requests(): "0+60x20", _errors("cut"): "0+2x20"}),
        Case("one of three, at night", "11m", {_requests(): "0x5 1 2 3x20", _errors("engine"): "0x5 1x20"}),
        Case("what clients cause, and full queues", "11m", {_requests(): "0+60x20", _errors("rejected"): "0+30x20", _errors("overloaded"): "0+30x20"}),
    ),
    "DeepSeekFallbackAnswers": (
        Case("a tenth", "21m", {_requests(): "0+60x30", _FALLBACKS: "0+6x30"}, CHAT, "10%"),
        Case("while one pod starts", "21m", {_requests(): "0+60x30", _FALLBACKS: "0x2 0+6x3 18x30"}),
        Case("the model slept until somebody asked", "21m", {_requests(): "0+60x30", _FALLBACKS: "0+6x30", _condition("Ready", "Sleeping"): "1x2 _x30"}),
        Case("it slept an hour ago", "60m", {_requests(): "0+60x70", _FALLBACKS: "0+6x70", _condition("Ready", "Sleeping"): "1x2 _x70"}, CHAT, "10%"),
    ),
    "DeepSeekQueueFull": (
        Case("a tenth is refused", "16m", {_requests(): "0+54x30", _requests(429): "0+6x30", _errors("overloaded"): "0+6x30"}, CHAT, "10%"),
        Case("a burst", "16m", {_requests(): "0+60x30", _errors("overloaded"): "0x5 0+30x2 60x30"}),
        Case("a client's own limit", "16m", {_requests(): "0+60x30", _errors("limited"): "0+30x30"}),
    ),
    "DeepSeekAutoscalingAtMax": (
        Case("half as many again are needed", "31m", {_NEEDED: "6x40", _DECIDED: "4x40", _MOST: "4x40"}, CHAT, "6"),
        Case("as many as there may be", "60m", {_NEEDED: "4.3x60", _DECIDED: "4x60", _MOST: "4x60"}),
        Case("a peak of twenty minutes", "31m", {_NEEDED: "6x20 3x20", _DECIDED: "4x40", _MOST: "4x40"}),
        Case("more find no node, whatever max is", "60m", {_NEEDED: "6x60", _DECIDED: "3x60", _MOST: "4x60"}),
        Case("it may have more", "31m", {_NEEDED: "6x40", _DECIDED: "4x40", _MOST: "8x40"}),
    ),
    "DeepSeekFirstTokenSlow": (
        Case("vLLM", "21m", {_bucket("vllm:", "1"): "0x30", _bucket("vllm:", "2.5"): "0+60x30", _bucket("vllm:", "+Inf"): "0+60x30", _TARGET: "0.8x30"}, CHAT, "2.425s"),
        Case("TensorRT-LLM", "21m", {_bucket("trtllm_", "1"): "0x30", _bucket("trtllm_", "2.5"): "0+60x30", _bucket("trtllm_", "+Inf"): "0+60x30", _TARGET: "0.8x30"}, CHAT, "2.425s"),
        Case("within it", "21m", {_bucket("vllm:", "0.5"): "0+60x30", _bucket("vllm:", "+Inf"): "0+60x30", _TARGET: "0.8x30"}),
        Case("nothing was promised", "21m", {_bucket("vllm:", "1"): "0x30", _bucket("vllm:", "2.5"): "0+60x30", _bucket("vllm:", "+Inf"): "0+60x30"}),
        Case("no requests", "21m", {_bucket("vllm:", "1"): "0x30", _bucket("vllm:", "+Inf"): "0x30", _TARGET: "0.8x30"}),
    ),
    "DeepSeekGatewayNotFollowing": (
        Case("a gateway says so", "11m", {_CURRENT: "0x20"}, CHAT),
        Case("the operator says so", "11m", {_CURRENT: "1x20", _phase("Held", "NotAcknowledged"): "1x20"}, CHAT),
        Case("addresses had to be withdrawn", "11m", {_phase("Draining", "RollbackStalled"): "1x20"}, CHAT),
        Case("one starts", "11m", {_CURRENT: "0x3 1x20"}),
    ),
    "DeepSeekSecretNotFollowed": (
        Case("it is missing", "16m", {_condition("SecretsReady", "SecretNotFollowed"): "0x20"}, CHAT),
        Case("it is renewed", "16m", {_condition("SecretsReady", "SecretNotFollowed"): "0x2 _x20", _condition("SecretsReady", "SecretsFollowed"): "_x3 1x20"}),
        Case("the certificate ends, which has its own", "16m", {_condition("SecretsReady", "CertificateExpiring"): "0x20"}),
    ),
    "DeepSeekCertificateEnds": (
        Case("in ten days", "2h", dict([_expiry(10 + 2 / 24)]), CHAT, "10d 0h 0m 0s"),
        Case("in a month", "2h", dict([_expiry(30)])),
    ),
    "DeepSeekCertificateEndsSoon": (
        Case("tomorrow", "1h", dict([_expiry(1 + 1 / 24)]), CHAT, "1d 0h 0m 0s"),
        Case("in ten days", "1h", dict([_expiry(10)])),
    ),
    "DeepSeekOperatorAbsent": (
        Case("no replica is scraped", "20m", {_LEADER: "1x3 _x20"}, {}),
        Case("one stands by", "20m", {_LEADER: "0x20"}),
        Case("an upgrade", "12m", {_LEADER: "1x2 _x5 1x20"}),
    ),
    "DeepSeekOperatorNoLeader": (
        Case("nobody leads", "6m", {_LEADER: "0x10"}, OPERATOR),
        Case("another one leads", "6m", {_LEADER: "0x10", _LEADER.replace("operator-1", "operator-2"): "1x10"}),
        Case("the leader changes", "6m", {_LEADER: "1x2 0x10", _LEADER.replace("operator-1", "operator-2"): "0x4 1x10"}),
    ),
    "DeepSeekOperatorPassesFail": (
        Case("each two minutes", "25m", {_FAILED: "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12"}, OPERATOR),
        Case("once", "25m", {_FAILED: "0 1x30"}),
    ),
    "DeepSeekOperatorQueueOld": (
        Case("every worker is held up", "10m", {_OLDEST: "0+60x20", _LEADER: "1x20"}, OPERATOR, "10m 0s"),
        Case("one that stands by", "10m", {_OLDEST: "0+60x20", _LEADER: "0x20"}),
        Case("many objects at once", "10m", {_OLDEST: "90x3 0x20", _LEADER: "1x20"}),
    ),
    "DeepSeekCatalogRefused": (
        Case("a mistake that stays", "16m", {_REFUSED: "1x20"}, OPERATOR, "1"),
        Case("a mistake that is corrected", "16m", {_REFUSED: "1x5 0x20"}),
    ),
}  # fmt: skip
