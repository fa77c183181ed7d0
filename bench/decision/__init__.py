"""How often a rollout decides right: simulated traffic through the very decisions that the operator makes."""
