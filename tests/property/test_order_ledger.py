"""The oms's ledger: trades once, exposures equal to a recount, and any restart lands in the same state."""

import tempfile
from collections import defaultdict
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.messages import ExecutionReported, SubmitOrder, VenueFill
from common.model.order import OrderState, Side
from common.risk.limits import MarketExposure
from common.storage import Journal
from services.oms.ledger import Ledger, replay
from services.oms.records import FillBooked, LedgerImage, OrderAbsent, OrderAccepted, Record, TradesSettled

FINISHED_KEPT = 3


class ToyVenue:
    """Truth for one market: orders with their cumulative quantity, trades with ids from 1."""

    def __init__(self) -> None:
        self.orders: dict[str, tuple[SubmitOrder, OrderState, int]] = {}
        self.reports: list[ExecutionReported] = []
        self.trades: list[VenueFill] = []

    def tell(self, client_order_id: str, fill: VenueFill | None = None) -> None:
        command, state, filled = self.orders[client_order_id]
        self.reports.append(
            ExecutionReported(
                client_order_id=client_order_id, venue="v", symbol=command.symbol, state=state, filled_lots=filled,
                event_time_ns=0, received_ns=0, fill=fill,
            )
        )  # fmt: skip


class OrdersThroughTrouble(RuleBasedStateMachine):
    """Submits, trades and cancels at a venue whose reports arrive in any order, repeatedly, or after a restart."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cw")
        self.journal = Journal(Path(self.folder.name) / "oms.db", "process")
        self.ledger, self.venue, self.now_ns, self.placed = Ledger(FINISHED_KEPT, 1_000), ToyVenue(), 0, 0

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    def write(self, *records: Record) -> None:
        for record in records:
            self.ledger.apply(record, self.journal.append(record))
        self.journal.commit()

    @rule(side=st.sampled_from(Side), lots=st.integers(1, 9), symbol=st.sampled_from(["a", "b"]))
    def submit(self, side: Side, lots: int, symbol: str) -> None:
        self.placed += 1
        self.now_ns += 1
        command = SubmitOrder(
            client_order_id=f"cw-mm-1-{self.placed}", strategy="mm", venue="v", symbol=symbol, side=side,
            price_ticks=100, quantity_lots=lots, expires_at_ns=10**9,
        )  # fmt: skip
        self.write(OrderAccepted(command=command, at_ns=self.now_ns))
        self.venue.orders[command.client_order_id] = (command, OrderState.OPEN, 0)
        self.venue.tell(command.client_order_id)

    @rule(data=st.data())
    def trade(self, data: st.DataObject) -> None:
        live = [key for key, (_, state, _) in self.venue.orders.items() if not state.is_final]
        if not live:
            return
        key = data.draw(st.sampled_from(live))
        command, _, filled = self.venue.orders[key]
        lots = data.draw(st.integers(1, command.quantity_lots - filled))
        whole = filled + lots == command.quantity_lots
        self.venue.orders[key] = (
            command, OrderState.FILLED if whole else OrderState.PARTIALLY_FILLED, filled + lots,
        )  # fmt: skip
        fill = VenueFill(
            trade_id=len(self.venue.trades) + 1, client_order_id=key, venue_order_id="", side=command.side,
            price_ticks=100, quantity_lots=lots, maker=True, fee="0", fee_asset="USDT", event_time_ns=0,
        )  # fmt: skip
        self.venue.trades.append(fill)
        self.venue.tell(key, fill)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        live = [key for key, (_, state, _) in self.venue.orders.items() if not state.is_final]
        if live:
            key = data.draw(st.sampled_from(live))
            command, _, filled = self.venue.orders[key]
            self.venue.orders[key] = (command, OrderState.CANCELED, filled)
            self.venue.tell(key)

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        if self.venue.reports:
            self.now_ns += 1
            self.write(*self.ledger.plan(data.draw(st.sampled_from(self.venue.reports)), self.now_ns))

    @rule()
    def restart(self) -> None:
        reborn = Ledger(FINISHED_KEPT, 1_000)
        after = 0
        if (saved := self.journal.load_snapshot()) is not None:
            after, payload = saved
            reborn.restore(msgspec.msgpack.decode(payload, type=LedgerImage))
        replay(reborn, self.journal.read_as(Record, after))
        assert comparable(reborn.image()) == comparable(self.ledger.image())
        self.ledger = reborn

    @rule()
    def save(self) -> None:
        self.journal.save_snapshot(self.journal.last_sequence, msgspec.msgpack.encode(self.ledger.image()))

    @rule()
    def reconcile(self) -> None:
        """List everything since the settled trade, as the oms does; afterwards ledger and venue must agree."""
        self.now_ns += 1
        for symbol in ("a", "b"):
            trades = [fill for fill in self.venue.trades if self.venue.orders[fill.client_order_id][0].symbol == symbol]
            settled = self.ledger.trades("v", symbol).settled
            for fill in trades:
                if fill.trade_id > settled:
                    self.write(*self.ledger.plan_fill("v", symbol, fill, self.now_ns))
            last = max((fill.trade_id for fill in trades), default=-1)
            self.write(TradesSettled(venue="v", symbol=symbol, trade_id=last))
            position = sum(fill.side.sign * fill.quantity_lots for fill in trades)
            assert self.ledger.exposure("v", symbol).position_lots == position
        for key in list(self.ledger.live):
            self.venue.tell(key)
            self.write(*self.ledger.plan(self.venue.reports.pop(), self.now_ns))
        truth = {key for key, (_, state, _) in self.venue.orders.items() if not state.is_final}
        assert set(self.ledger.live) == truth

    @invariant()
    def fills_are_gapless_and_unique(self) -> None:
        fills = list(self.ledger.fills)
        assert [fill.fill_sequence for fill in fills] == list(range(1, len(fills) + 1))
        assert len({(fill.symbol, fill.trade_id) for fill in fills}) == len(fills)

    @invariant()
    def exposures_equal_a_recount(self) -> None:
        counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for fill in self.ledger.fills:
            counted[fill.symbol][0] += fill.side.sign * fill.quantity_lots
        for order in (*self.ledger.live.values(), *self.ledger.archive.finished.values()):
            counted[order.symbol][1 if order.side is Side.BUY else 2] += order.pending_lots
            counted[order.symbol][3] += not order.state.is_final
        for symbol, (position, buys, sells, orders) in counted.items():
            assert self.ledger.exposure("v", symbol) == MarketExposure(
                position_lots=position, live_buy_lots=buys, live_sell_lots=sells, live_orders=orders
            )

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.ledger.archive.finished) <= FINISHED_KEPT


def comparable(image: LedgerImage) -> LedgerImage:
    """Without the order in which equal parts happen to stand."""
    return msgspec.structs.replace(
        image,
        live=sorted(image.live, key=lambda order: order.client_order_id),
        markets=sorted(
            (each for each in image.markets if each.position_lots or each.seen_trade_ids or each.settled_trade_id > 0),
            key=lambda each: each.symbol,
        ),
    )


TestOrdersThroughTrouble = OrdersThroughTrouble.TestCase
TestOrdersThroughTrouble.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@given(st.integers(0, 12))
@settings(deadline=None, max_examples=13)
def test_a_restart_at_any_record_continues_as_if_nothing_had_happened(cut: int) -> None:
    command = SubmitOrder(
        client_order_id="cw-mm-1-1", strategy="mm", venue="v", symbol="a", side=Side.BUY, price_ticks=100,
        quantity_lots=5, expires_at_ns=10**9,
    )  # fmt: skip
    straight = Ledger(10, 10)
    records: list[Record] = [OrderAccepted(command=command, at_ns=1)]
    straight.apply(records[0], 1)
    for trade_id in range(1, 6):
        fill = VenueFill(
            trade_id=trade_id, client_order_id="cw-mm-1-1", venue_order_id="", side=Side.BUY, price_ticks=100,
            quantity_lots=1, maker=True, fee="0", fee_asset="USDT", event_time_ns=0,
        )  # fmt: skip
        state = OrderState.FILLED if trade_id == 5 else OrderState.PARTIALLY_FILLED
        report = ExecutionReported(
            client_order_id="cw-mm-1-1", venue="v", symbol="a", state=state, filled_lots=trade_id,
            event_time_ns=0, received_ns=0, fill=fill,
        )  # fmt: skip
        for record in straight.plan(report, 1 + trade_id):
            records.append(record)
            straight.apply(record, len(records))
    records.append(OrderAbsent(client_order_id="cw-mm-1-1", at_ns=9))
    straight.apply(records[-1], len(records))
    assert sum(isinstance(record, FillBooked) for record in records) == 5
    before = Ledger(10, 10)
    for sequence, record in enumerate(records[:cut], 1):
        before.apply(record, sequence)
    after = Ledger(10, 10)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.image()), type=LedgerImage))
    for sequence, record in enumerate(records[cut:], cut + 1):
        after.apply(record, sequence)
    assert comparable(after.image()) == comparable(straight.image())
