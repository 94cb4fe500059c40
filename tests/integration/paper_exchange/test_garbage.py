"""Bytes that no client should send never crash the venue; a broken promise of its own ends the process."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any

from yarl import URL

from common.model.errors import InvariantBroken
from common.venues.signer import HmacSigner
from tests.integration.paper_exchange.world import KEY, SECRET, World, venue

PIECES = [
    b"GET /api/v3/depth?symbol=ETHUSDT HTTP/1.1\r\n", b"POST /api/v3/order?", b"symbol=%ff&", b"symbol=\xff\xfe&",
    b"timestamp=1&signature=\xe2\x28", b"recvWindow=1e9&", b"limit=-1&", b"quantity=\xd9\xa3&", b" HTTP/1.1\r\n",
    b"Host: x\r\n", b"X-MBX-APIKEY: \xff\xfe\r\n", b"Content-Length: 5\r\n", b"Upgrade: websocket\r\n", b"\r\n",
    b"{[&%", b"Transfer-Encoding: chunked\r\n", b"GET /ws/\xff@trade HTTP/1.1\r\n",
    b"DELETE /api/v3/order?orderId=\xc2\xb2",
]  # fmt: skip
CALLS = [
    "", "{", "[]", '{"method":1}', '{"method":"order.place","params":{"symbol":[1,{}]}}', "\x00", '{"id":{}}',
    '{"method":"SUBSCRIBE","params":["\\ud800"],"id":1}', '{"method":"ping","id":1,"params":{"a":null}}',
    '{"method":"userDataStream.subscribe.signature","params":{"apiKey":"é","timestamp":"x","signature":3}}',
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


def run(folder: Path, scenario: Any) -> list[dict[str, Any]]:
    """Run a scenario; returns what the loop's exception handler heard, which ends a real process."""
    heard: list[dict[str, Any]] = []

    async def inside() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
        async with venue(folder) as world:
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
