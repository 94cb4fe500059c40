"""The real USD-M recording through the exchange: ids with holes, trades that no public taker made."""

import gzip
import json
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from common.exchange.configuration import ExchangeConfig
from common.exchange.events import EXTERNAL_ACCOUNT, Event, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.rules import PerpetualRules
from common.model.instrument import Instrument
from common.model.order import Side
from services.paper_exchange.recording import DepthDiff, DepthSnapshot, RecordedTrade, read_recording
from services.paper_exchange.replay import ReplayFlow

FILE = "binance/usdm_ethusdt_20240808.gz"
PERP = Instrument(
    venue="binance", symbol="ETH-USDT-PERP", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
)  # fmt: skip


def exchange() -> Exchange:
    """One perpetual market."""
    return Exchange(
        ExchangeConfig(instruments=[PERP], fees=FeeSchedule.flat(0, 0), perpetuals={PERP.symbol: PerpetualRules()})
    )


def recorded_states(path: Path):  # type: ignore[no-untyped-def]
    """(update id, bids, asks) after the snapshot and each diff after it: json and dicts, no code of the replay's."""
    frames = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            frame = json.loads(line.split(" ", 1)[1])
            if "lastUpdateId" in frame or "@depth" in frame["stream"]:
                frames.append(frame.get("data", frame))
    last, book = 0, ({}, {})
    start = next(number for number, frame in enumerate(frames) if "lastUpdateId" in frame)
    # The snapshot was on its way while a diff that is newer came in, so it goes first.
    for frame in (frames[start], *frames[:start], *frames[start + 1 :]):
        if "lastUpdateId" in frame:
            last = frame["lastUpdateId"]
            book = tuple({_ticks(p): _lots(q) for p, q in frame[side]} for side in ("bids", "asks"))
        elif last and frame["u"] > last:
            last = frame["u"]
            for side, levels in zip(book, (frame["b"], frame["a"]), strict=True):
                side.update({_ticks(p): _lots(q) for p, q in levels})
        else:
            continue
        yield last, *({p: q for p, q in side.items() if q} for side in book)


def _ticks(text: str) -> int:
    return int(Decimal(text) * 100)


def _lots(text: str) -> int:
    return int(Decimal(text) * 1_000)


def external(made: Exchange, side: Side) -> dict[int, int]:
    """External lots by price."""
    levels = made.markets[PERP.symbol].book.side(side).through(None)
    return {level.price: lots for level in levels if (lots := level.quantity_of(EXTERNAL_ACCOUNT))}


def test_the_book_follows_the_recording_without_a_hole_and_every_public_trade_prints(recordings: Path):
    path, made = recordings / FILE, exchange()
    flow = ReplayFlow(PERP.symbol, lambda: read_recording(path, PERP), lambda loops: None)
    states, compared, volume = recorded_states(path), 0, 0
    # Half a minute; what the rest of the file adds is time.
    while flow.due_ns < 30 * 10**9:
        row, events = flow._row, list[Event]()

        def execute(command, events=events):  # type: ignore[no-untyped-def]
            told = made.execute(command)
            told += made.changed_levels()
            events.extend(told)
            return told

        flow.step(execute, flow.due_ns)
        volume += sum(each.quantity_lots for each in events if isinstance(each, TradeExecuted))
        if flow._last_id and isinstance(row, DepthSnapshot | DepthDiff):
            update_id, bids, asks = next(states)
            while update_id < flow._last_id:
                update_id, bids, asks = next(states)
            assert update_id == flow._last_id
            compared += 1
            fresh = flow._touch is None or flow._touch.update_id <= update_id
            if fresh and compared % 20 == 0:
                assert external(made, Side.BUY) == bids and external(made, Side.SELL) == asks
    assert compared > 500 and flow.gaps == 0
    assert volume == pytest.approx(public_volume(path, 30 * 10**9), rel=0.02)


def public_volume(path: Path, length_ns: int) -> int:
    """Lots that public takers traded after the snapshot, up to some time after the first row."""
    total, has_begun, first_ns = 0, False, 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            time_ns, _, text = line.partition(" ")
            first_ns = first_ns or int(time_ns)
            if int(time_ns) > first_ns + length_ns:
                break
            frame = json.loads(text)
            has_begun = has_begun or "lastUpdateId" in frame
            if has_begun and frame.get("stream", "").endswith("@trade") and frame["data"]["X"] == "MARKET":
                total += _lots(frame["data"]["q"])
    return total


def test_the_whole_file_has_no_hole_and_only_public_trades(recordings: Path):
    last, trades = 0, 0
    for _time_ns, row in read_recording(recordings / FILE, PERP):
        if isinstance(row, DepthDiff):
            assert not last or row.follows_id == last
            last = row.last_id
        trades += isinstance(row, RecordedTrade)
    assert 13_000 < trades <= 14_076


def test_a_hole_is_where_the_previous_id_is_not_the_last_one():
    snapshot = DepthSnapshot(10, [(100, 50)], [(101, 60)])
    straddling = DepthDiff(0, 8, 15, [(99, 1)], [], previous_id=5)
    following = DepthDiff(0, 90, 95, [(98, 1)], [], previous_id=15)
    missing = DepthDiff(0, 200, 210, [(97, 1)], [], previous_id=150)
    rows = [(number, row) for number, row in enumerate((snapshot, straddling, following, missing))]
    made = exchange()
    flow = ReplayFlow(PERP.symbol, lambda: islice(rows, None), lambda loops: None)
    gaps = []
    for _ in rows:
        flow.step(made.execute, flow.due_ns)
        gaps.append(flow.gaps)
    assert gaps == [0, 0, 0, 1] and external(made, Side.BUY) == {100: 50, 99: 1, 98: 1, 97: 1}


def test_a_diff_that_overtook_the_snapshot_is_applied_after_it():
    old = DepthDiff(0, 1, 9, [(100, 7)], [], previous_id=0)
    newer = DepthDiff(0, 12, 14, [(99, 3)], [(101, 0), (102, 5)], previous_id=9)
    rows = list(enumerate((old, newer, DepthSnapshot(11, [(100, 50)], [(101, 60)]))))
    made = exchange()
    flow = ReplayFlow(PERP.symbol, lambda: iter(rows), lambda loops: None)
    for _ in rows:
        flow.step(made.execute, flow.due_ns)
    assert external(made, Side.BUY) == {100: 50, 99: 3} and external(made, Side.SELL) == {102: 5}
    assert flow.gaps == 0
