"""The LP's account closes exactly over any sequence of readings, and tells sources as a step-by-step reference does."""

from math import exp, sqrt

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.accounting.lp_performance import (
    LpPerformance,
    LpWealth,
    advance_performance,
    begin_performance,
    profit_of,
)
from common.amm.liquidity import amounts_of_liquidity
from common.amm.loss import impermanent_loss, lvr_rate
from common.amm.manager import PositionManager
from common.amm.pair import Pair
from common.amm.pool import Pool
from tests.unit.strategy.lp_worlds import PAIRS

amounts, prices = st.floats(0, 1e5), st.floats(1.0, 1e4)
wealths = st.builds(
    LpWealth, base=amounts, quote=amounts, fees_base=amounts, fees_quote=amounts, gas_native=amounts,
    deposited_base=amounts, deposited_quote=amounts, swapped_base=amounts, swapped_quote=amounts,
)  # fmt: skip
steps = st.lists(st.tuples(wealths, prices, prices, st.floats(0, 1e4)), min_size=1, max_size=20)


@given(wealths, prices, steps)
def test_any_readings_close_both_identities(
    start: LpWealth, price_start: float, readings: list[tuple[LpWealth, float, float, float]]
) -> None:
    account, now_ns, gas = begin_performance(start, price_start, 0), 0, 0.0
    deposits, before = 0.0, start
    for wealth, price, native_price, elapsed_s in readings:
        now_ns += int(elapsed_s * 1e9)
        account = advance_performance(account, wealth, price, native_price, now_ns)
        gas += (wealth.gas_native - before.gas_native) * native_price
        deposits += (wealth.deposited_base - before.deposited_base) * price
        deposits += wealth.deposited_quote - before.deposited_quote
        before = wealth
    told = profit_of(account)
    whole = before.value(readings[-1][1]) - start.value(price_start) - deposits - gas
    near = pytest.approx(whole, rel=1e-9, abs=2e-4)  # sums of up to 20 figures of 1e9
    assert told.profit == near and told.market + told.fees - told.lvr - told.swaps - told.gas == near
    assert told.hold + told.fees + told.impermanent - told.gas == near
    assert told.against_hold + told.hold == near
    assert (told.gas, told.deposits) == pytest.approx((gas, deposits), rel=1e-9, abs=2e-4)


def test_what_only_holds_has_no_source_but_the_market() -> None:
    wealth = LpWealth(base=2.0, quote=100.0, fees_base=0.0, fees_quote=0.0, gas_native=0.0)
    told = profit_of(advance_performance(begin_performance(wealth, 2000.0, 0), wealth, 2100.0, 2100.0, 10**9))
    assert (told.profit, told.hold, told.market) == (200.0, 200.0, 200.0)
    assert (told.fees, told.lvr, told.impermanent, told.against_hold, told.gas) == (0, 0, 0, 0, 0)


def test_deposits_and_withdrawals_are_no_profit_and_are_held_from_then_on() -> None:
    def owning(base: float, quote: float) -> LpWealth:
        paid = {"deposited_base": base - 2.0, "deposited_quote": quote - 100.0}
        return LpWealth(base=base, quote=quote, fees_base=0.0, fees_quote=0.0, gas_native=0.0, **paid)

    account = begin_performance(owning(2.0, 100.0), 2000.0, 0)
    for base, quote, price in ((5.0, 100.0, 2000.0), (5.0, 900.0, 2100.0), (1.0, 900.0, 2100.0), (1.0, 900.0, 2200.0)):
        account = advance_performance(account, owning(base, quote), price, price, 0)
    told = profit_of(account)
    assert told.profit == told.hold == 5 * 100 + 1 * 100
    assert told.deposits == 3 * 2000 + 800 - 4 * 2100 and told.against_hold == 0


def test_a_withdrawal_below_the_start_leaves_a_smaller_hold() -> None:
    start = LpWealth(base=2.0, quote=0.0, fees_base=0.0, fees_quote=0.0, gas_native=0.0)
    less = msgspec.structs.replace(start, base=0.5, deposited_base=-1.5)
    account = advance_performance(begin_performance(start, 1000.0, 0), less, 1000.0, 1000.0, 0)
    assert profit_of(advance_performance(account, less, 1100.0, 1100.0, 0)).profit == pytest.approx(50.0)


def test_gas_is_valued_when_it_is_spent() -> None:
    wealth = LpWealth(base=0.0, quote=1.0, fees_base=0.0, fees_quote=0.0, gas_native=1.0)
    account = begin_performance(wealth, 2000.0, 0)
    for gas, native_price in ((1.5, 2000.0), (1.75, 3000.0)):
        account = advance_performance(account, msgspec.structs.replace(wealth, gas_native=gas), 2000.0, native_price, 0)
    assert profit_of(account).gas == 0.5 * 2000 + 0.25 * 3000


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    wealth = LpWealth(base=0.0, quote=1.0, fees_base=0.0, fees_quote=0.0, gas_native=0.0)
    with pytest.raises(ValueError, match="price"):
        begin_performance(wealth, price, 0)
    with pytest.raises(ValueError, match="price"):
        advance_performance(begin_performance(wealth, 1.0, 0), wealth, price, 1.0, 0)
    with pytest.raises(ValueError, match="price"):
        advance_performance(begin_performance(wealth, 1.0, 0), wealth, 1.0, price, 0)


class Simulated:
    """A pool with our range and others' liquidity; the market's price moves, and each swap is told to a reference."""

    def __init__(self, pair: Pair, fee_ppm: int, half_steps: int, others: int = 10**19) -> None:
        self.pair, self.pool = pair, Pool(fee_ppm, pair.tick_spacing)
        self.pool.initialize(pair.sqrt_price_of(2700.0))
        self.pool.mint("others", -887_270, 887_270, others)
        self.manager, step = PositionManager(self.pool), round(pair.steps_of(2700.0))
        self.ticks = pair.range_of(step - half_steps, step + half_steps)
        paid = self.manager.mint("ours", *self.ticks, *pair.order(20 * 10**18, 54_000 * 10**6))
        self.liquidity, base, quote = paid[0], *pair.unorder(*paid[1:])
        self.idle = [20 * 10**18 - base, 54_000 * 10**6 - quote]
        self.fees, self.deposited, self.gas = [0, 0], [0, 0], 0.0

    def inside(self) -> tuple[int, int]:
        """(base, quote) of principal, exactly as a burn would pay."""
        return self.pair.unorder(*amounts_of_liquidity(self.pool.sqrt_price, *self.ticks, self.liquidity))

    def swap_to(self, price: float) -> tuple[float, float]:
        """Arbitrage to a price; returns what our range traded: (base, quote) in whole tokens."""
        before, target = self.inside(), self.pair.sqrt_price_of(price)
        if target != self.pool.sqrt_price:
            self.pool.swap(target < self.pool.sqrt_price, 10**30, target)
        after = self.inside()
        return self.pair.whole_base(after[0] - before[0]), self.pair.whole_quote(after[1] - before[1])

    def wealth(self) -> LpWealth:
        """The reading: fees as the manager would pay them now."""
        self.collect()
        base, quote = self.inside()
        whole_base, whole_quote = self.pair.whole_base, self.pair.whole_quote
        return LpWealth(
            base=whole_base(base + self.idle[0] + self.fees[0]), quote=whole_quote(quote + self.idle[1] + self.fees[1]),
            fees_base=whole_base(self.fees[0]), fees_quote=whole_quote(self.fees[1]), gas_native=self.gas,
            deposited_base=whole_base(self.deposited[0]), deposited_quote=whole_quote(self.deposited[1]),
        )  # fmt: skip

    def collect(self) -> None:
        got = self.pair.unorder(*self.manager.collect("ours"))
        self.fees = [had + more for had, more in zip(self.fees, got, strict=True)]

    def deposit(self, base: int, quote: int) -> None:
        self.idle = [self.idle[0] + base, self.idle[1] + quote]
        self.deposited = [self.deposited[0] + base, self.deposited[1] + quote]


@pytest.mark.parametrize("pair", PAIRS, ids=["base is token0", "base is token1"])
def test_lvr_is_the_sum_over_trades_and_fees_are_what_was_collected(pair: Pair) -> None:
    """Reference: sum a (p_market - p_amm) over each swap, with amounts from the pool itself; deposits in between."""
    rng, world = np.random.default_rng(3), Simulated(pair, 500, 40)
    market, lvr, fees, gas, hold, held = 2700.0, 0.0, 0.0, 0.0, 0.0, pair.whole_base(20 * 10**18)
    account = begin_performance(world.wealth(), market, 0)
    start_value, deposits, saved = world.wealth().value(market), 0.0, b""
    for step in range(1, 301):
        moved = market * exp(4e-4 * rng.standard_normal()) - market
        market, hold = market + moved, hold + held * moved
        fees_before = [*world.fees]
        for target in (market * 1.0004, market * 0.9997):
            base, quote = world.swap_to(target)
            if base:
                lvr += base * (-quote / base - market)
        if step % 50 == 0:
            world.deposit(10**18, -(10**9))
            held, deposits = held + 1.0, deposits + market - 1_000.0
        if step % 30 == 0:
            world.gas, gas = world.gas + 1e-3, gas + 1e-3 * market
        reading = world.wealth()
        fees += pair.whole_base(world.fees[0] - fees_before[0]) * market
        fees += pair.whole_quote(world.fees[1] - fees_before[1])
        account = advance_performance(account, reading, market, market, step * 10**9)
        if step == 150:
            saved = msgspec.msgpack.encode(account)
            account = msgspec.msgpack.decode(saved, type=LpPerformance)
    told = profit_of(account)
    assert told.lvr == pytest.approx(lvr, abs=1e-6) and abs(lvr) > 1
    assert told.fees == pytest.approx(fees, abs=1e-6) and fees > 10
    assert (told.gas, told.hold, told.deposits) == pytest.approx((gas, hold, deposits), abs=1e-6)
    assert told.profit == pytest.approx(world.wealth().value(market) - start_value - deposits - gas, abs=1e-6)
    assert told.profit == pytest.approx(told.market + told.fees - told.lvr - told.gas, abs=1e-9)
    assert told.swaps == 0 and told.fee_apr is not None and told.fee_apr > 0


def test_a_gap_tells_less_of_the_sources_and_nothing_less_of_the_profit() -> None:
    world, market = Simulated(PAIRS[0], 500, 40), 2700.0
    fine = coarse = begin_performance(world.wealth(), market, 0)
    for step in range(1, 41):
        market += 1.0
        world.swap_to(market)
        fine = advance_performance(fine, world.wealth(), market, market, step)
    coarse = advance_performance(coarse, world.wealth(), market, market, 40)
    close, wide = profit_of(fine), profit_of(coarse)
    assert wide.profit == pytest.approx(close.profit, abs=1e-6)
    assert wide.impermanent == pytest.approx(close.impermanent, abs=0.5), "fees in between are held, not lost"
    assert wide.lvr > 2 * close.lvr > 0


def test_impermanent_loss_of_a_fee_free_round_is_the_closed_form() -> None:
    world = Simulated(PAIRS[1], 0, 100)
    account, base, quote = begin_performance(world.wealth(), 2700.0, 0), *world.inside()
    for price in (2710.0, 2690.0, 2720.0, 2765.0):
        world.swap_to(price)
        account = advance_performance(account, world.wealth(), price, price, 0)
    low, high = PAIRS[1].price_bounds(*world.ticks)
    held = PAIRS[1].whole_base(base) * 2765.0 + PAIRS[1].whole_quote(quote)
    assert profit_of(account).impermanent == pytest.approx(impermanent_loss(2700.0, 2765.0, low, high) * held, rel=1e-3)


def test_measured_lvr_of_a_fee_free_pool_is_the_model_rate() -> None:
    """Milionis et al.: L sigma^2 sqrt(P) / 4 per second, when the pool follows the market in small steps."""
    rng, sigma, steps, total = np.random.default_rng(11), 3e-5, 2_000, 0.0
    paths = 8
    for _ in range(paths):
        world, market = Simulated(PAIRS[0], 0, 200), 2700.0
        account = begin_performance(world.wealth(), market, 0)
        for step in range(1, steps + 1):
            market *= exp(sigma * rng.standard_normal() - sigma**2 / 2)
            world.swap_to(market)
            account = advance_performance(account, world.wealth(), market, market, step * 10**9)
        total += profit_of(account).lvr
    model = lvr_rate(PAIRS[0].whole_liquidity(world.liquidity), sigma, 2700.0) * steps * paths
    assert total == pytest.approx(model, rel=4 * sqrt(2 / (steps * paths)))
