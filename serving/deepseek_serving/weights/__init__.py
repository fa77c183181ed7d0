"""Fetches a model once into a volume: resumable, verified, and never seen half-written."""
