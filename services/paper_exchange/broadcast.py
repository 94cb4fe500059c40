"""Frames to many: each is encoded once, and a reader that cannot keep up is cut off instead of slowing the venue."""

import asyncio
from collections import deque
from collections.abc import Iterable

from aiohttp import WSCloseCode, WSMsgType, web

STREAMS_PER_CONNECTION_MAX = 1_024


class Connection:
    """One WebSocket client and the frames that wait for it. `combined` wraps frames with the name of their stream."""

    def __init__(self, socket: web.WebSocketResponse, combined: bool, frames_max: int) -> None:
        self.socket, self.combined = socket, combined
        self.streams: set[str] = set()
        self._frames_max = frames_max
        self._frames: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.is_overrun = False

    def send(self, frame: bytes) -> None:
        """Queue one text frame."""
        if len(self._frames) >= self._frames_max:
            self.is_overrun = True
        else:
            self._frames.append(frame)
        self._ready.set()

    async def write(self) -> None:
        """Send what is queued until the client goes away or falls too far behind."""
        try:
            while not self.is_overrun:
                await self._ready.wait()
                self._ready.clear()
                while self._frames and not self.is_overrun:
                    await self.socket.send_frame(self._frames.popleft(), WSMsgType.TEXT)
            await self.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
        except ConnectionError:
            # The client went away; its reading side ends the connection.
            return


class Hub:
    """Who listens to which stream."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Connection]] = {}

    def subscribe(self, connection: Connection, streams: Iterable[str]) -> None:
        """Add streams to a connection, at most STREAMS_PER_CONNECTION_MAX in all; unknown names stay silent."""
        for stream in streams:
            if len(connection.streams) >= STREAMS_PER_CONNECTION_MAX:
                return
            connection.streams.add(stream)
            self._listeners.setdefault(stream, set()).add(connection)

    def unsubscribe(self, connection: Connection, streams: Iterable[str]) -> None:
        """Take streams off a connection."""
        for stream in list(streams):
            connection.streams.discard(stream)
            listeners = self._listeners.get(stream)
            if listeners is not None:
                listeners.discard(connection)
                if not listeners:
                    del self._listeners[stream]

    def is_heard(self, stream: str) -> bool:
        """True when somebody listens, so a frame is worth encoding."""
        return stream in self._listeners

    def publish(self, stream: str, payload: bytes) -> None:
        """Send one encoded payload to everybody on a stream."""
        wrapped = b""
        for connection in self._listeners.get(stream, ()):
            if connection.combined:
                wrapped = wrapped or b'{"stream":"%s","data":%s}' % (stream.encode(), payload)
                connection.send(wrapped)
            else:
                connection.send(payload)
