"""Our own orders as the market maker must see them: whatever may still trade counts as if it will.

An order is *live* from the moment its command leaves until the oms calls it final, so PENDING and UNKNOWN orders count
with everything that they could still trade.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from common.messages import OrderChanged, SubmitOrder, WorkingQuote
from common.model.order import OrderState, Side

_RESTING = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
FINISHED_KEPT_MAX = 1_000
ECHOES_MAX = 16

Level = tuple[int, int]


def is_recent(since_ns: int, now_ns: int, span_ns: int) -> bool:
    """Less than `span_ns` ago. A time in the future is not recent: the clock was set back, and nothing waits for it."""
    return 0 <= now_ns - since_ns < span_ns


@dataclass(slots=True)
class QuoteOrder:
    """One order. `told_lots` is the oms's cumulative word on what traded, `counted_lots` the sum of the fills heard.

    `is_leftover`: of an earlier life of this process. `is_doubtful`: nobody has said what became of it lately, so it is
    cancelled, which also makes the oms say what it is.
    """

    client_order_id: str
    side: Side
    price_ticks: int
    quantity_lots: int
    sent_ns: int
    state: OrderState = OrderState.PENDING
    told_lots: int = 0
    counted_lots: int = 0
    cancel_sent_ns: int = 0
    final_ns: int = 0
    is_leftover: bool = False
    is_doubtful: bool = False

    @property
    def is_resting(self) -> bool:
        """The venue has shown it and has not ended it."""
        return self.state in _RESTING

    @property
    def remaining_lots(self) -> int:
        """Lots that may still trade."""
        return max(self.quantity_lots - max(self.told_lots, self.counted_lots), 0)

    @property
    def unheard_lots(self) -> int:
        """Lots that traded according to the oms but whose fills have not come yet."""
        return max(self.told_lots - self.counted_lots, 0)


class QuoteOrders:
    """Live orders by id, and final ones for as long as some of their fills are missing."""

    def __init__(self) -> None:
        self.live: dict[str, QuoteOrder] = {}
        self.unheard: dict[str, QuoteOrder] = {}
        self._echoes: deque[QuoteOrder] = deque(maxlen=ECHOES_MAX)

    def add(self, command: SubmitOrder, now_ns: int) -> None:
        """Count an order that is about to leave."""
        self.live[command.client_order_id] = QuoteOrder(
            command.client_order_id, command.side, command.price_ticks, command.quantity_lots, now_ns
        )

    def adopt(self, fact: OrderChanged) -> QuoteOrder:
        """Count an order of an earlier life, found resting; its fills so far are in the position already."""
        order = QuoteOrder(
            fact.client_order_id, fact.side, fact.price_ticks, fact.quantity_lots, fact.created_ns, fact.state,
            fact.filled_lots, fact.filled_lots, is_leftover=True,
        )  # fmt: skip
        self.live[order.client_order_id] = order
        return order

    def change(self, fact: OrderChanged, now_ns: int) -> QuoteOrder | None:
        """Take in the oms's word; returns the order when this ended it. Orders that are not ours are ignored."""
        order = self.live.get(fact.client_order_id) or self.unheard.get(fact.client_order_id)
        if order is None:
            return None
        was_final = order.state.is_final
        order.told_lots = max(order.told_lots, fact.filled_lots)
        if fact.state.is_final:
            order.state = fact.state
            self._finish(order, now_ns)
        elif was_final or fact.state is not OrderState.PENDING:
            # A repeated PENDING (the reply to the submit) may come after the fact that the order rests.
            order.state = fact.state
            order.is_doubtful = fact.state is OrderState.UNKNOWN
            self._revive(order)
        return order if order.state.is_final and not was_final else None

    def count_fill(self, client_order_id: str, quantity_lots: int) -> None:
        """One fill was heard."""
        if (order := self.live.get(client_order_id)) is not None:
            order.counted_lots += quantity_lots
        elif (order := self.unheard.get(client_order_id)) is not None:
            order.counted_lots += quantity_lots
            if not order.unheard_lots:
                del self.unheard[client_order_id]

    def drop(self, client_order_id: str, now_ns: int) -> None:
        """The order never came to life."""
        if (order := self.live.get(client_order_id)) is not None:
            order.state = OrderState.REJECTED
            self._finish(order, now_ns)

    def doubt(self, client_order_id: str) -> None:
        """No answer came, or the oms does not list it: it may rest, and counts as if it did."""
        if (order := self.live.get(client_order_id)) is not None:
            order.is_doubtful = True
            if order.state is OrderState.PENDING:
                order.state = OrderState.UNKNOWN

    def has_leftovers(self) -> bool:
        """Orders of an earlier life are still live."""
        return any(order.is_leftover for order in self.live.values())

    def on_side(self, side: Side) -> list[QuoteOrder]:
        """Live orders of one side: at most one of this life, plus what earlier lives left."""
        return [order for order in self.live.values() if order.side is side]

    def shown_levels(self, side: Side, now_ns: int, echo_ns: int) -> list[Level]:
        """Price and remaining lots of our orders that a book image may contain.

        Also those that ended less than `echo_ns` ago: until the next image we would take our own ghost for the touch.
        """
        shown = [order for order in self.live.values() if order.side is side and order.is_resting]
        shown += [echo for echo in self._echoes if echo.side is side and is_recent(echo.final_ns, now_ns, echo_ns)]
        return [(order.price_ticks, order.remaining_lots) for order in shown]

    def unheard_lots(self, side: Side) -> int:
        """Lots of one side whose fills have not come yet."""
        orders = (*self.live.values(), *self.unheard.values())
        return sum(order.unheard_lots for order in orders if order.side is side)

    def oldest_unheard_ns(self) -> int:
        """When the longest-finished order with missing fills ended; 0 when none is missing."""
        return min((order.final_ns for order in self.unheard.values()), default=0)

    def working(self) -> list[WorkingQuote]:
        """Live orders for screens."""
        return [
            WorkingQuote(
                client_order_id=order.client_order_id, side=order.side, price_ticks=order.price_ticks,
                quantity_lots=order.remaining_lots, state=order.state.value,
            )
            for order in self.live.values()
        ]  # fmt: skip

    def missing_from(self, present: Iterable[str]) -> list[QuoteOrder]:
        """Live orders that the oms does not list as live."""
        known = set(present)
        return [order for order in self.live.values() if order.client_order_id not in known]

    def _finish(self, order: QuoteOrder, now_ns: int) -> None:
        order.final_ns = order.final_ns or now_ns
        if order.client_order_id in self.live and order.remaining_lots:
            self._echoes.append(order)
        self.live.pop(order.client_order_id, None)
        if order.unheard_lots:
            self.unheard[order.client_order_id] = order
            while len(self.unheard) > FINISHED_KEPT_MAX:
                del self.unheard[next(iter(self.unheard))]

    def _revive(self, order: QuoteOrder) -> None:
        if order.client_order_id not in self.live:
            order.final_ns = 0
            self.unheard.pop(order.client_order_id, None)
            self.live[order.client_order_id] = order
