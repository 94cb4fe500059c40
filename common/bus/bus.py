"""One process's place on the bus: its publisher and responder, and its links to the others."""

from collections import Counter
from collections.abc import Callable, Mapping

import zmq

from common.bus.endpoints import Endpoint
from common.bus.publisher import Publisher
from common.bus.replica import OnSnapshot, Replica
from common.bus.requester import OnReply, Requester
from common.bus.responder import OnRequest, Responder
from common.bus.subscriber import OnMessage, Subscriber
from common.messages import Message
from common.model.errors import InvariantBroken, MessageInvalid, PeerUnavailable

OnMalformed = Callable[[str, MessageInvalid], None]


class Bus:
    """Links are made when first used and live until `close`. Must be made inside a running event loop."""

    def __init__(
        self, process: str, boot_ns: int, endpoints: Mapping[str, Endpoint], now_ns: Callable[[], int],
        counters: Counter[str] | None = None, on_malformed: OnMalformed | None = None,
    ) -> None:  # fmt: skip
        self.process, self.boot_ns = process, boot_ns
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._endpoints, self._now_ns, self._tell = endpoints, now_ns, on_malformed
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._publisher: Publisher | None = None
        self._responder: Responder | None = None
        self._subscribers: dict[str, Subscriber] = {}
        self._requesters: dict[str, Requester] = {}
        self._replicas: list[Replica] = []

    def bind(self) -> Publisher:
        """Take this process's own addresses. Whoever only listens and asks (the console) does not bind."""
        endpoint = self._endpoint(self.process)
        endpoint.make_folders()
        self._publisher = Publisher(self._context, endpoint.publish, self.process, self.boot_ns, self._now_ns)
        self._responder = Responder(
            self._context, endpoint.respond, self.process, self.boot_ns, self._now_ns, self.counters, self._malformed
        )
        return self._publisher

    def serve(self, on_request: OnRequest) -> None:
        """Begin to answer requests."""
        assert self._responder is not None, "bind first"
        self._responder.serve(on_request)

    def publish(self, topic: str, message: Message, trace_id: str = "") -> None:
        """Publish on `topic`, e.g. "book.binance.ETH-USDT" (the terminator is added)."""
        if self._publisher is None:
            raise InvariantBroken(f"{self.process} publishes on {topic} before it is bound")
        self._publisher.publish(topic, message, trace_id)

    def subscribe(self, process: str, topic_prefix: str, on_message: OnMessage) -> None:
        """Images: hand on the newest message per topic. End an exact topic with `|`."""
        self._subscriber(process).add_images(topic_prefix, on_message)

    def follow(
        self, process: str, topic_prefixes: list[str], on_event: OnMessage, on_snapshot: OnSnapshot
    ) -> Replica:  # fmt: skip
        """Facts: a snapshot, then every later event once and in order; see Replica."""
        replica = Replica(
            self._subscriber(process), self.connect(process), topic_prefixes, on_event, on_snapshot, self._malformed
        )
        self._replicas.append(replica)
        return replica

    def watch(self, process: str) -> None:
        """Hear the heartbeats of a process whose messages are not needed, for `silence_s`."""
        self._subscriber(process)

    def silence_s(self, process: str) -> float:
        """Seconds since the last heartbeat of a running process; infinite before the first."""
        return self._subscriber(process).silence_s

    def connect(self, process: str) -> Requester:
        """Open the link for requests ahead of the first one."""
        if process not in self._requesters:
            self._requesters[process] = Requester(
                self._context, self._endpoint(process).respond, process, self.process, self.boot_ns, self._now_ns,
                self._malformed,
            )  # fmt: skip
        return self._requesters[process]

    def send(
        self, process: str, message: Message, on_reply: OnReply, timeout_s: float, trace_id: str = ""
    ) -> None:  # fmt: skip
        """Request without waiting; see Requester.send."""
        self.connect(process).send(message, on_reply, timeout_s, trace_id)

    async def request(self, process: str, message: Message, timeout_s: float, trace_id: str = "") -> Message:
        """Request and wait; see Requester.request."""
        return await self.connect(process).request(message, timeout_s, trace_id)

    def close(self) -> None:
        """Close every socket."""
        for replica in self._replicas:
            replica.close()
        for requester in self._requesters.values():
            requester.close()
        for subscriber in self._subscribers.values():
            subscriber.close()
        if self._publisher is not None:
            self._publisher.close()
        if self._responder is not None:
            self._responder.close()
        self._context.term()

    def _endpoint(self, process: str) -> Endpoint:
        try:
            return self._endpoints[process]
        except KeyError:
            raise PeerUnavailable(f"{process} is not a process of this fleet") from None

    def _subscriber(self, process: str) -> Subscriber:
        if process not in self._subscribers:
            self._subscribers[process] = Subscriber(
                self._context, self._endpoint(process).publish, process, self.counters, self._malformed
            )
        return self._subscribers[process]

    def _malformed(self, source: str, error: MessageInvalid) -> None:
        self.counters["malformed"] += 1
        if self._tell is not None:
            self._tell(source, error)
