"""The circuit breaker: 10 % in rolling 300 s -> HALT 300 s, cancels only -> POST_ONLY 60 s -> OPEN."""

import pytest

from common.exchange.commands import TakeLiquidity
from common.exchange.events import MarketPhase, OrderTriggered, PhaseChanged, RejectReason
from common.exchange.rules import NS_PER_S, MarketRules
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades

HALT, POST_ONLY, OPEN = MarketPhase.HALT, MarketPhase.POST_ONLY, MarketPhase.OPEN
HALTED, REST_ONLY = RejectReason.MARKET_HALTED, RejectReason.MARKET_POST_ONLY


def desk_with_breaker(**rules) -> Desk:
    return Desk(settles=False, breaker_bps=1_000, **rules)


def facts(desk: Desk):
    return desk.exchange.markets[ETH.symbol].facts


def trade_at(desk: Desk, price: int, second: float = 0):
    if second:
        desk.wait_until(int(second * NS_PER_S))
    number = desk.exchange.ledger.last_order_id
    desk.place("you", f"a{number}", SELL, price, 1)
    return desk.place("him", f"b{number}", BUY, price, 1)


@pytest.mark.parametrize(
    ("price", "halts"), [(11_000, True), (10_999, False), (9_000, True), (9_001, False), (12_345, True)]
)
def test_ten_percent_halt(price, halts):
    desk = desk_with_breaker()
    trade_at(desk, 10_000, 1)
    events = trade_at(desk, price, 2)
    assert (facts(desk).phase is HALT) is halts
    if halts:
        (change,) = [event for event in events if isinstance(event, PhaseChanged)]
        assert (change.reason, change.until_ns - desk.exchange.time_ns) == ("breaker", 300 * NS_PER_S)


def test_the_window_rolls():
    desk = desk_with_breaker()
    trade_at(desk, 10_000, 1)
    trade_at(desk, 10_500, 100)
    trade_at(desk, 11_400, 350)  # the trade at 10000 is older than 300 s: 8.6 % from 10500
    assert facts(desk).phase is OPEN
    trade_at(desk, 11_550, 399)
    assert facts(desk).phase is HALT


def test_a_price_that_comes_back_within_the_window_does_not_halt():
    desk = desk_with_breaker()
    for price, second in ((10_000, 1), (10_900, 2), (9_100, 3), (10_000, 4)):
        trade_at(desk, price, second)
    assert facts(desk).phase is OPEN


def halted() -> Desk:
    desk = desk_with_breaker()
    desk.place("me", "bid", BUY, 8_000, 5)
    desk.place("me", "low", BUY, 7_000, 5)
    desk.place("me", "stop", BUY, 0, 1, trigger=stop(20_000))
    trade_at(desk, 10_000, 1)
    trade_at(desk, 11_000, 2)
    assert facts(desk).phase is HALT
    return desk


def test_a_halt_takes_cancels_only():
    desk = halted()
    assert refusal(desk.place("me", "n", BUY, 8_000, 1)) is HALTED
    assert refusal(desk.place("me", "n", BUY, 8_000, 1, post_only=True)) is HALTED
    assert refusal(desk.place("me", "n", BUY, 0, 1, trigger=stop(20_000))) is HALTED
    assert refusal(desk.amend("me", "bid", lots=1)) is HALTED
    assert refusal(desk.reduce("me", "bid", 1)) is HALTED
    desk.cancel("me", name="bid")
    desk.cancel("me", name="stop")
    assert desk.state("me", "bid")[0] == desk.state("me", "stop")[0] == "canceled"


def test_phases_follow_each_other_by_time_alone():
    desk = halted()
    begin = facts(desk).phase_until_ns
    desk.wait_until(begin - 1)
    assert facts(desk).phase is HALT
    desk.wait_until(begin)
    assert (facts(desk).phase, facts(desk).phase_until_ns) == (POST_ONLY, begin + 60 * NS_PER_S)
    assert refusal(desk.place("me", "n", BUY, 8_000, 1)) is REST_ONLY
    assert refusal(desk.place("me", "n", BUY, 0, 1)) is REST_ONLY
    assert refusal(desk.place("me", "n", BUY, 0, 1, trigger=stop(20_000))) is REST_ONLY
    desk.place("me", "ask", SELL, 9_000, 1, post_only=True)
    assert refusal(desk.amend("me", "bid", 9_000)) is RejectReason.WOULD_TAKE
    assert refusal(desk.amend("me", "stop", lots=9)) is REST_ONLY
    desk.amend("me", "bid", 8_500)
    desk.reduce("me", "bid", 1)
    desk.wait_until(begin + 60 * NS_PER_S)
    assert (facts(desk).phase, facts(desk).phase_until_ns) == (OPEN, 0)
    assert trades(desk.place("you", "t", SELL, 8_500, 4)) == [("bid", "t", 8_500, 4)]


def test_one_late_command_brings_both_phases_and_the_window_starts_anew():
    desk = halted()
    events = desk.wait_until(facts(desk).phase_until_ns + 3_600 * NS_PER_S)
    assert [event.phase for event in events if isinstance(event, PhaseChanged)] == [POST_ONLY, OPEN]
    trade_at(desk, 12_000)
    assert facts(desk).phase is OPEN


def test_triggers_wait_for_the_market_to_open():
    desk = desk_with_breaker()
    desk.place("deep", "d", SELL, 30_000, 9)
    desk.place("me", "s", BUY, 0, 1, trigger=stop(10_900))
    trade_at(desk, 10_000, 1)
    events = trade_at(desk, 11_000, 2)
    assert not any(isinstance(event, OrderTriggered) for event in events) and desk.state("me", "s")[0] == "waiting"
    events = desk.wait_until(facts(desk).phase_until_ns + 60 * NS_PER_S)
    assert trades(events) == [("d", "s", 30_000, 1)]


def test_a_taker_is_not_stopped_in_the_middle_but_what_it_set_off_is():
    desk = desk_with_breaker()
    trade_at(desk, 10_000, 1)
    desk.place("deep", "d1", SELL, 10_500, 1)
    desk.place("deep", "d2", SELL, 11_500, 1)
    desk.place("me", "s", BUY, 0, 1, trigger=stop(10_500))
    assert len(trades(desk.place("you", "t", BUY, 0, 2))) == 2
    assert facts(desk).phase is HALT and desk.state("me", "s")[0] == "waiting"


def test_the_outside_world_trades_with_nobody_in_a_halt():
    desk = halted()
    desk.levels([], [(7_500, 3), (9_000, 3)])
    desk.print_trade(SELL, 7_000, 5)
    desk.run(TakeLiquidity, symbol=ETH.symbol, side=SELL, price_ticks=1, quantity_lots=5)
    assert desk.state("me", "bid") == ("open", 0, 5) and desk.queue(SELL, 9_000) == [("market", 0, 3)]
    assert not desk.book.is_crossed


def test_a_restart_remembers_window_and_phase():
    desk = desk_with_breaker()
    trade_at(desk, 10_000, 1)
    trade_at(desk, 10_500, 200)
    assert desk.loaded().state_hash() == desk.exchange.state_hash()
    trade_at(desk, 11_200, 250)
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash() and other.markets[ETH.symbol].facts.phase is HALT
    desk.wait_until(10_000 * NS_PER_S)
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


def test_rules_are_checked():
    for wrong in ({"breaker_bps": -1}, {"price_band_bps": 10_000}, {"open_orders_max": -5}):
        with pytest.raises(ValueError, match="must"):
            MarketRules(**wrong)
