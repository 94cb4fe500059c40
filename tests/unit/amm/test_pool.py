"""A whole pool: numbers of the real bytecode, refusals that change nothing, wrap-around, the protocol's share."""

import copy

import pytest

from common.amm.full_math import Q96, UINT128_MAX, UINT256_MAX
from common.amm.pool import Pool
from common.amm.swap_math import swap_step
from common.amm.tick_math import (
    MAX_SQRT_PRICE_X96,
    MAX_TICK,
    MIN_SQRT_PRICE_X96,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)
from common.model.errors import InputInvalid

L = 10**18
WIDE = 1_000_000_000_000_093_716
GROWTH_0 = 102_084_710_076_271_973_089_169_975_088_115_829_169


def pool_at(tick: int = 0, *ranges: tuple[int, int, int], fee_ppm: int = 3_000, spacing: int = 60) -> Pool:
    """A pool of ranges (lower, upper, liquidity), all of "lp"."""
    pool = Pool(fee_ppm, spacing)
    pool.initialize(sqrt_price_at_tick(tick))
    for each in ranges:
        pool.mint("lp", *each)
    return pool


def everything(pool: Pool) -> object:
    names = (
        "sqrt_price",
        "tick",
        "liquidity",
        "growth",
        "fee_protocol",
        "protocol_fees0",
        "protocol_fees1",
        "holdings",
    )
    return copy.deepcopy([*(getattr(pool, name) for name in names), pool.ticks.by_tick])


def test_trap_a_swap_stops_at_the_edges_of_words_where_no_tick_is_initialized() -> None:
    # What the deployed contract gave, over 6 words in which nothing is initialized.
    pool = pool_at(0, (-600_000, 600_000, WIDE))
    assert pool.swap(True, 10**20) == (10**20, -990_069_513_406_248_762)
    assert (pool.sqrt_price, pool.tick) == (786_774_205_702_797_306_969_469_946, -92_248)
    assert pool.growth0 == GROWTH_0
    naive = swap_step(Q96, MIN_SQRT_PRICE_X96 + 1, WIDE, 10**20, 3_000)
    assert (naive.fee << 128) // WIDE != GROWTH_0, "one step over all words would do as well"
    assert pool.swap(False, -5 * 10**17) == (-500_000_000_000_000_000, 49_702_433_617_447)
    assert (pool.sqrt_price, pool.tick) == (790_700_224_693_330_223_996_883_530, -92_148)
    assert pool.swap(False, 3 * 10**20) == (-100_196_656_748_130_441_194, 3 * 10**20)
    assert (pool.tick, pool.growth1) == (114_021, 306_254_180_967_401_179_054_344_011_662_025_705_000)


def test_crossing_down_leaves_the_tick_below_the_price_and_crossing_up_returns() -> None:
    pool = pool_at(0, (-60, 60, L), (-120, -60, 3 * L))
    edge = sqrt_price_at_tick(-60)
    pool.swap(True, 10**19, edge)
    # At the edge the range below is active already, though the price alone would say tick -60.
    assert (pool.sqrt_price, pool.tick, pool.liquidity) == (edge, -61, 3 * L)
    assert tick_at_sqrt_price(edge) == -60
    pool.swap(False, 10**10)
    assert (pool.tick, pool.liquidity) == (-60, L)


def test_fees_follow_liquidity_and_a_range_gone_out_of_range_earns_nothing() -> None:
    pool = pool_at(0, (-60, 60, L), (120, 180, L))
    pool.mint("other", -60, 60, 3 * L)
    pool.swap(True, 10**15)
    owed = []
    for owner, lower, upper in (("lp", -60, 60), ("other", -60, 60), ("lp", 120, 180)):
        pool.burn(owner, lower, upper, 0)
        owed.append(pool.collect(owner, lower, upper, UINT128_MAX, UINT128_MAX))
    # 0.3 % of the input, a quarter and three quarters, each rounded down.
    assert owed == [(749_999_999_999, 0), (2_249_999_999_999, 0), (0, 0)]
    assert pool.collect("lp", -60, 60, UINT128_MAX, UINT128_MAX) == (0, 0)
    assert pool.collect("nobody", -60, 60, 1, 1) == (0, 0)


def test_collect_pays_no_more_than_asked() -> None:
    pool = pool_at(0, (-60, 60, L))
    amounts = pool.burn("lp", -60, 60, L)
    assert pool.collect("lp", -60, 60, 5, UINT128_MAX) == (5, amounts[1])
    assert pool.collect("lp", -60, 60, UINT128_MAX, UINT128_MAX) == (amounts[0] - 5, 0)
    assert pool.ticks.by_tick == {} and pool.liquidity == 0


def test_growth_wraps_at_256_bits_and_fees_do_not_notice() -> None:
    plain, wrapping = pool_at(0), pool_at(0)
    wrapping.growth0 = UINT256_MAX - 5
    for pool in (plain, wrapping):
        pool.mint("lp", -60, 60, L)
        pool.swap(True, 10**15)
        pool.burn("lp", -60, 60, 0)
    assert wrapping.growth0 < UINT256_MAX - 5
    assert wrapping.holdings["lp", -60, 60].owed0 == plain.holdings["lp", -60, 60].owed0 > 0


def test_what_is_owed_wraps_at_128_bits() -> None:
    pool = pool_at(0, (-60, 60, L))
    holding = pool.holdings["lp", -60, 60]
    holding.owed0 = UINT128_MAX
    pool.swap(True, 10**15)
    pool.burn("lp", -60, 60, 0)
    assert holding.owed0 == 2_999_999_999_999 - 1


@pytest.mark.parametrize("down", [True, False])
def test_the_protocol_takes_its_part_of_the_fee_and_keeps_one_unit(down: bool) -> None:
    pool = pool_at(0, (-60, 60, L), (-120, 120, L))
    pool.set_protocol_fee(4, 10)
    assert pool.fee_protocol == 4 + (10 << 4)
    pool.swap(down, 10**15)
    share = 3 * 10**12 // (4 if down else 10)
    assert (pool.protocol_fees0, pool.protocol_fees1) == ((share, 0) if down else (0, share))
    assert pool.collect_protocol(UINT128_MAX, UINT128_MAX) == ((share - 1, 0) if down else (0, share - 1))
    assert pool.collect_protocol(UINT128_MAX, UINT128_MAX) == (0, 0)
    growth = pool.growth0 if down else pool.growth1
    assert growth == (3 * 10**12 - share << 128) // (2 * L)


@pytest.mark.parametrize(("end", "last"), [(True, MIN_TICK), (False, MAX_TICK - 1)])
def test_a_swap_through_an_emptied_pool_ends_at_the_last_price(end: bool, last: int) -> None:
    pool = pool_at(0, (-60, 60, L))
    amount0, amount1 = pool.swap(end, 10**30)
    limit = MIN_SQRT_PRICE_X96 + 1 if end else MAX_SQRT_PRICE_X96 - 1
    assert (pool.sqrt_price, pool.tick, pool.liquidity) == (limit, last, 0)
    assert 0 < (amount0 if end else amount1) < 10**18 and min(amount0, amount1) < 0
    assert pool.swap(not end, 10**30, sqrt_price_at_tick(0))[end] > 0
    assert (pool.sqrt_price, pool.liquidity) == (Q96, L)


REFUSALS = {
    "amount of nothing": (lambda pool: pool.swap(True, 0), "amountSpecified", 0),
    "amount beyond 256 bits": (lambda pool: pool.swap(True, 1 << 255), "amountSpecified", 1 << 255),
    "limit above a sale": (lambda pool: pool.swap(True, 1, Q96 + 1), "sqrtPriceLimitX96", Q96 + 1),
    "limit at the price": (lambda pool: pool.swap(False, 1, Q96), "sqrtPriceLimitX96", Q96),
    "limit below a purchase": (lambda pool: pool.swap(False, 10**9, Q96 - 1), "sqrtPriceLimitX96", Q96 - 1),
    "limit at the lowest": (
        lambda pool: pool.swap(True, 1, MIN_SQRT_PRICE_X96), "sqrtPriceLimitX96", MIN_SQRT_PRICE_X96),
    "limit at the highest": (
        lambda pool: pool.swap(False, -1, MAX_SQRT_PRICE_X96), "sqrtPriceLimitX96", MAX_SQRT_PRICE_X96),
    "lower tick unaligned": (lambda pool: pool.mint("lp", -61, 60, 1), "tick_lower", -61),
    "upper tick unaligned": (lambda pool: pool.mint("lp", -60, 61, 1), "tick_upper", 61),
    "lower tick too low": (lambda pool: pool.mint("lp", MIN_TICK - 8, 60, 1), "tick", MIN_TICK - 8),
    "upper tick too high": (lambda pool: pool.mint("lp", -60, MAX_TICK + 8, 1), "tick", MAX_TICK + 8),
    "ticks in the wrong order": (lambda pool: pool.mint("lp", 60, -60, 1), "tick_upper", -60),
    "no liquidity": (lambda pool: pool.mint("lp", -60, 60, 0), "liquidity", 0),
    "liquidity of 2^127": (lambda pool: pool.mint("lp", -60, 60, 1 << 127), "liquidity", 1 << 127),
    "too much at one tick": (
        lambda pool: pool.mint("lp", 60, 120, pool.ticks.liquidity_max), "liquidity", L + UINT128_MAX // 29_575),
    "burn of more than owned": (lambda pool: pool.burn("lp", -60, 60, L + 1), "liquidity", L + 1),
    "burn of nobody's": (lambda pool: pool.burn("other", -60, 60, 0), "liquidity", 0),
    "collect of a negative amount": (lambda pool: pool.collect("lp", -60, 60, -1, 0), "amount0_max", -1),
    "protocol share": (lambda pool: pool.set_protocol_fee(3, 4), "protocol fee", 3),
    "protocol collect": (lambda pool: pool.collect_protocol(0, 1 << 128), "amount1_max", 1 << 128),
    "second first price": (lambda pool: pool.initialize(Q96), "sqrtPriceX96", Q96),
    "growth of a tick that is not there": (lambda pool: pool.growth_inside(-60, 120), "tick", 120),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_name_the_value_and_change_nothing(name: str) -> None:
    act, what, got = REFUSALS[name]
    pool = pool_at(0, (-60, 60, L))
    before = everything(pool)
    with pytest.raises(InputInvalid) as refusal:
        act(pool)
    assert (refusal.value.what, refusal.value.got) == (what, got) and refusal.value.expected
    assert everything(pool) == before


def test_a_pool_without_a_price_refuses_everything() -> None:
    for act in (
        lambda pool: pool.swap(True, 1),
        lambda pool: pool.mint("lp", -60, 60, 1),
        lambda pool: pool.burn("lp", -60, 60, 0),
        lambda pool: pool.set_protocol_fee(4, 4),
        lambda pool: pool.tick,
    ):
        with pytest.raises(InputInvalid, match="initialized"):
            act(Pool(3_000, 60))
    for price in (MIN_SQRT_PRICE_X96 - 1, MAX_SQRT_PRICE_X96, 0):
        with pytest.raises(InputInvalid, match="sqrtPriceX96"):
            Pool(3_000, 60).initialize(price)
    for fee_ppm, spacing in ((1_000_000, 60), (-1, 60), (3_000, 0), (3_000, 16_384)):
        with pytest.raises(InputInvalid):
            Pool(fee_ppm, spacing)


def test_the_lowest_and_highest_price_and_ticks() -> None:
    for price, tick in ((MIN_SQRT_PRICE_X96, MIN_TICK), (MAX_SQRT_PRICE_X96 - 1, MAX_TICK - 1)):
        pool = Pool(100, 1)
        pool.initialize(price)
        assert pool.tick == tick
        pool.mint("lp", MIN_TICK, MAX_TICK, 10**6)
        assert pool.liquidity == 10**6
        assert pool.burn("lp", MIN_TICK, MAX_TICK, 10**6) >= (0, 0)
        assert pool.ticks.by_tick == {}


def test_all_liquidity_of_one_tick_can_be_used() -> None:
    pool = pool_at(0)
    most = pool.ticks.liquidity_max
    pool.mint("lp", -60, 60, most)
    with pytest.raises(InputInvalid, match=f"at most {most}"):
        pool.mint("other", 60, 120, 1)
    assert pool.liquidity == most and ("other", 60, 120) not in pool.holdings
