"""The oms's whole state as a fold over its journal: live and finished orders, trades, exposures.

The only way in is `apply(record)`, live and at replay alike, so a restart ends where the last life stopped.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from common.messages import ExecutionReported, OrderFilled, VenueFill
from common.model.errors import InvariantBroken
from common.model.order import Side
from common.model.order_life import OrderLife
from common.risk.limits import MarketExposure
from services.oms.archive import Archive, advance_order, begin_order
from services.oms.records import (
    FillBooked,
    LedgerImage,
    MarketImage,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    Record,
    TradesSettled,
)
from services.oms.trade_ids import TradeIds

FILLS_PER_MARK = 500

Market = tuple[str, str]


class Ledger:
    """Orders, trades and exposures by market (venue, symbol)."""

    def __init__(self, finished_kept: int, fills_kept: int) -> None:
        self.live: dict[str, OrderLife] = {}
        self.archive = Archive(finished_kept)
        self.fill_sequence = 0
        self.fills: deque[OrderFilled] = deque(maxlen=fills_kept)
        self.fill_marks: list[tuple[int, int]] = []
        self._trades: dict[Market, TradeIds] = {}
        self._exposures: dict[Market, MarketExposure] = {}

    def find(self, client_order_id: str) -> OrderLife | None:
        """A live or lately finished order."""
        return self.live.get(client_order_id) or self.archive.finished.get(client_order_id)

    def exposure(self, venue: str, symbol: str) -> MarketExposure:
        """Position and live orders of one market."""
        return self._exposures.get((venue, symbol), _NOTHING)

    def trades(self, venue: str, symbol: str) -> TradeIds:
        """Booked trades of one market."""
        return self._trades.setdefault((venue, symbol), TradeIds())

    def plan(self, report: ExecutionReported, now_ns: int) -> list[Record]:
        """Records that a report leads to: its trade if that is new, then itself if it teaches us something.

        Raises TransitionInvalid, after which nothing has changed, for a report that contradicts the order.
        """
        records: list[Record] = []
        order = self.find(report.client_order_id)
        if report.fill is not None:
            records += self.plan_fill(report.venue, report.symbol, report.fill, now_ns)
        if order is None:
            return records
        reported = OrderReported(report=msgspec.structs.replace(report, fill=None), at_ns=now_ns)
        for record in records:
            order = advance_order(order, record)
        if advance_order(order, reported) is not order:
            records.append(reported)
        return records

    def plan_fill(self, venue: str, symbol: str, fill: VenueFill, now_ns: int) -> list[Record]:
        """The record of a trade with the next fill sequence; none if the trade is booked already."""
        if fill.trade_id in self.trades(venue, symbol):
            return []
        order = self.find(fill.client_order_id)
        numbered = OrderFilled(
            fill_sequence=self.fill_sequence + 1, client_order_id=fill.client_order_id,
            strategy=order.strategy if order else "", venue=venue, symbol=symbol, trade_id=fill.trade_id,
            side=fill.side, price_ticks=fill.price_ticks, quantity_lots=fill.quantity_lots, maker=fill.maker,
            fee=fill.fee, fee_asset=fill.fee_asset, event_time_ns=fill.event_time_ns,
        )  # fmt: skip
        return [FillBooked(fill=numbered, at_ns=now_ns)]

    def apply(self, record: Record, sequence: int) -> OrderLife | None:
        """Fold in one journaled record (`sequence` is its place); returns the order that changed, if one did."""
        match record:
            case OrderAccepted():
                return self._place(None, begin_order(record))
            case OrderRefused():
                self.archive.add_refused(record)
                return None
            case TradesSettled():
                self.trades(record.venue, record.symbol).settle(record.trade_id)
                return None
            case FillBooked():
                self._book(record.fill, sequence)
                return self._advance(record.fill.client_order_id, record)
            case OrderReported():
                return self._advance(record.report.client_order_id, record)
            case OrderAbsent():
                return self._advance(record.client_order_id, record)

    def fills_after(self, sequence: int) -> Iterator[OrderFilled] | None:
        """Fills in memory after a sequence; None when some of them are only in the journal."""
        oldest = self.fills[0].fill_sequence if self.fills else self.fill_sequence + 1
        if sequence + 1 < oldest:
            return None
        return (fill for fill in self.fills if fill.fill_sequence > sequence)

    def journal_mark(self, fill_sequence: int) -> int:
        """A journal sequence after which all fills after `fill_sequence` stand."""
        index = bisect_right(self.fill_marks, (fill_sequence, 1 << 62))
        return self.fill_marks[index - 1][1] if index else 0

    def image(self) -> LedgerImage:
        """The state for a snapshot."""
        return LedgerImage(
            live=list(self.live.values()),
            finished=list(self.archive.finished.values()),
            refused=list(self.archive.refused.values()),
            archived=dict(self.archive.marks),
            markets=[
                MarketImage(
                    venue=venue, symbol=symbol, position_lots=self.exposure(venue, symbol).position_lots,
                    settled_trade_id=trades.settled, seen_trade_ids=trades.seen,
                )
                for (venue, symbol), trades in self._trades.items()
            ],
            fills=list(self.fills),
            fill_sequence=self.fill_sequence,
            fill_marks=self.fill_marks,
        )  # fmt: skip

    def restore(self, image: LedgerImage) -> None:
        """Become the state of a snapshot; only a new ledger may."""
        for market in image.markets:
            key = market.venue, market.symbol
            self._trades[key] = TradeIds(market.settled_trade_id, market.seen_trade_ids)
            self._exposures[key] = MarketExposure(position_lots=market.position_lots)
        for refused in image.refused:
            self.archive.add_refused(refused)
        for order in (*image.finished, *image.live):
            self._place(None, order)
        for prefix, mark in image.archived.items():
            self.archive.marks[prefix] = max(mark, self.archive.marks.get(prefix, mark))
        self.fills.extend(image.fills)
        self.fill_sequence, self.fill_marks = image.fill_sequence, list(image.fill_marks)

    def _advance(self, client_order_id: str, record: Record) -> OrderLife | None:
        order = self.find(client_order_id)
        return None if order is None else self._place(order, advance_order(order, record))

    def _place(self, before: OrderLife | None, after: OrderLife) -> OrderLife:
        if before is not None:
            self._count(before, -1)
        self._count(after, +1)
        if after.state.is_final:
            self.live.pop(after.client_order_id, None)
            if (forgotten := self.archive.add_finished(after)) is not None:
                self._count(forgotten, -1)
        else:
            # A rejected order that turns out to rest at the venue comes back to life.
            self.archive.finished.pop(after.client_order_id, None)
            self.live[after.client_order_id] = after
        return after

    def _count(self, order: OrderLife, sign: int) -> None:
        exposure = self.exposure(order.venue, order.symbol)
        lots = sign * order.pending_lots
        buys = lots if order.side is Side.BUY else 0
        self._exposures[order.venue, order.symbol] = MarketExposure(
            position_lots=exposure.position_lots,
            live_buy_lots=exposure.live_buy_lots + buys,
            live_sell_lots=exposure.live_sell_lots + lots - buys,
            live_orders=exposure.live_orders + (0 if order.state.is_final else sign),
        )

    def _book(self, fill: OrderFilled, sequence: int) -> None:
        if fill.fill_sequence != self.fill_sequence + 1:
            raise InvariantBroken(f"fill {fill.fill_sequence} follows {self.fill_sequence}")
        if fill.fill_sequence % FILLS_PER_MARK == 1:
            self.fill_marks.append((fill.fill_sequence - 1, sequence - 1))
        self.fill_sequence = fill.fill_sequence
        self.fills.append(fill)
        self.trades(fill.venue, fill.symbol).add(fill.trade_id)
        exposure = self.exposure(fill.venue, fill.symbol)
        self._exposures[fill.venue, fill.symbol] = msgspec.structs.replace(
            exposure, position_lots=exposure.position_lots + fill.side.sign * fill.quantity_lots
        )


def replay(ledger: Ledger, entries: Iterable[tuple[int, int, Record]]) -> int:
    """Fold journal entries (sequence, time, record) into a ledger; returns how many there were."""
    count = 0
    for sequence, _recorded_ns, record in entries:
        ledger.apply(record, sequence)
        count += 1
    return count


_NOTHING = MarketExposure()
