"""Facts: the DeepSeek models, each with its source."""
