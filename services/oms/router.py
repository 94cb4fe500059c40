"""Commands to the execution handlers, and what their answers (or silence) mean for an order."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from common.bus import Bus, Reply
from common.messages import CancelOrder, ExecutionReported, QueryOrder, Rejected, SubmitOrder
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.model.ids import process_name
from common.model.order import OrderState
from common.model.order_life import UNKNOWN_ORDER, OrderLife
from common.runtime.clock import Clock
from common.runtime.logging import Log
from services.oms.desk import Desk

EXECUTION_UNAVAILABLE = "execution_unavailable"
OUTCOME_UNKNOWN = "outcome_unknown"
RETRY_S = 1.0
DENIALS_MAX = 2


def execution_handler(venue: str) -> str:
    """The process that speaks to a venue."""
    return process_name("execution_handler", venue)


class Router:
    """Sends submits, cancels and queries; keeps at most one of each under way per order."""

    def __init__(
        self, desk: Desk, bus: Bus, clock: Clock, log: Log, *, timeout_s: float, ttl_ns_max: int, grace_ns: int
    ) -> None:  # fmt: skip
        self._desk, self._bus, self._clock, self._log = desk, bus, clock, log
        self._timeout_s, self._ttl_ns_max, self._grace_ns = timeout_s, ttl_ns_max, grace_ns
        self._submitting: set[str] = set()
        self._querying: dict[str, int] = {}
        self._canceling: dict[str, int] = {}
        self._early_cancels: set[str] = set()
        self._denials: Counter[str] = Counter()
        self._stopped = False

    def submit(self, command: SubmitOrder, trace_id: str) -> None:
        """Send an order whose intent is committed."""
        self._submitting.add(command.client_order_id)
        on_reply = partial(self._on_submitted, command)
        self._bus.send(execution_handler(command.venue), command, on_reply, self._timeout_s, trace_id)

    def stop(self) -> None:
        """Answer nothing any more: the journal closes, and the next life asks for what is open."""
        self._stopped = True

    def is_under_way(self, order: OrderLife) -> bool:
        """True while the answer to the submit is still awaited."""
        return order.client_order_id in self._submitting

    def cancel(self, order: OrderLife) -> None:
        """Ask for an order to be taken off, now and each second until it is final."""
        last_ns = self._canceling.get(order.client_order_id)
        if last_ns is not None and self._clock.monotonic_ns() - last_ns < RETRY_S * 1e9:
            return
        self._canceling[order.client_order_id] = self._clock.monotonic_ns()
        if self.is_under_way(order):
            self._early_cancels.add(order.client_order_id)
        self.cancel_resting(order.client_order_id, order.venue, order.symbol)

    def cancel_resting(self, client_order_id: str, venue: str, symbol: str) -> None:
        """Ask once for an order to be taken off that the ledger need not know."""
        command = CancelOrder(client_order_id=client_order_id, venue=venue, symbol=symbol)
        self._bus.send(execution_handler(venue), command, partial(self._on_canceled, client_order_id), self._timeout_s)

    def query(self, order: OrderLife, on_settled: Callable[[], None] | None = None) -> None:
        """Ask the venue what became of an order."""
        self._querying[order.client_order_id] = self._clock.monotonic_ns()
        command = QueryOrder(client_order_id=order.client_order_id, venue=order.venue, symbol=order.symbol)
        self._bus.send(
            execution_handler(order.venue), command, partial(self._on_queried, order, on_settled), self._timeout_s
        )

    def chase(self) -> None:
        """Query what has no answer and repeat cancels; called a few times a second."""
        now_ns = self._clock.monotonic_ns()
        for order in list(self._desk.ledger.live.values()):
            unanswered = order.state in (OrderState.PENDING, OrderState.UNKNOWN) and not self.is_under_way(order)
            if unanswered and now_ns - self._querying.get(order.client_order_id, 0) >= RETRY_S * 1e9:
                self.query(order)
            if order.client_order_id in self._canceling:
                self.cancel(order)

    def forget(self, order: OrderLife) -> None:
        """Drop what was remembered of a final order."""
        self._querying.pop(order.client_order_id, None)
        self._canceling.pop(order.client_order_id, None)
        self._denials.pop(order.client_order_id, None)

    def _on_submitted(self, command: SubmitOrder, reply: Reply) -> None:
        if self._stopped:
            return
        self._submitting.discard(command.client_order_id)
        match reply:
            case ExecutionReported():
                self._desk.report(reply)
            case Rejected(code=code, detail=detail):
                self._desk.report(self._verdict(command, OrderState.REJECTED, code, detail))
            case PeerUnavailable():
                self._desk.report(self._verdict(command, OrderState.REJECTED, EXECUTION_UNAVAILABLE, str(reply)))
            case _:
                self._desk.report(self._verdict(command, OrderState.UNKNOWN, OUTCOME_UNKNOWN, str(reply)))
                self._log.error("order.unknown", id=command.client_order_id, detail=str(reply))
        self._repeat_early_cancel(command.client_order_id)

    def _repeat_early_cancel(self, client_order_id: str) -> None:
        """A cancel may overtake its order on the way to the venue and find nothing: once it rests, ask again."""
        if client_order_id in self._early_cancels:
            self._early_cancels.discard(client_order_id)
            self._canceling.pop(client_order_id, None)
            if (order := self._desk.ledger.live.get(client_order_id)) is not None:
                self.cancel(order)

    def _on_canceled(self, client_order_id: str, reply: Reply) -> None:
        if self._stopped:
            return
        order = self._desk.ledger.live.get(client_order_id)
        if isinstance(reply, ExecutionReported) and reply.state is not OrderState.REJECTED:
            self._desk.report(reply)
        elif order is not None and not self.is_under_way(order):
            # The venue would not cancel it, or nobody answered: only a query tells what the order is.
            self._log.warning("order.cancel_failed", id=client_order_id, detail=_words(reply))
            self.query(order)

    def _on_queried(self, order: OrderLife, on_settled: Callable[[], None] | None, reply: Reply) -> None:
        if self._stopped:
            return
        if isinstance(reply, ExecutionReported):
            if reply.state is OrderState.REJECTED and reply.reason_code == UNKNOWN_ORDER:
                self._on_absent(order.client_order_id)
            else:
                self._desk.report(reply)
        elif not isinstance(reply, PeerUnavailable | OutcomeUnknown):
            self._log.warning("order.query_failed", id=order.client_order_id, detail=_words(reply))
        if on_settled is not None:
            on_settled()

    def _on_absent(self, client_order_id: str) -> None:
        order = self._desk.ledger.live.get(client_order_id)
        if order is None or self.is_under_way(order):
            return
        self._denials[client_order_id] += 1
        if order.acknowledged and self._denials[client_order_id] < DENIALS_MAX:
            # It was shown to us before: one denial may come from a copy of the venue's that lags behind.
            asyncio.get_running_loop().call_later(RETRY_S / 2, self.query, order)
            return
        # Until then the command may still wait in the execution handler or on the wire: "unknown" is no verdict yet.
        under_way_until_ns = min(order.expires_at_ns, order.created_ns + self._ttl_ns_max) + self._grace_ns
        if order.acknowledged or self._clock.now_ns() > under_way_until_ns:
            self._desk.absent(client_order_id)

    def _verdict(self, command: SubmitOrder, state: OrderState, code: str, detail: str) -> ExecutionReported:
        """Our own word on an order that the execution handler gave none for."""
        now_ns = self._clock.now_ns()
        return ExecutionReported(
            client_order_id=command.client_order_id, venue=command.venue, symbol=command.symbol, state=state,
            filled_lots=0, event_time_ns=now_ns, received_ns=now_ns, reason_code=code, reason=detail,
        )  # fmt: skip


def _words(reply: Reply) -> str:
    match reply:
        case Rejected(code=code, detail=detail):
            return f"{code}: {detail}"
        case ExecutionReported(state=state, reason_code=code, reason=reason):
            return f"{state} {code} {reason}".strip()
        case _:
            return str(reply)
