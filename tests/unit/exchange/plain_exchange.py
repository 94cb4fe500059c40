"""A slow, obvious exchange without money: lists in time order, searched from their start. It judges the fast one.

What would happen is found by doing it to a deep copy. Nothing of the core is used but its enums and terms.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from common.exchange.commands import PlaceOrder, PriceReference, Trigger, TriggerKind
from common.exchange.commands import SelfTradePrevention as Mode
from common.exchange.rules import MarketRules
from common.model.order import OrderType, Side, TimeInForce

Trade = tuple[int, int, int, int]
"""(maker's number, taker's number, price, lots)."""

SECOND = 1_000_000_000


@dataclass
class PlainOrder:
    """One accepted order. `lots` are its open ones, `ended` says how it ended."""

    number: int
    terms: PlaceOrder
    price: int
    lots: int
    stop: int = 0
    filled: int = 0
    ended: str = ""

    @property
    def account(self) -> str:
        return self.terms.account

    @property
    def side(self) -> Side:
        return self.terms.side


@dataclass
class PlainExchange:
    """One market. A method that takes a command returns False when it refuses it."""

    rules: MarketRules
    groups: dict[str, str]
    now: int = 0
    last: int = 0
    mark: int = 0
    phase: str = "open"
    until: int = 0
    orders: list[PlainOrder] = field(default_factory=list)
    resting: list[PlainOrder] = field(default_factory=list)
    waiting: list[PlainOrder] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    history: list[tuple[int, int]] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    prices: list[tuple[PriceReference, int, int]] = field(default_factory=list)

    # Commands

    def begin(self, time_ns: int) -> None:
        """Time passes: what is due happens in the order of its time."""
        self.now, self.trades = max(self.now, time_ns), []
        while True:
            due = [(o.terms.expires_ns, o.number) for o in self.resting + self.waiting if o.terms.expires_ns]
            due += [(self.until, 0)] if self.until else []
            if not due or min(due)[0] > self.now:
                break
            when, number = min(due)
            if number:
                self._end(self._order(number), "expired")
            elif self.phase == "halt":
                self.phase, self.until = "post_only", when + self.rules.post_only_s * SECOND
            else:
                self.phase, self.until, self.history = "open", 0, []
                self.prices += [(PriceReference.MARK, self.mark, len(self.orders))] if self.mark else []
                self.prices += [(PriceReference.LAST, self.last, len(self.orders))] if self.last else []
        self.finish()

    def finish(self) -> None:
        """After a command: fire what its prices made true, then what that made true."""
        queue, fired = self._fire(), 0
        while queue:
            order = queue.pop(0)
            if fired == self.rules.triggers_max and self.phase == "open":
                self._halt()
            if self.phase == "open":
                fired += 1
                self._triggered(order)
            else:
                self.waiting.append(order)
            queue += self._fire()

    def set_mark(self, price: int) -> None:
        self.mark = price
        self.prices.append((PriceReference.MARK, price, len(self.orders)))

    def place(self, terms: PlaceOrder, rests_only: bool = False) -> bool:
        trigger, number = terms.trigger, len(self.orders) + 1
        price = terms.price_ticks if terms.order_type is OrderType.LIMIT else 0
        price = self._slide(terms, price)
        if self.phase == "halt" or (self.phase == "post_only" and (not terms.post_only or trigger)):
            return False
        if any(o.account == terms.account and o.terms.client_order_id == terms.client_order_id for o in self.open()):
            return False
        if terms.reduce_only and terms.quantity_lots > self._reducible(terms.account, terms.side):
            return False
        if terms.expires_ns and terms.expires_ns <= self.now:
            return False
        waits = trigger is not None and not self._true_now(trigger, terms.side)
        if trigger is not None and not waits and not trigger.immediate:
            return False
        order = PlainOrder(number, terms, price, terms.quantity_lots, 0 if trigger is None else trigger.price_ticks)
        if not waits and not self._may_meet_the_book(order):
            return False
        best = self._best_opposite(terms.side)
        if rests_only and best and self._takes(terms.side, price, best):
            return False
        self.orders.append(order)
        if waits:
            if trigger.kind is TriggerKind.TRAILING and self._reference(trigger.reference):
                self._trail(order, self._reference(trigger.reference))
            self.waiting.append(order)
        else:
            self._work(order)
        return True

    def cancel(self, account: str, number: int) -> bool:
        order = self._order(number)
        if order is None or order.ended or order.account != account:
            return False
        self._end(order, "canceled")
        return True

    def reduce(self, account: str, number: int, lots: int) -> bool:
        order = self._order(number)
        if order is None or order.ended or order.account != account or self.phase == "halt":
            return False
        order.lots -= min(lots, order.lots)
        if not order.lots:
            self._end(order, "canceled")
        return True

    def amend(self, account: str, number: int, price: int | None, lots: int | None) -> bool:
        order = self._order(number)
        if order is None or order.ended or order.account != account or (price is None and lots is None):
            return False
        if price is not None and order.terms.order_type is OrderType.MARKET:
            return False
        price, lots = price or order.price, lots or order.lots
        keeps = price == order.price and lots <= order.lots
        if self.phase == "halt" or (self.phase == "post_only" and order in self.waiting and not keeps):
            return False
        if order.terms.reduce_only and lots > max(order.lots, self._reducible(account, order.side)):
            return False
        if not keeps and order not in self.waiting:
            price = self._slide(order.terms, price)
            if not self._may_meet_the_book(PlainOrder(number, order.terms, price, lots)):
                return False
            self.resting.remove(order)
            order.price, order.lots = price, lots
            self._work(order)
        else:
            order.price, order.lots = self._slide(order.terms, price) if not keeps else price, lots
        return True

    def open(self) -> list[PlainOrder]:
        """All orders that have not ended."""
        return [order for order in self.orders if not order.ended]

    # What an order does

    def _work(self, order: PlainOrder) -> None:
        limit = self._limit(order)
        if order.terms.reduce_only:
            order.lots = min(order.lots, self._reducible(order.account, order.side))
            if not order.lots:
                self._end(order, "expired")
                return
        if order.terms.time_in_force is TimeInForce.FOK and not self._fills_whole(order, limit):
            self._end(order, "expired")
            return
        beyond = self._beyond_budget(order, limit)
        order.lots -= beyond
        stopped = self._match(order, limit)
        order.lots += beyond
        rests = order.terms.order_type is OrderType.LIMIT and order.terms.time_in_force is TimeInForce.GTC
        if not order.lots:
            order.ended = "filled"
        elif rests and not stopped:
            self.resting.append(order)
        else:
            self._end(order, "expired")

    def _fills_whole(self, order: PlainOrder, limit: int | None) -> bool:
        other = deepcopy(self)
        other.trades, twin, wanted = [], deepcopy(order), order.lots
        other._match(twin, limit)
        cost = sum(price * lots for _, _, price, lots in other.trades)
        if sum(lots for *_, lots in other.trades) < wanted:
            return False
        budget = order.terms.budget
        return budget is None or (cost <= budget if order.side is Side.BUY else cost >= budget)

    def _beyond_budget(self, order: PlainOrder, limit: int | None) -> int:
        """Lots that a market order leaves because they would go beyond its budget."""
        if order.terms.budget is None or order.terms.time_in_force is TimeInForce.FOK:
            return 0
        within, left = 0, order.terms.budget
        other = deepcopy(self)
        other.trades = []
        other._match(deepcopy(order), limit)
        for *_, price, lots in other.trades:
            for _ in range(lots):
                if price > left:
                    return order.lots - within
                within, left = within + 1, left - price
        return order.lots - within

    def _match(self, taker: PlainOrder, limit: int | None) -> bool:
        """True when self-trade prevention has stopped the taker."""
        while taker.lots:
            makers = [o for o in self.resting if o.side is not taker.side and self._takes(taker.side, limit, o.price)]
            if not makers:
                return False
            maker = min(makers, key=lambda o: o.price * taker.side.sign)  # min returns the first, which is the oldest
            mode = taker.terms.self_trade_prevention
            if self._owner(maker) == self._owner(taker) and mode is not Mode.NONE:
                if mode is Mode.DECREMENT:
                    lots = min(taker.lots, maker.lots)
                    maker.lots -= lots
                    if not maker.lots:
                        self._end(maker, "expired")
                    if lots == taker.lots:
                        return True
                    taker.lots -= lots
                if mode in (Mode.EXPIRE_MAKER, Mode.EXPIRE_BOTH):
                    self._end(maker, "expired")
                if mode in (Mode.EXPIRE_TAKER, Mode.EXPIRE_BOTH):
                    return True
                continue
            if maker.terms.reduce_only:
                maker.lots = min(maker.lots, self._reducible(maker.account, maker.side))
                if not maker.lots:
                    self._end(maker, "expired")
                    continue
            self._trade(taker, maker, min(taker.lots, maker.lots))
        return False

    def _trade(self, taker: PlainOrder, maker: PlainOrder, lots: int) -> None:
        before = dict(self.positions)
        self.trades.append((maker.number, taker.number, maker.price, lots))
        for order in (maker, taker):
            order.lots -= lots
            order.filled += lots
            self.positions[order.account] = self.positions.get(order.account, 0) + lots * order.side.sign
        self.last = maker.price
        self.history.append((self.now, self.last))
        self.prices.append((PriceReference.LAST, self.last, len(self.orders)))
        if not maker.lots:
            self._end(maker, "filled")
        for account in dict.fromkeys((maker.account, taker.account)):
            was, now = before.get(account, 0), self.positions[account]
            if abs(now) < abs(was) or was * now < 0:
                self._trim(account)

    def _trim(self, account: str) -> None:
        left = {side: self._reducible(account, side) for side in Side}
        for order in [o for o in self.resting if o.account == account and o.terms.reduce_only]:
            order.lots = min(order.lots, left[order.side])
            left[order.side] -= order.lots
            if not order.lots:
                self._end(order, "expired")

    # Triggers

    def _fire(self) -> list[PlainOrder]:
        prices, self.prices, queue = self.prices, [], []
        if self.phase == "open" and any(each[0] is PriceReference.LAST for each in prices) and self._breaks():
            self._halt()
        for reference, price, newest in prices if self.phase == "open" else ():
            watching = [o for o in self.waiting if o.terms.trigger.reference is reference and o.number <= newest]
            for order in watching:
                if order.terms.trigger.kind is TriggerKind.TRAILING:
                    self._trail(order, price)
            for order in sorted(watching, key=lambda o: o.number):
                if order.stop and self._reached(order.terms.trigger.kind, order.side, order.stop, price):
                    self.waiting.remove(order)
                    queue.append(order)
        return queue

    def _triggered(self, order: PlainOrder) -> None:
        order.price = self._slide(order.terms, order.price)
        if self._may_meet_the_book(order):
            self._work(order)
        else:
            self._end(order, "expired")

    def _trail(self, order: PlainOrder, price: int) -> None:
        trigger, side = order.terms.trigger, order.side
        active = order.stop or not trigger.activation_ticks
        active = active or self._reached(trigger.activation, side, trigger.activation_ticks, price)
        offset = Decimal(trigger.offset_ticks) or Decimal(price) * trigger.offset_bps / 10_000
        if side is Side.SELL:
            stop = int((price - offset).to_integral_value(ROUND_FLOOR))
            order.stop = max(order.stop, stop) if active and stop > 0 else order.stop
        else:
            stop = int((price + offset).to_integral_value(ROUND_CEILING))
            order.stop = min(order.stop or stop, stop) if active else order.stop

    def _reached(self, kind: TriggerKind, side: Side, stop: int, price: int) -> bool:
        if kind is TriggerKind.TAKE_PROFIT:
            return price <= stop if side is Side.BUY else price >= stop
        return price >= stop if side is Side.BUY else price <= stop

    def _true_now(self, trigger: Trigger, side: Side) -> bool:
        price = self._reference(trigger.reference)
        if trigger.kind is TriggerKind.TRAILING or not price:
            return False
        return self._reached(trigger.kind, side, trigger.price_ticks, price)

    def _reference(self, reference: PriceReference) -> int:
        return self.mark if reference is PriceReference.MARK else self.last

    # Rules

    def _breaks(self) -> bool:
        recent = [p for t, p in self.history if t >= self.now - self.rules.breaker_window_s * SECOND]
        limit = self.rules.breaker_bps
        return bool(limit and recent) and abs(Decimal(self.last) / recent[0] - 1) * 10_000 >= limit

    def _halt(self) -> None:
        self.phase, self.until = "halt", self.now + self.rules.halt_s * SECOND

    def _band(self) -> tuple[Decimal, Decimal]:
        middle, width = Decimal(self.mark or self.last), Decimal(self.rules.price_band_bps) / 10_000
        return (middle * (1 - width), middle * (1 + width)) if middle and width else (Decimal(0), Decimal(2**64))

    def _limit(self, order: PlainOrder) -> int | None:
        """The worst price; None = any."""
        if order.terms.order_type is OrderType.LIMIT:
            return order.price
        low, high = self._band()
        limits = [
            int(high.to_integral_value(ROUND_FLOOR) if order.side is Side.BUY else low.to_integral_value(ROUND_CEILING))
        ]
        best = self._best_opposite(order.side)
        if best and order.terms.protect_ticks is not None:
            limits.append(best + order.side.sign * order.terms.protect_ticks)
        elif best and self.rules.market_slippage_bps:
            worst = Decimal(best) * (10_000 + order.side.sign * self.rules.market_slippage_bps) / 10_000
            limits.append(int(worst.to_integral_value(ROUND_FLOOR if order.side is Side.BUY else ROUND_CEILING)))
        return min(limits) if order.side is Side.BUY else max(limits)

    def _may_meet_the_book(self, order: PlainOrder) -> bool:
        if order.terms.order_type is OrderType.MARKET:
            return True
        low, high = self._band()
        if not low <= order.price <= high:
            return False
        rests_only = order.terms.post_only or self.phase != "open"
        best = self._best_opposite(order.side)
        crosses = best and self._takes(order.side, order.price, best)
        return not (rests_only and (crosses or order.price <= 0))

    def _slide(self, terms: PlaceOrder, price: int) -> int:
        best = self._best_opposite(terms.side)
        return best - terms.side.sign if terms.slide and best and self._takes(terms.side, price, best) else price

    def _best_opposite(self, side: Side) -> int:
        prices = [o.price for o in self.resting if o.side is not side]
        return (min(prices) if side is Side.BUY else max(prices)) if prices else 0

    def _takes(self, side: Side, limit: int | None, price: int) -> bool:
        return limit is None or (price <= limit if side is Side.BUY else price >= limit)

    def _reducible(self, account: str, side: Side) -> int:
        return max(0, -self.positions.get(account, 0) * side.sign)

    def _owner(self, order: PlainOrder) -> str:
        return self.groups.get(order.account, order.account)

    def _order(self, number: int) -> PlainOrder | None:
        return self.orders[number - 1] if 0 < number <= len(self.orders) else None

    def _end(self, order: PlainOrder, how: str) -> None:
        order.ended = how
        self.resting = [o for o in self.resting if o is not order]
        self.waiting = [o for o in self.waiting if o is not order]
