"""Fees of a range from the pool's growth counters (whitepaper sections 6.3 and 6.4.1).

Counters are fees per unit of liquidity with 128 fraction bits. They wrap at 2^256 by design: only differences mean
anything, so every subtraction here is modulo 2^256.
"""

import msgspec

from common.amm.full_math import UINT128_MAX, UINT256_MAX


class Growth(msgspec.Struct, frozen=True):
    """Fees per unit of liquidity of token0 and token1, Q128.128, modulo 2^256."""

    token0: int
    token1: int

    def __sub__(self, other: "Growth") -> "Growth":
        return Growth((self.token0 - other.token0) & UINT256_MAX, (self.token1 - other.token1) & UINT256_MAX)

    def share(self, liquidity: int) -> tuple[int, int]:
        """Raw (token0, token1) that this much growth paid to this much liquidity, rounded down."""
        return self.token0 * liquidity >> 128, self.token1 * liquidity >> 128


def growth_inside(
    global_growth: Growth, lower_outside: Growth, upper_outside: Growth, tick_lower: int, tick_upper: int, tick: int
) -> Growth:
    """Growth between two ticks (equations 6.17 to 6.19): global less what was earned below and above."""
    below = lower_outside if tick >= tick_lower else global_growth - lower_outside
    above = upper_outside if tick < tick_upper else global_growth - upper_outside
    return global_growth - below - above


def fees_owed(inside: Growth, inside_last: Growth, liquidity: int, owed0: int = 0, owed1: int = 0) -> tuple[int, int]:
    """(token0, token1) owed to a position: what it was owed at its last touch plus its share since (equation 6.28).

    The pool keeps what is owed in 128 bits and lets it wrap there; so does this.
    """
    share0, share1 = (inside - inside_last).share(liquidity)
    return (owed0 + share0) & UINT128_MAX, (owed1 + share1) & UINT128_MAX
