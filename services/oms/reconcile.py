"""The venue's truth against the ledger: at start, after each new life or gap of an execution handler, and each minute.

One pass per venue: list the trades after the last settled one and the open orders; book what is new; settle every
order of ours that is not listed by asking for it; take off what rests under our prefix and is not in the ledger.
Orders without our prefix belong to somebody else and are left alone.
"""

import asyncio
from collections.abc import Iterable

from common.bus import Bus
from common.messages import ExecutionReported, ExecutionsListed, QueryExecutions
from common.model.errors import OutcomeUnknown, PeerUnavailable, RequestRefused
from common.model.ids import CLIENT_ORDER_ID_PREFIX
from common.model.order_life import OrderLife
from common.runtime.logging import Log
from services.oms.desk import Desk
from services.oms.ledger import Market
from services.oms.router import Router, execution_handler

PAGES_MAX = 10_000
RETRY_S = 0.2
MISSING_TRADE_DELAY_S = 0.3


class Reconciler:
    """One venue. `done` is true from the first complete pass until the execution handler is reborn or skips."""

    def __init__(
        self, venue: str, markets: Iterable[Market], desk: Desk, router: Router, bus: Bus, log: Log,
        timeout_s: float, interval_s: float,
    ) -> None:  # fmt: skip
        self.venue, self.done, self.passes = venue, False, 0
        self._symbols = [symbol for each, symbol in markets if each == venue]
        self._desk, self._router, self._bus, self._log = desk, router, bus, log
        self._timeout_s, self._interval_s = timeout_s, interval_s
        self._wanted, self._generation = asyncio.Event(), 0
        self._listed_through: dict[str, int] = {}

    def restart(self) -> None:
        """Trust nothing until a new pass is through."""
        self.done = False
        self._generation += 1
        self._wanted.set()

    def want(self, delay_s: float = 0.0) -> None:
        """Ask for a pass soon; trading goes on meanwhile."""
        asyncio.get_running_loop().call_later(delay_s, self._wanted.set)

    def notice(self, order: OrderLife) -> None:
        """An order changed: if the venue counted lots whose trades we miss, they must be fetched."""
        if order.missing_lots and order.venue == self.venue:
            self.want(MISSING_TRADE_DELAY_S)

    async def run(self) -> None:
        """Passes for ever."""
        while True:
            try:
                await asyncio.wait_for(self._wanted.wait(), self._interval_s)
            except TimeoutError:
                pass
            self._wanted.clear()
            try:
                await self._pass()
            except (PeerUnavailable, OutcomeUnknown, RequestRefused) as error:
                self._log.warning("reconcile.failed", venue=self.venue, detail=str(error))
                self.want(RETRY_S)

    async def _pass(self) -> None:
        generation, before = self._generation, self._desk.ledger.fill_sequence
        for symbol in self._symbols:
            await self._reconcile(symbol)
        self.passes += 1
        if generation == self._generation and not self.done:
            self.done = True
            self._log.info(
                "reconcile.done", venue=self.venue, live=len(self._desk.ledger.live),
                new_fills=self._desk.ledger.fill_sequence - before,
            )  # fmt: skip

    async def _reconcile(self, symbol: str) -> None:
        questionable = [
            order
            for order in self._desk.ledger.live.values()
            if (order.venue, order.symbol) == (self.venue, symbol) and not self._router.is_under_way(order)
        ]
        open_orders, last_trade_id = await self._list(symbol)
        for report in open_orders:
            self._take(report)
        listed = {report.client_order_id for report in open_orders}
        await self._settle([order for order in questionable if order.client_order_id not in listed])
        # One pass late: a venue may show a trade with a lower id a moment after one with a higher id.
        self._desk.settle(self.venue, symbol, self._listed_through.get(symbol, -1))
        self._listed_through[symbol] = last_trade_id

    async def _list(self, symbol: str) -> tuple[list[ExecutionReported], int]:
        after = self._desk.ledger.trades(self.venue, symbol).settled
        for _ in range(PAGES_MAX):
            question = QueryExecutions(venue=self.venue, symbol=symbol, after_trade_id=after)
            answer = await self._bus.request(execution_handler(self.venue), question, self._timeout_s)
            if not isinstance(answer, ExecutionsListed):
                raise RequestRefused("executions", f"expected ExecutionsListed, got {answer}")
            for fill in answer.fills:
                after = max(after, fill.trade_id)
                if fill.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX):
                    self._desk.fill(self.venue, symbol, fill)
            if answer.complete:
                return answer.open_orders, after
        raise RequestRefused("executions", f"more than {PAGES_MAX} pages")

    def _take(self, report: ExecutionReported) -> None:
        if report.client_order_id in self._desk.ledger.live:
            self._desk.report(report)
        elif report.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX):
            self._log.warning("reconcile.stray_order", id=report.client_order_id, venue=self.venue)
            self._router.cancel_resting(report.client_order_id, report.venue, report.symbol)

    async def _settle(self, orders: list[OrderLife]) -> None:
        waiting = [asyncio.Event() for _ in orders]
        for order, settled in zip(orders, waiting, strict=True):
            if order.client_order_id in self._desk.ledger.live:
                self._router.query(order, settled.set)
            else:
                settled.set()
        for settled in waiting:
            await settled.wait()
