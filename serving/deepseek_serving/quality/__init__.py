"""Examines how well a model answers, before users meet it."""
