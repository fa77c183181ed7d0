"""Sizing: which model fits which accelerators, how it is laid out, and what it is worth. Pure arithmetic."""
