"""What we hold and what it earned: fills and LP inventory in, positions, net exposure and the hedge target out."""
