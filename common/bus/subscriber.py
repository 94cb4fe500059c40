"""Facts and images in: one SUB per publisher, watched for life, gaps, rebirth and rubbish."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

import zmq

from common.bus.publisher import HEARTBEAT_TOPIC
from common.bus.reader import SocketReader
from common.messages import Header, Heartbeat, Message, decode, decode_header
from common.model.errors import MessageInvalid

RECEIVE_HWM_MESSAGES = 10_000
RECONNECT_MS = 20
RECONNECT_MS_MAX = 200

OnMessage = Callable[[Message, Header], None]
OnFact = Callable[[Message, Header, str], None]
OnHeartbeat = Callable[[Heartbeat, Header], None]


class Subscriber:
    """All that one process hears from one publisher.

    Images are conflated: of each drain only the newest message per topic is decoded and handed on, so a slow reader
    sees the present and not the past. Facts are handed on one by one, with their header.
    """

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, publisher: str, counters: Counter[str],
        on_malformed: Callable[[str, MessageInvalid], None],
    ) -> None:  # fmt: skip
        self.publisher = publisher
        self._counters, self._on_malformed = counters, on_malformed
        self._images: list[tuple[bytes, OnMessage]] = []
        self._facts: list[tuple[bytes, OnFact]] = []
        self._on_heartbeat: list[OnHeartbeat] = []
        self._loop = asyncio.get_running_loop()
        self._heard_s = float("-inf")
        self._heartbeat = f"{HEARTBEAT_TOPIC}.{publisher}|".encode()
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, RECEIVE_HWM_MESSAGES)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX)
        self._socket.connect(address)
        self._reader = SocketReader(self._socket, self._on_batch)
        self._greet()

    @property
    def silence_s(self) -> float:
        """Seconds since the last heartbeat of a running publisher; infinite before the first."""
        return self._loop.time() - self._heard_s

    def add_images(self, topic_prefix: str, on_message: OnMessage) -> None:
        """Hand on the newest message per topic of each drain."""
        self._images.append((topic_prefix.encode(), on_message))
        self._listen(topic_prefix)

    def add_facts(self, topic_prefix: str, on_fact: OnFact) -> None:
        """Hand on every message, with its topic (without the terminator)."""
        self._facts.append((topic_prefix.encode(), on_fact))
        self._listen(topic_prefix)

    def add_heartbeats(self, on_heartbeat: OnHeartbeat) -> None:
        """Tell of each heartbeat, the greeting to our own subscriptions included."""
        self._on_heartbeat.append(on_heartbeat)

    def close(self) -> None:
        """Stop hearing."""
        self._reader.close()
        self._socket.close()

    def _listen(self, topic_prefix: str) -> None:
        self._socket.setsockopt(zmq.SUBSCRIBE, topic_prefix.encode())
        self._greet()

    def _greet(self) -> None:
        # Subscribing to heartbeats again, and last, makes the publisher greet us once everything before it lives.
        self._socket.setsockopt(zmq.UNSUBSCRIBE, self._heartbeat)
        self._socket.setsockopt(zmq.SUBSCRIBE, self._heartbeat)
        self._reader.after_send()

    def _on_batch(self, batch: list[list[bytes]]) -> None:
        newest: dict[bytes, tuple[OnMessage, list[bytes]]] = {}
        for frames in batch:
            if len(frames) != 3:
                self._on_malformed(self.publisher, MessageInvalid("event", "bus", "3 frames", len(frames)))
                continue
            topic = frames[0]
            if topic == self._heartbeat:
                self._deliver(frames, self._hear)
                continue
            for prefix, on_fact in self._facts:
                if topic.startswith(prefix):
                    self._deliver(frames, partial(_with_topic, on_fact, topic[:-1].decode(errors="replace")))
            for prefix, on_message in self._images:
                if topic.startswith(prefix):
                    if topic in newest:
                        self._counters["images_conflated"] += 1
                    newest[topic] = (on_message, frames)
        for on_message, frames in newest.values():
            self._deliver(frames, on_message)

    def _deliver(self, frames: list[bytes], on_message: OnMessage) -> None:
        try:
            header = decode_header(frames[1])
            message = decode(frames[2])
        except MessageInvalid as error:
            self._on_malformed(self.publisher, error)
            return
        on_message(message, header)

    def _hear(self, message: Message, header: Header) -> None:
        if not isinstance(message, Heartbeat):
            return
        if message.state == "running":
            self._heard_s = self._loop.time()
        for on_heartbeat in self._on_heartbeat:
            on_heartbeat(message, header)


def _with_topic(on_fact: OnFact, topic: str, message: Message, header: Header) -> None:
    on_fact(message, header, topic)
