"""The position server process: fills, LP inventory and books in; positions, exposure and profit out."""

import math
from collections.abc import Iterator

import msgspec

from common.accounting.positions import average_price, unrealized
from common.messages import (
    BookImage,
    Header,
    LpInventoryChanged,
    Message,
    NetExposureChanged,
    OrderFilled,
    PositionChanged,
    ProfitReported,
)
from common.model.ids import process_name
from common.runtime import Service
from services.position_server.config import PositionServerConfig
from services.position_server.exposure import Sources, net_exposure
from services.position_server.fills import OMS, FillFollower
from services.position_server.ledger import Ledger, Market, is_fee_priced
from services.position_server.mids import Mids
from services.position_server.profit import report_profit, wealth_of
from services.position_server.reconcile import Reconciler
from services.position_server.records import FillEntered, LedgerImage, LpOpened, Record, RunStarted

LP = "defi_lp"
SAMPLE_S_MAX = 5.0


class PositionServerService(Service[PositionServerConfig]):
    """Publishes PositionChanged, NetExposureChanged and ProfitReported."""

    async def start(self) -> None:
        """Replay the journal, then catch up with the oms and follow everybody."""
        self._hedge = self.fleet.instrument(self.config.hedge_venue, self.config.hedge_symbol)
        self._hedge_market: Market = self._hedge.venue, self._hedge.symbol
        self._base = self.fleet.chain.base_symbol
        self._lp: LpInventoryChanged | None = None
        self._trigger_received_ns = self._sampled_ns = 0
        self._mids = {(each.venue, each.symbol): Mids() for each in self.fleet.instruments}
        self._recover()
        self._fills = FillFollower(
            self.bus, self.log, lambda: self._ledger.fill_sequence, self._enter, self.config.request_timeout_s
        )
        self._reconcilers = {
            venue: self._reconciler(venue) for venue in {each.venue for each in self.fleet.instruments}
        }
        self._listen()
        self.every(self.config.publish_interval_s, self._publish_all)
        self.every(self.config.profit_interval_s, self._publish_profit)
        self.every(self.config.snapshot_interval_s, self._save)

    async def stop(self) -> None:
        """Keep the statistics up to the last second."""
        self._save()

    def snapshot(self) -> list[Message]:
        """Positions, exposure, profit."""
        return [*self._positions(), self._exposure(), self._profit()]

    def details(self) -> dict[str, str | int | float | bool]:
        """What the operator's line shows."""
        exposure = self._exposure()
        return {
            "net_delta": round(exposure.net_delta, 6),
            "complete": exposure.complete,
            "reason": exposure.reason,
            "fills": self._ledger.fill_sequence,
            "venue_difference_lots": sum(sum(each.differences.values()) for each in self._reconcilers.values()),
            "venue_open_orders": sum(each.open_orders for each in self._reconcilers.values()),
            "reconciled": all(each.reconciled_ns for each in self._reconcilers.values()),
        }

    def _recover(self) -> None:
        self._ledger = Ledger(self.fleet.instruments)
        self._journal = self.open_journal("position_server", self.config.journal_durability)
        after, replayed = 0, 0
        if (saved := self._journal.load_snapshot()) is not None:
            after, payload = saved
            self._ledger.restore(msgspec.msgpack.decode(payload, type=LedgerImage))
        for _sequence, _recorded_ns, record in self._journal.read_as(Record, after):
            self._ledger.apply(record)
            replayed += 1
        run_id = self.fleet.run_id or self._ledger.run.run_id or "unnamed"
        if run_id != self._ledger.run.run_id:
            self._write([RunStarted(run_id=run_id, at_ns=self.clock.now_ns())])
        self.log.info("positions.recovered", entries=replayed, fills=self._ledger.fill_sequence, run=run_id)

    def _reconciler(self, venue: str) -> Reconciler:
        return Reconciler(
            venue, self._ledger, self.bus, self.log, timeout_s=self.config.request_timeout_s,
            interval_s=self.config.reconcile_interval_s, retry_s=self.config.reconcile_retry_s,
            is_synced=lambda: self._fills.synced, open_account=lambda record: self._write([record]),
            now_ns=self.clock.now_ns,
        )  # fmt: skip

    def _listen(self) -> None:
        self._fills.follow()
        self.spawn(self._fills.run())
        self.bus.follow(LP, ["lp."], self._on_lp, self._on_lp_snapshot)
        for venue, symbol in self._mids:
            self.bus.subscribe(process_name("quote_server", venue), f"book.{venue}.{symbol}|", self._on_book)
        for reconciler in self._reconcilers.values():
            self.spawn(reconciler.run())

    def _write(self, records: list[Record]) -> None:
        for record in records:
            self._journal.append(record)
        self._journal.commit()
        for record in records:
            self._ledger.apply(record)

    def _enter(self, fills: list[OrderFilled], sent_ns: int) -> None:
        """Journal, then apply, then publish: each fill once, in sequence."""
        self._write([FillEntered(fill=fill, mid=self._mid_at(fill)) for fill in fills])
        self.counters["fills"] += len(fills)
        for fill in fills:
            if not is_fee_priced(fill, self._ledger.instruments[fill.venue, fill.symbol]):
                self.counters["fees_unpriced"] += 1
                self.log.warning("fill.fee_unpriced", seq=fill.fill_sequence, asset=fill.fee_asset)
        self._trigger_received_ns = sent_ns or self.clock.now_ns()
        self._publish_all()

    def _mid_at(self, fill: OrderFilled) -> float:
        mid = self._mids[fill.venue, fill.symbol].at(fill.event_time_ns)
        # Unknown: the fill then captured no spread, and all that it earned is drift.
        return self._ledger.instruments[fill.venue, fill.symbol].price(fill.price_ticks) if mid is None else mid

    def _on_book(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage) and message.bids and message.asks:
            market = message.venue, message.symbol
            mid = self._ledger.instruments[market].price(message.mid_ticks)
            self._mids[market].add(message.event_time_ns, mid)
            self._ledger.mark(market, mid)

    def _on_lp_snapshot(self, facts: list[Message]) -> None:
        for fact in facts:
            if isinstance(fact, LpInventoryChanged):
                self._see_lp(fact)

    def _on_lp(self, message: Message, _header: Header) -> None:
        if isinstance(message, LpInventoryChanged):
            self._see_lp(message)

    def _see_lp(self, lp: LpInventoryChanged) -> None:
        self._lp = lp
        self._trigger_received_ns = lp.received_ns
        self._publish_all()

    def _publish_all(self) -> None:
        for position in self._positions():
            self.bus.publish(f"position.{position.venue}.{position.symbol}", position)
        self.bus.publish(f"exposure.{self._base}", self._exposure())

    def _publish_profit(self) -> None:
        self._sample()
        self.bus.publish(f"profit.{self._base}", self._profit())

    def _value_lp(self) -> None:
        price = self._ledger.markets[self._hedge_market].profit.mark
        if self._lp is None or math.isnan(price):
            return
        wealth = wealth_of(self._lp)
        # An empty wallet is about to be funded, which is no profit.
        if self._ledger.run.lp is None and (wealth.base or wealth.quote):
            self._write([LpOpened(wealth=wealth, price=price)])
        self._ledger.value_lp(wealth, price, self.clock.now_ns())

    def _sample(self) -> None:
        """Weigh the present exposure by the time since the last sample, once every source has been seen."""
        now_ns, before_ns = self.clock.monotonic_ns(), self._sampled_ns
        exposure = self._exposure()
        if self._lp is None or not self._fills.synced:
            self._sampled_ns = 0
            return
        self._sampled_ns = now_ns
        if before_ns:
            held_s = min((now_ns - before_ns) / 1e9, SAMPLE_S_MAX)
            self._ledger.sample(exposure.net_delta, exposure.lp_delta, held_s)

    def _positions(self) -> Iterator[PositionChanged]:
        for (venue, symbol), market in self._ledger.markets.items():
            instrument, position = self._ledger.instruments[venue, symbol], market.position
            reconciler, mark = self._reconcilers[venue], market.profit.mark
            marked = not math.isnan(mark)
            yield PositionChanged(
                venue=venue, symbol=symbol, quantity_lots=position.quantity_lots, cash=str(position.cash),
                fees=str(position.fees), average_price=average_price(position, instrument),
                mark_price=mark if marked else 0.0, realized_pnl=float(position.realized),
                unrealized_pnl=unrealized(position, instrument, mark) if marked else 0.0,
                fill_count=position.fill_count, taker_fill_count=position.taker_fill_count,
                last_fill_sequence=self._ledger.fill_sequence, reconciled_ns=reconciler.reconciled_ns,
                venue_difference_lots=reconciler.differences.get((venue, symbol), 0),
            )  # fmt: skip

    def _exposure(self) -> NetExposureChanged:
        mark = self._ledger.markets[self._hedge_market].profit.mark
        sources = Sources(
            base=self._base, hedge=self._hedge, lp=self._lp, lp_silence_s=self.bus.silence_s(LP),
            positions=[
                (instrument, self._ledger.markets[market].position.quantity_lots)
                for market, instrument in self._ledger.instruments.items()
                if instrument.base == self._base
            ],
            fills_synced=self._fills.synced, oms_silence_s=self.bus.silence_s(OMS), book_seen=not math.isnan(mark),
            trigger_received_ns=self._trigger_received_ns,
        )  # fmt: skip
        return net_exposure(
            sources, beta=self.config.beta, lp_age_ms_max=self.config.lp_age_ms_max,
            silence_s_max=self.config.silence_s_max, now_ns=self.clock.now_ns(),
        )  # fmt: skip

    def _profit(self) -> ProfitReported:
        self._value_lp()
        return report_profit(self._ledger, self._base, self.clock.now_ns())

    def _save(self) -> None:
        sequence = self._journal.last_sequence
        self._journal.save_snapshot(sequence, msgspec.msgpack.encode(self._ledger.image()))
        if sequence > 2 * self.config.journal_entries_kept:
            self._journal.trim(sequence - self.config.journal_entries_kept)
