"""Announced blocks only wake: with the stream whole, dead, silent or talking rubbish, the same blocks are told."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

from common.chain import head_stream
from common.chain.head_stream import BlockWaker, reconnect_pause_s
from common.chain.heads import BlockAdded, BlockUndone, ChainEvent, HeadFollower
from services.paper_chain.actor import Actor
from tests.conftest import until
from tests.integration.chain.stream_proxy import StreamProxy
from tests.integration.chain.world import World

POLL_S = 0.5


class Listener:
    """A follower woken by a stream; remembers which blocks stand and when each was told."""

    def __init__(self, world: World, waker: BlockWaker) -> None:
        self.world, self.waker = world, waker
        self.follower = HeadFollower(world.node, [world.contracts.pool], depth_max=1024)
        self.told: dict[str, float] = {}
        self.logs: list[tuple[str, int]] = []

    def take(self, event: ChainEvent) -> None:
        match event:
            case BlockAdded(head=head, logs=logs):
                self.told[head.hash] = time.monotonic()
                self.logs += [(log.block_hash, log.log_index) for log in logs]
            case BlockUndone(head=head):
                del self.told[head.hash]
                self.logs = [key for key in self.logs if key[0] != head.hash]

    async def agrees(self, first: int) -> None:
        """All blocks and logs since a height, as the chain has them."""
        node = self.world.node
        last = await node.head()
        await until(lambda: last.hash in self.told, 5)
        blocks = await node.batch(
            [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last.number + 1)]
        )
        assert {each["hash"] for each in blocks} == set(self.told)
        query = {"fromBlock": hex(first), "toBlock": hex(last.number), "address": self.world.contracts.pool}
        found = await node.request("eth_getLogs", query)
        assert sorted((each["blockHash"], int(each["logIndex"], 16)) for each in found) == sorted(self.logs)


@asynccontextmanager
async def listening(world: World, url: str, poll_s: float = POLL_S) -> AsyncIterator[Listener]:
    waker = BlockWaker(url, Random(7))
    listener = Listener(world, waker)
    tasks = [
        asyncio.create_task(waker.run()),
        asyncio.create_task(listener.follower.run(listener.take, poll_s, waker.wait)),
    ]
    await until(lambda: listener.told, 5)
    try:
        yield listener
        assert not tasks[1].done() and (not url or not tasks[0].done())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def play(chain: str, story: Callable[[World, Actor, StreamProxy], Awaitable[None]]) -> None:
    async def run() -> None:
        host, port = chain.removeprefix("http://").split(":")
        async with World(chain, base_is_token0=False) as world, StreamProxy(host, int(port)) as proxy:
            await story(world, await world.rich("trader"), proxy)

    asyncio.run(run())


async def delays_s(world: World, listener: Listener, blocks: int) -> list[float]:
    """From the moment at which a block is known to be mined to the moment at which it is told."""
    delays = []
    for number in range(blocks):
        # Out of step with any poll.
        await asyncio.sleep(0.05 + 0.037 * (number % 7))
        await world.node.request("evm_mine")
        mined_s, head = time.monotonic(), await world.node.head()
        await until(lambda name=head.hash: name in listener.told, 5)
        delays.append(listener.told[head.hash] - mined_s)
    return sorted(delays)


def test_an_announced_block_is_told_long_before_the_next_poll(chain: str) -> None:
    async def story(world: World, _trader: Actor, proxy: StreamProxy) -> None:
        async with listening(world, proxy.url) as listener:
            await until(lambda: listener.waker.is_live, 5)
            first = (await world.node.head()).number
            woken = await delays_s(world, listener, 20)
            assert woken[10] < head_stream.STREAM_POLL_S / 10, woken
            await listener.agrees(first)
            assert listener.waker.counters["stream_heads"] >= 15

    play(chain, story)


def test_a_dead_stream_leaves_the_poll_and_comes_back(chain: str) -> None:
    async def story(world: World, trader: Actor, proxy: StreamProxy) -> None:
        async with listening(world, proxy.url, 0.1) as listener:
            first = (await world.node.head()).number
            await until(lambda: listener.waker.is_live, 5)
            proxy.refuses = True
            proxy.cut()
            await until(lambda: not listener.waker.is_live, 5)
            for _ in range(5):
                await world.swap(trader, 10**15)
            await listener.agrees(first)
            assert not listener.waker.is_live and listener.waker.trouble
            await until(lambda: proxy.connections >= 4, 5)
            proxy.refuses = False
            await until(lambda: listener.waker.is_live, 10)
            assert listener.waker.trouble == ""
            heads = listener.waker.counters["stream_heads"]
            await world.swap(trader, 10**15)
            await until(lambda: listener.waker.counters["stream_heads"] > heads, 5)
            await listener.agrees(first)

    play(chain, story)


def test_a_stream_that_says_nothing_more_loses_nothing(chain: str) -> None:
    async def story(world: World, trader: Actor, proxy: StreamProxy) -> None:
        async with listening(world, proxy.url) as listener:
            first = (await world.node.head()).number
            await until(lambda: listener.waker.is_live, 5)
            proxy.swallows = True
            heads = listener.waker.counters["stream_heads"]
            await world.swap(trader, 10**15)
            head = await world.node.head()
            await until(lambda: head.hash in listener.told, head_stream.STREAM_POLL_S + 1)
            await world.node.request("anvil_reorg", 1, [])
            await listener.agrees(first)
            assert listener.waker.counters["stream_heads"] == heads and listener.waker.is_live

    play(chain, story)


def test_a_burst_in_which_announcements_stall_loses_nothing(chain: str) -> None:
    async def story(world: World, trader: Actor, proxy: StreamProxy) -> None:
        async with listening(world, proxy.url) as listener:
            first = (await world.node.head()).number
            await until(lambda: listener.waker.is_live, 5)
            heads = listener.waker.counters["stream_heads"]
            for _ in range(60):
                await world.swap(trader, 10**14)
            await world.node.batch([("evm_mine", [])] * 300)
            await listener.agrees(first)
            assert len(listener.told) == 361 and len(listener.logs) == 60
            assert listener.waker.counters["stream_heads"] > heads

    play(chain, story)


RUBBISH = [
    b"\x81\x05hello", b"\x81\x02{}", b"\x81\x02[]", b"\x81\x04null", b"\x82\x03\xff\xfe\x00", b"\x81\x03\xff\xfe\xfd",
    b"\xff" * 64, b"\x00" * 200, b"HTTP/1.1 200 OK\r\n\r\n", b"\x81\x7f" + b"\x00\x00\x00\x40" + b"\x00" * 4,
]  # fmt: skip


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_in_the_stream_is_counted_or_ends_it_and_nothing_else(chain: str, rubbish: bytes) -> None:
    async def story(world: World, trader: Actor, proxy: StreamProxy) -> None:
        async with listening(world, proxy.url, 0.1) as listener:
            first = (await world.node.head()).number
            await until(lambda: listener.waker.is_live, 5)
            proxy.garble(rubbish)
            counters = listener.waker.counters
            await until(lambda: counters["stream_malformed"] or counters["stream_lost"] or rubbish == RUBBISH[1], 5)
            await world.swap(trader, 10**15)
            await listener.agrees(first)
            await until(lambda: listener.waker.is_live, 5)

    play(chain, story)


ANSWERS: list[tuple[str, Any]] = [
    ("refused", {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}),
    ("number", {"jsonrpc": "2.0", "id": 1, "result": 7}),
    ("nothing", {"jsonrpc": "2.0", "id": 1}),
    ("list", [1, 2]),
]


@pytest.mark.parametrize("answer", [answer for _, answer in ANSWERS], ids=[name for name, _ in ANSWERS])
def test_a_node_that_does_not_subscribe_is_asked_with_growing_pauses(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that no real node is: its answer is the test."""
    monkeypatch.setattr(head_stream, "CONNECT_S", 0.05)
    asked: list[float] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked.append(time.monotonic())
        await socket.receive()
        await socket.send_str(msgspec.json.encode(answer).decode())
        await socket.receive()
        return socket

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/", serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        waker = BlockWaker(f"ws://127.0.0.1:{runner.addresses[0][1]}/", Random(1))
        running = asyncio.create_task(waker.run())
        await until(lambda: len(asked) >= 3, 8)
        assert not running.done() and not waker.is_live and waker.trouble
        assert asked[2] - asked[1] > asked[1] - asked[0] > 0.3
        started = time.monotonic()
        await waker.wait(0.05)
        await waker.wait(0.05)
        assert time.monotonic() - started < head_stream.STREAM_POLL_S, "a stream that is down slows no poll"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runner.cleanup()

    asyncio.run(run())


def test_pauses_grow_to_a_bound() -> None:
    pauses = [reconnect_pause_s(failures, Random(3)) for failures in range(1, 40)]
    assert all(early <= late for early, late in pairwise(pauses))
    assert pauses[0] <= 0.5 and 0.7 * head_stream.RECONNECT_MAX_S <= pauses[-1] <= head_stream.RECONNECT_MAX_S


def test_without_a_stream_a_wait_is_a_pause() -> None:
    async def run() -> None:
        waker = BlockWaker()
        await waker.run()
        started = time.monotonic()
        await waker.wait(0.05)
        assert 0.045 <= time.monotonic() - started < 0.5 and not waker.is_live

    asyncio.run(run())
