"""Facts and images out: an XPUB that numbers every message and greets every new subscriber with a heartbeat."""

from collections.abc import Callable

import zmq

from common.bus.reader import SocketReader
from common.messages import PROTOCOL_VERSION, Header, Message, encode
from common.messages.control import Heartbeat

SEND_HWM_MESSAGES = 10_000
HEARTBEAT_TOPIC = "heartbeat"


class Publisher:
    """Binds one XPUB. Sequences count per topic and boot, so a filter never looks like a gap."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, process: str, boot_ns: int,
        now_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        self.process, self.boot_ns, self.state = process, boot_ns, "starting"
        self._now_ns = now_ns
        self._sequences: dict[str, int] = {}
        self._topics: dict[str, bytes] = {}
        self._socket = context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 200)
        # Set before bind: afterwards it is silently ignored.
        self._socket.setsockopt(zmq.SNDHWM, SEND_HWM_MESSAGES)
        # Verbose: every subscriber gets its greeting, not only the first one of a topic.
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._socket.bind(address)
        self._reader = SocketReader(self._socket, self._on_subscriptions)
        self._greeting = f"{HEARTBEAT_TOPIC}.".encode()

    @property
    def last_sequences(self) -> dict[str, int]:
        """Newest sequence by topic, of this boot."""
        return dict(self._sequences)

    def publish(self, topic: str, message: Message, trace_id: str = "") -> None:
        """Send one message on `topic` (its terminating `|` is added here). Never blocks."""
        sequence = self._sequences.get(topic, 0) + 1
        self._sequences[topic] = sequence
        frame = self._topics.get(topic)
        if frame is None:
            frame = self._topics[topic] = f"{topic}|".encode()
        header = Header(PROTOCOL_VERSION, self.process, self.boot_ns, sequence, self._now_ns(), trace_id)
        self._socket.send_multipart((frame, encode(header), encode(message)), zmq.DONTWAIT)
        self._reader.after_send()

    def beat(self) -> None:
        """Send the heartbeat, with the newest sequence of every topic."""
        self.publish(
            f"{HEARTBEAT_TOPIC}.{self.process}",
            Heartbeat(process=self.process, state=self.state, last_sequences=self.last_sequences),
        )

    def close(self) -> None:
        """Unbind."""
        self._reader.close()
        self._socket.close()

    def _on_subscriptions(self, batch: list[list[bytes]]) -> None:
        # Subscriptions of one peer arrive in order and followers subscribe to heartbeats last: the greeting
        # therefore proves that all of the peer's subscriptions live.
        if any(frames[0][:1] == b"\x01" and frames[0][1:].startswith(self._greeting) for frames in batch):
            self.beat()
