"""The venue as a process with spot and a perpetual: a replayed recording, kill -9, and settings that make no sense."""

import asyncio
import re
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.paper_exchange.test_restart import SETTINGS, Process, Trader

PERPETUAL = """
[[instruments]]
venue = "binance"
symbol = "ETH-USDT-PERP"
venue_symbol = "ETHUSDT"
base = "ETH"
quote = "USDT"
tick_size = "0.01"
lot_size = "0.001"
notional_min = "20"
"""
FUTURES = """
[margin_balances]
USDT = "100000"
[perpetuals.ETH-USDT-PERP]
leverage_default = 20
[[perpetuals.ETH-USDT-PERP.tiers]]
notional_units_min = 0
leverage_max = 50
[[perpetuals.ETH-USDT-PERP.tiers]]
notional_units_min = 50_000_000_000_000 # 500,000 USDT
leverage_max = 20
"""
SYMBOL = {"symbol": "ETHUSDT"}


class FuturesProcess(Process):
    """A venue with a second market."""

    def __init__(self, folder: Path, settings: str = SETTINGS + FUTURES) -> None:
        super().__init__(folder, settings)
        fleet = self.configs / "fleet.toml"
        fleet.write_text(fleet.read_text() + PERPETUAL)


async def until(trader: Trader, path: str, holds: Any) -> Any:
    """What a path answers once it answers as wanted."""
    deadline = time.monotonic() + 20
    while True:
        try:
            async with trader.session.get(f"{trader.process.url}{path}") as answer:
                found = await answer.json()
                if holds(found):
                    return found
        except aiohttp.ClientError:
            pass
        assert time.monotonic() < deadline, trader.process.log.read_text()[-2_000:]
        await asyncio.sleep(0.02)


def has_book(book: Any) -> bool:
    """True with both sides."""
    return bool(book.get("bids") and book.get("asks"))


def test_positions_and_stops_survive_kill_9(tmp_path: Path):
    process = FuturesProcess(tmp_path, "expires_open_orders = false\n" + SETTINGS + FUTURES)

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            trader = Trader(process, session)
            process.start()
            await until(trader, "/fapi/v1/depth?symbol=ETHUSDT", has_book)
            await until(trader, "/fapi/v1/premiumIndex?symbol=ETHUSDT", lambda row: float(row["indexPrice"]) > 0)
            terms = SYMBOL | {"side": "BUY", "type": "MARKET", "quantity": "1.5", "newOrderRespType": "RESULT"}
            bought = await trader.signed("POST", "/fapi/v1/order", **terms)
            assert bought["status"] == "FILLED", bought
            stop = SYMBOL | {"side": "SELL", "type": "STOP_MARKET", "stopPrice": "1000", "closePosition": "true"}
            placed = await trader.signed("POST", "/fapi/v1/order", **stop)
            await trader.signed("POST", "/fapi/v1/countdownCancelAll", **SYMBOL, countdownTime=86_400_000)
            before = await trader.signed("GET", "/fapi/v2/positionRisk", **SYMBOL)
            process.end(signal.SIGKILL)
            process.start()
            await until(trader, "/fapi/v1/depth?symbol=ETHUSDT", has_book)
            (after,) = await trader.signed("GET", "/fapi/v2/positionRisk", **SYMBOL)
            names = ("positionAmt", "entryPrice", "leverage")
            assert [after[name] for name in names] == [before[0][name] for name in names]
            (kept,) = await trader.signed("GET", "/fapi/v1/openOrders", **SYMBOL)
            assert kept["orderId"] == placed["orderId"] and kept["closePosition"] is True
            wallet = (await trader.signed("GET", "/fapi/v3/balance"))[0]["balance"]
            fee = 1.5 * float(bought["avgPrice"]) * 0.0005
            assert float(wallet) == pytest.approx(100_000 - fee, abs=1e-6)
            spot = await trader.signed("GET", "/api/v3/account")
            assert {each["asset"]: each["free"] for each in spot["balances"]}["USDT"] == "3000000.00000000"

    try:
        asyncio.run(scenario())
    finally:
        process.end(signal.SIGTERM)


def test_each_market_replays_its_own_recording(tmp_path: Path, recordings: Path):
    path = recordings / "binance" / "usdm_ethusdt_20240808.gz"
    settings = SETTINGS.replace("[balances]", f'[recordings]\nETH-USDT-PERP = "{path}"\n[balances]')
    process = FuturesProcess(tmp_path, settings + FUTURES)

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            trader = Trader(process, session)
            book = await until(trader, "/fapi/v1/depth?symbol=ETHUSDT&limit=100", lambda b: len(b.get("bids", [])) > 50)
            assert 2_679 < float(book["bids"][0][0]) < float(book["asks"][0][0]) < 2_686
            trades = await until(trader, "/fapi/v1/trades?symbol=ETHUSDT", lambda rows: len(rows) > 3)
            assert all(2_679 < float(row["price"]) < 2_686 for row in trades)
            # Spot replays what the operator chose for all, and is what the perpetual is marked by.
            spot = await until(trader, "/api/v3/depth?symbol=ETHUSDT", has_book)
            marks = await until(
                trader, "/fapi/v1/premiumIndex?symbol=ETHUSDT", lambda row: float(row["indexPrice"]) > 0
            )
            assert abs(float(marks["indexPrice"]) - float(spot["bids"][0][0])) < 10

    process.start(COUNTERWEIGHT_FLOW=str(recordings / "binance" / "spot_ethusdt_20240808.gz"))
    try:
        asyncio.run(scenario())
    finally:
        process.end(signal.SIGTERM)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[perpetuals.ETH-USDT-PERP]", "[perpetuals.BTC-USDT-PERP]", "BTC-USDT-PERP"),
        ('USDT = "100000"', 'ETH = "1"', "margin_balances"),
        ('USDT = "100000"', 'USDT = "-1"', "at least 0"),
        ("leverage_max = 20", "leverage_max = 60", "falling leverage"),
        ("[margin_balances]", '[recordings]\nNONE = "x.gz"\n[margin_balances]', "recordings"),
    ],
)
def test_bad_settings_end_the_process_with_78_and_say_why(tmp_path: Path, old: str, new: str, words: str):
    assert old in FUTURES
    text = FUTURES.replace(old, new).replace(
        "[[perpetuals.ETH", "[[perpetuals.BTC" if "BTC" in new else "[[perpetuals.ETH"
    )
    process = FuturesProcess(tmp_path, SETTINGS + text)
    process.start()
    assert process.end(0) == 78
    log = process.log.read_text()
    assert words in log and re.search(r"paper_exchange-(binance|<venue>)\.toml", log)
