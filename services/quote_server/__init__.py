"""Quote server: one venue's feed -> book -> images and trades on the bus."""
