"""A WebSocket that comes back: dial, read, and dial again after any end, with backoff.

The only module that knows the WebSocket library. Frames go to a plain function, so a frame is handled in the same
step of the loop that read it.
"""

import asyncio
from typing import Protocol

import aiohttp

from common.venues.backoff import Backoff

FRAME_BYTES_MAX = 16 * 1024 * 1024
CLOSE_TIMEOUT_S = 0.5


class StreamListener(Protocol):
    """Who a stream talks to. None of the calls may block."""

    def on_open(self) -> list[str]:
        """A connection stands; returns the frames to send first. Called before the first `on_frame`."""

    def on_frame(self, frame: str | bytes) -> None:
        """One text or binary frame."""

    def on_lost(self, reason: str) -> None:
        """The connection ended, or could not be made. It will be dialled again."""


class Stream:
    """One WebSocket connection at a time.

    `ping_s`: an idle peer is pinged that often and dropped when it does not answer within half of it, so a half-open
    connection is found. `age_s_max`: a connection is replaced after that time (venues end them after 24 h).
    """

    def __init__(
        self, url: str, listener: StreamListener, backoff: Backoff, *, connect_timeout_s: float = 5.0,
        ping_s: float = 2.0, age_s_max: float = 23 * 3600.0,
    ) -> None:  # fmt: skip
        self._url, self._listener, self._backoff = url, listener, backoff
        self._connect_timeout_s, self._ping_s, self._age_s_max = connect_timeout_s, ping_s, age_s_max
        self._dropped: asyncio.Event = asyncio.Event()
        self._reason = ""
        self.connects = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                await asyncio.sleep(self._backoff.next_s())
                self._dropped.clear()
                self._reason = ""
                try:
                    await self._connection(session)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    self._reason = self._reason or f"{type(error).__name__}: {error}"
                self._listener.on_lost(self._reason or "closed by the venue")

    def drop(self, reason: str) -> None:
        """Give the present connection up and dial a new one."""
        self._reason = reason
        self._dropped.set()

    def settle(self) -> None:
        """The connection proved useful: the next failure is retried at once. Until then the waits keep growing."""
        self._backoff.reset()

    async def _connection(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(self._connect_timeout_s):
            socket = await session.ws_connect(
                self._url, heartbeat=self._ping_s, max_msg_size=FRAME_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
            )  # fmt: skip
        self.connects += 1
        reading = asyncio.ensure_future(self._read(socket))
        dropped = asyncio.ensure_future(self._dropped.wait())
        try:
            await asyncio.wait((reading, dropped), timeout=self._age_s_max, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            for task in (reading, dropped):
                task.cancel()
            await asyncio.gather(reading, dropped, return_exceptions=True)
            await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        for frame in self._listener.on_open():
            await socket.send_str(frame)
        on_frame, text, binary = self._listener.on_frame, aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        async for message in socket:
            if message.type is text or message.type is binary:
                on_frame(message.data)
        if (error := socket.exception()) is not None:
            self._reason = self._reason or f"{type(error).__name__}: {error}"
