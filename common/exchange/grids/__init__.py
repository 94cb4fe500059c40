"""Grids: orders on a ladder of prices that turn at the neighbouring level when they fill."""
