"""Positions as NFTs of the position manager: several may share one range, hence one position of the pool.

The pool knows the manager as one owner. Each NFT keeps the growth at which it was last touched, so the manager splits
what the pool pays by liquidity and time.
"""

import msgspec

from common.amm.full_math import UINT128_MAX
from common.amm.holding import Holding
from common.amm.liquidity import liquidity_of_amounts
from common.amm.pool import Pool
from common.amm.tick_math import require_range
from common.model.errors import InputInvalid

OWNER = "position manager"
WHERE = "position manager"


class Nft(msgspec.Struct):
    """One NFT: its range and what it holds there."""

    tick_lower: int
    tick_upper: int
    holding: Holding


class PositionManager:
    """NFTs over the ranges of one pool, by their ids."""

    __slots__ = ("nfts", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool, self.nfts = pool, dict[str, Nft]()

    def mint(
        self, name: str, tick_lower: int, tick_upper: int, amount0_desired: int, amount1_desired: int
    ) -> tuple[int, int, int]:
        """A new NFT for as much liquidity as the amounts allow; returns (liquidity, token0 paid, token1 paid)."""
        if name in self.nfts:
            raise InputInvalid("id", WHERE, "an id that is not taken", name)
        require_range(tick_lower, tick_upper, self.pool.spacing)
        nft = Nft(tick_lower, tick_upper, Holding())
        added = self._add(nft, amount0_desired, amount1_desired)
        self.nfts[name] = nft
        return added

    def increase(self, name: str, amount0_desired: int, amount1_desired: int) -> tuple[int, int, int]:
        """More liquidity for an NFT; returns (liquidity added, token0 paid, token1 paid)."""
        return self._add(self._nft(name), amount0_desired, amount1_desired)

    def decrease(self, name: str, liquidity: int) -> tuple[int, int]:
        """Take liquidity out; returns the (token0, token1) owed for it, which `collect` pays."""
        nft = self._nft(name)
        if not 0 < liquidity <= nft.holding.liquidity:
            raise InputInvalid("liquidity", WHERE, f"1..{nft.holding.liquidity}, what NFT {name} has", liquidity)
        amounts = self.pool.burn(OWNER, nft.tick_lower, nft.tick_upper, liquidity)
        self._settle(nft, -liquidity)
        nft.holding.owe(*amounts)
        return amounts

    def collect(self, name: str, amount0_max: int = UINT128_MAX, amount1_max: int = UINT128_MAX) -> tuple[int, int]:
        """Pay out what is owed, fees up to now included; returns what the pool paid.

        The NFT is charged what it asked for. The pool's own rounding may pay a few units less, as in the contract.
        """
        nft = self._nft(name)
        if not amount0_max and not amount1_max:
            raise InputInvalid("amounts", WHERE, "an amount that is not 0", (amount0_max, amount1_max))
        if nft.holding.liquidity:
            self.pool.burn(OWNER, nft.tick_lower, nft.tick_upper, 0)
            self._settle(nft, 0)
        asked = nft.holding.pay(amount0_max, amount1_max)
        return self.pool.collect(OWNER, nft.tick_lower, nft.tick_upper, *asked)

    def _add(self, nft: Nft, amount0_desired: int, amount1_desired: int) -> tuple[int, int, int]:
        lower, upper = nft.tick_lower, nft.tick_upper
        liquidity = liquidity_of_amounts(self.pool.sqrt_price, lower, upper, amount0_desired, amount1_desired)
        amount0, amount1 = self.pool.mint(OWNER, lower, upper, liquidity)
        self._settle(nft, liquidity)
        return liquidity, amount0, amount1

    def _settle(self, nft: Nft, change: int) -> None:
        nft.holding.settle(self.pool.holdings[OWNER, nft.tick_lower, nft.tick_upper].inside_last, change)

    def _nft(self, name: str) -> Nft:
        if name not in self.nfts:
            raise InputInvalid("id", WHERE, "an NFT that was minted", name)
        return self.nfts[name]
