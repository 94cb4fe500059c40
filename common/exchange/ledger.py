"""All that the exchange owes its customers: orders, trades, balances and positions."""

from collections import deque
from collections.abc import Callable

import msgspec

from common.exchange.accounts import Accounts, BalancesState
from common.exchange.commands import PlaceOrder, SelfTradePrevention, Trigger
from common.exchange.events import EXTERNAL_ACCOUNT, FEE_ACCOUNT, SPECIAL_ACCOUNTS, TradeExecuted, TradeParty
from common.exchange.margin.margin import Margin
from common.exchange.money import Scale
from common.model.errors import InvariantBroken
from common.model.order import OrderState, OrderType, Side, TimeInForce

FINAL_ORDERS_KEPT = 20_000
TRADES_KEPT = 20_000


class OrderRecord(msgspec.Struct, kw_only=True):
    """One order and what became of it. `quote_units` is what its fills cost or brought, in 1e-8 of the quote asset.

    `terms` is what was ordered; `price_ticks` and `quantity_lots` are what it is now. `is_waiting` is true until its
    trigger fires, at `stop_ticks` (0 = a trailing one that does not follow yet). `place` grows with each order that
    joins a queue: among orders of one price, the smaller one is in front.
    """

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
        self.filled_lots += lots
        self.quote_units += quote_units
        self.changed_ns = time_ns
        self.state = OrderState.PARTIALLY_FILLED if self.filled_lots < self.quantity_lots else OrderState.FILLED


def record_of(order_id: int, price_ticks: int, terms: PlaceOrder, time_ns: int) -> OrderRecord:
    """An order as it is when it is accepted."""
    order = OrderRecord(
        order_id=order_id,
        terms=terms,
        price_ticks=price_ticks,
        quantity_lots=terms.quantity_lots,
        placed_ns=time_ns,
        changed_ns=time_ns,
    )
    if terms.trigger is not None:
        order.is_waiting, order.stop_ticks = True, terms.trigger.price_ticks
    return order


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger, whole: balances by account and asset, orders, trades of customers, net lots by symbol and account."""

    balances: BalancesState
    orders: list[OrderRecord]
    ended_order_ids: list[int]
    trades: list[TradeExecuted]
    last_order_id: int
    last_trade_id: int
    last_place: int
    positions: dict[str, dict[str, int]]


class Ledger:
    """State of all customers. At most FINAL_ORDERS_KEPT ended orders and TRADES_KEPT trades stay in memory.

    Without `settles` no money moves: it only keeps orders, trades and positions. `on_linked` hears of every fill and
    end of an order that has a link.
    """

    def __init__(
        self, scales: dict[str, Scale], margin: Margin, settles: bool, on_linked: Callable[[OrderRecord], None]
    ) -> None:
        self.scales, self.margin, self.settles = scales, margin, settles
        self.accounts = Accounts()
        self.orders: dict[int, OrderRecord] = {}
        self.open_orders: dict[tuple[str, str], dict[int, OrderRecord]] = {}
        self.trades: deque[TradeExecuted] = deque(maxlen=TRADES_KEPT)
        self.positions: dict[str, dict[str, int]] = {symbol: {} for symbol in scales}
        self.last_order_id = self.last_trade_id = self.last_place = 0
        self._by_client_id: dict[tuple[str, str, str], int] = {}
        self._final: deque[int] = deque()
        self._on_linked = on_linked

    @property
    def state(self) -> LedgerState:
        """All of it, for snapshots."""
        return LedgerState(
            balances=self.accounts.state, orders=list(self.orders.values()), ended_order_ids=list(self._final),
            trades=list(self.trades), last_order_id=self.last_order_id, last_trade_id=self.last_trade_id,
            last_place=self.last_place, positions=self.positions,
        )  # fmt: skip

    def load(self, state: LedgerState) -> None:
        """Become what a ledger was. Only for one that has seen nothing yet."""
        self.accounts.load(state.balances)
        self.trades.extend(state.trades)
        self.last_order_id, self.last_trade_id = state.last_order_id, state.last_trade_id
        self.last_place = state.last_place
        self.positions |= state.positions
        self._final.extend(state.ended_order_ids)
        for order in state.orders:
            self.orders[order.order_id] = order
            self._by_client_id[order.account, order.symbol, order.client_order_id] = order.order_id
            if order.is_open:
                self._open_of(order.account, order.symbol)[order.order_id] = order

    def find(self, account: str, symbol: str, order_id: int, client_order_id: str) -> OrderRecord | None:
        """An order by its number, or without one (0) the newest order of that client order id."""
        if not order_id:
            order_id = self._by_client_id.get((account, symbol, client_order_id), 0)
            return self.orders.get(order_id)
        order = self.orders.get(order_id)
        return order if order is not None and (order.account, order.symbol) == (account, symbol) else None

    def open_of(self, account: str, symbol: str) -> dict[int, OrderRecord]:
        """Open orders of an account in one market, oldest first."""
        return self.open_orders.get((account, symbol)) or {}

    def lockable(self, symbol: str, side: Side) -> str:
        """The asset with which an order of this side pays on spot."""
        scale = self.scales[symbol]
        return scale.quote if side is Side.BUY else scale.base

    def cost_units(self, symbol: str, side: Side, price_ticks: int, lots: int) -> int:
        """Units that an order of this side pays for some lots at a price on spot."""
        scale = self.scales[symbol]
        return scale.quote_units(price_ticks, lots) if side is Side.BUY else scale.base_units(lots)

    def open(self, order: OrderRecord) -> None:
        """An order was accepted."""
        terms, order_id = order.terms, order.order_id
        self._set_aside(order, order.quantity_lots)
        if not order.is_waiting:
            self.last_place = order.place = self.last_place + 1
        self.orders[order_id] = order
        key = terms.account, terms.symbol
        orders = self.open_orders.get(key)
        if orders is None:
            self.open_orders[key] = {order_id: order}
        else:
            orders[order_id] = order
        self._by_client_id[terms.account, terms.symbol, terms.client_order_id] = order_id
        self.last_order_id = order_id

    def settle(self, trade: TradeExecuted) -> None:
        """Two orders traded: count it for both, and on spot let money and goods change hands."""
        symbol, lots, time_ns = trade.symbol, trade.quantity_lots, trade.time_ns
        scale, maker, taker = self.scales[symbol], trade.maker, trade.taker
        quote_units = trade.price_ticks * lots * scale.tick_lot_units
        self.last_trade_id = trade.trade_id
        bought = lots if trade.aggressor.sign > 0 else -lots
        if maker.account != EXTERNAL_ACCOUNT:
            self._fill(maker.order_id, lots, quote_units, time_ns)
        if taker.account != EXTERNAL_ACCOUNT:
            self._fill(taker.order_id, lots, quote_units, time_ns)
        elif maker.account == EXTERNAL_ACCOUNT:
            return
        self.trades.append(trade)
        if scale.is_perpetual:
            return
        positions = self.positions[symbol]
        for party, signed in ((maker, -bought), (taker, bought)):
            if party.account not in SPECIAL_ACCOUNTS:
                positions[party.account] = positions.get(party.account, 0) + signed
            if self.settles:
                self._pay(scale, party, signed, quote_units if signed > 0 else -quote_units)

    def amend(self, order: OrderRecord, price_ticks: int, open_lots: int, keeps_place: bool, time_ns: int) -> None:
        """An open order has another price or another open quantity."""
        self._set_aside(order, -order.remaining_lots)
        order.price_ticks, order.quantity_lots = price_ticks, order.filled_lots + open_lots
        order.changed_ns = time_ns
        self._set_aside(order, open_lots)
        if not keeps_place and not order.is_waiting:
            self.last_place = order.place = self.last_place + 1

    def trigger(self, order: OrderRecord, time_ns: int) -> None:
        """A waiting order's trigger fired."""
        order.is_waiting, order.changed_ns = False, time_ns
        self.last_place = order.place = self.last_place + 1

    def end(self, order: OrderRecord, state: OrderState, time_ns: int, reason: str = "") -> None:
        """An open order ended without being filled."""
        if order.state.is_final:
            raise InvariantBroken(f"order {order.order_id} ends but is not open")
        self._set_aside(order, -order.remaining_lots)
        order.state, order.reason, order.changed_ns = state, reason, time_ns
        self._close(order)

    def _open_of(self, account: str, symbol: str) -> dict[int, OrderRecord]:
        return self.open_orders.setdefault((account, symbol), {})

    def _pay(self, scale: Scale, party: TradeParty, lots: int, quote_units: int) -> None:
        account, credit = party.account, self.accounts.credit
        credit(account, scale.base, lots * scale.lot_units)
        credit(account, scale.quote, -quote_units)
        if party.fee_units:
            credit(account, party.fee_asset, -party.fee_units)
            credit(FEE_ACCOUNT, party.fee_asset, party.fee_units)

    def _fill(self, order_id: int, lots: int, quote_units: int, time_ns: int) -> None:
        order = self.orders.get(order_id)
        if order is None or lots > order.quantity_lots - order.filled_lots or order.state.is_final:
            raise InvariantBroken(f"a trade fills order {order_id} beyond what it has open")
        self._set_aside(order, -lots)
        order.fill(lots, quote_units, time_ns)
        if order.filled_lots == order.quantity_lots:
            self._close(order)
        elif order.terms.link:
            self._on_linked(order)

    def _set_aside(self, order: OrderRecord, lots: int) -> None:
        # A market order trades or ends within its own command, so it needs nothing set aside.
        terms = order.terms
        if not self.settles or terms.order_type is OrderType.MARKET:
            return
        scale = self.scales[terms.symbol]
        if scale.is_perpetual:
            self.margin.count_order(terms.account, terms.symbol, terms.side, lots)
        elif terms.side.sign > 0:
            self.accounts.lock(terms.account, scale.quote, order.price_ticks * lots * scale.tick_lot_units)
        else:
            self.accounts.lock(terms.account, scale.base, lots * scale.lot_units)

    def _close(self, order: OrderRecord) -> None:
        terms = order.terms
        del self.open_orders[terms.account, terms.symbol][order.order_id]
        self._final.append(order.order_id)
        if len(self._final) > FINAL_ORDERS_KEPT:
            self._forget(self._final.popleft())
        if terms.link:
            self._on_linked(order)

    def _forget(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        key = (order.account, order.symbol, order.client_order_id)
        if self._by_client_id.get(key) == order_id:
            del self._by_client_id[key]


def is_customer(account: str) -> bool:
    """True for accounts whose orders have records."""
    return account not in SPECIAL_ACCOUNTS
