"""Advice: which model for a task, on these accelerators, within a budget; and what cannot be, with the nearest that can."""
