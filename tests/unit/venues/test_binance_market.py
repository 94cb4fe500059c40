"""Public frames: golden ones, garbage, and the recordings."""

import bisect
import gzip
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.errors import ConfigInvalid, MessageInvalid
from common.model.order import Side
from common.venues.binance_market import BinanceMarket, read_time_ns
from common.venues.book_sync import BookSync, SyncStep
from common.venues.events import (
    Acknowledged,
    ConnectionEnding,
    DepthChanged,
    MarketEvent,
    TouchChanged,
    TradeSeen,
)
from tests.unit.venues.eth import ETH

CODEC = BinanceMarket([ETH])
DEPTH = (
    b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"ETHUSDT","U":7,"u":9,'
    b'"b":[["2683.80000000","3.02920000"],["2679.00000000","0.00000000"]],"a":[]}}'
)
TICKER = (
    b'{"stream":"ethusdt@bookTicker","data":{"u":8,"s":"ETHUSDT","b":"2683.80000000","B":"3.02920000",'
    b'"a":"2683.81000000","A":"31.43950000"}}'
)
TRADE = (
    b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161255343,"s":"ETHUSDT","t":37,"p":"2683.81000000",'
    b'"q":"0.02000000","T":1723161255342,"m":true,"M":true}}'
)
GOLDEN: list[tuple[bytes, MarketEvent]] = [
    (DEPTH, DepthChanged("ETHUSDT", 7, 9, 1723161255308000000, [(268380, 30292), (267900, 0)], [])),
    (TICKER, TouchChanged("ETHUSDT", 8, (268380, 30292), (268381, 314395))),
    (TRADE, TradeSeen("ETHUSDT", 37, 268381, 200, Side.SELL, 1723161255342000000)),
    (b'{"result":null,"id":1}', Acknowledged()),
    (b'{"e":"serverShutdown","E":1770123456789}', ConnectionEnding()),
]


@pytest.mark.parametrize(("frame", "event"), GOLDEN, ids=lambda value: type(value).__name__)
def test_golden_frames(frame: bytes, event: MarketEvent) -> None:
    assert CODEC.on_frame(frame) == event
    assert CODEC.on_frame(frame.decode()) == event


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_garbage_is_refused(frame: bytes | str) -> None:
    with pytest.raises(MessageInvalid):
        CODEC.on_frame(frame)


@given(st.sampled_from([DEPTH, TICKER, TRADE]), st.integers(0, 250), st.binary(min_size=1, max_size=4))
def test_damaged_frames_are_read_or_refused(frame: bytes, at: int, damage: bytes) -> None:
    try:
        assert isinstance(CODEC.on_frame(frame[:at] + damage + frame[at + len(damage) :]), MarketEvent)
    except MessageInvalid:
        pass


@pytest.mark.parametrize(
    "frame",
    [
        '{"stream":"btcusdt@bookTicker","data":{"u":8,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}',
        '{"stream":"ethusdt@kline_1m","data":{}}',
        '{"id":1,"error":{"code":2,"msg":"no"}}',
        "[" * 5_000,
    ],
)
def test_refused(frame: str) -> None:
    with pytest.raises(MessageInvalid):
        CODEC.on_frame(frame)


def test_addresses() -> None:
    assert CODEC.stream_url("ws://h:1/") == (
        "ws://h:1/stream?streams=ethusdt@depth@100ms/ethusdt@bookTicker/ethusdt@trade"
    )
    assert CODEC.snapshot_target("ETHUSDT", 1000) == "/api/v3/depth?symbol=ETHUSDT&limit=1000"
    assert CODEC.info_target() == "/api/v3/exchangeInfo?symbols=%5B%22ETHUSDT%22%5D"
    assert read_time_ns(b'{"serverTime":1723161255342}') == 1723161255342000000


def info(tick_size: str = "0.01000000", step_size: str = "0.00010000", symbol: str = "ETHUSDT") -> bytes:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick_size},
        {"filterType": "LOT_SIZE", "stepSize": step_size},
    ]
    return json.dumps({"symbols": [{"symbol": symbol, "status": "TRADING", "filters": filters}]}).encode()


def test_rules_are_compared() -> None:
    CODEC.check_info(info())
    for wrong in (info(tick_size="0.10"), info(step_size="0.001"), info(symbol="BTCUSDT")):
        with pytest.raises(ConfigInvalid):
            CODEC.check_info(wrong)
    for unreadable in (b"{}", b"", info(tick_size="much")):
        with pytest.raises(MessageInvalid):
            CODEC.check_info(unreadable)


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> list[bytes]:
    """Frames of six minutes of 2024, without their local times."""
    with gzip.open(recordings / "binance" / "spot_ethusdt_20240808.gz") as file:
        return [line.split(b" ", 1)[1] for line in file]


def test_recorded_book_equals_the_recorded_touches(recorded: list[bytes]) -> None:
    sync, touches, books = BookSync(), {}, {}
    for frame in recorded:
        if frame.startswith(b'{"lastUpdateId"'):
            assert sync.on_snapshot(sync.epoch, CODEC.on_snapshot("ETHUSDT", frame)) is SyncStep.LIVE
            continue
        event = CODEC.on_frame(frame)
        if isinstance(event, TouchChanged):
            touches[event.update_id] = (event.bid, event.ask)
        elif isinstance(event, DepthChanged):
            assert sync.on_change(event) in (SyncStep.BUFFERED, SyncStep.APPLIED)
            if sync.is_live:
                books[sync.update_id] = sync.book.touch()
    update_ids = sorted(touches)
    compared = 0
    for update_id, touch in books.items():
        newest = bisect.bisect_right(update_ids, update_id)
        if newest:
            compared += 1
            assert touches[update_ids[newest - 1]] == touch, update_id
    assert compared > 3_400


def test_gap_in_the_recording_is_noticed(recorded: list[bytes]) -> None:
    sync = BookSync()
    depths = [frame for frame in recorded[:2_000] if b"@depth" in frame]
    (snapshot,) = [frame for frame in recorded[:2_000] if frame.startswith(b'{"lastUpdateId"')]
    sync.on_snapshot(sync.epoch, CODEC.on_snapshot("ETHUSDT", snapshot))
    del depths[60]
    steps = [sync.on_change(event) for frame in depths if isinstance(event := CODEC.on_frame(frame), DepthChanged)]
    assert steps[58:61] == [SyncStep.APPLIED, SyncStep.APPLIED, SyncStep.GAP]
    assert set(steps[61:]) == {SyncStep.BUFFERED}


def test_older_capture_of_other_markets(recordings: Path) -> None:
    """2021 frames of three other symbols: each depth, ticker and snapshot is read on its own market's grid."""
    folder = recordings / "frames" / "binance"
    listed = json.loads((folder / "binance_exchangeInfo_head.json").read_text())["symbols"]
    markets = []
    for each in listed:
        filters = {rule["filterType"]: rule for rule in each["filters"]}
        steps = {"tick_size": filters["PRICE_FILTER"]["tickSize"], "lot_size": filters["LOT_SIZE"]["stepSize"]}
        names = {"venue": "binance", "symbol": each["symbol"], "venue_symbol": each["symbol"]}
        assets = {"base": each["baseAsset"], "quote": each["quoteAsset"]}
        markets.append(msgspec.convert(names | assets | steps, type=type(ETH)))
    codec, kinds = BinanceMarket(markets), set()
    for line in (folder / "binance_all.jsonl").read_text().splitlines():
        raw = json.loads(line)["raw"]
        stream = raw.get("stream", "") if isinstance(raw, dict) else ""
        if stream.endswith(("@depth@100ms", "@bookTicker")) and raw["data"]["s"] in {each["symbol"] for each in listed}:
            kinds.add(type(codec.on_frame(json.dumps(raw))))
    assert kinds == {DepthChanged, TouchChanged}
    for symbol in ("BLZETH", "NKNUSDT"):
        body = (folder / f"binance_{symbol}_snapshot.json").read_bytes()
        snapshot = codec.on_snapshot(symbol, body)
        assert snapshot.bids and snapshot.bids[0][0] < snapshot.asks[0][0]
