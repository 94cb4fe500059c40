"""The least that three ZeroMQ hops can cost here: the same patterns and bytes as the fleet's, in blocking loops that do
nothing. publisher -SUB-> stage 1 -DEALER-> stage 2 (ROUTER) -DEALER-> stage 3 (ROUTER), which stamps the arrival.
"""

import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection

import zmq

from common.messages import Header, encode
from tests.benchmarks.codec import IMAGE, ORDER
from tests.benchmarks.measure import percentile

TICKS = 1_000
WARM_UP_TICKS = 20


def latencies_us(interval_s: float, ticks: int = TICKS) -> list[float]:
    """Microseconds from publishing an image to the arrival of its order three hops later, one per tick."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        receiver, sender = spawn.Pipe(duplex=False)
        stages = [
            spawn.Process(target=_strategy, args=(folder,), daemon=True),
            spawn.Process(target=_relay, args=(folder,), daemon=True),
            spawn.Process(target=_sink, args=(folder, sender, WARM_UP_TICKS + ticks), daemon=True),
        ]
        for stage in stages:
            stage.start()
        _publish(folder, interval_s, WARM_UP_TICKS + ticks)
        if not receiver.poll(30):
            raise TimeoutError("the bare chain did not deliver")
        measured: list[float] = receiver.recv()
        for stage in stages:
            stage.terminate()
            stage.join()
    return measured[WARM_UP_TICKS:]


def _publish(folder: str, interval_s: float, ticks: int) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.bind(f"ipc://{folder}/1")
    if not socket.poll(20_000):
        raise TimeoutError("the bare chain did not start")
    socket.recv()
    time.sleep(0.5)  # The later hops connect meanwhile; the fleet's bench waits for its heartbeats instead.
    payload = encode(IMAGE)
    for _ in range(ticks):
        socket.send_multipart((b"book.binance.ETH-USDT|", encode(Header(1, "q", 1, 1, time.time_ns())), payload))
        time.sleep(interval_s)
    time.sleep(0.2)
    context.destroy(linger=0)


def _strategy(folder: str) -> None:
    context = zmq.Context()
    source, target = context.socket(zmq.SUB), context.socket(zmq.DEALER)
    target.connect(f"ipc://{folder}/2")
    source.connect(f"ipc://{folder}/1")
    source.subscribe(b"book.")
    payload = encode(ORDER)
    while True:
        _topic, header, _image = source.recv_multipart()
        target.send_multipart((b"12345678", header, payload))


def _relay(folder: str) -> None:
    context = zmq.Context()
    source, target = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    source.bind(f"ipc://{folder}/2")
    target.connect(f"ipc://{folder}/3")
    while True:
        _peer, request_id, header, payload = source.recv_multipart()
        target.send_multipart((request_id, header, payload))


def _sink(folder: str, results: Connection, ticks: int) -> None:
    import msgspec

    context = zmq.Context()
    source = context.socket(zmq.ROUTER)
    source.bind(f"ipc://{folder}/3")
    decoder = msgspec.msgpack.Decoder(Header)
    measured = []
    for _ in range(ticks):
        header = source.recv_multipart()[2]
        arrived_ns = time.time_ns()
        measured.append((arrived_ns - decoder.decode(header).sent_ns) / 1_000)
    results.send(measured)


if __name__ == "__main__":
    spread = latencies_us(0.005)
    print(f"p50 {percentile(spread, 0.5):.0f} us, p99 {percentile(spread, 0.99):.0f} us")
