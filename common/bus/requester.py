"""Commands and questions out: a DEALER per peer that never queues for the dead and never waits for ever."""

import asyncio
from collections.abc import Callable

import zmq

from common.bus.reader import SocketReader
from common.messages import PROTOCOL_VERSION, Header, Message, decode, encode
from common.model.errors import MessageInvalid, OutcomeUnknown, PeerUnavailable

PENDING_REQUESTS_MAX = 4096
RECONNECT_MS = 20
RECONNECT_MS_MAX = 500
CONNECT_POLL_S = 0.005

Reply = Message | PeerUnavailable | OutcomeUnknown
OnReply = Callable[[Reply], None]


class Requester:
    """Talks to the ROUTER of one process.

    IMMEDIATE and DONTWAIT: a command for a dead peer fails at once instead of being delivered to its next life.
    """

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, peer: str, process: str, boot_ns: int,
        now_ns: Callable[[], int], on_malformed: Callable[[str, MessageInvalid], None],
    ) -> None:  # fmt: skip
        self.peer = peer
        self._context, self._address = context, address
        self._process, self._boot_ns, self._now_ns = process, boot_ns, now_ns
        self._on_malformed = on_malformed
        self._pending: dict[bytes, tuple[OnReply, asyncio.TimerHandle]] = {}
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._connect()

    def send(self, message: Message, on_reply: OnReply, timeout_s: float, trace_id: str = "") -> None:
        """Send without waiting. `on_reply` is called once, later: with the reply, with PeerUnavailable when nothing
        was sent, or with OutcomeUnknown when no reply came within the time.
        """
        try:
            self._send(message, on_reply, timeout_s, trace_id)
        except PeerUnavailable as error:
            self._loop.call_soon(on_reply, error)

    async def request(self, message: Message, timeout_s: float, trace_id: str = "") -> Message:
        """Send and wait for the reply; a peer that is still connecting is given until the timeout.

        Raises PeerUnavailable (nothing was sent) or OutcomeUnknown (sent, no reply).
        """
        future: asyncio.Future[Reply] = self._loop.create_future()

        def settle(reply: Reply) -> None:
            if not future.done():
                future.set_result(reply)

        deadline = self._loop.time() + timeout_s
        while True:
            try:
                self._send(message, settle, max(deadline - self._loop.time(), CONNECT_POLL_S), trace_id)
                break
            except PeerUnavailable:
                if self._loop.time() >= deadline:
                    raise
                await asyncio.sleep(CONNECT_POLL_S)
        reply = await future
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        """Drop the connection; open requests end as unknown."""
        self._disconnect()
        for request_id in list(self._pending):
            self._expire(request_id, "closed")

    def _send(self, message: Message, on_reply: OnReply, timeout_s: float, trace_id: str) -> None:
        if len(self._pending) >= PENDING_REQUESTS_MAX:
            raise PeerUnavailable(f"{self.peer}: {PENDING_REQUESTS_MAX} requests are open already")
        self._count += 1
        request_id = self._count.to_bytes(8, "big")
        header = Header(PROTOCOL_VERSION, self._process, self._boot_ns, 0, self._now_ns(), trace_id)
        try:
            self._socket.send_multipart((request_id, encode(header), encode(message)), zmq.DONTWAIT)
        except zmq.Again:
            raise PeerUnavailable(f"{self.peer} is not connected; nothing was sent") from None
        timer = self._loop.call_later(timeout_s, self._time_out, request_id, self._count)
        self._pending[request_id] = (on_reply, timer)
        self._reader.after_send()

    def _connect(self) -> None:
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX)
        self._socket.connect(self._address)
        self._reader = SocketReader(self._socket, self._on_replies)
        self._answered = 0

    def _disconnect(self) -> None:
        self._reader.close()
        self._socket.close()

    def _on_replies(self, batch: list[list[bytes]]) -> None:
        for frames in batch:
            if len(frames) != 3 or (entry := self._pending.pop(frames[0], None)) is None:
                continue  # A late reply to a request that timed out: its sender has moved on to querying.
            on_reply, timer = entry
            timer.cancel()
            self._answered = max(self._answered, int.from_bytes(frames[0], "big"))
            try:
                reply: Reply = decode(frames[2])
            except MessageInvalid as error:
                self._on_malformed(self.peer, error)
                reply = OutcomeUnknown(f"{self.peer} answered with something else: {error}")
            on_reply(reply)

    def _time_out(self, request_id: bytes, number: int) -> None:
        self._expire(request_id, "no reply in time")
        if self._answered < number:
            # Lazy pirate: nothing at all came back since, so what still waits in this socket must not reach the
            # peer's next life.
            self._disconnect()
            self._connect()

    def _expire(self, request_id: bytes, why: str) -> None:
        entry = self._pending.pop(request_id, None)
        if entry is not None:
            on_reply, timer = entry
            timer.cancel()
            on_reply(OutcomeUnknown(f"{self.peer}: {why}"))
