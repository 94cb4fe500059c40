"""A whole Uniswap V3 pool in integers: the same state after the same operations as the deployed contract, to the wei.

Written from the whitepaper (sections 6.2 to 6.4). Every method checks all rules, raises InputInvalid that names the
value and the rule, and only then changes anything. Tokens are not moved here: what enters and leaves is returned.
"""

from typing import NamedTuple

from common.amm.bitmap import TickBitmap
from common.amm.fees import Growth
from common.amm.full_math import UINT128_MAX, UINT256_MAX, require_uint
from common.amm.holding import Holding
from common.amm.liquidity import amounts_of_liquidity, liquidity_per_tick_max
from common.amm.swap_math import FEE_UNIT, swap_step
from common.amm.tick_math import (
    MAX_SQRT_PRICE_X96,
    MAX_TICK,
    MIN_SQRT_PRICE_X96,
    MIN_TICK,
    require_range,
    require_sqrt_price,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)
from common.amm.ticks import Tick, Ticks
from common.model.errors import InputInvalid

WHERE = "pool"
SPACING_MAX = 16_383
PROTOCOL_SHARES = (0, 4, 5, 6, 7, 8, 9, 10)
STRETCHES_MAX = 4_096
_NOWHERE = (0, 0)

Key = tuple[str, int, int]
"""Owner, lower tick, upper tick."""


class Stretch(NamedTuple):
    """Stops around a compressed tick: the next ones down and up, and between which prices they stay what they are."""

    below: int
    above: int
    down: tuple[int, int]
    up: tuple[int, int]


class Pool:
    """One pool. Prices are Q64.96 square roots of token1 per token0, amounts raw units, fees parts per million."""

    __slots__ = (
        "_bitmap", "_down", "_index", "_kept", "_protocol0", "_protocol1", "_stretches", "_tick", "_up", "fee_ppm",
        "growth0", "growth1", "holdings", "liquidity", "protocol_fees0", "protocol_fees1", "spacing", "sqrt_price",
        "ticks",
    )  # fmt: skip

    def __init__(self, fee_ppm: int, spacing: int) -> None:
        if not 0 <= fee_ppm < FEE_UNIT:
            raise InputInvalid("fee_ppm", WHERE, f"0 <= fee < {FEE_UNIT}", fee_ppm)
        if not 0 < spacing <= SPACING_MAX:
            raise InputInvalid("spacing", WHERE, f"1 <= tick spacing <= {SPACING_MAX}", spacing)
        self.fee_ppm, self.spacing, self._kept = fee_ppm, spacing, FEE_UNIT - fee_ppm
        self.sqrt_price = self.liquidity = self.growth0 = self.growth1 = 0
        self.protocol_fees0 = self.protocol_fees1 = self._protocol0 = self._protocol1 = 0
        self.ticks, self.holdings = Ticks(liquidity_per_tick_max(spacing)), dict[Key, Holding]()
        self._bitmap = TickBitmap()
        # None = follows from the price. It does not where the price stands on a tick that was crossed downwards.
        self._tick: int | None = None
        # Open intervals of the price inside which a swap down (up) has the same next stop: its lower (upper) end.
        self._down = self._up = _NOWHERE
        # A compressed tick from which the same stops are found, and what was found from those asked for so far.
        self._index, self._stretches = 0, dict[int, Stretch]()

    @property
    def tick(self) -> int:
        """The present tick: the greatest one at or below the price, or one less right after a crossing downwards."""
        self._require_initialized()
        if self._tick is None:
            self._tick = tick_at_sqrt_price(self.sqrt_price)
        return self._tick

    @property
    def growth(self) -> Growth:
        """Fees per unit of liquidity since the start."""
        return Growth(self.growth0, self.growth1)

    @property
    def fee_protocol(self) -> int:
        """Shares of both tokens as the contract packs them: token0's in the low four bits."""
        return self._protocol0 + (self._protocol1 << 4)

    def initialize(self, sqrt_price: int) -> None:
        """Set the first price."""
        if self.sqrt_price:
            raise InputInvalid("sqrtPriceX96", WHERE, "a pool that is not initialized yet", sqrt_price)
        self.sqrt_price = require_sqrt_price(sqrt_price)

    def mint(self, owner: str, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int]:
        """Add liquidity; returns the (token0, token1) that the owner must pay."""
        self._require_initialized()
        require_range(tick_lower, tick_upper, self.spacing)
        if not 0 < liquidity <= UINT128_MAX >> 1:
            raise InputInvalid("liquidity", WHERE, "positive and below 2^127", liquidity)
        for tick in (tick_lower, tick_upper):
            self.ticks.require_room(tick, liquidity)
        if tick_lower <= self.tick < tick_upper:
            require_uint("liquidity in range", self.liquidity + liquidity, 128)
        return self._change((owner, tick_lower, tick_upper), liquidity)

    def burn(self, owner: str, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int]:
        """Remove liquidity; returns the (token0, token1) that are owed for it from now on. 0 only settles the fees."""
        self._require_initialized()
        require_range(tick_lower, tick_upper, self.spacing)
        holding = self.holdings.get((owner, tick_lower, tick_upper))
        owned = holding.liquidity if holding else 0
        if not 0 < owned or not 0 <= liquidity <= owned:
            raise InputInvalid("liquidity", WHERE, f"of the {owned} that the position has, which are not 0", liquidity)
        return self._change((owner, tick_lower, tick_upper), -liquidity)

    def collect(
        self, owner: str, tick_lower: int, tick_upper: int, amount0_max: int, amount1_max: int
    ) -> tuple[int, int]:
        """Pay out what is owed, up to these amounts; fees since the last mint or burn of the range are not in it."""
        require_uint("amount0_max", amount0_max, 128)
        require_uint("amount1_max", amount1_max, 128)
        holding = self.holdings.get((owner, tick_lower, tick_upper))
        return holding.pay(amount0_max, amount1_max) if holding else (0, 0)

    def growth_inside(self, tick_lower: int, tick_upper: int) -> Growth:
        """Fee growth between two initialized ticks."""
        for tick in (tick_lower, tick_upper):
            if tick not in self.ticks.by_tick:
                raise InputInvalid("tick", WHERE, "an initialized tick", tick)
        return self.ticks.growth_inside(tick_lower, tick_upper, self.tick, self.growth)

    def set_protocol_fee(self, share0: int, share1: int) -> None:
        """Give the protocol one part in `share` of the fees paid in each token; 0 = nothing."""
        self._require_initialized()
        for share in (share0, share1):
            if share not in PROTOCOL_SHARES:
                raise InputInvalid("protocol fee", WHERE, f"one of {PROTOCOL_SHARES}", share)
        self._protocol0, self._protocol1 = share0, share1

    def collect_protocol(self, amount0_max: int, amount1_max: int) -> tuple[int, int]:
        """Pay the protocol up to these amounts. As the contract, keep one unit of a token that would be emptied."""
        require_uint("amount0_max", amount0_max, 128)
        require_uint("amount1_max", amount1_max, 128)
        paid0, paid1 = min(amount0_max, self.protocol_fees0), min(amount1_max, self.protocol_fees1)
        paid0 -= 0 < paid0 == self.protocol_fees0
        paid1 -= 0 < paid1 == self.protocol_fees1
        self.protocol_fees0, self.protocol_fees1 = self.protocol_fees0 - paid0, self.protocol_fees1 - paid1
        return paid0, paid1

    def swap(self, zero_for_one: bool, amount: int, sqrt_price_limit: int | None = None) -> tuple[int, int]:
        """Sell token0 (or token1): exactly `amount` in if positive, -`amount` out if negative, or less at the limit.

        Returns (token0, token1) as the pool sees them: positive enters. The common case, that neither the next stop
        nor a limit is reached, is computed at once (an exact input here); everything else goes step by step.
        """
        price, liquidity = self.sqrt_price, self.liquidity
        if amount <= 0 or not liquidity or amount >> 255:
            if amount < 0 and sqrt_price_limit is None and (swapped := self._swap_output(zero_for_one, -amount)):
                return swapped
            return self._swap_stepwise(zero_for_one, amount, sqrt_price_limit)
        usable = amount * self._kept // FEE_UNIT
        if zero_for_one:
            low, high = self._down
            numerator = liquidity << 96
            denominator = numerator + usable * price
            # Beyond 256 bits the contract rounds in another way; that is left to the step.
            if low < price < high and denominator <= UINT256_MAX:
                end = -(-numerator * price // denominator)
                if low < end and (sqrt_price_limit is None or MIN_SQRT_PRICE_X96 < sqrt_price_limit < end):
                    moved = price - end
                    fee = amount + (-(numerator * moved) // price) // end
                    if self._protocol0:
                        fee = self._tithe0(fee)
                    self.growth0 = (self.growth0 + (fee << 128) // liquidity) & UINT256_MAX
                    if moved:
                        self.sqrt_price, self._tick = end, None
                    return amount, -(liquidity * moved >> 96)
            return self._swap_stepwise(zero_for_one, amount, sqrt_price_limit)
        low, high = self._up
        if low < price < high:
            end = price + (usable << 96) // liquidity
            if end < high and (sqrt_price_limit is None or end < sqrt_price_limit < MAX_SQRT_PRICE_X96):
                moved = end - price
                fee = amount + (-(liquidity * moved) >> 96)
                if self._protocol1:
                    fee = self._tithe1(fee)
                self.growth1 = (self.growth1 + (fee << 128) // liquidity) & UINT256_MAX
                if moved:
                    self.sqrt_price, self._tick = end, None
                return -((liquidity << 96) * moved // end // price), amount
        return self._swap_stepwise(zero_for_one, amount, sqrt_price_limit)

    def _swap_output(self, down: bool, wanted: int) -> tuple[int, int] | None:
        """An exact output that ends before the next stop; None, with nothing changed, if it does not."""
        price, liquidity = self.sqrt_price, self.liquidity
        numerator = liquidity << 96
        low, high = self._down if down else self._up
        if not low < price < high or wanted * price >= numerator:
            return None
        if down:
            # The contract asks what the whole stretch would give before it asks where the price would end.
            end = price + (-(wanted << 96) // liquidity)
            if wanted >= liquidity * (price - low) >> 96 or end <= low:
                return None
            amount_in = -((-(numerator * (price - end)) // price) // end)
        else:
            end = -(-numerator * price // (numerator - wanted * price))
            if wanted >= numerator * (high - price) // high // price or end >= high:
                return None
            amount_in = -(-(liquidity * (end - price)) >> 96)
        fee = -(-amount_in * self.fee_ppm // self._kept)
        paid = amount_in + fee
        if down:
            fee = self._tithe0(fee) if self._protocol0 else fee
            self.growth0 = (self.growth0 + (fee << 128) // liquidity) & UINT256_MAX
        else:
            fee = self._tithe1(fee) if self._protocol1 else fee
            self.growth1 = (self.growth1 + (fee << 128) // liquidity) & UINT256_MAX
        if end != price:
            self.sqrt_price, self._tick = end, None
        return (paid, -wanted) if down else (-wanted, paid)

    def _swap_stepwise(self, down: bool, amount: int, sqrt_price_limit: int | None) -> tuple[int, int]:
        """From stop to stop: the edges of bitmap words and the initialized ticks."""
        limit = self._require_swap(down, amount, sqrt_price_limit)
        price, tick, liquidity, remaining, calculated = self.sqrt_price, self._tick, self.liquidity, amount, 0
        index, spacing = self._find_index(down), self.spacing
        paid_growth, other_growth = (self.growth0, self.growth1) if down else (self.growth1, self.growth0)
        share, protocol, fee_ppm = self._protocol0 if down else self._protocol1, 0, self.fee_ppm
        crossed: list[tuple[Tick, Growth]] = []
        while remaining and price != limit:
            stretch = self._stretch(index)
            stop, stop_price = (stretch.below, stretch.down[0]) if down else (stretch.above, stretch.up[1])
            target = max(stop_price, limit) if down else min(stop_price, limit)
            end, amount_in, amount_out, fee = swap_step(price, target, liquidity, remaining, fee_ppm)
            if amount > 0:
                remaining -= amount_in + fee
                calculated -= amount_out
            else:
                remaining += amount_out
                calculated += amount_in + fee
            if share:
                protocol += fee // share
                fee -= fee // share
            if liquidity:
                paid_growth = (paid_growth + (fee << 128) // liquidity) & UINT256_MAX
            if end == stop_price:
                if info := self.ticks.by_tick.get(stop * spacing):
                    growth = Growth(paid_growth, other_growth) if down else Growth(other_growth, paid_growth)
                    crossed.append((info, growth))
                    liquidity += -info.liquidity_net if down else info.liquidity_net
                index = stop - 1 if down else stop
                tick = stop * spacing - down
            elif end != price:
                # The tick follows from the price when somebody asks; the stops here are those of this index.
                index, tick = stop if down else stop - 1, None
            price = end
        for info, growth in crossed:
            info.cross(growth)
        self.sqrt_price, self._tick, self.liquidity = price, tick, liquidity
        if down:
            self.growth0, self.protocol_fees0 = paid_growth, (self.protocol_fees0 + protocol) & UINT128_MAX
        else:
            self.growth1, self.protocol_fees1 = paid_growth, (self.protocol_fees1 + protocol) & UINT128_MAX
        stretch = self._stretch(index)
        self._index, self._down, self._up = index, stretch.down, stretch.up
        specified = amount - remaining
        return (specified, calculated) if down == (amount > 0) else (calculated, specified)

    def _find_index(self, down: bool) -> int:
        """A compressed tick from which a swap finds the stops that it would find from the present one."""
        low, high = self._down if down else self._up
        if self._tick is None and low < self.sqrt_price < high:
            return self._index
        return self.tick // self.spacing

    def _stretch(self, index: int) -> Stretch:
        """The stops around a compressed tick; remembered until a tick is initialized or ceases to be."""
        found = self._stretches.get(index)
        if found is None:
            if len(self._stretches) >= STRETCHES_MAX:
                self._stretches.clear()
            below, above = self._bitmap.at_or_below(index)[0], self._bitmap.above(index)[0]
            next_word = (index >> 8) + 1 << 8
            # A swap up looks into the word of the tick after this one: it finds another stop once that word is new.
            first = below if (index + 1) & 255 else index
            down = self._price_of(below), self._price_of(min(above, next_word))
            found = Stretch(below, above, down, (self._price_of(first), self._price_of(above)))
            self._stretches[index] = found
        return found

    def _price_of(self, compressed: int) -> int:
        return sqrt_price_at_tick(min(max(compressed * self.spacing, MIN_TICK), MAX_TICK))

    def _change(self, key: Key, change: int) -> tuple[int, int]:
        """Change a range's liquidity, which was checked; the amounts are rounded in the pool's favour."""
        _owner, lower, upper = key
        tick, growth = self.tick, self.growth
        flipped = []
        if change:
            for bound, net in ((lower, change), (upper, -change)):
                if self.ticks.change(bound, change, net, bound <= tick, growth):
                    flipped.append(bound)
                    self._bitmap.flip(bound // self.spacing)
                    self._down = self._up = _NOWHERE
                    self._stretches.clear()
        holding = self.holdings.get(key)
        if holding is None:
            holding = self.holdings[key] = Holding()
        holding.settle(self.ticks.growth_inside(lower, upper, tick, growth), change)
        if lower <= tick < upper:
            self.liquidity += change
        if change > 0:
            return amounts_of_liquidity(self.sqrt_price, lower, upper, change, round_up=True)
        for bound in flipped:
            self.ticks.drop(bound)
        amounts = amounts_of_liquidity(self.sqrt_price, lower, upper, -change)
        holding.owe(*amounts)
        return amounts

    def _tithe0(self, fee: int) -> int:
        share = fee // self._protocol0
        self.protocol_fees0 = (self.protocol_fees0 + share) & UINT128_MAX
        return fee - share

    def _tithe1(self, fee: int) -> int:
        share = fee // self._protocol1
        self.protocol_fees1 = (self.protocol_fees1 + share) & UINT128_MAX
        return fee - share

    def _require_initialized(self) -> None:
        if not self.sqrt_price:
            raise InputInvalid("sqrtPriceX96", WHERE, "a pool that is initialized", self.sqrt_price)

    def _require_swap(self, down: bool, amount: int, limit: int | None) -> int:
        """The price limit, or the farthest one there is if none is given."""
        self._require_initialized()
        if not amount or not -(1 << 255) < amount < 1 << 255:
            raise InputInvalid("amountSpecified", WHERE, "an amount that is not 0 and fits 256 bits", amount)
        if limit is None:
            return MIN_SQRT_PRICE_X96 + 1 if down else MAX_SQRT_PRICE_X96 - 1
        low, high = (MIN_SQRT_PRICE_X96, self.sqrt_price) if down else (self.sqrt_price, MAX_SQRT_PRICE_X96)
        if not low < limit < high:
            raise InputInvalid("sqrtPriceLimitX96", WHERE, f"{low} < limit < {high} in this direction", limit)
        return limit
