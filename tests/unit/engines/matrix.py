"""Every model of the catalog on every accelerator in every form that runs there, on nodes without RDMA."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import derivation
from deepseek_operator.catalog import catalog
from deepseek_operator.engines.contract import EngineRequest
from deepseek_operator.errors import Stalled
from deepseek_operator.sizing import quantization
from tests.unit.samples import Manifest, engine_request

CATALOG = catalog.shipped()


@dataclass(frozen=True, slots=True)
class Pair:
    """One model on one accelerator in one form."""

    model: str
    product: str
    form: str
    request: EngineRequest


def sized_request(model: str, product: str, **more: Any) -> EngineRequest:
    """What an engine is asked for a model on the product that a node label names; Stalled where it cannot be."""
    block: Manifest = {"model": model, **more}
    block["accelerator"] = {"product": product, **more.get("accelerator", {})}
    request = engine_request(**block)
    derived = derivation.derive(request.block, catalog=CATALOG, field="spec", rdma=False)
    return replace(request, sized=derived.sized)


def _pairs(engine: str) -> Iterator[Pair]:
    for model in CATALOG.models:
        for product, entry in CATALOG.accelerators.items():
            for form in ("auto", *quantization.NAMES):
                label = entry.labels.gpu_operator[0]
                asked = {"quantization": form, "engine": {"name": engine}}
                try:
                    yield Pair(model, product, form, sized_request(model, label, **asked))
                except Stalled:
                    continue


MATRIX = tuple(_pairs("vllm"))
TRTLLM_MATRIX = tuple(_pairs("tensorrt-llm"))
