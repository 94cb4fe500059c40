"""Two-sided quotes: a bid and an ask of one owner in one market that never stand closer than a minimum spread."""
