"""What the exchange can be told to do. Every command carries the time at which it acts; the exchange has no clock."""

from enum import StrEnum

import msgspec

from common.model.order import OrderType, Side, TimeInForce

LevelSizes = list[tuple[int, int]]
"""Absolute sizes of price levels: (price in ticks, quantity in lots), 0 deletes."""


class SelfTradePrevention(StrEnum):
    """What becomes of an order that meets another order of its own owner. The taker's mode rules.

    EXPIRE_MAKER  cancel oldest: the resting order ends, the taker goes on
    EXPIRE_TAKER  cancel newest: what is left of the taker ends
    EXPIRE_BOTH   both end
    DECREMENT     both shrink by the smaller quantity, without a trade
    NONE          they trade
    """

    EXPIRE_MAKER = "expire_maker"
    EXPIRE_TAKER = "expire_taker"
    EXPIRE_BOTH = "expire_both"
    DECREMENT = "decrement"
    NONE = "none"


class TriggerKind(StrEnum):
    """What an order waits for.

    STOP_LOSS    buy: reference at or above the trigger price; sell: at or below
    TAKE_PROFIT  buy: reference at or below the trigger price; sell: at or above
    TRAILING     a stop-loss whose price follows the reference at an offset and never loosens
    """

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"


class PriceReference(StrEnum):
    """The price that a trigger watches: the mark, or the last trade."""

    MARK = "mark"
    LAST = "last"


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An order waits outside of the book until its reference reaches a price.

    Stop-loss and take-profit need `price_ticks`. Trailing needs exactly one of `offset_ticks` and `offset_bps` (of the
    reference, rounded away from the market) and takes an optional `activation_ticks`: nothing follows before the
    reference has reached it in the way in which it reaches the price of a trigger of the kind `activation` (a
    take-profit's: a sell's reference rises to it, a buy's falls to it); 0 = at once. A trigger that is true already
    when the order is placed refuses the order, or with `immediate` fires at once.
    """

    kind: TriggerKind
    reference: PriceReference = PriceReference.MARK
    price_ticks: int = 0
    offset_ticks: int = 0
    offset_bps: int = 0
    activation_ticks: int = 0
    immediate: bool = False
    activation: TriggerKind = TriggerKind.TAKE_PROFIT


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """Root of all commands. `time_ns` (UTC) must not run backwards; one that does is taken as the latest time.

    by      who asks, when it is not the account itself: the manager of a vault; empty = the account
    nonce   of who asks: must be above the last one that was accepted; 0 = none is kept
    """

    time_ns: int
    by: str = ""
    nonce: int = 0


class Deposit(Command, frozen=True, kw_only=True):
    """Credit an account's spot balance with `units` (1e-8 of the asset each). Only the venue's operator says so."""

    account: str
    asset: str
    units: int


class Withdraw(Command, frozen=True, kw_only=True):
    """Take `units` (1e-8 of the asset each) of an account's free spot balance out of the exchange."""

    account: str
    asset: str
    units: int


class PlaceOrder(Command, frozen=True, kw_only=True):
    """Match, then rest what is left of a GTC limit order. Price and quantity are in ticks and lots.

    price_ticks      ignored for market orders, which are IOC or FOK whatever they say of GTC
    expires_ns       good till time: a GTC limit order ends with the first command at or after it; 0 = never
    budget           ticks x lots. FOK: all or nothing, a buy for at most and a sell for at least this in total.
                     Else of market orders only: no more of its lots than cost or bring this in total
    post_only        refused where it would take; with `slide` it moves to one tick from the best opposite price
    protect_ticks    market only: worst price = best opposite price and so many ticks; None = the market's own limit
    reduce_only      only as much as brings the account's position in this market towards zero
    close_position   for reduce-only market orders with a trigger and 0 lots: all of the position as it is then
    trigger          waits until the trigger fires, then does all of the above
    link             who inside of the exchange placed it ("grid:7"); orders that come from outside have none
    client_order_id  chosen by the caller, unique for the account and market (see `MarketRules.client_ids_once`)
    """

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
    slide: bool = False
    reduce_only: bool = False
    expires_ns: int = 0
    budget: int | None = None
    protect_ticks: int | None = None
    trigger: Trigger | None = None
    link: str = ""
    close_position: bool = False


class CancelOrder(Command, frozen=True, kw_only=True):
    """Take one resting order off the book, named by `order_id` or, when that is 0, by `client_order_id`.

    `cancel_id` is the owner's name for the cancel itself.
    """

    account: str
    symbol: str
    order_id: int = 0
    client_order_id: str = ""
    cancel_id: str = ""


class ReduceOrder(Command, frozen=True, kw_only=True):
    """Take lots off an open order, which keeps its place. More than it has open is taken as all, which cancels it."""

    account: str
    symbol: str
    quantity_lots: int
    order_id: int = 0
    client_order_id: str = ""


class AmendOrder(Command, frozen=True, kw_only=True):
    """Give an open order another price and another open quantity; None keeps what is.

    The same price and no more lots than before keep the place in the queue. Everything else goes to the back of the
    queue at its price, after taking what it can: an order that waits for its trigger only waits with new terms.
    `new_client_order_id` renames the order too; empty = it keeps its name.
    """

    account: str
    symbol: str
    order_id: int = 0
    client_order_id: str = ""
    price_ticks: int | None = None
    open_lots: int | None = None
    new_client_order_id: str = ""


BatchItem = PlaceOrder | CancelOrder | ReduceOrder | AmendOrder

BATCH_ITEMS_MAX = 100


class Batch(Command, frozen=True, kw_only=True):
    """At most BATCH_ITEMS_MAX commands in order, all at the batch's time; triggers run after the last of them.

    Otherwise each item succeeds or is refused for itself. `atomic` takes only cancels and limit orders that rest
    without taking, and carries out all of them or, when one would be refused, none.
    """

    items: list[BatchItem]
    atomic: bool = False


class SetMark(Command, frozen=True, kw_only=True):
    """The mark price of a market, for triggers and price bands."""

    symbol: str
    price_ticks: int


class SetLast(Command, frozen=True, kw_only=True):
    """The price of the last trade, as it was elsewhere. Alone it fires nothing: triggers on it act after trades."""

    symbol: str
    price_ticks: int


class PassTime(Command, frozen=True, kw_only=True):
    """Nothing but time: orders expire and halted markets open again."""


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


class DropLiquidity(Command, frozen=True, kw_only=True):
    """The external account's liquidity in one market is gone, as after the venue's feed of it began anew."""

    symbol: str


class TakeLiquidity(Command, frozen=True, kw_only=True):
    """The external account takes from the best price on, at most to `price_ticks`; the rest of it vanishes."""

    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
