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

from common.model.instrument import Instrument
from common.storage import Journal
from common.venues.credentials import Credentials
from common.venues.signer import HmacSigner
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.flow import run_flow
from services.paper_exchange.server import Server
from services.paper_exchange.site import Site
from services.paper_exchange.synthetic import SyntheticFlow

KEY, SECRET = "test-key", "test-secret"
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

    async def signed(self, method: str, path: str, **values: Any) -> tuple[int, Any]:
        """A request signed as Binance wants it."""
        values.setdefault("timestamp", int(time.time() * 1000))
        query = urllib.parse.urlencode(values)
        return await self.raw(method, path, f"{query}&signature={HmacSigner(SECRET).sign(query)}")

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


@asynccontextmanager
async def venue(
    folder: Path, flow: bool = False, seed: int = 7, instruments: tuple[Instrument, ...] = (ETH,), **settings: Any
) -> AsyncIterator[World]:
    """A venue with empty books, or with synthetic flow, whose journal lies in `folder`."""
    balances = {"ETH": Decimal(100), "USDT": Decimal(1_000_000)}
    config = PaperExchangeConfig(**({"balances": balances} | settings))
    journal = Journal(folder / "venue.db", "process")
    site = Site(config, list(instruments), journal, Credentials(key=KEY, secret=SECRET), time.time_ns)
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
