"""The documented format carried out in the plainest way: one list of orders, searched from its start each time.

It shares no line with the core and knows the keys of the public format only. Random steps are played on both.
"""

from dataclasses import dataclass

from common.model.order import Side
from tests.scenarios.outcome import LevelView, Outcome, Trade
from tests.scenarios.script import AnyStep, Cancel, Change, Limit, Market, OrderStep, Reduce, Replace, SetLast


@dataclass(eq=False)
class Order:
    """An order for ever: `status` says whether it rests, waits or has ended."""

    step: Limit | Market
    user: object
    price: int | None
    open: int
    status: str = "pending"
    traded: int = 0
    cost: int = 0


class PlainMarket:
    """One market. `queue` holds resting orders and `waiting` stops, both oldest first."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.queue: list[Order] = []
        self.waiting: list[Order] = []
        self.fired: list[Order] = []
        self.trades: list[Trade] = []
        self.price: int | None = None

    def carry_out(self, step: AnyStep) -> Outcome:
        """Do one step."""
        self.trades = []
        if isinstance(step, SetLast):
            if step.price > 0:
                self.price = step.price
            return Outcome("", [])
        accepted = self._place(step) if isinstance(step, OrderStep) else self._change(step)
        while self.fired:
            self._arrive(self.fired.pop(0))
        return Outcome(self.state(str(step.id)) if accepted else "rejected", self.trades)

    def levels(self, side: Side) -> list[LevelView]:
        """The whole side, best first."""
        mine = [order for order in self.queue if order.step.side is side]
        prices = sorted({order.price for order in mine}, reverse=side is Side.BUY)
        at = {price: [order.open for order in mine if order.price == price] for price in prices}
        return [(price, sum(lots), len(lots)) for price, lots in at.items()]

    def filled(self, order: str) -> tuple[int, int]:
        """Lots and sum of price x lots."""
        found = self.orders.get(order)
        return (found.traded, found.cost) if found else (0, 0)

    def state(self, order: str) -> str:
        """Status of an order."""
        return self.orders[order].status if order in self.orders else ""

    def stops(self) -> int:
        """Orders that wait."""
        return len(self.waiting)

    def last(self) -> int | None:
        """Last price."""
        return self.price

    def _place(self, step: Limit | Market) -> bool:
        price = step.price if isinstance(step, Limit) else None
        immediate = step.tif != "GTC"
        bad = [
            str(step.id) in self.orders,
            step.qty <= 0,
            step.stop is not None and step.stop <= 0,
            (step.tif == "FOK_BUDGET") != (step.budget is not None),
            isinstance(step, Market) and (not immediate or (step.protect is not None and step.protect < 0)),
            isinstance(step, Limit) and step.tif != "FOK_BUDGET" and step.price <= 0,
            isinstance(step, Limit) and step.post_only and (immediate or (step.stop is None and self._crosses(step))),
        ]
        if any(bad):
            return False
        order = Order(step, step.user, price or None, step.qty)
        self.orders[str(step.id)] = order
        if step.stop is None or self._reached(order):
            self._arrive(order)
        else:
            self.waiting.append(order)
        return True

    def _change(self, step: AnyStep) -> bool:
        assert isinstance(step, Change)
        order = self.orders.get(str(step.id))
        if order is None or order.status not in ("resting", "pending") or step.user not in (None, order.user):
            return False
        if isinstance(step, Cancel):
            self._end(order)
            return True
        if isinstance(step, Reduce):
            if step.qty <= 0:
                return False
            order.open = max(0, order.open - step.qty)
            if not order.open:
                self._end(order)
            return True
        return self._replace(order, step)

    def _replace(self, order: Order, step: Replace) -> bool:
        price = order.price if step.price is None else step.price
        lots = order.open if step.qty is None else step.qty
        if step.qty == 0:
            self._end(order)
            return True
        if lots < 0 or (price is not None and price <= 0) or (step.price is None and step.qty is None):
            return False
        if step.price is not None and order.price is None:
            return False
        keeps = price == order.price and lots <= order.open
        order.price, order.open = price, lots
        if order.status == "resting" and not keeps:
            self.queue.remove(order)
            self._arrive(order)
        return True

    def _arrive(self, order: Order) -> None:
        step, limit = order.step, order.price
        makers = self._makers(order)
        if isinstance(step, Market) and step.protect is not None and makers:
            limit = makers[0].price + step.side.sign * step.protect
        makers = [maker for maker in makers if limit is None or (limit - maker.price) * step.side.sign >= 0]
        if not step.tif.startswith("FOK") or self._whole(order, makers):
            for maker in makers:
                self._trade(maker, order)
        if not order.open:
            order.status = "filled"
        elif step.tif == "GTC":
            order.status = "resting"
            self.queue.append(order)
        else:
            self._end(order)

    def _whole(self, order: Order, makers: list[Order]) -> bool:
        lots, cost = order.open, 0
        for maker in makers:
            taken = min(lots, maker.open)
            lots, cost = lots - taken, cost + taken * maker.price
        budget, sign = order.step.budget, order.step.side.sign
        return not lots and (budget is None or (budget - cost) * sign >= 0)

    def _trade(self, maker: Order, taker: Order) -> None:
        lots = min(maker.open, taker.open)
        if not lots:
            return
        for order in (maker, taker):
            order.open, order.traded, order.cost = (
                order.open - lots,
                order.traded + lots,
                order.cost + lots * maker.price,
            )
        self.trades.append((str(maker.step.id), str(taker.step.id), maker.price, lots))
        if not maker.open:
            self.queue.remove(maker)
            maker.status = "filled"
        self.price = maker.price
        for stop in [each for each in self.waiting if self._reached(each)]:
            self.waiting.remove(stop)
            self.fired.append(stop)

    def _makers(self, order: Order) -> list[Order]:
        side = order.step.side
        return sorted((each for each in self.queue if each.step.side is not side), key=lambda o: o.price * side.sign)

    def _crosses(self, step: Limit) -> bool:
        best = [each.price for each in self.queue if each.step.side is not step.side]
        return any((step.price - price) * step.side.sign >= 0 for price in best)

    def _reached(self, order: Order) -> bool:
        stop, sign = order.step.stop, order.step.side.sign
        return self.price is not None and (self.price - stop) * sign >= 0

    def _end(self, order: Order) -> None:
        for orders in (self.queue, self.waiting):
            if order in orders:
                orders.remove(order)
        order.status = "canceled"
