"""What happened in the exchange, in the past tense. Events inform; commands alone rebuild the state."""

from enum import StrEnum
from typing import Final

import msgspec

from common.exchange.commands import PlaceOrder, SelfTradePrevention
from common.model.order import Side

EXTERNAL_ACCOUNT: Final = "market"
"""The rest of the world: its orders are levels, its credit is unlimited, nothing of it alone is journaled."""

FEE_ACCOUNT: Final = "fees"
"""Receives fees and pays rebates."""

INSURANCE_ACCOUNT: Final = "insurance"
"""Covers what liquidated accounts owe."""

TREASURY_ACCOUNT: Final = "treasury"
"""The venue's own: what rounding leaves over, and fees that nobody may have yet."""

SPECIAL_ACCOUNTS: Final = frozenset({EXTERNAL_ACCOUNT, FEE_ACCOUNT, INSURANCE_ACCOUNT, TREASURY_ACCOUNT})

VENUE_RESTART: Final = "venue_restart"
SELF_TRADE: Final = "self_trade"
UNFILLED: Final = "unfilled"
TIME_OUT: Final = "time_out"
REDUCE_ONLY: Final = "reduce_only"
CLOSE_POSITION: Final = "close_position"


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
    WRONG_OWNER = "wrong_owner"
    NOTIONAL_TOO_LARGE = "notional_too_large"
    OUTSIDE_PRICE_BAND = "outside_price_band"
    TRIGGER_INVALID = "trigger_invalid"
    TRIGGER_ALREADY_TRUE = "trigger_already_true"
    NO_POSITION_TO_REDUCE = "no_position_to_reduce"
    MARKET_HALTED = "market_halted"
    MARKET_POST_ONLY = "market_post_only"
    BATCH_INVALID = "batch_invalid"
    UNKNOWN_MARKET = "unknown_market"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_COMMAND = "unknown_command"
    FEATURE_OFF = "feature_off"
    STALE_NONCE = "stale_nonce"
    NOT_AUTHORISED = "not_authorised"
    AMOUNT_INVALID = "amount_invalid"
    NO_MARK_PRICE = "no_mark_price"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    LEVERAGE_INVALID = "leverage_invalid"
    POSITION_OPEN = "position_open"
    NOT_A_PERPETUAL = "not_a_perpetual"
    NAME_INVALID = "name_invalid"
    NAME_TAKEN = "name_taken"
    UNKNOWN_VAULT = "unknown_vault"
    UNKNOWN_POOL = "unknown_pool"
    TOO_MANY_FUNDS = "too_many_funds"
    TOO_MANY_DEPOSITORS = "too_many_depositors"
    TOO_MANY_SHARES = "too_many_shares"
    NOT_OPEN = "not_open"
    NO_EQUITY = "no_equity"
    NO_SHARES = "no_shares"
    ZERO_SHARES = "zero_shares"
    LOCKED_UP = "locked_up"
    ALREADY_REQUESTED = "already_requested"
    NOT_REQUESTED = "not_requested"
    WORSE_THAN_AGREED = "worse_than_agreed"
    NOT_CASH = "not_cash"
    ONLY_DOWNWARDS = "only_downwards"
    ONLY_REDUCING = "only_reducing"
    SYMBOL_NOT_ALLOWED = "symbol_not_allowed"
    POSITION_TOO_LARGE = "position_too_large"
    LEVERAGE_TOO_HIGH = "leverage_too_high"
    IN_LIQUIDATION = "in_liquidation"
    UNKNOWN_POSITION = "unknown_position"
    TOO_MANY_PARTS = "too_many_parts"
    NOT_ONE_GROUP = "not_one_group"
    MARGIN_MODE_DIFFERS = "margin_mode_differs"
    WRONG_STATE = "wrong_state"
    GRID_INVALID = "grid_invalid"
    UNKNOWN_GRID = "unknown_grid"
    TOO_MANY_GRIDS = "too_many_grids"
    QUOTE_INVALID = "quote_invalid"
    SPREAD_TOO_NARROW = "spread_too_narrow"
    UNKNOWN_QUOTE = "unknown_quote"
    TOO_MANY_QUOTES = "too_many_quotes"
    STRATEGY_INVALID = "strategy_invalid"
    UNKNOWN_STRATEGY = "unknown_strategy"
    TOO_MANY_STRATEGIES = "too_many_strategies"
    OUTSIDE_STRATEGY = "outside_strategy"


class MarketPhase(StrEnum):
    """OPEN trades; HALT takes cancels only; POST_ONLY takes cancels and post-only orders, so nothing trades."""

    OPEN = "open"
    HALT = "halt"
    POST_ONLY = "post_only"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """Root of all events. `time_ns` is the time of the command that caused it."""

    time_ns: int


class Deposited(Event, frozen=True, kw_only=True):
    """An account was credited with `units` (1e-8 of the asset each)."""

    account: str
    asset: str
    units: int


class Withdrawn(Event, frozen=True, kw_only=True):
    """`units` (1e-8 of the asset each) of an account left the exchange."""

    account: str
    asset: str
    units: int


class CommandRefused(Event, frozen=True, kw_only=True):
    """A command other than an order's was refused; no state changed. `command` is its type."""

    account: str
    command: str
    reason: RejectReason
    detail: str = ""


class OrderPlaced(Event, frozen=True, kw_only=True):
    """An order was accepted; what it could take follows as trades, what it could not keep as an end.

    `price_ticks` is where it works: `terms.price_ticks`, or where a sliding order went; 0 for a market order.
    """

    order_id: int
    price_ticks: int
    terms: PlaceOrder

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
    def quantity_lots(self) -> int:
        """Lots ordered."""
        return self.terms.quantity_lots


class OrderRejected(Event, frozen=True, kw_only=True):
    """An order was refused; no state changed. `original_order_id` names the order that has a repeated client id."""

    account: str
    symbol: str
    client_order_id: str
    reason: RejectReason
    original_order_id: int = 0


class CancelRejected(Event, frozen=True, kw_only=True):
    """A cancel named no open order; no state changed."""

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    reason: RejectReason


class AmendRejected(Event, frozen=True, kw_only=True):
    """An amendment or a reduction was refused; no state changed."""

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    reason: RejectReason


class BatchRejected(Event, frozen=True, kw_only=True):
    """A batch was refused whole; no state changed. `index` is the first item at fault, -1 the batch itself."""

    index: int
    reason: RejectReason


class BatchItemStarted(Event, frozen=True, kw_only=True):
    """What follows, up to the next of these, is of one item; what triggers did follows under the last index."""

    index: int


class OrderAmended(Event, frozen=True, kw_only=True):
    """An open order has another price or another quantity (filled lots included).

    Without `keeps_place` it left the queue and what it takes and keeps follows, as after OrderPlaced. `reason` is
    empty when the owner wanted it, else why the venue changed it: self-trade prevention or reduce-only made it smaller,
    or it closes a position and now has the lots of that. With a `client_order_id` that is its name from now on.
    """

    order_id: int
    account: str
    symbol: str
    price_ticks: int
    quantity_lots: int
    keeps_place: bool
    reason: str = ""
    client_order_id: str = ""


class OrderTriggered(Event, frozen=True, kw_only=True):
    """An order's trigger fired at a reference price; what it takes and keeps follows, as after OrderPlaced."""

    order_id: int
    account: str
    symbol: str
    reference_ticks: int


class StopMoved(Event, frozen=True, kw_only=True):
    """A trailing order's trigger price followed the market; the first one says that it is active."""

    order_id: int
    account: str
    symbol: str
    stop_ticks: int


class MarkChanged(Event, frozen=True, kw_only=True):
    """A market has another mark price."""

    symbol: str
    price_ticks: int


class LastChanged(Event, frozen=True, kw_only=True):
    """A market was told the price of a last trade elsewhere."""

    symbol: str
    price_ticks: int


class PhaseChanged(Event, frozen=True, kw_only=True):
    """A market halted, or came back. `until_ns` is when the next phase begins, 0 = no end."""

    symbol: str
    phase: MarketPhase
    until_ns: int
    reason: str


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


class TradeParty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One side of a trade. Fee in 1e-8 of `fee_asset`: on spot the asset that this side received.

    A negative fee is a rebate, out of the other side's fee: on spot in the asset that the other side received.

    `realised_units`: profit (1e-8 of the quote asset) that a perpetual position realised with this trade, before fees.
    """

    account: str
    order_id: int
    client_order_id: str
    fee_units: int
    fee_asset: str
    realised_units: int = 0


class TradeExecuted(Event, frozen=True, kw_only=True):
    """A maker and a taker met. `aggressor` is the taker's side, the price is the maker's."""

    trade_id: int
    symbol: str
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    maker: TradeParty
    taker: TradeParty


class SelfTradePrevented(Event, frozen=True, kw_only=True):
    """A taker met an order of its own owner; what becomes of either follows as its end or its amendment.

    `mode` is the taker's, the price is the maker's, `lots` would have traded. `taker_lots` and `maker_lots` are what
    either may not trade any more, 0 = it goes on as it was. `match_id` counts such meetings from 1 on.
    """

    match_id: int
    symbol: str
    mode: SelfTradePrevention
    price_ticks: int
    lots: int
    taker_account: str
    taker_order_id: int
    taker_lots: int
    maker_account: str
    maker_order_id: int
    maker_lots: int


class LevelChanged(Event, frozen=True, kw_only=True):
    """All that now rests at a price, ours and the world's; once for each price and command."""

    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int


Refusal = OrderRejected | CancelRejected | AmendRejected | BatchRejected | CommandRefused
