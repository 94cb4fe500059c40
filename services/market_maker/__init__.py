"""Passive hedge quotes on one venue's market."""
