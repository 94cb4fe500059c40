"""Liquidity pools: accounts whose money belongs to holders of LP tokens and whose orders a ladder gives."""
