"""Where profit came from: each change of wealth is booked under exactly one source, so the sources add up.

The hedge leg: a trade earns `side x (mid - price) x quantity` against the middle at the trade (spread capture), and
what is held earns `quantity x change of the mark` (drift). Markouts after the trade are drift by this definition.
    trading + inventory = cash + quantity x mark - (the same at the start)
The LP leg has its own account: lp_performance.py.
"""

import math

import msgspec

from common.model.order import Side


class HedgeProfit(msgspec.Struct, frozen=True, kw_only=True):
    """Profit of one market since the start, fees apart. Quantities in base, the rest in quote units.

    `mark` is NaN until the first price is seen; what was held before has no drift until then.
    """

    quantity: float = 0.0
    mark: float = math.nan
    trading: float = 0.0
    inventory: float = 0.0


def mark_hedge(profit: HedgeProfit, mark: float) -> HedgeProfit:
    """Drift of what is held to a new mark."""
    drift = 0.0 if math.isnan(profit.mark) else profit.quantity * (mark - profit.mark)
    return msgspec.structs.replace(profit, mark=mark, inventory=profit.inventory + drift)


def trade_hedge(profit: HedgeProfit, side: Side, price: float, quantity: float, mid: float) -> HedgeProfit:
    """One trade. `mid` is the middle at the trade; what the mark moved since then is drift already."""
    signed = side.sign * quantity
    mark = mid if math.isnan(profit.mark) else profit.mark
    return HedgeProfit(
        quantity=profit.quantity + signed,
        mark=mark,
        trading=profit.trading + signed * (mid - price),
        inventory=profit.inventory + signed * (mark - mid),
    )
