"""LP tokens, fee streams and the ladder of a pool alone, by the traps' numbers."""

import msgspec
import pytest

from common.exchange.events import RejectReason
from common.exchange.pools.accounting import (
    Mix,
    count_fees,
    deposit_refusal,
    fees_of,
    pay_in,
    pay_out,
    stop_streams,
    stream,
)
from common.exchange.pools.ladder import Means, Rung, middle_of, rungs, spacing_of
from common.exchange.pools.records import HOLDERS_MAX, Holder, Ladder, Pool, PoolStatus, Stream
from common.exchange.pools.streams import SAME_STREAM_NS, STREAM_NS, unvested, with_fee
from common.exchange.shares import SHARES_MAX, SHARES_PER_UNIT, redeemed
from common.model.order import Side

HOUR_NS = 3_600 * 10**9
BUY, SELL = Side.BUY, Side.SELL


def _pool(**terms) -> Pool:  # type: ignore[no-untyped-def]
    usual = {"ladder": Ladder(), "fee_share_bps": 0, "base": "ETH", "asset": "USDT", "symbol": "ETH-USDT"}
    return Pool(name="p", owner="owner", created_ns=0, **usual | terms)


def _cash(pool: Pool, account: str, units: int, nav: int, time_ns: int = 0) -> int:
    count_fees(pool, time_ns)
    return pay_in(pool, account, units, nav, Mix(base_units=0, quote_units=nav))


def test_trap_14_a_donation_does_not_take_from_the_next_deposit() -> None:
    pool = _pool()
    _cash(pool, "attacker", 1, 0)
    _cash(pool, "victim", 19_999_999, 1 + 10_000_000)
    worth = {name: redeemed(each.shares, pool.supply, 30_000_000) for name, each in pool.holders.items()}
    assert worth == {"attacker": 5_000_001, "victim": 19_999_998}


@pytest.mark.parametrize(
    ("terms", "units", "nav", "shares_min", "reason"),
    [
        ({}, 0, 0, 0, RejectReason.AMOUNT_INVALID),
        ({}, -5, 0, 0, RejectReason.AMOUNT_INVALID),
        ({"status": PoolStatus.PAUSED}, 10, 0, 0, RejectReason.NOT_OPEN),
        ({"supply": 5}, 10, 0, 0, RejectReason.NO_EQUITY),
        ({"supply": 5}, 10, -1, 0, RejectReason.NO_EQUITY),
        ({"supply": 1000}, 1, 2_000_001, 0, RejectReason.ZERO_SHARES),
        ({}, 10, 0, 10 * SHARES_PER_UNIT + 1, RejectReason.WORSE_THAN_AGREED),
        ({}, 10, 0, 10 * SHARES_PER_UNIT, None),
        ({"supply": SHARES_MAX}, 1, 1, 0, RejectReason.TOO_MANY_SHARES),
        ({"holders": {str(n): Holder() for n in range(HOLDERS_MAX)}}, 1, 0, 0, RejectReason.TOO_MANY_DEPOSITORS),
    ],
)
def test_deposits_that_are_refused(terms, units, nav, shares_min, reason) -> None:  # type: ignore[no-untyped-def]
    """Traps 15, 17, 20 and 23: an error with a reason instead of 0 tokens, and the holder's own limit."""
    pool = _pool(**terms)
    before = msgspec.json.encode(pool)
    assert deposit_refusal(pool, "a", units, nav, shares_min) is reason
    assert msgspec.json.encode(pool) == before


def test_trap_23_a_fee_reaches_holders_over_six_hours() -> None:
    streams = with_fee([], 600, 1000)
    rest = [unvested(streams, 1000 + hours * HOUR_NS) for hours in range(8)]
    assert rest == [600, 500, 400, 300, 200, 100, 0, 0]
    assert unvested(streams, 1000 + 1) == 600, "rounded up: nothing comes early"
    assert STREAM_NS == 6 * HOUR_NS


def test_fees_of_one_quarter_of_an_hour_run_together() -> None:
    minute = 60 * 10**9
    streams = list[Stream]()
    for now in range(0, 8 * HOUR_NS, minute):
        before = unvested(streams, now)
        streams = with_fee(streams, 720, now)
        assert unvested(streams, now) == before + 720
        assert len(streams) <= STREAM_NS // SAME_STREAM_NS + 2
    # 720 a minute for hours: 6 h of fees are on their way, half of each on average, 15 minutes more at most.
    assert 360 * 720 // 2 <= unvested(streams, now) <= 375 * 720 // 2 + 720
    assert unvested(streams, now + STREAM_NS) == 0


def test_trap_16_fees_without_holders_wait_for_one() -> None:
    """Fees of 500 in an empty pool, then 100 are paid in: the 100 are worth 100, not 600."""
    pool = _pool(held_units=500)
    _cash(pool, "a", 100, 0)
    assert redeemed(pool.holders["a"].shares, pool.supply, 100) == 100
    stream(pool, pool.held_units, 0)
    assert fees_of(pool, pool.holders["a"], 3 * HOUR_NS) == 250


def test_streams_end_when_the_holders_have_gone() -> None:
    pool = _pool()
    _cash(pool, "a", 100, 0)
    stream(pool, 600, 0)
    count_fees(pool, 2 * HOUR_NS)
    pay_out(pool, "a", 300, pool.supply)
    assert stop_streams(pool, 2 * HOUR_NS) == 400
    assert (pool.streams, pool.streamed, pool.earned_fees) == ([], 200, 200)
    assert (pool.supply, pool.holders) == (0, {})


def test_trap_22_each_holder_s_fees_are_known() -> None:
    """A alone for 2 h, then A and B in equal parts."""
    pool = _pool()
    _cash(pool, "a", 10**10, 0)
    stream(pool, 6000, 0)
    # B pays what A's tokens are worth by now, so both have nearly the same number.
    _cash(pool, "b", 10**10 + 2000, 10**10 + 2000, 2 * HOUR_NS)
    fees = {name: fees_of(pool, each, 6 * HOUR_NS) for name, each in pool.holders.items()}
    assert fees == {"a": 2000 + 2000, "b": 2000}
    count_fees(pool, 6 * HOUR_NS)
    assert {name: fees_of(pool, each, 6 * HOUR_NS) for name, each in pool.holders.items()} == fees


def test_a_basket_is_what_tokens_stood_for_when_they_were_bought() -> None:
    """A pool of 5 ETH at 100 and 500 USDT; B pays 1000 and stands for half of 5 ETH and 1500 USDT."""
    pool = _pool()
    _cash(pool, "a", 1000, 0)
    pay_in(pool, "b", 1000, 1000, Mix(base_units=5, quote_units=500))
    a, b = (pool.holders[name].basket for name in "ab")
    assert (a.base_units, a.quote_units) == (0, 1000)
    assert (b.base_units, b.quote_units) == (2, 750)
    assert (pool.basket.base_units, pool.basket.quote_units) == (2, 1750)
    pay_out(pool, "b", 500, pool.holders["b"].shares // 2)
    assert (b.base_units, b.quote_units) == (1, 375)
    assert (pool.basket.base_units, pool.basket.quote_units) == (1, 1375)
    assert pool.holders["b"].net_deposits == 500


LADDER = Ladder(levels=3, spacing_bps=100, lots=10, skew_bps=50, inventory_lots_max=100)


def test_a_ladder_is_symmetric_without_inventory() -> None:
    quotes = rungs(LADDER, 1000, Means(position_lots=0, ask_lots_max=100))
    assert quotes == [
        Rung(BUY, 990, 10), Rung(BUY, 980, 10), Rung(BUY, 970, 10),
        Rung(SELL, 1010, 10), Rung(SELL, 1020, 10), Rung(SELL, 1030, 10),
    ]  # fmt: skip
    assert rungs(Ladder(), 1000, Means(position_lots=0, ask_lots_max=9)) == []


@pytest.mark.parametrize(("held", "middle"), [(0, 1000), (100, 995), (-100, 1005), (50, 998), (-50, 1002), (900, 995)])
def test_the_middle_leans_away_from_the_inventory(held: int, middle: int) -> None:
    assert middle_of(LADDER, 1000, held) == middle


def test_neither_side_crosses_the_mark_at_full_lean() -> None:
    for mark in (1, 7, 99, 1000, 123_457):
        terms = Ladder(levels=2, spacing_bps=30, lots=1, skew_bps=30, inventory_lots_max=10)
        for held in (-10, 10):
            for quote in rungs(terms, mark, Means(position_lots=held, ask_lots_max=100)):
                assert (quote.price - mark) * quote.side.sign <= 0 and quote.price > 0
        assert spacing_of(terms, mark) * 10_000 >= mark * 30


def test_a_ladder_stops_at_its_inventory_and_its_means() -> None:
    long = rungs(LADDER, 1000, Means(position_lots=85, ask_lots_max=1000))
    assert [(each.side, each.lots) for each in long] == [(BUY, 10), (BUY, 5), (SELL, 10), (SELL, 10), (SELL, 10)]
    poor = rungs(LADDER, 1000, Means(position_lots=0, ask_lots_max=12, bid_cost_max=990 * 10 + 979 + 980 * 3))
    assert [(each.side, each.lots) for each in poor] == [(BUY, 10), (BUY, 3), (SELL, 10), (SELL, 2)]
    short = rungs(LADDER, 1000, Means(position_lots=-95, ask_lots_max=1000))
    assert [(each.side, each.lots) for each in short] == [(BUY, 10)] * 3 + [(SELL, 5)]


def test_a_ladder_does_not_go_below_one_tick() -> None:
    quotes = rungs(LADDER, 2, Means(position_lots=0, ask_lots_max=100))
    assert [each.price for each in quotes] == [1, 3, 4, 5]
