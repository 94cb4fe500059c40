"""Blocks as they become, and cease to be, part of the chain.

A look at the newest block only wakes the follower. It then walks `parent_hash` back to a block that it knows, undoes
what is no longer on the chain (newest first), and adds what is new (oldest first) with its logs read by block hash.
Nodes announce neither every block nor every reorganisation: this order needs neither.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec

from common.chain.blocks import Head, Log
from common.chain.node import Node
from common.model.errors import OutcomeUnknown, PeerUnavailable, RequestRefused

POLL_S = 0.25
BACKOFF_MAX_S = 2.0


class BlockAdded(msgspec.Struct, frozen=True, kw_only=True):
    """The chain grew by this block. Each (block, log) is told once until it is undone."""

    head: Head
    logs: tuple[Log, ...]


class BlockUndone(msgspec.Struct, frozen=True, kw_only=True):
    """This block, told before, is no longer part of the chain."""

    head: Head


class FollowingRestarted(msgspec.Struct, frozen=True, kw_only=True):
    """The gap to what was known is too large to walk (another chain, or a long sleep): read the state anew.

    Nothing told before counts any more; the block itself follows as BlockAdded.
    """

    head: Head


ChainEvent = BlockAdded | BlockUndone | FollowingRestarted


class KnownBlocks:
    """The newest blocks of the chain as far as they were told, oldest first. Pure."""

    def __init__(self, blocks: Iterable[Head] = (), depth_max: int = 64) -> None:
        self._blocks = list(blocks)[-depth_max:]
        self._depth_max = depth_max

    @property
    def tip(self) -> Head | None:
        """The newest block told, or None before the first."""
        return self._blocks[-1] if self._blocks else None

    @property
    def blocks(self) -> list[Head]:
        """A copy, oldest first: what a process stores to go on from."""
        return list(self._blocks)

    def knows(self, block_hash: str) -> bool:
        """True if the block was told and not undone."""
        return any(block.hash == block_hash for block in reversed(self._blocks))

    def undo_to(self, block_hash: str) -> list[Head]:
        """Drop everything above a known block; returns the dropped, newest first."""
        undone = []
        while self._blocks and self._blocks[-1].hash != block_hash:
            undone.append(self._blocks.pop())
        return undone

    def add(self, head: Head) -> None:
        """Take the next block; forgets the oldest beyond the depth."""
        self._blocks.append(head)
        del self._blocks[: -self._depth_max]

    def clear(self) -> None:
        """Know nothing."""
        self._blocks.clear()


class HeadFollower:
    """Follows one node. `known` are blocks of a former life to go on from. Only logs of `addresses` are read, and of
    those only the ones with a first topic of `topics` unless that is empty.
    """

    def __init__(
        self,
        node: Node,
        addresses: Sequence[str],
        known: Iterable[Head] = (),
        *,
        topics: Collection[bytes] = (),
        depth_max: int = 64,
    ) -> None:
        self._node, self._addresses, self._topics, self._depth_max = node, list(addresses), topics, depth_max
        self.known = KnownBlocks(known, depth_max)

    async def poll(self) -> list[ChainEvent]:
        """All that happened since the last call, in order; [] if nothing did.

        Raises PeerUnavailable. What it returns counts as told: a failure on the way tells nothing, and the next call
        tells all of it.
        """
        head = await self._node.head()
        tip = self.known.tip
        if tip and head.hash == tip.hash:
            return []
        path = await self._walk_back(head)
        if path is None:
            return []
        added = await self._with_logs(path)
        return [] if added is None else self._tell(head, added)

    async def run(
        self,
        on_event: Callable[[ChainEvent], Awaitable[None] | None],
        poll_s: float = POLL_S,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Poll for ever; a node that is away is waited for with a growing pause of at most 2 s.

        `wait` is how to pause between two looks: `BlockWaker.wait` ends it early when a block is announced.
        """
        pause = poll_s
        while True:
            try:
                for event in await self.poll():
                    waiting: Any = on_event(event)
                    if waiting is not None:
                        await waiting
                pause = poll_s
            except (PeerUnavailable, OutcomeUnknown):
                pause = min(2 * pause, BACKOFF_MAX_S)
            await wait(pause)

    async def _walk_back(self, head: Head) -> list[Head] | None:
        """New blocks down to a known one (excluded), oldest first; the newest alone if there is none within reach.

        None: the chain moved while we walked.
        """
        path = [head]
        if self.known.tip is None:
            return path
        if self.known.knows(head.hash):
            return []
        while not self.known.knows(path[-1].parent_hash):
            if len(path) >= self._depth_max or path[-1].number == 0:
                return [head]
            parent = await self._node.block(path[-1].parent_hash)
            if parent is None:
                return None
            path.append(parent)
        return path[::-1]

    async def _with_logs(self, path: list[Head]) -> list[BlockAdded] | None:
        added = []
        for head in path:
            try:
                logs = await self._node.logs(head.hash, self._addresses, self._topics)
            except RequestRefused:
                return None  # The block is gone already: the next look finds what took its place.
            unique = {(log.block_hash, log.log_index): log for log in logs}
            added.append(BlockAdded(head=head, logs=tuple(unique[key] for key in sorted(unique))))
        return added

    def _tell(self, head: Head, added: list[BlockAdded]) -> list[ChainEvent]:
        events: list[ChainEvent] = []
        # Without new blocks the newest one is known itself: a silent rewind.
        base = added[0].head.parent_hash if added else head.hash
        if self.known.knows(base):
            events += [BlockUndone(head=block) for block in self.known.undo_to(base)]
        elif self.known.tip:
            self.known.clear()
            events.append(FollowingRestarted(head=head))
        for block in added:
            self.known.add(block.head)
        return [*events, *added]
