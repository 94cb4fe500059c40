"""Our trades as REST lists them, under our own names, and which of them were already told."""

from msgspec.structs import replace

from common.messages import ExecutionReported, VenueFill
from common.model.errors import MessageInvalid, RequestRefused
from common.model.order_life import UNKNOWN_ORDER
from common.venues.binance_errors import UNREADABLE
from common.venues.binance_execution import TRADES_PAGE_MAX, Trade, is_ours
from services.execution_handler.order_table import OrderTable
from services.execution_handler.venue_access import Answer, VenueAccess

PAGES_MAX = 50


class TradeHistory:
    """Pages of trades. A trade names its order by the venue's number only: an unseen number is asked for once."""

    def __init__(self, venue: VenueAccess, table: OrderTable) -> None:
        self._venue, self._table = venue, table

    async def newest_id(self, symbol: str) -> int:
        """Id of our newest trade; -1 if there is none. Raises RequestRefused, MessageInvalid."""
        answer = await self._venue.ask(self._venue.codec.trades(symbol, None, 1), urgent=True)
        trades = self._venue.codec.read_trades(symbol, body_of(answer))
        return trades[-1].fill.trade_id if trades else -1

    async def after(self, symbol: str, trade_id: int) -> tuple[list[VenueFill], int, bool]:
        """Fills of ours after a trade id; the newest id looked at, foreign ones included; and whether that was all.

        Raises RequestRefused, MessageInvalid.
        """
        fills: list[VenueFill] = []
        for _ in range(PAGES_MAX):
            request = self._venue.codec.trades(symbol, trade_id + 1)
            page = self._venue.codec.read_trades(symbol, body_of(await self._venue.ask(request, urgent=True)))
            for trade in page:
                client_order_id = await self._name(symbol, trade)
                if is_ours(client_order_id):
                    fills.append(replace(trade.fill, client_order_id=client_order_id))
                trade_id = trade.fill.trade_id
            if len(page) < TRADES_PAGE_MAX:
                return fills, trade_id, True
            if fills:
                return fills, trade_id, False
        raise RequestRefused("too_many_trades", f"{PAGES_MAX} pages hold none of ours")

    async def _name(self, symbol: str, trade: Trade) -> str:
        name = self._table.name_of(symbol, trade.venue_order_id)
        if name is not None:
            return name
        request = self._venue.codec.query_by_venue_id(symbol, trade.venue_order_id)
        answer = await self._venue.ask(request, urgent=True)
        if answer.refusal is not None and answer.refusal.code == UNKNOWN_ORDER:
            raise MessageInvalid("trade", symbol, "a trade whose order the venue knows", trade.venue_order_id)
        report = self._venue.codec.read_order(body_of(answer), answer.received_ns)
        if is_ours(report.client_order_id):
            self._table.take(report)
        else:
            self._table.name(symbol, trade.venue_order_id, report.client_order_id)
        return report.client_order_id


def body_of(answer: Answer) -> bytes:
    """Body of a success. Raises RequestRefused for anything else."""
    if answer.refusal is not None:
        raise RequestRefused(answer.refusal.code, answer.refusal.detail)
    return answer.body


def read_report(venue: VenueAccess, answer: Answer) -> ExecutionReported:
    """The order in a success. Raises RequestRefused, also for a body that cannot be read."""
    try:
        return venue.codec.read_order(body_of(answer), answer.received_ns, answer.sent_ns)
    except MessageInvalid as error:
        raise RequestRefused(UNREADABLE, str(error)) from None
