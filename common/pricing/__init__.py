"""Models of quotes, volatility and fill intensity: pure functions over numbers."""
