"""kill -9 of the real process while it trades: nothing that was acknowledged or told is lost, ids go on."""

import asyncio
import gzip
import json
import re
import signal
import time
import urllib.parse
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from common.exchange.fills import fills_of
from common.venues.credentials import Credentials, read_credentials
from common.venues.signer import HmacSigner
from services.console.journals import replay_venue
from tests.integration.paper_exchange.still_venue import VenueProcess

SETTINGS = """
maker_fee_bps = "1"
taker_fee_bps = "5"
[balances]
ETH = "1000"
USDT = "3000000"
"""


class Process(VenueProcess):
    """The venue as the fleet runs it: spot only, with its market flow."""

    module, perpetual = "services.paper_exchange", ""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        super().__init__(folder, settings)

    @property
    def credentials(self) -> Credentials:
        """The key that it made."""
        return read_credentials(self.var / "keys" / "binance.toml")

    def journal_fills(self) -> list[Any]:
        """Every fill that its journal holds."""
        exchange = replay_venue(self.var / "paper_exchange-binance.db")
        return [] if exchange is None else [fill for trade in exchange.ledger.trades for fill in fills_of(trade)]


class Trader:
    """A client that remembers what it was told."""

    def __init__(self, process: Process, session: aiohttp.ClientSession) -> None:
        self.process, self.session = process, session
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.told: dict[int, dict[str, Any]] = {}

    async def signed(self, method: str, path: str, **values: Any) -> Any:
        """A signed request; raises ClientError when the venue is away."""
        values["timestamp"] = int(time.time() * 1000)
        query = urllib.parse.urlencode(values)
        credentials = self.process.credentials
        query += f"&signature={HmacSigner(credentials.secret).sign(query)}"
        url = aiohttp.client.URL(f"{self.process.url}{path}?{query}", encoded=True)
        async with self.session.request(method, url, headers={"X-MBX-APIKEY": credentials.key}) as answer:
            return await answer.json()

    async def until_up(self) -> None:
        """Wait for the first answer, and for a book to trade with."""
        deadline = time.monotonic() + 20
        while True:
            try:
                async with self.session.get(f"{self.process.url}/api/v3/depth?symbol=ETHUSDT") as answer:
                    book = await answer.json()
                    if book["bids"] and book["asks"]:
                        return
            except aiohttp.ClientError:
                pass
            assert time.monotonic() < deadline, self.process.log.read_text()
            await asyncio.sleep(0.02)

    async def trade(self, prefix: str) -> None:
        """Place resting and taking orders as fast as answers come, until the venue is gone."""
        number = 0
        try:
            while True:
                number += 1
                resting = number % 3
                price, life = ("2400.00", "GTC") if resting else ("2800.00", "IOC")
                name = f"{prefix}-{number}"
                answer = await self.signed(
                    "POST", "/api/v3/order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.01",
                    newClientOrderId=name, newOrderRespType="FULL", price=price, timeInForce=life,
                )  # fmt: skip
                self.acknowledged[name] = answer
                assert "orderId" in answer, answer
                if resting == 1:
                    await self.signed("DELETE", "/api/v3/order", symbol="ETHUSDT", origClientOrderId=name)
        except aiohttp.ClientError:
            return

    async def listen(self, ready: asyncio.Event) -> None:
        """Collect the trades of the user stream until the venue is gone."""
        values = {"apiKey": self.process.credentials.key, "timestamp": int(time.time() * 1000)}
        signature = HmacSigner(self.process.credentials.secret).sign(urllib.parse.urlencode(sorted(values.items())))
        async with self.session.ws_connect(f"{self.process.url}/ws-api/v3") as stream:
            call = {"id": 1, "method": "userDataStream.subscribe.signature"}
            await stream.send_json(call | {"params": values | {"signature": signature}})
            await stream.receive()
            ready.set()
            async for message in stream:
                event = json.loads(message.data)["event"]
                if event.get("x") == "TRADE":
                    self.told[event["t"]] = event


def test_kill_9_between_orders_loses_nothing_that_was_told(tmp_path: Path):
    process = Process(tmp_path)

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            trader = Trader(process, session)
            for life in range(3):
                process.start()
                await trader.until_up()
                ready = asyncio.Event()
                listening = asyncio.create_task(trader.listen(ready))
                await ready.wait()
                trading = asyncio.create_task(trader.trade(f"life{life}"))
                goal = len(trader.acknowledged) + 25
                while len(trader.acknowledged) < goal:
                    assert not trading.done(), trading.result()
                    await asyncio.sleep(0.001)
                process.end(signal.SIGKILL)
                await asyncio.gather(trading, listening)
            process.start()
            await trader.until_up()
            await check(trader)

    try:
        asyncio.run(scenario())
    finally:
        process.end(signal.SIGTERM)
    assert process.end(0) == 0


async def check(trader: Trader) -> None:
    """What the restarted venue says against what its client was told."""
    orders = {
        o["clientOrderId"]: o for o in await trader.signed("GET", "/api/v3/allOrders", symbol="ETHUSDT", limit=1000)
    }
    fills = await trader.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT", limit=1000)
    assert len(trader.acknowledged) >= 75 and len(trader.told) >= 20
    for name, answer in trader.acknowledged.items():
        assert orders[name]["orderId"] == answer["orderId"]
        assert Decimal(orders[name]["executedQty"]) >= Decimal(answer["executedQty"])
    assert {order["status"] for order in orders.values()} == {"FILLED", "CANCELED", "EXPIRED"}
    assert await trader.signed("GET", "/api/v3/openOrders", symbol="ETHUSDT") == []
    assert set(trader.told) <= {fill["id"] for fill in fills}
    assert [fill["id"] for fill in fills] == sorted({fill["id"] for fill in fills})
    journal = trader.process.journal_fills()
    assert [fill.trade_id for fill in journal] == [fill["id"] for fill in fills]
    filled: dict[int, Decimal] = {}
    for fill in fills:
        filled[fill["orderId"]] = filled.get(fill["orderId"], Decimal(0)) + Decimal(fill["qty"])
    for order in orders.values():
        assert Decimal(order["executedQty"]) == filled.get(order["orderId"], 0)
    assert len({order["orderId"] for order in orders.values()}) == len(orders)
    balances = {each["asset"]: each for each in (await trader.signed("GET", "/api/v3/account"))["balances"]}
    ether = sum(Decimal(fill["qty"]) - Decimal(fill["commission"]) for fill in fills)
    dollars = sum(Decimal(fill["quoteQty"]) for fill in fills)
    assert Decimal(balances["ETH"]["free"]) == 1000 + ether and Decimal(balances["USDT"]["free"]) == 3_000_000 - dollars
    assert {Decimal(each["locked"]) for each in balances.values()} == {Decimal(0)}
    newest = max(order["orderId"] for order in orders.values())
    again = await trader.signed(
        "POST", "/api/v3/order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.01", price="2800",
        timeInForce="IOC", newOrderRespType="FULL",
    )  # fmt: skip
    assert again["orderId"] == newest + 1 and again["fills"][0]["tradeId"] > fills[-1]["id"]


def test_a_replayed_recording_runs_in_the_process(tmp_path: Path, recordings: Path):
    process = Process(tmp_path)
    path = recordings / "binance" / "spot_ethusdt_20240808.gz"

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            await Trader(process, session).until_up()
            async with session.ws_connect(f"{process.url}/stream?streams=ethusdt@trade") as stream:
                first = json.loads((await stream.receive(30)).data)["data"]
                assert 2679 <= float(first["p"]) <= 2686 and first["q"] == recorded_quantity(
                    path, first["p"], first["q"]
                )

    process.start(COUNTERWEIGHT_FLOW=str(path))
    try:
        asyncio.run(scenario())
    finally:
        process.end(signal.SIGTERM)


def recorded_quantity(path: Path, price: str, quantity: str) -> str:
    """The quantity, if the recording has such a trade."""
    with gzip.open(path, "rt") as lines:
        return next((quantity for line in lines if f'"p":"{price}","q":"{quantity}"' in line), "no such trade")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (SETTINGS.replace('"1"', '"-6"'), "together must not be negative"),
        ("speed = 0.0\n" + SETTINGS, "speed must be above 0"),
        ("sped = 1.0\n" + SETTINGS, "sped"),
        (SETTINGS.replace('"1000"', '"-1"'), "at least 0"),
        (SETTINGS + "[rules.BTC-USDT]\nprice_band_bps = 500\n", "rules of BTC-USDT, which is no instrument"),
        (SETTINGS + "[rules.ETH-USDT]\nprice_band_bps = -5\n", "price_band_bps must not be negative"),
        (SETTINGS + '[accounts."a/b".balances]\nETH = "1"\n', "accounts.a/b"),
    ],
)
def test_bad_settings_end_the_process_with_78_and_say_why(tmp_path: Path, settings: str, words: str):
    process = Process(tmp_path, settings)
    process.start()
    assert process.end(0) == 78
    log = process.log.read_text()
    assert words in log and re.search(r"paper_exchange-(binance|<venue>)\.toml", log)


def test_accounts_and_rules_of_the_settings_are_the_processes_own(tmp_path: Path):
    more = '[accounts.alice.balances]\nETH = "2"\n[trade_groups]\npaper = "desk"\nalice = "desk"\n'
    process = Process(tmp_path, SETTINGS + more + "[rules.ETH-USDT]\nprice_band_bps = 500\n")

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            await Trader(process, session).until_up()
            async with session.get(f"{process.url}/api/v3/exchangeInfo") as answer:
                (symbol,) = (await answer.json())["symbols"]
        assert "PERCENT_PRICE" in [each["filterType"] for each in symbol["filters"]]
        made = sorted(path.name for path in (process.var / "keys").iterdir())
        assert made == ["binance-alice.ed25519.toml", "binance-alice.toml", "binance.ed25519.toml", "binance.toml"]

    process.start()
    try:
        asyncio.run(scenario())
    finally:
        process.end(signal.SIGTERM)
    exchange = replay_venue(process.var / "paper_exchange-binance.db")
    assert exchange is not None and exchange.config.trade_groups == {"paper": "desk", "alice": "desk"}
    assert exchange.ledger.accounts.free("alice", "ETH") == 2 * 10**8


def test_a_flow_that_is_no_recording_ends_the_process_with_78(tmp_path: Path):
    process = Process(tmp_path)
    process.start(COUNTERWEIGHT_FLOW=str(tmp_path / "nothing.gz"))
    assert process.end(0) == 78
    assert "nothing.gz" in process.log.read_text()
