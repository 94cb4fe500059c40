"""Unknown outcomes, one task each: ask the venue until it is known what became of the order."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from msgspec.structs import replace

from common.messages import ExecutionReported
from common.model.errors import RequestRefused
from common.model.order import OrderState
from common.model.order_life import UNKNOWN_ORDER
from common.runtime import Clock, Log
from common.venues.backoff import Backoff
from services.execution_handler.config import ExecutionHandlerConfig
from services.execution_handler.order_table import OrderTable, Tracked
from services.execution_handler.resolution import Resolution
from services.execution_handler.trade_history import read_report
from services.execution_handler.venue_access import VenueAccess


class Resolver:
    """At most one task an order. Publishes the truth when it is found, and takes off what should not rest.

    A create is never sent again: only questions and cancels go out, which may be repeated without harm.
    """

    def __init__(
        self, venue: VenueAccess, table: OrderTable, config: ExecutionHandlerConfig, clock: Clock, log: Log,
        publish: Callable[[ExecutionReported], None], spawn: Callable[[Coroutine[Any, Any, None]], object],
        random: Random,
    ) -> None:  # fmt: skip
        self._venue, self._table, self._config, self._clock, self._log = venue, table, config, clock, log
        self._publish, self._spawn, self._random = publish, spawn, random
        self._working: set[str] = set()
        self.resolved = self.parked = 0

    def __len__(self) -> int:
        return len(self._working)

    def resolve(self, tracked: Tracked) -> None:
        """Begin to ask, unless it is being asked already."""
        client_order_id = tracked.report.client_order_id
        if client_order_id not in self._working:
            self._working.add(client_order_id)
            self._spawn(self._resolve(tracked))

    def resume(self) -> None:
        """Take up again what was parked; called after each reconnection and reconciliation."""
        for tracked in self._table.live():
            if _is_open_question(tracked) and tracked.answering is None:
                self.resolve(tracked)

    async def _resolve(self, tracked: Tracked) -> None:
        config, client_order_id = self._config, tracked.report.client_order_id
        backoff = Backoff(self._random, config.resolve_first_s, config.resolve_cap_s)
        resolution = Resolution(
            tracked.window_ends_ns, config.lost_after_tries, int(config.lost_grace_ms * 1e6),
            config.resolve_tries_max, backoff,
        )  # fmt: skip
        try:
            while _is_open_question(tracked):
                if resolution.is_exhausted:
                    self.parked += 1
                    self._log.error("order.unresolved", id=client_order_id, tries=backoff.attempts)
                    return
                await asyncio.sleep(resolution.next_wait_s())
                if _is_open_question(tracked):
                    await self._ask(tracked, resolution)
        finally:
            self._working.discard(client_order_id)
        self.resolved += 1
        report = tracked.report
        self._log.info("order.resolved", id=client_order_id, state=report.state, filled=report.filled_lots)

    async def _ask(self, tracked: Tracked, resolution: Resolution) -> None:
        known, codec = tracked.report, self._venue.codec
        asked_ns = self._clock.monotonic_ns()
        answer = await self._venue.ask(codec.query(known.symbol, known.client_order_id), urgent=True)
        if answer.refusal is not None and answer.refusal.code == UNKNOWN_ORDER:
            if resolution.on_missing(asked_ns) and tracked.report.state is OrderState.UNKNOWN:
                self._give_up(tracked)
            return
        try:
            self._take(read_report(self._venue, answer))
            if tracked.cancel_wanted and tracked.is_live:
                cancel = await self._venue.ask(codec.cancel(known.symbol, known.client_order_id), urgent=True)
                self._take(read_report(self._venue, cancel))
        except RequestRefused as error:
            # No answer, or "too late to cancel": the next question tells.
            self._log.warning("order.query_failed", id=known.client_order_id, code=error.code, detail=error.detail)

    def _take(self, report: ExecutionReported) -> None:
        tracked, is_news = self._table.take(report)
        if is_news:
            self._publish(tracked.report)

    def _give_up(self, tracked: Tracked) -> None:
        now_ns = self._clock.now_ns()
        tracked.report = replace(
            tracked.report, state=OrderState.REJECTED, reason_code=UNKNOWN_ORDER, event_time_ns=now_ns,
            received_ns=now_ns, reason="the venue does not know it and can no longer receive it",
        )  # fmt: skip
        self._publish(tracked.report)


def _is_open_question(tracked: Tracked) -> bool:
    return tracked.report.state is OrderState.UNKNOWN or (tracked.cancel_wanted and tracked.is_live)
