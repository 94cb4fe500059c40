"""Throughput of events: our publisher and subscriber beside a bare PUB/SUB pair moving the same three frames."""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from common.bus import Bus, Endpoint
from common.messages import Header, Message, encode
from tests.benchmarks.codec import IMAGE, ORDER
from tests.benchmarks.measure import table

# Fewer than both high-water marks hold together, so that a slow reader loses none.
MESSAGES = 15_000


def main() -> None:
    """Print messages per second for both payloads."""
    rows = []
    for message in (ORDER, IMAGE):
        with tempfile.TemporaryDirectory() as folder:
            bare = _rate(_bare_publisher, _bare_subscriber, Path(folder), message)
            ours = _rate(_our_publisher, _our_subscriber, Path(folder), message)
        rows.append((type(message).__name__, len(encode(message)), round(ours), round(bare), bare / ours))
    table(("payload", "bytes", "ours msg/s (encode, check, decode)", "bare PUB/SUB msg/s", "bare / ours"), rows)


def _rate(
    publisher: Callable[[Path, Message], None], subscriber: Callable[[Path], float], folder: Path, message: Message
) -> float:  # fmt: skip
    process = multiprocessing.get_context("spawn").Process(target=publisher, args=(folder, message))
    process.start()
    try:
        return subscriber(folder)
    finally:
        process.join(20)
        process.terminate()


def _endpoint(folder: Path) -> dict[str, Endpoint]:
    return {"oms": Endpoint("oms", f"ipc://{folder}/ours.pub", f"ipc://{folder}/ours.req")}


def _our_publisher(folder: Path, message: Message) -> None:
    async def work() -> None:
        bus = Bus("oms", 1, _endpoint(folder), time.time_ns)
        joined = asyncio.Event()
        publisher = bus.bind()
        publisher.state = "running"
        greet, publisher.beat = publisher.beat, lambda: (greet(), joined.set())  # type: ignore[method-assign,func-returns-value]
        await joined.wait()
        for number in range(MESSAGES):
            bus.publish("order.binance.ETH-USDT", message)
            if number % 256 == 255:
                await asyncio.sleep(0)
        await asyncio.sleep(2)
        bus.close()

    asyncio.run(work())


def _our_subscriber(folder: Path) -> float:
    async def work() -> float:
        bus = Bus("console", 1, _endpoint(folder), time.time_ns)
        times: list[float] = []
        done = asyncio.Event()

        def count(_message: Message, header: Header, _topic: str) -> None:
            times.append(time.perf_counter())
            if header.sequence == MESSAGES:
                done.set()

        bus._subscriber("oms").add_facts("order.", count)
        await asyncio.wait_for(done.wait(), 60)
        bus.close()
        return len(times) / (times[-1] - times[0])

    return asyncio.run(work())


def _bare_publisher(folder: Path, message: Message) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.bind(f"ipc://{folder}/bare")
    socket.recv()
    frames = (b"order.binance.ETH-USDT|", encode(Header(1, "oms", 1, 1, 1)), encode(message))
    for _ in range(MESSAGES):
        socket.send_multipart(frames)
    time.sleep(2)
    socket.close()
    context.term()


def _bare_subscriber(folder: Path) -> float:
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.connect(f"ipc://{folder}/bare")
    socket.subscribe(b"order.")
    socket.recv_multipart()
    started = time.perf_counter()
    for _ in range(MESSAGES - 1):
        socket.recv_multipart()
    elapsed = time.perf_counter() - started
    socket.close()
    context.term()
    return (MESSAGES - 1) / elapsed
