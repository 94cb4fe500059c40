"""A small Binance that breaks on request: it accepts orders and drops, garbles, delays or refuses the answers."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter, defaultdict, deque
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

KEY, SECRET = "test-key", "test-secret"
SLOW_S = 0.2
LIVE = ("NEW", "PARTIALLY_FILLED")


class Refused(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status


class ProblemVenue:
    """Faults are queued per "METHOD path"; each request takes at most one.

    accept_drop     carry it out, close the connection without an answer
    accept_hang     carry it out, never answer
    accept_garbage  carry it out, answer 200 with no JSON
    accept_500      carry it out, answer 500
    accept_1007     carry it out, answer -1007
    accept_slowly   carry it out and answer, but only after a while
    drop, hang, 500, 429, 1021: the same without carrying it out
    """

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []
        self.accepted: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.faults: defaultdict[str, deque[str]] = defaultdict(deque)
        self.users: list[web.WebSocketResponse] = []
        self.clock_offset_ms = 1_270
        self.mute_users = False
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/ws-api/v3", self._user_stream)
        app.router.add_route("*", "/{tail:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self.drop_users()
        if self._runner is not None:
            await self._runner.cleanup()

    async def drop_users(self) -> None:
        users, self.users = self.users, []
        for user in users:
            await user.close()

    @property
    def resting(self) -> list[str]:
        return [name for name, order in self.orders.items() if order["status"] in LIVE]

    async def fill(self, name: str, quantity: str, report: bool = True) -> int:
        """Trade part of a resting order against us as the maker; returns the trade id."""
        order = self.orders[name]
        trade_id = 100 + len(self.trades)
        done = float(order["executedQty"]) + float(quantity)
        order["executedQty"] = f"{done:.8f}"
        order["status"] = "FILLED" if done >= float(order["origQty"]) else "PARTIALLY_FILLED"
        self.trades.append(
            {
                "symbol": order["symbol"], "id": trade_id, "orderId": order["orderId"], "price": order["price"],
                "qty": quantity, "commission": "0.00010000", "commissionAsset": "ETH", "time": self.now_ms(),
                "isBuyer": order["side"] == "BUY", "isMaker": True,
            }
        )  # fmt: skip
        if report:
            await self._tell(order, "TRADE", quantity, trade_id)
        return trade_id

    def add_resting(self, name: str) -> None:
        """An order that was there before."""
        self._place({"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "price": "2000", "quantity": "1",
                     "newClientOrderId": name})  # fmt: skip

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.clock_offset_ms

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        question = f"{request.method} {request.path}"
        self.requests[question] += 1
        fault = self.faults[question].popleft() if self.faults[question] else ""
        headers = {"X-MBX-USED-WEIGHT-1M": str(sum(self.requests.values()))}
        try:
            body: Any = {}
            if fault == "accept_slowly":
                await asyncio.sleep(SLOW_S)
            if fault.startswith("accept") or not fault:
                body = await self._carry_out(request)
            return await self._misbehave(request, fault) or web.json_response(body, headers=headers)
        except Refused as error:
            return web.json_response({"code": error.code, "msg": error.message}, status=error.status)

    async def _misbehave(self, request: web.Request, fault: str) -> web.StreamResponse | None:
        if fault.endswith("drop"):
            assert request.transport is not None
            request.transport.abort()
        elif fault.endswith("hang"):
            await asyncio.sleep(5)
        elif fault.endswith("garbage"):
            return web.Response(text='{"orderId": oops')
        elif fault.endswith("500"):
            return web.Response(status=500, text="<html>bad gateway</html>")
        elif fault.endswith("1007"):
            return web.json_response({"code": -1007, "msg": "Timeout waiting for response"}, status=408)
        elif fault == "429":
            return web.json_response({"code": -1003, "msg": "Too many"}, status=429, headers={"Retry-After": "1"})
        elif fault == "1021":
            return web.json_response({"code": -1021, "msg": "outside of the recvWindow"}, status=400)
        return None

    async def _carry_out(self, request: web.Request) -> Any:
        question = f"{request.method} {request.path}"
        if question == "GET /api/v3/time":
            return {"serverTime": self.now_ms()}
        raw = request.rel_url.raw_query_string + (await request.text())
        query, _, signature = raw.rpartition("&signature=")
        if request.headers.get("X-MBX-APIKEY") != KEY or signature != _sign(query):
            raise Refused(-1022, "Signature for this request is not valid.")
        data = dict(parse_qsl(query))
        if abs(self.now_ms() - int(data["timestamp"])) > int(data["recvWindow"]):
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
        match question:
            case "POST /api/v3/order":
                order = self._place(data)
                await self._tell(order, "NEW")
                return order
            case "DELETE /api/v3/order":
                return await self._cancel(data)
            case "GET /api/v3/order":
                return self._find(data, -2013, "Order does not exist.")
            case "GET /api/v3/openOrders":
                return [self.orders[name] for name in self.resting]
            case "GET /api/v3/myTrades":
                if "fromId" not in data:
                    return self.trades[-int(data["limit"]) :]
                return [each for each in self.trades if each["id"] >= int(data["fromId"])][: int(data["limit"])]
            case "GET /api/v3/account":
                return {"balances": [{"asset": "ETH", "free": "1.50000000", "locked": "0.25000000"}]}
        raise Refused(-1000, f"not served: {question}", 404)

    def _place(self, data: dict[str, str]) -> dict[str, Any]:
        name = data["newClientOrderId"]
        if name in self.resting:
            raise Refused(-2010, "Duplicate order sent.")
        if data["type"] == "LIMIT_MAKER" and data["side"] == "BUY" and float(data["price"]) > 3_000:
            raise Refused(-2010, "Order would immediately match and take.")
        self.accepted[name] += 1
        self.orders[name] = {
            "symbol": data["symbol"], "orderId": 1000 + len(self.orders), "clientOrderId": name, "status": "NEW",
            "price": f"{float(data['price']):.8f}", "origQty": f"{float(data['quantity']):.8f}",
            "executedQty": "0.00000000", "side": data["side"], "transactTime": self.now_ms(),
        }  # fmt: skip
        return self.orders[name]

    async def _cancel(self, data: dict[str, str]) -> dict[str, Any]:
        order = self._find(data, -2011, "Unknown order sent.")
        if order["status"] not in LIVE:
            raise Refused(-2011, "Unknown order sent.")
        order["status"] = "CANCELED"
        await self._tell(order, "CANCELED")
        return order | {"clientOrderId": "a-cancel", "origClientOrderId": order["clientOrderId"]}

    def _find(self, data: dict[str, str], code: int, message: str) -> dict[str, Any]:
        for order in self.orders.values():
            if data.get("origClientOrderId") == order["clientOrderId"] or data.get("orderId") == str(order["orderId"]):
                return order
        raise Refused(code, message)

    async def _user_stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            data = json.loads(message.data)
            params = data["params"]
            query = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
            assert data["method"] == "userDataStream.subscribe.signature"
            if params["signature"] != _sign(query):
                await socket.send_json({"id": data["id"], "status": 400, "error": {"code": -1022, "msg": "no"}})
                continue
            self.users.append(socket)
            await socket.send_json({"id": data["id"], "status": 200, "result": {"subscriptionId": 0}})
        return socket

    async def _tell(self, order: dict[str, Any], kind: str, quantity: str = "0", trade_id: int = -1) -> None:
        if self.mute_users:
            return
        is_cancel = kind == "CANCELED"
        event = {
            "e": "executionReport", "s": order["symbol"], "c": "a-cancel" if is_cancel else order["clientOrderId"],
            "C": order["clientOrderId"] if is_cancel else "", "S": order["side"], "q": order["origQty"],
            "p": order["price"], "x": kind, "X": order["status"], "r": "NONE", "i": order["orderId"], "l": quantity,
            "z": order["executedQty"], "L": order["price"] if trade_id >= 0 else "0", "n": "0.0001", "N": "ETH",
            "T": self.now_ms(), "t": trade_id, "m": True,
        }  # fmt: skip
        for user in list(self.users):
            if not user.closed:
                await user.send_json({"subscriptionId": 0, "event": event})


def _sign(query: str) -> str:
    return hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
