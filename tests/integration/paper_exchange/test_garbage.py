"""Bytes that no client should send never crash the venue; a broken promise of its own ends the process."""

import asyncio
import json
import time
from pathlib import Path
from random import Random
from typing import Any

from yarl import URL

from common.model.errors import InvariantBroken
from common.venues.signer import HmacSigner
from services.paper_exchange.addresses import call_addresses, rest_addresses
from services.paper_exchange.session_api import SessionApi
from tests.integration.paper_exchange.world import KEY, SECRET, World, venue

PIECES = [
    b"GET /api/v3/depth?symbol=ETHUSDT HTTP/1.1\r\n", b"POST /api/v3/order?", b"symbol=%ff&", b"symbol=\xff\xfe&",
    b"timestamp=1&signature=\xe2\x28", b"recvWindow=1e9&", b"limit=-1&", b"quantity=\xd9\xa3&", b" HTTP/1.1\r\n",
    b"Host: x\r\n", b"X-MBX-APIKEY: \xff\xfe\r\n", b"Content-Length: 5\r\n", b"Upgrade: websocket\r\n", b"\r\n",
    b"{[&%", b"Transfer-Encoding: chunked\r\n", b"GET /ws/\xff@trade HTTP/1.1\r\n",
    b"DELETE /api/v3/order?orderId=\xc2\xb2", b"PUT /api/v3/order/amend/keepPriority?newQty=\xff&",
    b"POST /api/v3/order/cancelReplace?", b"GET /api/v3/klines?symbol=ETHUSDT&interval=\xff HTTP/1.1\r\n",
    b"GET /api/v3/ticker/24hr?symbols=%5B%22%ff%22%5D HTTP/1.1\r\n",
]  # fmt: skip
CALLS = [
    "", "{", "[]", '{"method":1}', '{"method":"order.place","params":{"symbol":[1,{}]}}', "\x00", '{"id":{}}',
    '{"method":"SUBSCRIBE","params":["\\ud800"],"id":1}', '{"method":"ping","id":1,"params":{"a":null}}',
    '{"method":"userDataStream.subscribe.signature","params":{"apiKey":"é","timestamp":"x","signature":3}}',
    '{"method":"session.logon","params":{"apiKey":"","timestamp":1,"signature":"="}}', '{"method":"session.logon"}',
    '{"method":"userDataStream.unsubscribe","params":{"subscriptionId":-1}}', '{"method":"v3/v3/ping"}',
    '{"method":"klines","params":{"symbol":"ETHUSDT","interval":[]}}', '{"method":"order.place","params":[1]}',
    '{"method":"depth","params":{"symbol":"ETHUSDT","limit":true}}', "[" * 5_000, '{"method":"order.status"}',
]  # fmt: skip


async def shout(port: int, sent: bytes) -> None:
    """Send bytes on a connection of their own and wait for whatever comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        pass
    finally:
        writer.close()


def run(folder: Path, scenario: Any, **settings: Any) -> list[dict[str, Any]]:
    """Run a scenario; returns what the loop's exception handler heard, which ends a real process."""
    heard: list[dict[str, Any]] = []

    async def inside() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
        async with venue(folder, **settings) as world:
            await scenario(world)

    asyncio.run(inside())
    return heard


def test_garbage_never_crashes_the_venue(tmp_path: Path):
    async def scenario(world: World) -> None:
        random, port = Random(11), int(world.rest.rsplit(":", 1)[1])
        for _ in range(400):
            await shout(port, b"".join(random.choices(PIECES, k=random.randint(1, 9))) + b"\r\n\r\n")
        for path in ("ws", "ws-api/v3"):
            async with world.session.ws_connect(f"{world.stream}/{path}") as socket:
                for call in CALLS:
                    await socket.send_str(call)
                    assert (await socket.receive(5)).type.name == "TEXT", call
        assert await world.get("/api/v3/ping") == (200, {})

    assert run(tmp_path, scenario) == []


NASTY = [
    "", "0", "-1", "1", "2000", "1e9", "99999999999999999999", "9" * 19, "0.00000001", "1.5", "x", "true", "\x00",
    "é", "٣", "²", "[]", '["ETHUSDT"]', "null", "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS", "TAKE_PROFIT_LIMIT",
    "GTC", "ALLOW_FAILURE", "CANCEL_ONLY", "DECREMENT", "FULL", "1m", "ETHUSDT",
]  # fmt: skip
SENSIBLE = {
    "symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2000",
    "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1", "orderId": "1", "newQty": "0.5", "interval": "1m",
}  # fmt: skip
NAMES = [
    *SENSIBLE, "stopPrice", "trailingDelta", "quoteOrderQty", "newClientOrderId", "origClientOrderId", "startTime",
    "endTime", "limit", "fromId", "symbols", "selfTradePreventionMode", "newOrderRespType", "icebergQty",
    "cancelRestrictions", "orderRateLimitExceededMode", "preventedMatchId", "fromPreventedMatchId", "recvWindow",
    "omitZeroBalances", "computeCommissionRates", "subscriptionId", "cancelOrigClientOrderId", "fromExecutionId",
]  # fmt: skip


def drawn(random: Random, values: list[Any]) -> dict[str, Any]:
    """Sensible parameters, some of them left out, some made nasty."""
    asked: dict[str, Any] = {name: value for name, value in SENSIBLE.items() if random.random() < 0.8}
    for _ in range(random.randint(1, 4)):
        asked[random.choice(NAMES)] = random.choice(values)
    return asked


def test_no_signed_request_crashes_a_handler(tmp_path: Path):
    async def scenario(world: World) -> None:
        random, addresses = Random(23), list(rest_addresses(world.site))
        codes = set()
        for _ in range(600):
            method, path = random.choice(addresses)
            status, answer = await world.signed(method, path, **drawn(random, NASTY))
            assert status < 500, (method, path, answer)
            codes.add(answer["code"] if isinstance(answer, dict) and "code" in answer else 0)
        assert len(codes) > 8 and 0 in codes

    assert run(tmp_path, scenario, request_weight_max=10**9, orders_10s_max=10**6) == []


def test_no_signed_call_crashes_a_handler(tmp_path: Path):
    nasty = [*NASTY, None, 0, -1, 1.5, True, [], ["ETHUSDT"], {}, {"a": [1]}, 10**30]

    async def scenario(world: World) -> None:
        random, methods = Random(29), [*call_addresses(world.site), *SessionApi(world.site).calls]
        statuses = set()
        async with world.calls() as calls:
            for _ in range(400):
                method, values = random.choice(methods), drawn(random, nasty)
                values |= {"apiKey": KEY, "timestamp": int(time.time() * 1000)}
                text = "&".join(f"{name}={in_text(values[name])}" for name in sorted(values))
                answer = await calls.call(method, **values, signature=HmacSigner(SECRET).sign(text))
                assert answer["status"] < 500, (method, values, answer)
                statuses.add(answer["status"])
        assert statuses >= {200, 400}

    assert run(tmp_path, scenario, request_weight_max=10**9, orders_10s_max=10**6) == []


def in_text(value: Any) -> str:
    """A value as it is signed."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else str(value)


def test_a_broken_promise_is_reported_to_the_loop_which_ends_the_process(tmp_path: Path):
    async def scenario(world: World) -> None:
        def broken(command: Any) -> Any:
            raise InvariantBroken("for this test")

        world.site.venue.execute = broken  # type: ignore[method-assign]
        values = f"symbol=ETHUSDT&side=BUY&type=MARKET&quantity=1&timestamp={time.time_ns() // 10**6}"
        query = f"{values}&signature={HmacSigner(SECRET).sign(values)}"
        address = URL(f"{world.rest}/api/v3/order?{query}", encoded=True)
        async with world.session.post(address, headers={"X-MBX-APIKEY": KEY}) as answer:
            assert answer.status == 500

    (context,) = run(tmp_path, scenario)
    assert isinstance(context["exception"], InvariantBroken)
