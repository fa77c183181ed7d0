"""What a warm-up and a kept compile cache are worth, on real vLLM in the embedded cluster."""
