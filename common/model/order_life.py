"""One order from intent to end: what is known of it, and how each new piece of knowledge changes that.

It lives in `model` because it needs nothing but values, and because the live oms, the simulated venue and the
backtest must agree on it to the letter.

Reports come late, twice and in the wrong order. So an order does not jump from state to state: it *collects facts*
that only ever grow (lots traded, highest cumulative quantity, "the venue has it", how it ended), and its state is
read off them. Any order of arrival and any repetition of the same facts therefore ends in the same state:

    FILLED            all lots traded, whatever else was said
    CANCELED/EXPIRED  the venue ended it; late fills still count and may turn it into FILLED
    REJECTED          the venue never had it. Proof that it did (an acknowledgement, a fill) takes this word back
    PARTIALLY_FILLED, OPEN, UNKNOWN, PENDING   the furthest that the facts prove
"""

import msgspec

from common.model.errors import TransitionInvalid
from common.model.order import OrderState, OrderType, Side, TimeInForce

UNKNOWN_ORDER = "unknown_order"
LOST_AT_VENUE = "lost_at_venue"

_ENDINGS = {OrderState.REJECTED: 1, OrderState.EXPIRED: 2, OrderState.CANCELED: 3}
_SHOWN_BY_VENUE = frozenset(
    {
        OrderState.OPEN,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
    }
)


class OrderLife(msgspec.Struct, frozen=True, kw_only=True):
    """Terms of one order and everything proven about it.

    `traded_lots` sums distinct trades (the caller drops repeated trade ids), `reported_lots` is the highest
    cumulative quantity that the venue named; the second may run ahead of the first while a trade is on its way.
    `acknowledged`: the venue has shown that it took the order. `ending`: how it ended, FILLED apart.
    `tick_to_order_us` is -1 until the order left, or when no market event caused it.
    """

    client_order_id: str
    strategy: str
    venue: str
    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True
    expires_at_ns: int = 0
    trigger_received_ns: int = 0
    created_ns: int = 0
    changed_ns: int = 0
    traded_lots: int = 0
    reported_lots: int = 0
    acknowledged: bool = False
    unresolved: bool = False
    ending: OrderState | None = None
    venue_order_id: str = ""
    reason_code: str = ""
    reason: str = ""
    tick_to_order_us: float = -1.0

    @property
    def filled_lots(self) -> int:
        """Lots that traded as far as anybody has told us."""
        return max(self.traded_lots, self.reported_lots)

    @property
    def missing_lots(self) -> int:
        """Lots that the venue counted but whose trades have not reached us: the cause to ask for executions."""
        return self.filled_lots - self.traded_lots

    @property
    def state(self) -> OrderState:
        """The state that the facts prove; see the module's table."""
        if self.filled_lots >= self.quantity_lots:
            return OrderState.FILLED
        if self.ending is not None:
            return self.ending
        if self.filled_lots:
            return OrderState.PARTIALLY_FILLED
        if self.acknowledged:
            return OrderState.OPEN
        return OrderState.UNKNOWN if self.unresolved else OrderState.PENDING

    @property
    def pending_lots(self) -> int:
        """Lots that may still reach the position: what risk limits must count beside the position itself.

        After the end these are the trades that the venue counted and that have not reached us yet.
        """
        return self.missing_lots if self.state.is_final else max(self.quantity_lots - self.traded_lots, 0)


def apply_report(
    order: OrderLife,
    *,
    state: OrderState,
    filled_lots: int,
    now_ns: int,
    venue_order_id: str = "",
    reason_code: str = "",
    reason: str = "",
    sent_ns: int = 0,
) -> OrderLife:
    """The order after one report of the venue; the very same object when the report says nothing new.

    `filled_lots` is cumulative. Raises TransitionInvalid for a report that contradicts the order's terms or itself,
    and leaves the order alone then.
    """
    _require_consistent(order, state, filled_lots)
    acknowledged = order.acknowledged or state in _SHOWN_BY_VENUE or filled_lots > 0
    ending = _later_ending(order.ending, state, acknowledged)
    ended_now = ending is not order.ending and ending is state
    learned = {
        "reported_lots": max(order.reported_lots, filled_lots),
        "acknowledged": acknowledged,
        "unresolved": order.unresolved or state is OrderState.UNKNOWN,
        "ending": ending,
        "venue_order_id": order.venue_order_id or venue_order_id,
        "reason_code": reason_code if ended_now else order.reason_code if ending is order.ending else "",
        "reason": reason if ended_now else order.reason if ending is order.ending else "",
        "tick_to_order_us": _latency_us(order, sent_ns),
    }
    if all(getattr(order, name) == value for name, value in learned.items()):
        return order
    return msgspec.structs.replace(order, changed_ns=now_ns, **learned)


def apply_fill(order: OrderLife, quantity_lots: int, now_ns: int) -> OrderLife:
    """The order after one trade that was not counted before. Late and surplus trades count: the venue did them."""
    if quantity_lots <= 0:
        raise TransitionInvalid(f"{order.client_order_id}: expected a trade of at least 1 lot, got {quantity_lots}")
    rejected = order.ending is OrderState.REJECTED
    return msgspec.structs.replace(
        order,
        traded_lots=order.traded_lots + quantity_lots,
        acknowledged=True,
        ending=None if rejected else order.ending,
        reason_code="" if rejected else order.reason_code,
        reason="" if rejected else order.reason,
        changed_ns=now_ns,
    )


def apply_absence(order: OrderLife, now_ns: int) -> OrderLife:
    """The order after the venue said that it has no such order.

    One that it had shown before is gone (CANCELED, `lost_at_venue`); one that it never showed has not arrived
    (REJECTED, `unknown_order`). The caller waits until the command has expired: until then it may still be under way.
    """
    if order.state.is_final:
        return order
    ending = OrderState.CANCELED if order.acknowledged else OrderState.REJECTED
    code = LOST_AT_VENUE if order.acknowledged else UNKNOWN_ORDER
    return msgspec.structs.replace(
        order, ending=ending, reason_code=code, reason="the venue does not know this order", changed_ns=now_ns
    )


def _require_consistent(order: OrderLife, state: OrderState, filled_lots: int) -> None:
    what = f"{order.client_order_id}: report {state}"
    if not 0 <= filled_lots <= order.quantity_lots:
        raise TransitionInvalid(f"{what}: expected 0 to {order.quantity_lots} filled lots, got {filled_lots}")
    if state is OrderState.FILLED and filled_lots != order.quantity_lots:
        raise TransitionInvalid(f"{what}: expected {order.quantity_lots} filled lots, got {filled_lots}")
    if state is OrderState.REJECTED and filled_lots:
        raise TransitionInvalid(f"{what}: expected no filled lots, got {filled_lots}")


def _later_ending(known: OrderState | None, state: OrderState, acknowledged: bool) -> OrderState | None:
    """The stronger of two endings, whichever came first; a rejection falls when the venue has shown the order."""
    candidates = [
        ending
        for ending in (known, state)
        if ending in _ENDINGS and not (ending is OrderState.REJECTED and acknowledged)
    ]
    return max(candidates, key=lambda ending: _ENDINGS[ending], default=None) if candidates else None


def _latency_us(order: OrderLife, sent_ns: int) -> float:
    if not sent_ns or not order.trigger_received_ns:
        return order.tick_to_order_us
    latency_us = (sent_ns - order.trigger_received_ns) / 1_000
    # The first send counts, and reports may come in any order: the smallest figure is the first send's.
    return latency_us if order.tick_to_order_us < 0 else min(order.tick_to_order_us, latency_us)
