"""Runs beside the engines: warm-up, weights, gateway agent and load tests; never decides."""
