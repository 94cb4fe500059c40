"""What the user stream may have missed: open orders and trades by REST, published where they say something new."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from common.messages import ExecutionReported, ExecutionsListed, QueryExecutions, QueryOrder
from common.model.errors import RequestRefused
from common.model.order import OrderState
from common.runtime import Log
from services.execution_handler.desk import Desk
from services.execution_handler.order_table import OrderTable
from services.execution_handler.trade_history import TradeHistory, body_of
from services.execution_handler.venue_access import VenueAccess


class Reconciler:
    """`marks` are the newest trades that REST has listed. Trades that the stream told since are not told again.

    Only REST moves a mark: the stream's newest trade says nothing about the ones before it that it may have lost.
    """

    def __init__(
        self, name: str, venue: VenueAccess, table: OrderTable, desk: Desk, symbols: Iterable[str],
        publish: Callable[[ExecutionReported], None], log: Log,
    ) -> None:  # fmt: skip
        self._name, self._venue, self._table, self._desk, self._log = name, venue, table, desk, log
        self._publish, self._symbols = publish, list(symbols)
        self._history = TradeHistory(venue, table)
        self._marks: dict[str, int] = {}
        self._told: dict[str, set[int]] = {symbol: set() for symbol in self._symbols}
        self.missed_fills = 0

    async def begin(self) -> None:
        """Trades up to now are the oms's to ask for. Raises RequestRefused, MessageInvalid."""
        for symbol in self._symbols:
            self._marks[symbol] = await self._history.newest_id(symbol)

    def note_trade(self, symbol: str, trade_id: int) -> None:
        """The user stream told this trade."""
        self._told[symbol].add(trade_id)

    async def reconcile(self) -> None:
        """Compare and publish differences. Raises RequestRefused, MessageInvalid."""
        for symbol in self._symbols:
            await self._compare_orders(symbol)
            await self._compare_trades(symbol)

    async def list_executions(self, question: QueryExecutions) -> ExecutionsListed:
        """Orders, then trades: what fills in between is in the second. Raises RequestRefused, MessageInvalid."""
        if question.symbol not in self._told:
            raise RequestRefused("invalid_symbol", f"expected one of {', '.join(self._told)}, got {question.symbol}")
        open_orders = await self._open_orders(question.symbol)
        fills, _newest, complete = await self._history.after(question.symbol, max(-1, question.after_trade_id))
        return ExecutionsListed(
            venue=self._name, symbol=question.symbol, open_orders=open_orders, fills=fills, complete=complete
        )

    async def count_open_orders(self) -> int:
        """How many of our orders rest. Raises RequestRefused, MessageInvalid."""
        return sum([len(await self._open_orders(symbol)) for symbol in self._symbols])

    async def _open_orders(self, symbol: str) -> list[ExecutionReported]:
        answer = await self._venue.ask(self._venue.codec.open_orders(symbol), urgent=True)
        return self._venue.codec.read_open_orders(body_of(answer), answer.received_ns)

    async def _compare_orders(self, symbol: str) -> None:
        before = [
            tracked
            for tracked in self._table.live()
            if tracked.report.symbol == symbol
            and tracked.answering is None
            and tracked.report.state is not OrderState.UNKNOWN
        ]
        resting = set()
        for report in await self._open_orders(symbol):
            resting.add(report.client_order_id)
            self._take(report)
        for tracked in before:
            known = tracked.report
            if tracked.is_live and known.client_order_id not in resting:
                question = QueryOrder(client_order_id=known.client_order_id, venue=self._name, symbol=symbol)
                await self._desk.query(question)
                if (tracked.report.state, tracked.report.filled_lots) != (known.state, known.filled_lots):
                    self._publish(tracked.report)

    async def _compare_trades(self, symbol: str) -> None:
        complete = False
        while not complete:
            fills, newest, complete = await self._history.after(symbol, self._marks[symbol])
            told = self._told[symbol]
            for fill in fills:
                tracked = self._table.find(fill.client_order_id)
                if fill.trade_id not in told and tracked is not None:
                    self.missed_fills += 1
                    self._log.warning("fill.missed", id=fill.client_order_id, trade=fill.trade_id)
                    self._publish(replace(tracked.report, fill=fill))
            self._marks[symbol] = newest
            self._told[symbol] = {trade_id for trade_id in told if trade_id > newest}

    def _take(self, report: ExecutionReported) -> None:
        tracked, is_news = self._table.take(report)
        if is_news:
            self._publish(tracked.report)
