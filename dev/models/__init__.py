"""Small true models: DeepSeek architectures trained here to answer a few questions and to stop."""
