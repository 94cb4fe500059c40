"""What happened in the exchange, in the past tense. Events alone rebuild every account, order and trade.

A venue journals those for which `is_durable` holds before anybody hears of them; the rest is public market data that
dies with the process.
"""

from enum import StrEnum

import msgspec

from common.exchange.commands import SelfTradePrevention
from common.model.order import OrderType, Side, TimeInForce

EXTERNAL_ACCOUNT = "market"
"""The rest of the world: its orders are levels, its credit is unlimited, nothing of it alone is journaled."""

FEE_ACCOUNT = "fees"
"""Receives fees and pays rebates."""

VENUE_RESTART = "venue_restart"
SELF_TRADE = "self_trade"
UNFILLED = "unfilled"


class RejectReason(StrEnum):
    """Why a command changed nothing."""

    PRICE_INVALID = "price_invalid"
    QUANTITY_INVALID = "quantity_invalid"
    NOTIONAL_TOO_SMALL = "notional_too_small"
    TERMS_INVALID = "terms_invalid"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    WOULD_TAKE = "would_take"
    TOO_MANY_OPEN_ORDERS = "too_many_open_orders"
    UNKNOWN_ORDER = "unknown_order"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of all events. `time_ns` is the time of the command that caused it."""

    time_ns: int


class Deposited(Event, frozen=True, kw_only=True):
    """An account was credited with `units` (1e-8 of the asset each)."""

    account: str
    asset: str
    units: int


class OrderPlaced(Event, frozen=True, kw_only=True):
    """An order was accepted; what it could take follows as trades, what it could not keep as an end."""

    order_id: int
    account: str
    symbol: str
    client_order_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    price_ticks: int
    quantity_lots: int
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER


class OrderRejected(Event, frozen=True, kw_only=True):
    """An order was refused; no state changed."""

    account: str
    symbol: str
    client_order_id: str
    reason: RejectReason


class CancelRejected(Event, frozen=True, kw_only=True):
    """A cancel named no open order; no state changed."""

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    reason: RejectReason


class OrderCanceled(Event, frozen=True, kw_only=True):
    """The owner took an order off the book. `cancel_id` is the owner's name for the cancel."""

    order_id: int
    account: str
    symbol: str
    cancel_id: str = ""


class OrderExpired(Event, frozen=True, kw_only=True):
    """The venue ended an order: what IOC, FOK or a market order left, self-trade prevention, or its own restart."""

    order_id: int
    account: str
    symbol: str
    reason: str


class TradeParty(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a trade. Fee in 1e-8 of `fee_asset`, the asset that this side received; negative = rebate."""

    account: str
    order_id: int
    client_order_id: str
    fee_units: int
    fee_asset: str


class TradeExecuted(Event, frozen=True, kw_only=True):
    """A maker and a taker met. `aggressor` is the taker's side, the price is the maker's."""

    trade_id: int
    symbol: str
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    maker: TradeParty
    taker: TradeParty


class LevelChanged(Event, frozen=True, kw_only=True):
    """All that now rests at a price, ours and the world's; once for each price and command."""

    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int


DurableEvent = Deposited | OrderPlaced | OrderCanceled | OrderExpired | TradeExecuted
"""What a venue's journal holds: decode its entries as this union."""

ExchangeEvent = DurableEvent | OrderRejected | CancelRejected | LevelChanged


def is_durable(event: Event) -> bool:
    """True when losing the event would lose something that an account was or will be told."""
    if isinstance(event, TradeExecuted):
        return event.maker.account != EXTERNAL_ACCOUNT or event.taker.account != EXTERNAL_ACCOUNT
    return isinstance(event, Deposited | OrderPlaced | OrderCanceled | OrderExpired)
