"""The position of one market, exactly: lots, cash and fees from trades, and what they are worth at a price."""

from decimal import Decimal

import msgspec

from common.model.instrument import Instrument
from common.model.order import Side


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over trades, which do not depend on their order; `average` and `realized` follow their order.

    `quantity_lots` buys less sells; `cash` what they paid and brought in quote units, fees apart; `fees` in quote
    units (paid is positive); `base_fees` the part of them that was taken in the base, in base units: it left the
    venue's balance beside the traded lots. `cost` is the quote value at which the present lots were opened
    (average-cost method), so average price = cost / quantity.
    """

    quantity_lots: int = 0
    cash: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    base_fees: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)
    fill_count: int = 0
    taker_fill_count: int = 0


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of ours. `fee` in quote units, `base_fee` the same fee in base units where it was taken in base."""

    side: Side
    price_ticks: int
    quantity_lots: int
    maker: bool = True
    fee: Decimal = Decimal(0)
    base_fee: Decimal = Decimal(0)


def apply_trade(position: Position, trade: Trade, instrument: Instrument) -> Position:
    """The position after one trade."""
    value = instrument.notional(trade.price_ticks, trade.quantity_lots)
    sign = trade.side.sign
    cost, realized = _settle(position, trade, value)
    return Position(
        quantity_lots=position.quantity_lots + sign * trade.quantity_lots,
        cash=position.cash - sign * value,
        fees=position.fees + trade.fee,
        base_fees=position.base_fees + trade.base_fee,
        cost=cost,
        realized=position.realized + realized,
        turnover=position.turnover + value,
        fill_count=position.fill_count + 1,
        taker_fill_count=position.taker_fill_count + (not trade.maker),
    )


def average_price(position: Position, instrument: Instrument) -> float:
    """Price at which the present lots were opened, in quote units; 0 when flat."""
    if not position.quantity_lots:
        return 0.0
    return float(position.cost / (position.quantity_lots * instrument.lot_size))


def unrealized(position: Position, instrument: Instrument, mark_price: float) -> float:
    """Value of the present lots at a price less what they were opened at, in quote units."""
    return instrument.quantity(position.quantity_lots) * mark_price - float(position.cost)


def _settle(position: Position, trade: Trade, value: Decimal) -> tuple[Decimal, Decimal]:
    """New cost, and the profit realized by the lots that this trade closes."""
    sign, held = trade.side.sign, position.quantity_lots
    closing = min(trade.quantity_lots, abs(held)) if held * sign < 0 else 0
    if not closing:
        return position.cost + sign * value, Decimal(0)
    # The last lot takes the whole rest of the cost, so a flat position has none, whatever division rounded off.
    closed_cost = position.cost if closing == abs(held) else position.cost * closing / abs(held)
    closed_value = value if closing == trade.quantity_lots else value * closing / trade.quantity_lots
    realized = -sign * closed_value - closed_cost
    return position.cost - closed_cost + sign * (value - closed_value), realized
