"""The architectures: DeepSeek's true attention sizes and mechanisms, with few heads and few layers."""

from dataclasses import dataclass, field

VOCABULARY = 1024
MAX_POSITIONS = 4096

_COMMON = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": MAX_POSITIONS,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One model to make: its architecture, and whether it thinks before it answers."""

    name: str
    model_type: str
    reasoning: bool
    config: dict[str, object] = field(repr=False)
    noise: float = 0.0
    """Standard deviation, relative to each weight's own, of what damages a twin after training."""
    twin_of: str = ""


DEEPSEEK_V3 = Shape(
    name="tiny-deepseek-v3",
    model_type="deepseek_v3",
    reasoning=False,
    config={
        **_COMMON,
        "num_key_value_heads": 2,
        # vLLM's MLA kernels know these four sizes only.
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128,
        "v_head_dim": 128,
        "q_lora_rank": 128,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        "moe_intermediate_size": 64,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "n_group": 4,
        "topk_group": 2,
        "topk_method": "noaux_tc",
        "scoring_func": "sigmoid",
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.5,
        "num_nextn_predict_layers": 0,
    },
)

DISTILL_QWEN = Shape(
    name="tiny-r1-distill-qwen",
    model_type="qwen2",
    reasoning=True,
    config={**_COMMON, "num_key_value_heads": 1, "use_sliding_window": False},
)

DISTILL_LLAMA = Shape(
    name="tiny-r1-distill-llama",
    model_type="llama",
    reasoning=True,
    config={**_COMMON, "num_key_value_heads": 1, "head_dim": 128},
)

DAMAGED_V3 = Shape(
    name="tiny-deepseek-v3-damaged",
    model_type="deepseek_v3",
    reasoning=False,
    config=DEEPSEEK_V3.config,
    noise=2.0,
    twin_of=DEEPSEEK_V3.name,
)

SHAPES = (DEEPSEEK_V3, DISTILL_QWEN, DISTILL_LLAMA, DAMAGED_V3)


def by_name(name: str) -> Shape:
    """The shape of that name."""
    return next(shape for shape in SHAPES if shape.name == name)
