"""Candles, aggregate trades and tickers over the wire, asked for and streamed."""

import time
from pathlib import Path
from typing import Any

import pytest

from common.exchange.commands import PrintTrade, TakeLiquidity
from common.model.order import Side
from services.paper_exchange.candles import MINUTE_MS
from tests.integration.paper_exchange.world import World, levels, printed, run

SYMBOL = {"symbol": "ETHUSDT"}


def printed_at(world: World, at_ms: int, price: int, lots: int) -> None:
    """A trade of the world at another time."""
    command = PrintTrade(
        time_ns=at_ms * 10**6, symbol="ETH-USDT", aggressor=Side.BUY, price_ticks=price, quantity_lots=lots
    )
    world.site.venue.execute(command)


def test_klines(tmp_path: Path):
    async def scenario(world: World) -> None:
        assert await world.get("/api/v3/klines", **SYMBOL, interval="1m") == (200, [])
        # Far ahead, so that all of it is later than the venue's first command.
        start = (int(time.time() * 1000) // (5 * MINUTE_MS) + 3) * 5 * MINUTE_MS
        for minute, price in ((0, 200_100), (1, 200_300), (4, 200_200), (5, 200_400)):
            printed_at(world, start + minute * MINUTE_MS, price, 1_000)
        _, rows = await world.get("/api/v3/klines", **SYMBOL, interval="1m", startTime=start, limit=3)
        assert [(row[0], row[1], row[5], row[8]) for row in rows] == [
            (start, "2001.00000000", "0.10000000", 1),
            (start + MINUTE_MS, "2003.00000000", "0.10000000", 1),
            (start + 2 * MINUTE_MS, "2003.00000000", "0.00000000", 0),
        ]
        _, rows = await world.get("/api/v3/klines", **SYMBOL, interval="5m", limit=2)
        assert rows[0] == [
            start, "2001.00000000", "2003.00000000", "2001.00000000", "2002.00000000", "0.30000000",
            start + 5 * MINUTE_MS - 1, "600.60000000", 3, "0.30000000", "600.60000000", "0",
        ]  # fmt: skip
        _, rows = await world.get("/api/v3/klines", **SYMBOL, interval="1m", endTime=start, limit=1)
        assert [row[0] for row in rows] == [start]
        for values, code in (
            (SYMBOL, -1102), (SYMBOL | {"interval": "7m"}, -1120), (SYMBOL | {"interval": "1s"}, -1120),
            ({"symbol": "NOPE", "interval": "1m"}, -1121), (SYMBOL | {"interval": "1m", "limit": "x"}, -1102),
        ):  # fmt: skip
            status, answer = await world.get("/api/v3/klines", **values)
            assert (status, answer["code"]) == (400, code)
        async with world.calls() as calls:
            answer = await calls.call("klines", **SYMBOL, interval="1m", limit=1)
            assert answer["result"][0][4] == "2004.00000000"

    run(tmp_path, scenario)


def test_tickers(tmp_path: Path):
    async def scenario(world: World) -> None:
        _, empty = await world.get("/api/v3/ticker/24hr", **SYMBOL)
        assert (empty["lastPrice"], empty["count"], empty["priceChangePercent"]) == ("0.00000000", 0, "0.000")
        assert (await world.get("/api/v3/ticker/price", **SYMBOL))[1]["price"] == "0.00000000"
        for price, lots in ((200_100, 2_000), (200_500, 1_000), (199_000, 1_000), (200_300, 500)):
            printed(world, Side.BUY, price, lots)
        levels(world, [(199_900, 10_000)], [(200_400, 20_000)])
        _, day = await world.get("/api/v3/ticker/24hr", **SYMBOL)
        expected = {
            "symbol": "ETHUSDT", "priceChange": "2.00000000", "priceChangePercent": "0.100",
            "weightedAvgPrice": "1999.66666666", "prevClosePrice": "2001.00000000", "lastPrice": "2003.00000000",
            "lastQty": "0.05000000", "bidPrice": "1999.00000000", "bidQty": "1.00000000",
            "askPrice": "2004.00000000", "askQty": "2.00000000", "openPrice": "2001.00000000",
            "highPrice": "2005.00000000", "lowPrice": "1990.00000000", "volume": "0.45000000",
            "quoteVolume": "899.85000000", "count": 4,
        }  # fmt: skip
        assert {name: day[name] for name in expected} == expected
        assert day["closeTime"] - day["openTime"] == 86_400_000 and day["lastId"] - day["firstId"] == 3
        _, mini = await world.get("/api/v3/ticker/24hr", **SYMBOL, type="MINI")
        assert "bidPrice" not in mini and mini["lastPrice"] == day["lastPrice"]
        assert (await world.get("/api/v3/ticker/24hr", **SYMBOL, type="HUGE"))[1]["code"] == -1139
        _, price = await world.get("/api/v3/ticker/price", **SYMBOL)
        assert price == {"symbol": "ETHUSDT", "price": "2003.00000000"}
        _, average = await world.get("/api/v3/avgPrice", **SYMBOL)
        assert (average["mins"], average["price"]) == (5, "1999.66666666")
        for path in ("24hr", "price", "bookTicker"):
            for values in ({}, {"symbols": '["ETHUSDT"]'}):
                _, listed = await world.get(f"/api/v3/ticker/{path}", **values)
                assert [each["symbol"] for each in listed] == ["ETHUSDT"]
            assert (await world.get(f"/api/v3/ticker/{path}", symbols='["NOPE"]'))[1]["code"] == -1121
        await world.get("/api/v3/ticker/24hr")
        spent = int(world.headers["X-MBX-USED-WEIGHT-1M"])
        await world.get("/api/v3/ticker/24hr", **SYMBOL)
        assert int(world.headers["X-MBX-USED-WEIGHT-1M"]) == spent + 2
        async with world.calls() as calls:
            for method, name in (("ticker.24hr", "lastPrice"), ("ticker.price", "price"), ("ticker.book", "bidPrice")):
                assert name in (await calls.call(method, symbols=["ETHUSDT"]))["result"][0]

    run(tmp_path, scenario)


def test_aggregate_trades(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.session.ws_connect(f"{world.stream}/ws/ethusdt@aggTrade") as socket:
            await world.place("SELL", "2001", "0.5")
            levels(world, [], [(200_200, 10_000)])
            world.site.venue.execute(
                TakeLiquidity(
                    time_ns=time.time_ns(), symbol="ETH-USDT", side=Side.BUY, price_ticks=200_200, quantity_lots=16_000
                )
            )
            first, second = [await socket.receive_json(timeout=10) for _ in range(2)]
        # 1 ETH of the world's and half an ETH of ours at 2001 are two trades of one taker, and one aggregate.
        assert (first["p"], first["q"], first["l"] - first["f"], first["m"]) == (
            "2001.00000000", "1.50000000", 1, False,
        )  # fmt: skip
        assert (second["p"], second["q"], second["a"]) == ("2002.00000000", "0.10000000", first["a"] + 1)
        _, listed = await world.get("/api/v3/aggTrades", **SYMBOL)
        names = set(listed[0])
        assert [each["a"] for each in listed] == [first["a"], second["a"]]
        assert listed[0] == {name: first[name] for name in names}
        _, later = await world.get("/api/v3/aggTrades", **SYMBOL, fromId=second["a"])
        assert later == listed[1:]
        _, one = await world.get("/api/v3/aggTrades", **SYMBOL, limit=1)
        assert one == listed[1:]
        _, one = await world.get("/api/v3/aggTrades", **SYMBOL, startTime=0, limit=1)
        assert one == listed[:1]
        bad = ({"fromId": 1, "startTime": 1}, -1128), ({"startTime": 1, "endTime": 10**9}, -1127)
        for values, code in bad:
            assert (await world.get("/api/v3/aggTrades", **SYMBOL, **values))[1]["code"] == code

    run(tmp_path, scenario)


@pytest.mark.parametrize("stream", ["kline_1m", "kline_1w", "ticker", "miniTicker"])
def test_streams_tell_what_requests_tell(tmp_path: Path, stream: str):
    async def scenario(world: World) -> None:
        async with world.session.ws_connect(f"{world.stream}/ws/ethusdt@{stream}") as socket:
            printed(world, Side.BUY, 200_100, 1_000)
            printed(world, Side.BUY, 200_300, 3_000)
            while True:
                frame = await socket.receive_json(timeout=10)
                if not frame.get("k", {}).get("x"):
                    break
        assert frame["s"] == "ETHUSDT"
        if "k" in frame:
            check_candle(frame["k"])
        else:
            _, day = await world.get("/api/v3/ticker/24hr", **SYMBOL)
            shown = {"c": "lastPrice", "o": "openPrice", "h": "highPrice", "v": "volume", "q": "quoteVolume"}
            if stream == "ticker":
                shown |= {"P": "priceChangePercent", "w": "weightedAvgPrice", "b": "bidPrice", "n": "count"}
            assert {name: frame[name] for name in shown} == {name: day[other] for name, other in shown.items()}

    run(tmp_path, scenario)


def check_candle(candle: dict[str, Any]) -> None:
    """It holds the two trades, unless a minute ended between them."""
    assert (candle["c"], candle["x"]) == ("2003.00000000", False)
    if candle["n"] == 2:
        assert (candle["o"], candle["v"], candle["q"]) == ("2001.00000000", "0.40000000", "801.00000000")
    assert candle["T"] - candle["t"] == (MINUTE_MS if candle["i"] == "1m" else 7 * 1_440 * MINUTE_MS) - 1


def test_a_candle_that_ends_says_so_once(tmp_path: Path):
    async def scenario(world: World) -> None:
        ticker, now_ms = world.site.market_data["ETH-USDT"].ticker, int(time.time() * 1000)
        start = (now_ms // MINUTE_MS + 2) * MINUTE_MS
        printed_at(world, start + 100, 200_100, 1_000)

        def told(at_ms: int) -> list[tuple[int, bool, int]]:
            frames = ticker._kline_frames("1m", MINUTE_MS, at_ms)
            return [(frame["k"]["t"] - start, frame["k"]["x"], frame["k"]["n"]) for frame in frames]

        assert told(start + 200) == [(0, False, 1)]
        assert told(start + 1_200) == []  # nothing new
        printed_at(world, start + 59_900, 200_100, 1_000)
        printed_at(world, start + MINUTE_MS + 10, 200_200, 1_000)
        assert told(start + MINUTE_MS + 300) == [(0, True, 2), (MINUTE_MS, False, 1)]
        ticker.candles.pass_time(start + 3 * MINUTE_MS)
        assert told(start + 3 * MINUTE_MS + 5) == [(MINUTE_MS, True, 1), (3 * MINUTE_MS, False, 0)]

    run(tmp_path, scenario)
