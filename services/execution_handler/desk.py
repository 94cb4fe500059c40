"""Creates, cancels and questions about single orders: what leaves, and what its answer means."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from common.messages import CancelOrder, ExecutionReported, QueryOrder, SubmitOrder
from common.model.errors import MessageInvalid, RequestRefused
from common.model.order import OrderState
from common.model.order_life import UNKNOWN_ORDER
from common.runtime import Clock, Log
from common.venues.binance_errors import DUPLICATE, Refusal, Verdict, unreadable
from services.execution_handler.latency import Durations
from services.execution_handler.order_table import OrderTable, Tracked
from services.execution_handler.resolver import Resolver
from services.execution_handler.trade_history import read_report
from services.execution_handler.venue_access import Answer, VenueAccess

DENIALS_MAX = 3


class Desk:
    """`guard` is asked right before a create leaves and raises RequestRefused if it may not."""

    def __init__(
        self, name: str, venue: VenueAccess, table: OrderTable, resolver: Resolver, guard: Callable[[], None],
        recv_window_ns: int, clock: Clock, log: Log, counters: Counter[str],
    ) -> None:  # fmt: skip
        self._name, self._venue, self._table, self._resolver, self._guard = name, venue, table, resolver, guard
        self._recv_window_ns, self._clock, self._log, self._counters = recv_window_ns, clock, log, counters
        self.tick_to_order_us, self.round_trip_us = Durations(), Durations()

    def submit(self, order: SubmitOrder) -> ExecutionReported | Awaitable[ExecutionReported]:
        """Send once. A repeated id is answered with what became of the first. Raises RequestRefused, OrderInvalid."""
        tracked = self._table.find(order.client_order_id)
        if tracked is not None:
            self._counters["repeats"] += 1
            return tracked.report if tracked.answering is None else asyncio.shield(tracked.answering)
        request = self._venue.codec.place(order)

        def check() -> None:
            self._guard()
            if self._clock.now_ns() >= order.expires_at_ns:
                raise RequestRefused("expired", "the command came too late to be sent")

        sent_ns, answer = self._venue.send(request, check)
        if sent_ns:
            self._note_sent(order, sent_ns)
        tracked = self._table.add(order, self._name)
        tracked.window_ends_ns = self._clock.monotonic_ns() + self._recv_window_ns
        tracked.answering = asyncio.ensure_future(self._settle(order, tracked, answer, sent_ns))
        return asyncio.shield(tracked.answering)

    async def cancel(self, command: CancelOrder) -> ExecutionReported:
        """Take one order off and answer what is true then. Raises RequestRefused when nothing could be sent."""
        tracked = self._table.find(command.client_order_id)
        if tracked is not None and tracked.answering is not None:
            # Its create is on the wire: a cancel that overtakes it would find nothing.
            await asyncio.wait((tracked.answering,))
        if tracked is not None and not tracked.is_live:
            return tracked.report
        if tracked is not None and tracked.report.state is OrderState.UNKNOWN:
            tracked.cancel_wanted = True
        request = self._venue.codec.cancel(command.symbol, command.client_order_id)
        answer = await self._venue.ask(request, urgent=True)
        self._counters["cancels"] += 1
        refusal = answer.refusal
        if refusal is None:
            try:
                return self._table.take(read_report(self._venue, answer))[0].report
            except RequestRefused as error:
                refusal = unreadable(error.detail)
        if refusal.verdict is Verdict.UNKNOWN:
            return self._pursue_cancel(command, tracked, refusal, answer)
        if refusal.code != UNKNOWN_ORDER:
            raise RequestRefused(refusal.code, refusal.detail)
        return await self.query(
            QueryOrder(client_order_id=command.client_order_id, venue=command.venue, symbol=command.symbol)
        )

    async def query(self, question: QueryOrder) -> ExecutionReported:
        """What the venue says of one order. Raises RequestRefused when it cannot be asked."""
        tracked = self._table.find(question.client_order_id)
        if tracked is not None and tracked.answering is not None:
            return replace(tracked.report, state=OrderState.UNKNOWN, reason_code="under_way")
        request = self._venue.codec.query(question.symbol, question.client_order_id)
        answer = await self._venue.ask(request, urgent=True)
        if answer.refusal is None:
            return self._table.take(read_report(self._venue, answer))[0].report
        if answer.refusal.code != UNKNOWN_ORDER:
            raise RequestRefused(answer.refusal.code, answer.refusal.detail)
        denial = ExecutionReported(
            client_order_id=question.client_order_id, venue=self._name, symbol=question.symbol,
            state=OrderState.REJECTED, filled_lots=0, event_time_ns=answer.received_ns,
            received_ns=answer.received_ns, reason_code=UNKNOWN_ORDER, reason=answer.refusal.detail,
        )  # fmt: skip
        return denial if tracked is None else self._deny(tracked, denial)

    def _deny(self, tracked: Tracked, denial: ExecutionReported) -> ExecutionReported:
        """The venue says that it does not know an order that we do know something of."""
        if not tracked.is_live:
            return tracked.report  # It ended long ago, and venues forget.
        if tracked.report.state is OrderState.UNKNOWN:
            self._resolver.resolve(tracked)
            return tracked.report
        # It was acknowledged and is gone: the venue has lost it. One answer may come from a copy that lags behind.
        tracked.denials += 1
        denial = replace(denial, filled_lots=tracked.report.filled_lots)
        if tracked.denials >= DENIALS_MAX:
            self._log.error("order.lost", id=denial.client_order_id, denials=tracked.denials)
            tracked.report = denial
        return denial

    async def _settle(
        self, order: SubmitOrder, tracked: Tracked, answering: Awaitable[Answer], sent_ns: int
    ) -> ExecutionReported:  # fmt: skip
        try:
            answer = await answering
        except RequestRefused as error:
            # Only the slow path comes here: while it waited for a connection, the order was killed or expired.
            answer = Answer(0, self._clock.now_ns(), refusal=Refusal(Verdict.REFUSED, error.code, error.detail))
        finally:
            tracked.answering = None
        if answer.sent_ns and not sent_ns:
            self._note_sent(order, answer.sent_ns)
            # It left some time after `submit` returned; counting from now can only delay a verdict.
            tracked.window_ends_ns = self._clock.monotonic_ns() + self._recv_window_ns
        report = self._read(tracked, answer)
        self._table.take(report)
        if tracked.report.state is OrderState.UNKNOWN or (tracked.cancel_wanted and tracked.is_live):
            self._resolver.resolve(tracked)
        self._log_answer(tracked.report, answer)
        return tracked.report

    def _read(self, tracked: Tracked, answer: Answer) -> ExecutionReported:
        refusal = answer.refusal
        if refusal is None:
            self.round_trip_us.add((answer.received_ns - answer.sent_ns) / 1000)
            try:
                return self._venue.codec.read_order(answer.body, answer.received_ns, answer.sent_ns)
            except MessageInvalid as error:
                refusal = unreadable(str(error))
        # A venue that calls the id a duplicate has such an order: only a question tells which state it is in.
        is_unknown = refusal.verdict is Verdict.UNKNOWN or refusal.code == DUPLICATE
        return replace(
            tracked.report, state=OrderState.UNKNOWN if is_unknown else OrderState.REJECTED,
            reason_code=refusal.code, reason=refusal.detail, sent_ns=answer.sent_ns,
            event_time_ns=answer.received_ns, received_ns=answer.received_ns,
        )  # fmt: skip

    def _pursue_cancel(
        self, command: CancelOrder, tracked: Tracked | None, refusal: Refusal, answer: Answer
    ) -> ExecutionReported:  # fmt: skip
        unknown = ExecutionReported(
            client_order_id=command.client_order_id, venue=self._name, symbol=command.symbol,
            state=OrderState.UNKNOWN, filled_lots=0, event_time_ns=answer.received_ns, received_ns=answer.received_ns,
            reason_code=refusal.code, reason=refusal.detail,
        )  # fmt: skip
        tracked = tracked or self._table.take(unknown)[0]
        tracked.cancel_wanted = True
        self._resolver.resolve(tracked)
        return replace(unknown, filled_lots=tracked.report.filled_lots)

    def _note_sent(self, order: SubmitOrder, sent_ns: int) -> None:
        self._counters["creates"] += 1
        taken_us = (sent_ns - order.trigger_received_ns) / 1000 if order.trigger_received_ns else -1.0
        if taken_us >= 0:
            self.tick_to_order_us.add(taken_us)
        self._log.info(
            "order.sent", id=order.client_order_id, side=order.side, px=order.price_ticks, qty=order.quantity_lots,
            tick_to_order_us=round(taken_us, 1),
        )  # fmt: skip

    def _log_answer(self, report: ExecutionReported, answer: Answer) -> None:
        if report.state is OrderState.UNKNOWN:
            self._counters["unknown"] += 1
            self._log.error("order.unknown", id=report.client_order_id, detail=report.reason)
        elif report.state is OrderState.REJECTED:
            self._counters["rejected"] += 1
            self._log.info("order.rejected", id=report.client_order_id, code=report.reason_code, detail=report.reason)
        else:
            round_trip_us = round((answer.received_ns - answer.sent_ns) / 1000, 1)
            self._log.info("order.ack", id=report.client_order_id, state=report.state, round_trip_us=round_trip_us)
