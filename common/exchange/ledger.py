"""All that the exchange owes its customers: orders, fills and balances, folded from events.

The live exchange and a restart use the same `apply`, so what a journal restores is what was.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.accounts import Accounts
from common.exchange.commands import SelfTradePrevention
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    FEE_ACCOUNT,
    Deposited,
    Event,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    TradeExecuted,
)
from common.exchange.fills import Fill, fills_of
from common.exchange.money import Scale
from common.model.errors import InvariantBroken
from common.model.order import OrderState, OrderType, Side, TimeInForce

FINAL_ORDERS_KEPT = 50_000
FILLS_KEPT = 200_000


class OrderRecord(msgspec.Struct, kw_only=True):
    """One order and what became of it. `quote_units` is what its fills cost or brought, in 1e-8 of the quote asset."""

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
    )  # fmt: skip


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger without open orders, whole: balances as (free, locked) by account and asset, ended orders, fills."""

    balances: dict[str, dict[str, tuple[int, int]]]
    orders: list[OrderRecord]
    fills: list[Fill]
    last_order_id: int
    last_trade_id: int


class Ledger:
    """State of all customers. At most FINAL_ORDERS_KEPT ended orders and FILLS_KEPT fills stay in memory."""

    def __init__(self, scales: dict[str, Scale]) -> None:
        self.scales = scales
        self.accounts = Accounts()
        self.orders: dict[int, OrderRecord] = {}
        self.open_orders: dict[tuple[str, str], dict[int, OrderRecord]] = {}
        self.fills: deque[Fill] = deque(maxlen=FILLS_KEPT)
        self.last_order_id = self.last_trade_id = 0
        self._by_client_id: dict[tuple[str, str, str], int] = {}
        self._final: deque[int] = deque()
        self._apply: dict[type[Event], Callable[[Any], None]] = {
            Deposited: self._credit,
            OrderPlaced: self._open,
            TradeExecuted: self._settle,
            OrderCanceled: self._end,
            OrderExpired: self._end,
        }

    def apply(self, event: Event) -> None:
        """Take one event in. Events without meaning for customers are ignored."""
        if handler := self._apply.get(type(event)):
            handler(event)

    def state(self) -> LedgerState:
        """What `load` takes. Raises InvariantBroken while orders are open: a book cannot be restored from a ledger."""
        if any(self.open_orders.values()):
            raise InvariantBroken("a ledger with open orders has no state to keep")
        return LedgerState(
            balances=self.accounts.state(),
            orders=list(self.orders.values()),
            fills=list(self.fills),
            last_order_id=self.last_order_id,
            last_trade_id=self.last_trade_id,
        )

    def load(self, state: LedgerState) -> None:
        """Become what a ledger was. Only for one that has taken no event yet."""
        self.accounts.load(state.balances)
        self.orders = {order.order_id: order for order in state.orders}
        self.fills.extend(state.fills)
        self.last_order_id, self.last_trade_id = state.last_order_id, state.last_trade_id
        self._final.extend(self.orders)
        for order in state.orders:
            self._by_client_id[order.account, order.symbol, order.client_order_id] = order.order_id

    def find(self, account: str, symbol: str, order_id: int, client_order_id: str) -> OrderRecord | None:
        """An order by its number, or without one (0) the newest order of that client order id."""
        order_id = order_id or self._by_client_id.get((account, symbol, client_order_id), 0)
        order = self.orders.get(order_id)
        return order if order is not None and (order.account, order.symbol) == (account, symbol) else None

    def open_of(self, account: str, symbol: str) -> dict[int, OrderRecord]:
        """Open orders of an account in one market, oldest first."""
        return self.open_orders.setdefault((account, symbol), {})

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
        self.orders[order.order_id] = order
        self.open_of(order.account, order.symbol)[order.order_id] = order
        self._by_client_id[order.account, order.symbol, order.client_order_id] = order.order_id
        self.last_order_id = max(self.last_order_id, order.order_id)

    def _settle(self, trade: TradeExecuted) -> None:
        self.last_trade_id = max(self.last_trade_id, trade.trade_id)
        for fill in fills_of(trade):
            self._fill(fill)
        scale = self.scales[trade.symbol]
        base, quote = scale.base_units(trade.quantity_lots), scale.quote_units(trade.price_ticks, trade.quantity_lots)
        for party, side in ((trade.taker, trade.aggressor), (trade.maker, trade.aggressor.opposite)):
            self.accounts.credit(party.account, scale.base, base * side.sign)
            self.accounts.credit(party.account, scale.quote, -quote * side.sign)
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

    def _end(self, event: OrderCanceled | OrderExpired) -> None:
        order = self.orders.get(event.order_id)
        if order is None or not order.is_open:
            raise InvariantBroken(f"order {event.order_id} ends but is not open")
        self._lock(order, -order.remaining_lots)
        order.end(event)
        self._close(order)

    def _lock(self, order: OrderRecord, lots: int) -> None:
        # A market order trades or ends within its own command, so it needs nothing set aside.
        if order.order_type is OrderType.LIMIT:
            units = self.cost_units(order.symbol, order.side, order.price_ticks, lots)
            self.accounts.lock(order.account, self.lockable(order.symbol, order.side), units)

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
