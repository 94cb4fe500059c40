"""Aggregate trades of one market: what one taker traded at one price, as one."""

from collections import deque
from collections.abc import Iterator

import msgspec

from common.exchange.events import TradeExecuted
from common.model.order import Side
from services.paper_exchange.wire import NS_PER_MS, Json, WireNumbers

AGGREGATES_KEPT = 1_000


class AggregateTrade(msgspec.Struct):
    """Trades `first_id` to `last_id`, one after the other, of one taker at one price."""

    number: int
    price_ticks: int
    quantity_lots: int
    first_id: int
    last_id: int
    time_ns: int
    aggressor: Side

    def json(self, wire: WireNumbers) -> Json:
        """As aggTrades lists it, and as its stream tells it below its own head."""
        return {
            "a": self.number,
            "p": wire.price(self.price_ticks),
            "q": wire.quantity(self.quantity_lots),
            "f": self.first_id,
            "l": self.last_id,
            "T": self.time_ns // NS_PER_MS,
            "m": self.aggressor is Side.SELL,
            "M": True,
        }


class AggregateTrades:
    """The newest ones. Numbers go on over restarts: they start at the newest trade's, and are never more than those."""

    def __init__(self, last_trade_id: int) -> None:
        self.newest: deque[AggregateTrade] = deque(maxlen=AGGREGATES_KEPT)
        self._number = last_trade_id

    def absorb(self, trades: list[TradeExecuted]) -> Iterator[AggregateTrade]:
        """Take in the trades of one command; returns what they make."""
        last: AggregateTrade | None = None
        taker = ("", 0)
        for trade in trades:
            party = trade.taker.account, trade.taker.order_id
            if last is not None and taker == party and last.price_ticks == trade.price_ticks:
                last.quantity_lots += trade.quantity_lots
                last.last_id = trade.trade_id
                continue
            if last is not None:
                yield self._keep(last)
            taker = party
            last = AggregateTrade(
                0, trade.price_ticks, trade.quantity_lots, trade.trade_id, trade.trade_id, trade.time_ns,
                trade.aggressor,
            )  # fmt: skip
        if last is not None:
            yield self._keep(last)

    def _keep(self, aggregate: AggregateTrade) -> AggregateTrade:
        self._number += 1
        aggregate.number = self._number
        self.newest.append(aggregate)
        return aggregate
