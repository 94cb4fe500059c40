"""The WebSocket that comes back, against servers that hang, drop and fall silent."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from aiohttp import web

from common.venues.backoff import Backoff
from common.venues.stream import Stream
from tests.conftest import until


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.opened = 0
        self.frames: list[str | bytes] = []
        self.lost: list[str] = []

    def on_open(self) -> list[str]:
        self.opened += 1
        return ["subscribe"]

    def on_frame(self, frame: str | bytes) -> None:
        self.frames.append(frame)

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)


Handler = Callable[[web.WebSocketResponse], Awaitable[None]]


def converse(
    handler: Handler,
    story: Callable[[Stream, Listener], Awaitable[None]],
    autoping: bool = True,
    age_s_max: float = 60.0,
) -> None:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=autoping)
        await socket.prepare(request)
        await handler(socket)
        return socket

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/", serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]
        listener, backoff = Listener(), Backoff(Random(1), 0.01, 0.05)
        stream = Stream(f"ws://127.0.0.1:{port}/", listener, backoff, ping_s=0.2, age_s_max=age_s_max)
        running = asyncio.ensure_future(stream.run())
        try:
            await story(stream, listener)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await runner.cleanup()

    asyncio.run(run())


async def echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        await socket.send_str(f"to {message.data}")


async def hang(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


def test_first_frames_go_out_on_every_connection() -> None:
    async def story(stream: Stream, listener: Listener) -> None:
        await until(lambda: listener.frames == ["to subscribe"])
        stream.settle()
        stream.drop("as the test wants")
        await until(lambda: listener.frames == ["to subscribe"] * 2)
        assert listener.lost == ["as the test wants"] and stream.connects == 2

    converse(echo, story)


def test_quiet_peer_that_answers_pings_is_kept() -> None:
    async def story(stream: Stream, listener: Listener) -> None:
        await until(lambda: listener.opened == 1)
        await asyncio.sleep(0.7)
        assert stream.connects == 1 and not listener.lost

    converse(hang, story)


def test_half_open_connection_is_found_by_its_missing_pong() -> None:
    async def story(stream: Stream, listener: Listener) -> None:
        await until(lambda: stream.connects >= 2, 2.0)
        assert listener.lost

    converse(hang, story, autoping=False)


def test_peer_that_closes_at_once_is_dialled_with_growing_waits() -> None:
    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close()

    async def story(stream: Stream, listener: Listener) -> None:
        await asyncio.sleep(0.5)
        assert 5 <= stream.connects <= 18, "0.05 s a dial at the cap, a little jitter"

    converse(close, story)


def test_old_connection_is_replaced() -> None:
    async def story(stream: Stream, listener: Listener) -> None:
        await until(lambda: stream.connects >= 2)

    converse(echo, story, age_s_max=0.1)
