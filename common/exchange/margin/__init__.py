"""Margin accounts: positions, funding, liquidation."""
