"""The DeepSeekDeployment as pydantic types; the CRD and its reference are generated from them.

Field descriptions become the CRD's: they state meaning, unit and default. Rules that need more than
one field, or a message for people, are CEL rules (`x-kubernetes-validations`); the API server is the
one that enforces them, so they stand only here.
"""

from typing import Literal

from pydantic import ConfigDict, Field

from deepseek_operator.api import names, rules
from deepseek_operator.api.autoscaling import Autoscaling
from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.serving import Fallback, FurtherBlock, ServingBlock
from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.api.traffic import Gateway, Rollout
from deepseek_operator.api.warmup import Warmup


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
    autoscaling: Autoscaling | None = Field(
        default=None,
        description="The number of replicas by what their engines tell, in the place of replicas. Default: replicas, or "
        "workload.requestsPerSecond, sets the number.",
    )
    warmup: Warmup = Field(
        default_factory=Warmup, description="What every pod is asked before users may reach it."
    )
    gateway: Gateway = Field(
        default_factory=Gateway, description="What stands between clients and the engines."
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How a new revision takes over.")
    fallback: list[Fallback] = Field(
        default_factory=list,
        max_length=4,
        description="Revisions that answer in place of the serving one, tried in this order; never "
        "in place of themselves, and never the one that is on its way to serve. A change of an "
        "entry is made beside it: the new revision is warmed up, then the old one goes.",
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": rules.FALLBACK,
        },
    )

    @property
    def serves_nobody(self) -> bool:
        """Whether it is a wish that no revision has pods; not while `autoscaling` lets them rest."""
        return self.replicas == 0 and self.autoscaling is None


class ObjectMeta(ApiModel):
    """The part of an object's metadata that decisions read."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
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

    def asking_for(self, entry: FurtherBlock) -> "DeepSeekDeployment":
        """The object as it would be if it asked for what a further block of it serves, which says its own number."""
        block = entry.inheriting_from(self.spec)
        fields = {name: getattr(block, name) for name in ServingBlock.model_fields}
        fields["autoscaling"] = None
        return self.model_copy(update={"spec": self.spec.model_copy(update=fields)})
