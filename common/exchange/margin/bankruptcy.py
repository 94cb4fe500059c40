"""Prices and amounts at which a margin account is worth exactly nothing. Integers; units of the collateral."""

from common.exchange.money import RATE_SCALE

LARGE_NOTIONAL_PARTS = 5
"""A large position is first liquidated by a fifth, 20 %."""


def bankruptcy_price(lots: int, mark: int, equity: int, lot_units: int, fee_rate: int = 0) -> int:
    """Worst price in ticks at which all `lots` (signed) may be closed so that equity, less the fee, stays at 0 or more.

    `equity` is that of the whole margin account at `mark`, so other positions count at their marks. `lot_units` are
    units in one lot at one tick. Never below 1: nothing sells for less.
    """
    if lots > 0:
        # lots x price x (1 - fee) >= lots x mark - equity, rounded up: towards the better price for a seller.
        owed = lots * mark * lot_units - equity
        return max(1, -(-owed * RATE_SCALE // (lots * lot_units * (RATE_SCALE - fee_rate))))
    owned = -lots * mark * lot_units + equity
    return max(1, owned * RATE_SCALE // (-lots * lot_units * (RATE_SCALE + fee_rate)))


def first_lots(lots: int, notional_units: int, large_units: int) -> int:
    """Lots of the first liquidation order: all, or of a position above `large_units` a fifth, rounded up."""
    size = abs(lots)
    return size if notional_units <= large_units else -(-size // LARGE_NOTIONAL_PARTS)


def share(amount: int, part: int, whole: int) -> int:
    """What `part` of `whole` lots is of a signed amount, rounded down; the last part takes what is left, exactly."""
    return amount if part == whole else amount * part // whole


def bearable_lots(equity: int, deficit: int, lots: int) -> int:
    """Of `lots` that lose `deficit` against the mark in total, how many an account can take and keep equity >= 0."""
    if deficit <= 0:
        return lots
    return min(lots, max(0, equity) * lots // deficit)
