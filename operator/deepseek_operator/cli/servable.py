"""Whether the operator would make the pods of what is planned: what it stalls is told before anything is applied. Pure."""

from deepseek_operator.api.types import DeepSeekDeployment, ObjectMeta
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli.objects import Given, InputError
from deepseek_operator.cli.peaks import Planned
from deepseek_operator.derivation import Derived
from deepseek_operator.engines.contract import EngineImages, Network
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape

_UNKNOWN = "set-by-the-operator"


def images(*, rdma: bool) -> EngineImages:
    """The operator's settings, which nobody else knows: nothing that is told here depends on them but RDMA."""
    return EngineImages(
        vllm=_UNKNOWN,
        vllm_cpu=_UNKNOWN,
        tensorrt_llm=_UNKNOWN,
        toolbox=_UNKNOWN,
        gateway=_UNKNOWN,
        network=Network(rdma_resource=_UNKNOWN if rdma else ""),
    )


def deployment_of(given: Given) -> DeepSeekDeployment:
    """The object as the operator would read it were it new."""
    metadata = ObjectMeta(name=given.name or "NAME", namespace=given.namespace or "default")
    return DeepSeekDeployment(metadata=metadata, spec=given.spec)


def shape(planned: Planned, deployment: DeepSeekDeployment, known: Catalog, *, rdma: bool) -> Shape:
    """The block's pods; InputError where the operator could not make them, in its own words.

    As it was planned, with what the command line sets: that is derived, and is not derived again.
    """
    block = planned.block
    pool = planned.sized.question.pool
    product = block.serving.accelerator.product or pool.accelerator.labels.gpu_operator[0]
    try:
        return resolve_shape(
            deployment,
            block.serving,
            images=images(rdma=rdma),
            field=block.field,
            observed=Observed(catalog=known),
            derived=Derived(planned.sized, product=product),
        )
    except Stalled as stalled:
        raise InputError(stalled.message) from stalled
