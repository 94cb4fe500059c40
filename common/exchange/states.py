"""What snapshots keep of what all rooms share: these are made to be encoded, the parts themselves to be fast."""

import msgspec

from common.exchange.accounts import BalancesState
from common.exchange.commands import PlaceOrder
from common.exchange.events import MarketPhase, SelfTradePrevented, TradeExecuted
from common.exchange.record import OrderRecord, record_of
from common.model.order import OrderState

Key = str | int
"""What of its kind is due: an order's number, a market, an account."""


class CoreState(msgspec.Struct, frozen=True, kw_only=True):
    """Time, what it will bring, what is still to be reacted to, and the newest nonce of everybody who sends them."""

    time_ns: int
    agenda: list[tuple[int, int, str, Key]]
    serial: int
    reactions: list[tuple[str, Key]]
    nonces: dict[str, int]


class FactsState(msgspec.Struct, frozen=True, kw_only=True):
    """What a market knows of itself, whole; `window` has (time in ns, price in ticks)."""

    last: int
    mark: int
    phase: MarketPhase
    phase_until_ns: int
    window: list[tuple[int, int]]


class RecordState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An `OrderRecord`, field by field."""

    order_id: int
    terms: PlaceOrder
    price_ticks: int
    quantity_lots: int
    placed_ns: int
    changed_ns: int
    filled_lots: int = 0
    quote_units: int = 0
    state: OrderState = OrderState.OPEN
    reason: str = ""
    stop_ticks: int = 0
    is_waiting: bool = False
    place: int = 0
    working_ns: int = 0
    following_ns: int = 0
    prevented_lots: int = 0
    prevented_id: int = 0
    lot_loss: int = 0


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger, whole.

    Balances by account and asset, orders, trades of customers and trades that were none because of their owner, net
    lots by symbol and account.
    """

    balances: BalancesState
    orders: list[RecordState]
    ended_order_ids: list[int]
    trades: list[TradeExecuted]
    last_order_id: int
    last_trade_id: int
    last_place: int
    digest: int
    positions: dict[str, dict[str, int]]
    prevented: list[SelfTradePrevented] = []


def state_of(order: OrderRecord) -> RecordState:
    """What a snapshot keeps of an order."""
    return RecordState(
        order_id=order.order_id, terms=order.terms, price_ticks=order.price_ticks, quantity_lots=order.quantity_lots,
        placed_ns=order.placed_ns, changed_ns=order.changed_ns, filled_lots=order.filled_lots,
        quote_units=order.quote_units, state=order.state, reason=order.reason, stop_ticks=order.stop_ticks,
        is_waiting=order.is_waiting, place=order.place, working_ns=order.working_ns, following_ns=order.following_ns,
        prevented_lots=order.prevented_lots, prevented_id=order.prevented_id, lot_loss=order.lot_loss,
    )  # fmt: skip


def record_from(state: RecordState) -> OrderRecord:
    """The order that a snapshot kept."""
    order = record_of(state.order_id, state.terms, state.price_ticks, state.quantity_lots, state.placed_ns)
    order.changed_ns, order.filled_lots, order.quote_units = state.changed_ns, state.filled_lots, state.quote_units
    order.state, order.reason, order.stop_ticks = state.state, state.reason, state.stop_ticks
    order.is_waiting, order.place, order.working_ns = state.is_waiting, state.place, state.working_ns
    order.following_ns, order.prevented_lots = state.following_ns, state.prevented_lots
    order.prevented_id, order.lot_loss = state.prevented_id, state.lot_loss
    return order
