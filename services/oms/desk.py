"""Journal, then apply, then publish: the one road of every change in the oms."""

from collections import Counter
from collections.abc import Callable

import msgspec

from common.bus import Bus
from common.messages import ExecutionReported, OrderChanged, SubmitOrder, VenueFill
from common.model.errors import TransitionInvalid
from common.model.order_life import OrderLife
from common.risk.limits import Refusal
from common.runtime.clock import Clock
from common.runtime.logging import Log
from common.storage import Journal
from services.oms.ledger import Ledger, replay
from services.oms.records import (
    FillBooked,
    LedgerImage,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    Record,
    TradesSettled,
)


class Desk:
    """The ledger and its journal. `on_change` is called with each order that changed, after it was published."""

    def __init__(
        self, ledger: Ledger, journal: Journal, bus: Bus, clock: Clock, log: Log, counters: Counter[str]
    ) -> None:  # fmt: skip
        self.ledger, self._journal, self._bus = ledger, journal, bus
        self._clock, self._log, self._counters = clock, log, counters
        self.on_change: Callable[[OrderLife], None] = lambda order: None
        self._snapshot_sequence = 0

    def recover(self) -> int:
        """Snapshot and journal back into the ledger; returns how many entries were replayed."""
        after = 0
        if (saved := self._journal.load_snapshot()) is not None:
            after, payload = saved
            self.ledger.restore(msgspec.msgpack.decode(payload, type=LedgerImage))
        self._snapshot_sequence = after
        return replay(self.ledger, self._journal.read_as(Record, after))

    def accept(self, command: SubmitOrder, now_ns: int) -> OrderLife:
        """Commit an intent. The caller sends the command, then publishes.

        It survives kill -9 before a byte leaves, but is not waited for on the disk (a tenth of the time): an intent
        that a power cut takes is an order with our prefix that reconciliation finds at the venue, takes off and whose
        trades it books; ids carry their boot's time, so none comes twice.
        """
        record = OrderAccepted(command=command, at_ns=now_ns)
        order = self.ledger.apply(record, self._journal.record_intent(record))
        assert order is not None
        return order

    def refuse(self, command: SubmitOrder, refusal: Refusal, now_ns: int) -> None:
        """Commit a refusal, so that a repeated id gets the same answer in every life."""
        record = OrderRefused(
            client_order_id=command.client_order_id, code=refusal.code, detail=refusal.detail, at_ns=now_ns
        )
        self.ledger.apply(record, self._journal.record(record))
        self._counters[f"refused.{refusal.code}"] += 1
        self._log.warning("order.refused", id=command.client_order_id, code=refusal.code, detail=refusal.detail)

    def report(self, report: ExecutionReported) -> None:
        """Take in one report: its trade, then its state."""
        now_ns = self._clock.now_ns()
        try:
            records = self.ledger.plan(report, now_ns)
        except TransitionInvalid as error:
            self._counters["reports_invalid"] += 1
            self._log.error("order.report_invalid", id=report.client_order_id, detail=str(error))
            records = []
            if report.fill is not None:
                records = self.ledger.plan_fill(report.venue, report.symbol, report.fill, now_ns)
        self._write(records)

    def fill(self, venue: str, symbol: str, fill: VenueFill) -> None:
        """Take in one trade that a query found."""
        self._write(self.ledger.plan_fill(venue, symbol, fill, self._clock.now_ns()))

    def absent(self, client_order_id: str) -> None:
        """The venue does not know this order and it can no longer be under way."""
        order = self.ledger.live.get(client_order_id)
        if order is not None:
            self._write([OrderAbsent(client_order_id=client_order_id, at_ns=self._clock.now_ns())])

    def settle(self, venue: str, symbol: str, trade_id: int) -> None:
        """All trades up to an id are booked."""
        if trade_id > self.ledger.trades(venue, symbol).settled:
            self._write([TradesSettled(venue=venue, symbol=symbol, trade_id=trade_id)])

    def tidy(self, snapshot_entries: int, entries_kept: int) -> None:
        """From time to time save a snapshot and forget what is very old."""
        sequence = self._journal.last_sequence
        if sequence - self._snapshot_sequence < snapshot_entries:
            return
        self._journal.save_snapshot(sequence, msgspec.msgpack.encode(self.ledger.image()))
        self._snapshot_sequence = sequence
        if sequence > entries_kept:
            self._journal.trim(sequence - entries_kept)

    def publish_order(self, order: OrderLife) -> None:
        """Tell everybody where an order stands."""
        self._bus.publish(f"order.{order.venue}.{order.symbol}", order_changed(order))
        self.on_change(order)

    def _write(self, records: list[Record]) -> None:
        changed: OrderLife | None = None
        for record in records:
            changed = self.ledger.apply(record, self._journal.append(record)) or changed
        if not records:
            return
        self._journal.commit()
        for record in records:
            if isinstance(record, FillBooked):
                self._publish_fill(record)
        if changed is not None:
            self._log_change(changed)
            self.publish_order(changed)

    def _publish_fill(self, record: FillBooked) -> None:
        fill = record.fill
        self._bus.publish(f"fill.{fill.venue}.{fill.symbol}", fill)
        self._counters["fills"] += 1
        self._log.info(
            "order.filled", id=fill.client_order_id, venue=fill.venue, side=fill.side, px=fill.price_ticks,
            lots=fill.quantity_lots, trade=fill.trade_id, maker=fill.maker, seq=fill.fill_sequence,
        )  # fmt: skip
        if self.ledger.find(fill.client_order_id) is None:
            self._counters["fills_without_order"] += 1
            self._log.error("order.fill_without_order", id=fill.client_order_id, trade=fill.trade_id)

    def _log_change(self, order: OrderLife) -> None:
        self._counters[f"orders.{order.state}"] += 1
        self._log.info(
            f"order.{order.state}", id=order.client_order_id, venue=order.venue, side=order.side,
            px=order.price_ticks, lots=order.quantity_lots, filled=order.filled_lots, code=order.reason_code,
            lat_us=order.tick_to_order_us,
        )  # fmt: skip


def order_changed(order: OrderLife) -> OrderChanged:
    """The oms's word on an order."""
    return OrderChanged(
        client_order_id=order.client_order_id, strategy=order.strategy, venue=order.venue, symbol=order.symbol,
        side=order.side, price_ticks=order.price_ticks, quantity_lots=order.quantity_lots,
        filled_lots=order.filled_lots, state=order.state, order_type=order.order_type,
        time_in_force=order.time_in_force, post_only=order.post_only, venue_order_id=order.venue_order_id,
        reason_code=order.reason_code, reason=order.reason, created_ns=order.created_ns,
        changed_ns=order.changed_ns, tick_to_order_us=order.tick_to_order_us,
    )  # fmt: skip
