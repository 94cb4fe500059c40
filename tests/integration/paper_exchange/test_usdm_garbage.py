"""Bytes and values that no client of USD-M should send never crash the venue, and change nothing."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.paper_exchange.test_garbage import shout
from tests.integration.paper_exchange.usdm_world import ORDER, UsdmWorld, usdm_venue

PIECES = [
    b"GET /fapi/v1/depth?symbol=ETHUSDT HTTP/1.1\r\n", b"POST /fapi/v1/order?",
    b"PUT /fapi/v1/batchOrders?batchOrders=",
    b"symbol=%ff&", b"symbol=\xff\xfe&", b"timestamp=1&signature=\xe2\x28", b"limit=-1&", b"quantity=\xd9\xa3&",
    b" HTTP/1.1\r\n", b"Host: fstream.\r\n", b"X-MBX-APIKEY: \xff\xfe\r\n", b"Content-Length: 5\r\n",
    b"Upgrade: websocket\r\n", b"\r\n", b"[[[{&%", b"GET /private/ws?listenKey=\xff HTTP/1.1\r\n",
    b"GET /public/ws/\xff@trade HTTP/1.1\r\n", b"GET /fapi/v1/klines?symbol=ETHUSDT&interval=\xc2\xb2 HTTP/1.1\r\n",
]  # fmt: skip
VALUES = [
    "", "0", "-1", "1e400", "nan", "inf", "9" * 19, "9" * 40, "0." + "0" * 30 + "1", "ÿ", "\x00", "[]", "{}", "true",
    "null", "ETHUSDT", "BUY", "LIMIT", "STOP_MARKET", "TRAILING_STOP_MARKET", "2000", "1.5", "GTC", "GTD", "MARK_PRICE",
    '[{"symbol":"ETHUSDT"}]', "²", "١", " 1", "1 ", "1\n", "ISOLATED", "UMFUTURE_MAIN", "USDT", "1d",
]  # fmt: skip
NAMES = [
    "symbol", "side", "type", "price", "quantity", "stopPrice", "triggerPrice", "callbackRate", "activationPrice",
    "timeInForce", "goodTillDate", "workingType", "reduceOnly", "closePosition", "orderId", "origClientOrderId",
    "algoId",
    "clientAlgoId", "newClientOrderId", "batchOrders", "orderIdList", "countdownTime", "leverage", "marginType",
    "amount",
    "asset", "interval", "limit", "startTime", "endTime", "fromId", "incomeType", "algoType", "positionSide",
    "selfTradePreventionMode", "dualSidePosition", "autoCloseType", "newOrderRespType", "priceProtect",
]  # fmt: skip
SENSIBLE = {
    "symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1990", "quantity": "0.1",
    "algoType": "CONDITIONAL", "orderId": "1", "amount": "1", "asset": "USDT",
}  # fmt: skip
CALLS = [
    "", "{", "[]", '{"method":1}', '{"method":"order.place","params":{"symbol":[1,{}]}}', '{"id":{}}',
    '{"method":"order.modify","params":{"apiKey":"é","timestamp":"x","signature":3}}', '{"method":"v2/account.status"}',
    '{"method":"depth","params":{"symbol":"ETHUSDT","limit":true}}', "[" * 5_000, '{"method":"userDataStream.start"}',
    '{"method":"userDataStream.subscribe.signature","params":{}}',
]  # fmt: skip


def run(folder: Path, scenario: Any) -> list[dict[str, Any]]:
    """Run a scenario; returns what the loop's exception handler heard, which ends a real process."""
    heard: list[dict[str, Any]] = []

    async def inside() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
        async with usdm_venue(folder, futures_weight_max=10**9, request_weight_max=10**9) as world:
            await scenario(world)

    asyncio.run(inside())
    return heard


def test_garbage_never_crashes_the_venue(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        random, port = Random(13), int(world.rest.rsplit(":", 1)[1])
        for _ in range(300):
            await shout(port, b"".join(random.choices(PIECES, k=random.randint(1, 9))) + b"\r\n\r\n")
        for path in ("public/ws", "market/stream", "private/ws?listenKey=none", "ws-fapi/v1"):
            async with world.session.ws_connect(f"{world.stream}/{path}") as socket:
                for call in CALLS:
                    await socket.send_str(call)
                    assert (await socket.receive(5)).type.name == "TEXT", call
        assert await world.get("/fapi/v1/ping") == (200, {})

    assert run(tmp_path, scenario) == []


def test_any_values_for_any_address_are_answered_as_binance_answers(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        random, site = Random(17), world.site
        addresses = sorted(key for key in world.world.server.rest._addresses if key[1].startswith(("/fapi", "/sapi")))
        conserved = total_of(world)
        for method, path in (addresses + [("POST", ORDER), ("POST", "/fapi/v1/algoOrder")] * 20) * 8:
            values = dict(SENSIBLE) if random.random() < 0.6 else {}
            values |= {name: random.choice(VALUES) for name in random.sample(NAMES, random.randint(1, 6))}
            status, answer = await world.signed(method, path, **values)
            assert status in (200, 400, 401, 429), (method, path, values, answer)
            assert status == 200 or answer["code"] < 0, (method, path, values, answer)
        assert total_of(world) == conserved
        assert site.exchange.ledger.last_order_id > 10, "some of it should have been sensible"
        assert await world.get("/fapi/v1/ping") == (200, {})

    assert run(tmp_path, scenario) == []


def total_of(world: UsdmWorld) -> int:
    """All USDT of the exchange."""
    exchange = world.site.exchange
    return exchange.ledger.accounts.total("USDT") + exchange.margin.accounts.total("USDT")
