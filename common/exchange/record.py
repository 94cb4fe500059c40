"""One order, from its coming to what became of it."""

from typing import Any, Final

from msgspec.structs import astuple, replace
from mypy_extensions import mypyc_attr

from common.exchange.commands import PlaceOrder, SelfTradePrevention, Trigger
from common.model.order import OrderState, OrderType, Side, TimeInForce

LIMIT: Final = OrderType.LIMIT
OPEN: Final = OrderState.OPEN
PARTIALLY_FILLED: Final = OrderState.PARTIALLY_FILLED
FILLED: Final = OrderState.FILLED
fields_of: Final = astuple
"""All fields of a command or event at once, in their order: compiled code looks each single one up in the class."""


@mypyc_attr(acyclic=True)
class OrderRecord:
    """One order and what became of it. `quote_units` is what its fills cost or brought, in 1e-8 of the quote asset.

    `terms` is what was ordered, and all of it stands here too; `price_ticks` and `quantity_lots` are what it is now.
    `is_plain`: the account itself gave it, without a nonce or a link, and with numbers that are some. `is_waiting` is
    true until its trigger fires, at `stop_ticks` (0 = a trailing one that does not follow yet). `place` grows with each
    order that joins a queue: among orders of one price, the smaller one is in front.

    number          `order_id` as the very object that indexes hold, so that compiled code need not make another one
    working_ns      when it came to the book; 0 while it waits
    following_ns    when a trailing one began to follow; 0 = not yet
    prevented_lots  what self-trade prevention took off it while it stayed open: no part of `quantity_lots` any more
    prevented_id    the newest `SelfTradePrevented` that took something of it; 0 = none did
    lot_loss        what a lot of a perpetual's order would have lost against the mark, in 1e-8 of the quote asset,
                    when it went to the book
    """

    __slots__ = (
        "account", "budget", "changed_ns", "client_order_id", "close_position", "expires_ns", "filled_lots",
        "following_ns", "is_limit", "is_plain", "is_waiting", "link", "lot_loss", "number", "order_id", "order_type",
        "place", "placed_ns", "post_only", "prevented_id", "prevented_lots", "price_ticks", "protect_ticks",
        "quantity_lots", "quote_units", "reason", "reduce_only", "self_trade_prevention", "side", "slide", "state",
        "stop_ticks", "symbol", "terms", "time_in_force", "trigger", "working_ns",
    )  # fmt: skip

    account: str
    symbol: str
    client_order_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    slide: bool
    reduce_only: bool
    trigger: Trigger | None
    link: str
    close_position: bool
    # Admission has not looked at these yet: they may be no numbers.
    expires_ns: Any
    budget: Any
    protect_ticks: Any
    number: Any

    def __init__(self, order_id: int, terms: PlaceOrder, time_ns: int) -> None:
        self.terms = terms
        self.renumber(order_id)
        (
            _time_ns, by, nonce, self.account, self.symbol, self.client_order_id, self.side, lots, price,
            self.order_type, self.time_in_force, self.post_only, self.self_trade_prevention, self.slide,
            self.reduce_only, self.expires_ns, self.budget, self.protect_ticks, self.trigger, self.link,
            self.close_position,
        ) = fields_of(terms)  # fmt: skip
        trigger: Any = self.trigger
        are_numbers = type(lots) is int and type(price) is int
        self.quantity_lots = self.price_ticks = 0
        if are_numbers:
            self.quantity_lots, self.price_ticks = lots, price
        self.is_plain = are_numbers and not (by or nonce or self.link)
        self.is_limit = self.order_type is LIMIT
        self.placed_ns = self.changed_ns = self.working_ns = time_ns
        self.filled_lots = self.quote_units = self.stop_ticks = self.place = self.following_ns = 0
        self.prevented_lots = self.prevented_id = self.lot_loss = 0
        self.state, self.reason, self.is_waiting = OPEN, "", False
        if trigger is not None:
            stop = trigger.price_ticks  # which may be no number either
            self.is_waiting, self.stop_ticks, self.working_ns = True, stop if type(stop) is int else 0, 0

    def renumber(self, order_id: int) -> None:
        """Have another number, before it comes in."""
        self.order_id = self.number = order_id

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

    def rename(self, client_order_id: str) -> None:
        """Have another name, in its terms too."""
        self.terms, self.client_order_id = replace(self.terms, client_order_id=client_order_id), client_order_id

    def copy(self) -> "OrderRecord":
        """The same again, to change it alone."""
        other = record_of(self.order_id, self.terms, self.price_ticks, self.quantity_lots, self.placed_ns)
        other.changed_ns, other.filled_lots, other.quote_units = self.changed_ns, self.filled_lots, self.quote_units
        other.state, other.reason, other.stop_ticks = self.state, self.reason, self.stop_ticks
        other.is_waiting, other.place, other.working_ns = self.is_waiting, self.place, self.working_ns
        other.following_ns, other.prevented_lots = self.following_ns, self.prevented_lots
        other.prevented_id, other.lot_loss = self.prevented_id, self.lot_loss
        return other


def record_of(order_id: int, terms: PlaceOrder, price_ticks: int, quantity_lots: int, time_ns: int) -> OrderRecord:
    """An order whose price and lots may be others by now than its terms say."""
    order = OrderRecord(order_id, terms, time_ns)
    order.price_ticks, order.quantity_lots = price_ticks, quantity_lots
    return order
