"""Rules that say no, as pure functions: limits before the trade."""
