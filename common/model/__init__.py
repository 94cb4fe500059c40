"""Pure values that every other room may use."""
