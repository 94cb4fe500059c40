"""One owner's liquidity over one range as the pool, or the position manager, keeps it (whitepaper section 6.4.1)."""

import msgspec

from common.amm.fees import Growth, fees_owed
from common.amm.full_math import UINT128_MAX
from common.amm.ticks import NO_GROWTH


class Holding(msgspec.Struct):
    """Liquidity, the growth inside its range when it was last touched, and raw amounts owed (modulo 2^128)."""

    liquidity: int = 0
    inside_last: Growth = NO_GROWTH
    owed0: int = 0
    owed1: int = 0

    def settle(self, inside: Growth, liquidity_change: int = 0) -> None:
        """Book the fees since the last touch as owed, then change the liquidity."""
        self.owed0, self.owed1 = fees_owed(inside, self.inside_last, self.liquidity, self.owed0, self.owed1)
        self.inside_last = inside
        self.liquidity += liquidity_change

    def owe(self, amount0: int, amount1: int) -> None:
        """Add amounts that were burned."""
        self.owed0, self.owed1 = (self.owed0 + amount0) & UINT128_MAX, (self.owed1 + amount1) & UINT128_MAX

    def pay(self, amount0_max: int, amount1_max: int) -> tuple[int, int]:
        """Take out at most these amounts of what is owed; returns what was taken."""
        paid0, paid1 = min(amount0_max, self.owed0), min(amount1_max, self.owed1)
        self.owed0, self.owed1 = self.owed0 - paid0, self.owed1 - paid1
        return paid0, paid1
