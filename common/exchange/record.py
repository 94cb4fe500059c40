"""One order, from its coming to what became of it."""

from typing import Final

from common.exchange.commands import PlaceOrder, SelfTradePrevention, Trigger
from common.model.order import OrderState, OrderType, Side, TimeInForce

OPEN: Final = OrderState.OPEN
PARTIALLY_FILLED: Final = OrderState.PARTIALLY_FILLED
FILLED: Final = OrderState.FILLED


class OrderRecord:
    """One order and what became of it. `quote_units` is what its fills cost or brought, in 1e-8 of the quote asset.

    `terms` is what was ordered; `price_ticks` and `quantity_lots` are what it is now. `is_waiting` is true until its
    trigger fires, at `stop_ticks` (0 = a trailing one that does not follow yet). `place` grows with each order that
    joins a queue: among orders of one price, the smaller one is in front.

    working_ns      when it came to the book; 0 while it waits
    following_ns    when a trailing one began to follow; 0 = not yet
    prevented_lots  what self-trade prevention took off it while it stayed open: no part of `quantity_lots` any more
    prevented_id    the newest `SelfTradePrevented` that took something of it; 0 = none did
    lot_loss        what a lot of a perpetual's order would have lost against the mark, in 1e-8 of the quote asset,
                    when it went to the book
    """

    __slots__ = (
        "changed_ns", "filled_lots", "following_ns", "is_waiting", "lot_loss", "order_id", "place", "placed_ns",
        "prevented_id", "prevented_lots", "price_ticks", "quantity_lots", "quote_units", "reason", "state",
        "stop_ticks", "terms", "working_ns",
    )  # fmt: skip

    def __init__(self, order_id: int, terms: PlaceOrder, price_ticks: int, quantity_lots: int, time_ns: int) -> None:
        self.order_id, self.terms = order_id, terms
        self.price_ticks, self.quantity_lots = price_ticks, quantity_lots
        self.placed_ns = self.changed_ns = self.working_ns = time_ns
        self.filled_lots = self.quote_units = self.stop_ticks = self.place = self.following_ns = 0
        self.prevented_lots = self.prevented_id = self.lot_loss = 0
        self.state, self.reason, self.is_waiting = OPEN, "", False

    def copy(self) -> "OrderRecord":
        """The same again, to change it alone."""
        other = OrderRecord(self.order_id, self.terms, self.price_ticks, self.quantity_lots, self.placed_ns)
        other.changed_ns, other.filled_lots, other.quote_units = self.changed_ns, self.filled_lots, self.quote_units
        other.state, other.reason, other.stop_ticks = self.state, self.reason, self.stop_ticks
        other.is_waiting, other.place, other.working_ns = self.is_waiting, self.place, self.working_ns
        other.following_ns, other.prevented_lots = self.following_ns, self.prevented_lots
        other.prevented_id, other.lot_loss = self.prevented_id, self.lot_loss
        return other

    @property
    def account(self) -> str:
        """The owner."""
        return self.terms.account

    @property
    def symbol(self) -> str:
        """The market."""
        return self.terms.symbol

    @property
    def client_order_id(self) -> str:
        """The owner's name for it."""
        return self.terms.client_order_id

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.terms.side

    @property
    def order_type(self) -> OrderType:
        """Limit or market."""
        return self.terms.order_type

    @property
    def time_in_force(self) -> TimeInForce:
        """What becomes of what does not trade at once."""
        return self.terms.time_in_force

    @property
    def post_only(self) -> bool:
        """True for an order that never takes."""
        return self.terms.post_only

    @property
    def self_trade_prevention(self) -> SelfTradePrevention:
        """What becomes of it when it meets an order of its own owner."""
        return self.terms.self_trade_prevention

    @property
    def slide(self) -> bool:
        """True when it would rather move than be refused."""
        return self.terms.slide

    @property
    def reduce_only(self) -> bool:
        """True when it only brings the position towards zero."""
        return self.terms.reduce_only

    @property
    def protect_ticks(self) -> int | None:
        """A market order's own limit against the best price."""
        return self.terms.protect_ticks

    @property
    def trigger(self) -> Trigger | None:
        """What it waits or waited for."""
        return self.terms.trigger

    @property
    def remaining_lots(self) -> int:
        """Lots that have not traded."""
        return self.quantity_lots - self.filled_lots

    @property
    def is_open(self) -> bool:
        """True while it may still trade."""
        return not self.state.is_final

    def fill(self, lots: int, quote_units: int, time_ns: int) -> None:
        """Count one trade in."""
        self.filled_lots = filled = self.filled_lots + lots
        self.quote_units += quote_units
        self.changed_ns = time_ns
        self.state = PARTIALLY_FILLED if filled < self.quantity_lots else FILLED


def record_of(order_id: int, price_ticks: int, terms: PlaceOrder, time_ns: int) -> OrderRecord:
    """An order as it is when it is accepted."""
    order = OrderRecord(order_id, terms, price_ticks, terms.quantity_lots, time_ns)
    if (trigger := terms.trigger) is not None:
        order.is_waiting, order.stop_ticks, order.working_ns = True, trigger.price_ticks, 0
    return order
