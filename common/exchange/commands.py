"""What the exchange can be told to do. Every command carries the time at which it acts; the exchange has no clock."""

from enum import StrEnum

import msgspec

from common.model.order import OrderType, Side, TimeInForce

LevelSizes = list[tuple[int, int]]
"""Absolute sizes of price levels: (price in ticks, quantity in lots), 0 deletes."""


class SelfTradePrevention(StrEnum):
    """What becomes of an order that meets another order of its own account. The taker's mode rules."""

    EXPIRE_MAKER = "expire_maker"
    EXPIRE_TAKER = "expire_taker"
    EXPIRE_BOTH = "expire_both"


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of all commands. `time_ns` (UTC) must not run backwards; one that does is taken as the latest time."""

    time_ns: int


class Deposit(Command, frozen=True, kw_only=True):
    """Credit an account with `units` (1e-8 of the asset each)."""

    account: str
    asset: str
    units: int


class PlaceOrder(Command, frozen=True, kw_only=True):
    """Match, then rest what is left of a GTC limit order. `price_ticks` is ignored for market orders."""

    account: str
    symbol: str
    client_order_id: str
    side: Side
    quantity_lots: int
    price_ticks: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER


class CancelOrder(Command, frozen=True, kw_only=True):
    """Take one resting order off the book, named by `order_id` or, when that is 0, by `client_order_id`.

    `cancel_id` is the owner's name for the cancel itself.
    """

    account: str
    symbol: str
    order_id: int = 0
    client_order_id: str = ""
    cancel_id: str = ""


class ExpireOpenOrders(Command, frozen=True, kw_only=True):
    """The venue itself ends every open order of every account, e.g. after its own restart."""

    reason: str


class SetLevels(Command, frozen=True, kw_only=True):
    """Absolute sizes of the external account's liquidity at some prices of one market.

    A level that grows joins the queue behind everybody. One that shrinks leaves from the back of the queue, so an
    order of ours never moves forward by more than it must. A level that crosses an order of ours trades with it.
    """

    symbol: str
    bids: LevelSizes
    asks: LevelSizes


class SetTouch(Command, frozen=True, kw_only=True):
    """The external account's best bid and ask: its liquidity at better prices is gone, these two sizes are absolute."""

    symbol: str
    bid: tuple[int, int]
    ask: tuple[int, int]


class PrintTrade(Command, frozen=True, kw_only=True):
    """The outside world traded: somebody took `quantity_lots` at `price_ticks`.

    External liquidity at better prices had gone, so it goes. The taker then fills orders of ours at better prices,
    and the queue at the price from its front. External size that the book did not know of joins at the back.
    """

    symbol: str
    aggressor: Side
    price_ticks: int
    quantity_lots: int


class TakeLiquidity(Command, frozen=True, kw_only=True):
    """The external account takes from the best price on, at most to `price_ticks`; the rest of it vanishes."""

    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
