"""Takes everything of ours off the venue: at start, on command, and when the oms is silent."""

import asyncio
from collections.abc import Callable, Iterable

from common.messages import ExecutionReported
from common.model.errors import MessageInvalid, RequestRefused
from common.model.ids import CLIENT_ORDER_ID_PREFIX
from common.model.order import OrderState
from common.runtime import Log
from services.execution_handler.order_table import OrderTable
from services.execution_handler.resolver import Resolver
from services.execution_handler.trade_history import body_of, read_report
from services.execution_handler.venue_access import VenueAccess

ROUNDS_MAX = 4
ROUND_WAIT_S = 0.05


class Sweeper:
    """Cancels what we know to rest at once, then asks the venue what is left, until nothing is.

    Only orders with our prefix are touched: the account may hold a person's orders too.
    """

    def __init__(
        self, venue: VenueAccess, table: OrderTable, resolver: Resolver, symbols: Iterable[str],
        publish: Callable[[ExecutionReported], None], log: Log,
    ) -> None:  # fmt: skip
        self._venue, self._table, self._resolver, self._publish, self._log = venue, table, resolver, publish, log
        self._symbols = list(symbols)

    async def sweep(self, reason: str, strategy: str = "") -> tuple[int, int]:
        """Cancel all orders (of one strategy). Returns how many were taken off and how many could not be confirmed."""
        prefix = f"{CLIENT_ORDER_ID_PREFIX}{strategy}-" if strategy else CLIENT_ORDER_ID_PREFIX
        resting = {}
        for tracked in self._table.live():
            if tracked.report.client_order_id.startswith(prefix):
                # Also for what is still on its way: whatever is found of it later is taken off.
                tracked.cancel_wanted = True
                resting[tracked.report.client_order_id] = tracked.report.symbol
        canceled, complete = await self._cancel(resting), False
        for number in range(ROUNDS_MAX):
            await asyncio.sleep(ROUND_WAIT_S * number)
            found = await self._list(prefix)
            if found is not None:
                left = {report.client_order_id: report.symbol for report in found}
                complete = not left
                if complete:
                    break
                canceled |= await self._cancel(left)
        unsure = 0
        for tracked in self._table.live():
            if tracked.cancel_wanted and tracked.report.client_order_id.startswith(prefix):
                unsure += 1
                if tracked.answering is None:
                    self._resolver.resolve(tracked)
        failed = unsure if complete else max(1, unsure)
        self._log.info("orders.swept", reason=reason, strategy=strategy, canceled=len(canceled), failed=failed)
        return len(canceled), failed

    async def _cancel(self, resting: dict[str, str]) -> set[str]:
        done = await asyncio.gather(*(self._cancel_one(name, symbol) for name, symbol in resting.items()))
        return {name for name, is_canceled in zip(resting, done, strict=True) if is_canceled}

    async def _cancel_one(self, client_order_id: str, symbol: str) -> bool:
        answer = await self._venue.ask(self._venue.codec.cancel(symbol, client_order_id), urgent=True)
        try:
            report = read_report(self._venue, answer)
        except RequestRefused as error:
            self._log.warning("cancel.failed", id=client_order_id, code=error.code, detail=error.detail)
            return False
        tracked, is_news = self._table.take(report)
        if is_news:
            self._publish(tracked.report)
        return report.state is OrderState.CANCELED

    async def _list(self, prefix: str) -> list[ExecutionReported] | None:
        found: list[ExecutionReported] = []
        for symbol in self._symbols:
            answer = await self._venue.ask(self._venue.codec.open_orders(symbol), urgent=True)
            try:
                found += self._venue.codec.read_open_orders(body_of(answer), answer.received_ns)
            except (RequestRefused, MessageInvalid) as error:
                self._log.warning("open_orders.failed", symbol=symbol, detail=str(error))
                return None
        return [report for report in found if report.client_order_id.startswith(prefix)]
