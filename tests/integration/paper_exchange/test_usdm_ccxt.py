"""Unmodified ccxt and ccxt.pro binanceusdm against the venue's perpetual, with only their addresses changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from common.model.order import Side
from tests.integration.paper_exchange.usdm_world import PERP, UsdmWorld, usdm_venue
from tests.integration.paper_exchange.world import KEY, SECRET

SYMBOL = "ETH/USDT:USDT"


def readdressed(urls: Any, rest: str, stream: str) -> Any:
    """ccxt's address table with another host; it puts /public, /market and /private into a stream that ends in /ws."""
    if isinstance(urls, dict):
        return {name: readdressed(value, rest, stream) for name, value in urls.items()}
    scheme, _, address = urls.partition("://")
    _host, slash, path = address.partition("/")
    return (stream if scheme == "wss" else rest) + slash + path


@asynccontextmanager
async def client(world: UsdmWorld) -> AsyncIterator[Any]:
    """ccxt.pro's Binance USD-M with our addresses and key."""
    exchange = ccxt.pro.binanceusdm({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    exchange.urls["api"] = readdressed(exchange.urls["api"], world.rest, world.stream)
    try:
        yield exchange
    finally:
        await exchange.close()


def run(folder: Path, scenario: Any, **settings: Any) -> None:
    """Run a scenario with a venue and a client."""

    async def inside() -> None:
        async with usdm_venue(folder, **settings) as world, client(world) as exchange:
            await exchange.load_markets()
            await asyncio.wait_for(scenario(world, exchange), 60)

    asyncio.run(inside())


async def until_book(world: UsdmWorld) -> None:
    """Wait for both sides of the synthetic book, and for a mark."""
    market = world.site.exchange.markets[PERP.symbol]
    while len(market.book.asks.top(20)) < 20 or not market.facts.mark:
        await asyncio.sleep(0.01)


async def next_of(watch: Any, *, timeout_s: float = 10.0) -> Any:
    """What a watch call gives next."""
    return await asyncio.wait_for(watch, timeout_s)


def test_markets_tickers_and_book(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        market = exchange.markets[SYMBOL]
        assert market["swap"] and market["linear"] and market["settle"] == "USDT"
        assert (market["precision"]["amount"], market["precision"]["price"]) == (1e-3, 1e-2)
        assert market["limits"]["cost"]["min"] == 20 and market["limits"]["amount"]["max"] == 10_000
        await until_book(world)
        book = await exchange.fetch_order_book(SYMBOL, 20)
        assert len(book["bids"]) == len(book["asks"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
        rate = await exchange.fetch_funding_rate(SYMBOL)
        facts = world.site.exchange.markets[PERP.symbol].facts
        assert rate["markPrice"] == facts.mark / 100 and abs(rate["indexPrice"] - rate["markPrice"]) < 10
        assert rate["fundingTimestamp"] % 3_600_000 == 0 and rate["fundingRate"] is not None
        intervals = await exchange.fetch_funding_intervals()
        assert intervals[SYMBOL]["interval"] == "1h"
        world.printed(Side.BUY, book_best(world), 500)
        ticker = await exchange.fetch_ticker(SYMBOL)
        assert ticker["last"] == facts.last / 100 and ticker["baseVolume"] > 0
        trades = await exchange.fetch_trades(SYMBOL)
        assert trades[-1]["price"] == facts.last / 100
        bars = await exchange.fetch_ohlcv(SYMBOL, "1m")
        assert bars[-1][2] >= bars[-1][4] >= bars[-1][3]
        assert (await exchange.fetch_open_interest(SYMBOL))["openInterestAmount"] == 0
        tiers = (await exchange.fetch_leverage_tiers([SYMBOL]))[SYMBOL]
        assert [(tier["maxLeverage"], tier["maintenanceMarginRate"]) for tier in tiers] == [
            (50, 0.01), (25, 0.02), (10, 0.05),
        ]  # fmt: skip
        assert tiers[1]["minNotional"] == tiers[0]["maxNotional"] == 500_000

    run(tmp_path, scenario, flow=True)


def book_best(world: UsdmWorld) -> int:
    """The best ask."""
    best = world.site.exchange.markets[PERP.symbol].book.asks.best()
    assert best is not None
    return best.price


def test_watch_order_book_follows_the_venue_without_a_checksum_error(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        await until_book(world)
        own, agreed = world.site.exchange.markets[PERP.symbol].book, 0
        for _ in range(30):
            book = await next_of(exchange.watch_order_book(SYMBOL))
            assert book["bids"][0][0] < book["asks"][0][0]
            # The client lags by at most one diff, so agreement is usual, never every time.
            agreed += book["bids"][0][0] == own.bids.best().price / 100
        data = world.usdm.market_data[PERP.symbol]
        assert agreed >= 3 and exchange.orderbooks[SYMBOL]["nonce"] <= data.update_id

    run(tmp_path, scenario, flow=True)


def test_watch_trades_bars_and_marks(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        await until_book(world)
        seen: dict[str, Any] = {}
        while len(seen) < 5:
            seen |= {trade["id"]: trade for trade in await next_of(exchange.watch_trades(SYMBOL), timeout_s=20)}
        public = {str(trade.trade_id): trade for trade in world.usdm.market_data[PERP.symbol].trades}
        for name, trade in seen.items():
            assert (trade["price"], trade["side"]) == (public[name].price_ticks / 100, public[name].aggressor.value)
        bars = await next_of(exchange.watch_ohlcv(SYMBOL, "1m"))
        assert bars[-1][5] > 0
        mark = await next_of(exchange.watch_mark_price(SYMBOL))
        assert mark["markPrice"] > 0
        ticker = await next_of(exchange.watch_ticker(SYMBOL))
        assert ticker["last"] > 0

    run(tmp_path, scenario, flow=True)


def test_orders_of_every_type(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        limit = await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 1950.0, {"clientOrderId": "cw-1"})
        assert (limit["status"], limit["clientOrderId"], limit["remaining"]) == ("open", "cw-1", 0.5)
        edited = await exchange.edit_order(limit["id"], SYMBOL, "limit", "buy", 0.7, 1951.5)
        assert (edited["id"], edited["price"], edited["amount"]) == (limit["id"], 1951.5, 0.7)
        with pytest.raises(ccxt.pro.InvalidOrder):
            await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 2001.0, {"postOnly": True})
        maker = await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 1990.0, {"postOnly": True})
        assert maker["postOnly"] and maker["timeInForce"] == "PO"
        market = await exchange.create_order(SYMBOL, "market", "buy", 2.0)
        assert (market["status"], market["filled"], market["average"]) == ("closed", 2.0, 2001.0)
        stop = await exchange.create_order(SYMBOL, "market", "sell", 1.0, None, {"stopLossPrice": 1900.0})
        profit = await exchange.create_order(SYMBOL, "limit", "sell", 1.0, 2100.0, {"takeProfitPrice": 2090.0})
        trailing = await exchange.create_order(
            SYMBOL, "market", "sell", 1.0, None, {"trailingPercent": 1.5, "trailingTriggerPrice": 2050.0}
        )
        conditional = {order["id"]: order for order in await exchange.fetch_open_orders(SYMBOL, params={"stop": True})}
        assert set(conditional) == {stop["id"], profit["id"], trailing["id"]}
        assert conditional[stop["id"]]["triggerPrice"] == 1900.0
        assert conditional[profit["id"]]["price"] == 2100.0
        assert conditional[trailing["id"]]["info"]["callbackRate"] == "1.50"
        canceled = await exchange.cancel_order(trailing["id"], SYMBOL, {"stop": True})
        assert canceled["id"] == trailing["id"]
        for each in (limit, maker):
            assert (await exchange.cancel_order(each["id"], SYMBOL))["status"] == "canceled"
        world.levels([(199_900, 0), (189_900, 5_000)], [])
        world.printed(Side.SELL, 189_900, 100)
        fired = await exchange.fetch_order(stop["id"], SYMBOL)
        assert (fired["status"], fired["filled"], fired["average"]) == ("closed", 1.0, 1899.0)
        await exchange.cancel_all_orders(SYMBOL)
        assert await exchange.fetch_open_orders(SYMBOL) == []
        batch = await exchange.create_orders(
            [
                {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 1, "price": price}
                for price in (1800, 1801, 0.02)
            ]
        )
        # ccxt sorts by time, and what was rejected has none.
        assert [each["status"] for each in batch] == ["rejected", "open", "open"]
        ended = await exchange.cancel_orders([batch[1]["id"], batch[2]["id"]], SYMBOL)
        assert [each["status"] for each in ended] == ["canceled", "canceled"]
        with pytest.raises(ccxt.pro.OrderNotFound):
            await exchange.cancel_order(batch[1]["id"], SYMBOL)
        trades = await exchange.fetch_my_trades(SYMBOL)
        assert [(trade["amount"], trade["side"]) for trade in trades][-1] == (1.0, "sell")
        assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}

    run(tmp_path, scenario)


def test_orders_and_positions_over_the_websocket_api(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        placed = await next_of(exchange.create_order_ws(SYMBOL, "limit", "buy", 0.5, 1950.0))
        assert placed["status"] == "open"
        moved = await next_of(exchange.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", 0.6, 1940.0))
        assert (moved["id"], moved["price"], moved["amount"]) == (placed["id"], 1940.0, 0.6)
        stop = await next_of(exchange.create_order_ws(SYMBOL, "market", "sell", 1, None, {"stopLossPrice": 1900.0}))
        assert stop["triggerPrice"] == 1900.0
        canceled = await next_of(exchange.cancel_order_ws(placed["id"], SYMBOL))
        assert canceled["status"] == "canceled"
        filled = await next_of(exchange.create_order_ws(SYMBOL, "market", "sell", 2))
        assert (filled["status"], filled["average"]) == ("closed", 1999.0)
        (position,) = await next_of(exchange.fetch_positions_ws([SYMBOL]))
        assert (position["side"], position["contracts"]) == ("short", 2.0)
        book = await next_of(exchange.fetch_order_book_ws(SYMBOL, 5))
        assert book["bids"][0] == [1999.0, 8.0]
        with pytest.raises(ccxt.pro.BaseError, match="-5022"):
            await next_of(exchange.create_order_ws(SYMBOL, "limit", "sell", 1, 1990.0, {"postOnly": True}))

    run(tmp_path, scenario)


def test_positions_leverage_margin_and_transfers(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        answer = await exchange.set_leverage(10, SYMBOL)
        assert answer["leverage"] == "10"
        await exchange.create_order(SYMBOL, "market", "sell", 1.5)
        (position,) = await exchange.fetch_positions([SYMBOL])
        assert (position["side"], position["contracts"], position["entryPrice"]) == ("short", 1.5, 1999.0)
        assert (position["leverage"], position["marginMode"], position["hedged"]) == (10, "cross", False)
        assert position["unrealizedPnl"] == -1.5 and position["liquidationPrice"] > 8_000
        balance = await exchange.fetch_balance()
        assert balance["USDT"]["total"] == pytest.approx(10_000 - 1.5 - 1.5 * 1999 * 0.0005)
        with pytest.raises(ccxt.pro.ExchangeError, match="-4048"):
            await exchange.set_margin_mode("isolated", SYMBOL)
        await exchange.create_order(SYMBOL, "market", "buy", 1.5, None, {"reduceOnly": True})
        assert await exchange.fetch_positions([SYMBOL]) == []
        await exchange.set_margin_mode("isolated", SYMBOL)
        await exchange.create_order(SYMBOL, "market", "buy", 1.0)
        assert (await exchange.fetch_margin_mode(SYMBOL))["marginMode"] == "isolated"
        added = await exchange.add_margin(SYMBOL, 100)
        assert (added["type"], added["amount"], added["status"]) == ("add", 100.0, "ok")
        (position,) = await exchange.fetch_positions([SYMBOL])
        assert position["marginMode"] == "isolated" and position["collateral"] > 299
        reduced = await exchange.reduce_margin(SYMBOL, 50)
        assert reduced["type"] == "reduce"
        moved = await exchange.transfer("USDT", 1_000, "swap", "spot")
        assert moved["id"] is not None
        spot = {each["asset"]: each["free"] for each in (await exchange.privateGetAccount())["balances"]}
        assert spot["USDT"] == "1001000.00000000"
        await exchange.transfer("USDT", 500, "spot", "swap")
        history = await exchange.fetch_transfers("USDT", params={"fromAccount": "spot", "toAccount": "swap"})
        assert [each["amount"] for each in history] == [500.0]
        fees = await exchange.fetch_trading_fee(SYMBOL)
        assert (fees["maker"], fees["taker"]) == (0.0, 0.0005)
        mode = await exchange.fetch_position_mode(SYMBOL)
        assert mode["hedged"] is False
        # ccxt knows most of these codes by the address of the real venue only, so it has no better name for this one.
        with pytest.raises(ccxt.pro.ExchangeError, match="-2019"):
            await exchange.create_order(SYMBOL, "limit", "buy", 1_000, 1990.0)

    run(tmp_path, scenario)


def test_watch_orders_positions_and_balance(tmp_path: Path):
    async def scenario(world: UsdmWorld, exchange: Any) -> None:
        watching = {
            "orders": asyncio.create_task(exchange.watch_orders(SYMBOL)),
            "balance": asyncio.create_task(exchange.watch_balance()),
        }
        while not any(world.usdm.hub.is_heard(key) for key in [world.usdm.keys.key_of("paper")] if key):
            await asyncio.sleep(0.01)
        placed = await exchange.create_order(SYMBOL, "limit", "buy", 1.0, 2000.0, {"clientOrderId": "cw-w"})
        (seen,) = await next_of(watching["orders"])
        assert (seen["id"], seen["status"], seen["clientOrderId"]) == (placed["id"], "open", "cw-w")
        again = asyncio.create_task(exchange.watch_orders(SYMBOL))
        fills = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
        await asyncio.sleep(0)
        world.printed(Side.SELL, 200_000, 400)
        (seen,) = await next_of(again)
        assert (seen["status"], seen["filled"], seen["remaining"], seen["average"]) == ("open", 0.4, 0.6, 2000.0)
        (fill,) = await next_of(fills)
        assert (fill["amount"], fill["price"], fill["takerOrMaker"]) == (0.4, 2000.0, "maker")
        balance = await next_of(watching["balance"])
        assert balance["USDT"]["total"] == 10_000
        held = asyncio.create_task(exchange.watch_positions([SYMBOL]))
        await asyncio.sleep(0.3)  # its first answer may be the snapshot that it asks for by itself
        world.printed(Side.SELL, 200_000, 100)
        positions = await next_of(held)
        assert positions[0]["side"] == "long" and positions[0]["contracts"] in (0.4, 0.5)
        later = asyncio.create_task(exchange.watch_orders(SYMBOL))
        await asyncio.sleep(0)
        await exchange.cancel_order(placed["id"], SYMBOL)
        while (seen := (await next_of(later))[-1])["status"] != "canceled":
            later = asyncio.create_task(exchange.watch_orders(SYMBOL))
        assert (seen["id"], seen["clientOrderId"]) == (placed["id"], "cw-w")

    run(tmp_path, scenario)
