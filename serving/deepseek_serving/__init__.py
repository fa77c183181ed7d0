"""Runs beside the engines: weights, warm-up, quality exams, the front of an engine, the gateway's agent; never decides."""
