"""The venue's balances and trades against our positions, at start and each minute.

Two independent comparisons: the trades that the venue lists under our prefix, summed up by ourselves; and the base
balance less what it was when first compared. Fills may be on their way, so a difference counts only when it was seen
twice in a row while no fill came in between.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from common.bus import Bus
from common.messages import AccountReported, ExecutionsListed, Message, QueryAccount, QueryExecutions
from common.model.errors import OutcomeUnknown, PeerUnavailable, RequestRefused
from common.model.ids import CLIENT_ORDER_ID_PREFIX, process_name
from common.runtime.logging import Log
from services.position_server.ledger import Ledger, Market
from services.position_server.records import AccountOpened, VenueTrades

PAGES_MAX = 10_000

Differences = dict[Market, int]
_M = TypeVar("_M", bound=Message)


class Reconciler:
    """One venue. `differences` are of the last confirmed comparison, in lots: the venue's word less ours."""

    def __init__(
        self, venue: str, ledger: Ledger, bus: Bus, log: Log, *, timeout_s: float, interval_s: float, retry_s: float,
        is_synced: Callable[[], bool], open_account: Callable[[AccountOpened], None], now_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        self.venue, self.differences, self.reconciled_ns, self.open_orders = venue, Differences(), 0, 0
        self._ledger, self._bus, self._log, self._now_ns = ledger, bus, log, now_ns
        self._timeout_s, self._interval_s, self._retry_s = timeout_s, interval_s, retry_s
        self._is_synced, self._open_account = is_synced, open_account
        self._markets = [market for market in ledger.instruments if market[0] == venue]

    async def run(self) -> None:
        """Comparisons for ever."""
        while True:
            try:
                confirmed = await self._reconcile()
            except (PeerUnavailable, OutcomeUnknown, RequestRefused) as error:
                self._log.warning("reconcile.failed", venue=self.venue, detail=str(error))
                confirmed = False
            await asyncio.sleep(self._interval_s if confirmed else self._retry_s)

    async def _reconcile(self) -> bool:
        first = await self._compare()
        if first is not None and any(first.values()):
            await asyncio.sleep(self._retry_s)
            second = await self._compare()
            first = first if second == first else None
        if first is None:
            return False
        self._conclude(first)
        return True

    def _conclude(self, differences: Differences) -> None:
        if any(differences.values()):
            for (_, symbol), lots in differences.items():
                self._log.error("reconcile.difference", venue=self.venue, symbol=symbol, lots=lots)
        elif not self.reconciled_ns or any(self.differences.values()):
            self._log.info("reconcile.agreed", venue=self.venue, open_orders=self.open_orders)
        self.differences, self.reconciled_ns = differences, self._now_ns()

    async def _compare(self) -> Differences | None:
        """Differences at one moment; None when fills moved underneath."""
        before = self._ledger.fill_sequence
        if not self._is_synced():
            return None
        account = await self._ask(QueryAccount(venue=self.venue), AccountReported)
        for market in self._markets:
            await self._count_trades(market)
        if not self._is_synced() or self._ledger.fill_sequence != before:
            return None
        self.open_orders = account.open_order_count
        by_trades = {market: self._by_trades(market) for market in self._markets}
        by_balance = {market: self._by_balance(market, account) for market in self._markets}
        return {market: by_trades[market] or by_balance[market] for market in self._markets}

    def _by_trades(self, market: Market) -> int:
        state = self._ledger.markets[market]
        return state.venue_trades.lots - state.position.quantity_lots

    def _by_balance(self, market: Market, account: AccountReported) -> int:
        asset = self._ledger.instruments[market].base
        held = self._held(asset)
        balance = Decimal(account.balances.get(asset, "0"))
        opening = self._ledger.openings.get((self.venue, asset))
        if opening is None:
            opening = balance - held
            if any(self._by_trades(each) for each in self._markets):
                return 0  # Only an agreed position may be the base of all later comparisons.
            self._open_account(AccountOpened(venue=self.venue, asset=asset, amount=opening))
        return round((balance - opening - held) / self._ledger.instruments[market].lot_size)

    def _held(self, asset: str) -> Decimal:
        """What our trades should have added to a balance."""
        total = Decimal(0)
        for market in self._markets:
            instrument, position = self._ledger.instruments[market], self._ledger.markets[market].position
            if instrument.base == asset:
                total += position.quantity_lots * instrument.lot_size - position.base_fees
        return total

    async def _count_trades(self, market: Market) -> None:
        trades = self._ledger.markets[market].venue_trades
        for _ in range(PAGES_MAX):
            question = QueryExecutions(venue=market[0], symbol=market[1], after_trade_id=trades.last_trade_id)
            page = await self._ask(question, ExecutionsListed)
            new = [fill for fill in page.fills if fill.trade_id > trades.last_trade_id]
            ours = [fill for fill in new if fill.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX)]
            trades = VenueTrades(
                last_trade_id=max((fill.trade_id for fill in new), default=trades.last_trade_id),
                lots=trades.lots + sum(fill.side.sign * fill.quantity_lots for fill in ours),
            )
            self._ledger.count_venue(market, trades)
            if page.complete:
                return
        raise RequestRefused("executions", f"more than {PAGES_MAX} pages")

    async def _ask(self, question: Message, kind: type[_M]) -> _M:
        reply = await self._bus.request(process_name("execution_handler", self.venue), question, self._timeout_s)
        if not isinstance(reply, kind):
            raise RequestRefused("reconcile", f"expected {kind.__name__}, got {reply}")
        return reply
