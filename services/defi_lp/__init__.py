"""The LP on chain: holds asymmetric ranges, moves them when it pays, and tells everybody what it owns."""
