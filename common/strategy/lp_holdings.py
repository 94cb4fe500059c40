"""All that an LP wallet owns of one pool at one block: the only input of its decisions and of what it publishes."""

from functools import cached_property

import msgspec

from common.amm.pair import Pair
from common.amm.position import Range, base_capacity, greeks


class OwnedRange(msgspec.Struct, frozen=True, kw_only=True):
    """A range of ours. `key` names the transaction that minted it; fees are owed to it and not yet collected."""

    key: str
    token_id: int
    range: Range
    fees_base: int = 0
    fees_quote: int = 0


class Holdings(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Raw amounts, so that they equal the chain to the wei. `idle_*` lie in the wallet.

    Whole-token figures are floats: prices are quote per base.
    """

    pair: Pair
    sqrt_price_x96: int
    tick: int
    ranges: tuple[OwnedRange, ...]
    idle_base: int
    idle_quote: int

    @cached_property
    def price(self) -> float:
        """P in the pool."""
        return self.pair.price_at(self.sqrt_price_x96)

    @cached_property
    def amounts(self) -> tuple[tuple[int, int], ...]:
        """(base, quote) inside each range, as burning it now would return."""
        return self.amounts_at(self.sqrt_price_x96)

    def amounts_at(self, sqrt_price_x96: int) -> tuple[tuple[int, int], ...]:
        """As `amounts`, were the pool at another price."""
        return tuple(owned.range.amounts(self.pair, sqrt_price_x96) for owned in self.ranges)

    def totals_at(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(base, quote) owned in all, were the pool at another price: in ranges, owed and idle."""
        inside = self.amounts_at(sqrt_price_x96)
        base = self.idle_base + sum(each[0] for each in inside) + sum(owned.fees_base for owned in self.ranges)
        quote = self.idle_quote + sum(each[1] for each in inside) + sum(owned.fees_quote for owned in self.ranges)
        return base, quote

    @cached_property
    def totals(self) -> tuple[int, int]:
        """(base, quote) owned in all."""
        return self.totals_at(self.sqrt_price_x96)

    @property
    def delta(self) -> float:
        """Base owned in all, in whole tokens: what the position's value gains per unit of price."""
        return self.pair.whole_base(self.totals[0])

    @property
    def gamma(self) -> float:
        """Change of delta per unit of price."""
        return sum(greeks(self.pair, owned.range, self.price).gamma for owned in self.ranges)

    @property
    def value(self) -> float:
        """Everything owned, in quote at the pool's price."""
        return self.delta * self.price + self.pair.whole_quote(self.totals[1])

    @property
    def fees_value(self) -> float:
        """Fees owed and not collected, in quote."""
        base = sum(owned.fees_base for owned in self.ranges)
        quote = sum(owned.fees_quote for owned in self.ranges)
        return self.pair.whole_base(base) * self.price + self.pair.whole_quote(quote)

    @property
    def base_capacity(self) -> float:
        """Most base that the ranges can hold, in whole tokens."""
        return sum(base_capacity(self.pair, owned.range) for owned in self.ranges)

    @property
    def active_liquidity(self) -> int:
        """Liquidity of ours that earns fees at the present price."""
        return sum(owned.range.liquidity for owned in self.ranges if owned.range.contains(self.tick))

    @property
    def price_bounds(self) -> tuple[float, float] | None:
        """(lowest, highest) P that any range covers, or None without ranges."""
        bounds = [self.pair.price_bounds(each.range.tick_lower, each.range.tick_upper) for each in self.ranges]
        if not bounds:
            return None
        return min(low for low, _ in bounds), max(high for _, high in bounds)
