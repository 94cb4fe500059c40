"""Strategies that trade for an account, a vault in most cases, with real orders."""
