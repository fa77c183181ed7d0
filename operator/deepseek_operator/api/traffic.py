"""Where users' requests go: the gateway, and how a new revision takes over."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import provider_rules, rules
from deepseek_operator.api.analysis import Analysis
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.clients import ApiKeys, Tls
from deepseek_operator.api.durations import Duration, seconds_of
from deepseek_operator.api.long_requests import LongRequests
from deepseek_operator.api.mirror import Mirror
from deepseek_operator.api.parents import Hostname, ParentRef
from deepseek_operator.api.pod import Resources
from deepseek_operator.api.serving import Baseline


class GatewayTimeouts(ApiModel):
    """How long an answer may be silent; as 90s, 5m or 1h30m."""

    first_token: Duration = Field(
        default="60s",
        description="Until the first token of a stream; then another replica or revision is asked. "
        "Default: 60s.",
    )
    between_tokens: Duration = Field(
        default="60s",
        description="Between two tokens of a stream; then it is cut. Default: 60s.",
    )
    response: Duration = Field(
        default="10m",
        description="Until the first byte of any answer; one that is no stream comes whole. "
        "Default: 10m.",
    )


class Gateway(ApiModel):
    """What stands between clients and the engines."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": provider_rules.GATEWAY}
    )

    provider: Literal["Embedded", "GatewayAPI", "None"] = Field(
        default="Embedded",
        description="Embedded (an Envoy of this object's own), GatewayAPI (an HTTPRoute with weights on "
        "a Gateway that is there: nothing of ours between it and the engines) or None (clients reach "
        "the engines of the serving revision through a plain Service: no retries, no limits). "
        "Default: Embedded.",
    )
    parent_ref: ParentRef | None = Field(
        default=None, description="With provider GatewayAPI: the Gateway that the HTTPRoute joins."
    )
    hostnames: list[Hostname] = Field(
        default_factory=list,
        max_length=16,
        description="With provider GatewayAPI: host names that requests have to be for. Default: those "
        "of the Gateway's listeners.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    replicas: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="Gateway replicas, on different nodes where there are. Default: 2.",
    )
    sticky_header: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="Request header whose value keeps a conversation on one revision, for example "
        "x-conversation-id. Default: each request is on its own.",
    )
    pinning: bool | None = Field(
        default=None,
        description="Let the header x-dsd-pin choose a revision by its key, for tests. Default: "
        "false.",
    )
    max_requests_per_replica: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Requests at once for each engine replica, running or queued; more are answered "
        "429 with Retry-After; with GatewayAPI by the engine itself. Default: 1024.",
    )
    long_requests: LongRequests | None = Field(
        default=None,
        description="Bound the requests with long prompts apart from the others; {} has all of it derived. "
        "Default: requests of all sizes are alike.",
    )
    max_request_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] | None = Field(
        default=None,
        description="Largest body of a request, in bytes; a larger one is answered 413. Default: "
        "4194304 (4 MiB).",
    )
    timeouts: GatewayTimeouts | None = Field(
        default=None, description="How long an answer may be silent."
    )
    api_keys: ApiKeys | None = Field(
        default=None, description="Who may ask. Default: whoever reaches the gateway."
    )
    tls: Tls | None = Field(default=None, description="TLS for clients. Default: plain HTTP.")
    access_log: Literal["All", "Failures", "Off"] | None = Field(
        default=None,
        description="Of which requests the gateway writes a line of JSON: All, Failures (answered 400 "
        "or above, cut, or by another try than the first) or Off. Default: All.",
    )
    tracing: Literal["Enabled", "Disabled"] | None = Field(
        default=None,
        description="Whether the gateway writes OpenTelemetry traces of requests, to the collector that the chart's tracing "
        "names and of as many as it says; without one nobody does. Default: Enabled.",
    )
    drain_timeout: Duration | None = Field(
        default=None,
        description="How long a gateway replica that is to go lets running answers end, and so an engine's pod, of "
        "revisions that begin from then on; it goes with its last answer. Default: 10m.",
    )
    resources: Resources | None = Field(
        default=None,
        description="Requests and limits of a gateway replica's Envoy. Default: requests of 100m "
        "CPU and 128Mi, a limit of 1Gi.",
    )

    @property
    def drain_seconds(self) -> int:
        """How long running answers may take of what is to go."""
        return seconds_of(self.drain_timeout or "10m")


class RolloutStep(ApiModel):
    """One share of the traffic, and what has to be seen of it before the next."""

    weight: Annotated[int, Field(ge=1, le=95)] = Field(
        description="Percent of the requests for the new revision. Above 95 there is nothing left to "
        "compare with; promotion follows the last step."
    )
    min_duration: Duration = Field(
        default="1m", description="The step lasts so long at least. Default: 1m."
    )
    min_requests: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=100,
        description="So many requests of the new revision have to be seen. Default: 100.",
    )
    pause: bool = Field(
        default=False, description="Wait for a person's approval after the step. Default: false."
    )


class Rollout(ApiModel):
    """How a new revision takes over from the one that serves."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.ROLLOUT})

    strategy: Literal["BlueGreen", "Canary", "Replace", "Auto"] = Field(
        default="BlueGreen",
        description="BlueGreen (all users change over when every replica of the new revision is "
        "ready), Canary (step by step, compared with the serving revision on users' own requests, "
        "and back by itself if it is worse), Replace (for a cluster without spare accelerators: the "
        "serving revision stops, then the new one starts, and the old one comes back by itself if "
        "that cannot serve; nobody is served meanwhile but by spec.fallback) or Auto (when a rollout "
        "begins: Canary where there are accelerators for both revisions or that is not known, else "
        "Replace; status.rollout.chosen says why). Default: BlueGreen.",
    )
    wait_for_accelerators: bool | None = Field(
        default=None,
        description="Whether a rollout begins only once there is room for its peak: the serving "
        "revision, the new one and the fallback; with Replace without the serving one. false begins "
        "at once, for nodes that are added when pods wait. Nothing waits for what cannot be known. "
        "Default: true, but for a cluster in which the cluster autoscaler or Karpenter is seen.",
    )
    from_: Baseline | None = Field(
        default=None,
        alias="from",
        description="The revision that the first rollout begins with: it is brought to serve, and "
        "then what the spec serves takes over from it as the strategy says. A serving block of its "
        "own that takes over only cache and the pod's pull secrets, tolerations and ServiceAccount. "
        "Given when the object is made, and immutable; once another revision was promoted it does "
        "nothing. Default: the first revision serves as soon as it can.",
    )
    skip_initial: bool | None = Field(
        default=None,
        description="Begin without rollout.from, as when an object is made anew after a disaster: "
        "what the spec serves starts at once and serves from its first ready replica. Without effect "
        "once something serves. Default: false.",
    )
    steps: list[RolloutStep] = Field(
        default_factory=list,
        max_length=20,
        description="Of a Canary, with weights that grow. Default: 1, 5, 25 and 50 % with 20, 50, "
        "100 and 200 requests.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    mirror: Mirror | None = Field(
        default=None,
        description="Copies of users' requests for the new revision of a Canary before its first step; "
        "answers are thrown away, and what is bad at them goes back. Default: none are made.",
    )
    paused: bool | None = Field(
        default=None,
        description="Hold a Canary where it is, for as long as it is true; it still goes back if it is worse. A Replace is held "
        "before the serving revision stops, and not later. Default: false.",
    )
    auto_promote: bool | None = Field(
        default=None,
        description="Promote by itself after the last step; false waits for a person. A Replace waits "
        "before the serving revision stops. Default: true.",
    )
    start_timeout: Duration | None = Field(
        default=None,
        description="A Canary whose new revision is not ready by then, with its weights fetched and "
        "its replicas warmed up, goes back; a Replace counts from the start of its pods. Read when "
        "the run begins. Default: 2h; of a Replace 30m.",
    )
    hold_timeout: Duration | None = Field(
        default=None,
        description="A run that cannot go on for so long goes back, as when no figures come; not while "
        "no pod of the serving revision is ready. Default: 30m; of a Replace 5m.",
    )
    max_duration: Duration | None = Field(
        default=None,
        description="A Canary that is not decided by then goes back, and a Replace before which the "
        "serving revision has not stopped by then. Time that it is paused does not count, and nobody goes "
        "back while no pod of the serving revision is ready. Default: 24h.",
    )
    rollback_window: Duration | None = Field(
        default=None,
        description="How long the revision before is kept, with all its replicas, after a Canary "
        "was promoted. With Replace it keeps none, and comes back by the command rollback, or if "
        "engines of the new one die. Default: 2h.",
    )
    drain_timeout: Duration | None = Field(
        default=None,
        description="How long running answers may take of a candidate that goes back, or with Replace of the old revision, "
        "before its pods are let go; they then drain by themselves, as gateway.drainTimeout says. Default: 15m.",
    )
    analysis: Analysis = Field(
        default_factory=Analysis,
        description="What a Canary is judged by beside failed, rejected and empty answers; with "
        "Replace quality alone.",
    )
