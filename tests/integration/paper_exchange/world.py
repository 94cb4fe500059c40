"""The real venue on a free port inside the test's own loop: real sockets, real journal, no bus."""

import asyncio
import time
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from common.exchange.commands import PrintTrade, SetLevels
from common.model.instrument import Instrument
from common.model.order import Side
from common.storage import Journal
from common.venues.credentials import Credentials
from common.venues.signer import HmacSigner
from services.paper_exchange.config import ACCOUNT, PaperExchangeConfig
from services.paper_exchange.flow import run_flow
from services.paper_exchange.keys import ApiKey, new_private_key
from services.paper_exchange.server import Server
from services.paper_exchange.site import Site
from services.paper_exchange.synthetic import SyntheticFlow

KEY, SECRET = "test-key", "test-secret"
ED25519_KEY, ED25519_PEM = "test-key-ed25519", new_private_key()
ETH = Instrument(
    venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"), quantity_lots_max=90_000_000, notional_min=Decimal(5),
)  # fmt: skip


class World:
    """A running venue and a signed client for it."""

    def __init__(self, site: Site, server: Server, port: int, session: aiohttp.ClientSession) -> None:
        self.site, self.server, self.session = site, server, session
        self.rest, self.stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        self.headers: dict[str, str] = {}

    async def get(self, path: str, **values: Any) -> tuple[int, Any]:
        """An unsigned request."""
        async with self.session.get(f"{self.rest}{path}", params=values) as answer:
            self.headers = dict(answer.headers)
            return answer.status, await answer.json()

    async def signed(self, method: str, path: str, account: str = ACCOUNT, **values: Any) -> tuple[int, Any]:
        """A request signed as Binance wants it, with an account's key."""
        values.setdefault("timestamp", int(time.time() * 1000))
        query, (key, secret) = urllib.parse.urlencode(values), key_of(account)
        return await self.raw(method, path, f"{query}&signature={HmacSigner(secret).sign(query)}", key=key)

    async def raw(self, method: str, path: str, query: str, body: str = "", key: str = KEY) -> tuple[int, Any]:
        """A request exactly as given."""
        address = aiohttp.client.URL(f"{self.rest}{path}?{query}", encoded=True)
        headers = {"X-MBX-APIKEY": key, "Content-Type": "application/x-www-form-urlencoded"}
        async with self.session.request(method, address, headers=headers, data=body or None) as answer:
            self.headers = dict(answer.headers)
            return answer.status, await answer.json()

    async def place(self, side: str, price: str, quantity: str, **terms: Any) -> tuple[int, Any]:
        """A limit order, GTC unless told otherwise."""
        return await self.order(side=side, price=price, quantity=quantity, **terms)

    async def order(self, **terms: Any) -> tuple[int, Any]:
        """An order for 1 ETH at 2000.00 with some terms changed; None leaves one out."""
        values = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "2000"}
        values |= {"quantity": "1", "newOrderRespType": "FULL"} | terms
        sent = {name: value for name, value in values.items() if value is not None}
        return await self.signed("POST", "/api/v3/order", **sent)

    def calls(self, account: str = ACCOUNT) -> "Calls":
        """A connection to the WebSocket API, for `async with`."""
        return Calls(self.session.ws_connect(f"{self.stream}/ws-api/v3"), account)


class Calls:
    """A connection to the WebSocket API. `told` are the events that arrived; `reports` reads them on."""

    def __init__(self, connecting: Any, account: str) -> None:
        self._connecting, self._key = connecting, key_of(account)
        self.told: list[dict[str, Any]] = []
        self._read = self._number = 0

    async def __aenter__(self) -> "Calls":
        self.socket = await self._connecting.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._connecting.__aexit__(*error)

    async def call(self, method: str, **values: Any) -> dict[str, Any]:
        """A call exactly as given; returns its answer."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": values})
        while True:
            message = await self.socket.receive_json(timeout=10)
            if message.get("id") == self._number:
                return message
            self.told.append(message["event"])

    async def signed(self, method: str, **values: Any) -> dict[str, Any]:
        """A call signed with the account's key."""
        return await self.call(method, **call_values(*self._key, **values))

    async def listen(self) -> None:
        """Subscribe to the account's events."""
        assert (await self.signed("userDataStream.subscribe.signature"))["status"] == 200

    async def reports(self, kind: str = "", name: str = "") -> list[dict[str, Any]]:
        """The executionReports since the last call, up to the first one of an execution type or of an order's name."""
        reports = list[dict[str, Any]]()
        while not (reports and kind in ("", reports[-1]["x"]) and name in ("", reports[-1]["c"])):
            while self._read >= len(self.told):
                self.told.append((await self.socket.receive_json(timeout=10))["event"])
            event = self.told[self._read]
            self._read += 1
            if event["e"] == "executionReport":
                reports.append(event)
        return reports


def key_of(account: str) -> tuple[str, str]:
    """The HMAC key of an account."""
    return (KEY, SECRET) if account == ACCOUNT else (f"{account}-key", f"{account}-secret")


def call_values(key: str, secret: str, **values: Any) -> dict[str, Any]:
    """Parameters of a call, signed over their sorted text."""
    values |= {"apiKey": key, "timestamp": int(time.time() * 1000)}
    return values | {"signature": HmacSigner(secret).sign(urllib.parse.urlencode(sorted(values.items())))}


def run(folder: Path, scenario: Any, **settings: Any) -> None:
    """Run a scenario against a venue whose world bids 1 ETH at 1999.00 and offers 1 ETH at 2001.00."""

    async def inside() -> None:
        async with venue(folder, **settings) as world:
            levels(world, [(199_900, 10_000)], [(200_100, 10_000)])
            await scenario(world)

    asyncio.run(inside())


def levels(world: World, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
    """The world's liquidity at some prices."""
    world.site.venue.execute(SetLevels(time_ns=time.time_ns(), symbol="ETH-USDT", bids=bids, asks=asks))


def printed(world: World, side: Side, price: int, lots: int) -> None:
    """A trade of the world."""
    command = PrintTrade(
        time_ns=time.time_ns(), symbol="ETH-USDT", aggressor=side, price_ticks=price, quantity_lots=lots
    )
    world.site.venue.execute(command)


@asynccontextmanager
async def venue(
    folder: Path, flow: bool = False, seed: int = 7, instruments: tuple[Instrument, ...] = (ETH,), **settings: Any
) -> AsyncIterator[World]:
    """A venue with empty books, or with synthetic flow, whose journal lies in `folder`."""
    balances = {"ETH": Decimal(100), "USDT": Decimal(1_000_000)}
    config = PaperExchangeConfig(**({"balances": balances} | settings))
    journal = Journal(folder / "venue.db", "process")
    pairs = [(name, *key_of(name)) for name in config.customers] + [(ACCOUNT, ED25519_KEY, ED25519_PEM)]
    keys = [ApiKey(name, Credentials(key=key, secret=secret)) for name, key, secret in pairs]
    site = Site(config, list(instruments), journal, keys, time.time_ns)
    server = Server(site)
    port = await server.start("127.0.0.1", 0)
    tasks = [asyncio.create_task(_beat(site))]
    for number, each in enumerate(instruments if flow else ()):
        book = site.exchange.markets[each.symbol].book
        market = SyntheticFlow(each, config.synthetic, book, seed + number, site.anchor(each))
        tasks.append(asyncio.create_task(run_flow(market, site.venue.execute, time.time_ns, config.speed)))
    try:
        async with aiohttp.ClientSession() as session:
            yield World(site, server, port, session)
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await server.stop()
        journal.close()


async def _beat(site: Site) -> None:
    while True:
        site.beat()
        await asyncio.sleep(0.1)
