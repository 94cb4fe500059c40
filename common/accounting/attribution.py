"""Where profit came from: each change of wealth is booked under exactly one source, so the sources add up.

The hedge leg: a trade earns `side x (mid - price) x quantity` against the middle at the trade (spread capture), and
what is held earns `quantity x change of the mark` (drift). Markouts after the trade are drift by this definition.
    trading + inventory = cash + quantity x mark - (the same at the start)

The LP leg, at one price for everything (B, Q = base and quote owned in all, F = fees earned since the start):
    fees = F_b P + F_q,  inventory = (B - F_b) P + (Q - F_q) - (B0 P0 + Q0),  sum = (B P + Q) - (B0 P0 + Q0)
    against_hold = inventory - B0 (P - P0)
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


class LpWealth(msgspec.Struct, frozen=True, kw_only=True):
    """All that the LP owns, in whole tokens, fees included; `fees_*` is all that it ever earned in fees.

    `gas_native` is what it ever spent on gas, in the chain's own coin, which is kept apart from the tokens.
    """

    base: float
    quote: float
    fees_base: float
    fees_quote: float
    gas_native: float


class LpProfit(msgspec.Struct, frozen=True, kw_only=True):
    """Profit of the LP by source, in quote units; `gas` is a cost (positive = spent)."""

    fees: float
    inventory: float
    against_hold: float
    gas: float


def attribute_lp(start: LpWealth, price_start: float, now: LpWealth, price: float, native_price: float) -> LpProfit:
    """Profit since `start`, everything valued at the same price of the base at each time."""
    fees_base, fees_quote = now.fees_base - start.fees_base, now.fees_quote - start.fees_quote
    held_start = start.base * price_start + start.quote
    inventory = (now.base - fees_base) * price + (now.quote - fees_quote) - held_start
    return LpProfit(
        fees=fees_base * price + fees_quote,
        inventory=inventory,
        against_hold=inventory - start.base * (price - price_start),
        gas=(now.gas_native - start.gas_native) * native_price,
    )
