"""Decisions: pure functions from what is known, and the time, to commands."""
