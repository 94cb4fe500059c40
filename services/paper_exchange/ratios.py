"""What only floats can say of an account's record: returns, Sharpe, Sortino, drawdown, Calmar, win rate.

The exchange itself knows integers only, so they are joined to its answer where it is served.
"""

from typing import Any

import msgspec

from common.accounting.performance import DAYS_PER_YEAR, HOURS_PER_YEAR, performance

QUESTION = "performance"
GRIDS = (("by_hour", "hours", HOURS_PER_YEAR), ("by_day", "days", DAYS_PER_YEAR))


def with_ratios(question: str, found: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question; that of `performance` also has `by_hour` and `by_day`, fields as of `Performance`."""
    if question != QUESTION:
        return found
    total, joined = found["total"], dict(found)
    wins, losses = int(total["wins"]), int(total["losses"])
    for name, samples, per_year in GRIDS:
        # Integers beyond 64 bits come as decimal texts.
        equity, flows = [float(each) for each in found[samples]], [float(each) for each in found[f"{samples}_flows"]]
        joined[name] = msgspec.to_builtins(performance(equity, flows, per_year, wins, losses))
    return joined
