"""What trades add up to: positions, where the profit came from, and running statistics. Pure and exact."""
