"""Vaults: accounts whose money belongs to depositors by shares and whose orders a manager gives."""
