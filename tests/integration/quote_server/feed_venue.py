"""A public Binance feed under the test's hand: every frame is sent on command, the clock is off by 1.27 s."""

import asyncio
import json
import time
from typing import Any

from aiohttp import web

OFFSET_MS = 1_270


class FeedVenue:
    """A book of two levels a side, whose update ids the test moves. `snapshots` counts REST snapshots."""

    def __init__(self, tick_size: str = "0.01000000") -> None:
        self.update_id, self.tick_size = 100, tick_size
        self.bids = {"2500.00": "1.0000", "2499.00": "2.0000"}
        self.asks = {"2500.01": "3.0000", "2501.00": "4.0000"}
        self.snapshots = self.port = 0
        self.refuse_snapshots = 0
        self.lag_ms = 0
        self.sockets: list[web.WebSocketResponse] = []
        self._runner: web.AppRunner | None = None
        self._flowing: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/api/v3/exchangeInfo", self._info)
        app.router.add_get("/api/v3/time", self._time)
        app.router.add_get("/api/v3/depth", self._depth)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.still()
        for socket in self.sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def flow(self) -> None:
        """Send an empty-handed depth frame each 20 ms: a live but quiet market."""

        async def flow() -> None:
            while True:
                await self.change()
                await asyncio.sleep(0.02)

        self._flowing = asyncio.ensure_future(flow())

    def still(self) -> None:
        """Stop the flow, as a half-open connection does."""
        if self._flowing is not None:
            self._flowing.cancel()
            self._flowing = None

    async def change(
        self, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None, skip: int = 0
    ) -> None:
        """One depth difference; `skip` update ids are lost before it."""
        first = self.update_id + 1 + skip
        self.update_id = first + 1
        for side, levels in ((self.bids, bids or {}), (self.asks, asks or {})):
            side.update(levels)
            for price in [price for price, quantity in side.items() if not float(quantity)]:
                del side[price]
        data = {
            "e": "depthUpdate", "E": self._now_ms() - self.lag_ms, "s": "ETHUSDT", "U": first, "u": self.update_id,
            "b": list((bids or {}).items()), "a": list((asks or {}).items()),
        }  # fmt: skip
        await self.send({"stream": "ethusdt@depth@100ms", "data": data})

    async def touch(self, bid: tuple[str, str], ask: tuple[str, str], update_id: int) -> None:
        data = {"u": update_id, "s": "ETHUSDT", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        await self.send({"stream": "ethusdt@bookTicker", "data": data})

    async def trade(self, trade_id: int, price: str, quantity: str, buyer_is_maker: bool) -> None:
        data = {
            "e": "trade", "E": self._now_ms(), "s": "ETHUSDT", "t": trade_id, "p": price, "q": quantity,
            "T": self._now_ms(), "m": buyer_is_maker, "M": True,
        }  # fmt: skip
        await self.send({"stream": "ethusdt@trade", "data": data})

    async def send(self, frame: Any) -> None:
        """One frame to every connection, in order with all others."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for socket in self.sockets:
            if not socket.closed:
                await socket.send_str(text)

    def _now_ms(self) -> int:
        return int(time.time() * 1000) + OFFSET_MS

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        assert request.query["streams"] == "ethusdt@depth@100ms/ethusdt@bookTicker/ethusdt@trade"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        self.sockets.remove(socket)
        return socket

    async def _depth(self, _request: web.Request) -> web.Response:
        self.snapshots += 1
        if self.refuse_snapshots:
            self.refuse_snapshots -= 1
            return web.json_response({"code": -1000, "msg": "inside"}, status=500)
        levels = {"bids": list(self.bids.items()), "asks": list(self.asks.items())}
        return web.json_response({"lastUpdateId": self.update_id} | levels)

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": self._now_ms()})

    async def _info(self, _request: web.Request) -> web.Response:
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100000", "tickSize": self.tick_size},
            {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000", "stepSize": "0.00010000"},
        ]
        return web.json_response({"symbols": [{"symbol": "ETHUSDT", "status": "TRADING", "filters": filters}]})
