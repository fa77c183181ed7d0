"""The sizes of the tiny models, from their config.json."""

from deepseek_operator.catalog.models import Dimensions, Latent
from dev.models.shapes import Shape


def dimensions(shape: Shape) -> Dimensions:
    """Those of a tiny model."""
    config = {name: value for name, value in shape.config.items() if isinstance(value, int)}
    common = {
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "dense_layers": config["num_hidden_layers"],
        "dense_width": config["intermediate_size"],
        "vocabulary": config["vocab_size"],
        "source": "dev/models/shapes.py",
    }
    if "kv_lora_rank" not in config:
        width = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
        heads = {"kv_heads": config["num_key_value_heads"], "head_width": width}
        return Dimensions.model_validate({**common, **heads})
    latent = Latent(
        query_rank=config["q_lora_rank"],
        kv_rank=config["kv_lora_rank"],
        rope_width=config["qk_rope_head_dim"],
        nope_width=config["qk_nope_head_dim"],
        value_width=config["v_head_dim"],
    )
    return Dimensions.model_validate({**common, "latent": latent})


def layers(shape: Shape) -> int:
    """How many it has."""
    found = shape.config["num_hidden_layers"]
    assert isinstance(found, int)
    return found
