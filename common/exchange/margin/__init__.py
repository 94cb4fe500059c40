"""Perpetuals: margin accounts and their positions, what they must hold, and how collateral moves."""
