"""From a serving block to a revision's pod shape: catalog, source and engine decided once."""

from deepseek_operator import derivation
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.sources import PvcSource, Source, parse_source
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import grouping, template, weights
from deepseek_operator.catalog import facts
from deepseek_operator.catalog.catalog import Catalog, may_be_refused
from deepseek_operator.derivation import Derived
from deepseek_operator.engines import choice
from deepseek_operator.engines.contract import (
    EngineContainer,
    EngineImages,
    EngineRequest,
    UnusableError,
)
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.revisions import Shape, revision_key


def resolve_shape(
    deployment: DeepSeekDeployment,
    block: ServingBlock,
    *,
    images: EngineImages,
    field: str = "spec",
    observed: Observed | None = None,
    derived: Derived | None = None,
) -> Shape:
    """The shape of a block's pods; Stalled when the block, which stands in `field`, cannot be served.

    What was observed, the catalog and the nodes, decides what a block leaves open; the key is of what the user set,
    whatever that is. None: the shipped catalog, and no nodes that are known. A plan, which asks what would be if, gives
    what is `derived` itself.
    """
    observed = observed or Observed()
    catalog = observed.catalog
    warmed = deployment.spec.warmup.enabled
    key = revision_key(block, warmed=warmed)
    rdma = images.network.has_rdma
    if derived is None:
        derived = derivation.derive(
            block, catalog=catalog, field=field, rdma=rdma, cluster=observed.cluster
        )
    block = _with_product(block, derived)
    source_text = block.source or _catalog_source(block.model, catalog, derived, field)
    request = EngineRequest(
        block=block,
        served_name=deployment.served_name,
        source=_source(source_text, field),
        model=catalog.models.get(block.model),
        products=catalog.accelerators,
        images=images,
        warmed=warmed,
        sized=derived.sized,
        drain=deployment.spec.gateway.drain_seconds,
    )
    engine = _engine(request, field)
    alone = template.build_template(
        deployment, key=key, request=request, engine=engine, claim=_claim(request)
    )
    leader, group = grouping.grouped(deployment, alone, key=key, request=request, engine=engine)
    return Shape(
        key=key,
        model=block.model,
        source=source_text,
        image=engine.image,
        template=leader,
        sizing=derivation.frozen(derived),
        group=group,
    )


def _with_product(block: ServingBlock, derived: Derived) -> ServingBlock:
    """The block as if it named the product that its pods are made for."""
    accelerator = block.accelerator.model_copy(update={"product": derived.product})
    return block.model_copy(update={"accelerator": accelerator})


def _engine(request: EngineRequest, field: str) -> EngineContainer:
    try:
        return choice.engine_container(request)
    except UnusableError as error:
        raise Stalled(Reason.INVALID_SPEC, f"{field}.{error}") from error


def _claim(request: EngineRequest) -> str:
    """The user's own claim, or the name of the one that the weights are fetched into."""
    if isinstance(request.source, PvcSource):
        return request.source.claim
    return weights.claim_name(request.source, request.block.cache)


def _catalog_source(name: str, catalog: Catalog, derived: Derived, field: str) -> str:
    """Where the catalog says that the weights are, in the form that was derived."""
    model = catalog.models.get(name)
    if model is None:
        nearest = ", ".join(facts.nearest(name, catalog.models))
        raise Stalled(
            Reason.UNKNOWN_MODEL,
            f"{field}.model: {name} is not in the catalog and {field}.source is not set; set source, or "
            f"use a name of the catalog (nearest: {nearest}){may_be_refused(catalog)}",
        )
    chosen = derived.sized.setting.scheme.checkpoint if derived.sized else None
    return f"hf://{chosen or model.repository}"


def _source(text: str, field: str) -> Source:
    try:
        return parse_source(text)
    except ValueError as error:
        raise Stalled(Reason.INVALID_SPEC, f"{field}.source: {error}") from error
