"""The bus over real ipc sockets: order, gaps, rebirth, the dead, the slow and rubbish."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import zmq

from common.bus import Bus, Endpoint
from common.messages import (
    BookImage,
    Header,
    HealthReported,
    KillStateChanged,
    Message,
    OrderFilled,
    QueryHealth,
    QuerySnapshot,
    Rejected,
    SnapshotReported,
    encode,
)
from common.model.errors import ConfigInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused
from common.model.order import Side
from tests.conftest import until


class Host:
    """A publisher of fills with just enough service around it to be followed."""

    def __init__(self, folder: Path, boot_ns: int = 1) -> None:
        self.bus = Bus("oms", boot_ns, endpoints(folder), time.time_ns)
        self.publisher = self.bus.bind()
        self.publisher.state = "running"
        self.fills: list[OrderFilled] = []
        self.bus.serve(self.answer)

    def fill(self) -> None:
        self.fills.append(a_fill(len(self.fills) + 1))
        self.bus.publish("fill.binance.ETH-USDT", self.fills[-1])

    def answer(self, request: Message, _header: Header) -> Message:
        assert isinstance(request, QuerySnapshot)
        return SnapshotReported(
            process="oms",
            boot_ns=self.bus.boot_ns,
            last_sequences=self.publisher.last_sequences,
            facts=[encode(fill) for fill in self.fills],
        )


class Follower:
    """Rebuilds the list of fills from snapshots and events."""

    def __init__(self, folder: Path) -> None:
        self.bus = Bus("position_server", 7, endpoints(folder), time.time_ns)
        self.seen: list[int] = []
        self.replica = self.bus.follow("oms", ["fill."], self.on_event, self.on_snapshot)

    def on_event(self, message: Message, _header: Header) -> None:
        assert isinstance(message, OrderFilled)
        self.seen.append(message.fill_sequence)

    def on_snapshot(self, facts: list[Message]) -> None:
        self.seen = [fact.fill_sequence for fact in facts if isinstance(fact, OrderFilled)]


def endpoints(folder: Path) -> dict[str, Endpoint]:
    return {
        name: Endpoint(name, f"ipc://{folder}/{name}.pub", f"ipc://{folder}/{name}.req")
        for name in ("oms", "position_server", "market_maker")
    }


def a_fill(sequence: int) -> OrderFilled:
    return OrderFilled(
        fill_sequence=sequence,
        client_order_id="cw-a",
        strategy="mm",
        venue="binance",
        symbol="ETH-USDT",
        trade_id=sequence,
        side=Side.BUY,
        price_ticks=1,
        quantity_lots=1,
        maker=True,
        fee="0",
        fee_asset="USDT",
        event_time_ns=0,
    )


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 30))


def test_a_follower_misses_nothing_however_it_joins(tmp_path: Path) -> None:
    async def work() -> None:
        host = Host(tmp_path)
        followers = []
        for round_ in range(20):
            for _ in range(5):
                host.fill()
            followers.append(Follower(tmp_path))
            if round_ % 3 == 0:
                await asyncio.sleep(0)
        host.fill()
        for follower in followers:
            await until(lambda f=follower: f.seen == list(range(1, len(host.fills) + 1)))
            follower.bus.close()
        host.bus.close()

    run(work)


def test_a_new_boot_starts_from_its_snapshot(tmp_path: Path) -> None:
    async def work() -> None:
        host = Host(tmp_path, boot_ns=1)
        follower = Follower(tmp_path)
        host.fill()
        await until(lambda: follower.seen == [1])
        fills = host.fills
        host.bus.close()
        host = Host(tmp_path, boot_ns=2)
        host.fills = fills
        host.fill()
        await until(lambda: follower.seen == [1, 2])
        assert follower.replica.resyncs == 1
        follower.bus.close()
        host.bus.close()

    run(work)


def test_a_lost_event_is_seen_at_the_next_one_and_a_lost_last_one_at_the_heartbeat(tmp_path: Path) -> None:
    async def work() -> None:
        host = Host(tmp_path)
        follower = Follower(tmp_path)
        host.fill()
        await until(lambda: follower.seen == [1])
        lose_one(host)
        host.fill()
        await until(lambda: follower.seen == [1, 2, 3])
        lose_one(host)
        assert follower.seen == [1, 2, 3]
        host.publisher.beat()
        await until(lambda: follower.seen == [1, 2, 3, 4])
        assert follower.replica.resyncs == 2
        follower.bus.close()
        host.bus.close()

    run(work)


def lose_one(host: Host) -> None:
    """A fill whose message never arrives: the sequence moves on, nothing is sent."""
    host.fills.append(a_fill(len(host.fills) + 1))
    host.publisher._sequences["fill.binance.ETH-USDT"] += 1


def test_images_are_conflated_to_the_newest_per_topic(tmp_path: Path) -> None:
    async def work() -> None:
        host, seen = Host(tmp_path), []
        bus = Bus("market_maker", 3, endpoints(tmp_path), time.time_ns)
        bus.subscribe("oms", "book.", lambda message, _header: seen.append(message))
        await until(lambda: bus.silence_s("oms") < 1)
        for update_id in range(200):
            host.bus.publish("book.binance.ETH-USDT", image("ETH-USDT", update_id))
            host.bus.publish("book.binance.ETH-USDC", image("ETH-USDC", update_id))
        # Both queues are full before the reader's loop gets its turn.
        time.sleep(0.05)
        await until(lambda: {(each.symbol, each.update_id) for each in seen} >= {("ETH-USDT", 199), ("ETH-USDC", 199)})
        assert len(seen) < 50
        assert bus.counters["images_conflated"] == 400 - len(seen)
        bus.close()
        host.bus.close()

    run(work)


def image(symbol: str, update_id: int) -> BookImage:
    return BookImage(
        venue="binance",
        symbol=symbol,
        update_id=update_id,
        event_time_ns=0,
        received_ns=0,
        bids=[(1, 1)],
        asks=[(2, 1)],
    )


def test_an_exact_topic_does_not_hear_its_longer_neighbour(tmp_path: Path) -> None:
    async def work() -> None:
        host, seen = Host(tmp_path), []
        bus = Bus("market_maker", 3, endpoints(tmp_path), time.time_ns)
        bus.subscribe("oms", "book.binance.BTC-USD|", lambda message, _header: seen.append(message.symbol))
        await until(lambda: bus.silence_s("oms") < 1)
        host.bus.publish("book.binance.BTC-USDT", image("BTC-USDT", 1))
        host.bus.publish("book.binance.BTC-USD", image("BTC-USD", 1))
        await until(lambda: seen)
        assert seen == ["BTC-USD"]
        bus.close()
        host.bus.close()

    run(work)


def test_nothing_is_sent_to_the_dead_and_nothing_reaches_its_next_life(tmp_path: Path) -> None:
    async def work() -> None:
        replies: list[Any] = []
        bus = Bus("market_maker", 3, endpoints(tmp_path), time.time_ns)
        bus.send("oms", QueryHealth(), replies.append, 1.0)
        await until(lambda: replies)
        assert isinstance(replies[0], PeerUnavailable)
        host, asked = Bus("oms", 1, endpoints(tmp_path), time.time_ns), []
        host.bind()
        host.serve(
            lambda request, _header: (
                asked.append(request) or KillStateChanged(engaged=False, reason="", operator="", engaged_ns=0)
            )
        )
        await bus.request("oms", QuerySnapshot(), 10.0)
        assert [type(each) for each in asked] == [QuerySnapshot]
        bus.close()
        host.close()

    run(work)


def test_a_silent_peer_ends_as_unknown_and_what_waited_is_dropped(tmp_path: Path) -> None:
    async def work() -> None:
        mute = Bus("oms", 1, endpoints(tmp_path), time.time_ns)
        mute.bind()  # It accepts connections but does not serve.
        bus = Bus("market_maker", 3, endpoints(tmp_path), time.time_ns)
        with pytest.raises(OutcomeUnknown):
            await bus.request("oms", QueryHealth(), 0.3)
        mute.close()
        host, asked = Bus("oms", 2, endpoints(tmp_path), time.time_ns), []
        host.bind()
        host.serve(lambda request, _header: asked.append(request) or Rejected(code="x", detail=""))
        await bus.request("oms", QuerySnapshot(), 2.0)
        assert [type(each) for each in asked] == [QuerySnapshot]
        bus.close()
        host.close()

    run(work)


def test_refusals_and_strangers_get_typed_answers(tmp_path: Path) -> None:
    async def work() -> None:
        host = Bus("oms", 1, endpoints(tmp_path), time.time_ns)
        host.bind()

        def answer(request: Message, _header: Header) -> Message:
            if isinstance(request, QueryHealth):
                raise RequestRefused("busy", "come back later")
            return later()

        async def later() -> Message:
            await asyncio.sleep(0)
            return HealthReported(process="oms", pid=1, state="", uptime_s=0, boot_ns=0, counters={}, details={})

        host.serve(answer)
        bus = Bus("market_maker", 3, endpoints(tmp_path), time.time_ns)
        assert await bus.request("oms", QueryHealth(), 2.0) == Rejected(code="busy", detail="come back later")
        assert isinstance(await bus.request("oms", QuerySnapshot(), 2.0), HealthReported)
        with pytest.raises(PeerUnavailable):
            await bus.request("nobody", QueryHealth(), 1.0)
        bus.close()
        host.close()

    run(work)


def test_rubbish_is_counted_and_dropped_on_both_sockets(tmp_path: Path) -> None:
    async def work() -> None:
        told: list[str] = []
        counters: Counter[str] = Counter()
        host = Host(tmp_path)
        follower = Follower(tmp_path)
        follower.bus.counters, follower.bus._tell = counters, lambda source, _error: told.append(source)
        await until(lambda: follower.replica.live)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(endpoints(tmp_path)["oms"].respond)
        for frames in ([b""], [b"x", b"y"], [b"id", b"\xc1", b"\x93"], [b"id", b"", b"a" * 1000], [b"", b"", b"", b""]):
            stranger.send_multipart(frames)
        topic = b"fill.binance.ETH-USDT|"
        for frames in ([topic], [topic, b"\xff", b"\xff"], [topic, b"", b"", b""], [topic, b"\x91" * 5000, b""]):
            host.publisher._socket.send_multipart(frames)
        host.fill()
        await until(lambda: follower.seen == [1])
        await until(lambda: host.bus.counters["malformed"] == 5)
        assert counters["malformed"] == 4 and set(told) == {"oms"}
        stranger.close()
        context.term()
        follower.bus.close()
        host.bus.close()

    run(work)


def test_unsafe_addresses_are_refused() -> None:
    for address in ("tcp://0.0.0.0:5000", "tcp://10.0.0.1:5000", "ipc://" + "x" * 108, "udp://x"):
        with pytest.raises(ConfigInvalid):
            Endpoint("oms", address, "ipc://ok").check("fleet.toml")
    Endpoint("oms", "tcp://127.0.0.1:5000", "tcp://[::1]:5001").check("fleet.toml")
