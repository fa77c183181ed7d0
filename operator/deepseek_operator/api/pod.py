"""The `pod` block: the part of the engine pods that is open to users, and no more of a PodSpec."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from deepseek_operator.api import rules
from deepseek_operator.api.affinity import Affinity
from deepseek_operator.api.base import ApiModel

_LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_KEY = rf"({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"

# What 0.1.0 took, and of which Kubernetes makes no pod: the schema has it and the types have not, so that an object
# that was stored with it is read, and what it serves goes on.
_NAMES_AN_OBJECT: dict[str, JsonValue] = {"pattern": f"^{_SUBDOMAIN}$"}
_NAMES_A_TAINT: dict[str, JsonValue] = {"pattern": f"^({_LABEL_KEY})?$"}
_IS_A_TAINTS_VALUE: dict[str, JsonValue] = {"pattern": _LABEL_VALUE}
_IS_AN_INT32: dict[str, JsonValue] = {"maximum": 2**31 - 1}

LabelValue = Annotated[str, Field(max_length=63, pattern=_LABEL_VALUE)]
LabelMap = Annotated[dict[str, LabelValue], Field(max_length=64)]
AnnotationMap = Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]


class SecretKeyRef(ApiModel):
    """One key of a Secret in the object's namespace."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")
    key: str = Field(min_length=1, max_length=253, description="Key in the Secret.")
    optional: bool | None = Field(default=None, description="Start without it. Default: false.")


class ConfigMapKeyRef(ApiModel):
    """One key of a ConfigMap in the object's namespace."""

    name: str = Field(min_length=1, max_length=253, description="Name of the ConfigMap.")
    key: str = Field(min_length=1, max_length=253, description="Key in the ConfigMap.")
    optional: bool | None = Field(default=None, description="Start without it. Default: false.")


class EnvVarSource(ApiModel):
    """Where an environment variable's value comes from; exactly one of the fields."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.ENV_SOURCE})

    secret_key_ref: SecretKeyRef | None = Field(default=None, description="A key of a Secret.")
    config_map_key_ref: ConfigMapKeyRef | None = Field(
        default=None, description="A key of a ConfigMap."
    )


class EnvVar(ApiModel):
    """One environment variable of the engine container."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.ENV_VAR})

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the variable.",
    )
    value: str | None = Field(
        default=None,
        max_length=4096,
        description="Its value. Secrets belong into valueFrom: this text is readable in the object.",
    )
    value_from: EnvVarSource | None = Field(
        default=None, description="A Secret's or ConfigMap's key that holds the value."
    )


class LocalObjectReference(ApiModel):
    """A Secret of the object's namespace, by name."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")


class ConfigMapReference(ApiModel):
    """A ConfigMap of the object's namespace, by name."""

    name: str = Field(min_length=1, max_length=253, description="Name of the ConfigMap.")


class Toleration(ApiModel):
    """A taint that the pods accept, as in a PodSpec."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.TOLERATION})

    key: str | None = Field(
        default=None,
        max_length=316,
        description="Taint key; empty: all keys.",
        json_schema_extra=_NAMES_A_TAINT,
    )
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None, description="Exists or Equal. Default: Equal."
    )
    value: str | None = Field(
        default=None,
        max_length=63,
        description="Taint value for Equal.",
        json_schema_extra=_IS_A_TAINTS_VALUE,
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; empty: all effects."
    )
    toleration_seconds: int | None = Field(
        default=None,
        description="Seconds that a NoExecute taint is tolerated; below 0 is as 0. Default: for ever.",
    )


Quantity = Annotated[
    int | str,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            "pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[munkMGTPE]|([eE][+-]?[0-9]+))?$",
        }
    ),
]
ResourceList = Annotated[dict[str, Quantity], Field(max_length=8)]


class Resources(ApiModel):
    """Compute resources of the engine container, as in a PodSpec; GPUs come from accelerator."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": rules.RESOURCES})

    requests: ResourceList = Field(
        default_factory=dict,
        description="What the scheduler reserves, e.g. {cpu: 8, memory: 64Gi}.",
    )
    limits: ResourceList = Field(
        default_factory=dict, description="What the container may not exceed."
    )


class TopologySpreadConstraint(ApiModel):
    """How the pods of one revision spread over the cluster, as in a PodSpec."""

    max_skew: Annotated[int, Field(ge=1)] = Field(
        description="Largest allowed difference in pods.", json_schema_extra=_IS_AN_INT32
    )
    topology_key: str = Field(min_length=1, max_length=316, description="Node label of a domain.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="Whether a pod that would break the constraint waits or runs."
    )


class Pod(ApiModel):
    """The part of the engine pods that is open to users; everything else is the operator's."""

    labels: LabelMap = Field(
        default_factory=dict,
        description="Further labels of the pods. Those of app.kubernetes.io and "
        "serving.deepseek.dev are the operator's.",
        json_schema_extra={"x-kubernetes-validations": rules.OPEN_KEYS},
    )
    annotations: AnnotationMap = Field(
        default_factory=dict,
        description="Further annotations of the pods.",
        json_schema_extra={"x-kubernetes-validations": rules.OPEN_KEYS},
    )
    node_selector: LabelMap = Field(
        default_factory=dict, description="Labels that a node must have to run the pods."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=64, description="Taints that the pods accept."
    )
    affinity: Affinity | None = Field(
        default=None,
        description="Node and pod affinity, with the fields that a PodSpec's has: "
        "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node.",
    )
    topology_spread_constraints: list[TopologySpreadConstraint] = Field(
        default_factory=list,
        max_length=16,
        description="How the pods of a revision spread; the pods are selected by the operator.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["topologyKey", "whenUnsatisfiable"],
        },
    )
    priority_class_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="PriorityClass of the pods.",
        json_schema_extra={**_NAMES_AN_OBJECT, "x-kubernetes-validations": rules.PRIORITY_CLASS},
    )
    runtime_class_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="RuntimeClass of the pods.",
        json_schema_extra=_NAMES_AN_OBJECT,
    )
    resources: Resources | None = Field(
        default=None, description="CPU and memory of the engine container. Default: none reserved."
    )
    env: list[EnvVar] = Field(
        default_factory=list,
        max_length=128,
        description="Environment variables of the engine container.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    image_pull_secrets: list[LocalObjectReference] = Field(
        default_factory=list,
        max_length=16,
        description="Secrets to pull the images with.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    service_account_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="ServiceAccount of the pods. Its token is not mounted. Default: default.",
        json_schema_extra=_NAMES_AN_OBJECT,
    )
