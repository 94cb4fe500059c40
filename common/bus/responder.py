"""Commands and questions in: a ROUTER that answers every request it can read."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import zmq

from common.bus.reader import SocketReader
from common.messages import PROTOCOL_VERSION, Header, Message, Rejected, decode, decode_header, encode
from common.model.errors import InputInvalid, MessageInvalid, RequestRefused

Answer = Message | Awaitable[Message]
OnRequest = Callable[[Message, Header], Answer]


class Responder:
    """Binds one ROUTER and asks `on_request` for each answer. Requests wait in the socket until `serve`."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, process: str, boot_ns: int,
        now_ns: Callable[[], int], counters: Counter[str], on_malformed: Callable[[str, MessageInvalid], None],
    ) -> None:  # fmt: skip
        self._process, self._boot_ns, self._now_ns = process, boot_ns, now_ns
        self._counters, self._on_malformed = counters, on_malformed
        self._on_request: OnRequest | None = None
        self._reader: SocketReader | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 200)
        # Otherwise replies to a vanished peer disappear without a word.
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.bind(address)

    def serve(self, on_request: OnRequest) -> None:
        """Begin to answer."""
        self._on_request = on_request
        self._reader = SocketReader(self._socket, self._on_requests)

    def close(self) -> None:
        """Unbind; answers still being made are dropped."""
        for task in self._tasks:
            task.cancel()
        if self._reader is not None:
            self._reader.close()
        self._socket.close()

    def _on_requests(self, batch: list[list[bytes]]) -> None:
        for frames in batch:
            if len(frames) != 4:
                self._on_malformed("a requester", MessageInvalid("request", "bus", "4 frames", len(frames)))
                continue
            peer, request_id, header_frame, payload = frames
            self._answer(peer, request_id, header_frame, payload)

    def _answer(self, peer: bytes, request_id: bytes, header_frame: bytes, payload: bytes) -> None:
        assert self._on_request is not None
        try:
            header = decode_header(header_frame)
            answer = self._on_request(decode(payload), header)
        except MessageInvalid as error:
            self._on_malformed("a requester", error)
            self._reply(peer, request_id, Rejected(code="malformed", detail=str(error)))
            return
        except (InputInvalid, RequestRefused) as error:
            self._reply(peer, request_id, refusal(error))
            return
        if isinstance(answer, Message):
            self._reply(peer, request_id, answer)
        else:
            task = asyncio.ensure_future(self._answer_later(peer, request_id, answer))
            self._tasks.add(task)
            task.add_done_callback(self._finish)

    async def _answer_later(self, peer: bytes, request_id: bytes, answer: Awaitable[Message]) -> None:
        try:
            reply = await answer
        except (InputInvalid, RequestRefused) as error:
            reply = refusal(error)
        self._reply(peer, request_id, reply)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()  # A crash in a handler is a broken invariant: it surfaces in the loop and ends the process.

    def _reply(self, peer: bytes, request_id: bytes, message: Message) -> None:
        header = Header(PROTOCOL_VERSION, self._process, self._boot_ns, 0, self._now_ns())
        try:
            self._socket.send_multipart((peer, request_id, encode(header), encode(message)), zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            self._counters["replies_undeliverable"] += 1
        if self._reader is not None:
            self._reader.after_send()


def refusal(error: InputInvalid | RequestRefused) -> Rejected:
    """An expected failure as the answer that the requester gets."""
    if isinstance(error, RequestRefused):
        return Rejected(code=error.code, detail=error.detail)
    return Rejected(code="invalid", detail=str(error))
