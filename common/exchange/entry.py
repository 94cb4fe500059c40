"""New orders, and orders that go to the book again: what they take, and what of them rests or ends."""

from common.exchange.admission import (
    Standing,
    book_refusal,
    fires_at_once,
    limit_refusal,
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
from common.exchange.stops import trailed
from common.model.order import OrderType, Side, TimeInForce

LIMIT, MARKET, GTC, FOK = OrderType.LIMIT, OrderType.MARKET, TimeInForce.GTC, TimeInForce.FOK


class OrderEntry:
    """Takes orders in and lets them act on the book."""

    def __init__(self, core: Core, standing: Standing) -> None:
        self._core, self._standing = core, standing

    def place(self, command: PlaceOrder) -> OrderRecord | RejectReason:
        """Take an order in, or refuse it."""
        taker = self._taker(command)
        if reason := order_refusal(self._core, self._standing, command, taker):
            self._refuse(command, reason)
            return reason
        return self.admit(command, taker)

    def refusal_now(self, command: PlaceOrder) -> RejectReason | None:
        """Why an order would be refused, without placing it."""
        return order_refusal(self._core, self._standing, command, self._taker(command))

    def reachable(self, command: PlaceOrder) -> list[tuple[int, int]]:
        """(price, lots) that an order could trade now, best first; nothing while the market does not trade."""
        market = self._core.markets[command.symbol]
        if not market.facts.is_open:
            return []
        return market.reachable(
            taker_of(self._core, self._standing, command, command.price_ticks, command.quantity_lots, 0)
        )

    def force(self, command: PlaceOrder) -> OrderRecord:
        """Take in an order of the venue itself for an account: neither money nor size nor name speaks against it."""
        number = self._core.ledger.last_order_id + 1
        return self.admit(
            command, taker_of(self._core, self._standing, command, command.price_ticks, command.quantity_lots, number)
        )

    def admit(self, command: PlaceOrder, taker: Taker) -> OrderRecord:
        """Take an order in that nothing speaks against."""
        core, price = self._core, taker.limit_ticks
        if price is None or command.order_type is MARKET:
            price = 0
        order = core.ledger.open(taker.order_id, price, command, core.time_ns)
        core.events.append(OrderPlaced(time_ns=core.time_ns, order_id=order.order_id, price_ticks=price, terms=command))
        if command.expires_ns:
            core.schedule(command.expires_ns, ORDER_ENDS, order.order_id)
        if command.trigger is not None:
            market = core.markets[command.symbol]
            if not fires_at_once(market, command):
                self._begin_to_follow(order, market)
                self.wait(order)
                return order
            self._report_trigger(order, market)
        self.work(order, taker)
        return order

    def rest(self, command: PlaceOrder) -> OrderRecord:
        """Take a limit order in that nothing speaks against and that has nothing to take: it only rests."""
        core, price = self._core, command.price_ticks
        order = core.ledger.open(core.ledger.last_order_id + 1, price, command, core.time_ns)
        core.events.append(OrderPlaced(time_ns=core.time_ns, order_id=order.order_id, price_ticks=price, terms=command))
        core.rest(order)
        return order

    def affordable_lots(self, command: PlaceOrder) -> int:
        """Lots that a market order would trade now within its budget."""
        trades = self.reachable(command)
        return sum(lots for _, lots in trades) if command.budget is None else lots_within(trades, command.budget)

    def fire(self, order: OrderRecord) -> None:
        """An order's trigger became true: it goes to the book, or ends with the reason why it may not."""
        core, standing, terms = self._core, self._standing, order.terms
        market = core.markets[terms.symbol]
        self._report_trigger(order, market)
        if terms.close_position and (lots := reducible_of(core, terms)):
            core.amend(order, 0, lots, True, CLOSE_POSITION)
        taker = taker_of(core, standing, terms, order.price_ticks, order.remaining_lots, order.order_id)
        reason = book_refusal(core, standing, terms, taker, order)
        reason = reason or limit_refusal(core, standing, terms, order.remaining_lots, order)
        if reason is not None:
            core.expire(order, reason)
            return
        limit = taker.limit_ticks
        if terms.slide and limit is not None and limit != order.price_ticks:
            core.amend(order, limit, order.remaining_lots, True)
        self.work(order, taker)

    def wait(self, order: OrderRecord) -> None:
        """Let an order wait for its trigger."""
        market, trigger = self._core.markets[order.symbol], order.trigger
        assert trigger is not None  # only such orders wait
        market.stops.add(order.order_id, order.side, trigger, order.stop_ticks)

    def work(self, order: OrderRecord, taker: Taker) -> None:
        """Let an order take what it may; the rest of it rests or ends."""
        core, terms = self._core, order.terms
        market, in_force = core.markets[terms.symbol], terms.time_in_force
        if terms.reduce_only and not self._clamp(order, taker):
            return
        if in_force is FOK and not _fills_whole(order, market, taker):
            core.expire(order, UNFILLED)
            return
        if terms.budget is None or in_force is FOK:
            market.match(taker)
        else:
            beyond = taker.lots - lots_within(market.reachable(taker), terms.budget)
            taker.lots -= beyond
            market.match(taker)
            taker.lots += beyond
        if taker.lots:
            if in_force is GTC and terms.order_type is LIMIT and not taker.stopped:
                account, groups = terms.account, core.groups
                market.queue(order, groups.get(account, account) if groups else account)
            else:
                core.expire(order, SELF_TRADE if taker.stopped else UNFILLED)

    def _taker(self, command: PlaceOrder) -> Taker:
        core = self._core
        return taker_of(
            core, self._standing, command, command.price_ticks, command.quantity_lots, core.ledger.last_order_id + 1
        )

    def _refuse(self, command: PlaceOrder, reason: RejectReason) -> None:
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
        allowed = reducible_of(self._core, order.terms)
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


def _fills_whole(order: OrderRecord, market: Market, taker: Taker) -> bool:
    """True when a fill-or-kill order trades all of its lots, within its budget if it has one."""
    trades = market.reachable(taker)
    if sum(lots for _price, lots in trades) < taker.lots:
        return False
    cost = sum(price * lots for price, lots in trades)
    budget = order.terms.budget
    return budget is None or (cost <= budget if order.side is Side.BUY else cost >= budget)
