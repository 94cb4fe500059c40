"""The schedule's numbers, and the lists that it refuses."""

from decimal import Decimal

import msgspec
import pytest

from common.exchange.fees.charges import charges
from common.exchange.fees.schedule import DEFAULT_TIERS, FeeSchedule, FeeTier, ShareRebate
from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET, fee_units, rate_from_bps

BPS = RATE_SCALE // 10_000
MILLION = 1_000_000 * UNITS_PER_ASSET


@pytest.mark.parametrize(
    ("volume_units", "maker_bps", "taker_bps"),
    [
        (0, "2", "5"),
        (MILLION - 1, "2", "5"),
        (MILLION, "1", "4.5"),
        (10 * MILLION - 1, "1", "4.5"),
        (10 * MILLION, "0", "4"),
        (100 * MILLION - 1, "0", "4"),
        (100 * MILLION, "-1", "3"),
        (10**9 * MILLION, "-1", "3"),
    ],
)
def test_a_tier_begins_exactly_at_its_volume(volume_units, maker_bps, taker_bps):
    schedule = FeeSchedule()
    rates = schedule.rates(schedule.tier(volume_units), 0)
    assert rates == (rate_from_bps(Decimal(maker_bps)), rate_from_bps(Decimal(taker_bps)))


@pytest.mark.parametrize(
    ("maker_units", "venue_units", "bps"),
    [
        (0, 0, "0"),
        (5, 1_000, "0"),
        (5 * 10**12 + 1, 10**15, "-0.5"),
        (15, 1_000, "-0.5"),
        (15 * 10**12 + 1, 10**15, "-1"),
        (30, 1_000, "-1"),
        (30 * 10**12 + 1, 10**15, "-1.5"),
        (1_000, 1_000, "-1.5"),
    ],
)
def test_a_rebate_is_for_a_share_above_its_bound(maker_units, venue_units, bps):
    assert FeeSchedule().rebate_rate(maker_units, venue_units) == rate_from_bps(Decimal(bps))


def test_the_best_maker_and_the_cheapest_taker_still_pay_half_a_basis_point():
    schedule = FeeSchedule()
    maker, taker = schedule.rates(3, schedule.rebate_rate(1, 1))
    assert (maker, taker) == (-5 * BPS // 2, 3 * BPS)


def test_trap_26_a_rebate_above_the_taker_fee_is_refused_at_every_pair_of_tiers():
    # Each row alone is sound: 5 - 2 and 1 - 0. A maker of the second one meeting a taker of the first loses 1 bp.
    sound = FeeTier(0, 1 * BPS, 0)
    with pytest.raises(ValueError, match="pay for trades"):
        FeeSchedule((sound, FeeTier(MILLION, 5 * BPS, -2 * BPS)), ())
    assert FeeSchedule((sound, FeeTier(MILLION, 5 * BPS, -1 * BPS)), ()).tiers[1].maker_rate == -BPS
    with pytest.raises(ValueError, match="pay for trades"):
        FeeSchedule((sound,), (ShareRebate(0, -BPS - 1),))
    with pytest.raises(ValueError, match="pay for trades"):
        FeeSchedule(DEFAULT_TIERS, (ShareRebate(0, -2 * BPS - 1),))


def test_trap_28_tiers_that_are_not_sorted_are_refused():
    low, high = FeeTier(0, 5 * BPS, 0), FeeTier(MILLION, 4 * BPS, 0)
    assert FeeSchedule((low, high), ()).tier(MILLION) == 1
    for tiers in ((high, low), (low, high, high), (low, low), (high,), ()):
        with pytest.raises(ValueError, match="tier"):
            FeeSchedule(tiers, ())
    small, large = ShareRebate(BPS, -1), ShareRebate(2 * BPS, -2)
    for rebates in ((large, small), (small, small)):
        with pytest.raises(ValueError, match="rising shares"):
            FeeSchedule((low,), rebates)


@pytest.mark.parametrize(
    ("tier", "rebates", "message"),
    [
        (FeeTier(0, RATE_SCALE, 0), (), "below 100 %"),
        (FeeTier(0, 0, RATE_SCALE), (), "below 100 %"),
        (FeeTier(0, RATE_SCALE - 1, 0), (ShareRebate(0, -RATE_SCALE),), "below 100 %"),
        (FeeTier(0, BPS, 0), (ShareRebate(RATE_SCALE, -1),), "rising shares"),
        (FeeTier(0, BPS, 0), (ShareRebate(-1, -1),), "rising shares"),
        (FeeTier(0, BPS, 0), (ShareRebate(0, 1),), "must be below 0"),
        (FeeTier(-1, BPS, 0), (), "begin at a volume of 0"),
    ],
)
def test_numbers_out_of_range_are_refused(tier, rebates, message):
    with pytest.raises(ValueError, match=message):
        FeeSchedule((tier,), rebates)


def test_a_schedule_is_checked_when_it_is_decoded_too():
    stored = msgspec.json.encode(FeeSchedule())
    assert msgspec.json.decode(stored, type=FeeSchedule) == FeeSchedule()
    with pytest.raises(msgspec.ValidationError, match="pay for trades"):
        msgspec.json.decode(stored.replace(b'"taker_rate":300000', b'"taker_rate":249999'), type=FeeSchedule)


def test_a_flat_schedule_has_one_tier_and_no_rebates():
    flat = FeeSchedule.flat(Decimal("-1"), Decimal("4.5"))
    assert flat.rates(flat.tier(10**30), flat.rebate_rate(1, 1)) == (-BPS, 9 * BPS // 2)
    with pytest.raises(ValueError, match="pay for trades"):
        FeeSchedule.flat(Decimal("-5.001"), Decimal(5))
    with pytest.raises(ValueError, match="1e-9"):
        FeeSchedule.flat(Decimal("0.0000001"), Decimal(5))


def test_without_rebates_nobody_is_paid():
    plain = FeeSchedule().without_rebates()
    assert [(tier.taker_rate, tier.maker_rate) for tier in plain.tiers] == [
        (5 * BPS, 2 * BPS), (9 * BPS // 2, BPS), (4 * BPS, 0), (3 * BPS, 0),
    ]  # fmt: skip
    assert plain.rebate_rate(1, 1) == 0


def test_trap_25_many_small_fills_cost_what_one_large_fill_costs():
    # In whole units of the quote 1 bp of 9,999 is nothing; in units of 1e-8 it is exact.
    small = [fee_units(9_999 * UNITS_PER_ASSET, BPS) for _ in range(100)]
    assert sum(small) == fee_units(999_900 * UNITS_PER_ASSET, BPS) == 9_999 * UNITS_PER_ASSET // 100
    paid = [fee_units(9_999 * UNITS_PER_ASSET, -BPS) for _ in range(100)]
    assert sum(paid) == fee_units(999_900 * UNITS_PER_ASSET, -BPS) == -9_999 * UNITS_PER_ASSET // 100
    # Below a unit the venue gains: splitting an order into dust is never cheaper.
    assert sum(fee_units(9_999, BPS) for _ in range(100)) == 100 == fee_units(999_900, BPS)
    assert sum(fee_units(9_999, -BPS) for _ in range(100)) == 0 > fee_units(999_900, -BPS) == -99


def test_a_rebate_is_paid_out_of_the_other_sides_fee_in_its_asset():
    # A maker buys 2 base for 6,000 quote at -1 bp from a taker at 5 bps, who pays 3 quote: 0.6 of them are the maker's.
    base, quote = (2 * UNITS_PER_ASSET, "ETH"), (6_000 * UNITS_PER_ASSET, "USDT")
    assert charges(-BPS, 5 * BPS, base, quote) == ((-60_000_000, "USDT"), (300_000_000, "USDT"))
    # The same maker sells: the taker pays 0.001 base, of which the maker gets 0.0002.
    assert charges(-BPS, 5 * BPS, quote, base) == ((-20_000, "ETH"), (100_000, "ETH"))
    assert charges(2 * BPS, 5 * BPS, quote, base) == ((120_000_000, "USDT"), (100_000, "ETH"))
    assert charges(-BPS, 5 * BPS, quote, quote) == ((-60_000_000, "USDT"), (300_000_000, "USDT"))
