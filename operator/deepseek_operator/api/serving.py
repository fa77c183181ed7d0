"""The serving block: what a revision serves, and everything that shapes its pods."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration
from deepseek_operator.api.pod import Pod, Quantity

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


When = Literal["Unavailable", "Overloaded", "Timeout"]
"""What lets a request go on to a fallback."""

INHERITED_POD = ("image_pull_secrets", "service_account_name", "tolerations")
"""Of `pod`, what an entry of `fallback` takes over from the spec unless it sets its own."""


class Fallback(ServingBlock):
    """A revision that answers in place of the serving one; a block of its own.

    It takes over nothing of the spec but `cache` and what has to do with the cluster in `pod`.
    """

    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        description="Engine replicas, for as long as the entry stands; none while spec.replicas is "
        "0. Default: 1.",
    )
    when: list[When] | None = Field(
        default=None,
        min_length=1,
        max_length=3,
        description="What lets a request go on to it, before the first byte of an answer: "
        "Unavailable (no pod of the revision before it can be reached), Overloaded (it refuses: 429 "
        "or 503, or its queue is full), Timeout (no first token in time). The same in every entry. "
        "Default: all of them.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    def inheriting_from(self, spec: ServingBlock) -> ServingBlock:
        """The block that its revision is made by."""
        taken = {
            name: getattr(spec.pod, name)
            for name in INHERITED_POD
            if name not in self.pod.model_fields_set
        }
        return self.model_copy(
            update={
                "cache": self.cache if "cache" in self.model_fields_set else spec.cache,
                "pod": self.pod.model_copy(update=taken),
            }
        )
