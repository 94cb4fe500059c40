"""All that the exchange owes its customers: orders, fills and balances, folded from events.

The live exchange and a restart use the same `apply`, so what a journal restores is what was.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.accounts import Accounts
from common.exchange.commands import SelfTradePrevention, Trigger
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    FEE_ACCOUNT,
    Deposited,
    Event,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    OrderTriggered,
    StopMoved,
    TradeExecuted,
    TradeParty,
)
from common.exchange.fills import Fill, fills_of
from common.exchange.money import Scale
from common.model.errors import InvariantBroken
from common.model.order import OrderState, OrderType, Side, TimeInForce

FINAL_ORDERS_KEPT = 50_000
FILLS_KEPT = 200_000


class OrderRecord(msgspec.Struct, kw_only=True):
    """One order and what became of it. `quote_units` is what its fills cost or brought, in 1e-8 of the quote asset.

    `is_waiting` is true until its trigger fires, at `stop_ticks` (0 = a trailing one that does not follow yet).
    `place` grows with each order that joins a queue: among orders of one price, the smaller one is in front.
    """

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
    self_trade_prevention: SelfTradePrevention
    placed_ns: int
    changed_ns: int
    filled_lots: int = 0
    quote_units: int = 0
    state: OrderState = OrderState.OPEN
    reason: str = ""
    slide: bool = False
    reduce_only: bool = False
    expires_ns: int = 0
    budget: int | None = None
    protect_ticks: int | None = None
    trigger: Trigger | None = None
    stop_ticks: int = 0
    is_waiting: bool = False
    place: int = 0

    @property
    def remaining_lots(self) -> int:
        """Lots that have not traded."""
        return self.quantity_lots - self.filled_lots

    @property
    def is_open(self) -> bool:
        """True while it may still trade."""
        return not self.state.is_final

    def fill(self, fill: Fill, quote_units: int) -> None:
        """Count one trade in."""
        self.filled_lots += fill.quantity_lots
        self.quote_units += quote_units
        self.changed_ns = fill.time_ns
        self.state = OrderState.PARTIALLY_FILLED if self.remaining_lots else OrderState.FILLED

    def end(self, event: OrderCanceled | OrderExpired) -> None:
        """Note its end without being filled."""
        self.changed_ns = event.time_ns
        self.state = OrderState.CANCELED
        if isinstance(event, OrderExpired):
            self.state, self.reason = OrderState.EXPIRED, event.reason


def record_of(event: OrderPlaced) -> OrderRecord:
    """The order as it was when it was accepted."""
    return OrderRecord(
        order_id=event.order_id, account=event.account, symbol=event.symbol, client_order_id=event.client_order_id,
        side=event.side, order_type=event.order_type, time_in_force=event.time_in_force, post_only=event.post_only,
        price_ticks=event.price_ticks, quantity_lots=event.quantity_lots,
        self_trade_prevention=event.self_trade_prevention, placed_ns=event.time_ns, changed_ns=event.time_ns,
        slide=event.slide, reduce_only=event.reduce_only, expires_ns=event.expires_ns, budget=event.budget,
        protect_ticks=event.protect_ticks, trigger=event.trigger, is_waiting=event.trigger is not None,
        stop_ticks=0 if event.trigger is None else event.trigger.price_ticks,
    )  # fmt: skip


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger, whole: (free, locked) by account and asset, orders, fills, net lots by symbol and account."""

    balances: dict[str, dict[str, tuple[int, int]]]
    orders: list[OrderRecord]
    fills: list[Fill]
    last_order_id: int
    last_trade_id: int
    last_place: int = 0
    positions: dict[str, dict[str, int]] = {}


class Ledger:
    """State of all customers. At most FINAL_ORDERS_KEPT ended orders and FILLS_KEPT fills stay in memory.

    Without `settles` no money moves: it only keeps orders, fills and positions.
    """

    def __init__(self, scales: dict[str, Scale], settles: bool = True) -> None:
        self.scales, self.settles = scales, settles
        self.accounts = Accounts()
        self.orders: dict[int, OrderRecord] = {}
        self.open_orders: dict[tuple[str, str], dict[int, OrderRecord]] = {}
        self.fills: deque[Fill] = deque(maxlen=FILLS_KEPT)
        self.positions: dict[str, dict[str, int]] = {symbol: {} for symbol in scales}
        self.last_order_id = self.last_trade_id = self.last_place = 0
        self._by_client_id: dict[tuple[str, str, str], int] = {}
        self._final: deque[int] = deque()
        self._apply: dict[type[Event], Callable[[Any], None]] = {
            Deposited: self._credit,
            OrderPlaced: self._open,
            OrderAmended: self._amend,
            OrderTriggered: self._trigger,
            StopMoved: self._move_stop,
            TradeExecuted: self._settle,
            OrderCanceled: self._end,
            OrderExpired: self._end,
        }

    def apply(self, event: Event) -> None:
        """Take one event in. Events without meaning for customers are ignored."""
        handler = self._apply.get(type(event))
        if handler is not None:
            handler(event)

    def state(self) -> LedgerState:
        """What `load` takes."""
        return LedgerState(
            balances=self.accounts.state(),
            orders=list(self.orders.values()),
            fills=list(self.fills),
            last_order_id=self.last_order_id,
            last_trade_id=self.last_trade_id,
            last_place=self.last_place,
            positions=self.positions,
        )

    def load(self, state: LedgerState) -> None:
        """Become what a ledger was. Only for one that has taken no event yet."""
        self.accounts.load(state.balances)
        self.fills.extend(state.fills)
        self.last_order_id, self.last_trade_id = state.last_order_id, state.last_trade_id
        self.last_place = state.last_place
        self.positions |= state.positions
        for order in state.orders:
            self.orders[order.order_id] = order
            self._by_client_id[order.account, order.symbol, order.client_order_id] = order.order_id
            if order.is_open:
                self.open_of(order.account, order.symbol)[order.order_id] = order
            else:
                self._final.append(order.order_id)

    def find(self, account: str, symbol: str, order_id: int, client_order_id: str) -> OrderRecord | None:
        """An order by its number, or without one (0) the newest order of that client order id."""
        order_id = order_id or self._by_client_id.get((account, symbol, client_order_id), 0)
        order = self.orders.get(order_id)
        return order if order is not None and (order.account, order.symbol) == (account, symbol) else None

    def open_of(self, account: str, symbol: str) -> dict[int, OrderRecord]:
        """Open orders of an account in one market, oldest first."""
        orders = self.open_orders.get((account, symbol))
        if orders is None:
            orders = self.open_orders[account, symbol] = {}
        return orders

    def lockable(self, symbol: str, side: Side) -> str:
        """The asset with which an order of this side pays."""
        scale = self.scales[symbol]
        return scale.quote if side is Side.BUY else scale.base

    def cost_units(self, symbol: str, side: Side, price_ticks: int, lots: int) -> int:
        """Units that an order of this side pays for some lots at a price."""
        scale = self.scales[symbol]
        return scale.quote_units(price_ticks, lots) if side is Side.BUY else scale.base_units(lots)

    def _credit(self, event: Deposited) -> None:
        self.accounts.credit(event.account, event.asset, event.units)

    def _open(self, event: OrderPlaced) -> None:
        order = record_of(event)
        self._lock(order, order.quantity_lots)
        if not order.is_waiting:
            self._queue(order)
        self.orders[order.order_id] = order
        self.open_of(order.account, order.symbol)[order.order_id] = order
        self._by_client_id[order.account, order.symbol, order.client_order_id] = order.order_id
        self.last_order_id = max(self.last_order_id, order.order_id)

    def _settle(self, trade: TradeExecuted) -> None:
        self.last_trade_id = max(self.last_trade_id, trade.trade_id)
        for fill in fills_of(trade):
            self._fill(fill)
        positions = self.positions[trade.symbol]
        for party, side in ((trade.taker, trade.aggressor), (trade.maker, trade.aggressor.opposite)):
            if is_customer(party.account):
                positions[party.account] = positions.get(party.account, 0) + trade.quantity_lots * side.sign
            if self.settles:
                self._pay(trade, party, side)

    def _pay(self, trade: TradeExecuted, party: TradeParty, side: Side) -> None:
        scale = self.scales[trade.symbol]
        self.accounts.credit(party.account, scale.base, scale.base_units(trade.quantity_lots) * side.sign)
        paid = scale.quote_units(trade.price_ticks, trade.quantity_lots) * side.sign
        self.accounts.credit(party.account, scale.quote, -paid)
        if party.fee_units:
            self.accounts.credit(party.account, party.fee_asset, -party.fee_units)
            self.accounts.credit(FEE_ACCOUNT, party.fee_asset, party.fee_units)

    def _fill(self, fill: Fill) -> None:
        order = self.orders.get(fill.order_id)
        if order is None or fill.quantity_lots > order.remaining_lots or not order.is_open:
            raise InvariantBroken(f"trade {fill.trade_id} fills order {fill.order_id} beyond what it has open")
        self._lock(order, -fill.quantity_lots)
        quote_units = self.scales[fill.symbol].quote_units(fill.price_ticks, fill.quantity_lots)
        order.fill(fill, quote_units)
        self.fills.append(fill)
        if not order.is_open:
            self._close(order)

    def _amend(self, event: OrderAmended) -> None:
        order = self._open_order(event.order_id)
        self._lock(order, -order.remaining_lots)
        order.price_ticks, order.quantity_lots = event.price_ticks, event.quantity_lots
        order.changed_ns = event.time_ns
        self._lock(order, order.remaining_lots)
        if not event.keeps_place and not order.is_waiting:
            self._queue(order)

    def _trigger(self, event: OrderTriggered) -> None:
        order = self._open_order(event.order_id)
        order.is_waiting, order.changed_ns = False, event.time_ns
        self._queue(order)

    def _move_stop(self, event: StopMoved) -> None:
        order = self._open_order(event.order_id)
        order.stop_ticks, order.changed_ns = event.stop_ticks, event.time_ns

    def _queue(self, order: OrderRecord) -> None:
        self.last_place = order.place = self.last_place + 1

    def _open_order(self, order_id: int) -> OrderRecord:
        order = self.orders.get(order_id)
        if order is None or not order.is_open:
            raise InvariantBroken(f"order {order_id} changes but is not open")
        return order

    def _end(self, event: OrderCanceled | OrderExpired) -> None:
        order = self._open_order(event.order_id)
        self._lock(order, -order.remaining_lots)
        order.end(event)
        self._close(order)

    def _lock(self, order: OrderRecord, lots: int) -> None:
        # A market order trades or ends within its own command, so it needs nothing set aside.
        if self.settles and order.order_type is OrderType.LIMIT:
            scale = self.scales[order.symbol]
            if order.side.sign > 0:
                self.accounts.lock(order.account, scale.quote, scale.quote_units(order.price_ticks, lots))
            else:
                self.accounts.lock(order.account, scale.base, scale.base_units(lots))

    def _close(self, order: OrderRecord) -> None:
        del self.open_of(order.account, order.symbol)[order.order_id]
        self._final.append(order.order_id)
        if len(self._final) > FINAL_ORDERS_KEPT:
            self._forget(self._final.popleft())

    def _forget(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        key = (order.account, order.symbol, order.client_order_id)
        if self._by_client_id.get(key) == order_id:
            del self._by_client_id[key]


def is_customer(account: str) -> bool:
    """True for accounts whose orders have records."""
    return account not in (EXTERNAL_ACCOUNT, FEE_ACCOUNT)
