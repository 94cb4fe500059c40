"""A pool replayed from its birth by common/amm, from nothing but the events of the present chain.

The replay knows the range and the owner of no NFT but from the events, and asks the node for nothing: what it says of
price, fee growth, principal and fees is a second opinion on what the contracts answer and on what the LP publishes.
"""

from typing import NamedTuple

from eth_utils.crypto import keccak

from common.amm.holding import Holding
from common.amm.liquidity import amounts_of_liquidity
from common.amm.manager import OWNER, Nft, PositionManager
from common.amm.pool import Pool
from common.chain.abi import decode_words
from common.chain.blocks import Log
from common.chain.events import (
    LiquidityDecreased,
    LiquidityIncreased,
    PoolBurned,
    PoolCollected,
    PoolMinted,
    PoolSwapped,
    PositionCollected,
    decode_log,
)
from tests.amm_sequences.mainnet import Swapped, follow

INITIALIZE = keccak(b"Initialize(uint160,int24)")


class Claim(NamedTuple):
    """What an NFT's owner would get for it now: raw (token0, token1)."""

    principal: tuple[int, int]
    fees: tuple[int, int]


class PoolHistory:
    """`logs` are the pool's and its position manager's, in their order. Raises AssertionError where they do not fit."""

    def __init__(self, logs: list[Log], pool: str, fee_ppm: int, spacing: int) -> None:
        self.manager = PositionManager(Pool(fee_ppm, spacing))
        self.events = 0
        self._moved: PoolMinted | PoolBurned | PoolCollected | None = None
        for log in logs:
            if log.address == pool and log.topics[0] == INITIALIZE:
                self.manager.pool.initialize(decode_words(["uint160", "int24"], log.data, "Initialize")[0])
            elif log.address == pool:
                self._follow_pool(log)
            else:
                self._follow_manager(log)

    def claim(self, token_id: int) -> Claim:
        """Ends the replay's use: it settles the NFT as a collection would."""
        nft, pool = self.manager.nfts[str(token_id)], self.manager.pool
        liquidity = nft.holding.liquidity
        if liquidity:
            pool.burn(OWNER, nft.tick_lower, nft.tick_upper, 0)
            self._settle(nft, 0)
        lower, upper = nft.tick_lower, nft.tick_upper
        principal = amounts_of_liquidity(pool.sqrt_price, lower, upper, liquidity)
        return Claim(principal, (nft.holding.owed0, nft.holding.owed1))

    def _follow_pool(self, log: Log) -> None:
        event, pool = decode_log(log), self.manager.pool
        self.events += 1
        if isinstance(event, PoolSwapped):
            told = Swapped(event.amount0, event.amount1, event.sqrt_price_x96, event.liquidity, event.tick)
            self.manager.pool, way = follow(pool, told)
            assert way, f"no swap of this pool gives {told} (block {log.block_number})"
        elif isinstance(event, PoolMinted):
            amounts = pool.mint(OWNER, event.tick_lower, event.tick_upper, event.liquidity)
            assert amounts == (event.amount0, event.amount1), (event, amounts)
            self._moved = event
        elif isinstance(event, PoolBurned):
            amounts = pool.burn(OWNER, event.tick_lower, event.tick_upper, event.liquidity)
            assert amounts == (event.amount0, event.amount1), (event, amounts)
            self._moved = event
        elif isinstance(event, PoolCollected):
            amounts = pool.collect(OWNER, event.tick_lower, event.tick_upper, event.amount0, event.amount1)
            assert amounts == (event.amount0, event.amount1), (event, amounts)

    def _follow_manager(self, log: Log) -> None:
        """Each of its events follows the pool's own, which tells the range."""
        event, nfts = decode_log(log), self.manager.nfts
        if isinstance(event, LiquidityIncreased):
            moved, name = self._moved, str(event.token_id)
            if not isinstance(moved, PoolMinted):
                return  # Of another pool.
            nft = nfts.setdefault(name, Nft(moved.tick_lower, moved.tick_upper, Holding()))
            self._settle(nft, event.liquidity)
        elif isinstance(event, LiquidityDecreased) and (nft := nfts.get(str(event.token_id))):
            self._settle(nft, -event.liquidity)
            nft.holding.owe(event.amount0, event.amount1)
        elif isinstance(event, PositionCollected) and (nft := nfts.get(str(event.token_id))):
            if nft.holding.liquidity:
                self._settle(nft, 0)
            nft.holding.pay(event.amount0, event.amount1)
        else:
            return
        self._moved = None

    def _settle(self, nft: Nft, change: int) -> None:
        nft.holding.settle(self.manager.pool.holdings[OWNER, nft.tick_lower, nft.tick_upper].inside_last, change)
