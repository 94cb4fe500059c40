"""The follower on a real chain that is rewritten under it: what it tells adds up to the chain."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from common.chain.blocks import Log
from common.chain.heads import BlockAdded, BlockUndone, ChainEvent, FollowingRestarted, HeadFollower
from common.chain.node import Node
from common.chain.router import exact_input_single
from common.model.errors import PeerUnavailable
from services.paper_chain.actor import Actor
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.chain.world import World


class Listener:
    """Does what every consumer does: adds what is added, takes away what is undone."""

    def __init__(self, world: World, node: Node | None = None) -> None:
        self.world = world
        self.follower = HeadFollower(node or world.node, [world.contracts.pool])
        self.chain: list[BlockAdded] = []
        self.undone = self.restarts = 0

    async def listen(self) -> list[ChainEvent]:
        events = await self.follower.poll()
        for event in events:
            match event:
                case BlockAdded():
                    assert not self.chain or event.head.parent_hash == self.chain[-1].head.hash
                    self.chain.append(event)
                case BlockUndone(head=head):
                    assert self.chain.pop().head == head
                    self.undone += 1
                case FollowingRestarted():
                    self.chain.clear()
                    self.restarts += 1
        return events

    @property
    def logs(self) -> list[Log]:
        return [log for block in self.chain for log in block.logs]

    async def agrees(self) -> None:
        """The sum of all that was told equals what the chain says now about the same blocks."""
        first, last = self.chain[0].head, self.chain[-1].head
        assert last == await self.world.node.head()
        query = {"fromBlock": hex(first.number), "toBlock": hex(last.number), "address": self.world.contracts.pool}
        found = await self.world.node.request("eth_getLogs", query)
        assert [(each["blockHash"], int(each["logIndex"], 16)) for each in found] == [
            (log.block_hash, log.log_index) for log in self.logs
        ]


def play(chain: str, story: Callable[[World, Actor], Awaitable[None]]) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=False) as world:
            await story(world, await world.rich("trader"))

    asyncio.run(run())


async def swap(world: World, trader: Actor, *, sells_base: bool = True) -> None:
    amount = 10**15 if sells_base else 10**6
    params = await world.swap_params(trader.address, amount, sells_base=sells_base)
    await trader.send(exact_input_single(world.contracts.router, params))


def test_blocks_come_in_order_with_their_logs_once(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        listener = Listener(world)
        await listener.listen()
        for _ in range(5):
            await swap(world, trader)
        await listener.listen()
        assert len(listener.chain) == 6 and len(listener.logs) == 5
        assert await listener.listen() == []
        await listener.agrees()

    play(chain, story)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_reorganisation_is_undone_and_told_anew(chain: str, depth: int) -> None:
    async def story(world: World, trader: Actor) -> None:
        listener = Listener(world)
        await listener.listen()
        for _ in range(8):
            await swap(world, trader)
        await listener.listen()
        before = listener.logs
        await world.node.request("anvil_reorg", depth, [])
        events = await listener.listen()
        kinds = [type(each) for each in events]
        assert kinds == [BlockUndone] * depth + [BlockAdded] * depth
        assert listener.logs == before[: 8 - depth]
        await listener.agrees()

    play(chain, story)


def test_a_silent_rewind_is_found_by_looking(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        listener = Listener(world)
        await swap(world, trader)
        await listener.listen()
        snapshot = await world.node.request("evm_snapshot")
        for _ in range(4):
            await swap(world, trader)
        await listener.listen()
        assert len(listener.chain) == 5
        await world.node.request("evm_revert", snapshot)
        events = await listener.listen()
        assert [type(each) for each in events] == [BlockUndone] * 4
        await listener.agrees()

    play(chain, story)


def test_any_history_of_swaps_reorganisations_and_rewinds_adds_up(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        dice = random.Random(11)
        listener = Listener(world)
        await listener.listen()
        for _ in range(150):
            match dice.choice(["swap", "swap", "swap", "mine", "reorg", "rollback", "listen", "listen"]):
                case "swap":
                    await swap(world, world.actor("trader"), sells_base=dice.random() < 0.5)
                case "mine":
                    await world.node.request("evm_mine")
                case "reorg":
                    await world.node.request("anvil_reorg", dice.randint(1, 6), [])
                case "rollback":
                    await world.node.request("anvil_rollback", dice.randint(1, 3))
                case "listen":
                    await listener.listen()
                    await listener.agrees()
        await listener.listen()
        await listener.agrees()
        assert listener.undone > 10 and listener.restarts == 0

    play(chain, story)


def test_a_new_life_goes_on_from_the_blocks_of_the_last(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        listener = Listener(world)
        await listener.listen()
        for _ in range(3):
            await swap(world, trader)
        await listener.listen()
        await world.node.request("anvil_reorg", 2, [])
        second = HeadFollower(world.node, [world.contracts.pool], listener.follower.known.blocks)
        kinds = [type(each) for each in await second.poll()]
        assert kinds == [BlockUndone, BlockUndone, BlockAdded, BlockAdded]

    play(chain, story)


def test_a_gap_too_large_to_walk_starts_anew_and_says_so(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        follower = HeadFollower(world.node, [world.contracts.pool], depth_max=4)
        await follower.poll()
        for _ in range(6):
            await swap(world, trader)
        head = await world.node.head()
        events = await follower.poll()
        assert [type(each) for each in events] == [FollowingRestarted, BlockAdded]
        assert events[1].head == head and await follower.poll() == []

    play(chain, story)


def test_a_failure_on_the_way_tells_nothing_and_the_next_look_tells_all(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        async with FaultProxy(chain) as proxy:
            node = Node(proxy.url, timeout_s=0.3, read_attempts=1)
            listener = Listener(world, node)
            await listener.listen()
            for _ in range(3):
                await swap(world, trader)
            for method in ("eth_getBlockByNumber", "eth_getBlockByHash", "eth_getLogs"):
                for fault in ("fail", "lose_reply", "hang"):
                    proxy.faults[method] = [fault]
                    with pytest.raises(PeerUnavailable):
                        await listener.listen()
            proxy.faults["eth_getLogs"] = ["refuse"]
            with pytest.raises(PeerUnavailable, match="429"):
                await listener.listen()
            await listener.listen()
            assert len(listener.logs) == 3
            await listener.agrees()
            await node.close()

    play(chain, story)


def test_run_waits_out_a_node_that_is_away(chain: str) -> None:
    async def story(world: World, trader: Actor) -> None:
        async with FaultProxy(chain) as proxy:
            node = Node(proxy.url, timeout_s=0.3, read_attempts=1)
            follower = HeadFollower(node, [world.contracts.pool])
            told: list[ChainEvent] = []
            seen = asyncio.Event()

            async def on_event(event: ChainEvent) -> None:
                told.append(event)
                seen.set()

            running = asyncio.create_task(follower.run(on_event, poll_s=0.01))
            await asyncio.wait_for(seen.wait(), 5)
            proxy.faults["eth_getBlockByNumber"] = ["fail"] * 3
            seen.clear()
            await swap(world, trader)
            await asyncio.wait_for(seen.wait(), 5)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await node.close()
            assert [type(each) for each in told] == [BlockAdded, BlockAdded]

    play(chain, story)
