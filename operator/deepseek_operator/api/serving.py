"""The serving block: what a revision serves, and everything that shapes its pods."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import rules, trtllm_rules
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.durations import Duration
from deepseek_operator.api.pod import Pod, Quantity
from deepseek_operator.api.workload import Workload

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

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": trtllm_rules.ENGINE})

    name: Literal["vllm", "tensorrt-llm"] = Field(
        default="vllm", description="Inference engine; tensorrt-llm is for GPUs. Default: vllm."
    )
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
        description="Further engine flags, one entry each: --flag or --flag=value; of tensorrt-llm, "
        "options of trtllm-serve and keys of its YAML file: --kv_cache_config.dtype=fp8. Flags that "
        "the operator owns are refused by name.",
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
        description="GPU product as a node's label names it: nvidia.com/gpu.product (NVIDIA-H200), "
        "cloud.google.com/gke-accelerator, karpenter.k8s.aws/instance-gpu-name or "
        "node.kubernetes.io/instance-type. What a replica of a model of the catalog is made of is "
        "derived for it. Default: the one that the nodes have which the pods may run on, if all of them "
        "have the same when the revision is made; else any node, and nothing is derived.",
    )
    count: Annotated[int, Field(ge=1, le=128)] | None = Field(
        default=None,
        description="GPUs of one replica. More than a node of product has are on several whole "
        "nodes. Default: as many as pay, where product is known, "
        "and on several nodes only where one does not hold the model; else the catalog's smallest count that holds the model; 1 for "
        "a model outside the catalog.",
    )
    attention: Literal["Tensor", "Ranks"] | None = Field(
        default=None,
        description="How the GPUs of one replica share attention: Tensor splits the heads of each layer "
        "over them, Ranks has each attend for requests of its own (data-parallel attention, of models "
        "with experts). Default: what keeps the targets of workload and does most.",
    )
    decode_times: Annotated[float, Field(ge=0.1, le=10)] | None = Field(
        default=None,
        description="How many times as long as computed a step of decode takes on these GPUs: the ratio "
        "of status.sizing.measured. Layout, limits and requestsPerSecond's replicas follow from it, "
        "by a rollout. Default: 1.",
    )


class Batching(ApiModel):
    """Explicit limits of dynamic batching; what is left out is derived, or the engine's own default.

    But for TensorRT-LLM, which is given 256 sequences and 8192 tokens where nothing is derived.
    """

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.BATCHING})

    max_concurrent_sequences: Count | None = Field(
        default=None,
        description="Sequences that one engine process runs at once (vLLM --max-num-seqs, "
        "TensorRT-LLM --max_batch_size). Default: the most that keeps the targets of workload and "
        "the memory, where product is known; else the engine's own, 256 for TensorRT-LLM.",
    )
    max_batched_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = Field(
        default=None,
        description="Tokens that one step of the engine computes (vLLM --max-num-batched-tokens, "
        "TensorRT-LLM --max_num_tokens). Not below maxConcurrentSequences. Default: derived as "
        "maxConcurrentSequences is; else the engine's own, 8192 for TensorRT-LLM.",
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
        "replica or one on several nodes, else ReadWriteOnce; where the StorageClass cannot do the "
        "former, each pod of one node fetches a copy of its own, and status.weights says so.",
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
    quantization: Literal["auto", "none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8"] = Field(
        default="auto",
        description="Form in which the weights are served: none (as published), fp8, int8, int4-awq, "
        "nvfp4 or w4afp8 (4-bit experts on Hopper, TensorRT-LLM); from a published checkpoint if the "
        "catalog has one and no source is set, else made while the engine loads, if it can. "
        "TensorRT-LLM cannot: there it says which form a source has. What does not run on "
        "accelerator.product is refused with the nearest that does. auto takes the best that runs, and "
        "a source that is set as it is. Default: auto.",
    )
    batching: Batching = Field(
        default_factory=Batching, description="Explicit limits of dynamic batching."
    )
    workload: Workload | None = Field(
        default=None,
        description="Requests as they are expected: what limits and layout are derived for. Default: "
        "a chat's, 1024 tokens in and 256 out, at most 100 ms a token.",
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
"""Of `pod`, what an entry of `fallback` and `rollout.from` take over from the spec unless they set their own."""


class FurtherBlock(ServingBlock):
    """A serving block beside the spec's own.

    It takes over nothing of the spec but `cache` and what has to do with the cluster in `pod`.
    """

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


class Baseline(FurtherBlock):
    """The revision that the first rollout begins with."""

    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        description="Engine replicas, for as long as this revision is there; spec.replicas is the "
        "number of what takes over from it. None while that is 0. Default: 1.",
    )


class Fallback(FurtherBlock):
    """A revision that answers in place of the serving one."""

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
        "While a Canary divides requests each of them counts. Default: all of them.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
