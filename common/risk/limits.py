"""Limits before the trade. Each check is a pure function that answers with a Refusal or None.

Codes of refusals are stable: strategies and operators act on them.

    order_size      lots of one order              position_limit  position after the worst fills of all live orders
    order_notional  quote value of one order       gross_exposure  the same over all markets, in quote units
    open_orders     live orders of one market      price_collar    distance of the price from the book's middle
    book_missing    no two-sided book is known     book_stale      the newest book is too old to check against
"""

from collections.abc import Iterable

import msgspec

from common.model.instrument import Instrument
from common.model.order import OrderType, Side

BPS = 10_000


class OrderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one market. Lots are the instrument's, notional is in quote units, the collar in basis points."""

    order_lots_max: int
    order_notional_max: float
    position_lots_max: int
    open_orders_max: int
    price_collar_bps: float
    book_age_ms_max: float


class MarketExposure(msgspec.Struct, frozen=True, kw_only=True):
    """What one market could become: the position, and the lots of live orders that may still trade on each side."""

    position_lots: int = 0
    live_buy_lots: int = 0
    live_sell_lots: int = 0
    live_orders: int = 0

    def worst_lots(self, side: Side) -> int:
        """Position if every live order of one side trades and none of the other; signed."""
        if side is Side.BUY:
            return self.position_lots + self.live_buy_lots
        return self.position_lots - self.live_sell_lots

    @property
    def gross_lots(self) -> int:
        """Largest absolute position that the live orders can lead to."""
        return max(abs(self.worst_lots(Side.BUY)), abs(self.worst_lots(Side.SELL)))

    def with_order(self, side: Side, quantity_lots: int) -> "MarketExposure":
        """The exposure with one more live order."""
        buys = quantity_lots if side is Side.BUY else 0
        return MarketExposure(
            position_lots=self.position_lots,
            live_buy_lots=self.live_buy_lots + buys,
            live_sell_lots=self.live_sell_lots + quantity_lots - buys,
            live_orders=self.live_orders + 1,
        )


class MarketPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The newest middle of a market, in ticks, and when its book reached our edge."""

    mid_ticks: float
    received_ns: int


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits need to know of an order."""

    side: Side
    price_ticks: int
    quantity_lots: int
    order_type: OrderType = OrderType.LIMIT


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why an order may not leave: a stable code, what was allowed, what was asked for."""

    code: str
    expected: str
    got: str

    @property
    def detail(self) -> str:
        """For people."""
        return f"expected {self.expected}, got {self.got}"


def check_order(
    order: OrderTerms,
    instrument: Instrument,
    limits: OrderLimits,
    exposure: MarketExposure,
    price: MarketPrice | None,
    now_ns: int,
) -> Refusal | None:
    """First refusal of one market's limits, cheapest checks first; None lets the order pass."""
    return (
        check_size(order, instrument, limits)
        or check_open_orders(limits, exposure)
        or check_position(order, limits, exposure)
        or check_book(price, limits, now_ns)
        or (price and check_price(order, instrument, limits, price))
        or None
    )


def check_size(order: OrderTerms, instrument: Instrument, limits: OrderLimits) -> Refusal | None:
    """Lots within the limit and within what the venue takes at all."""
    smallest, largest = instrument.quantity_lots_min, min(limits.order_lots_max, instrument.quantity_lots_max)
    if smallest <= order.quantity_lots <= largest:
        return None
    return Refusal(code="order_size", expected=f"{smallest} to {largest} lots", got=f"{order.quantity_lots}")


def check_open_orders(limits: OrderLimits, exposure: MarketExposure) -> Refusal | None:
    """One more live order is allowed."""
    if exposure.live_orders < limits.open_orders_max:
        return None
    return Refusal(
        code="open_orders", expected=f"at most {limits.open_orders_max} live orders", got=f"{exposure.live_orders + 1}"
    )


def check_position(order: OrderTerms, limits: OrderLimits, exposure: MarketExposure) -> Refusal | None:
    """Position on the order's own side after all live orders of that side and this one have traded.

    Only that side is looked at: an order that brings an excessive position back is never refused.
    """
    worst = exposure.with_order(order.side, order.quantity_lots).worst_lots(order.side)
    if order.side.sign * worst <= limits.position_lots_max:
        return None
    return Refusal(
        code="position_limit",
        expected=f"at most {limits.position_lots_max} lots {'long' if order.side is Side.BUY else 'short'}",
        got=f"{abs(worst)} when all live orders trade",
    )


def check_book(price: MarketPrice | None, limits: OrderLimits, now_ns: int) -> Refusal | None:
    """A book exists and is young enough to judge a price by."""
    if price is None:
        return Refusal(code="book_missing", expected="a two-sided book", got="none since start")
    age_ms = (now_ns - price.received_ns) / 1e6
    if age_ms <= limits.book_age_ms_max:
        return None
    return Refusal(code="book_stale", expected=f"a book of at most {limits.book_age_ms_max:g} ms", got=f"{age_ms:.0f}")


def check_price(order: OrderTerms, instrument: Instrument, limits: OrderLimits, price: MarketPrice) -> Refusal | None:
    """Distance from the middle, then value at the order's price (at the middle for a market order)."""
    ticks = price.mid_ticks if order.order_type is OrderType.MARKET else order.price_ticks
    distance_bps = abs(ticks - price.mid_ticks) / price.mid_ticks * BPS
    if not ticks > 0 or distance_bps > limits.price_collar_bps:
        return Refusal(
            code="price_collar",
            expected=f"within {limits.price_collar_bps:g} bps of {instrument.price(price.mid_ticks):g}",
            got=f"{instrument.price(ticks):g} ({distance_bps:.1f} bps away)",
        )
    value = instrument.price(ticks) * instrument.quantity(order.quantity_lots)
    if float(instrument.notional_min) <= value <= limits.order_notional_max:
        return None
    return Refusal(
        code="order_notional",
        expected=f"{instrument.notional_min} to {limits.order_notional_max:g} {instrument.quote}",
        got=f"{value:.2f}",
    )


def check_gross(before: float, after: float, gross_notional_max: float) -> Refusal | None:
    """Worst-case value over all markets, before and after an order; one that does not add to it always passes."""
    if after <= gross_notional_max or after <= before:
        return None
    return Refusal(
        code="gross_exposure", expected=f"at most {gross_notional_max:g} over all markets", got=f"{after:.2f}"
    )


def gross_notional(markets: Iterable[tuple[MarketExposure, float]]) -> float:
    """Worst-case value of all markets in quote units, each with the value of one of its lots."""
    return sum(exposure.gross_lots * lot_value for exposure, lot_value in markets)
