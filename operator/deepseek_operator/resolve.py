"""From a serving block to a revision's pod shape: catalog, source and engine decided once."""

from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.sources import PvcSource, Source, parse_source
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import template, weights
from deepseek_operator.catalog import models
from deepseek_operator.engines import vllm
from deepseek_operator.engines.contract import EngineImages, EngineRequest
from deepseek_operator.errors import Stalled
from deepseek_operator.rollout.revisions import Shape, revision_key


def resolve_shape(
    deployment: DeepSeekDeployment,
    block: ServingBlock,
    *,
    images: EngineImages,
    field: str = "spec",
) -> Shape:
    """The shape of a block's pods; Stalled when the block, which stands in `field`, cannot be served."""
    warmed = deployment.spec.warmup.enabled
    key = revision_key(block, warmed=warmed)
    model = models.find_model(block.model)
    source_text = block.source or _catalog_source(block.model, model, field)
    request = EngineRequest(
        block=block,
        served_name=deployment.served_name,
        source=_source(source_text, field),
        model=model,
        images=images,
        warmed=warmed,
    )
    engine = vllm.engine_container(request)
    return Shape(
        key=key,
        model=block.model,
        source=source_text,
        image=engine.image,
        template=template.build_template(
            deployment, key=key, request=request, engine=engine, claim=_claim(request)
        ),
    )


def _claim(request: EngineRequest) -> str:
    """The user's own claim, or the name of the one that the weights are fetched into."""
    if isinstance(request.source, PvcSource):
        return request.source.claim
    return weights.claim_name(request.source, request.block.cache)


def _catalog_source(name: str, model: models.Model | None, field: str) -> str:
    if model is None:
        nearest = ", ".join(models.nearest_names(name))
        raise Stalled(
            Reason.UNKNOWN_MODEL,
            f"{field}.model: {name} is not in the catalog and {field}.source is not set; set source, or "
            f"use a name of the catalog (nearest: {nearest})",
        )
    return f"hf://{model.repository}"


def _source(text: str, field: str) -> Source:
    try:
        return parse_source(text)
    except ValueError as error:
        raise Stalled(Reason.INVALID_SPEC, f"{field}.source: {error}") from error
