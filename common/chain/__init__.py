"""Uniswap V3 over JSON-RPC: reads, transactions with a journal, reorg-safe events. README.md shows how it is used.

Nothing is re-exported here on purpose: a process imports the module that it needs and pays for no other.
"""
