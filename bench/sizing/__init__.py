"""Sizing beside what is published, and how long it takes."""
