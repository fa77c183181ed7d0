"""The alerts: what is wrong, for how long it has to be, and who is to be told. Pure data.

Durations leave out what mends itself (a pod that is made anew, a new leader), and what the operator decides by
itself is told only where a person may want to be beside it.
"""

from dataclasses import dataclass
from enum import StrEnum

from deepseek_operator.api.conditions import FETCH_REASONS, Reason


class Severity(StrEnum):
    """Who is to be told, and when."""

    CRITICAL = "critical"
    """Somebody is to get up: users are not served, or soon will not be."""
    WARNING = "warning"
    """Somebody is to look in working hours: users are served, and less well or less safely than asked."""
    INFO = "info"
    """Nobody is to be disturbed: what waits for a person, or what the operator is about to decide."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert."""

    name: str
    expression: str
    lasts: str
    """How long it has to hold, as Prometheus writes it; 0m: what is told once is enough."""
    severity: Severity
    summary: str
    """One line for whoever is called, with the labels that say where."""
    reason: str
    """Why the threshold and the duration are what they are."""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts of one subject, which Prometheus evaluates together."""

    name: str
    alerts: tuple[Alert, ...]


OBJECT = "namespace, name"
"""Labels that name an object."""

_PLACE = "{{ $labels.namespace }}/{{ $labels.name }}"
_ASKED_BY_A_PERSON = "Aborted|Superseded|ScaledToZero|RolledBackByHand"
"""Causes of a rollback that somebody wanted."""
_SERVERS_FAULT = "unreachable|timeout|cut|engine"
"""Causes of failed requests that are neither the client's nor a full queue."""
_MOST_REPLICAS = 'deepseek_operator_autoscaling_bound_replicas{bound="max"}'
_LATE_CERTIFICATE = "deepseek_gateway_certificate_expiry_timestamp_seconds"


def _of_object(expression: str) -> str:
    return f"max by ({OBJECT}) ({expression})"


def _share(cause: str) -> str:
    """Of an object's requests those that failed for a cause, over five minutes."""
    return (
        f'sum by ({OBJECT}) (rate(deepseek_gateway_errors_total{{cause=~"{cause}"}}[5m]))\n'
        f"  / sum by ({OBJECT}) (rate(deepseek_gateway_requests_total[5m]))"
    )


_OBJECTS = Group(
    "deepseek-objects",
    (
        Alert(
            "DeepSeekNotServing",
            'max by (namespace, name) (deepseek_operator_condition{type="Ready", reason!~"ScaledToZero|Replacing|Waking"}) == 0\n'
            '  and on (namespace, name) deepseek_operator_revision_info{role="stable"}',
            "5m",
            Severity.CRITICAL,
            f"{_PLACE} has served and serves nobody now",
            "Only of objects that have served: a new one may fetch weights for hours. Five minutes are more than an operator's "
            "change of leader or a gateway's restart takes; with a fallback that answers the object is Ready, and so it is while it "
            "sleeps (autoscaling.min: 0). A pod that starts for the first request is no outage, one that does not start is.",
        ),
        Alert(
            "DeepSeekNotReadyForLong",
            _of_object('deepseek_operator_condition{type="Ready", reason!="ScaledToZero"}')
            + " == 0",
            "2h",
            Severity.WARNING,
            f"{_PLACE} has not been ready for two hours",
            "A new object, or one that is replaced. Two hours are what a candidate may take to start (rollout.startTimeout): "
            "the largest model is fetched and loaded by then where the network and the disks are as they should be.",
        ),
        Alert(
            "DeepSeekStalled",
            _of_object('deepseek_operator_condition{type="Stalled", reason!="RolledBack"}')
            + " == 1",
            "10m",
            Severity.WARNING,
            f"{_PLACE} is stalled: the operator cannot go on with its spec",
            "Whoever applied the spec has it in front of him for the first minutes. What serves goes on serving. A rollback "
            "has an alert of its own.",
        ),
        Alert(
            "DeepSeekReplicasShort",
            'deepseek_operator_replicas{role=~"stable|gateway", state="ready"}\n'
            '  < ignoring (state) deepseek_operator_replicas{role=~"stable|gateway", state="wanted"}',
            "30m",
            Severity.WARNING,
            f"{_PLACE}: only {{{{ $value }}}} {{{{ $labels.role }}}} replicas are ready, fewer than are wanted",
            "A large model is loaded and warmed up within half an hour; then a replica is missing and does not come back by itself.",
        ),
        Alert(
            "DeepSeekFallbackNotReady",
            _of_object('deepseek_operator_condition{type="FallbackReady"}') + " == 0",
            "30m",
            Severity.WARNING,
            f"{_PLACE}: who is to stand in for the serving revision cannot",
            "As of replicas: half an hour is more than a pod takes that comes back.",
        ),
        Alert(
            "DeepSeekWeightsNotFetched",
            _of_object(
                'deepseek_operator_condition{type="WeightsReady", reason=~"'
                + "|".join(sorted([*FETCH_REASONS, Reason.VOLUME_NOT_PROVISIONED]))
                + '"}'
            )
            + " == 0",
            "5m",
            Severity.WARNING,
            f"{_PLACE}: its weights do not come",
            "Only for reasons that keep them from coming, never for the time that they take. A fetch that fails is tried again "
            "after two minutes: five are two tries.",
        ),
        Alert(
            "DeepSeekPodsCold",
            _of_object(
                'deepseek_operator_condition{type="Warm", reason=~"WarmingUp|WarmupFailed|AnswersDiffer"}'
            )
            + " == 0",
            "30m",
            Severity.WARNING,
            f"{_PLACE}: a pod's engine has run for half an hour and is not warmed up, so it gets no requests",
            "A warm-up takes ten minutes at most where nothing else is said (warmup.timeout), and one that fails is tried again "
            "half a minute later: three tries.",
        ),
        Alert(
            "DeepSeekEngineRestarts",
            "max by (namespace, name, pod) (\n"
            '  changes(process_start_time_seconds{revision!=""}[1h])\n'
            '    or resets(trtllm_request_success_total{revision!=""}[1h])\n'
            ") >= 2",
            "0m",
            Severity.WARNING,
            f"{_PLACE}: the engine of pod {{{{ $labels.pod }}}} was started anew {{{{ $value }}}} times within an hour",
            "One restart may be a node's fault; a Canary goes back after three. vLLM tells when its process began; TensorRT-LLM "
            "does not, and its counters fall to zero instead.",
        ),
    ),
)

_ROLLOUTS = Group(
    "deepseek-rollouts",
    (
        Alert(
            "DeepSeekRolloutRolledBack",
            'max by (namespace, name, reason) (deepseek_operator_rollout_phase{phase="RolledBack", '
            f'reason!~"{_ASKED_BY_A_PERSON}"}}) == 1',
            "0m",
            Severity.WARNING,
            f"{_PLACE}: the last rollout was taken back ({{{{ $labels.reason }}}})",
            "It is decided, and stays so until the spec changes. Not where a person took it back.",
        ),
        Alert(
            "DeepSeekRolloutHeld",
            'max by (namespace, name, reason) (deepseek_operator_rollout_phase{phase="Held", reason!="Paused"}) == 1',
            "15m",
            Severity.WARNING,
            f"{_PLACE}: its rollout is held ({{{{ $labels.reason }}}})",
            "Half of the time after which it goes back by itself (rollout.holdTimeout, 30m): there is time left to help it.",
        ),
        Alert(
            "DeepSeekRolloutWaitsForPerson",
            'max by (namespace, name) (deepseek_operator_rollout_phase{phase="AwaitingApproval"}\n'
            '  or deepseek_operator_rollout_phase{phase="Held", reason="Paused"}) == 1',
            "4h",
            Severity.INFO,
            f"{_PLACE}: its rollout waits for somebody to let it go on",
            "Half a working day. Two revisions hold accelerators meanwhile.",
        ),
        Alert(
            "DeepSeekCandidateNearAlarm",
            "max by (namespace, name, metric) (deepseek_operator_rollout_alarm_ratio) >= 0.5",
            "0m",
            Severity.INFO,
            f"{_PLACE}: its candidate is half way to being taken back for {{{{ $labels.metric }}}}",
            "A good candidate is seldom there, and a bad one goes back by itself less than a minute later, so it tells of those "
            "that get worse slowly.",
        ),
    ),
)

_REQUESTS = Group(
    "deepseek-requests",
    (
        Alert(
            "DeepSeekRequestsFail",
            f"(\n  {_share(_SERVERS_FAULT)}\n) > 0.05\n"
            f"  and on ({OBJECT}) sum by ({OBJECT}) (\n"
            f'    increase(deepseek_gateway_errors_total{{cause=~"{_SERVERS_FAULT}"}}[5m])\n'
            "  ) >= 5",
            "5m",
            Severity.CRITICAL,
            f"{_PLACE}: {{{{ $value | humanizePercentage }}}} of its requests fail",
            "One in twenty, after all tries on other pods and the fallback, and five at least: at little traffic one failure is "
            "no outage. Streams that break count; what a client caused does not, nor a full queue.",
        ),
        Alert(
            "DeepSeekFallbackAnswers",
            f"sum by ({OBJECT}) (rate(deepseek_gateway_fallbacks_total[10m]))\n"
            f"  / sum by ({OBJECT}) (rate(deepseek_gateway_requests_total[10m])) > 0.05\n"
            f"  unless on ({OBJECT}) max by ({OBJECT}) (\n"
            '    max_over_time(deepseek_operator_condition{type="Ready", reason="Sleeping"}[30m])\n'
            "  ) == 1",
            "10m",
            Severity.WARNING,
            f"{_PLACE}: {{{{ $value | humanizePercentage }}}} of its requests are answered by the fallback",
            "Users are served, by another model than they asked for. One in twenty for as long as a pod's restart may take. Not "
            "of a model that slept within half an hour: there the fallback answers first, by design.",
        ),
        Alert(
            "DeepSeekQueueFull",
            f"{_share('overloaded')} > 0.05",
            "10m",
            Severity.WARNING,
            f"{_PLACE}: {{{{ $value | humanizePercentage }}}} of its requests find every queue full",
            "They are refused with 429 and Retry-After, which good clients heed: a burst of some minutes is nothing to wake for.",
        ),
        Alert(
            "DeepSeekAutoscalingAtMax",
            _of_object(
                "\n"
                "  deepseek_operator_autoscaling_needed_replicas\n"
                f"    > ignoring (bound) 1.1 * {_MOST_REPLICAS}\n"
                f"  and on ({OBJECT}, revision)\n"
                f"    deepseek_operator_autoscaling_replicas >= ignoring (bound) {_MOST_REPLICAS}\n"
            ),
            "30m",
            Severity.WARNING,
            f"{_PLACE} has all replicas that autoscaling.max lets it have, and needs {{{{ $value | humanize }}}}",
            "A tenth above is what the operator itself takes no notice of. Half an hour is more than a replica takes to get warm, so those "
            "that there are do not bring what is needed back below it.",
        ),
        Alert(
            "DeepSeekFirstTokenSlow",
            f"histogram_quantile(0.95, sum by ({OBJECT}, le) (\n"
            "  rate(vllm:time_to_first_token_seconds_bucket[10m])\n"
            "    or rate(trtllm_time_to_first_token_seconds_bucket[10m])\n"
            f")) > on ({OBJECT}) deepseek_operator_first_token_target_seconds",
            "10m",
            Severity.WARNING,
            f"{_PLACE}: one first token in twenty takes {{{{ $value | humanizeDuration }}}} or longer, above its target",
            "Only where workload.timeToFirstToken is set. Engines count by fixed edges, so a value is right to the next edge.",
        ),
        Alert(
            "DeepSeekGatewayNotFollowing",
            f"min by ({OBJECT}) (deepseek_gateway_config_current) == 0\n"
            f"  or max by ({OBJECT}) (\n"
            '    deepseek_operator_rollout_phase{reason=~"NotAcknowledged|RollbackStalled"}\n'
            "  ) == 1",
            "10m",
            Severity.WARNING,
            f"{_PLACE}: a gateway does not follow what it is told",
            "It goes on as it was told before. A gateway takes a change up within seconds; ten minutes leave room for one that "
            "starts.",
        ),
        Alert(
            "DeepSeekSecretNotFollowed",
            _of_object(
                'deepseek_operator_condition{type="SecretsReady", reason=~"SecretNotFollowed|UnknownClient"}'
            )
            + " == 0",
            "15m",
            Severity.WARNING,
            f"{_PLACE}: its gateway cannot follow a Secret of keys or certificates",
            "What was good before still counts. The kubelet brings a Secret's change within about a minute.",
        ),
        Alert(
            "DeepSeekCertificateEnds",
            f"min by ({OBJECT}) ({_LATE_CERTIFICATE}) - time() < 14 * 86400",
            "1h",
            Severity.WARNING,
            f"{_PLACE}: the certificate that its clients are shown ends in {{{{ $value | humanizeDuration }}}}",
            "As the object's own condition (SecretsReady). cert-manager renews a month before the end: two weeks mean that it does "
            "not.",
        ),
        Alert(
            "DeepSeekCertificateEndsSoon",
            f"min by ({OBJECT}) ({_LATE_CERTIFICATE}) - time() < 2 * 86400",
            "15m",
            Severity.CRITICAL,
            f"{_PLACE}: the certificate that its clients are shown ends in {{{{ $value | humanizeDuration }}}}",
            "Two days are a weekend: nobody else will see to it before clients are turned away.",
        ),
    ),
)

_OPERATOR = Group(
    "deepseek-operator",
    (
        Alert(
            "DeepSeekOperatorAbsent",
            "absent(deepseek_operator_leader)",
            "10m",
            Severity.CRITICAL,
            "no replica of the DeepSeek operator is scraped: none runs, or its metrics are not reached",
            "Users go on being served, but nothing is repaired, no cold pod is opened and no bad candidate taken back. Ten minutes "
            "are more than an upgrade or a node's restart takes.",
        ),
        Alert(
            "DeepSeekOperatorNoLeader",
            "max by (namespace, job) (deepseek_operator_leader) == 0",
            "5m",
            Severity.CRITICAL,
            "the DeepSeek operator in {{ $labels.namespace }} runs and none of its replicas leads",
            "A silent leader is replaced after leaseSeconds (15).",
        ),
        Alert(
            "DeepSeekOperatorPassesFail",
            'sum by (namespace, job) (rate(deepseek_operator_reconcile_passes_total{result="failed"}[5m])) > 0',
            "15m",
            Severity.WARNING,
            "passes of the DeepSeek operator in {{ $labels.namespace }} have failed for a quarter of an hour",
            "A pass that fails is tried again, at the latest after two minutes: each window of five has two tries of an object "
            "whose passes all fail.",
        ),
        Alert(
            "DeepSeekOperatorQueueOld",
            "max by (namespace, job) (\n"
            "  deepseek_operator_queue_oldest_seconds and on (namespace, pod) deepseek_operator_leader == 1\n"
            ") > 60",
            "5m",
            Severity.WARNING,
            "objects wait {{ $value | humanizeDuration }} for the DeepSeek operator in {{ $labels.namespace }}",
            "A pass takes less than a second, so a minute means that every worker is held up. Only of the leader: the queue of "
            "one that stands by waits.",
        ),
        Alert(
            "DeepSeekCatalogRefused",
            'max by (namespace, job) (deepseek_operator_catalog_documents{state="refused"}) > 0',
            "15m",
            Severity.WARNING,
            "the DeepSeek operator in {{ $labels.namespace }} refuses {{ $value }} documents of the platform team's catalog",
            "Whoever edits it sees the refusal in the log at once; a quarter of an hour means that nobody did.",
        ),
    ),
)

GROUPS = (_OBJECTS, _ROLLOUTS, _REQUESTS, _OPERATOR)

ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
