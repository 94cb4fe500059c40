"""Price bands, the slippage limit of market orders, and their own protection."""

import pytest

from common.exchange.events import RejectReason
from common.model.order import TimeInForce
from tests.unit.exchange.desk import BUY, SELL, Desk, refusal, stop, trades

OUTSIDE = RejectReason.OUTSIDE_PRICE_BAND


def banded(mark: int = 10_000, **rules) -> Desk:
    desk = Desk(settles=False, **({"price_band_bps": 500} | rules))
    if mark:
        desk.mark(mark)
    return desk


# 5 % around 10000 is 9500..10500; around 10001 it is 9500.95..10501.05, of which 9501..10501 are inside.
@pytest.mark.parametrize(
    ("mark", "low", "high"), [(10_000, 9_500, 10_500), (10_001, 9_501, 10_501), (9_999, 9_500, 10_498), (1, 1, 1)]
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_limit_prices_are_inside_of_the_band(mark, low, high, side):
    desk = banded(mark)
    assert refusal(desk.place("me", "a", side, high + 1, 1)) is OUTSIDE
    if low > 1:
        assert refusal(desk.place("me", "b", side, low - 1, 1)) is OUTSIDE
    desk.place("me", "c", side, high, 1)
    desk.place("you", "d", side, low, 1)
    assert desk.order("me", "c") and desk.order("you", "d")


def test_the_reference_is_the_mark_or_else_the_last_price():
    desk = banded(0)
    desk.place("me", "far", SELL, 50_000, 1)
    desk.last(1_000)
    assert refusal(desk.place("me", "a", BUY, 1_051, 1)) is OUTSIDE
    desk.mark(2_000)
    assert refusal(desk.place("me", "a", BUY, 1_050, 1)) is OUTSIDE
    desk.place("me", "a", BUY, 1_900, 1)
    assert desk.state("me", "far")[0] == "open"


def test_matching_stops_at_the_edge_and_the_rest_is_cancelled():
    desk = banded()
    desk.place("you", "inside", SELL, 10_500, 2)
    desk.mark(10_600)
    desk.place("you", "outside", SELL, 11_000, 2)
    desk.mark(10_000)
    assert trades(desk.place("me", "m", BUY, 0, 5)) == [("inside", "m", 10_500, 2)]
    assert desk.state("me", "m") == ("expired", 2, 0) and desk.state("you", "outside") == ("open", 0, 2)
    desk.place("me", "fok", BUY, 0, 1, TimeInForce.FOK)
    assert desk.state("me", "fok") == ("expired", 0, 0)


def test_a_band_moves_with_amendments_and_fired_triggers_too():
    desk = banded()
    desk.place("me", "a", BUY, 10_000, 1)
    assert refusal(desk.amend("me", "a", 10_501)) is OUTSIDE
    desk.place("me", "s", BUY, 10_800, 1, trigger=stop(10_000))
    desk.place("you", "t", SELL, 10_000, 1)
    assert desk.state("me", "s")[0] == "expired" and desk.order("me", "s").reason == "outside_price_band"


# 1 % above 1005 is 1015.05: 1015 is not worse than allowed, 1016 is. Below 1005 it is 994.95: 995.
@pytest.mark.parametrize(("side", "last_price"), [(BUY, 1_015), (SELL, 995)])
def test_a_market_order_slips_no_further_than_its_market_allows(side, last_price):
    desk = Desk(settles=False, market_slippage_bps=100)
    for name, price in (("best", 1_005), ("edge", last_price), ("past", last_price + side.sign)):
        desk.place("you", name, side.opposite, price, 1)
    assert trades(desk.place("me", "m", side, 0, 9)) == [("best", "m", 1_005, 1), ("edge", "m", last_price, 1)]
    assert desk.state("me", "m") == ("expired", 2, 0)


@pytest.mark.parametrize(("side", "protect", "filled"), [(BUY, 0, 1), (BUY, 3, 2), (BUY, 9, 3), (SELL, 3, 2)])
def test_a_market_order_is_protected_by_ticks_from_the_best_price(side, protect, filled):
    desk = Desk(settles=False)
    for away in (0, 3, 4):
        desk.place("you", f"a{away}", side.opposite, 100 + away * side.sign, 1)
    desk.place("me", "m", side, 0, 9, protect_ticks=protect)
    assert desk.order("me", "m").filled_lots == filled


def test_protection_counts_from_the_best_price_when_its_trigger_fires():
    desk = Desk(settles=False)
    desk.place("you", "old", SELL, 100, 1)
    desk.place("me", "m", BUY, 0, 9, protect_ticks=2, trigger=stop(100))
    for price in (110, 112, 113):
        desk.place("you", str(price), SELL, price, 1)
    assert trades(desk.place("him", "t", BUY, 100, 1))[1:] == [("110", "m", 110, 1), ("112", "m", 112, 1)]


def test_the_tightest_limit_rules():
    desk = banded(market_slippage_bps=300)
    for price in (10_200, 10_400, 10_500):
        desk.place("you", str(price), SELL, price, 1)
    desk.place("me", "m", BUY, 0, 9)  # 3 % above 10200 is 10506, the band ends at 10500
    assert desk.order("me", "m").filled_lots == 3
    for price in (10_200, 10_400, 10_500):
        desk.place("you", f"again {price}", SELL, price, 1)
    desk.place("me", "p", BUY, 0, 9, protect_ticks=200)
    assert desk.order("me", "p").filled_lots == 2
