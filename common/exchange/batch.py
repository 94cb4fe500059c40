"""Several commands as one: each for itself, or all or none."""

from collections.abc import Callable
from typing import Final

from common.exchange.admission import Standing, locked_units, numbers_refusal, order_refusal, taker_of
from common.exchange.changes import OrderChanges
from common.exchange.commands import BATCH_ITEMS_MAX, Batch, BatchItem, CancelOrder, PlaceOrder
from common.exchange.core import Core
from common.exchange.entry import OrderEntry
from common.exchange.events import BatchItemStarted, BatchRejected, RejectReason
from common.exchange.margin.margin import OpenOrders
from common.exchange.matching import Market, Taker
from common.exchange.record import OrderRecord
from common.exchange.seat import Seat
from common.model.order import OrderType, Side, TimeInForce

BUY: Final = Side.BUY


class SeatPlan:
    """What a batch means for one account in one market: names that it uses, and what it adds to what is there.

    `orders` and lots are of open orders; `loss` is what those of a perpetual may lose against the mark, in units.
    """

    __slots__ = ("ask_lots", "bid_lots", "loss", "names", "orders")

    def __init__(self) -> None:
        self.names = set[str]()
        self.orders = self.bid_lots = self.ask_lots = self.loss = 0

    def add(self, side: Side, lots: int) -> None:
        """One order more, or with negative lots one less."""
        self.orders += 1 if lots > 0 else -1
        if side is BUY:
            self.bid_lots += lots
        else:
            self.ask_lots += lots


NOTHING_PLANNED: Final = SeatPlan()
"""For whom the plan does nothing; nobody writes to it."""


class Planned(Standing):
    """The standing as it will be after some cancels and some orders that rest."""

    is_actual = False

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.orders: dict[int, tuple[OrderRecord, Taker]] = {}
        """The planned orders by their place in the batch."""
        self._canceled: set[int] = set()
        self._plans: dict[tuple[str, str], SeatPlan] = {}
        self._best: dict[tuple[str, Side], int] = {}
        self._free: dict[tuple[str, str], int] = {}

    def cancel(self, order: OrderRecord) -> None:
        """Plan a cancel."""
        self._canceled.add(order.order_id)
        plan = self._plan(order.account, order.symbol)
        plan.add(order.side, -order.remaining_lots)
        if self._core.ledger.scales[order.symbol].is_perpetual:
            plan.loss -= order.remaining_lots * order.lot_loss
        else:
            self._release(order.account, order.symbol, order.side, locked_units(self._core, order))

    def place(self, command: PlaceOrder, price: int) -> None:
        """Plan an order that rests."""
        account, symbol, side, lots = command.account, command.symbol, command.side, command.quantity_lots
        ledger, plan = self._core.ledger, self._plan(account, symbol)
        plan.names.add(command.client_order_id)
        plan.add(side, lots)
        self._best[symbol, side] = _better(side, price, self._best.get((symbol, side), 0))
        if ledger.scales[symbol].is_perpetual:
            plan.loss += lots * self._core.margin.lot_loss(symbol, side, price)
        elif ledger.settles:
            self._release(account, symbol, side, -ledger.cost_units(symbol, side, price, lots))

    def _plan(self, account: str, symbol: str) -> SeatPlan:
        plan = self._plans.get((account, symbol))
        if plan is None:
            plan = self._plans[account, symbol] = SeatPlan()
        return plan

    def _release(self, account: str, symbol: str, side: Side, units: int) -> None:
        key = account, self._core.ledger.lockable(symbol, side)
        self._free[key] = self._free.get(key, 0) + units

    def seat_refusal(
        self, market: Market, seat: Seat | None, account: str, client_order_id: str
    ) -> RejectReason | None:
        """Why an account may have no more orders in a market after the plan, or none of this name."""
        ledger, symbol, rules = self._core.ledger, market.symbol, market.facts.rules
        plan = self._plans.get((account, symbol), NOTHING_PLANNED)
        if client_order_id in plan.names:
            return RejectReason.DUPLICATE_CLIENT_ORDER_ID
        order = ledger.find(account, symbol, 0, client_order_id)
        if order is not None and (rules.client_ids_once or self.is_open(order)):
            return RejectReason.DUPLICATE_CLIENT_ORDER_ID
        planned = len(ledger.open_of(account, symbol)) + plan.orders
        return RejectReason.TOO_MANY_OPEN_ORDERS if planned >= rules.open_orders_max else None

    def is_open(self, order: OrderRecord) -> bool:
        """True for an order that is open and not planned to be cancelled."""
        return order.is_open and order.order_id not in self._canceled

    def free_units(self, account: str, asset: str) -> int:
        """What an account can spend after the plan."""
        return super().free_units(account, asset) + self._free.get((account, asset), 0)

    def open_lots(self, account: str, symbol: str) -> tuple[int, int]:
        """Lots of open bids and asks after the plan."""
        (bids, asks), plan = super().open_lots(account, symbol), self._plans.get((account, symbol), NOTHING_PLANNED)
        return bids + plan.bid_lots, asks + plan.ask_lots

    def open_in(self, account: str, symbol: str) -> OpenOrders:
        """Open orders in a perpetual after the plan, and what the plan takes in others of the same collateral."""
        bids, asks, loss, elsewhere = super().open_in(account, symbol)
        markets = self._core.margin.markets
        for (name, other), plan in self._plans.items():
            if name != account or other not in markets:
                continue
            if other == symbol:
                bids, asks, loss = bids + plan.bid_lots, asks + plan.ask_lots, loss + plan.loss
            elif markets[other].asset == markets[symbol].asset:
                elsewhere += self._taken_in(account, other, plan)
        return bids, asks, loss, elsewhere

    def _taken_in(self, account: str, symbol: str, plan: SeatPlan) -> int:
        margin = self._core.margin
        position = margin.position(account, symbol)
        planned = position.copy()
        planned.bid_lots += plan.bid_lots
        planned.ask_lots += plan.ask_lots
        more = margin.order_margin(symbol, planned, planned.worst_lots) + plan.loss
        return more - margin.order_margin(symbol, position, position.worst_lots)

    def best_opposite(self, market: Market, side: Side) -> int:
        """The best price on the other side after the plan."""
        planned = self._best.get((market.symbol, side.opposite), 0)
        if not self._canceled:
            return _better(side.opposite, planned, super().best_opposite(market, side))
        for level in market.book.opposite(side).best_first():
            if any(order.order_id not in self._canceled for order in level):
                return _better(side.opposite, planned, level.price)
        return planned


def _better(side: Side, price: int, other: int) -> int:
    """The one of two prices of resting orders that trades first; 0 is no price."""
    if not price or not other:
        return price or other
    return max(price, other) if side is BUY else min(price, other)


class Batches:
    """Carries batches out."""

    def __init__(
        self, core: Core, entry: OrderEntry, changes: OrderChanges, carry_out: Callable[[BatchItem], None]
    ) -> None:
        self._core, self._entry, self._changes, self._carry_out = core, entry, changes, carry_out

    def run(self, batch: Batch) -> None:
        """Every item in order, or the reason why none."""
        if not 0 < len(batch.items) <= BATCH_ITEMS_MAX:
            self._refuse(-1, RejectReason.BATCH_INVALID)
            return
        plan = Planned(self._core)
        if batch.atomic and (fault := self._fault(batch, plan)):
            self._refuse(*fault)
            return
        for index, item in enumerate(batch.items):
            self._core.tell(BatchItemStarted(time_ns=self._core.time_ns, index=index))
            if isinstance(item, PlaceOrder) and batch.atomic:
                # The plan has found nothing against it, and nothing but the plan has happened since.
                order, taker = plan.orders[index]
                order.renumber(self._core.ledger.last_order_id + 1)
                self._entry.admit(order, taker, self._core.markets[order.symbol])
            else:
                self._carry_out(item)

    def _refuse(self, index: int, reason: RejectReason) -> None:
        self._core.tell(BatchRejected(time_ns=self._core.time_ns, index=index, reason=reason))

    def _fault(self, batch: Batch, plan: Planned) -> tuple[int, RejectReason] | None:
        for index, item in enumerate(batch.items):
            if isinstance(item, CancelOrder):
                reason = self._plan_cancel(plan, item)
            elif isinstance(item, PlaceOrder):
                reason = self._plan_order(plan, index, item)
            else:
                reason = RejectReason.BATCH_INVALID
            if reason is not None:
                return index, reason
        return None

    def _plan_cancel(self, plan: Planned, command: CancelOrder) -> RejectReason | None:
        order = self._changes.named(command, plan)
        if not isinstance(order, OrderRecord):
            return order
        plan.cancel(order)
        return None

    def _plan_order(self, plan: Planned, index: int, command: PlaceOrder) -> RejectReason | None:
        rests = command.order_type is OrderType.LIMIT and command.time_in_force is TimeInForce.GTC
        if not rests or command.trigger is not None:
            return RejectReason.BATCH_INVALID
        if reason := numbers_refusal(command):
            return reason
        order, market = self._core.order_of(command), self._core.markets[command.symbol]
        taker = taker_of(
            self._core, plan, market, market.seats.get(order.account), order, order.price_ticks, order.quantity_lots
        )
        if reason := order_refusal(self._core, plan, market, order, taker):
            return reason
        price = taker.limit_ticks
        assert price is not None  # only market orders have none
        if not command.post_only:  # of those that is known already
            best = plan.best_opposite(market, command.side)
            if best and (price - best) * command.side.sign >= 0:
                return RejectReason.WOULD_TAKE
        plan.place(command, price)
        plan.orders[index] = order, taker
        return None
