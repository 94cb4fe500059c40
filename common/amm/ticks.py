"""What a pool keeps for each initialized tick (whitepaper section 6.3)."""

import msgspec

from common.amm.fees import Growth, growth_inside
from common.model.errors import InputInvalid

NO_GROWTH = Growth(0, 0)


class Tick(msgspec.Struct):
    """Liquidity that references the tick, what is added when it is crossed upwards, and the growth on its far side."""

    liquidity_gross: int = 0
    liquidity_net: int = 0
    outside: Growth = NO_GROWTH

    def cross(self, growth: Growth) -> int:
        """The price passes: the other side becomes the far one (equation 6.26). Returns the net liquidity, upwards."""
        self.outside = growth - self.outside
        return self.liquidity_net


class Ticks:
    """The initialized ticks of one pool. `liquidity_max` bounds what may reference one of them."""

    __slots__ = ("by_tick", "liquidity_max")

    def __init__(self, liquidity_max: int) -> None:
        self.by_tick: dict[int, Tick] = {}
        self.liquidity_max = liquidity_max

    def require_room(self, tick: int, liquidity: int) -> None:
        """Raise InputInvalid if this much more liquidity must not reference the tick."""
        found = self.by_tick.get(tick)
        gross = liquidity + (found.liquidity_gross if found else 0)
        if gross > self.liquidity_max:
            raise InputInvalid("liquidity", f"tick {tick}", f"at most {self.liquidity_max} at one tick", gross)

    def change(self, tick: int, liquidity: int, net: int, at_or_below_price: bool, growth: Growth) -> bool:
        """Add to the gross and net liquidity; True if the tick became initialized or ceased to be.

        By convention all growth before a tick's birth happened below it (equation 6.21).
        """
        found = self.by_tick.get(tick)
        if found is None:
            self.by_tick[tick] = Tick(liquidity, net, growth if at_or_below_price else NO_GROWTH)
            return True
        found.liquidity_gross += liquidity
        found.liquidity_net += net
        return not found.liquidity_gross

    def drop(self, tick: int) -> None:
        """Forget a tick that nothing references any more."""
        del self.by_tick[tick]

    def growth_inside(self, tick_lower: int, tick_upper: int, tick: int, growth: Growth) -> Growth:
        """Fee growth between two initialized ticks."""
        lower, upper = self.by_tick[tick_lower].outside, self.by_tick[tick_upper].outside
        return growth_inside(growth, lower, upper, tick_lower, tick_upper, tick)
