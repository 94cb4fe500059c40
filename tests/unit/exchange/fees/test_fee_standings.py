"""Volumes by UTC day, and the tiers and rebates that follow from them."""

import msgspec
import pytest

from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.fees.standings import Standings
from common.exchange.fees.volumes import VOLUME_UNITS_MAX, VolumeState
from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET

BPS = RATE_SCALE // 10_000
MILLION = 1_000_000 * UNITS_PER_ASSET
DAY = 20_000


def standings(**groups):
    return Standings(FeeSchedule(), groups)


def tiers(changed):
    return {account: found.tier for account, found in changed.items()}


def stored(fees):
    return msgspec.msgpack.encode(fees.state)


def volumes(fees, account, day):
    found = fees.find(account, day)
    return found.maker_units, found.taker_units


def test_trap_24_both_sides_earn_volume():
    fees = standings()
    assert tiers(fees.count(DAY, "maker", "taker", 3 * MILLION)) == {"maker": 1, "taker": 1}
    assert volumes(fees, "maker", DAY) == (3 * MILLION, 0)
    assert volumes(fees, "taker", DAY) == (0, 3 * MILLION)
    fees.count(DAY, "taker", "maker", MILLION)
    assert volumes(fees, "maker", DAY) == (3 * MILLION, MILLION)
    assert fees.find("taker", DAY).tier == 1


def test_maker_and_taker_volume_together_make_the_tier():
    fees = standings()
    fees.count(DAY, "a", "b", MILLION // 2)
    assert tiers(fees.count(DAY, "c", "a", MILLION // 2)) == {"a": 1}
    assert fees.rates("a", DAY) == (BPS, 9 * BPS // 2)
    assert fees.rates("b", DAY) == fees.rates("c", DAY) == (2 * BPS, 5 * BPS)


def test_trap_28_rates_are_read_before_the_fill_and_rise_exactly_at_a_million():
    fees = standings()
    assert fees.rates("a", DAY) == (2 * BPS, 5 * BPS)
    assert tiers(fees.count(DAY, "b", "a", MILLION - 1)) == {}
    assert fees.rates("a", DAY) == (2 * BPS, 5 * BPS)
    assert tiers(fees.count(DAY, "c", "a", 1)) == {"a": 1}
    assert fees.rates("a", DAY) == (BPS, 9 * BPS // 2)
    assert tiers(fees.count(DAY, "d", "a", 99 * MILLION)) == {"d": 2, "a": 3}
    assert fees.rates("a", DAY) == (-BPS, 3 * BPS)


def test_trap_24_a_day_is_out_of_the_window_after_thirty():
    fees = standings()
    fees.count(DAY, "a", "b", 10 * MILLION)
    fees.count(DAY + 1, "a", "b", MILLION)
    assert volumes(fees, "a", DAY + 29) == (11 * MILLION, 0)
    assert volumes(fees, "a", DAY + 30) == (MILLION, 0)
    assert volumes(fees, "a", DAY + 31) == (0, 0)
    # Nobody has traded since, and still everybody's rates are those of the day.
    assert fees.rates("b", DAY + 29) == (0, 4 * BPS)
    assert fees.rates("b", DAY + 30) == (BPS, 9 * BPS // 2)
    assert fees.rates("b", DAY + 31) == (2 * BPS, 5 * BPS)


def test_a_new_day_tells_whose_tier_fell_though_they_did_not_trade_on_it():
    fees = standings()
    fees.count(DAY, "zoe", "adam", 10 * MILLION)
    fees.count(DAY, "quiet", "small", MILLION // 2)
    fees.count(DAY + 1, "zoe", "other", MILLION)
    assert tiers(fees.count(DAY + 29, "x", "y", 1)) == {}
    assert list(tiers(fees.count(DAY + 30, "x", "y", 1)).items()) == [("adam", 0), ("zoe", 1)]
    assert list(tiers(fees.count(DAY + 31, "x", "y", 1)).items()) == [("other", 0), ("zoe", 0)]
    assert volumes(fees, "adam", DAY + 31) == (0, 0)


def test_who_falls_and_rises_with_one_trade_is_told_once_with_what_holds():
    fees = standings()
    fees.count(DAY, "a", "b", 10 * MILLION)
    assert tiers(fees.count(DAY + 30, "a", "c", 10 * MILLION)) == {"a": 2, "b": 0, "c": 2}


def test_a_long_silence_forgets_everything():
    fees = standings()
    fees.count(DAY, "a", "b", 10 * MILLION)
    assert tiers(fees.begin_day(DAY + 400)) == {"a": 0, "b": 0}
    assert fees.state == VolumeState(day=DAY + 400)


def test_thirty_one_days_are_kept():
    fees = standings()
    for day in range(DAY, DAY + 100):
        fees.count(day, "a", "b", 1)
    assert [each.day for each in fees.state.days] == list(range(DAY + 69, DAY + 100))
    assert volumes(fees, "a", DAY + 99) == (30, 0)


def test_trap_29_one_traders_accounts_earn_nothing_from_each_other():
    fees = standings(one="us", two="us", other="them")
    before = stored(fees)
    assert fees.count(0, "one", "two", 50 * MILLION) == fees.count(0, "me", "me", 50 * MILLION) == {}
    assert stored(fees) == before, "nor does the venue, or all other shares would shrink"
    assert tiers(fees.count(0, "one", "other", 50 * MILLION)) == {"one": 2, "other": 2}


def test_the_world_has_no_volume_but_is_part_of_the_venue():
    fees = standings()
    fees.count(DAY, EXTERNAL_ACCOUNT, EXTERNAL_ACCOUNT, 900 * MILLION)
    fees.count(DAY, EXTERNAL_ACCOUNT, "a", 90 * MILLION)
    fees.count(DAY, "a", EXTERNAL_ACCOUNT, 10 * MILLION)
    assert volumes(fees, EXTERNAL_ACCOUNT, DAY) == (0, 0)
    assert fees.rates(EXTERNAL_ACCOUNT, DAY) == (2 * BPS, 5 * BPS)
    assert fees.state.days[-1].venue_maker_units == 1_000 * MILLION
    assert fees.find("a", DAY + 1).share_rate == RATE_SCALE // 100


def test_the_share_is_of_the_thirty_full_days_before_and_constant_over_a_day():
    fees = standings()
    fees.count(DAY, "a", "b", 4 * UNITS_PER_ASSET)
    fees.count(DAY, "c", "b", 96 * UNITS_PER_ASSET)
    assert fees.rates("a", DAY) == (2 * BPS, 5 * BPS), "today is no part"
    assert fees.rates("a", DAY + 1) == (BPS // 2, 5 * BPS)
    fees.count(DAY + 1, "c", "b", 10_000 * UNITS_PER_ASSET)
    assert fees.rates("a", DAY + 1) == (BPS // 2, 5 * BPS)
    assert fees.rates("a", DAY + 2) == (2 * BPS, 5 * BPS)
    # On the 30th day after it the 4 of 10,100 still count, on the 31st they are gone.
    assert fees.find("a", DAY + 30).share_rate == 4 * RATE_SCALE // 10_100
    assert fees.find("a", DAY + 31).share_rate == 0
    assert fees.find("c", DAY + 31).share_rate == RATE_SCALE
    fees.begin_day(DAY + 30)
    assert fees.find("a", DAY + 30).share_rate == 4 * RATE_SCALE // 10_100


def test_looking_changes_nothing():
    fees = standings()
    fees.count(DAY, "a", "b", MILLION)
    before = stored(fees)
    for day in (DAY, DAY + 1, DAY + 30, DAY + 500):
        for account in ("a", "b", "nobody", EXTERNAL_ACCOUNT):
            assert fees.find(account, day).day == day
            fees.rates(account, day)
    assert stored(fees) == before


def test_a_loaded_state_goes_on_as_the_first_would():
    fees = standings()
    fees.count(DAY, "a", "b", MILLION - 1)
    fees.count(DAY + 1, "a", "c", 7)
    other = standings()
    other.rates("a", DAY)
    other.load(msgspec.msgpack.decode(stored(fees), type=VolumeState))
    for day, maker, taker, units in ((DAY + 1, "b", "c", 1), (DAY + 1, "b", "c", MILLION), (DAY + 31, "c", "a", 5)):
        assert other.count(day, maker, taker, units) == fees.count(day, maker, taker, units)
        assert stored(other) == stored(fees)
        assert [other.rates(each, day) for each in "abc"] == [fees.rates(each, day) for each in "abc"]


@pytest.mark.parametrize("units", [VOLUME_UNITS_MAX, VOLUME_UNITS_MAX // 2])
def test_volumes_that_no_record_can_hold_do_not_count(units):
    fees = standings()
    for _ in range(5):
        fees.count(DAY, "a", "b", units)
    state = msgspec.msgpack.decode(stored(fees), type=VolumeState)
    assert state.days[0].venue_maker_units == VOLUME_UNITS_MAX
    assert VOLUME_UNITS_MAX - units < state.days[0].accounts["a"].maker_units <= VOLUME_UNITS_MAX
    assert fees.rates("a", DAY) == (-BPS, 3 * BPS)
