"""New orders, and orders that go to the book again: what they take, and what of them rests or ends."""

from typing import Final

from common.exchange.admission import (
    Standing,
    book_refusal,
    fires_at_once,
    limit_refusal,
    numbers_refusal,
    order_refusal,
    reducible_of,
    taker_of,
)
from common.exchange.commands import PlaceOrder, TriggerKind
from common.exchange.core import ORDER_ENDS, Core
from common.exchange.events import (
    CLOSE_POSITION,
    REDUCE_ONLY,
    SELF_TRADE,
    UNFILLED,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    RejectReason,
)
from common.exchange.matching import Market, Taker
from common.exchange.record import OrderRecord
from common.exchange.seat import Seat
from common.exchange.stops import trailed
from common.model.order import Side, TimeInForce

BUY: Final = Side.BUY
GTC: Final = TimeInForce.GTC
FOK: Final = TimeInForce.FOK


class OrderEntry:
    """Takes orders in and lets them act on the book."""

    def __init__(self, core: Core, standing: Standing) -> None:
        self._core, self._standing = core, standing

    def place(self, command: PlaceOrder) -> OrderRecord | RejectReason:
        """Take an order in, or refuse it."""
        if reason := numbers_refusal(command):
            return self._refuse(command, reason)
        order = self._core.order_of(command)
        market = self._core.markets[order.symbol]
        return self._decide(order, market, market.seats.get(order.account)) or order

    def place_plain(self, command: PlaceOrder) -> bool:
        """Take in or refuse an order of somebody who had one in the market before: most are. False = it is another."""
        core = self._core
        order = core.order_of(command)
        market = core.markets.get(order.symbol)
        seat = None if market is None else market.seats.get(order.account)
        if market is None or seat is None or seat.is_special or not order.is_plain:
            return False
        order.account, order.symbol = seat.account, market.symbol
        self._decide(order, market, seat)
        return True

    def refusal_now(self, command: PlaceOrder) -> RejectReason | None:
        """Why an order would be refused, without placing it."""
        if reason := numbers_refusal(command):
            return reason
        taker, order, market = self._taker(command)
        return order_refusal(self._core, self._standing, market, order, taker)

    def reachable(self, command: PlaceOrder) -> list[tuple[int, int]]:
        """(price, lots) that an order could trade now, best first; nothing while the market does not trade."""
        taker, _order, market = self._taker(command)
        return market.reachable(taker) if market.facts.is_open else []

    def force(self, command: PlaceOrder) -> OrderRecord:
        """Take in an order of the venue itself for an account: neither money nor size nor name speaks against it."""
        taker, order, market = self._taker(command)
        self.admit(order, taker, market)
        return order

    def admit(self, order: OrderRecord, taker: Taker, market: Market) -> None:
        """Take an order in that nothing speaks against."""
        core, limit, terms = self._core, taker.limit_ticks, order.terms
        price = limit if limit is not None and order.is_limit else 0
        taker.seat = core.ledger.open(order, price, taker.seat)
        core.events.append(OrderPlaced(time_ns=core.time_ns, order_id=order.number, price_ticks=price, terms=terms))
        if order.expires_ns:
            core.schedule(order.expires_ns, ORDER_ENDS, order.order_id)
        if order.trigger is not None:
            if not fires_at_once(market, order):
                self._begin_to_follow(order, market)
                self.wait(order)
                return
            self._report_trigger(order, market)
        self.work(order, taker, market)

    def rest(self, command: PlaceOrder) -> OrderRecord:
        """Take a limit order in that nothing speaks against and that has nothing to take: it only rests."""
        core, price = self._core, command.price_ticks
        order = core.order_of(command)
        core.ledger.open(order, price)
        core.events.append(OrderPlaced(time_ns=core.time_ns, order_id=order.number, price_ticks=price, terms=command))
        core.rest(order)
        return order

    def affordable_lots(self, command: PlaceOrder) -> int:
        """Lots that a market order would trade now within its budget."""
        trades = self.reachable(command)
        return sum(lots for _, lots in trades) if command.budget is None else lots_within(trades, command.budget)

    def fire(self, order: OrderRecord) -> None:
        """An order's trigger became true: it goes to the book, or ends with the reason why it may not."""
        core, standing = self._core, self._standing
        market = core.markets[order.symbol]
        self._report_trigger(order, market)
        if order.close_position and (lots := reducible_of(core, order)):
            core.amend(order, 0, lots, True, CLOSE_POSITION)
        taker = taker_of(
            core, standing, market, market.seats[order.account], order, order.price_ticks, order.remaining_lots
        )
        reason = book_refusal(core, standing, market, order, taker, order)
        reason = reason or limit_refusal(core, standing, order, order.remaining_lots, order)
        if reason is not None:
            core.expire(order, reason)
            return
        limit = taker.limit_ticks
        if order.slide and limit is not None and limit != order.price_ticks:
            core.amend(order, limit, order.remaining_lots, True)
        self.work(order, taker, market)

    def wait(self, order: OrderRecord) -> None:
        """Let an order wait for its trigger."""
        market, trigger = self._core.markets[order.symbol], order.trigger
        assert trigger is not None  # only such orders wait
        market.stops.add(order.order_id, order.side, trigger, order.stop_ticks)

    def work(self, order: OrderRecord, taker: Taker, market: Market) -> None:
        """Let an order take what it may; the rest of it rests or ends."""
        core, in_force, budget = self._core, order.time_in_force, order.budget
        if order.reduce_only and not self._clamp(order, taker):
            return
        if in_force is FOK and not _fills_whole(budget, order.side, market.reachable(taker), taker.lots):
            core.expire(order, UNFILLED)
            return
        if budget is None or in_force is FOK:
            market.match(taker)
        else:
            beyond = taker.lots - lots_within(market.reachable(taker), budget)
            taker.lots -= beyond
            market.match(taker)
            taker.lots += beyond
        if taker.lots:
            if in_force is GTC and order.is_limit and not taker.stopped and taker.seat is not None:
                market.queue(order, core.owner(order.account) if core.groups else order.account, taker.seat)
            else:
                core.expire(order, SELF_TRADE if taker.stopped else UNFILLED)

    def _decide(self, order: OrderRecord, market: Market, seat: Seat | None) -> RejectReason | None:
        taker = taker_of(self._core, self._standing, market, seat, order, order.price_ticks, order.quantity_lots)
        if reason := order_refusal(self._core, self._standing, market, order, taker):
            return self._refuse(order.terms, reason)
        self.admit(order, taker, market)
        return None

    def _taker(self, command: PlaceOrder) -> tuple[Taker, OrderRecord, Market]:
        order, market = self._core.order_of(command), self._core.markets[command.symbol]
        seat = market.seats.get(order.account)
        taker = taker_of(self._core, self._standing, market, seat, order, order.price_ticks, order.quantity_lots)
        return taker, order, market

    def _refuse(self, command: PlaceOrder, reason: RejectReason) -> RejectReason:
        original = self._core.ledger.find(command.account, command.symbol, 0, command.client_order_id)
        repeated = reason is RejectReason.DUPLICATE_CLIENT_ORDER_ID and original is not None
        self._core.tell(
            OrderRejected(
                time_ns=self._core.time_ns,
                account=command.account,
                symbol=command.symbol,
                client_order_id=command.client_order_id,
                reason=reason,
                original_order_id=original.order_id if repeated and original is not None else 0,
            )
        )
        return reason

    def _begin_to_follow(self, order: OrderRecord, market: Market) -> None:
        assert order.trigger is not None  # only such orders wait
        reference = market.facts.watched(order.trigger.reference)
        if order.trigger.kind is TriggerKind.TRAILING and reference:
            if stop := trailed(order.trigger, order.side, 0, reference):
                self._core.move_stop(order, stop)

    def _report_trigger(self, order: OrderRecord, market: Market) -> None:
        assert order.trigger is not None  # only such orders fire
        self._core.ledger.trigger(order, self._core.time_ns)
        self._core.tell(
            OrderTriggered(
                time_ns=self._core.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                reference_ticks=market.facts.watched(order.trigger.reference),
            )
        )

    def _clamp(self, order: OrderRecord, taker: Taker) -> bool:
        """Cut a reduce-only order down to the position; False when nothing is left of it."""
        allowed = reducible_of(self._core, order)
        if not allowed:
            self._core.expire(order, REDUCE_ONLY)
        elif allowed < taker.lots:
            self._core.shrink(order.order_id, taker.lots - allowed, REDUCE_ONLY)
            taker.lots = allowed
        return bool(allowed)


def lots_within(trades: list[tuple[int, int]], budget: int) -> int:
    """How many of (price, lots), in their order, cost or bring no more than a budget in total."""
    total = 0
    for price, lots in trades:
        part = min(lots, budget // price)
        total += part
        budget -= part * price
        if part < lots:
            break
    return total


def _fills_whole(budget: int | None, side: Side, trades: list[tuple[int, int]], wanted: int) -> bool:
    """True when a fill-or-kill order trades all of its lots, within its budget if it has one."""
    if sum(lots for _price, lots in trades) < wanted:
        return False
    cost = sum(price * lots for price, lots in trades)
    return budget is None or (cost <= budget if side is BUY else cost >= budget)
