"""Which of a pool's two tokens is the risky one, and the prices that follow from it.

A pool sorts its tokens by address, so the base (the asset that moves) is sometimes token0 and sometimes token1. All
of the project speaks of P = quote per base in whole tokens; only this module knows how that maps to the pool's
sqrtPriceX96 = sqrt(token1 / token0) and to its ticks, which run against P when the base is token1.
"""

from math import isqrt, log, sqrt

import msgspec

from common.amm.full_math import Q96
from common.amm.tick_math import MAX_TICK, MIN_TICK, require_range, require_sqrt_price
from common.model.errors import InputInvalid

_LOG_TICK = log(1.0001)
_DECIMALS_MAX = 36


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Token order and units of one pool: decimals of both tokens, tick spacing, fee in parts per million."""

    base_is_token0: bool
    base_decimals: int
    quote_decimals: int
    tick_spacing: int
    fee_ppm: int

    def __post_init__(self) -> None:
        for name in ("base_decimals", "quote_decimals"):
            if not 0 <= getattr(self, name) <= _DECIMALS_MAX:
                raise ValueError(f"{name} must lie in 0..{_DECIMALS_MAX}, got {getattr(self, name)}")
        if self.tick_spacing < 1:
            raise ValueError(f"tick_spacing must be at least 1, got {self.tick_spacing}")
        if not 0 <= self.fee_ppm < 1_000_000:
            raise ValueError(f"fee_ppm must lie in 0..999999, got {self.fee_ppm}")

    @property
    def raw_scale(self) -> float:
        """Raw quote units per raw base unit when P is 1."""
        return 10.0 ** (self.quote_decimals - self.base_decimals)

    def order(self, base: int, quote: int) -> tuple[int, int]:
        """(token0, token1) amounts from (base, quote) amounts."""
        return (base, quote) if self.base_is_token0 else (quote, base)

    def unorder(self, amount0: int, amount1: int) -> tuple[int, int]:
        """(base, quote) amounts from (token0, token1) amounts."""
        return (amount0, amount1) if self.base_is_token0 else (amount1, amount0)

    def whole_base(self, raw: int) -> float:
        """Raw base units as whole tokens, for models and screens."""
        return raw / float(10**self.base_decimals)

    def whole_quote(self, raw: int) -> float:
        """Raw quote units as whole tokens, for models and screens."""
        return raw / float(10**self.quote_decimals)

    def price_at(self, sqrt_price_x96: int) -> float:
        """P, quote per base, at a square-root price."""
        ratio = (sqrt_price_x96 / Q96) ** 2
        return (ratio if self.base_is_token0 else 1 / ratio) / self.raw_scale

    def sqrt_price_of(self, price: float) -> int:
        """Square-root price nearest below P. Raises InputInvalid when P is not positive or beyond the pool's reach."""
        if not price > 0:
            raise InputInvalid("price", "amm", "a positive number of quote per base", price)
        scaled = price * self.raw_scale
        numerator, denominator = (scaled if self.base_is_token0 else 1 / scaled).as_integer_ratio()
        return require_sqrt_price(isqrt((numerator << 192) // denominator))

    def price_at_tick(self, tick: float) -> float:
        """P at a tick, or between two."""
        raw = 1.0001 ** (tick if self.base_is_token0 else -tick)
        return float(raw / self.raw_scale)

    def tick_of(self, price: float) -> float:
        """P as a tick with its fraction, for models; raises InputInvalid when P is not positive or out of reach."""
        if not price > 0:
            raise InputInvalid("price", "amm", "a positive number of quote per base", price)
        tick = log(price * self.raw_scale) / _LOG_TICK * (1 if self.base_is_token0 else -1)
        if not MIN_TICK <= tick <= MAX_TICK:
            raise InputInvalid("price", "amm", f"a price between ticks {MIN_TICK} and {MAX_TICK}", price)
        return tick

    def price_bounds(self, tick_lower: int, tick_upper: int) -> tuple[float, float]:
        """(lowest P, highest P) of a range."""
        low, high = self.price_at_tick(tick_lower), self.price_at_tick(tick_upper)
        return (low, high) if self.base_is_token0 else (high, low)

    def range_of(self, price_a_steps: int, price_b_steps: int) -> tuple[int, int]:
        """(tick_lower, tick_upper) from two distances in spacings along rising P. Raises InputInvalid."""
        low, high = sorted((price_a_steps, price_b_steps))
        if not self.base_is_token0:
            low, high = -high, -low
        return require_range(low * self.tick_spacing, high * self.tick_spacing, self.tick_spacing)

    def steps_of(self, price: float) -> float:
        """P in spacings along rising P: the scale on which bounds must be whole numbers."""
        return self.tick_of(price) / self.tick_spacing * (1 if self.base_is_token0 else -1)

    def price_at_step(self, step: float) -> float:
        """P at a distance in spacings along rising P."""
        return float(1.0001 ** (step * self.tick_spacing) / self.raw_scale)

    def whole_liquidity(self, liquidity: int) -> float:
        """Raw liquidity in the units of models.md, where x = L (1/sqrt(P) - 1/sqrt(Pb)) is in whole tokens."""
        return liquidity / sqrt(10.0 ** (self.base_decimals + self.quote_decimals))
