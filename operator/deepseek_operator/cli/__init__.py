"""kubectl deepseek: what a rollout does, in words, and what people may ask of it."""
