"""The DeepSeekDeployment as pydantic types; the CRD and its reference are generated from them.

Field descriptions become the CRD's: they state meaning, unit and default. Rules that need more than
one field, or a message for people, are CEL rules (`x-kubernetes-validations`); the API server is the
one that enforces them, so they stand only here.
"""

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import names, rules
from deepseek_operator.api.analysis import Analysis, RolloutMetric
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.pod import LocalObjectReference, Pod, Quantity, Resources

Count = Annotated[int, Field(ge=1, le=100_000)]

EngineArg = Annotated[
    str,
    Field(
        min_length=3,
        max_length=2048,
        json_schema_extra={"x-kubernetes-validations": rules.ENGINE_ARG},
    ),
]


class Engine(ApiModel):
    """The inference engine of a revision."""

    name: Literal["vllm"] = Field(default="vllm", description="Inference engine. Default: vllm.")
    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Container image of the engine. Default: the operator's image for this engine "
        "and accelerator kind, fixed when the revision is made.",
    )
    args: list[EngineArg] = Field(
        default_factory=list,
        max_length=64,
        description="Further engine flags, one entry each: --flag or --flag=value. Flags that the "
        "operator owns are refused by name.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class Accelerator(ApiModel):
    """What a replica computes on."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.ACCELERATOR})

    kind: Literal["GPU", "CPU"] = Field(
        default="GPU",
        description="GPU, or CPU for a small model on a machine without accelerators. Default: GPU.",
    )
    product: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        description="GPU product as the node label nvidia.com/gpu.product names it, for example "
        "NVIDIA-H200. Default: any node that offers the accelerators.",
    )
    count: Annotated[int, Field(ge=1, le=16)] | None = Field(
        default=None,
        description="GPUs of one replica, all on one node. Default: the catalog's smallest count "
        "that holds the model; 1 for a model outside the catalog.",
    )


class Batching(ApiModel):
    """Explicit limits of dynamic batching; what is left out is the engine's own default."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.BATCHING})

    max_concurrent_sequences: Count | None = Field(
        default=None,
        description="Sequences that one engine process runs at once (vLLM --max-num-seqs).",
    )
    max_batched_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = Field(
        default=None,
        description="Tokens that one step of the engine computes (vLLM --max-num-batched-tokens). "
        "Not below maxConcurrentSequences.",
    )


Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=16,
        pattern=r"^([1-9][0-9]{0,3}h)?([1-9][0-9]{0,4}m)?([1-9][0-9]{0,5}s)?$",
    ),
]
"""A length of time as people write it: 90s, 5m, 1h30m."""


def seconds_of(duration: str) -> int:
    """A Duration in seconds."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([hms])", duration))


class Cache(ApiModel):
    """The volume that keeps fetched weights: one a source in a namespace, shared by all who use it."""

    storage_class_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        description="StorageClass of the volume. Default: the cluster's default class.",
    )
    size: Quantity | None = Field(
        default=None,
        description="Size of the volume, e.g. 800Gi; a volume that exists can only grow. Default: "
        "the size of the weights, from the catalog or the source's own listing, and 15 % more.",
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] | None = Field(
        default=None,
        description="ReadWriteMany for pods on several nodes, if the StorageClass can; ReadWriteOnce "
        "binds every pod to the node of the volume. Default: ReadWriteMany for more than one "
        "replica, else ReadWriteOnce; where the StorageClass cannot do the former, each pod "
        "fetches a copy of its own, and status.weights says so.",
    )
    stall_timeout: Duration = Field(
        default="2m",
        description="A source that sends no byte for so long is asked anew, and after several such "
        "silences the fetch has failed for now; as 90s, 5m or 1h30m. Default: 2m.",
    )
    retain: bool = Field(
        default=False,
        description="Keep the volume when nothing uses it any more. A volume that one user keeps is "
        "kept until a person deletes it. Default: false.",
    )


class WorkShape(ApiModel):
    """One kind of request that users are expected to send."""

    input_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        description="Tokens of the prompt."
    )
    output_tokens: Annotated[int, Field(ge=1, le=65_536)] = Field(
        description="Tokens of the answer."
    )
    concurrency: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=1, description="Such requests at once. Default: 1."
    )


class Warmup(ApiModel):
    """What every engine process is asked before the first user may reach it."""

    enabled: bool = Field(
        default=True,
        description="Warm up every pod. Pods that are not warmed up have no locks, so this makes a "
        "revision of its own. Default: true.",
    )
    prompts: LocalObjectReference | None = Field(
        default=None,
        description="ConfigMap of the object's namespace; each of its values is a system prompt of "
        "the users, which fills the prefix cache.",
    )
    shapes: list[WorkShape] = Field(
        default_factory=list,
        max_length=16,
        description="Requests to send in place of the ladder of prompt lengths, which is derived "
        "from the engine's limits.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    concurrency: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        default_factory=list,
        max_length=16,
        description="Requests at once, step by step, in place of the ladder up to the engine's "
        "most.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    timeout: Duration = Field(
        default="10m",
        description="Longest time of one warm-up, as 90s, 5m or 1h30m. Default: 10m.",
    )
    on_failure: Literal["Fail", "Serve"] = Field(
        default="Fail",
        description="Fail keeps users away from a pod whose warm-up failed and tries again. Serve "
        "lets them in when it took too long or a request was refused, and the conditions say so; a "
        "pod that answers garbage is never let in. Default: Fail.",
    )

    @property
    def seconds(self) -> int:
        """The time-out."""
        return seconds_of(self.timeout)


class ServingBlock(ApiModel):
    """What a revision serves: everything that shapes its pods, and their number."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.SERVING_BLOCK})

    model: str = Field(
        min_length=1,
        max_length=96,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
        description="Model name. A name of the catalog, such as DeepSeek-V3 or "
        "DeepSeek-R1-Distill-Qwen-7B, needs nothing else; any other name needs source.",
    )
    source: str | None = Field(
        default=None,
        max_length=1024,
        description="Where the weights are: pvc://claim/path is a volume of yours; "
        "hf://organisation/name[@revision], s3://bucket/prefix, oci://registry/repository[:tag] and "
        "https://host/file#sha256=digits are fetched once into a volume that `cache` describes. "
        "Tokens and addresses of mirrors go into pod.env: HF_TOKEN, HF_ENDPOINT, AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, HTTPS_PROXY. An oci source uses the first of "
        "pod.imagePullSecrets. Default: the catalog's.",
        json_schema_extra={"x-kubernetes-validations": rules.SOURCE},
    )
    engine: Engine = Field(
        default_factory=Engine, description="The inference engine, its image and flags."
    )
    accelerator: Accelerator = Field(
        default_factory=Accelerator, description="What a replica computes on."
    )
    batching: Batching = Field(
        default_factory=Batching, description="Explicit limits of dynamic batching."
    )
    cache: Cache = Field(
        default_factory=Cache, description="The volume that keeps fetched weights."
    )
    pod: Pod = Field(default_factory=Pod, description="The open part of the engine pods.")
    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1,
        description="Engine replicas. 0 serves nobody and frees the accelerators. Default: 1.",
    )


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

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.GATEWAY})

    provider: Literal["Embedded", "None"] = Field(
        default="Embedded",
        description="Embedded (an Envoy of this object's own) or None (clients reach the engines of "
        "the serving revision through a plain Service: no retries, no limits). Default: Embedded.",
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
        "429 with Retry-After. Default: 1024.",
    )
    max_request_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] | None = Field(
        default=None,
        description="Largest body of a request, in bytes; a larger one is answered 413. Default: "
        "4194304 (4 MiB).",
    )
    timeouts: GatewayTimeouts | None = Field(
        default=None, description="How long an answer may be silent."
    )
    drain_timeout: Duration | None = Field(
        default=None,
        description="How long a gateway replica that is to go lets running answers end. Default: "
        "10m.",
    )
    resources: Resources | None = Field(
        default=None,
        description="Requests and limits of a gateway replica's Envoy. Default: requests of 100m "
        "CPU and 128Mi, a limit of 1Gi.",
    )


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

    strategy: Literal["BlueGreen", "Canary"] = Field(
        default="BlueGreen",
        description="BlueGreen (all users change over when every replica of the new revision is "
        "ready) or Canary (step by step, compared with the serving revision on users' own requests, "
        "and back by itself if it is worse). Default: BlueGreen.",
    )
    steps: list[RolloutStep] = Field(
        default_factory=list,
        max_length=20,
        description="Of a Canary, with weights that grow. Default: 1, 5, 25 and 50 % with 20, 50, "
        "100 and 200 requests.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    paused: bool | None = Field(
        default=None,
        description="Hold a Canary where it is; it still goes back if it is worse. Default: false.",
    )
    auto_promote: bool | None = Field(
        default=None,
        description="Promote by itself after the last step; false waits for a person. Default: true.",
    )
    hold_timeout: Duration | None = Field(
        default=None,
        description="A Canary that cannot go on for so long goes back, as when no figures come. "
        "Default: 30m.",
    )
    max_duration: Duration | None = Field(
        default=None, description="A Canary that is not decided by then goes back. Default: 24h."
    )
    rollback_window: Duration | None = Field(
        default=None,
        description="How long the revision before is kept, with all its replicas, after a Canary "
        "was promoted. Default: 2h.",
    )
    drain_timeout: Duration | None = Field(
        default=None,
        description="How long running answers of a revision may take that is let go. Default: 15m.",
    )
    analysis: Analysis = Field(
        default_factory=Analysis,
        description="What a Canary is judged by beside failed, rejected and empty answers.",
    )


class DeepSeekDeploymentSpec(ServingBlock):
    """The desired state of a DeepSeekDeployment."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [*rules.SERVING_BLOCK, *rules.SPEC]}
    )

    served_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=96,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$",
        description='What clients send as "model". Default: metadata.name. Immutable.',
    )
    warmup: Warmup = Field(
        default_factory=Warmup, description="What every pod is asked before users may reach it."
    )
    gateway: Gateway = Field(
        default_factory=Gateway, description="What stands between clients and the engines."
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How a new revision takes over.")


class RevisionStatus(ApiModel):
    """One revision as the object reports it."""

    revision: str = Field(max_length=63, description="Revision key: equal keys are equal pods.")
    model: str = Field(max_length=96, description="Model of the revision.")
    source: str = Field(default="", max_length=1024, description="Where its weights come from.")
    image: str = Field(default="", max_length=512, description="Image of its engine.")
    replicas: int = Field(default=0, description="Replicas that it should have.")
    ready_replicas: int = Field(default=0, description="Replicas that answer.")


class WeightsStatus(ApiModel):
    """The weights of one source, as far as they are there; sizes in bytes."""

    claim: str = Field(max_length=253, description="PersistentVolumeClaim that holds them.")
    source: str = Field(max_length=1024, description="Where they come from.")
    phase: Literal["Sizing", "Waiting", "Fetching", "Verifying", "Failed", "Ready", "PerPod"] = (
        Field(
            description="Sizing (the source is asked for its size), Waiting (for the volume or a "
            "node), Fetching, Verifying, Failed (tried again later), Ready, or PerPod (no volume can "
            "be shared between nodes: each pod fetches a copy of its own)."
        )
    )
    bytes_done: int | None = Field(default=None, description="Bytes that are there.")
    bytes_total: int | None = Field(default=None, description="Bytes that there will be.")
    bytes_per_second: int | None = Field(default=None, description="Rate of the last 10 seconds.")
    seconds_left: int | None = Field(default=None, description="At that rate.")


class WarmupFigure(ApiModel):
    """One kind of warm-up request: its first round and its last, in milliseconds."""

    name: str = Field(max_length=128, description="The kind of request.")
    cold_first_token: int = Field(description="Time to first token of the first round, ms.")
    warm_first_token: int = Field(description="Time to first token of the last round, ms.")
    cold_next_token: int | None = Field(
        default=None, description="Time between tokens of the first round, ms."
    )
    warm_next_token: int | None = Field(
        default=None, description="Time between tokens of the last round, ms."
    )


class WarmupStatus(ApiModel):
    """The last warm-up of one pod."""

    pod: str = Field(max_length=253, description="The pod.")
    revision: str = Field(max_length=63, description="Revision key of the pod.")
    at: str = Field(description="When it had ended.", json_schema_extra={"format": "date-time"})
    seconds: int = Field(description="How long the warm-up took.")
    requests: int = Field(description="Requests that it sent.")
    failure: str | None = Field(
        default=None,
        max_length=1024,
        description="Why it failed although the pod serves (warmup.onFailure: Serve).",
    )
    figures: list[WarmupFigure] = Field(
        default_factory=list,
        max_length=32,
        description="Its kinds of requests, cold and warm.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ConditionStatus(ApiModel):
    """A condition as Kubernetes stores it (meta/v1 Condition)."""

    type: str = Field(
        max_length=316, description="Ready, Reconciling, Stalled, RolledOut, WeightsReady or Warm."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(min_length=1, max_length=1024, description="Why, in one word.")
    message: str = Field(max_length=32768, description="Why, in a sentence.")
    observed_generation: int = Field(description="Generation of the spec that this speaks of.")
    last_transition_time: str = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )


class GatewayStatus(ApiModel):
    """The gateway as the object reports it."""

    replicas: int = Field(default=0, description="Replicas that it should have.")
    ready_replicas: int = Field(default=0, description="Replicas that take requests.")
    version: str = Field(
        default="", max_length=63, description="Version of what they are told to do."
    )


class RolloutStatus(ApiModel):
    """The last Canary, as people read it, and what the operator goes on from."""

    run: str = Field(default="", max_length=80, description="Its name: number and candidate.")
    at: str = Field(
        default="",
        max_length=96,
        description="Run and step as a command names them: `<verb>:<at>`.",
    )
    phase: str = Field(default="", max_length=32, description="Where it is.")
    reason: str = Field(default="", max_length=64, description="Why, in one word.")
    message: str = Field(
        default="", max_length=1024, description="Why, with the figures that decided."
    )
    step: int = Field(default=0, description="The present step, from 1.")
    steps: int = Field(default=0, description="How many steps there are.")
    weight: int = Field(
        default=0, description="Percent of the requests that the candidate is to have."
    )
    candidate: str = Field(default="", max_length=63, description="The new revision.")
    stable: str = Field(
        default="", max_length=63, description="The revision that it is compared with."
    )
    since: str | None = Field(
        default=None,
        description="When the phase began.",
        json_schema_extra={"format": "date-time"},
    )
    decision_seconds: int | None = Field(
        default=None,
        description="About how long until it is decided, at the present rate of requests and if the "
        "new revision is as good as the other; none where that is not known, or not within "
        "maxDuration.",
    )
    command: str = Field(default="", max_length=256, description="What became of the last command.")
    metrics: list[RolloutMetric] = Field(
        default_factory=list,
        max_length=16,
        description="What is compared, and what was seen of it in this run until it was promoted.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    record: str = Field(
        default="",
        max_length=65536,
        description="What the operator goes on from; for nobody else.",
    )


class DeepSeekDeploymentStatus(ApiModel):
    """The observed state of a DeepSeekDeployment."""

    observed_generation: int = Field(
        default=0, description="Generation of the spec that the status speaks of."
    )
    url: str = Field(
        default="", max_length=512, description="Base URL of the OpenAI API inside the cluster."
    )
    served_name: str = Field(default="", max_length=96, description='What clients send as "model".')
    replicas: int = Field(default=0, description="Replicas of the serving revision that exist.")
    selector: str = Field(
        default="",
        max_length=1024,
        description="Label selector of the serving revision's pods, for the scale subresource.",
    )
    serving: RevisionStatus | None = Field(
        default=None, description="The revision that answers users; none before the first."
    )
    desired: RevisionStatus | None = Field(
        default=None, description="The revision that the spec asks for."
    )
    rollout: RolloutStatus | None = Field(
        default=None, description="The last Canary; none before the first."
    )
    gateway: GatewayStatus | None = Field(
        default=None, description="The gateway; none where gateway.provider is None."
    )
    weights: list[WeightsStatus] = Field(
        default_factory=list,
        max_length=16,
        description="The fetched weights of the revisions that have pods or are to have them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["claim"],
        },
    )
    warmup: list[WarmupStatus] = Field(
        default_factory=list,
        max_length=16,
        description="The last warm-ups, of each pod its last.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["pod"],
        },
    )
    conditions: list[ConditionStatus] = Field(
        default_factory=list,
        max_length=16,
        description="Ready, Reconciling, Stalled, RolledOut, WeightsReady and Warm.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )


class ObjectMeta(ApiModel):
    """The part of an object's metadata that decisions read."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def command(self) -> str | None:
        """What a person asks of a rollout."""
        return self.annotations.get(names.COMMAND_ANNOTATION)


class DeepSeekDeployment(ApiModel):
    """One public model name, served by one revision at a time, moved to the next without a gap."""

    api_version: Literal["serving.deepseek.dev/v1alpha1"] = names.API_VERSION  # type: ignore[assignment]
    kind: Literal["DeepSeekDeployment"] = names.KIND  # type: ignore[assignment]
    metadata: ObjectMeta
    spec: DeepSeekDeploymentSpec
    status: DeepSeekDeploymentStatus = Field(default_factory=DeepSeekDeploymentStatus)

    @property
    def served_name(self) -> str:
        """What clients send as "model"."""
        return self.spec.served_name or self.metadata.name
