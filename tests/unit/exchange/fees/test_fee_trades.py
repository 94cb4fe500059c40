"""Fees, rebates and tiers of trades as the exchange carries them out."""

import msgspec
import pytest

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import (
    PlaceOrder,
    PrintTrade,
    SelfTradePrevention,
    SetLevels,
    TakeLiquidity,
    Withdraw,
)
from common.exchange.configuration import Features
from common.exchange.core import FEE_DAY
from common.exchange.events import EXTERNAL_ACCOUNT, FEE_ACCOUNT, CommandRefused, RejectReason, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.events import FeeTierChanged
from common.exchange.fees.schedule import FeeSchedule, ShareRebate
from common.exchange.fees.volumes import NS_PER_DAY
from common.exchange.money import RATE_SCALE
from tests.unit.exchange.fees.fee_desk import FeeDesk
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, refusal

BPS = RATE_SCALE // 10_000
REBATE = FeeSchedule.flat(-1, 5)


def paid(events):
    """(maker's, taker's) fee of the only trade."""
    (trade,) = [event for event in events if isinstance(event, TradeExecuted)]
    return (trade.maker.fee_units, trade.maker.fee_asset), (trade.taker.fee_units, trade.taker.fee_asset)


def told(events):
    """(account, tier, maker rate, taker rate) of every change of tier."""
    changes = [event for event in events if isinstance(event, FeeTierChanged)]
    return [(each.account, each.tier, each.maker_rate, each.taker_rate) for each in changes]


def test_the_fill_that_reaches_a_million_pays_the_old_tier_and_the_next_one_the_new():
    desk = FeeDesk("maker", "taker")
    assert told(desk.deal("taker", "maker", 1_000, 999)) == []
    events = desk.deal("taker", "maker", 1_000, 1)
    assert paid(events) == ((20_000_000, "USD"), (50_000_000, "USD"))
    tier_one = (1, BPS, 9 * BPS // 2)
    assert told(events) == [("maker", *tier_one), ("taker", *tier_one)]
    kinds = [type(event) for event in events]
    assert kinds.index(FeeTierChanged) > kinds.index(TradeExecuted)
    assert paid(desk.deal("taker", "maker", 1_000, 1)) == ((10_000_000, "USD"), (45_000_000, "USD"))
    assert desk.rates("nobody") == (0, 200, 500)


def test_one_order_that_sweeps_pays_each_fill_at_the_tier_of_its_moment():
    desk = FeeDesk("a", "b", "taker")
    desk.place("a", SELL, 1_000, 1_000)
    desk.place("b", SELL, 1_000, 1_000)
    events = desk.place("taker", BUY, 1_000, 2_000)
    fees = [event.taker.fee_units for event in events if isinstance(event, TradeExecuted)]
    assert fees == [500 * UNIT, 450 * UNIT]


def test_spot_and_perpetual_volume_add_up():
    desk = FeeDesk("maker", "taker")
    desk.deal("taker", "maker", 1_000, 500)
    desk.place("maker", SELL, 1_000, 500, symbol="X-USD")
    assert [each[0] for each in told(desk.place("taker", BUY, 1_000, 500, symbol="X-USD"))] == ["maker", "taker"]
    assert desk.exchange.fee_standing("taker").taker_units == 10**6 * UNIT


def test_spot_fees_are_charged_in_what_each_side_receives():
    desk = FeeDesk("maker", "taker")
    desk.place("maker", SELL, 1_000, 10, symbol="X-USD")
    events = desk.place("taker", BUY, 1_000, 10, symbol="X-USD")
    assert paid(events) == ((2 * UNIT, "USD"), (500_000, "X"))
    assert (desk.fees("USD"), desk.fees("X")) == (2 * UNIT, 500_000)


@pytest.mark.parametrize(
    ("side", "asset", "fee", "rebate"), [(BUY, "USD", 5 * UNIT, UNIT), (SELL, "X", 500_000, 100_000)]
)
def test_trap_27_a_spot_rebate_comes_out_of_the_takers_fee(side, asset, fee, rebate):
    desk = FeeDesk("maker", "taker", fees=REBATE)
    before = desk.exchange.ledger.accounts.balance("maker", asset).total
    desk.place("maker", side, 1_000, 10, symbol="X-USD")
    events = desk.place("taker", side.opposite, 1_000, 10, symbol="X-USD")
    assert paid(events) == ((-rebate, asset), (fee, asset))
    assert desk.fees(asset) == fee - rebate and desk.fees("X" if asset == "USD" else "USD") == 0
    gave = 10_000 * UNIT if asset == "USD" else 10 * UNIT
    assert desk.exchange.ledger.accounts.balance("maker", asset).total == before - gave + rebate


def test_trap_27_a_perpetual_rebate_comes_out_of_the_takers_fee():
    desk = FeeDesk("maker", "taker", fees=REBATE)
    assert paid(desk.deal("taker", "maker", 1_000, 10)) == ((-UNIT, "USD"), (5 * UNIT, "USD"))
    assert desk.fee_wallet() == 4 * UNIT
    assert (desk.wallet("maker"), desk.wallet("taker")) == (10**9 + 1, 10**9 - 5)


def test_trap_25_a_hundred_small_trades_cost_what_a_large_one_costs():
    small, large = (FeeDesk("maker", "taker", fees=FeeSchedule.flat(-1, 1)) for _ in range(2))
    for _ in range(100):
        small.deal("taker", "maker", 9_999, 1)
    large.deal("taker", "maker", 9_999, 100)
    assert small.wallet("maker") == large.wallet("maker") == 10**9 + 99.99
    assert small.wallet("taker") == large.wallet("taker") == 10**9 - 99.99
    assert small.fee_wallet() == 0


@pytest.mark.parametrize("symbol", ["X-PERP", "X-USD"])
def test_the_worlds_takers_pay_for_the_rebates_of_their_makers(symbol):
    desk = FeeDesk("maker", fees=REBATE)
    desk.place("maker", SELL, 1_000, 10, symbol=symbol)
    events = desk.run(TakeLiquidity, symbol=symbol, side=BUY, price_ticks=1_000, quantity_lots=10)
    assert paid(events)[0] == ((-UNIT, "USD") if symbol == "X-PERP" else (-100_000, "X"))
    assert paid(events)[1] == ((5 * UNIT, "USD") if symbol == "X-PERP" else (500_000, "X"))
    assert desk.exchange.fee_standing("maker").maker_units == 10_000 * UNIT
    assert desk.exchange.fee_standing(EXTERNAL_ACCOUNT).taker_units == 0


@pytest.mark.parametrize("symbol", ["X-PERP", "X-USD"])
def test_what_the_world_trades_with_itself_is_free_and_part_of_the_venue(symbol):
    desk = FeeDesk("maker", "taker")
    desk.run(SetLevels, symbol=symbol, bids=[(999, 5)], asks=[(1_001, 95)])
    events = desk.run(PrintTrade, symbol=symbol, aggressor=BUY, price_ticks=1_001, quantity_lots=95)
    assert [fee for fee, _ in paid(events)] == [0, 0]
    desk.place("maker", BUY, 1_001, 5, symbol=symbol)
    desk.place("taker", SELL, 1_001, 5, symbol=symbol)
    desk.wait_until(NS_PER_DAY)
    assert desk.exchange.fee_standing("maker").share_rate == RATE_SCALE * 5 // 100
    assert desk.rates("maker") == (0, 50, 500)


def test_trap_29_trades_within_a_group_or_with_oneself_earn_no_volume():
    desk = FeeDesk("one", "two", "other", groups={"one": "us", "two": "us"})
    unprotected = {"self_trade_prevention": SelfTradePrevention.NONE}
    for buyer, seller in (("one", "two"), ("other", "other")):
        desk.place(seller, SELL, 1_000, 2_000)
        events = desk.place(buyer, BUY, 1_000, 2_000, **unprotected)
        assert paid(events) == ((400 * UNIT, "USD"), (1_000 * UNIT, "USD")) and told(events) == []
    assert all(desk.exchange.fee_standing(each).tier == 0 for each in ("one", "two", "other"))
    assert len(told(desk.deal("one", "other", 1_000, 1_000))) == 2


def test_midnight_tells_who_fell_and_nobody_needs_to_trade():
    desk = FeeDesk("a", "b")
    desk.deal("a", "b", 1_000, 10_000)
    assert desk.rates("a") == (2, 0, 400)
    desk.wait_until(NS_PER_DAY)
    assert desk.rates("b") == (2, -150, 400), "the only maker of the day before has all of the share"
    desk.deal("a", "b", 1_000, 1_000)
    assert told(desk.wait_until(30 * NS_PER_DAY - 1)) == []
    assert told(desk.wait_until(30 * NS_PER_DAY)) == [
        ("a", 1, BPS, 9 * BPS // 2), ("b", 1, -BPS // 2, 9 * BPS // 2),
    ]  # fmt: skip
    assert told(desk.wait_until(31 * NS_PER_DAY)) == [
        ("a", 0, 2 * BPS, 5 * BPS), ("b", 0, BPS // 2, 5 * BPS),
    ]  # fmt: skip
    assert desk.rates("b") == (0, 50, 500)
    desk.wait_until(32 * NS_PER_DAY)
    assert desk.rates("b") == (0, 200, 500)
    assert [each for each in desk.exchange.state().common.core.agenda if each[2] == FEE_DAY] == []


def test_a_long_silence_tells_each_midnight_in_its_order():
    desk = FeeDesk("a", "b")
    desk.deal("a", "b", 1_000, 10_000)
    desk.wait_until(NS_PER_DAY)
    desk.deal("a", "b", 1_000, 1_000)
    events = desk.wait_until(400 * NS_PER_DAY)
    assert [each[:2] for each in told(events)] == [("a", 1), ("b", 1), ("a", 0), ("b", 0)]
    desk.deal("a", "b", 1_000, 1_000)
    assert [each[:2] for each in told(desk.wait_until(430 * NS_PER_DAY))] == [("a", 0), ("b", 0)]


def test_midnight_comes_before_the_first_trade_of_the_day():
    desk = FeeDesk("a", "b")
    desk.deal("a", "b", 1_000, 1_000)
    desk.place("a", SELL, 1_000, 1)
    events = desk.place("b", BUY, 1_000, 1)
    assert paid(events)[1] == (45_000_000, "USD")
    desk.place("a", SELL, 1_000, 1, at=30 * NS_PER_DAY)
    assert paid(desk.place("b", BUY, 1_000, 1))[1] == (50_000_000, "USD")


def test_without_the_feature_nobody_is_paid():
    desk = FeeDesk("a", "b", fees=FeeSchedule.flat(-1, 5), features=Features(rebates=False))
    assert paid(desk.deal("a", "b", 1_000, 10)) == ((0, "USD"), (5 * UNIT, "USD"))
    desk = FeeDesk("a", "b", features=Features(rebates=False))
    desk.deal("a", "b", 1_000, 100_000)
    desk.wait_until(NS_PER_DAY)
    assert desk.rates("b") == (3, 0, 300)


def test_looking_and_being_refused_change_nothing():
    desk = FeeDesk("a", "b")
    desk.deal("a", "b", 1_000, 10)
    before = desk.exchange.state_hash()
    for account in ("a", "nobody", FEE_ACCOUNT, EXTERNAL_ACCOUNT):
        desk.exchange.fee_standing(account)
    desk.place("nobody", BUY, 1_000, 1)
    assert desk.exchange.state_hash() == before
    (event,) = desk.run(Withdraw, account=FEE_ACCOUNT, asset="USD", units=1)
    assert isinstance(event, CommandRefused) and event.reason is RejectReason.UNKNOWN_ACCOUNT


def test_an_order_needs_margin_for_the_fee_of_its_own_account():
    # 100 lots at 1,000 with leverage 10 need 10,000, and at 4.5 bps 45 more.
    desk = FeeDesk("a", "b")
    desk.deal("a", "b", 1_000, 1_000)
    for name, money in (("rich", 10_050), ("poor", 10_049)):
        desk.fund(name, money)
    assert refusal(desk.place("poor", BUY, 1_000, 100)) is RejectReason.INSUFFICIENT_MARGIN
    assert desk.position("rich").bid_lots == 0
    desk.place("rich", BUY, 1_000, 100)
    assert desk.position("rich").bid_lots == 100
    held = desk.exchange.margin.accounts.open("a", "USD")
    position = held.positions["X-PERP"]
    needed = 110_000 * UNIT + 45 * UNIT
    held.wallet = position.cost - position.lots * 1_000 * UNIT + needed - 1
    assert refusal(desk.exchange.execute(_order(desk, 100))) is RejectReason.INSUFFICIENT_MARGIN
    held.wallet += 1
    assert refusal(desk.exchange.execute(_order(desk, 101))) is RejectReason.INSUFFICIENT_MARGIN
    assert not [each for each in desk.exchange.execute(_order(desk, 100)) if hasattr(each, "reason")]


def _order(desk, lots):
    return PlaceOrder(
        time_ns=desk.exchange.time_ns + 1, account="a", symbol="X-PERP", client_order_id=f"o{lots}", side=BUY,
        price_ticks=1_000, quantity_lots=lots,
    )  # fmt: skip


def test_replays_and_snapshots_bring_volumes_back():
    desk = FeeDesk("a", "b", fees=FeeSchedule(FeeSchedule().tiers, (ShareRebate(0, -BPS),)))
    desk.deal("a", "b", 1_000, 9_000)
    desk.wait_until(2 * NS_PER_DAY)
    desk.deal("b", "a", 1_000, 999)
    loaded, replayed = desk.loaded(), Exchange(desk.config)
    for command in desk.commands:
        replayed.execute(msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=AnyCommand))
    assert loaded.state_hash() == replayed.state_hash() == desk.exchange.state_hash()
    for exchange in (loaded, replayed):
        assert exchange.fee_standing("a") == desk.exchange.fee_standing("a")
    last = desk.commands[-1]
    for command in (
        msgspec.structs.replace(last, time_ns=last.time_ns + 1, account="a", side=SELL, client_order_id="s"),
        msgspec.structs.replace(last, time_ns=last.time_ns + 2, client_order_id="t"),
        msgspec.structs.replace(last, time_ns=31 * NS_PER_DAY, client_order_id="u"),
    ):
        expected = desk.exchange.execute(command)
        assert loaded.execute(command) == replayed.execute(command) == expected
    assert loaded.state_hash() == replayed.state_hash() == desk.exchange.state_hash()
