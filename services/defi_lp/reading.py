"""What the chain says we own, at one block, in one round trip."""

import msgspec

from common.amm.fees import Growth
from common.amm.pool_state import PoolState
from common.amm.position import Range
from common.amm.tick_average import TickAverage
from common.chain.blocks import Head
from common.chain.clmm import Allowance, ChainView, PositionState, Purpose
from common.chain.node import Node
from common.strategy.lp_holdings import Holdings, OwnedRange
from services.defi_lp.contracts import Venue


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One block's truth. `home` is the pool of `holdings`; `pools` are all candidates, home among them, each with its
    mean tick: the pool's own, or where its oracle keeps too little, ours of the blocks seen since the start.

    `strays` are positions of the wallet with something in them that stand in another pool than home.
    """

    head: Head
    home: str
    holdings: Holdings
    pools: tuple[PoolState, ...]
    native_wei: int
    allowances: tuple[Allowance, ...]
    strays: tuple[PositionState, ...] = ()

    @property
    def pool(self) -> PoolState:
        """Home's state."""
        return next(each for each in self.pools if each.pool_id == self.home)

    @property
    def growth(self) -> Growth:
        """Home's fee counters."""
        return self.pool.growth

    def allowance(self, purpose: Purpose, token: str) -> int:
        """Raw units that the purpose's contract may still take."""
        return next(each.amount for each in self.allowances if (each.purpose, each.token) == (purpose, token))


class Reader:
    """Reads by block hash, so that all figures belong to exactly one block.

    Our NFTs are those that the manager says the wallet owns: their number is checked in every read, and when it or
    any owner differs from what we know, they are listed anew. So an NFT that we never recorded is found, one that
    was taken away is missed, and an id that a reorganisation gave to a rival is not mistaken for ours.
    """

    def __init__(self, node: Node, venue: Venue, owner: str, twap_window_s: int) -> None:
        self._node, self._adapter, self._configured, self._owner = node, venue.adapter, venue.home, owner
        self._ids: list[int] = []
        self._averages = {pool_id: TickAverage(twap_window_s) for pool_id in venue.adapter.pools}

    async def read(self, head: Head, range_keys: dict[int, str], preferred: str = "") -> Reading:
        """Everything at this block. Home is where our ranges stand, else `preferred`, else the configured pool.

        Raises PeerUnavailable, and RequestRefused if the block is gone.
        """
        native_wei, view = await self._ask(head)
        if not self._is_complete(view):
            calls = self._adapter.listing_calls(self._owner, view.position_count)
            self._ids = list(await self._node.read_many(calls, head.hash))
            native_wei, view = await self._ask(head)
        filled = [each for each in view.positions if each is not None and (each.liquidity or each.owed0 or each.owed1)]
        home = self._home(filled, preferred)
        pools = tuple(self._with_average(head, state) for state in view.pools)
        return Reading(
            head=head, home=home, pools=pools,
            holdings=self._holdings(next(each for each in pools if each.pool_id == home), filled, view, range_keys),
            native_wei=native_wei, allowances=view.allowances,
            strays=tuple(each for each in filled if each.pool_id != home),
        )  # fmt: skip

    async def _ask(self, head: Head) -> tuple[int, ChainView]:
        calls = self._adapter.read_calls(self._owner, self._ids)
        native_wei, outcomes = await self._node.read_owned(calls, head.hash, self._owner)
        return native_wei, self._adapter.decode(outcomes, self._owner, self._ids)

    def _is_complete(self, view: ChainView) -> bool:
        owners = [each.owner if each else "" for each in view.positions]
        return view.position_count == len(owners) and all(owner == self._owner for owner in owners)

    def _home(self, filled: list[PositionState], preferred: str) -> str:
        """The candidate pool with most of our liquidity: a move into another pool leaves none behind."""
        held = dict.fromkeys(self._adapter.pools, 0)
        for each in filled:
            if each.pool_id in held:
                held[each.pool_id] += each.liquidity + 1
        fullest = max(held, key=lambda pool_id: held[pool_id])
        if held[fullest]:
            return fullest
        return preferred if preferred in held else self._configured

    def _holdings(
        self, pool: PoolState, filled: list[PositionState], view: ChainView, range_keys: dict[int, str]
    ) -> Holdings:
        idle_base, idle_quote = pool.pair.unorder(view.idle0, view.idle1)
        ranges = tuple(_owned(pool, each, range_keys) for each in filled if each.pool_id == pool.pool_id)
        return Holdings(
            pair=pool.pair, sqrt_price_x96=pool.sqrt_price_x96, tick=pool.tick, ranges=ranges,
            idle_base=idle_base, idle_quote=idle_quote,
        )  # fmt: skip

    def _with_average(self, head: Head, state: PoolState) -> PoolState:
        average = self._averages[state.pool_id]
        average.add(head.timestamp_s, state.tick)
        if state.twap_tick is not None:
            return state
        return msgspec.structs.replace(state, twap_tick=average.mean())


def _owned(pool: PoolState, position: PositionState, range_keys: dict[int, str]) -> OwnedRange:
    fees_base, fees_quote = pool.pair.unorder(position.owed0, position.owed1)
    return OwnedRange(
        key=range_keys.get(position.position_id, f"nft-{position.position_id}"), token_id=position.position_id,
        range=Range(position.tick_lower, position.tick_upper, position.liquidity),
        fees_base=fees_base, fees_quote=fees_quote,
    )  # fmt: skip
