"""Standings against a list of all trades, and the fee account against every mix of fees and rebates."""

from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.fees.charges import charges
from common.exchange.fees.schedule import FeeSchedule, FeeTier, ShareRebate
from common.exchange.fees.standings import Standings
from common.exchange.money import RATE_SCALE

GROUPS = {"a": "us", "b": "us"}
SCHEDULE = FeeSchedule(
    (FeeTier(0, 500_000, 200_000), FeeTier(40, 450_000, 100_000), FeeTier(100, 300_000, -100_000)),
    (ShareRebate(100_000_000, -50_000), ShareRebate(300_000_000, -150_000)),
)
ACCOUNTS = ["a", "b", "c", EXTERNAL_ACCOUNT]
TRADES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 0, 1, 1, 2, 15, 29, 30, 31, 70]),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(ACCOUNTS),
        st.integers(1, 60),
    ),
    max_size=40,
)


class AllTrades:
    """Every trade that counts, and sums over all of them."""

    def __init__(self) -> None:
        self.counted: list[tuple[int, str, str, int]] = []

    def count(self, day, maker, taker, units):  # type: ignore[no-untyped-def]
        if maker == EXTERNAL_ACCOUNT or GROUPS.get(maker, maker) != GROUPS.get(taker, taker):
            self.counted.append((day, maker, taker, units))

    def volume(self, account, day):  # type: ignore[no-untyped-def]
        recent = [each for each in self.counted if day - 30 < each[0] <= day and account != EXTERNAL_ACCOUNT]
        made = sum(units for _, maker, _, units in recent if maker == account)
        return made, sum(units for _, _, taker, units in recent if taker == account)

    def rates(self, account, day):  # type: ignore[no-untyped-def]
        tier = [each for each in SCHEDULE.tiers if each.volume_units_min <= sum(self.volume(account, day))][-1]
        full = [each for each in self.counted if day - 30 <= each[0] < day]
        venue = sum(units for _, _, _, units in full)
        mine = sum(units for _, maker, _, units in full if maker == account != EXTERNAL_ACCOUNT)
        above = [each for each in SCHEDULE.rebates if mine * RATE_SCALE > each.share_rate_above * venue]
        return tier.maker_rate + (above[-1].rebate_rate if above else 0), tier.taker_rate

    def tiers(self, day):  # type: ignore[no-untyped-def]
        return {each: SCHEDULE.tier(sum(self.volume(each, day))) for each in ACCOUNTS}


@settings(max_examples=300, deadline=None)
@given(trades=TRADES, begins=st.booleans())
def test_standings_are_those_of_all_trades_of_the_window(trades, begins):  # type: ignore[no-untyped-def]
    fees, reference, day = Standings(SCHEDULE, GROUPS), AllTrades(), 0
    tiers = reference.tiers(0)
    for later, maker, taker, units in trades:
        day += later
        for account in (maker, taker):
            assert fees.rates(account, day) == reference.rates(account, day)
        if begins:
            fallen = {account: found.tier for account, found in fees.begin_day(day).items()}
            tiers, before = reference.tiers(day), tiers
            assert fallen == {account: tier for account, tier in tiers.items() if tier != before[account]}
        changed = fees.count(day, maker, taker, units)
        reference.count(day, maker, taker, units)
        now = reference.tiers(day)
        for account, tier in now.items():
            found = fees.find(account, day)
            if begins:
                assert (account in changed) is (tiers[account] != tier)
                assert changed.get(account, found) == found
            assert (found.maker_units, found.taker_units) == reference.volume(account, day)
            assert (found.maker_rate, found.taker_rate) == reference.rates(account, day)
        tiers = now


RATES = st.integers(-1_000_000, 2_000_000)


@st.composite
def schedules(draw):  # type: ignore[no-untyped-def]
    """Any schedule that is accepted: the lowest rates are lifted until it is."""
    rates = draw(st.lists(st.tuples(RATES, RATES), min_size=1, max_size=4))
    rebates = sorted(draw(st.lists(st.integers(-500_000, -1), max_size=3)), reverse=True)
    lowest = min(taker for taker, _ in rates) + min(maker for _, maker in rates) + min([0, *rebates])
    tiers = [FeeTier(40 * at, taker - min(0, lowest), maker) for at, (taker, maker) in enumerate(rates)]
    return FeeSchedule(tuple(tiers), tuple(ShareRebate(at * 10**8, rate) for at, rate in enumerate(rebates)))


@settings(max_examples=200, deadline=None)
@given(
    schedule=schedules(),
    trades=st.lists(st.tuples(st.booleans(), st.integers(1, 10**6), st.integers(1, 10**6)), max_size=30),
    places=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=30, max_size=30),
    shares=st.lists(st.integers(0, 100), min_size=30, max_size=30),
)
def test_the_fee_account_is_never_negative_in_any_asset(schedule, trades, places, shares):  # type: ignore[no-untyped-def]
    fees = {"BASE": 0, "QUOTE": 0}
    for (maker_buys, base, quote), (low, high), share in zip(trades, places, shares, strict=False):
        rebate = schedule.rebate_rate(share, 100)
        maker = schedule.rates(min(low, len(schedule.tiers) - 1), rebate)[0]
        taker = schedule.rates(min(high, len(schedule.tiers) - 1), 0)[1]
        gets = (base, "BASE"), (quote, "QUOTE")
        for units, asset in charges(maker, taker, *(gets if maker_buys else gets[::-1])):
            fees[asset] += units
        assert min(fees.values()) >= 0
