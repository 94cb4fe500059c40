"""Execution handler: one venue's orders: send, cancel, user stream, and the truth about what is unknown."""
