"""Uniswap V3 in plain Python integers, exact to the wei and free of input and output. Written from the whitepaper."""
