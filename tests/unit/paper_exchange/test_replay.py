"""The real recording through the exchange, and small hand-made ones for what it lacks."""

import gzip
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from common.exchange.events import EXTERNAL_ACCOUNT, TradeExecuted
from common.exchange.fills import fills_in
from common.model.errors import ConfigInvalid, MessageInvalid
from common.model.order import Side
from services.paper_exchange.recording import (
    DepthDiff,
    DepthSnapshot,
    RecordedTrade,
    Touch,
    check_recording,
    in_time_of_exchange,
    read_recording,
)
from services.paper_exchange.replay import ReplayFlow
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk

FILE = "binance/spot_ethusdt_20240808.gz"


class Rebuild:
    """The recorded book rebuilt straight from the file with json and dicts, sharing no code with the replay."""

    def __init__(self, path: Path) -> None:
        self.frames = []
        with gzip.open(path, "rt") as lines:
            for line in lines:
                frame = json.loads(line.split(" ", 1)[1])
                if "lastUpdateId" in frame or "@depth" in frame["stream"]:
                    self.frames.append(frame.get("data", frame))
        self.after: dict[int, tuple[dict[int, int], dict[int, int]]] = {}
        self.book = ({}, {})
        self.ids: list[int] = []

    def states(self):
        """(update id, bids, asks) after the snapshot and after each diff that follows it."""
        last = 0
        for frame in self.frames:
            if "lastUpdateId" in frame:
                last = frame["lastUpdateId"]
                self.book = tuple({_ticks(p): _lots(q) for p, q in frame[side]} for side in ("bids", "asks"))
            elif last and frame["u"] > last:
                last = frame["u"]
                for side, levels in zip(self.book, (frame["b"], frame["a"]), strict=True):
                    side.update({_ticks(p): _lots(q) for p, q in levels})
            else:
                continue
            yield last, *({p: q for p, q in side.items() if q} for side in self.book)


def _ticks(text: str) -> int:
    return int(Decimal(text) * 100)


def _lots(text: str) -> int:
    # One far level of the real book is finer than today's lot size; what exists keeps at least one lot.
    lots = Decimal(text) * 10_000
    return max(1, int(lots)) if lots else 0


def external(desk: Desk, side: Side) -> dict[int, int]:
    """External lots by price."""
    levels = desk.book.side(side).through(None)
    return {level.price: lots for level in levels if (lots := level.quantity_of(EXTERNAL_ACCOUNT))}


def test_book_after_each_recorded_diff_equals_an_independent_rebuild(recordings):
    path = recordings / FILE
    desk, states = Desk(), Rebuild(path).states()
    flow = ReplayFlow(ETH.symbol, lambda: read_recording(path, ETH), lambda loops: None)
    compared = trades = 0
    volume = 0
    while not flow.loops:
        row = flow._row
        before = len(desk.journal)
        flow.step(desk.execute, flow.due_ns)
        assert not desk.book.is_crossed
        printed = [e for e in desk.journal[before:] if isinstance(e, TradeExecuted)]
        trades += len(printed) > 0
        volume += sum(each.quantity_lots for each in printed)
        desk.journal.clear()
        if isinstance(row, DepthSnapshot | DepthDiff) and flow._last_id:
            update_id, bids, asks = next(states) if row_counts(row, flow) else (0, {}, {})
            if not update_id:
                continue
            assert update_id == flow._last_id
            compared += 1
            # Comparing thousands of levels is what takes time here, so most diffs are only counted.
            fresh = flow._touch is None or flow._touch.update_id <= update_id
            if fresh and (compared % 5 == 0 or compared > 3_400):
                assert external(desk, BUY) == bids and external(desk, SELL) == asks
    assert next(states, None) is None and compared > 3_400 and flow.gaps == 0
    # Every recorded trade after the snapshot prints, whole: 6,106 trades of 2,261.3 ETH in the file.
    assert trades > 6_080 and volume == pytest.approx(2_261.3 * 10_000, rel=0.01)


def row_counts(row, flow) -> bool:
    """True when a diff row advanced the recorded book."""
    return isinstance(row, DepthSnapshot) or row.last_id == flow._last_id


def test_our_orders_fill_in_the_replay_and_the_book_is_never_crossed(recordings):
    path, random, desk = recordings / FILE, Random(3), Desk()
    rows = list(read_recording(path, ETH))[:6_000]
    flow = ReplayFlow(ETH.symbol, lambda: iter(rows), lambda loops: None)
    names = 0
    while flow.loops < 2:
        flow.step(desk.execute, flow.due_ns)
        assert not desk.book.is_crossed
        if random.random() < 0.01 and desk.book.bids.best() and desk.book.asks.best():
            for order_id in list(desk.exchange.ledger.open_of("me", ETH.symbol)):
                desk.cancel("me", order_id)
            names += 1
            side = random.choice([BUY, SELL])
            best = desk.book.side(side).best().price
            desk.place("me", f"m{names}", side, best - side.sign * random.randint(-1, 40), 5_000, post_only=True)
    fills = list(fills_in(desk.journal))
    assert len(fills) > 20 and all(fill.maker for fill in fills)
    assert {fill.side for fill in fills} == set(Side)
    for fill in fills:
        order = desk.exchange.ledger.orders[fill.order_id]
        assert fill.price_ticks == order.price_ticks
    assert desk.exchange.ledger.accounts.total("ETH") == 2 * 100 * 10**8


def rows_of(*rows):
    """Rows 100 ms apart."""
    return [(number * 100_000_000, row) for number, row in enumerate(rows)]


SNAPSHOT = DepthSnapshot(10, [(100, 50), (99, 70)], [(101, 60)])


def play(rows, steps: int) -> tuple[Desk, ReplayFlow]:
    """A desk after some steps of a hand-made recording."""
    desk = Desk()
    flow = ReplayFlow(ETH.symbol, lambda: iter(rows), lambda loops: None)
    for _ in range(steps):
        flow.step(desk.exchange.execute, flow.due_ns)
    return desk, flow


def test_rows_before_the_snapshot_are_ignored_and_old_diffs_dropped():
    early = DepthDiff(0, 1, 5, [(98, 1)], [])
    old = DepthDiff(0, 8, 10, [(100, 1)], [])
    desk, _flow = play(rows_of(early, Touch(6, (97, 1), (98, 1)), SNAPSHOT, old), 4)
    assert external(desk, BUY) == {100: 50, 99: 70} and external(desk, SELL) == {101: 60}


def test_a_diff_older_than_the_touch_does_not_bring_dead_levels_back():
    touch = Touch(14, (99, 30), (101, 60))
    late = DepthDiff(0, 11, 12, [(98, 5)], [])
    desk, _flow = play(rows_of(SNAPSHOT, touch, late), 3)
    assert external(desk, BUY) == {99: 30, 98: 5}
    final = DepthDiff(0, 13, 14, [(100, 0), (99, 30)], [])
    desk, _flow = play(rows_of(SNAPSHOT, touch, late, final), 4)
    assert external(desk, BUY) == {99: 30, 98: 5}


def test_a_loop_starts_from_a_fresh_snapshot_without_time_running_backwards():
    loops = []
    rows = rows_of(SNAPSHOT, DepthDiff(0, 11, 12, [(98, 5)], [(105, 9)]))
    flow = ReplayFlow(ETH.symbol, lambda: iter(rows), loops.append)
    desk, due = Desk(), []
    for _ in range(5):
        due.append(flow.due_ns)
        flow.step(desk.exchange.execute, flow.due_ns)
    assert loops == [1, 2] and all(late > early for early, late in pairwise(due))
    assert external(desk, BUY) == {100: 50, 99: 70} and external(desk, SELL) == {101: 60}


def test_a_hole_in_the_update_ids_is_counted():
    _desk, flow = play(rows_of(SNAPSHOT, DepthDiff(0, 15, 16, [], [])), 2)
    assert flow.gaps == 1


def test_trades_go_back_before_the_change_of_the_book_that_they_caused():
    ms = 1_000_000
    diff = DepthDiff(0, 1, 2, [], [])
    rows = [(10 * ms, diff), (25 * ms, Touch(3, (1, 1), (2, 1))), (27 * ms, RecordedTrade(14, BUY, 2, 1))]
    assert [(time, type(row)) for time, row in in_time_of_exchange(rows)] == [
        (10 * ms, DepthDiff),
        (24 * ms, RecordedTrade),
        (25 * ms, Touch),
    ]


def test_files_that_are_no_recording_are_refused(tmp_path, recordings):
    (tmp_path / "text.gz").write_text("not gzip")
    with pytest.raises(ConfigInvalid, match="gzipped"):
        check_recording(tmp_path / "text.gz", ETH)
    with gzip.open(tmp_path / "rows.gz", "wt") as file:
        file.write("123 {]\n")
    with pytest.raises(MessageInvalid, match=r"rows\.gz:1"):
        list(read_recording(tmp_path / "rows.gz", ETH))
    with gzip.open(tmp_path / "other.gz", "wt") as file:
        file.write('123 {"stream":"btcusdt@trade","data":{}}\n')
    with pytest.raises(ConfigInvalid, match="ETHUSDT"):
        check_recording(tmp_path / "other.gz", ETH)
    check_recording(recordings / FILE, ETH)
