"""A real EVM with the real Uniswap V3 contracts, and two traders who sign real swaps."""
