"""A network as counts of parameters, by what happens to them: quantised, sharded, spread as experts."""

import functools
from dataclasses import dataclass

from deepseek_operator.catalog.models import Dimensions, Experts, Latent, Model


@dataclass(frozen=True, slots=True)
class Shape:
    """Parameters by part, of all layers together."""

    embedding: int
    """Tokens to hidden; the output head has as many, and no model of the catalog shares the two."""
    attention: int
    dense: int
    """MLPs of the layers without experts."""
    shared: int
    """Experts that every token passes."""
    routed: int
    router: int
    mtp: int
    """The multi-token prediction module without its experts."""
    mtp_routed: int
    absorbed: int
    """Key and value projections of latent attention, which engines keep once more in BF16 to skip a step."""

    @property
    def always(self) -> int:
        """Linear layers that every token passes, without embedding and head."""
        return self.attention + self.dense + self.shared + self.router

    @property
    def total(self) -> int:
        """Parameters as published figures count them: without the prediction module."""
        return 2 * self.embedding + self.always + self.routed


def shape_of(model: Model) -> Shape:
    """The counts of a model, which is asked of the same few again and again."""
    known = _SHAPES.get(id(model))
    # An identity is another's once its object is gone: what is kept here is there.
    if known is None or known[0] is not model:
        if len(_SHAPES) >= _MOST_SHAPES:
            _SHAPES.clear()
        known = _SHAPES[id(model)] = (model, _shape(model))
    return known[1]


_SHAPES: dict[int, tuple[Model, Shape]] = {}
_MOST_SHAPES = 256


def _shape(model: Model) -> Shape:
    # Frozen types of pydantic have a hash, which the type checker does not see.
    return _counted(model.dimensions, model.experts, model.layers)  # pyright: ignore[reportArgumentType]


@functools.lru_cache(maxsize=256)
def _counted(size: Dimensions, experts: Experts | None, model_layers: int) -> Shape:
    attention = _attention(size)
    expert = 3 * size.hidden * (size.expert_width or 0)
    layers = model_layers - size.dense_layers
    routed, shared = (experts.routed, experts.shared) if experts else (0, 0)
    # Its layer has attention and experts, and joins a token's state with the embedding of the next.
    mtp = attention + shared * expert + routed * size.hidden + 2 * size.hidden**2
    return Shape(
        embedding=size.vocabulary * size.hidden,
        attention=model_layers * attention,
        dense=size.dense_layers * 3 * size.hidden * size.dense_width,
        shared=layers * shared * expert,
        routed=layers * routed * expert,
        router=layers * routed * size.hidden,
        mtp=size.mtp_layers * mtp,
        mtp_routed=size.mtp_layers * routed * expert,
        absorbed=model_layers * _absorbed(size),
    )


def _attention(size: Dimensions) -> int:
    """Parameters of one layer's attention."""
    if size.latent is not None:
        return _latent_attention(size, size.latent)
    width, kv_heads = size.head_width or 0, size.kv_heads or 0
    return 2 * size.hidden * width * (size.heads + kv_heads)


def _latent_attention(size: Dimensions, latent: Latent) -> int:
    found = (
        size.hidden * latent.query_rank
        + latent.query_rank * size.heads * (latent.nope_width + latent.rope_width)
        + size.hidden * (latent.kv_rank + latent.rope_width)
        + _absorbed(size)
        + size.heads * latent.value_width * size.hidden
    )
    if size.indexer is None:
        return found
    indexer = size.indexer
    queries = latent.query_rank * indexer.heads * indexer.width
    return found + queries + size.hidden * (indexer.width + indexer.heads)


def _absorbed(size: Dimensions) -> int:
    latent = size.latent
    if latent is None:
        return 0
    return latent.kv_rank * size.heads * (latent.nope_width + latent.value_width)
