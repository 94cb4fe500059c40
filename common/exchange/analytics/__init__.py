"""What trades add up to, for accounts, strategies and markets, in integers."""
