"""What becomes of what does not trade at once: GTC, IOC, FOK, budgets, and orders that end with time."""

import pytest

from common.exchange.commands import PassTime, PlaceOrder, SelfTradePrevention
from common.exchange.events import OrderExpired, RejectReason
from common.model.order import OrderType, TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, trades

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
MAX = 2**63 - 1


def desk_with_asks() -> Desk:
    desk = Desk(settles=False)
    desk.place("you", "a", SELL, 100, 4)
    desk.place("you", "b", SELL, 102, 6)
    return desk


def test_a_limit_order_takes_what_it_reaches_and_rests():
    desk = desk_with_asks()
    assert trades(desk.place("me", "t", BUY, 101, 10)) == [("a", "t", 100, 4)]
    assert desk.state("me", "t") == ("partially_filled", 4, 6) and desk.book.bids.depth(9) == [(101, 6, 1)]


def test_a_market_order_never_rests():
    desk = desk_with_asks()
    assert trades(desk.place("me", "t", BUY, 0, 11)) == [("a", "t", 100, 4), ("b", "t", 102, 6)]
    assert desk.state("me", "t") == ("expired", 10, 0) and desk.book.bids.depth(9) == []


@pytest.mark.parametrize(
    ("price", "lots", "filled"), [(102, 10, 10), (102, 11, 0), (101, 5, 0), (0, 10, 10), (0, 11, 0)]
)
def test_fill_or_kill_is_all_or_nothing(price, lots, filled):
    desk = desk_with_asks()
    desk.place("me", "t", BUY, price, lots, FOK)
    assert desk.order("me", "t").filled_lots == filled
    assert desk.state("me", "t")[0] == ("filled" if filled else "expired")
    assert sum(level[1] for level in desk.book.asks.depth(9)) == 10 - filled


# Ten lots cost 4 x 100 + 6 x 102 = 1012.
@pytest.mark.parametrize(("budget", "filled"), [(1012, 10), (1011, 0), (MAX, 10)])
@pytest.mark.parametrize("price", [102, 0])
def test_a_buy_fills_whole_for_at_most_its_budget(budget, filled, price):
    desk = desk_with_asks()
    desk.place("me", "t", BUY, price, 10, FOK, budget=budget)
    assert desk.order("me", "t").filled_lots == filled


# Ten lots bring 4 x 100 + 6 x 98 = 988.
@pytest.mark.parametrize(("budget", "filled"), [(988, 10), (989, 0), (1, 10)])
def test_a_sell_fills_whole_for_at_least_its_budget(budget, filled):
    desk = Desk(settles=False)
    desk.place("you", "a", BUY, 100, 4)
    desk.place("you", "b", BUY, 98, 6)
    desk.place("me", "t", SELL, 98, 10, FOK, budget=budget)
    assert desk.order("me", "t").filled_lots == filled


# Four lots at 100, then ones at 102: a budget buys whole lots at the prices as they come, and nothing beyond it.
@pytest.mark.parametrize(
    ("budget", "filled"), [(99, 0), (100, 1), (399, 3), (400, 4), (501, 4), (502, 5), (1012, 10), (MAX, 10)]
)
@pytest.mark.parametrize("tif", [IOC, TimeInForce.GTC])
def test_a_market_order_takes_no_more_than_its_budget(budget, filled, tif):
    desk = desk_with_asks()
    order = PlaceOrder(
        time_ns=1, account="me", symbol=ETH.symbol, client_order_id="t", side=BUY, quantity_lots=10,
        order_type=OrderType.MARKET, time_in_force=tif, budget=budget,
    )  # fmt: skip
    before = desk.exchange.state_hash()
    assert desk.exchange.affordable_lots(order) == filled and desk.exchange.refusal_of(order) is None
    assert desk.exchange.state_hash() == before and desk.order("me", "t") is None
    desk.place("me", "t", BUY, 0, 10, tif, budget=budget)
    ended = desk.order("me", "t")
    assert ended.filled_lots == filled and ended.state.value == ("filled" if filled == 10 else "expired")


def test_a_market_sell_brings_no_more_than_its_budget():
    desk = Desk(settles=False)
    desk.place("you", "a", BUY, 100, 4)
    desk.place("you", "b", BUY, 98, 6)
    desk.place("me", "t", SELL, 0, 10, IOC, budget=598)
    assert desk.order("me", "t").filled_lots == 6  # 400 + 196; a seventh would bring it to 694


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"price_ticks": 0}, RejectReason.PRICE_INVALID),
        ({"price_ticks": 100, "post_only": True}, RejectReason.WOULD_TAKE),
        ({"price_ticks": 100, "symbol": "X-Y"}, RejectReason.UNKNOWN_MARKET),
        ({"price_ticks": 100, "account": "fees"}, RejectReason.UNKNOWN_ACCOUNT),
        ({"price_ticks": 100}, None),
    ],
)
def test_a_refusal_is_told_without_placing(terms, reason):
    desk = desk_with_asks()
    order = {"account": "me", "symbol": ETH.symbol, "client_order_id": "t", "side": BUY, "quantity_lots": 5} | terms
    before = desk.exchange.state_hash()
    assert desk.exchange.refusal_of(PlaceOrder(time_ns=1, **order)) is reason
    assert desk.exchange.state_hash() == before and desk.order("me", "t") is None


@pytest.mark.parametrize(
    ("mode", "filled"),
    [
        (SelfTradePrevention.EXPIRE_MAKER, 8),
        (SelfTradePrevention.EXPIRE_TAKER, 0),
        (SelfTradePrevention.EXPIRE_BOTH, 0),
        (SelfTradePrevention.DECREMENT, 0),
        (SelfTradePrevention.NONE, 8),
    ],
)
def test_the_dry_run_counts_only_what_self_trade_prevention_lets_it_take(mode, filled):
    desk = Desk(settles=False)
    desk.place("me", "own", SELL, 100, 4)
    desk.place("you", "foreign", SELL, 100, 8)
    before = desk.exchange.state_hash()
    desk.place("me", "t", BUY, 100, 8, FOK, self_trade_prevention=mode)
    assert desk.order("me", "t").filled_lots == filled
    if not filled:
        assert desk.queue(SELL, 100) == [("me", 1, 4), ("you", 2, 8)] and before != desk.exchange.state_hash()


def test_good_till_time_ends_with_the_first_command_at_or_after_it():
    desk = Desk()
    desk.place("me", "a", BUY, 100, 1, expires_ns=1_000)
    desk.place("me", "b", BUY, 101, 1, expires_ns=900)
    desk.place("me", "c", BUY, 99, 1)
    assert desk.wait_until(899) == [] and desk.state("me", "a") == ("open", 0, 1)
    ended = [e for e in desk.wait_until(1_000) if isinstance(e, OrderExpired)]
    assert [(e.order_id, e.reason) for e in ended] == [(2, "time_out"), (1, "time_out")]
    assert desk.book.bids.depth(9) == [(99, 1, 1)]
    assert desk.exchange.ledger.accounts.balance("me", "USDT").locked == 99 * 100


def test_time_runs_out_before_the_command_that_brings_it_acts():
    desk = Desk(settles=False)
    desk.place("you", "old", SELL, 100, 5, expires_ns=500)
    assert trades(desk.place("me", "t", BUY, 100, 5, at=500)) == []
    assert desk.state("you", "old")[0] == "expired" and desk.state("me", "t") == ("open", 0, 5)


def test_time_never_runs_backwards():
    desk = Desk(settles=False)
    desk.wait_until(5_000)
    assert refusal(desk.place("me", "a", BUY, 100, 1, expires_ns=4_000)) is RejectReason.TERMS_INVALID
    desk.exchange.execute(PassTime(time_ns=3))
    assert desk.exchange.time_ns >= 5_000


@pytest.mark.parametrize(
    "terms",
    [
        {"expires_ns": 10**9, "tif": IOC},
        {"expires_ns": 10**9, "tif": FOK},
        {"expires_ns": 10**9, "price": 0},
        {"expires_ns": 1},
        {"expires_ns": -1},
        {"expires_ns": 2**63},
        {"budget": 5},
        {"budget": 5, "tif": IOC},
        {"budget": 0, "price": 0},
        {"budget": 0, "tif": FOK},
        {"budget": -5, "tif": FOK},
        {"budget": 2**63, "tif": FOK},
        {"protect_ticks": 3},
        {"protect_ticks": -1, "price": 0},
        {"slide": True},
        {"post_only": True, "tif": IOC},
        {"post_only": True, "tif": FOK},
        {"post_only": True, "price": 0},
    ],
)
def test_terms_that_contradict_each_other_are_refused(terms):
    desk = Desk(settles=False)
    desk.place("you", "bid", BUY, 50, 1)
    order = {"price": 100, "lots": 5} | terms
    assert refusal(desk.place("me", "t", BUY, **order)) is RejectReason.TERMS_INVALID


@pytest.mark.parametrize("lots", [0, -1, 10**12 + 1, 2**63, 2**64, float("nan"), 1.5, True])
def test_quantities_are_whole_and_within_the_instruments_bounds(lots):
    assert refusal(Desk(settles=False).place("me", "t", BUY, 100, lots)) is RejectReason.QUANTITY_INVALID


@pytest.mark.parametrize("price", [-1, 2**63, 2**64, float("nan"), 1.5])
def test_prices_are_whole_and_64_bit(price):
    assert refusal(Desk(settles=False).place("me", "t", BUY, price, 1)) is RejectReason.PRICE_INVALID
