"""Who is closed when an account is bankrupt and nobody else takes its position."""

from common.exchange.commands import SetMark, TakeLiquidity
from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.margin.commands import SetMarginMode, SplitPosition
from common.exchange.margin.events import PositionDeleveraged, PositionMerged
from common.exchange.margin.rules import MarginTier, PerpetualRules
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, PerpetualDesk

LEVERED = PerpetualRules(tiers=(MarginTier(notional_units_min=0, leverage_max=50),))


def closed(events) -> list[tuple[str, int, float]]:
    """(counterparty, lots, whole units) of every deleveraging among events."""
    return [
        (event.counterparty, event.lots, event.units / UNIT)
        for event in events
        if isinstance(event, PositionDeleveraged)
    ]


def worked_example() -> PerpetualDesk:
    """At 100, uPnL / notional / equity of the longs a, b, c are 500/10000/2000, 900/10000/9000, 300/3000/400.

    `s` is short 100 for 9350 in all with 600: bankrupt at 100 by 50. `t` is short the rest and has enough.
    """
    desk = PerpetualDesk(perpetual=LEVERED)
    for account, money in (("a", 1_500), ("b", 8_100), ("c", 100), ("s", 600), ("t", 100_000)):
        desk.fund(account, money)
    desk.mark(90)
    desk.deal("c", "s", 90, 30)
    desk.mark(91)
    desk.deal("b", "t", 91, 100)
    desk.mark(95)
    desk.deal("a", "s", 95, 70)
    desk.deal("a", "t", 95, 30)
    return desk


def test_the_worked_example_goes_c_then_a_and_leaves_b():
    desk = worked_example()
    margin = desk.exchange.margin
    desk.exchange.execute(SetMark(time_ns=desk.exchange.time_ns + 1, symbol="X-PERP", price_ticks=95))
    assert desk.equity("s") == 600 - 30 * 5
    events = desk.mark(100)
    # 100 lots for 9950: their value less the deficit of 50.
    assert closed(events) == [("c", -30, -2_985), ("a", -70, -6_965)]
    assert [desk.position(each).lots for each in "abcst"] == [30, 100, 0, 0, -130]
    assert desk.equity("s") == 0 and desk.equity("c") == 100 + 285
    assert margin.accounts.total("USD") == desk.deposited


def test_the_amounts_are_those_of_the_bankruptcy_to_the_last_unit():
    desk = PerpetualDesk("x", "y", "z", perpetual=LEVERED)
    desk.fund("s", 100)
    desk.mark(100)
    for account in ("x", "y", "z"):
        desk.deal(account, "s", 100, 1)
    before = {each: desk.exchange.margin.account(each, "USD").wallet for each in ("x", "y", "z")}
    events = desk.mark(140)
    paid = [event.units for event in events if isinstance(event, PositionDeleveraged)]
    # 300 received and 100 of collateral, by three: thirds of a unit go to who comes first, the last takes what is left.
    assert paid == [-13_333_333_334, -13_333_333_333, -13_333_333_333] and sum(paid) == -400 * UNIT
    assert {each: desk.exchange.margin.account(each, "USD").wallet - before[each] for each in before} == {
        "x": 3_333_333_334, "y": 3_333_333_333, "z": 3_333_333_333,
    }  # fmt: skip
    assert desk.equity("s") == 0


def test_losers_follow_winners_and_the_world_is_last():
    desk = PerpetualDesk("loser", "t", money=10_000, perpetual=LEVERED)
    desk.fund("winner", 1_000)
    desk.fund("s", 306)
    desk.mark(120)
    desk.deal("loser", "t", 120, 5)
    desk.mark(100)
    desk.deal("winner", "s", 100, 10)
    desk.deal("t", "s", 100, 8)
    # `t` is long 3 now. At 118 `s` has lost 324 of 306; `loser` still loses 2 a lot.
    events = desk.mark(118)
    assert closed(events) == [("winner", -10, -1_170), ("t", -3, -351), ("loser", -5, -585)]


def both_rose(long_of_y: str) -> PerpetualDesk:
    """`s` is short X and Y, has lost 500 of 600 in X, and `w`, which won those 500, is short Y like `s`."""
    desk = PerpetualDesk("t", money=100_000, perpetual=LEVERED)
    desk.fund("w", 40)
    desk.fund("s", 600)
    for symbol in ("X-PERP", "Y-PERP"):
        desk.mark(100, symbol)
    desk.deal("w", "s", 100, 10)
    for short in ("w", "s"):
        desk.place(short, SELL, 100, 10, "Y-PERP")
        if long_of_y == EXTERNAL_ACCOUNT:
            desk.run(TakeLiquidity, symbol="Y-PERP", side=BUY, price_ticks=100, quantity_lots=10)
        else:
            desk.place(long_of_y, BUY, 100, 10, "Y-PERP")
    desk.mark(150)
    return desk


def test_those_pay_who_won_from_the_move_that_made_it_bankrupt():
    desk = both_rose("t")
    # The loss in X is larger, but who won it has lost it since. `s` owes 350: 35 a lot, so 110 instead of 145.
    assert closed(desk.mark(145, "Y-PERP")) == [("t", -10, -1_100)]
    assert desk.equity("w") == 90 and desk.equity("s") == 0 and desk.position("s").lots == -10


def test_nobody_goes_bankrupt_for_the_bankruptcy_of_another():
    desk = both_rose(EXTERNAL_ACCOUNT)
    # The 90 of `w` bear two lots of ten at 35 each.
    assert closed(desk.mark(145, "Y-PERP")) == [("w", -2, -230), (EXTERNAL_ACCOUNT, -8, -920)]
    assert desk.equity("w") == 20 and desk.equity("s") == 0 and desk.position("s", "Y-PERP").lots == -10


def test_orders_of_a_counterparty_end_and_its_parts_are_merged():
    desk = PerpetualDesk("b", money=10_000, perpetual=LEVERED)
    desk.fund("a", 1_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 50)
    desk.run(SplitPosition, account="b", symbol="X-PERP", lots=20)
    desk.place("b", SELL, 150, 1, client_order_id="mine")
    desk.mark(100, "Y-PERP")
    desk.place("b", BUY, 50, 1, "Y-PERP", client_order_id="other")
    events = desk.mark(70)
    assert closed(events) == [("b", 50, 4_000)]
    assert [event.part for event in events if isinstance(event, PositionMerged)] == ["1"]
    ledger = desk.exchange.ledger
    mine, other = ledger.find("b", "X-PERP", 0, "mine"), ledger.find("b", "Y-PERP", 0, "other")
    assert mine is not None and mine.reason == "deleveraged" and other is not None and other.is_open


def test_an_isolated_counterparty_ranks_by_its_own_collateral():
    """`own` and `whole` hold the same; isolated it is levered 50 times, so it goes first whatever its name."""
    desk = PerpetualDesk("whole", "own", money=10_000, perpetual=LEVERED)
    desk.fund("a", 300)
    desk.mark(100)
    desk.run(SetMarginMode, account="own", symbol="X-PERP", isolated=True)
    desk.deal("a", "whole", 100, 10)
    desk.deal("a", "own", 100, 10)
    wallet = desk.wallet("own")
    assert closed(desk.mark(80)) == [("own", 10, 850), ("whole", 10, 850)]
    assert desk.wallet("own") == wallet + 20 + 150 and desk.position("own").isolated == 0


def test_a_bankrupt_account_with_two_positions_loses_the_one_that_lost():
    desk = PerpetualDesk("b", money=100_000, perpetual=LEVERED)
    desk.fund("a", 1_000)
    for symbol in ("X-PERP", "Y-PERP"):
        desk.mark(100, symbol)
    desk.deal("a", "b", 100, 10)
    desk.deal("a", "b", 100, 40, "Y-PERP")
    events = desk.mark(70, "Y-PERP")
    assert [event.symbol for event in events if isinstance(event, PositionDeleveraged)] == ["Y-PERP"]
    # 4000 paid and 1000 of collateral, so 3000 come back: 75 a lot where the mark is 70 and was 100.
    assert closed(events) == [("b", 40, 3_000)]
    assert desk.equity("a") == 0 and desk.position("a").lots == 10
    assert desk.exchange.margin.is_liquidating("a")


def test_the_world_takes_what_nobody_else_can():
    desk = PerpetualDesk(perpetual=LEVERED)
    desk.fund("a", 100)
    desk.mark(100)
    desk.place("a", BUY, 100, 10)
    desk.run(TakeLiquidity, symbol="X-PERP", side=SELL, price_ticks=100, quantity_lots=10)
    assert closed(desk.mark(80)) == [(EXTERNAL_ACCOUNT, 10, 900)]
    assert desk.position(EXTERNAL_ACCOUNT).lots == 0 and desk.equity("a") == 0
