"""A hub, registry, store and file server on this machine that speak the real protocols, and fail on demand."""
